"""What people do with support requests: write, submit, triage, send to agencies, plan, answer, close.

Every verb finds the request under `policy` (one that its caller may not read is not there), looks the step up in
`lifecycle.TRANSITIONS`, asks `policy` again, writes `where version = seen`, and adds an event and a notice, all in one
commit. Whatever goes wrong before that commit leaves nothing behind.
"""

import base64
import binascii
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, ColumnExpressionArgument, exists, func, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, joinedload, selectinload

from hub import events
from hub.accounts import policy
from hub.accounts.models import EXPERT, FOCAL_POINT, SECRETARIAT, Membership
from hub.database import is_id, later, new_id, now
from hub.errors import BadRequest, Forbidden, IllegalTransition, Invalid, NotFound, StaleVersion
from hub.events import Event
from hub.knowledge.models import Document
from hub.network.models import AGENCY, STATE, Agency, Entity
from hub.search import text
from hub.support import clocks
from hub.support.lifecycle import (
    ANSWERED,
    CLARIFICATION,
    DRAFT,
    IN_PROGRESS,
    PLANNING,
    SUBMITTED,
    TRANSITIONS,
    TRIAGED,
    UNPLACED,
    possible,
)
from hub.support.models import (
    AGREED,
    CO_REQUESTING,
    LEAD,
    PEER,
    PROPOSED,
    REPLACED,
    REQUESTING,
    SENT_BACK,
    Answer,
    Citation,
    Clock,
    Party,
    Plan,
    RequestCounter,
    RequestObjective,
    StepNote,
    SupportRequest,
)

if TYPE_CHECKING:
    from hub.matching.types import Matches, MatchRequest
    from hub.search.embedding import Embedder
    from hub.search.engine import SearchEngine

SUBJECT = "request"
"""`Event.subject_kind` of everything here."""
REFUSALS = ("no_capacity", "outside_mandate", "conflict_of_interest", "other")
"""Why an agency does not take a request."""
DECLINES = ("outside_scope", "incomplete", "duplicate", "other")
"""Why the secretariat does not take one on."""
IN_SCOPE = "in_scope"
ELIGIBLE = (IN_SCOPE, "partly_in_scope", "other")
"""What the secretariat found when it takes one on."""
LARGEST_PAGE = 100
REFERENCE_LENGTH = 20

CHANGED = "Somebody else changed this request since you opened it."
ANSWER_CHANGED = "A colleague changed this draft answer since you opened it."
NOT_NOW = "The request has moved on: this step is not possible in its present status."
NOT_YOURS = "This step is for somebody else."


@dataclass(frozen=True, slots=True)
class RequestData:
    """What a focal point writes. `language` None: detected. `country` None: the writer's own State.

    `summary`: what an agency may see before it accepts.
    """

    title: str
    description: str
    language: str | None = None
    objectives: tuple[int, ...] = ()
    country: str | None = None
    summary: str = ""


@dataclass(frozen=True, slots=True)
class AnswerData:
    """What an expert writes. `citations`: ids or slugs of published records, in order. `language` None: detected."""

    text: str
    language: str | None = None
    citations: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PlanData:
    """What a lead proposes. `steps` in order; `target_on`: when the answer is to be there. `language` None: detected."""

    text: str
    steps: tuple[str, ...] = ()
    target_on: date | None = None
    language: str | None = None


@dataclass(frozen=True, slots=True)
class RequestPage:
    """`total` counts everything that the list would show; `cursor` continues it, None at its end."""

    rows: tuple[SupportRequest, ...]
    total: int
    cursor: str | None


@dataclass(frozen=True, slots=True)
class Task:
    """A request that waits for its reader; `due_at`: the deadline that is next, if one is running.

    `what`: triage, send, send_again (secretariat); decide, plan, write (agency); reply, agree, read, join (State).
    """

    what: str
    request: SupportRequest
    due_at: datetime | None


@dataclass(frozen=True, slots=True)
class Entry:
    """One step of a timeline. `office`: the entity for which somebody acted; `target`: the agency it was about."""

    event: Event
    office: Entity | None
    target: Entity | None
    note: str | None


# Reading


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


