"""What visitors search for, kept to improve the collection: a sample, the words alone, for ninety days.

Nothing tells who asked, or when beyond the day: no person, address, session or time, and ids are random, so that their
order says nothing either. Searches of people with an account never come here.
"""

import logging
import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import ColumnElement, Integer, Row, Select, delete, func, or_, select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from hub.database import Database, later, now
from hub.knowledge.models import LONGEST_SEARCH, SearchLog
from hub.search.types import Page

log = logging.getLogger(__name__)

PURGE = "search_log"
"""Kind of job: `{"day": "2026-11-24"}`, delete what was kept on that day and before."""
KEPT = timedelta(days=90)
SEVERAL = 3
"""Searches from which on it says something that nobody opened a result."""
MOST_ROWS = 50
MOST_EXPORTED = 10_000
_PERSONAL = re.compile(
    r"\S@\S|@\w|://|\bwww\."  # addresses, accounts and links
    r"|\d{6}"  # numbers of papers and cases; digits of every script
    r"|\+[\d(][\d\s().\-/]{5,}|\d(?:[\s().\-/]{0,2}\d){8}"  # telephones, and long numbers in groups
)
_MARK = re.compile(r"([0-9a-f]{32})-([1-9]\d{0,2})", re.ASCII)


def candidate(page: Page, share: float) -> SearchLog | None:
    """The row to keep of a visitor's search, for `share` of them, in [0, 1].

    None for what says little of the collection (further pages, filters, no words) and for what may be somebody's own: long
    texts, and words that look like an e-mail or web address, a telephone or another long number.
    """
    words = " ".join(page.query.text.lower().split())
    plain = words and len(words) <= LONGEST_SEARCH and not _PERSONAL.search(words) and words.isprintable()
    if not plain or page.query.offset or page.query.filters:
        return None
    if random.random() >= share:  # noqa: S311 - a sample, no secret
        return None
    return SearchLog(
        id=uuid4().hex,
        day=now().date(),
        text=words,
        language=page.language,
        mode=page.mode,
        total=page.total,
        weak="weak" in page.notes,
    )


def keep(database: Database, row: SearchLog) -> None:
    """Insert the row, in a transaction of its own. A failure is logged without the words, and goes no further."""
    day = row.day
    try:
        with database.transaction() as session:
            session.add(row)
            session.flush()
            if session.scalar(select(func.count()).where(SearchLog.day == day)) == 1:
                until = datetime.combine(day + KEPT, time(), UTC)
                later(session, PURGE, {"day": day.isoformat()}, run_at=until)
    except SQLAlchemyError as error:
        log.warning("a search was not kept: %s", type(error).__name__)


def mark(row: SearchLog, rank: int) -> str:
    """What the link to a hit carries, so that opening it is counted without a cookie."""
    return f"{row.id}-{rank}"


def opened(database: Database, given: str) -> None:
    """Note the rank of the first hit that was opened. Anything that is no mark, or no longer known, does nothing."""
    found = _MARK.fullmatch(given)
    if found is None:
        return
    change = (
        update(SearchLog)
        .where(SearchLog.id == found.group(1), SearchLog.clicked_rank.is_(None))
        .values(clicked_rank=int(found.group(2)))
    )
    try:
        with database.transaction() as session:
            session.execute(change)
    except SQLAlchemyError as error:
        log.warning("an opened result was not counted: %s", type(error).__name__)


def purge(_hub: object, session: Session, payload: Mapping[str, Any]) -> None:
    """The handler of `PURGE`. Does not commit."""
    session.execute(delete(SearchLog).where(SearchLog.day <= date.fromisoformat(payload["day"])))


@dataclass(frozen=True, slots=True)
class Asked:
    """One question of the sample. `unanswered`: how often nothing was found, or nothing that seems to answer."""

    text: str
    language: str | None
    searches: int
    unanswered: int
    opened: int


@dataclass(frozen=True, slots=True)
class Report:
    """`searches`: in all. Questions, most often asked first, at most `MOST_ROWS` each."""

    searches: int
    unanswered: Sequence[Asked]
    frequent: Sequence[Asked]
    seldom_opened: Sequence[Asked]


_SEARCHES = func.count()
_UNANSWERED = func.sum(or_(SearchLog.total == 0, SearchLog.weak).cast(Integer))
_OPENED = func.count(SearchLog.clicked_rank)


def report(session: Session) -> Report:
    seldom = (_SEARCHES >= SEVERAL) & (_OPENED * 5 <= _SEARCHES)
    return Report(
        searches=session.scalar(select(func.count()).select_from(SearchLog)) or 0,
        unanswered=_asked(session, _grouped(_UNANSWERED).having(_UNANSWERED > 0)),
        frequent=_asked(session, _grouped(_SEARCHES)),
        seldom_opened=_asked(session, _grouped(_SEARCHES).having(seldom)),
    )


def everything(session: Session) -> list[Asked]:
    """Every question, most often asked first, at most `MOST_EXPORTED`."""
    return _asked(session, _grouped(_SEARCHES), MOST_EXPORTED)


def _grouped(order: ColumnElement[Any]) -> Select[*tuple[Any, ...]]:
    asked = (SearchLog.text, SearchLog.language)
    return select(*asked, _SEARCHES, _UNANSWERED, _OPENED).group_by(*asked).order_by(order.desc(), *asked)


def _asked(session: Session, query: Select[*tuple[Any, ...]], limit: int = MOST_ROWS) -> list[Asked]:
    rows: Sequence[Row[Any]] = session.execute(query.limit(limit)).all()
    return [Asked(*row) for row in rows]
