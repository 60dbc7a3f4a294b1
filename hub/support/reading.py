"""What may be read of support requests: one, a list, what waits, the timeline, answers, matches. Always under `policy`:

a request that its reader may not see is not there.
"""

import base64
import binascii
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from sqlalchemy import ColumnElement, Select, case, exists, func, literal, or_, select, union_all
from sqlalchemy.orm import Session, joinedload, selectinload
from sqlalchemy.orm.attributes import set_committed_value
from sqlalchemy.orm.interfaces import ORMOption

from hub.accounts import policy
from hub.accounts.models import EXPERT, FOCAL_POINT, SECRETARIAT, Membership
from hub.database import is_id, now
from hub.errors import BadRequest, Forbidden, NotFound
from hub.events import Event
from hub.network.models import Entity
from hub.support import clocks, gaps
from hub.support.lifecycle import (
    ALTERNATE,
    ANSWERED,
    CLARIFICATION,
    DRAFT,
    IN_PROGRESS,
    MATCHING,
    PLANNING,
    SUBMITTED,
    TRANSITIONS,
    TRIAGED,
    UNPLACED,
    possible,
)
from hub.support.models import (
    PEER,
    PROPOSED,
    Answer,
    Citation,
    Clock,
    Offer,
    Party,
    Plan,
    StepNote,
    SupportRequest,
    WantedOffer,
)

if TYPE_CHECKING:
    from hub.matching.types import Matches, MatchRequest
    from hub.search.embedding import Embedder
    from hub.search.engine import SearchEngine

SUBJECT = "request"
"""`Event.subject_kind` of everything here."""
NOT_YOURS = "This step is for somebody else."
LARGEST_PAGE = 100
MOST_TASKS = 1_000
REFERENCE_LENGTH = 20
OFFERS_WANTED_IN = (SUBMITTED, CLARIFICATION, TRIAGED, MATCHING, UNPLACED, PLANNING, IN_PROGRESS)
"""Statuses of a request in which its State can want an offer."""


@dataclass(frozen=True, slots=True)
class Line:
    """A request as lists show it. `title`: None for who sees the outline alone. `due_at`: the next deadline, if one is running."""

    id: str
    reference: str
    country_id: str
    title: str | None
    status: str
    updated_at: datetime
    due_at: datetime | None


Row = TypeVar("Row", Line, SupportRequest)


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """`total` counts everything that the list would show; `cursor` continues it, None at its end."""

    rows: tuple[Row, ...]
    total: int
    cursor: str | None


@dataclass(frozen=True, slots=True)
class Task:
    """A request that waits for its reader. `what`: of `TASKS`."""

    what: str
    request: Line


@dataclass(frozen=True, slots=True)
class Entry:
    """One step of a timeline. `office`: the entity for which somebody acted; `target`: the agency it was about.

    `in_the_name_of`: another entity, for which the secretariat acted. `reason`: of the event, as far as it is the reader's to
    know: that an agency is asked because another declined is the secretariat's.
    """

    event: Event
    office: Entity | None
    target: Entity | None
    note: str | None
    reason: str | None
    in_the_name_of: Entity | None = None


@dataclass(frozen=True, slots=True)
class Kind:
    """What waits for whoever may take `action` on a request that is in one of `statuses` (empty: any), and where `also` holds.

    `paused`: only while it stands still; the others only while it does not. `dated`: it is due when the request's next
    deadline is; what is not comes last.
    """

    what: str
    action: str
    statuses: tuple[str, ...] = ()
    also: "Callable[[Membership], ColumnElement[bool]] | None" = None
    paused: bool = False
    dated: bool = True

    def waits(self, membership: Membership) -> ColumnElement[bool]:
        """Condition on `SupportRequest`."""
        paused = SupportRequest.paused_at
        found = policy.visible(membership, self.action) & (paused.is_not(None) if self.paused else paused.is_(None))
        if self.statuses:
            found &= SupportRequest.status.in_(self.statuses)
        return found & self.also(membership) if self.also else found

    def may_wait(self, membership: Membership, row: SupportRequest) -> bool:
        """The same of one request, but for `also`."""
        return (
            (not self.statuses or row.status in self.statuses)
            and self.paused == (row.paused_at is not None)
            and policy.can(membership, self.action, row)
        )


