"""The secretariat's desk: what waits, in the order of its clocks; one step for many requests at once; who has how much."""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, select, true
from sqlalchemy.orm import Session, joinedload, selectinload

from hub.accounts import policy
from hub.accounts.models import SECRETARIAT, Membership
from hub.database import is_id
from hub.errors import BadRequest, Forbidden, HubError, Invalid
from hub.network.models import Entity
from hub.support import clocks, reading, triage
from hub.support.lifecycle import ANSWERED, IN_PROGRESS, MATCHING, PLANNING, SUBMITTED, TRIAGED, UNPLACED
from hub.support.models import Party, SupportRequest

MANY: Mapping[str, Callable[..., SupportRequest]] = {
    "acknowledge": triage.acknowledge,
    "triage": triage.triage,
    "send": triage.send,
    "decline": triage.decline,
}
"""Steps that can be taken for many requests at once."""
MOST = 100
WAITING = (SUBMITTED, TRIAGED, UNPLACED, MATCHING)
OPEN = (SUBMITTED, TRIAGED, MATCHING, UNPLACED, PLANNING, IN_PROGRESS)


@dataclass(frozen=True, slots=True)
class Outcome:
    """`detail`: why it was not done, in English; empty if it was. `reference` is None for what the caller may not read."""

    id: str
    reference: str | None
    detail: str

    @property
    def done(self) -> bool:
        return not self.detail


@dataclass(frozen=True, slots=True)
class Load:
    """What an agency has of the requests that are open: asked for, accepted, of these late; and what it declined ever."""

    agency: Entity
    asked: int
    accepted: int
    overdue: int
    declined: int


@dataclass(frozen=True, slots=True)
class Shortage:
    """An objective of the Compact that open requests name, and for how many of these no agency has accepted."""

    objective: int
    open: int
    without: int


def waiting(
    session: Session, membership: Membership | None, *, cursor: str | None = None, limit: int = MOST
) -> tuple[list[SupportRequest], str | None]:
    """Requests that wait for the secretariat or for an agency's word, the next deadline first, and what continues the list.

    A cursor stands for the deadline and the id of the last request shown: steps taken meanwhile make nothing be left out.
    """
    check(membership)
    wanted = policy.visible(membership) & SupportRequest.status.in_(WAITING) & SupportRequest.paused_at.is_(None)
    if cursor is not None:
        wanted &= _after(cursor)
    rows = _listed(session, wanted, limit=limit + 1)
    more = len(rows) > limit
    rows = rows[:limit]
    return rows, _cursor(rows[-1]) if more else None


def _cursor(row: SupportRequest) -> str:
    due = reading.next_due(row)
    return f"{due.isoformat() if due else ''}~{row.id}"


def _after(cursor: str) -> ColumnElement[bool]:
    """Condition for what comes after a cursor. Without a deadline is after every deadline."""
    day, _, id_ = cursor.partition("~")
    try:
        due = datetime.fromisoformat(day) if day else None
    except ValueError:
        due = None
        id_ = ""
    if not is_id(id_) or (due and due.tzinfo is None):
        raise BadRequest("This cursor is not one of ours; start the list again.")
    column = reading.next_due_of()
    if due is None:
        return column.is_(None) & (SupportRequest.id > id_)
    return (column > due) | ((column == due) & (SupportRequest.id > id_)) | column.is_(None)


def overdue(session: Session, membership: Membership | None, at: datetime) -> list[tuple[SupportRequest, list[str]]]:
    """Requests of which a date has passed, the oldest first, with the stages that are late."""
    found = [(row, late_stages(row, at)) for row in _open(session, membership, (*OPEN, ANSWERED))]
    return [(row, stages) for row, stages in found if stages]


def late_stages(row: SupportRequest, at: datetime) -> list[str]:
    return [clock.stage for clock in clocks.running(row) if clock.overdue(at)]