def tasks(session: Session, membership: Membership | None) -> list[Task]:
    """What waits for this membership: the next deadline first, then what has none, oldest first."""
    if membership is None:
        return []
    waiting: list[tuple[str, ColumnElement[bool]]] = []
    proposed = exists().where(Plan.request_id == SupportRequest.id, Plan.status == PROPOSED)
    if membership.role == SECRETARIAT:
        may_send = policy.visible(membership, "send")
        waiting = [
            ("send_again", may_send & (SupportRequest.status == UNPLACED)),
            ("send", may_send & (SupportRequest.status == TRIAGED)),
            ("triage", policy.visible(membership, "triage") & (SupportRequest.status == SUBMITTED)),
        ]
    elif membership.role == EXPERT:
        waiting = [
            ("decide", policy.visible(membership, "accept") & SupportRequest.status.in_(_from("accept"))),
            ("plan", policy.visible(membership, "propose") & (SupportRequest.status == PLANNING) & ~proposed),
            ("write", policy.visible(membership, "answer") & (SupportRequest.status == IN_PROGRESS)),
        ]
    elif membership.role == FOCAL_POINT:
        waiting = [
            ("join", policy.visible(membership, "join") & SupportRequest.status.in_(_from("join"))),
            ("reply", policy.visible(membership, "reply") & (SupportRequest.status == CLARIFICATION)),
            ("agree", policy.visible(membership, "agree") & (SupportRequest.status == PLANNING) & proposed),
            ("read", policy.visible(membership, "close") & (SupportRequest.status == ANSWERED)),
        ]
    found = [
        Task(what, row, next_due(row))
        for what, condition in waiting
        for row in _list(session, condition, _next_due().nulls_last(), SupportRequest.id, limit=LARGEST_PAGE)
    ]
    return sorted(
        found, key=lambda task: (task.due_at is None, task.due_at or task.request.created_at, task.request.id)
    )


def next_due(row: SupportRequest) -> datetime | None:
    """The next deadline of a request, if one is running."""
    return min((clock.due_at for clock in clocks.running(row)), default=None)


def _next_due() -> ColumnElement[datetime]:
    """The same for a query of requests."""
    return (
        select(func.min(Clock.due_at))
        .where(Clock.request_id == SupportRequest.id, Clock.stopped_at.is_(None), Clock.paused_at.is_(None))
        .correlate(SupportRequest)
        .scalar_subquery()
    )


def possible_actions(membership: Membership | None, row: SupportRequest) -> tuple[str, ...]:
    """Steps that this membership can take now."""
    return tuple(action for action in policy.actions(membership, row, possible(row.status)) if _ready(row, action))


