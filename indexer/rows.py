"""What the indexer reads from the database: published records, as they are now."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session, selectinload

from hub.knowledge.models import Document

PUBLISHED = "published"
_MOST_IDS = 500
"""Ids in one query."""


@dataclass(frozen=True, slots=True)
class Drift:
    """Ids on which an index and the database differ. `behind`: missing there or older; `ahead`: newer there than here

    (a database restored from a backup); `gone`: held there but not published here.
    """

    behind: tuple[str, ...]
    ahead: tuple[str, ...]
    gone: tuple[str, ...]


def count(session: Session) -> int:
    return session.scalar(select(func.count()).where(Document.status == PUBLISHED)) or 0


def chunks(session: Session, size: int) -> Iterator[list[Document]]:
    """All published records in order of id. Each chunk is read anew, so that no long transaction stays open."""
    last = ""
    while ids := session.scalars(
        select(Document.id).where(Document.status == PUBLISHED, Document.id > last).order_by(Document.id).limit(size)
    ).all():
        yield read(session, ids)
        session.rollback()
        session.expunge_all()
        last = ids[-1]


def read(session: Session, ids: Sequence[str]) -> list[Document]:
    """The published ones among `ids`, with what an index shows of them, in order of id."""
    rows: list[Document] = []
    for start in range(0, len(ids), _MOST_IDS):
        rows += session.scalars(
            select(Document)
            .where(Document.id.in_(ids[start : start + _MOST_IDS]), Document.status == PUBLISHED)
            .options(selectinload(Document.countries), selectinload(Document.objectives))
        )
    return sorted(rows, key=lambda row: row.id)


def versions(session: Session, ids: Sequence[str]) -> dict[str, int]:
    """Id -> version of those that are in the database, published or not."""
    found: dict[str, int] = {}
    for start in range(0, len(ids), _MOST_IDS):
        query = select(Document.id, Document.version).where(Document.id.in_(ids[start : start + _MOST_IDS]))
        found.update((id_, version) for id_, version in session.execute(query))
    return found


def drift(session: Session, held: Mapping[str, int]) -> Drift:
    """Compare (id, version) of the published records with what an index holds."""
    behind: list[str] = []
    ahead: list[str] = []
    known: set[str] = set()
    query = select(Document.id, Document.version).where(Document.status == PUBLISHED).order_by(Document.id)
    for id_, version in session.execute(query.execution_options(yield_per=10_000)):
        known.add(id_)
        if held.get(id_, -1) < version:
            behind.append(id_)
        elif held[id_] > version:
            ahead.append(id_)
    return Drift(tuple(behind), tuple(ahead), tuple(sorted(id_ for id_ in held if id_ not in known)))