def many(
    session: Session,
    membership: Membership | None,
    action: str,
    picked: Sequence[tuple[str, int]],
    values_of: Callable[[SupportRequest], Mapping[str, Any]],
) -> list[Outcome]:
    """Take one step for each (id, version seen), each in its own transaction: what cannot be done changes nothing else.

    `values_of`: what the step takes for a request besides the version; it may raise too.
    """
    check(membership)
    if action not in MANY:
        raise Invalid({"action": ["Choose one."]})
    outcomes: list[Outcome] = []
    for name, version in picked[:MOST]:
        reference: str | None = None
        detail = ""
        try:
            row = reading.get(session, membership, name)
            reference = row.reference
            MANY[action](session, membership, row.id, version=version, **values_of(row))
        except HubError as error:
            session.rollback()
            errors: Mapping[str, Sequence[str]] = getattr(error, "errors", {})
            detail = (
                " ".join(sentence for field in errors.values() for sentence in field) or error.detail or error.title
            )
        outcomes.append(Outcome(name, reference, detail))
    return outcomes


def loads(session: Session, membership: Membership | None, at: datetime) -> list[Load]:
    """Of every agency that was ever asked, the most accepted first."""
    check(membership)
    return all_loads(session, at)


def all_loads(session: Session, at: datetime) -> list[Load]:
    """The same for the person at the machine's command line. Never for an edge."""
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    names: dict[str, Entity] = {}
    parties = session.scalars(
        select(Party)
        .where(Party.role.in_(policy.DELIVERY))
        .options(joinedload(Party.entity), joinedload(Party.request).options(selectinload(SupportRequest.clocks)))
    )
    for party in parties:
        names[party.entity_id] = party.entity
        count = counts[party.entity_id]
        if party.state == "declined":
            count["declined"] += 1
        elif party.until is None and party.request.status in OPEN:
            count["asked" if party.state == "sent" else "accepted"] += 1
            if party.state == "accepted" and {"plan", "answer"} & set(late_stages(party.request, at)):
                count["overdue"] += 1
    found = [
        Load(names[id_], count["asked"], count["accepted"], count["overdue"], count["declined"])
        for id_, count in counts.items()
    ]
    return sorted(found, key=lambda one: (-one.accepted, -one.asked, one.agency.id))


def shortages(session: Session, membership: Membership | None) -> list[Shortage]:
    """Objectives of open requests that nobody has accepted, the most wanted first."""
    check(membership)
    return all_shortages(session)


def all_shortages(session: Session) -> list[Shortage]:
    """As `all_loads`."""
    asked: Counter[int] = Counter()
    without: Counter[int] = Counter()
    for row in _listed(session, SupportRequest.status.in_(OPEN)):
        taken = any(
            party.role in policy.DELIVERY and party.state == "accepted" and party.until is None for party in row.parties
        )
        for objective in row.objectives:
            asked[objective.number] += 1
            without[objective.number] += not taken
    found = [Shortage(number, asked[number], count) for number, count in without.items() if count]
    return sorted(found, key=lambda one: (-one.without, one.objective))


def check(membership: Membership | None) -> Membership:
    if membership is None or membership.role != SECRETARIAT or not membership.active:
        raise Forbidden(reading.NOT_YOURS)
    return membership


def _open(session: Session, membership: Membership | None, statuses: Sequence[str]) -> list[SupportRequest]:
    return _listed(session, policy.visible(membership) & SupportRequest.status.in_(statuses))


def for_operator(session: Session, statuses: Sequence[str] = ()) -> list[SupportRequest]:
    """Every request that was submitted, or those in one of `statuses`, as `all_loads`."""
    chosen = SupportRequest.status.in_(statuses) if statuses else true()
    return _listed(session, SupportRequest.status.not_in(policy.UNSEEN) & chosen)


def _listed(session: Session, wanted: ColumnElement[bool], *, limit: int | None = None) -> list[SupportRequest]:
    rows = session.scalars(
        select(SupportRequest)
        .where(wanted)
        .order_by(reading.next_due_of().nulls_last(), SupportRequest.id)
        .limit(limit)
        .options(
            joinedload(SupportRequest.country),
            selectinload(SupportRequest.objectives),
            selectinload(SupportRequest.parties).joinedload(Party.entity),
            selectinload(SupportRequest.plans),
            selectinload(SupportRequest.clocks),
        )
        .execution_options(populate_existing=True)
    )
    return list(rows)