def _ready(row: SupportRequest, action: str) -> bool:
    """Is there what the step is about?

    A plan to agree to or send back, an arrival that nobody acknowledged yet, a peer to share with.
    """
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
    seen = events.timeline(session, (SUBJECT, row.id), policy.audiences(membership, row))
    peer = membership is not None and membership.role == FOCAL_POINT and not policy.can(membership, "edit", row)
    if membership is not None and (peer or not detailed(membership, row)):
        seen = [one for one in seen if one.data.get("entity") == membership.entity_id]
    memberships = {
        one.id: one.entity
        for one in session.scalars(
            select(Membership)
            .where(Membership.id.in_({event.membership_id for event in seen if event.membership_id}))
            .options(joinedload(Membership.entity))
        )
    }
    named = {str(event.data["entity"]) for event in seen if "entity" in event.data}
    targets = {entity.id: entity for entity in session.scalars(select(Entity).where(Entity.id.in_(named)))}
    notes = {
        note.event_id: note.text
        for note in session.scalars(select(StepNote).where(StepNote.event_id.in_([event.id for event in seen])))
    }
    return [
        Entry(
            event,
            memberships.get(event.membership_id or ""),
            targets.get(str(event.data.get("entity", ""))),
            notes.get(event.id),
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
    """Who and what could help with a request. `Forbidden` to a reader who may not see that yet."""
    if not policy.can(membership, "match", row):
        raise Forbidden(NOT_YOURS)
    from hub.matching import service  # noqa: PLC0415 - numpy and more, not needed to write a request

    return service.match(session, match_request(row), embedder=embedder, engine=engine, limit=limit)


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


# The State


def draft(
    session: Session, membership: Membership | None, data: RequestData, *, key: str | None = None, submit: bool = False
) -> SupportRequest:
    """Write a new request for the writer's own State and keep it as a draft, or submit it at once.

    `key` names this act of writing: the same key with the same words gives the request made the first time; with other
    words `StaleVersion`, which carries that request's `id` and `reference`.
    """
    if membership is None or not policy.can_create(membership, data.country or membership.entity_id):
        raise Forbidden("Only the focal points of a State write its requests.")
    reference = _next_reference(session)  # first: it holds back a second request with the same key
    earlier = key and session.scalar(
        select(SupportRequest).where(SupportRequest.created_by == membership.id, SupportRequest.submission_key == key)
    )
    if earlier:
        session.rollback()
        return _repeat(session, membership, earlier, data, submit=submit)
    row = SupportRequest(
        id=new_id(),
        reference=reference,
        country_id=membership.entity_id,
        title=data.title,
        description=data.description,
        summary=data.summary,
        language=_language(data.language, data.title, data.description, membership),
        status=DRAFT,
        created_by=membership.id,
        submission_key=key,
        version=1,
        objectives=[RequestObjective(number=number) for number in sorted(set(data.objectives))],
        parties=[Party(entity_id=membership.entity_id, role=REQUESTING)],
    )
    session.add(row)
    session.flush()
    tell(session, membership, row, "draft", audience="requesting", before=None)
    if submit:
        take(session, membership, row, "submit", 1, submitted_at=now())
    _finish(session, row, "submit" if submit else "draft")
    return row


def _repeat(
    session: Session, membership: Membership, earlier: SupportRequest, data: RequestData, *, submit: bool
) -> SupportRequest:
    row = get(session, membership, earlier.id)
    same = (
        row.title == data.title
        and row.description == data.description
        and row.summary == data.summary
        and [objective.number for objective in row.objectives] == sorted(set(data.objectives))
        and (data.language is None or row.language == data.language)
    )
    if not same:
        detail = "This form was already saved, with other words. Continue with the saved request."
        raise StaleVersion(detail, version=row.version, id=row.id, reference=row.reference)
    if submit and row.status == DRAFT:
        take(session, membership, row, "submit", row.version, submitted_at=now())
        _finish(session, row, "submit")
    return row


def edit(
    session: Session, membership: Membership | None, name: str, data: RequestData, *, version: int
) -> SupportRequest:
    """Replace the words of a request that was not sent to anybody yet."""
    row = get(session, membership, name)
    if data.country not in {None, row.country_id}:
        raise Invalid({"country": ["A request stays with the State that wrote it."]})
    acting = _check(membership, row, "edit", version)
    take(
        session,
        acting,
        row,
        "edit",
        version,
        title=data.title,
        description=data.description,
        summary=data.summary,
        language=_language(data.language, data.title, data.description, acting),
    )
    kept = {objective.number: objective for objective in row.objectives}
    row.objectives = [kept.get(number) or RequestObjective(number=number) for number in sorted(set(data.objectives))]
    _finish(session, row, "edit")
    return row


def submit(session: Session, membership: Membership | None, name: str, *, version: int) -> SupportRequest:
    """Hand a draft to the secretariat."""
    row = get(session, membership, name)
    acting = _check(membership, row, "submit", version)
    take(session, acting, row, "submit", version, submitted_at=now())
    _finish(session, row, "submit")
    return row


def withdraw(
    session: Session, membership: Membership | None, name: str, *, version: int, note: str = ""
) -> SupportRequest:
    """Take a request back. A draft is discarded: nobody but its team ever learns of it."""
    row = get(session, membership, name)
    acting = _check(membership, row, "withdraw", version)
    take(session, acting, row, "withdraw", version, note=note)
    _finish(session, row, "withdraw")
    return row


def reply(
    session: Session, membership: Membership | None, name: str, *, version: int, note: str = ""
) -> SupportRequest:
    """Answer the secretariat's question: by `note`, or by having changed the words since it was asked."""
    row = get(session, membership, name)
    acting = _check(membership, row, "reply", version)
    question = session.scalar(
        select(Event)
        .where(Event.subject_kind == SUBJECT, Event.subject_id == row.id, Event.action == "ask")
        .order_by(Event.id.desc())
        .limit(1)
    )
    if not note.strip() and question is not None and question.version == row.version:
        raise Invalid({"note": ["Write a reply, or change the words of the request first."]})
    take(session, acting, row, "reply", version, note=note)
    _finish(session, row, "reply")
    return row


def agree(session: Session, membership: Membership | None, name: str, *, version: int) -> SupportRequest:
    """Accept the plan that is proposed."""
    return _decide(session, membership, name, "agree", AGREED, version=version)


def send_back(session: Session, membership: Membership | None, name: str, *, version: int, note: str) -> SupportRequest:
    """Ask for another plan; `note` says what should be different."""
    if not note.strip():
        raise Invalid({"note": ["Say in a sentence why."]})
    return _decide(session, membership, name, "send_back", SENT_BACK, version=version, note=note)


def _decide(
    session: Session,
    membership: Membership | None,
    name: str,
    action: str,
    status: str,
    *,
    version: int,
    note: str = "",
) -> SupportRequest:
    row = get(session, membership, name)
    acting = _check(membership, row, action, version)
    plan = row.proposed_plan
    take(session, acting, row, action, version, note=note, data={"plan": plan.id} if plan else None)
    if plan:
        plan.status, plan.decided_at = status, now()
    _finish(session, row, action)
    return row


def close(session: Session, membership: Membership | None, name: str, *, version: int) -> SupportRequest:
    """Say that the answer is enough."""
    row = get(session, membership, name)
    acting = _check(membership, row, "close", version)
    take(session, acting, row, "close", version, closed_at=now())
    _finish(session, row, "close")
    return row


def reopen(
    session: Session, membership: Membership | None, name: str, *, version: int, note: str = ""
) -> SupportRequest:
    """Ask the agencies that accepted to go on; `note` says what is missing."""
    row = get(session, membership, name)
    acting = _check(membership, row, "reopen", version)
    take(session, acting, row, "reopen", version, note=note, closed_at=None)
    _finish(session, row, "reopen")
    return row


def lapse(session: Session, row: SupportRequest, *, at: datetime) -> None:
    """End a request whose State has not answered by the day that was announced. For the job that looks at the clock,

    which commits; nobody takes this step.
    """
    take(session, None, row, "lapse", row.version)
    clocks.follow(session, row, "lapse", at)


# The secretariat


def acknowledge(session: Session, membership: Membership | None, name: str, *, version: int) -> SupportRequest:
    """Say that the request was seen and will be looked at."""
    row = get(session, membership, name)
    acting = _check(membership, row, "acknowledge", version)
    take(session, acting, row, "acknowledge", version)
    _finish(session, row, "acknowledge")
    return row


def triage(
    session: Session,
    membership: Membership | None,
    name: str,
    *,
    version: int,
    reason: str = IN_SCOPE,
    note: str = "",
) -> SupportRequest:
    """Take a request on. `reason`: one of `ELIGIBLE`; `other` needs a note."""
    row = get(session, membership, name)
    acting = _check(membership, row, "triage", version)
    _check_reason(reason, ELIGIBLE, note)
    take(session, acting, row, "triage", version, reason=reason, note=note)
    _finish(session, row, "triage")
    return row


def ask(session: Session, membership: Membership | None, name: str, *, version: int, note: str) -> SupportRequest:
    """Return a request to its State with a question, `note`, which only the State's team sees."""
    row = get(session, membership, name)
    acting = _check(membership, row, "ask", version)
    if not note.strip():
        raise Invalid({"note": ["Write the question."]})
    take(session, acting, row, "ask", version, note=note)
    _finish(session, row, "ask")
    return row


def send(
    session: Session,
    membership: Membership | None,
    name: str,
    agency: str,
    *,
    version: int,
    role: str = LEAD,
    confirm_unverified: bool = False,
) -> SupportRequest:
    """Give an agency (its id or acronym) access and ask it to take part as `lead` or `contributor`.

    Sending what was not triaged yet finds it within scope. An agency whose membership of the Network is not verified
    needs `confirm_unverified`. One that has the request
    already is refused; one that declined or left may be asked again.
    """
    row = get(session, membership, name)
    acting = _check(membership, row, "send", version)
    entity = session.scalar(
        select(Entity)
        .join(Agency)
        .where(Entity.kind == AGENCY, or_(Entity.id == agency, Agency.acronym == agency))
        .options(joinedload(Entity.agency))
    )
    if entity is None or entity.agency is None:
        raise Invalid({"agency": ["There is no such agency in the Network's list."]})
    if role not in policy.DELIVERY:
        raise Invalid({"role": ["An agency is lead or contributor."]})
    if any(
        party.entity_id == entity.id and party.role in policy.DELIVERY and party.until is None for party in row.parties
    ):
        raise Invalid({"agency": ["This agency has the request already."]})
    if not entity.agency.verified and not confirm_unverified:
        sentence = "This agency's membership of the Network is not verified. Confirm that you send it all the same."
        raise Invalid({"confirm_unverified": [sentence]})
    found = IN_SCOPE if row.status == SUBMITTED else None
    take(session, acting, row, "send", version, reason=found, data={"entity": entity.id, "role": role})
    _add_party(row, entity.id, role)
    _finish(session, row, "send")
    return row


def decline(
    session: Session, membership: Membership | None, name: str, *, version: int, reason: str, note: str = ""
) -> SupportRequest:
    """Not take a request on. `reason`: one of `DECLINES`; `other` needs a note."""
    row = get(session, membership, name)
    acting = _check(membership, row, "decline", version)
    _check_reason(reason, DECLINES, note)
    take(session, acting, row, "decline", version, reason=reason, note=note)
    _finish(session, row, "decline")
    return row


# Other States


def invite(session: Session, membership: Membership | None, name: str, *, version: int, country: str) -> SupportRequest:
    """Invite another State, by its ISO alpha-3 code, to ask together. Its focal points decide."""
    return _ask_state(session, membership, name, "invite", CO_REQUESTING, version=version, country=country)


def ask_peer(
    session: Session, membership: Membership | None, name: str, *, version: int, country: str
) -> SupportRequest:
    """Ask another State whether it may be contacted as a peer. It sees the outline alone."""
    return _ask_state(session, membership, name, "ask_peer", PEER, version=version, country=country)


def _ask_state(
    session: Session, membership: Membership | None, name: str, action: str, role: str, *, version: int, country: str
) -> SupportRequest:
    row = get(session, membership, name)
    acting = _check(membership, row, action, version)
    state = session.scalar(select(Entity).where(Entity.id == country, Entity.kind == STATE))
    if state is None:
        raise Invalid({"country": ["There is no such State."]})
    if any(party.entity_id == state.id and party.until is None for party in row.parties):
        raise Invalid({"country": ["This State takes part already, or was asked."]})
    take(session, acting, row, action, version, data={"entity": state.id, "role": role})
    _add_party(row, state.id, role)
    _finish(session, row, action)
    return row


def join(session: Session, membership: Membership | None, name: str, *, version: int) -> SupportRequest:
    """Agree, for the State that was asked, to be a peer or to ask together."""
    row = get(session, membership, name)
    acting = _check(membership, row, "join", version)
    take(session, acting, row, "join", version, data={"entity": acting.entity_id})
    for party in _own_parties(acting, row, (CO_REQUESTING, PEER)):
        party.state = "active" if party.role == CO_REQUESTING else "accepted"
    _finish(session, row, "join")
    return row


def stay_out(session: Session, membership: Membership | None, name: str, *, version: int) -> SupportRequest:
    """Not agree to it: the State that was asked sees nothing of the request any more. No reason is asked for."""
    row = get(session, membership, name)
    acting = _check(membership, row, "stay_out", version)
    take(session, acting, row, "stay_out", version, data={"entity": acting.entity_id})
    for party in _own_parties(acting, row, (CO_REQUESTING, PEER)):
        party.state, party.until = "declined", now()
    _finish(session, row, "stay_out")
    return row


def share(session: Session, membership: Membership | None, name: str, *, version: int, country: str) -> SupportRequest:
    """Let a peer that agreed read the whole request, its plans and answers."""
    row = get(session, membership, name)
    acting = _check(membership, row, "share", version)
    peers = [
        party
        for party in row.parties
        if party.entity_id == country and party.role == PEER and party.state == "accepted" and party.until is None
    ]
    if not peers:
        raise Invalid({"country": ["This State has not agreed to be a peer."]})
    take(session, acting, row, "share", version, data={"entity": country})
    for party in peers:
        party.state = "shared"
    _finish(session, row, "share")
    return row


# The agency


def accept(session: Session, membership: Membership | None, name: str, *, version: int) -> SupportRequest:
    """Take a request that was sent to the agency. A contributor waits for a lead; with a lead a plan is next."""
    row = get(session, membership, name)
    acting = _check(membership, row, "accept", version)
    own = _own_parties(acting, row)
    leads = any(party.role == LEAD for party in own)
    take(session, acting, row, "accept", version, other=not leads, data={"entity": acting.entity_id})
    for party in own:
        party.state = "accepted"
    _finish(session, row, "accept")
    return row


def refuse(
    session: Session, membership: Membership | None, name: str, *, version: int, reason: str, note: str = ""
) -> SupportRequest:
    """Not take it: the agency's access ends. `reason`: one of `REFUSALS`; `other` needs a note."""
    row = get(session, membership, name)
    acting = _check(membership, row, "refuse", version)
    _check_reason(reason, REFUSALS, note)
    own = _own_parties(acting, row)
    nobody = not any(
        party.role in policy.DELIVERY and party.until is None and party not in own for party in row.parties
    )
    data = {"entity": acting.entity_id}
    take(session, acting, row, "refuse", version, other=nobody, reason=reason, note=note, data=data)
    for party in own:
        party.state, party.until = "declined", now()
    _finish(session, row, "refuse")
    return row


def propose(
    session: Session, membership: Membership | None, name: str, data: PlanData, *, version: int
) -> SupportRequest:
    """Put a plan before the State, as lead; it replaces one that still waits, or the one agreed before."""
    row = get(session, membership, name)
    acting = _check(membership, row, "propose", version)
    if not data.text.strip():
        raise Invalid({"text": ["Write the plan first."]})
    plan = Plan(
        id=new_id(),
        number=len(row.plans) + 1,
        entity_id=acting.entity_id,
        membership_id=acting.id,
        language=_language(data.language, "", "\n".join((data.text, *data.steps)), acting),
        text=data.text,
        steps=list(data.steps),
        target_on=data.target_on,
        status=PROPOSED,
    )
    take(session, acting, row, "propose", version, data={"entity": acting.entity_id, "plan": plan.id})
    _replace_plan(row)
    row.plans.append(plan)
    _finish(session, row, "propose")
    return row


def no_plan(session: Session, membership: Membership | None, name: str, *, version: int) -> SupportRequest:
    """Say, as lead, that the answer needs no plan."""
    row = get(session, membership, name)
    acting = _check(membership, row, "no_plan", version)
    take(session, acting, row, "no_plan", version, data={"entity": acting.entity_id})
    _replace_plan(row)
    _finish(session, row, "no_plan")
    return row


def _replace_plan(row: SupportRequest) -> None:
    """What waited for the State's word waits no more."""
    if row.proposed_plan:
        row.proposed_plan.status = REPLACED


def save_answer_draft(
    session: Session, membership: Membership | None, name: str, data: AnswerData, *, answer_version: int | None = None
) -> Answer:
    """Keep what was written so far, for the agency's own eyes. `answer_version`: that of the draft seen, None: none.

    The request's version stays: a draft changes nothing for anybody else.
    """
    row = get(session, membership, name)
    acting = _check(membership, row, "draft_answer", row.version)
    written = _write_answer(session, acting, row, data, answer_version)
    tell(
        session,
        acting,
        row,
        "draft_answer",
        audience=TRANSITIONS[row.status, "draft_answer"].audience,
        before=row.status,
        data={"answer": written.id, "entity": acting.entity_id},
    )
    session.commit()
    return written


def answer(
    session: Session,
    membership: Membership | None,
    name: str,
    data: AnswerData,
    *,
    version: int,
    answer_version: int | None = None,
) -> Answer:
    """Send an answer: the agency's draft if there is one (then `answer_version` is the one seen), else a new one."""
    row = get(session, membership, name)
    acting = _check(membership, row, "answer", version)
    if not data.text.strip():
        raise Invalid({"text": ["Write the answer first."]})
    written = _write_answer(session, acting, row, data, answer_version)
    written.status, written.sent_at, written.membership_id = "sent", now(), acting.id
    take(session, acting, row, "answer", version, data={"answer": written.id, "entity": acting.entity_id})
    _replace_plan(row)
    _finish(session, row, "answer")
    return written


def _write_answer(
    session: Session, membership: Membership, row: SupportRequest, data: AnswerData, seen: int | None
) -> Answer:
    """The agency's draft with these words, flushed. `StaleVersion` if it is not the one seen."""
    documents = cited(session, data.citations)
    current = session.scalar(
        select(Answer)
        .where(Answer.request_id == row.id, Answer.entity_id == membership.entity_id, Answer.status == "draft")
        .options(selectinload(Answer.citations))
        .with_for_update(of=Answer)
        .execution_options(populate_existing=True)
    )
    language = _language(data.language, "", data.text, membership)
    citations = [document.id for document in documents]
    if current is None:
        if seen is not None:
            raise StaleVersion(ANSWER_CHANGED, answer_version=None)
        current = Answer(
            request_id=row.id,
            entity_id=membership.entity_id,
            membership_id=membership.id,
            language=language,
            text=data.text,
            citations=[Citation(document_id=id_, position=at) for at, id_ in enumerate(citations)],
        )
        session.add(current)
        try:
            session.flush()
        except IntegrityError:  # a colleague began one in the same moment
            session.rollback()
            raise StaleVersion(ANSWER_CHANGED, answer_version=1) from None
        return current
    same = (  # sent twice: neither a conflict nor a new version
        current.text == data.text
        and current.language == language
        and [citation.document_id for citation in current.citations] == citations
    )
    written = session.scalar(
        update(Answer)
        .where(Answer.id == current.id, Answer.version == (current.version if same else seen), Answer.status == "draft")
        .values(
            text=data.text,
            language=language,
            membership_id=membership.id,
            version=Answer.version if same else Answer.version + 1,
        )
        .returning(Answer.version)
        .execution_options(synchronize_session=False)
    )
    if written is None:
        session.rollback()
        newest = session.scalar(select(Answer.version).where(Answer.id == current.id))
        raise StaleVersion(ANSWER_CHANGED, answer_version=newest)
    session.refresh(current)
    kept = {citation.document_id: citation for citation in current.citations}
    current.citations = [kept.get(id_) or Citation(document_id=id_) for id_ in citations]
    for at, citation in enumerate(current.citations):
        citation.position = at
    session.flush()
    return current


def cited(session: Session, names: Sequence[str]) -> list[Document]:
    """Published records by id or slug, in the order given, each once. `Invalid` names the ones that are not there."""
    found: dict[str, Document] = {}
    for document in session.scalars(
        select(Document).where(Document.status == "published", or_(Document.id.in_(names), Document.slug.in_(names)))
    ):
        found[document.id] = found[document.slug] = document
    missing = [name for name in names if name not in found]
    if missing:
        raise Invalid({"citations": [f"There is no published record {name}." for name in missing]})
    return list(dict.fromkeys(found[name] for name in names))


VERBS: Mapping[str, Callable[..., SupportRequest]] = {
    "submit": submit,
    "withdraw": withdraw,
    "acknowledge": acknowledge,
    "triage": triage,
    "ask": ask,
    "reply": reply,
    "send": send,
    "decline": decline,
    "accept": accept,
    "refuse": refuse,
    "propose": propose,
    "agree": agree,
    "send_back": send_back,
    "no_plan": no_plan,
    "close": close,
    "reopen": reopen,
    "invite": invite,
    "ask_peer": ask_peer,
    "join": join,
    "stay_out": stay_out,
    "share": share,
}
"""Steps that are a button: `VERBS[action](session, membership, name, version=…, …)`."""


# What every step does


def _check(membership: Membership | None, row: SupportRequest, action: str, version: int) -> Membership:
    """Is the step in the table, may this membership take it, and did it see the row as it is? Writes nothing."""
    if (row.status, action) not in TRANSITIONS or not _ready(row, action):
        raise IllegalTransition(NOT_NOW, status_now=row.status, possible=list(possible_actions(membership, row)))
    if membership is None or not policy.can(membership, action, row):
        raise Forbidden(NOT_YOURS)
    if row.version != version:
        raise StaleVersion(CHANGED, version=row.version)
    return membership


def _finish(session: Session, row: SupportRequest, action: str) -> None:
    """Bring the clocks in line with the step and commit."""
    clocks.follow(session, row, action, now())
    session.commit()


def take(
    session: Session,
    membership: Membership | None,
    row: SupportRequest,
    action: str,
    version: int,
    *,
    other: bool = False,
    reason: str | None = None,
    note: str = "",
    data: Mapping[str, str] | None = None,
    **values: Any,
) -> None:
    """Write the step if the row is still at `version`, with its event and notice; leaves the commit to the verb.

    `other`: the condition of the step's `or_to`, if it has one, holds. From here to the commit the row is locked, so its parties are what was checked.
    """
    before = row.status
    step = TRANSITIONS[before, action]
    written = session.scalar(
        update(SupportRequest)
        .where(SupportRequest.id == row.id, SupportRequest.version == version)
        .values(status=step.or_to if other and step.or_to else step.to, version=version + 1, updated_at=now(), **values)
        .returning(SupportRequest.version)
        .execution_options(synchronize_session=False)
    )
    if written is None:
        session.rollback()
        current = session.scalar(select(SupportRequest.version).where(SupportRequest.id == row.id))
        raise StaleVersion(CHANGED, version=current)
    session.refresh(row)
    tell(session, membership, row, action, audience=step.audience, before=before, reason=reason, note=note, data=data)


def tell(
    session: Session,
    membership: Membership | None,
    row: SupportRequest,
    action: str,
    *,
    audience: str,
    before: str | None,
    reason: str | None = None,
    note: str = "",
    data: Mapping[str, str] | None = None,
) -> None:
    """Record what happened, with a notice of it. Without a membership it happened by itself."""
    event = events.record(
        session,
        subject=(SUBJECT, row.id),
        action=action,
        audience=audience,
        person_id=membership.person_id if membership else None,
        membership_id=membership.id if membership else None,
        from_state=before,
        to_state=row.status,
        reason=reason,
        version=row.version,
        data=data,
    )
    session.flush()
    if note:
        session.add(StepNote(event_id=event.id, text=note))
    later(session, "notice", {"event": event.id, "request": row.id})


def _next_reference(session: Session) -> str:
    """The next `R-YYYY-NNNN`. Holds the year's counter until the transaction ends, so numbers have no gaps."""
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    year = now().year
    number = session.scalar(
        insert(RequestCounter)
        .values(year=year, last=1)
        .on_conflict_do_update(index_elements=[RequestCounter.year], set_={"last": RequestCounter.last + 1})
        .returning(RequestCounter.last)
    )
    return f"R-{year}-{number:04d}"


def _add_party(row: SupportRequest, entity_id: str, role: str) -> None:
    """Ask an entity to take part, for the first time or again."""
    former = next((party for party in row.parties if party.entity_id == entity_id and party.role == role), None)
    if former is None:
        row.parties.append(Party(entity_id=entity_id, role=role, state="sent"))
    else:
        former.state, former.since, former.until = "sent", now(), None


def _own_parties(membership: Membership, row: SupportRequest, roles: Collection[str] = policy.DELIVERY) -> list[Party]:
    """The active parts of the membership's entity that wait for its word."""
    return [
        party
        for party in row.parties
        if party.entity_id == membership.entity_id
        and party.role in roles
        and party.state == "sent"
        and party.until is None
    ]


def _check_reason(reason: str, among: Sequence[str], note: str) -> None:
    if reason not in among:
        raise Invalid({"reason": ["Choose one of the reasons."]})
    if reason == "other" and not note.strip():
        raise Invalid({"note": ["Say in a sentence why."]})


def _language(given: str | None, title: str, body: str, membership: Membership) -> str:
    return given or text.detect(f"{title}\n{body}") or membership.person.language


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
