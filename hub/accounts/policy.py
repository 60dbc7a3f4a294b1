"""Who may do what with a row: one table of rules, read twice.

`can` answers for one row in Python, `visible` for many as a SQL condition. Both interpret `RULES`, and a property test
holds them together. Deny by default: an action without a rule is nobody's.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from sqlalchemy import ColumnElement, and_, exists, false, func, or_, true

from hub.accounts.models import ADMINISTRATOR, EXPERT, FOCAL_POINT, SECRETARIAT, Membership
from hub.events import AUDIENCES, Event
from hub.support.models import (
    CO_LEAD,
    CO_REQUESTING,
    CONTRIBUTOR,
    LEAD,
    PEER,
    REQUESTING,
    Answer,
    DeclaredConflict,
    Party,
    SupportRequest,
)

TEAM = (REQUESTING, CO_REQUESTING)
DELIVERY = (LEAD, CONTRIBUTOR)


@dataclass(frozen=True, slots=True)
class Rule:
    """A membership of `role` may, if its entity is an active party in one of `parties` (empty: no tie needed),

    with that party in one of `states` (empty: any), while the request is in one of `statuses` (empty: any) or not in
    one of `not_statuses`. An expert who declared a conflict of interest may nothing, whatever the rule.
    """

    role: str
    parties: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    statuses: tuple[str, ...] = ()
    not_statuses: tuple[str, ...] = ()


OPEN_TO_AGENCY = ("sent", "accepted")
UNSEEN = ("draft", "discarded")
"""Statuses of a request that was never submitted: its team's own, whoever else is named in it."""

_TEAM = Rule(FOCAL_POINT, TEAM, ("active",))
"""A State that asks, alone or with others; one that was only invited to is not of the team yet."""

RULES: Mapping[str, tuple[Rule, ...]] = {
    # Drafts are the team's own; the secretariat sees a request once it is submitted, an agency once it was sent to it.
    "read": (
        _TEAM,
        Rule(SECRETARIAT, not_statuses=UNSEEN),
        Rule(EXPERT, DELIVERY, OPEN_TO_AGENCY, not_statuses=UNSEEN),
        Rule(FOCAL_POINT, (CO_REQUESTING,), ("sent",)),
        Rule(FOCAL_POINT, (PEER,), ("sent", "accepted", "shared"), not_statuses=UNSEEN),
    ),
    # Title, description, plans, answers, notes and who else takes part. Who only reads sees the State, the objectives and
    # the summary that the State wrote for that.
    "details": (
        _TEAM,
        Rule(SECRETARIAT, not_statuses=UNSEEN),
        Rule(EXPERT, DELIVERY, ("accepted",), not_statuses=UNSEEN),
        Rule(FOCAL_POINT, (PEER,), ("shared",), not_statuses=UNSEEN),
    ),
    # Reference, objectives and which stage is late: `hub.support.escalation`.
    "stage": (Rule(EXPERT, (CO_LEAD,), ("told",), not_statuses=UNSEEN),),
    "edit": (_TEAM,),
    "submit": (_TEAM,),
    "reply": (_TEAM,),
    "agree": (_TEAM,),
    "send_back": (_TEAM,),
    "invite": (_TEAM,),
    "share": (_TEAM,),
    "join": (Rule(FOCAL_POINT, (CO_REQUESTING, PEER), ("sent",)),),
    "stay_out": (Rule(FOCAL_POINT, (CO_REQUESTING, PEER), ("sent",)),),
    "withdraw": (_TEAM,),
    "close": (_TEAM,),
    "reopen": (_TEAM,),
    # What is no step of the life cycle: what of a request is public, what its answers were worth, whose offer it wants.
    "publish": (_TEAM,),
    "rate": (_TEAM,),
    "want_offer": (_TEAM,),
    "drop_offer": (_TEAM, Rule(SECRETARIAT, not_statuses=UNSEEN)),
    # Papers: files and translations; a question by link; a step for an entity that wrote, called or met the secretariat.
    "attach": (
        Rule(FOCAL_POINT, TEAM, ("active",), not_statuses=("discarded",)),
        Rule(SECRETARIAT, not_statuses=UNSEEN),
        Rule(EXPERT, DELIVERY, ("accepted",), not_statuses=UNSEEN),
    ),
    "translate": (
        Rule(FOCAL_POINT, TEAM, ("active",), not_statuses=("discarded",)),
        Rule(SECRETARIAT, not_statuses=UNSEEN),
        Rule(EXPERT, DELIVERY, ("accepted",), not_statuses=UNSEEN),
    ),
    "ask_by_link": (Rule(SECRETARIAT, not_statuses=UNSEEN),),
    "act_for": (Rule(SECRETARIAT, not_statuses=UNSEEN),),
    # Reasons of a match rest on public records only, so whoever reads the request reads its matches; load is left out.
    "match": (
        _TEAM,
        Rule(SECRETARIAT, not_statuses=UNSEEN),
        Rule(EXPERT, DELIVERY, ("accepted",), not_statuses=UNSEEN),
    ),
    "acknowledge": (Rule(SECRETARIAT, not_statuses=UNSEEN),),
    "triage": (Rule(SECRETARIAT, not_statuses=UNSEEN),),
    "ask": (Rule(SECRETARIAT, not_statuses=UNSEEN),),
    "ask_peer": (Rule(SECRETARIAT, not_statuses=UNSEEN),),
    "send": (Rule(SECRETARIAT, not_statuses=UNSEEN),),
    "remove": (Rule(SECRETARIAT, not_statuses=UNSEEN),),
    "pause": (Rule(SECRETARIAT, not_statuses=UNSEEN),),
    "resume": (Rule(SECRETARIAT, not_statuses=UNSEEN),),
    "decline": (Rule(SECRETARIAT, not_statuses=UNSEEN),),
    "accept": (Rule(EXPERT, DELIVERY, ("sent",), not_statuses=UNSEEN),),
    "refuse": (Rule(EXPERT, DELIVERY, ("sent",), not_statuses=UNSEEN),),
    "declare": (Rule(EXPERT, DELIVERY, ("sent", "accepted"), not_statuses=UNSEEN),),
    "propose": (Rule(EXPERT, (LEAD,), ("accepted",), not_statuses=UNSEEN),),
    "no_plan": (Rule(EXPERT, (LEAD,), ("accepted",), not_statuses=UNSEEN),),
    # One answer for the State: the lead's, into which it puts what the others hand it.
    "draft_answer": (Rule(EXPERT, (LEAD,), ("accepted",), not_statuses=UNSEEN),),
    "answer": (Rule(EXPERT, (LEAD,), ("accepted",), not_statuses=UNSEEN),),
    "draft_contribution": (Rule(EXPERT, (CONTRIBUTOR,), ("accepted",), not_statuses=UNSEEN),),
    "contribute": (Rule(EXPERT, (CONTRIBUTOR,), ("accepted",), not_statuses=UNSEEN),),
    "hand_over": (Rule(EXPERT, DELIVERY, OPEN_TO_AGENCY, not_statuses=UNSEEN),),
}
"""Action on a support request -> who may. Life-cycle states are checked by `hub.support.lifecycle`."""