def _from(action: str) -> tuple[str, ...]:
    """Statuses from which the action leads somewhere."""
    return tuple(status for status, name in TRANSITIONS if name == action)


def _proposed(_: Membership) -> ColumnElement[bool]:
    return exists().where(Plan.request_id == SupportRequest.id, Plan.status == PROPOSED)


def _wants_offer(_: Membership) -> ColumnElement[bool]:
    """It wants an offer whose giver was not asked yet."""
    asked = exists().where(Party.request_id == WantedOffer.request_id, Party.entity_id == Offer.entity_id)
    return exists().where(
        WantedOffer.request_id == SupportRequest.id,
        WantedOffer.dropped_at.is_(None),
        Offer.id == WantedOffer.offer_id,
        ~asked,
    )


_mine = gaps.for_me_or_anybody
FINISH = "finish"
"""`Kind.what` of what somebody began and saved: a request, an answer, a contribution."""

TASKS: Mapping[str, tuple[Kind, ...]] = {
    SECRETARIAT: (
        Kind("resume", "resume", paused=True),
        Kind("nobody", "send", _from("remove"), lambda _: gaps.agency_deserted()),
        Kind("lead", "send", (PLANNING, IN_PROGRESS, MATCHING), lambda _: ~gaps.has_lead()),
        Kind("send_again", "send", (UNPLACED,)),
        Kind("send", "send", (TRIAGED,)),
        Kind("triage", "triage", (SUBMITTED,)),
        Kind("offer", "send", OFFERS_WANTED_IN, _wants_offer),
    ),
    EXPERT: (
        Kind("decide", "accept", _from("accept"), _mine),
        Kind("plan", "propose", (PLANNING,), lambda member: _mine(member) & ~_proposed(member)),
        Kind("write", "answer", (IN_PROGRESS,), _mine),
        Kind(
            "contribute",
            "contribute",
            (PLANNING, IN_PROGRESS),
            lambda member: _mine(member) & ~gaps.handed_something(member),
        ),
        Kind(
            FINISH,
            "draft_answer",
            _from("draft_answer"),
            lambda member: _mine(member) & gaps.began_answer(member),
            dated=False,
        ),
        Kind(
            FINISH,
            "draft_contribution",
            _from("draft_contribution"),
            lambda member: _mine(member) & gaps.began_contribution(member),
            dated=False,
        ),
    ),
    FOCAL_POINT: (
        Kind("join", "join", _from("join")),
        Kind("reply", "reply", (CLARIFICATION,)),
        Kind("agree", "agree", (PLANNING,), _proposed),
        Kind("read", "close", (ANSWERED,)),
        Kind(FINISH, "submit", (DRAFT,), dated=False),
    ),
}
"""Role -> what can wait for its members. resume: the State has nobody; nobody: an agency has nobody; lead: none leads."""


def get(session: Session, membership: Membership | None, name: str) -> SupportRequest:
    """The request of that id or reference, as it is now. `NotFound` if there is none that this membership may read."""
    column = SupportRequest.id if is_id(name) else SupportRequest.reference
    row = None
    if len(name) <= REFERENCE_LENGTH * 2 and name.isascii() and name.isprintable():
        row = (
            session.scalars(
                select(SupportRequest)
                .where(column == name, policy.visible(membership))
                .options(
                    joinedload(SupportRequest.country),
                    selectinload(SupportRequest.objectives),
                    selectinload(SupportRequest.parties).joinedload(Party.entity).joinedload(Entity.agency),
                    joinedload(SupportRequest.plans).joinedload(Plan.entity),  # one, mostly: no query of its own
                    selectinload(SupportRequest.clocks),
                    *_conflicts_of(membership),
                )
                .execution_options(populate_existing=True)
            )
            .unique()
            .one_or_none()
        )
    if row is None:
        raise NotFound("There is no such request, or it is not open to you.")
    return row


