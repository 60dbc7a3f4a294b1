"""What experts take on, and how their agencies fare: profiles, absences, loads, acceptance, speed."""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from statistics import median

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session, joinedload, selectinload

from hub import events
from hub.accounts.models import EXPERT, SECRETARIAT, Membership, Person
from hub.database import now
from hub.errors import Forbidden, Invalid, NotFound, StaleVersion
from hub.events import Event
from hub.network import vocabulary
from hub.network.models import AREA, STATE, Entity, MemberState
from hub.support import reading
from hub.support.expert_models import Absence, AssignmentProposal, ExpertProfile
from hub.support.lifecycle import IN_PROGRESS, MATCHING, PLANNING
from hub.support.models import CONTRIBUTOR, LEAD, Party, SupportRequest

DEFAULT_CAPACITY = 3
"""Requests at a time of an expert who has not said."""
MOST = 50
"""Of capacity, languages, regions, absences: what a form can hold."""
AT_WORK = (MATCHING, PLANNING, IN_PROGRESS)
"""Statuses in which a request takes an agency's time."""
SUBJECT = "expert"
"""`Event.subject_kind` of changes of a profile; its id is the membership's."""
CHANGED = "Somebody else changed this profile since you opened it."
_LANGUAGE = re.compile(r"[a-z]{2,3}")