def can(membership: Membership | None, action: str, request: SupportRequest) -> bool:
    """May this membership take the action on the request, as its parties stand? Nobody signed in: no."""
    if membership is None or not membership.active:
        return False
    return any(_holds(rule, membership, request) for rule in RULES.get(action, ()))


def _holds(rule: Rule, membership: Membership, request: SupportRequest) -> bool:
    if rule.role != membership.role:
        return False
    if rule.statuses and request.status not in rule.statuses:
        return False
    if request.status in rule.not_statuses:
        return False
    if rule.role == EXPERT and any(
        one.person_id == membership.person_id and one.lifted_at is None for one in request.conflicts
    ):
        return False
    if not rule.parties:
        return True
    return any(
        party.entity_id == membership.entity_id
        and party.until is None
        and party.role in rule.parties
        and (not rule.states or party.state in rule.states)
        for party in request.parties
    )


def visible(membership: Membership | None, action: str = "read") -> ColumnElement[bool]:
    """The same as a condition on `SupportRequest`, for a query that reads many."""
    if membership is None or not membership.active:
        return false()
    return _visible(*_reader(membership), action)


def _reader(membership: Membership) -> tuple[str, str, str]:
    """Role, entity and person, as far as conditions depend on them: the person matters where conflicts do."""
    return membership.role, membership.entity_id, membership.person_id if membership.role == EXPERT else ""


@lru_cache(maxsize=4096)
def _visible(role: str, entity_id: str, person_id: str, action: str) -> ColumnElement[bool]:
    """Kept because it follows from its arguments alone, holds no data, and takes longer to put together than to ask."""
    conditions = [_condition(rule, entity_id, person_id) for rule in RULES.get(action, ()) if rule.role == role]
    return or_(false(), *conditions)