def _conflicts_of(membership: Membership | None) -> tuple[ORMOption, ...]:
    """How to load declared conflicts: those of experts and the secretariat depend on them."""
    asked = membership is not None and membership.role != FOCAL_POINT
    return (selectinload(SupportRequest.conflicts),) if asked else ()


def list_visible(
    session: Session,
    membership: Membership | None,
    *,
    status: Collection[str] = (),
    limit: int = 20,
    cursor: str | None = None,
) -> Page[SupportRequest]:
    """Requests that this membership may read, newest first; `status` empty: all. A cursor belongs to its list."""
    limit = max(1, min(limit, LARGEST_PAGE))
    shown = _shown(membership, status)
    total = session.scalar(select(func.count()).select_from(SupportRequest).where(shown)) or 0
    rows = session.scalars(
        _newest(select(SupportRequest).where(shown), limit, cursor)
        .options(
            selectinload(SupportRequest.objectives),
            selectinload(SupportRequest.parties).joinedload(Party.entity),
            selectinload(SupportRequest.plans),
            selectinload(SupportRequest.clocks),
            *_conflicts_of(membership),
        )
        .execution_options(populate_existing=True)
    ).all()
    return Page(tuple(rows[:limit]), total, _next(rows, limit))


def lines(
    session: Session,
    membership: Membership | None,
    *,
    status: Collection[str] = (),
    limit: int = 20,
    cursor: str | None = None,
) -> tuple[Page[Line], Mapping[str, int]]:
    """The same as a page shows it, and status -> how many requests of that status this membership may read."""
    limit = max(1, min(limit, LARGEST_PAGE))
    counted = counts(session, membership)
    found = _newest(select(*_columns(membership)).where(_shown(membership, status)), limit, cursor)
    rows = [Line(*row) for row in session.execute(found)]
    total = sum(count for each, count in counted.items() if not status or each in status)
    return Page(tuple(rows[:limit]), total, _next(rows, limit)), counted


def _shown(membership: Membership | None, status: Collection[str]) -> ColumnElement[bool]:
    shown = policy.visible(membership)
    return shown & SupportRequest.status.in_(tuple(status)) if status else shown


def _newest(found: Select[Any], limit: int, cursor: str | None) -> Select[Any]:
    """Newest first, and one more than asked for, which tells whether the list goes on."""
    if cursor is not None:
        found = found.where(SupportRequest.id < _read_cursor(cursor))
    return found.order_by(SupportRequest.id.desc()).limit(limit + 1)


def _next(rows: Sequence[Row], limit: int) -> str | None:
    return _write_cursor(rows[limit - 1].id) if len(rows) > limit else None


def _columns(membership: Membership | None) -> tuple[ColumnElement[Any], ...]:
    """What a `Line` is made of; a title that is not its reader's to see stays in the database."""
    title = case((policy.visible(membership, "details"), SupportRequest.title))
    return (
        SupportRequest.id.expression,
        SupportRequest.reference.expression,
        SupportRequest.country_id.expression,
        title,
        SupportRequest.status.expression,
        SupportRequest.updated_at.expression,
        next_due_of(),
    )


def counts(session: Session, membership: Membership | None) -> Mapping[str, int]:
    """Status -> how many requests of that status this membership may read; statuses without any are left out."""
    rows = session.execute(
        select(SupportRequest.status, func.count())
        .where(policy.visible(membership))
        .group_by(SupportRequest.status)
        .order_by(SupportRequest.status)
    )
    return {row.status: row[1] for row in rows}


def tasks(session: Session, membership: Membership | None, *, limit: int = MOST_TASKS) -> list[Task]:
    """What waits for this membership, the next deadline first, then what has none, then what was begun; oldest first."""
    if membership is None or not membership.active or membership.role not in TASKS:
        return []
    found = session.execute(
        _tasks(membership.id, membership.person_id, membership.entity_id, membership.role).limit(limit)
    )
    return [Task(what, Line(*columns)) for what, *columns in map(list, found)]


