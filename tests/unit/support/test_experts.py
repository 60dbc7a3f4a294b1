"""What experts take on, who may say so, and how agencies fare."""

from datetime import date, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.accounts.models import EXPERT, FOCAL_POINT, Membership, Person
from hub.database import now
from hub.errors import Forbidden, Invalid, NotFound, StaleVersion
from hub.events import Event
from hub.support import delivery, experts, requests, triage
from hub.support.experts import DEFAULT_CAPACITY, ProfileData
from hub.support.requests import RequestData
from tests import factories

PROFILE = ProfileData(capacity=2, languages=("fr", "sw"), objectives=(22, 6), regions=("Western Africa", "PRT"))


@pytest.fixture
def iom(session: Session) -> Membership:
    factories.state(session, "PRT")
    factories.state(session, "SEN", regions=("Western Africa", "Africa"))
    return factories.member(session, EXPERT, factories.agency(session, "iom"), language="es")


def known(session: Session, member: Membership) -> experts.Expert:
    return next(one for one in experts.directory(session) if one.membership_id == member.id)


@pytest.mark.both_databases
def test_an_expert_says_what_they_take_on(session: Session, iom: Membership) -> None:
    experts.save(session, iom, iom.id, PROFILE, version=0)
    one = known(session, iom)
    assert (one.capacity, one.languages, one.objectives) == (2, {"fr", "sw"}, {6, 22})
    assert one.countries == {"SEN", "PRT"}
    event = session.scalars(select(Event).where(Event.subject_kind == "expert")).one()
    assert (event.subject_id, event.action, event.audience) == (iom.id, "profile", "secretariat")


def test_without_a_profile_an_expert_works_anywhere_in_the_language_of_the_account(
    session: Session, iom: Membership
) -> None:
    one = known(session, iom)
    assert (one.capacity, one.languages, one.countries, one.version) == (DEFAULT_CAPACITY, {"es"}, None, 0)


@pytest.mark.both_databases
def test_an_absence_counts_on_its_days_only(session: Session, iom: Membership) -> None:
    today = now().date()
    away = ProfileData(capacity=1, languages=("en",), absences=((today, today + timedelta(days=3)),))
    experts.save(session, iom, iom.id, away, version=0)
    absent = {days: experts.directory(session, on=today + timedelta(days=days))[0].absent for days in (-1, 0, 3, 4)}
    assert absent == {-1: False, 0: True, 3: True, 4: False}
    experts.save(session, iom, iom.id, PROFILE, version=1)
    assert not known(session, iom).absent


def test_states_that_somebody_has_served_are_their_own(session: Session, iom: Membership) -> None:
    ghana = factories.state(session, "GHA")
    session.add(Membership(person=iom.person, entity=ghana, role=FOCAL_POINT, confirmed_at=now(), until=now()))
    session.commit()
    experts.save(session, iom, iom.id, ProfileData(1, ("en",), own_states=("SEN",)), version=0)
    assert known(session, iom).own_states == {"GHA", "SEN"}


def test_who_has_left_or_is_locked_out_is_nobody_to_ask(session: Session, iom: Membership) -> None:
    left = factories.member(session, EXPERT, iom.entity)
    left.until = now()
    locked = factories.member(session, EXPERT, iom.entity)
    session.get_one(Person, locked.person_id).disabled_at = now()
    session.commit()
    assert [one.membership_id for one in experts.directory(session)] == [iom.id]


def test_colleagues_are_listed_and_only_a_coordinator_sets_their_profiles(session: Session, iom: Membership) -> None:
    colleague = factories.member(session, EXPERT, iom.entity)
    stranger = factories.member(session, EXPERT, factories.agency(session, "ilo"))
    secretariat = factories.secretariat(session)
    session.commit()
    assert {one.membership.id for one in experts.listing(session, iom)} == {iom.id, colleague.id}
    assert len(experts.listing(session, secretariat)) == 3
    with pytest.raises(Forbidden):
        experts.save(session, iom, colleague.id, PROFILE, version=0)
    with pytest.raises(NotFound):
        experts.save(session, iom, stranger.id, PROFILE, version=0)

    row = experts.save(session, iom, iom.id, PROFILE, version=0)
    experts.set_coordinator(session, secretariat, iom.id, coordinator=True, version=row.version)
    experts.save(session, iom, colleague.id, PROFILE, version=0)
    assert known(session, colleague).capacity == 2
    with pytest.raises(NotFound):
        experts.save(session, iom, stranger.id, PROFILE, version=0)


def test_nobody_makes_themselves_coordinator(session: Session, iom: Membership) -> None:
    row = experts.save(session, iom, iom.id, PROFILE, version=0)
    with pytest.raises(Forbidden):
        experts.set_coordinator(session, iom, iom.id, coordinator=True, version=row.version)


def test_a_profile_changed_meanwhile_is_not_written_over(session: Session, iom: Membership) -> None:
    experts.save(session, iom, iom.id, PROFILE, version=0)
    for seen in (0, 2):
        with pytest.raises(StaleVersion):
            experts.save(session, iom, iom.id, PROFILE, version=seen)


@pytest.mark.parametrize(
    ("data", "field"),
    [
        (ProfileData(-1, ("en",)), "capacity"),
        (ProfileData(1, ("en",), minimum_load=2), "minimum_load"),
        (ProfileData(1, ()), "languages"),
        (ProfileData(1, ("English",)), "languages"),
        (ProfileData(1, ("en",), objectives=(24,)), "objectives"),
        (ProfileData(1, ("en",), regions=("Atlantis",)), "regions"),
        (ProfileData(1, ("en",), own_states=("Western Africa",)), "own_states"),
        (ProfileData(1, ("en",), absences=((date(2026, 2, 2), date(2026, 2, 1)),)), "absences"),
    ],
)
def test_what_cannot_be_is_named_by_its_field(session: Session, iom: Membership, data: ProfileData, field: str) -> None:
    with pytest.raises(Invalid) as refused:
        experts.save(session, iom, iom.id, data, version=0)
    assert list(refused.value.errors) == [field]


@pytest.mark.both_databases
def test_loads_acceptance_and_speed_come_from_what_happened(session: Session, iom: Membership) -> None:
    ilo = factories.member(session, EXPERT, factories.agency(session, "ilo"))
    team = factories.member(session, FOCAL_POINT, factories.state(session, "PRT"))
    secretariat = factories.secretariat(session)
    session.commit()
    for words in ("One", "Two"):
        row = requests.draft(session, team, RequestData(words, "Text", "en", (6,)), submit=True)
        row = triage.send(session, secretariat, row.id, "iom", version=row.version)
        if words == "One":
            row = delivery.accept(session, iom, row.id, version=row.version)
        else:
            row = delivery.refuse(session, iom, row.id, version=row.version, reason="no_capacity")
            row = triage.send(session, secretariat, row.id, "ilo", version=row.version)
            delivery.accept(session, ilo, row.id, version=row.version)
    sent = session.scalars(select(Event).where(Event.action == "send").order_by(Event.id)).first()
    assert sent is not None
    sent.at -= timedelta(days=4)
    session.commit()
    assert experts.loads(session) == {"ilo": 1, "iom": 1}
    assert experts.acceptance(session) == {"ilo": 1.0, "iom": 0.5}
    assert experts.speed(session)["iom"] == pytest.approx(2.0, abs=0.01)
