"""Conflicts of interest: declared, of one's own State, of one programme; who is left out and what it ends."""

from dataclasses import dataclass

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.accounts.models import EXPERT, FOCAL_POINT, Membership
from hub.errors import Forbidden, IllegalTransition, Invalid, NotFound
from hub.events import Event
from hub.network.models import EntityObjective
from hub.support import conflicts, delivery, experts, reading, requests, triage
from hub.support.experts import ProfileData
from hub.support.models import SupportRequest
from hub.support.requests import RequestData
from tests import factories


@dataclass
class Cast:
    portugal: Membership
    secretariat: Membership
    iom: Membership
    colleague: Membership
    ilo: Membership


@pytest.fixture
def cast(session: Session) -> Cast:
    people = Cast(
        portugal=factories.member(session, FOCAL_POINT, factories.state(session, "PRT")),
        secretariat=factories.secretariat(session),
        iom=factories.member(session, EXPERT, factories.agency(session, "iom")),
        colleague=factories.member(session, EXPERT, factories.agency(session, "iom")),
        ilo=factories.member(session, EXPERT, factories.agency(session, "ilo")),
    )
    session.commit()
    return people


@pytest.fixture
def sent(session: Session, cast: Cast) -> SupportRequest:
    data = RequestData("Protect domestic workers", "Advice on contracts", "en", (6,), summary="Workers")
    row = requests.draft(session, cast.portugal, data, submit=True)
    return triage.send(session, cast.secretariat, row.id, "iom", version=row.version)


def declare(session: Session, by: Membership, row: SupportRequest, **how: bool) -> SupportRequest:
    return delivery.declare(session, by, row.id, version=row.version, reason="financial", **how)


@pytest.mark.both_databases
def test_who_declares_a_conflict_sees_nothing_more_and_colleagues_go_on(
    session: Session, cast: Cast, sent: SupportRequest
) -> None:
    row = declare(session, cast.iom, sent)
    with pytest.raises(NotFound):
        reading.get(session, cast.iom, row.id)
    assert reading.list_visible(session, cast.iom).total == 0
    assert row.status == "matching"
    delivery.accept(session, cast.colleague, row.id, version=row.version)
    assert [one.reason for one in conflicts.for_membership(session, cast.iom, row)] == ["financial"]
    assert conflicts.for_membership(session, cast.colleague, row) == []


def test_a_conflict_may_turn_up_after_accepting(session: Session, cast: Cast, sent: SupportRequest) -> None:
    row = delivery.accept(session, cast.iom, sent.id, version=sent.version)
    row = declare(session, cast.iom, row)
    assert row.status == "planning"
    with pytest.raises(NotFound):
        reading.get(session, cast.iom, row.id)


@pytest.mark.both_databases
@pytest.mark.parametrize("way", ["declare", "refuse"])
def test_a_conflict_of_the_agency_ends_its_part_for_good(
    session: Session, cast: Cast, sent: SupportRequest, way: str
) -> None:
    if way == "declare":
        row = declare(session, cast.iom, sent, whole_agency=True)
    else:
        row = delivery.refuse(session, cast.iom, sent.id, version=sent.version, reason=delivery.CONFLICT)
    assert row.status == "unplaced"
    with pytest.raises(NotFound):
        reading.get(session, cast.colleague, row.id)
    assert conflicts.excluded(session, row) == {"PRT", "iom"}
    with pytest.raises(Invalid) as refused:
        triage.send(session, cast.secretariat, row.id, "iom", version=row.version)
    assert refused.value.errors == {"agency": [conflicts.EXCLUDED]}


def test_with_nobody_left_the_agency_leaves_and_may_be_asked_again(
    session: Session, cast: Cast, sent: SupportRequest
) -> None:
    row = declare(session, cast.iom, sent)
    row = declare(session, cast.colleague, row)
    assert row.status == "unplaced"
    newcomer = factories.member(session, EXPERT, cast.iom.entity)
    session.commit()
    row = triage.send(session, cast.secretariat, row.id, "iom", version=row.version)
    assert reading.readable(newcomer, row)
    assert not reading.readable(cast.iom, row)


def test_only_the_secretariat_hears_of_a_declared_conflict(session: Session, cast: Cast, sent: SupportRequest) -> None:
    row = declare(session, cast.iom, sent)
    for reader in (cast.portugal, cast.colleague):
        told = [entry.event.action for entry in reading.history(session, reader, row)]
        assert "declare" not in told
    assert "declare" in [entry.event.action for entry in reading.history(session, cast.secretariat, row)]