def _condition(rule: Rule, entity_id: str, person_id: str) -> ColumnElement[bool]:
    parts: list[ColumnElement[bool]] = [true()]
    if rule.statuses:
        parts.append(SupportRequest.status.in_(rule.statuses))
    if rule.not_statuses:
        parts.append(SupportRequest.status.not_in(rule.not_statuses))
    if rule.role == EXPERT:
        own_conflict = (
            (DeclaredConflict.request_id == SupportRequest.id)
            & (DeclaredConflict.person_id == person_id)
            & DeclaredConflict.lifted_at.is_(None)
        )
        parts.append(~exists().where(own_conflict))
    if rule.parties:
        tie = [
            Party.request_id == SupportRequest.id,
            Party.entity_id == entity_id,
            Party.until.is_(None),
            Party.role.in_(rule.parties),
        ]
        if rule.states:
            tie.append(Party.state.in_(rule.states))
        parts.append(exists().where(*tie))
    return and_(*parts)


def can_create(membership: Membership | None, country_id: str) -> bool:
    """May this membership write a request for that State? Its own focal points only."""
    return (
        membership is not None
        and membership.active
        and membership.role == FOCAL_POINT
        and membership.entity_id == country_id
    )


def can_read_answer(membership: Membership | None, answer: Answer, request: SupportRequest) -> bool:
    """A sent answer is for everybody who reads the request in full; a draft for its own agency only."""
    if not can(membership, "details", request) or membership is None:
        return False
    return answer.status == "sent" or (membership.role == EXPERT and membership.entity_id == answer.entity_id)


@dataclass(frozen=True, slots=True)
class Hearing:
    """Who has this role and may take this action on a request hears these audiences of its events.

    `own`: only what is about the hearer's own entity, which the event's data names as `entity`.
    """

    role: str
    action: str
    audiences: tuple[str, ...]
    own: bool = False


HEARINGS = (
    Hearing(SECRETARIAT, "read", AUDIENCES),
    Hearing(EXPERT, "details", ("delivery", "parties", "public")),
    # An agency that was asked hears of its own invitation, not of what others do meanwhile.
    Hearing(EXPERT, "read", ("agency", "parties", "public"), own=True),
    Hearing(EXPERT, "stage", ("agency",), own=True),
    Hearing(FOCAL_POINT, "read", ("invited", "public"), own=True),
    Hearing(FOCAL_POINT, "edit", ("requesting", "parties", "invited", "public")),
)


def hears(membership: Membership | None, request: SupportRequest, event: Event) -> bool:
    """May this membership see that event of the request?"""
    return membership is not None and any(
        hearing.role == membership.role
        and event.audience in hearing.audiences
        and (not hearing.own or event.data.get("entity") == membership.entity_id)
        and can(membership, hearing.action, request)
        for hearing in HEARINGS
    )


def heard(membership: Membership | None) -> ColumnElement[bool]:
    """The same as a condition on `SupportRequest` and `Event`, for a query that joins them."""
    if membership is None or not membership.active:
        return false()
    return _heard(*_reader(membership))


@lru_cache(maxsize=4096)
def _heard(role: str, entity_id: str, person_id: str) -> ColumnElement[bool]:
    """Kept for the reason of `_visible`."""
    about_us = func.coalesce(Event.data["entity"].as_string(), "") == entity_id  # never null: it is negated too
    conditions = [
        _visible(role, entity_id, person_id, hearing.action)
        & Event.audience.in_(hearing.audiences)
        & (about_us if hearing.own else true())
        for hearing in HEARINGS
        if hearing.role == role
    ]
    return or_(false(), *conditions)


def untied_readers() -> tuple[str, ...]:
    """Roles that read requests to which their entity is no party; members of all others need one that is."""
    return tuple(rule.role for rule in RULES["read"] if not rule.parties)


def can_manage_members(membership: Membership | None, entity_id: str, role: str) -> bool:
    """May this membership invite into, or end, memberships of that entity and role?

    Administrators: any. Secretariat: focal points and experts. Confirmed focal points: colleagues of their own State.
    """
    if membership is None or not membership.active:
        return False
    if membership.role == ADMINISTRATOR:
        return True
    if membership.role == SECRETARIAT:
        return role in {FOCAL_POINT, EXPERT}
    return membership.role == FOCAL_POINT and role == FOCAL_POINT and membership.entity_id == entity_id


def actions(membership: Membership | None, request: SupportRequest, among: Iterable[str]) -> tuple[str, ...]:
    """Those of `among` that this membership may take, as far as access goes."""
    return tuple(action for action in among if can(membership, action, request))
