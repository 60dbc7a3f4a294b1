"""What may be read of support requests: one, a list, what waits, the timeline, answers, matches. Always under `policy`:

a request that its reader may not see is not there.
"""

import base64
import binascii
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, ColumnExpressionArgument, exists, func, or_, select
from sqlalchemy.orm import Session, joinedload, selectinload

from hub import events
from hub.accounts import policy
from hub.accounts.models import EXPERT, FOCAL_POINT, SECRETARIAT, Membership
from hub.database import is_id
from hub.errors import BadRequest, Forbidden, NotFound
from hub.events import Event
from hub.network.models import Entity
from hub.support import clocks, gaps
from hub.support.lifecycle import (
    ALTERNATE,
    ANSWERED,
    CLARIFICATION,
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
REFERENCE_LENGTH = 20
OFFERS_WANTED_IN = (SUBMITTED, CLARIFICATION, TRIAGED, MATCHING, UNPLACED, PLANNING, IN_PROGRESS)
"""Statuses of a request in which its State can want an offer."""


@dataclass(frozen=True, slots=True)
class RequestPage:
    """`total` counts everything that the list would show; `cursor` continues it, None at its end."""

    rows: tuple[SupportRequest, ...]
    total: int
    cursor: str | None


@dataclass(frozen=True, slots=True)
class Task:
    """A request that waits for its reader; `due_at`: the deadline that is next, if one is running.

    `what`: triage, send, send_again (secretariat); resume, where the State has nobody; nobody,
    where an agency has; lead, where none leads; decide, plan, write, contribute (agency); reply, agree, read, join (State).
    """

    what: str
    request: SupportRequest
    due_at: datetime | None


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


def get(session: Session, membership: Membership | None, name: str) -> SupportRequest:
    """The request of that id or reference, as it is now. `NotFound` if there is none that this membership may read."""
    column = SupportRequest.id if is_id(name) else SupportRequest.reference
    row = None
    if len(name) <= REFERENCE_LENGTH * 2 and name.isascii() and name.isprintable():
        row = session.scalar(
            select(SupportRequest)
            .where(column == name, policy.visible(membership))
            .options(
                joinedload(SupportRequest.country),
                selectinload(SupportRequest.objectives),
                selectinload(SupportRequest.parties).joinedload(Party.entity).joinedload(Entity.agency),
                selectinload(SupportRequest.plans).joinedload(Plan.entity),
                selectinload(SupportRequest.clocks),
                selectinload(SupportRequest.conflicts),
            )
            .execution_options(populate_existing=True)
        )
    if row is None:
        raise NotFound("There is no such request, or it is not open to you.")
    return row


def list_visible(
    session: Session,
    membership: Membership | None,
    *,
    status: Collection[str] = (),
    limit: int = 20,
    cursor: str | None = None,
) -> RequestPage:
    """Requests that this membership may read, newest first; `status` empty: all. A cursor belongs to its list."""
    limit = max(1, min(limit, LARGEST_PAGE))
    shown = policy.visible(membership)
    if status:
        shown &= SupportRequest.status.in_(tuple(status))
    total = session.scalar(select(func.count()).select_from(SupportRequest).where(shown)) or 0
    wanted = shown if cursor is None else shown & (SupportRequest.id < _read_cursor(cursor))
    rows = _list(session, wanted, SupportRequest.id.desc(), limit=limit + 1)
    more = len(rows) > limit
    return RequestPage(tuple(rows[:limit]), total, _write_cursor(rows[limit - 1].id) if more else None)


def counts(session: Session, membership: Membership | None) -> Mapping[str, int]:
    """Status -> how many requests of that status this membership may read; statuses without any are left out."""
    rows = session.execute(
        select(SupportRequest.status, func.count())
        .where(policy.visible(membership))
        .group_by(SupportRequest.status)
        .order_by(SupportRequest.status)
    )
    return {row.status: row[1] for row in rows}


def tasks(session: Session, membership: Membership | None, *, request_id: str = "") -> list[Task]:
    """What waits for this membership, of one request or of all: the next deadline first, then what has none, oldest first."""
    if membership is None:
        return []
    waiting: list[tuple[str, ColumnElement[bool]]] = []
    proposed = exists().where(Plan.request_id == SupportRequest.id, Plan.status == PROPOSED)
    if membership.role == SECRETARIAT:
        may_send = policy.visible(membership, "send")
        waiting = [
            ("resume", policy.visible(membership, "resume") & SupportRequest.paused_at.is_not(None)),
            ("nobody", may_send & SupportRequest.status.in_(_from("remove")) & gaps.agency_deserted()),
            ("lead", may_send & SupportRequest.status.in_((PLANNING, IN_PROGRESS, MATCHING)) & ~gaps.has_lead()),
            ("send_again", may_send & (SupportRequest.status == UNPLACED)),
            ("send", may_send & (SupportRequest.status == TRIAGED)),
            ("triage", policy.visible(membership, "triage") & (SupportRequest.status == SUBMITTED)),
            ("offer", policy.visible(membership, "send") & _wants_offer()),
        ]
    elif membership.role == EXPERT:
        waiting = [
            ("decide", policy.visible(membership, "accept") & SupportRequest.status.in_(_from("accept"))),
            ("plan", policy.visible(membership, "propose") & (SupportRequest.status == PLANNING) & ~proposed),
            ("write", policy.visible(membership, "answer") & (SupportRequest.status == IN_PROGRESS)),
            (
                "contribute",
                policy.visible(membership, "contribute")
                & SupportRequest.status.in_((PLANNING, IN_PROGRESS))
                & ~gaps.handed_something(membership),
            ),
        ]
        waiting = [(what, condition & gaps.for_me_or_anybody(membership)) for what, condition in waiting]
    elif membership.role == FOCAL_POINT:
        waiting = [
            ("join", policy.visible(membership, "join") & SupportRequest.status.in_(_from("join"))),
            ("reply", policy.visible(membership, "reply") & (SupportRequest.status == CLARIFICATION)),
            ("agree", policy.visible(membership, "agree") & (SupportRequest.status == PLANNING) & proposed),
            ("read", policy.visible(membership, "close") & (SupportRequest.status == ANSWERED)),
        ]
    waiting = [
        (what, condition if what == "resume" else condition & SupportRequest.paused_at.is_(None))
        for what, condition in waiting
    ]
    if request_id:
        waiting = [(what, condition & (SupportRequest.id == request_id)) for what, condition in waiting]
    found = [
        Task(what, row, next_due(row))
        for what, condition in waiting
        for row in _list(session, condition, next_due_of().nulls_last(), SupportRequest.id, limit=LARGEST_PAGE)
    ]
    return sorted(
        found, key=lambda task: (task.due_at is None, task.due_at or task.request.created_at, task.request.id)
    )


def _wants_offer() -> ColumnElement[bool]:
    """Condition on `SupportRequest`: it wants an offer whose giver was not asked yet."""
    asked = exists().where(Party.request_id == WantedOffer.request_id, Party.entity_id == Offer.entity_id)
    return SupportRequest.status.in_(OFFERS_WANTED_IN) & exists().where(
        WantedOffer.request_id == SupportRequest.id,
        WantedOffer.dropped_at.is_(None),
        Offer.id == WantedOffer.offer_id,
        ~asked,
    )


def next_due(row: SupportRequest) -> datetime | None:
    """The next deadline of a request, if one is running."""
    return min((clock.due_at for clock in clocks.running(row)), default=None)


def next_due_of() -> ColumnElement[datetime]:
    """The same for a query of requests."""
    return (
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
    told = events.timeline(session, (SUBJECT, row.id), events.AUDIENCES)
    seen = [event for event in told if policy.hears(membership, row, event)]
    memberships = {
        one.id: one.entity
        for one in session.scalars(
            select(Membership)
            .where(Membership.id.in_({event.membership_id for event in seen if event.membership_id}))
            .options(joinedload(Membership.entity))
        )
    }
    named = {str(event.data[key]) for event in seen for key in ("entity", "for") if key in event.data}
    targets = {entity.id: entity for entity in session.scalars(select(Entity).where(Entity.id.in_(named)))}
    notes = {
        note.event_id: note.text
        for note in session.scalars(select(StepNote).where(StepNote.event_id.in_([event.id for event in seen])))
    }
    inside = membership is not None and membership.role == SECRETARIAT
    return [
        Entry(
            event,
            memberships.get(event.membership_id or ""),
            targets.get(str(event.data.get("entity", ""))),
            notes.get(event.id),
            event.reason if inside or event.reason != ALTERNATE else None,
            targets.get(str(event.data.get("for", ""))),
        )
        for event in seen
    ]


def answers(session: Session, membership: Membership | None, row: SupportRequest) -> list[Answer]:
    """Sent answers, and the draft of the reader's own agency, oldest first, with what they cite."""
    found = session.scalars(
        select(Answer)
        .where(Answer.request_id == row.id)
        .order_by(Answer.created_at, Answer.id)
        .options(joinedload(Answer.entity), selectinload(Answer.citations).joinedload(Citation.document))
        .execution_options(populate_existing=True)
    )
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


def _from(action: str) -> tuple[str, ...]:
    """Statuses from which the action leads somewhere."""
    return tuple(status for status, name in TRANSITIONS if name == action)


def _list(
    session: Session, condition: ColumnElement[bool], *order: ColumnExpressionArgument[Any], limit: int
) -> list[SupportRequest]:
    return list(
        session.scalars(
            select(SupportRequest)
            .where(condition)
            .order_by(*order)
            .limit(limit)
            .options(
                joinedload(SupportRequest.country),
                selectinload(SupportRequest.objectives),
                selectinload(SupportRequest.parties).joinedload(Party.entity),
                selectinload(SupportRequest.plans),
                selectinload(SupportRequest.clocks),
                selectinload(SupportRequest.conflicts),
            )
            .execution_options(populate_existing=True)
        )
    )


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