@dataclass(frozen=True, slots=True)
class ProfileData:
    """What a profile says; see `ExpertProfile`. `absences`: (first day, last day)."""

    capacity: int
    languages: tuple[str, ...]
    minimum_load: int = 0
    objectives: tuple[int, ...] = ()
    regions: tuple[str, ...] = ()
    own_states: tuple[str, ...] = ()
    absences: tuple[tuple[date, date], ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class Expert:
    """Somebody who may be asked, as matching and assignment read them. `name` is shown to the secretariat.

    `objectives` empty: whatever the agency does. `regions` as written; `countries`: the same spelled out as ISO alpha-3, None: anywhere.
    `own_states`: with those of the person's other memberships. Without a profile: `DEFAULT_CAPACITY`, the language of the account, anywhere.
    """

    membership_id: str
    person_id: str
    entity_id: str
    name: str
    capacity: int
    minimum_load: int
    languages: frozenset[str]
    objectives: frozenset[int]
    regions: tuple[str, ...]
    countries: frozenset[str] | None
    own_states: frozenset[str]
    absent: bool
    coordinator: bool
    version: int


def directory(session: Session, *, on: date | None = None) -> list[Expert]:
    """Everybody who can act as an expert now, by membership. `absent`: on that day (today)."""
    day = on or now().date()
    members = list(
        session.scalars(
            select(Membership)
            .join(Person, Person.id == Membership.person_id)
            .where(
                Membership.role == EXPERT,
                Membership.until.is_(None),
                Membership.confirmed_at.is_not(None),
                Person.disabled_at.is_(None),
            )
            .order_by(Membership.id)
            .options(joinedload(Membership.person))
        )
    )
    profiles = {
        row.membership_id: row
        for row in session.scalars(select(ExpertProfile).options(selectinload(ExpertProfile.absences)))
    }
    served = _served(session)
    inside = _countries(session)
    return [_expert(one, profiles.get(one.id), served[one.person_id], inside, day) for one in members]


def _expert(
    member: Membership,
    profile: ExpertProfile | None,
    served: frozenset[str],
    inside: Mapping[str, frozenset[str]],
    day: date,
) -> Expert:
    regions = tuple(profile.regions) if profile else ()
    return Expert(
        membership_id=member.id,
        person_id=member.person_id,
        entity_id=member.entity_id,
        name=member.person.name,
        capacity=profile.capacity if profile else DEFAULT_CAPACITY,
        minimum_load=profile.minimum_load if profile else 0,
        languages=frozenset(profile.languages if profile else (member.person.language,)),
        objectives=frozenset(profile.objectives if profile else ()),
        regions=regions,
        countries=frozenset[str]().union(*(inside.get(one, {one}) for one in regions)) if regions else None,
        own_states=served | frozenset(profile.own_states if profile else ()),
        absent=any(away.from_on <= day <= away.until_on for away in profile.absences) if profile else False,
        coordinator=profile.coordinator if profile else False,
        version=profile.version if profile else 0,
    )


def _served(session: Session) -> Mapping[str, frozenset[str]]:
    """Person -> States for which they act or have acted; of members who are no experts, nothing is asked."""
    found: defaultdict[str, frozenset[str]] = defaultdict(frozenset)
    for person, entity in session.execute(
        select(Membership.person_id, Membership.entity_id).join(
            MemberState, MemberState.entity_id == Membership.entity_id
        )
    ):
        found[person] |= {entity}
    return found


def _countries(session: Session) -> Mapping[str, frozenset[str]]:
    """M49 region -> its States."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for entity, regions in session.execute(select(MemberState.entity_id, MemberState.regions)):
        for region in (*regions, "World"):
            found[region].add(entity)
    return {region: frozenset(codes) for region, codes in found.items()}


# Profiles


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the list of experts. `editable`: its reader may change it, and sees note and own States."""

    membership: Membership
    profile: ExpertProfile | None
    load: int
    absent: bool
    editable: bool


def listing(session: Session, membership: Membership | None) -> list[Entry]:
    """The experts of one's own agency; for the secretariat, all. By agency and name."""
    if membership is None or membership.role not in {EXPERT, SECRETARIAT}:
        raise Forbidden
    shown = select(Membership).where(Membership.role == EXPERT, Membership.until.is_(None))
    if membership.role == EXPERT:
        shown = shown.where(Membership.entity_id == membership.entity_id)
    members = session.scalars(
        shown.join(Person, Person.id == Membership.person_id)
        .where(Person.disabled_at.is_(None))
        .order_by(Membership.entity_id, Person.name, Membership.id)
        .options(joinedload(Membership.person), joinedload(Membership.entity))
    ).all()
    profiles = _profiles(session, [one.id for one in members])
    loads, today = expert_loads(session), now().date()
    coordinates = may_coordinate(session, membership)
    return [
        Entry(
            one,
            profile := profiles.get(one.id),
            loads.get(one.id, 0),
            absent=any(away.from_on <= today <= away.until_on for away in profile.absences) if profile else False,
            editable=coordinates or one.id == membership.id,
        )
        for one in members
    ]


def may_coordinate(session: Session, membership: Membership) -> bool:
    """May this membership set the profiles of the experts that it sees in the list?"""
    if membership.role == SECRETARIAT:
        return True
    own = session.get(ExpertProfile, membership.id)
    return membership.role == EXPERT and own is not None and own.coordinator


def entry(session: Session, membership: Membership | None, membership_id: str) -> Entry:
    """One line of `listing`. Raises `NotFound`."""
    found = next((one for one in listing(session, membership) if one.membership.id == membership_id), None)
    if found is None:
        raise NotFound("There is no such expert, or they are not of your agency.")
    return found


def save(
    session: Session, membership: Membership | None, membership_id: str, data: ProfileData, *, version: int
) -> ExpertProfile:
    """Write a profile: one's own, as coordinator those of the agency, as secretariat any. `version` 0: there was none."""
    found = entry(session, membership, membership_id)
    if membership is None or not found.editable:
        raise Forbidden("A coordinator of the agency sets the profiles of others.")
    _check(session, data)
    values = {
        "capacity": data.capacity,
        "minimum_load": data.minimum_load,
        "languages": list(dict.fromkeys(data.languages)),
        "objectives": sorted(set(data.objectives)),
        "regions": list(dict.fromkeys(data.regions)),
        "own_states": sorted(set(data.own_states)),
        "note": data.note,
    }
    row = found.profile
    if (row.version if row else 0) != version:
        raise StaleVersion(CHANGED, version=row.version if row else 0)
    if row is None:
        row = ExpertProfile(membership_id=membership_id, version=1, **values)
        session.add(row)
    else:
        _raise_version(session, row, values)
    row.absences = [Absence(from_on=first, until_on=last) for first, last in sorted(set(data.absences))]
    _record(session, membership, membership_id, "profile", row.version)
    session.commit()
    return row


def set_coordinator(
    session: Session, membership: Membership | None, membership_id: str, *, coordinator: bool, version: int
) -> ExpertProfile:
    """Let an expert set the profiles of their agency's others, or no more. Secretariat only; needs a profile."""
    if membership is None or membership.role != SECRETARIAT:
        raise Forbidden
    row = entry(session, membership, membership_id).profile
    if row is None:
        raise Invalid({"coordinator": ["This expert has no profile yet."]})
    if row.version != version:
        raise StaleVersion(CHANGED, version=row.version)
    _raise_version(session, row, {"coordinator": coordinator})
    _record(session, membership, membership_id, "coordinator" if coordinator else "no_coordinator", row.version)
    session.commit()
    return row


def _raise_version(session: Session, row: ExpertProfile, values: Mapping[str, object]) -> None:
    written = session.scalar(
        update(ExpertProfile)
        .where(ExpertProfile.membership_id == row.membership_id, ExpertProfile.version == row.version)
        .values(**values, version=row.version + 1, updated_at=now())
        .returning(ExpertProfile.version)
        .execution_options(synchronize_session=False)
    )
    if written is None:
        session.rollback()
        raise StaleVersion(CHANGED)
    session.refresh(row)


def _record(session: Session, membership: Membership, about: str, action: str, version: int) -> None:
    events.record(
        session,
        subject=(SUBJECT, about),
        action=action,
        audience="secretariat",
        person_id=membership.person_id,
        membership_id=membership.id,
        version=version,
    )


def _check(session: Session, data: ProfileData) -> None:
    countries = set(session.scalars(select(Entity.id).where(Entity.kind.in_((STATE, AREA)))))
    problems = {
        "capacity": [] if 0 <= data.capacity <= MOST else [f"From 0 to {MOST}."],
        "minimum_load": [] if 0 <= data.minimum_load <= max(data.capacity, 0) else ["Not more than the capacity."],
        "languages": _unknown(data.languages, _LANGUAGE.fullmatch, "is no language code, such as fr or swa")
        or ([] if data.languages else ["Choose at least one language."]),
        "objectives": []
        if set(data.objectives) <= set(vocabulary.OBJECTIVES)
        else ["Objectives are numbered 1 to 23."],
        "regions": _unknown(
            data.regions, lambda one: one in vocabulary.REGIONS or one in countries, "is no region or country"
        ),
        "own_states": _unknown(data.own_states, lambda one: one in countries, "is no country"),
        "absences": [
            "An absence ends on or after the day on which it begins." for first, last in data.absences if last < first
        ][:1],
    }
    for name in ("languages", "regions", "own_states", "absences"):
        if len(getattr(data, name)) > MOST * 4:
            problems[name] = ["Too many."]
    if wrong := {name: sentences for name, sentences in problems.items() if sentences}:
        raise Invalid(wrong)


def _unknown(given: Sequence[str], known: Callable[[str], object], sentence: str) -> list[str]:
    return [f"{one} {sentence}." for one in given if not known(one)][:1]


def _profiles(session: Session, ids: Iterable[str]) -> dict[str, ExpertProfile]:
    rows = session.scalars(
        select(ExpertProfile)
        .where(ExpertProfile.membership_id.in_(list(ids)))
        .options(selectinload(ExpertProfile.absences))
        .execution_options(populate_existing=True)
    )
    return {row.membership_id: row for row in rows}


# How they fare: for the secretariat and for assignment, never shown to States


def loads(session: Session) -> Mapping[str, int]:
    """Agency -> requests that it has accepted and that still take its time."""
    rows = session.execute(
        select(Party.entity_id, func.count())
        .join(SupportRequest, SupportRequest.id == Party.request_id)
        .where(
            Party.role.in_((LEAD, CONTRIBUTOR)),
            Party.state == "accepted",
            Party.until.is_(None),
            SupportRequest.status.in_(AT_WORK),
        )
        .group_by(Party.entity_id)
        .order_by(Party.entity_id)
    )
    return {row[0]: row[1] for row in rows}


def expert_loads(session: Session) -> Mapping[str, int]:
    """Membership -> requests for which it was asked, or works, now."""
    return Counter(membership for membership in at_work(session).values())


def at_work(session: Session) -> Mapping[str, str]:
    """Request -> membership of the expert who leads it, or was asked to, where that is known: the one whom the agency named,

    else the one whom the assignment proposed.
    """
    rows = session.execute(
        select(Party.request_id, func.coalesce(Party.assignee_id, AssignmentProposal.membership_id))
        .join(SupportRequest, SupportRequest.id == Party.request_id)
        .outerjoin(
            AssignmentProposal,
            (AssignmentProposal.request_id == Party.request_id)
            & (AssignmentProposal.entity_id == Party.entity_id)
            & AssignmentProposal.sent_at.is_not(None),
        )
        .where(
            Party.role == LEAD,
            Party.until.is_(None),
            Party.state.in_(("sent", "accepted")),
            SupportRequest.status.in_(AT_WORK),
        )
        .order_by(AssignmentProposal.sent_at, AssignmentProposal.id)
    )
    return {request: membership for request, membership in rows if membership}


def acceptance(session: Session) -> Mapping[str, float]:
    """Agency -> share of its decisions that were to accept, in [0, 1]; who never decided is left out."""
    taken: Counter[str] = Counter()
    decided: Counter[str] = Counter()
    for action, _, entity, _ in _decisions(session):
        if action in {"accept", "refuse"}:
            decided[entity] += 1
            taken[entity] += action == "accept"
    return {entity: taken[entity] / count for entity, count in sorted(decided.items())}


def speed(session: Session) -> Mapping[str, float]:
    """Agency -> median days from being asked to its decision; who never decided is left out."""
    asked: dict[tuple[str, str], float] = {}
    days: defaultdict[str, list[float]] = defaultdict(list)
    for action, request, entity, at in _decisions(session):
        if action == "send":
            asked[request, entity] = at
        elif (request, entity) in asked:
            days[entity].append((at - asked.pop((request, entity))) / 86_400)
    return {entity: median(taken) for entity, taken in sorted(days.items())}


def _decisions(session: Session) -> Iterable[tuple[str, str, str, float]]:
    """(action, request, agency, seconds) of everything sent, accepted and refused, oldest first."""
    rows = session.execute(
        select(Event.action, Event.subject_id, Event.data, Event.at)
        .where(Event.subject_kind == reading.SUBJECT, Event.action.in_(("send", "accept", "refuse")))
        .order_by(Event.id)
    )
    for action, request, data, at in rows:
        if "entity" in data:
            yield action, request, str(data["entity"]), at.timestamp()
