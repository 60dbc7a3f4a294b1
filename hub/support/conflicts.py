"""Conflicts of interest as data: own State, same programme, declared. Whoever has one is left out before anything is scored."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Text, cast, exists, or_, select
from sqlalchemy.orm import Session, aliased, joinedload

from hub import events
from hub.accounts import policy
from hub.accounts.models import EXPERT, SECRETARIAT, Membership, Person
from hub.database import now
from hub.errors import Forbidden, Invalid, NotFound
from hub.network.models import AGENCY, STATE, Entity
from hub.support import reading
from hub.support.expert_models import ExpertProfile, ProgrammeTie
from hub.support.experts import Expert
from hub.support.models import DeclaredConflict, SupportRequest

OWN_STATE, SAME_PROGRAMME, DECLARED = "own_state", "same_programme", "declared"
REASONS = ("personal", "financial", "earlier_work", SAME_PROGRAMME, OWN_STATE)
"""Why somebody declares one."""
UNSAID = "unsaid"
"""The reason where an agency refused for a conflict and said no more."""
EXCLUDED = "This agency has a conflict of interest in this request."
TIE = "programme_tie"
"""`Event.subject_kind` of ties."""
_served = aliased(Membership)
"""Any membership of the same person. Made once: that takes longer than a query."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """`kind`: `OWN_STATE`, `SAME_PROGRAMME` or `DECLARED`. `membership_id` None: of the whole entity.

    `reason`: one of `REASONS`. `record_id`: of the declaration or the tie, None where a State is its own. `source`: of a tie.
    """

    kind: str
    entity_id: str
    membership_id: str | None
    reason: str
    record_id: str | None
    source: str = ""


def asking(row: SupportRequest) -> frozenset[str]:
    """The States that ask, together or alone, also one that was only invited to."""
    return frozenset(
        [row.country_id, *(party.entity_id for party in row.parties if party.role in policy.TEAM and not party.until)]
    )


def of_request(session: Session, row: SupportRequest) -> list[Conflict]:
    """Every conflict in a request, of States and agencies first, then of experts.

    An expert whose agency has one is not named again.
    """
    whole = _whole(session, row)
    return whole + _single(session, row, {one.entity_id for one in whole})


def _whole(session: Session, row: SupportRequest) -> list[Conflict]:
    """Those of States and agencies."""
    states = asking(row)
    whole = [Conflict(OWN_STATE, state, None, OWN_STATE, None) for state in sorted(states)]
    ties = session.scalars(
        select(ProgrammeTie)
        .where(ProgrammeTie.country_id.in_(states), ProgrammeTie.ended_at.is_(None))
        .order_by(ProgrammeTie.entity_id, ProgrammeTie.id)
    )
    whole += [Conflict(SAME_PROGRAMME, tie.entity_id, None, SAME_PROGRAMME, tie.id, tie.source) for tie in ties]
    declared = [one for one in row.conflicts if one.lifted_at is None]
    whole += [Conflict(DECLARED, one.entity_id, None, one.reason, one.id) for one in declared if one.person_id is None]
    return whole


def _single(session: Session, row: SupportRequest, out: Collection[str]) -> list[Conflict]:
    """Those of experts of other agencies than `out`, in one query that finds nobody else: as `Expert.own_states` has them, then declared."""
    states = asking(row)
    declared = {one.person_id: one for one in row.conflicts if one.lifted_at is None and one.person_id}
    acted = exists().where(_served.person_id == Membership.person_id, _served.entity_id.in_(states))
    written = cast(ExpertProfile.own_states, Text)  # a JSON list of codes
    own = or_(acted, *(written.contains(f'"{state}"', autoescape=True) for state in sorted(states)))
    found = session.execute(
        select(Membership.id, Membership.entity_id, Membership.person_id, own)
        .join(Person, Person.id == Membership.person_id)
        .outerjoin(ExpertProfile, ExpertProfile.membership_id == Membership.id)
        .where(
            Membership.role == EXPERT,
            Membership.until.is_(None),
            Membership.confirmed_at.is_not(None),
            Person.disabled_at.is_(None),
            Membership.entity_id.not_in(out),
            or_(own, Membership.person_id.in_(declared)),
        )
        .order_by(Membership.id)
    )
    return [
        Conflict(OWN_STATE, entity, member, OWN_STATE, None)
        if is_own
        else Conflict(DECLARED, entity, member, declared[person].reason, declared[person].id)
        for member, entity, person, is_own in found
    ]


def excluded(session: Session, row: SupportRequest) -> frozenset[str]:
    """Ids of the States and agencies that are not to be matched with a request or asked."""
    return frozenset(one.entity_id for one in _whole(session, row))


def barred(session: Session, row: SupportRequest, *, declared: bool) -> frozenset[str]:
    """Ids of States, agencies and experts (memberships) not to be scored. `declared`: also for what somebody declared."""
    return frozenset(
        one.membership_id or one.entity_id for one in of_request(session, row) if declared or one.kind != DECLARED
    )


def for_membership(session: Session, membership: Membership, row: SupportRequest) -> list[Conflict]:
    """Those that stand in the way of one expert, their agency's among them."""
    return [
        one
        for one in of_request(session, row)
        if one.membership_id == membership.id or (one.membership_id is None and one.entity_id == membership.entity_id)
    ]