@pytest.mark.both_databases
def test_the_secretariat_lifts_what_was_declared_by_mistake(session: Session, cast: Cast, sent: SupportRequest) -> None:
    row = declare(session, cast.iom, sent)
    (declared,) = row.conflicts
    with pytest.raises(Forbidden):
        conflicts.lift(session, cast.colleague, row.id, declared.id)
    conflicts.lift(session, cast.secretariat, row.id, declared.id)
    assert reading.get(session, cast.iom, row.id).id == row.id
    with pytest.raises(NotFound):
        conflicts.lift(session, cast.secretariat, row.id, declared.id)


def test_somebody_who_was_not_asked_has_nothing_to_declare(session: Session, cast: Cast, sent: SupportRequest) -> None:
    with pytest.raises(NotFound):
        declare(session, cast.ilo, sent)
    closed = factories.request(session, cast.portugal, status="closed")
    factories.party(session, closed, cast.iom.entity, state="accepted")
    session.commit()
    with pytest.raises(IllegalTransition):
        declare(session, cast.iom, closed)


def test_an_expert_is_left_out_of_the_requests_of_their_own_states(
    session: Session, cast: Cast, sent: SupportRequest
) -> None:
    experts.save(session, cast.ilo, cast.ilo.id, ProfileData(1, ("en",), own_states=("PRT",)), version=0)
    found = [one for one in conflicts.of_request(session, sent) if one.membership_id]
    assert [(one.kind, one.membership_id) for one in found] == [("own_state", cast.ilo.id)]
    assert conflicts.pairs(session, [sent], experts.directory(session)) == {(sent.id, cast.ilo.id)}


@pytest.mark.both_databases
def test_an_agency_in_the_same_programme_is_left_out_until_it_ends(
    session: Session, cast: Cast, sent: SupportRequest
) -> None:
    with pytest.raises(Forbidden):
        conflicts.tie(session, cast.ilo, agency="ilo", country="PRT", programme="P", source="S")
    tie = conflicts.tie(session, cast.secretariat, agency="ilo", country="PRT", programme="Fair work", source="Report")
    assert "ilo" in conflicts.excluded(session, sent)
    (shown,) = [one for one in conflicts.of_request(session, sent) if one.entity_id == "ilo"]
    assert (shown.kind, shown.source) == ("same_programme", "Report")
    assert conflicts.pairs(session, [sent], experts.directory(session)) == {(sent.id, cast.ilo.id)}
    conflicts.end_tie(session, cast.secretariat, tie.id)
    assert "ilo" not in conflicts.excluded(session, sent)
    assert conflicts.ties(session, cast.secretariat) == []


def test_a_tie_names_an_agency_a_state_and_its_source(session: Session, cast: Cast) -> None:
    with pytest.raises(Invalid) as refused:
        conflicts.tie(session, cast.secretariat, agency="PRT", country="iom", programme=" ", source="")
    assert list(refused.value.errors) == ["agency", "country", "programme", "source"]


def test_events_of_conflicts_hold_no_words(session: Session, cast: Cast, sent: SupportRequest) -> None:
    declare(session, cast.iom, sent)
    conflicts.tie(session, cast.secretariat, agency="ilo", country="PRT", programme="Fair work", source="Report")
    data = str([event.data for event in session.scalars(select(Event))])
    assert "Fair work" not in data
    assert "Report" not in data


def test_who_has_a_conflict_is_not_scored_and_a_declared_one_shows_to_the_secretariat_alone(
    session: Session, cast: Cast
) -> None:
    for code in ("iom", "ilo", "unicef"):
        entity = factories.agency(session, code)
        entity.objectives = [EntityObjective(number=6, basis="mandate", strength="primary")]
    data = RequestData("Protect domestic workers", "Advice on contracts", "en", (6,), summary="Workers")
    row = requests.draft(session, cast.portugal, data, submit=True)
    conflicts.tie(session, cast.secretariat, agency="ilo", country="PRT", programme="Fair work", source="Report")
    row = triage.send(session, cast.secretariat, row.id, "iom", version=row.version)
    row = declare(session, cast.iom, row, whole_agency=True)

    def matched(reader: Membership) -> set[str]:
        found = reading.matches(session, reader, row, embedder=None, engine=None)
        return {match.id for match in found.agencies}

    assert matched(cast.secretariat) == {"UNICEF"}
    assert matched(cast.portugal) == {"UNICEF", "IOM"}