@lru_cache(maxsize=1024)
def _tasks(id_: str, person_id: str, entity_id: str, role: str) -> Select[Any]:
    """The query of `tasks`, kept for the reason of `policy.visible`: it follows from these alone and holds no data."""
    membership = Membership(id=id_, person_id=person_id, entity_id=entity_id, role=role, confirmed_at=now())
    each = [
        select(
            literal(kind.what).label("what"),
            literal(order).label("position"),
            literal(kind.dated).label("dated"),
            SupportRequest.id.label("id"),
        ).where(kind.waits(membership))
        for order, kind in enumerate(TASKS[role])
    ]
    waiting = union_all(*each).subquery()
    due = case((waiting.c.dated, next_due_of()))
    return (
        select(waiting.c.what, *_columns(membership)[:-1], due)
        .join(waiting, waiting.c.id == SupportRequest.id)
        .order_by(waiting.c.dated.desc(), due.nulls_last(), SupportRequest.id, waiting.c.position)
    )


def tasks_in(session: Session, membership: Membership | None, row: SupportRequest) -> list[str]:
    """What waits for this membership in one request: of `Task.what`."""
    if membership is None:
        return []
    kinds = [kind for kind in TASKS.get(membership.role, ()) if kind.may_wait(membership, row)]
    asked = [kind.also(membership) for kind in kinds if kind.also]
    if not asked:
        return [kind.what for kind in kinds]
    answers = iter(session.execute(select(*asked).where(SupportRequest.id == row.id)).one())
    return [kind.what for kind in kinds if kind.also is None or next(answers)]


def next_due(row: SupportRequest) -> datetime | None:
    """The next deadline of a request, if one is running."""
    return min((clock.due_at for clock in clocks.running(row)), default=None)


def next_due_of() -> ColumnElement[datetime]:
    """The same for a query of requests."""
    return _NEXT_DUE


_NEXT_DUE = (
    select(func.min(Clock.due_at))
    .where(Clock.request_id == SupportRequest.id, Clock.stopped_at.is_(None), Clock.paused_at.is_(None))
    .correlate(SupportRequest)
    .scalar_subquery()
)


def possible_actions(membership: Membership | None, row: SupportRequest) -> tuple[str, ...]:
    """Steps that this membership can take now."""
    return tuple(action for action in policy.actions(membership, row, possible(row.status)) if ready(row, action))


def ready(row: SupportRequest, action: str) -> bool:
    """Is there what the step is about?

    A plan to agree to or send back, an arrival that nobody acknowledged yet, a peer to share with, an agency whose part could
    end. While nobody of the State can act, nothing but going on is possible.
    """
    if action == "resume" or row.paused_at is not None:
        return action == "resume" and row.paused_at is not None
    if action == "remove":
        return any(party.role in policy.DELIVERY and party.until is None for party in row.parties)
    if action == "share":
        return any(party.role == PEER and party.state == "accepted" and party.until is None for party in row.parties)
    if action == "acknowledge":
        return any(clock.stage == clocks.ACKNOWLEDGE and clock.stopped_at is None for clock in row.clocks)
    return action not in {"agree", "send_back"} or row.proposed_plan is not None


def readable(membership: Membership | None, row: SupportRequest) -> bool:
    """May this membership read the request as it stands now, for instance after its own step?"""
    return policy.can(membership, "read", row)


def detailed(membership: Membership | None, row: SupportRequest) -> bool:
    """May this membership see more than State, objectives, language and summary?"""
    return policy.can(membership, "details", row)


def plans(membership: Membership | None, row: SupportRequest) -> list[Plan]:
    """Every plan that was proposed, oldest first."""
    return list(row.plans) if detailed(membership, row) else []


def shown_parties(membership: Membership | None, row: SupportRequest) -> list[Party]:
    """Who takes part. That an agency declined or left is the secretariat's to know; its own past is not shown to it.

    Who sees the outline alone sees the requesting States and itself.
    """
    if membership is not None and membership.role == SECRETARIAT:
        return list(row.parties)
    shown = [party for party in row.parties if party.until is None and party.state != "declined"]
    if detailed(membership, row) or membership is None:
        return shown
    return [party for party in shown if party.role in policy.TEAM or party.entity_id == membership.entity_id]