def pairs(session: Session, rows: Iterable[SupportRequest], people: Sequence[Expert]) -> set[tuple[str, str]]:
    """(request, membership) of all who are not to be given a request. Rows with `parties` and `conflicts` loaded."""
    ties = set(
        session.execute(select(ProgrammeTie.entity_id, ProgrammeTie.country_id).where(ProgrammeTie.ended_at.is_(None)))
    )
    found: set[tuple[str, str]] = set()
    for row in rows:
        states = asking(row)
        out = {agency for agency, country in ties if country in states}
        out |= {one.entity_id for one in row.conflicts if one.person_id is None and one.lifted_at is None}
        persons = {one.person_id for one in row.conflicts if one.lifted_at is None}
        found.update(
            (row.id, one.membership_id)
            for one in people
            if one.entity_id in out or one.person_id in persons or not states.isdisjoint(one.own_states)
        )
    return found


# Declared


def declared_by(membership: Membership, reason: str, *, whole_agency: bool) -> DeclaredConflict:
    return DeclaredConflict(
        entity_id=membership.entity_id,
        person_id=None if whole_agency else membership.person_id,
        reason=reason,
        declared_by=membership.id,
    )


def alone(session: Session, membership: Membership, row: SupportRequest) -> bool:
    """Is there no colleague who could decide about the request instead?"""
    gone = {one.person_id for one in row.conflicts if one.lifted_at is None}
    return not session.scalar(
        select(Membership.id)
        .join(Person, Person.id == Membership.person_id)
        .where(
            Membership.entity_id == membership.entity_id,
            Membership.role == EXPERT,
            Membership.until.is_(None),
            Membership.confirmed_at.is_not(None),
            Person.disabled_at.is_(None),
            Membership.person_id.not_in({membership.person_id, *filter(None, gone)}),
        )
        .limit(1)
    )


def lift(session: Session, membership: Membership | None, name: str, conflict_id: str) -> SupportRequest:
    """Take a declaration back, as the secretariat: declared by mistake, or no longer so. An expert sees the request again, an agency has to be asked anew."""
    row = reading.get(session, membership, name)
    acting = _secretariat(membership)
    found = next((one for one in row.conflicts if one.id == conflict_id and one.lifted_at is None), None)
    if found is None:
        raise NotFound("There is no such conflict.")
    found.lifted_at = now()
    events.record(
        session,
        subject=(reading.SUBJECT, row.id),
        action="lift_conflict",
        audience="secretariat",
        person_id=acting.person_id,
        membership_id=acting.id,
        from_state=row.status,
        to_state=row.status,
        version=row.version,
        data={"entity": found.entity_id, "conflict": found.id},
    )
    session.commit()
    return row


# Ties


def ties(session: Session, membership: Membership | None) -> list[ProgrammeTie]:
    """Those that stand, by State and agency. Secretariat only."""
    _secretariat(membership)
    return list(
        session.scalars(
            select(ProgrammeTie)
            .where(ProgrammeTie.ended_at.is_(None))
            .order_by(ProgrammeTie.country_id, ProgrammeTie.entity_id, ProgrammeTie.id)
            .options(joinedload(ProgrammeTie.entity), joinedload(ProgrammeTie.country))
        )
    )


def tie(
    session: Session, membership: Membership | None, *, agency: str, country: str, programme: str, source: str
) -> ProgrammeTie:
    """Record that an agency and a State work in one programme; `source` says where that is written."""
    acting = _secretariat(membership)
    kinds = dict(session.execute(select(Entity.id, Entity.kind).where(Entity.id.in_((agency, country)))).all())
    problems = {
        "agency": [] if kinds.get(agency) == AGENCY else ["There is no such agency in the Network's list."],
        "country": [] if kinds.get(country) == STATE else ["There is no such State."],
        "programme": [] if programme.strip() else ["Fill this in."],
        "source": [] if source.strip() else ["Fill this in."],
    }
    if wrong := {name: sentences for name, sentences in problems.items() if sentences}:
        raise Invalid(wrong)
    row = ProgrammeTie(entity_id=agency, country_id=country, programme=programme, source=source, recorded_by=acting.id)
    session.add(row)
    session.flush()
    _record(session, acting, row, "recorded")
    session.commit()
    return row


def end_tie(session: Session, membership: Membership | None, tie_id: str) -> None:
    """Say that the programme is over. Raises `NotFound`."""
    acting = _secretariat(membership)
    row = session.get(ProgrammeTie, tie_id)
    if row is None or row.ended_at is not None:
        raise NotFound("There is no such tie.")
    row.ended_at = now()
    _record(session, acting, row, "ended")
    session.commit()


def _record(session: Session, acting: Membership, row: ProgrammeTie, action: str) -> None:
    events.record(
        session,
        subject=(TIE, row.id),
        action=action,
        audience="secretariat",
        person_id=acting.person_id,
        membership_id=acting.id,
        data={"entity": row.entity_id, "country": row.country_id},
    )


def _secretariat(membership: Membership | None) -> Membership:
    if membership is None or not membership.active or membership.role != SECRETARIAT:
        raise Forbidden
    return membership