def history(session: Session, membership: Membership | None, row: SupportRequest) -> list[Entry]:
    """The timeline as this membership may see it, oldest first, with offices instead of persons.

    Who sees the outline alone, and a peer State, sees what was about the reader's own entity.
    """
    rows = session.execute(
        select(Event, Entity, StepNote.text)
        .outerjoin(Membership, Membership.id == Event.membership_id)
        .outerjoin(Entity, Entity.id == Membership.entity_id)
        .outerjoin(StepNote, StepNote.event_id == Event.id)
        .where(Event.subject_kind == SUBJECT, Event.subject_id == row.id)
        .order_by(Event.id)
    )
    seen = [(event, office, note) for event, office, note in rows if policy.hears(membership, row, event)]
    named = {str(event.data[key]) for event, _, _ in seen for key in ("entity", "for") if key in event.data}
    targets = {party.entity_id: party.entity for party in row.parties}
    if unknown := named - targets.keys():
        targets |= {entity.id: entity for entity in session.scalars(select(Entity).where(Entity.id.in_(unknown)))}
    inside = membership is not None and membership.role == SECRETARIAT
    return [
        Entry(
            event,
            office,
            targets.get(str(event.data.get("entity", ""))),
            note,
            event.reason if inside or event.reason != ALTERNATE else None,
            targets.get(str(event.data.get("for", ""))),
        )
        for event, office, note in seen
    ]


def answers(session: Session, membership: Membership | None, row: SupportRequest) -> list[Answer]:
    """Sent answers, and the draft of the reader's own agency, oldest first, with what they cite."""
    found = session.scalars(
        select(Answer)
        .where(Answer.request_id == row.id)
        .order_by(Answer.created_at, Answer.id)
        .options(joinedload(Answer.entity), selectinload(Answer.citations).joinedload(Citation.document))
        .execution_options(populate_existing=True)
    ).all()
    set_committed_value(row, "answers", list(found))  # which `Answer.number` looks at
    return [answer for answer in found if policy.can_read_answer(membership, answer, row)]


def matches(
    session: Session,
    membership: Membership | None,
    row: SupportRequest,
    *,
    embedder: "Embedder | None",
    engine: "SearchEngine | None",
    limit: int = 10,
) -> "Matches":
    """Who and what could help with a request. `Forbidden` to a reader who may not see that yet.

    What the secretariat knows beside public evidence counts for the secretariat alone. Whoever has a conflict of interest
    is not scored; that one was declared is the secretariat's to know, so for others it changes nothing.
    """
    if not policy.can(membership, "match", row):
        raise Forbidden(NOT_YOURS)
    from hub.matching import service  # noqa: PLC0415 - numpy and more, not needed to write a request
    from hub.support import conflicts, inside, vectors  # noqa: PLC0415 - which read by way of this module

    known = inside.for_reader(session, membership)
    return service.match(
        session,
        match_request(row),
        embedder=vectors.at_hand(session, row, embedder),
        engine=engine,
        limit=limit,
        view="secretariat" if known else "member",
        inside=known,
        excluded=conflicts.barred(session, row, declared=known is not None),
    )


def match_request(row: SupportRequest) -> "MatchRequest":
    """A request in the words of matching."""
    from hub.matching.types import MatchRequest  # noqa: PLC0415 - as above

    return MatchRequest(
        country=row.country_id,
        title=row.title,
        description=row.description,
        language=row.language,
        objectives=tuple(objective.number for objective in row.objectives),
    )


def for_operator(session: Session, name: str) -> SupportRequest:
    """Any request, for the person at the machine's command line, who can read the database anyway. Never for an edge."""
    row = session.scalar(select(SupportRequest).where(or_(SupportRequest.id == name, SupportRequest.reference == name)))
    if row is None:
        raise NotFound(f"There is no request {name}.")
    return row


def _write_cursor(id_: str) -> str:
    return base64.urlsafe_b64encode(id_.encode()).decode().rstrip("=")


def _read_cursor(cursor: str) -> str:
    try:
        id_ = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii")
    except (ValueError, binascii.Error):
        id_ = ""
    if not is_id(id_):
        raise BadRequest("This cursor is not one of ours; start the list again.")
    return id_
