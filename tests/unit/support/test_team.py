"""One lead, one answer: who is asked, who is asked next, who contributes, who works on it, and who is no longer there."""

from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.accounts import people, policy
from hub.accounts.models import ADMINISTRATOR, EXPERT, FOCAL_POINT, Membership
from hub.database import Outbox, now
from hub.errors import Forbidden, IllegalTransition, Invalid, NotFound, StaleVersion
from hub.events import Event
from hub.network.models import WORKING_GROUP, Entity, EntityObjective, WorkingGroup
from hub.support import contributions, delivery, departures, escalation, reading, reminders, requests, team, triage
from hub.support.models import CONTRIBUTOR, Clock, SupportRequest
from hub.support.requests import RequestData
from hub.support.written import AnswerData, PlanData
from tests import factories


@dataclass
class Cast:
    portugal: Membership
    secretariat: Membership
    iom: Membership
    ilo: Membership
    unhcr: Membership


@pytest.fixture
def cast(session: Session) -> Cast:
    people = Cast(
        factories.member(session, FOCAL_POINT, factories.state(session, "PRT")),
        factories.secretariat(session),
        *(factories.member(session, EXPERT, factories.agency(session, code)) for code in ("iom", "ilo", "unhcr")),
    )
    session.commit()
    return people


def submitted(session: Session, cast: Cast) -> SupportRequest:
    return requests.draft(session, cast.portugal, RequestData("Title", "Words", "en", (6,)), submit=True)


def send(session: Session, cast: Cast, row: SupportRequest, agency: str, **how: Any) -> SupportRequest:
    return triage.send(session, cast.secretariat, row.id, agency, version=row.version, **how)


def worked_on(session: Session, cast: Cast) -> SupportRequest:
    """IOM leads, ILO contributes."""
    row = send(session, cast, submitted(session, cast), "iom")
    row = send(session, cast, row, "ilo", role=CONTRIBUTOR)
    row = delivery.accept(session, cast.iom, row.id, version=row.version)
    return delivery.accept(session, cast.ilo, row.id, version=row.version)


def parts(row: SupportRequest) -> set[tuple[str, str, str]]:
    return {(party.entity_id, party.role, party.state) for party in row.parties if team.has_part(party)}


def audiences(session: Session, row: SupportRequest, action: str) -> list[tuple[str, str | None]]:
    found = session.scalars(select(Event).where(Event.subject_id == row.id, Event.action == action).order_by(Event.id))
    return [(event.audience, event.data.get("entity")) for event in found]


# One lead


def test_a_second_lead_is_refused_while_one_has_accepted(session: Session, cast: Cast) -> None:
    row = worked_on(session, cast)
    with pytest.raises(Invalid) as refused:
        send(session, cast, row, "unhcr", replace_lead=True)
    assert refused.value.errors == {"role": [team.LEADS]}


def test_a_lead_that_has_not_decided_is_replaced_knowingly(session: Session, cast: Cast) -> None:
    row = send(session, cast, submitted(session, cast), "iom")
    with pytest.raises(Invalid) as refused:
        send(session, cast, row, "unhcr")
    assert "replace_lead" in refused.value.errors
    row = send(session, cast, row, "unhcr", replace_lead=True)
    assert parts(row) == {("unhcr", "lead", "sent")}
    assert not reading.readable(cast.iom, row)


def test_a_contributor_may_be_asked_to_lead_and_keeps_its_part_until_it_does(session: Session, cast: Cast) -> None:
    row = worked_on(session, cast)
    row = triage.remove(session, cast.secretariat, row.id, version=row.version, agency="iom", note="It left.")
    row = send(session, cast, row, "ilo")
    assert parts(row) == {("ilo", "contributor", "accepted"), ("ilo", "lead", "sent")}
    row = delivery.accept(session, cast.ilo, row.id, version=row.version)
    assert parts(row) == {("ilo", "lead", "accepted")}


# Who is asked next


@pytest.mark.both_databases
def test_when_one_declines_the_next_is_asked_at_once_for_the_same_part(session: Session, cast: Cast) -> None:
    row = send(session, cast, submitted(session, cast), "iom", alternates=("ilo", "UNHCR"))
    row = delivery.refuse(session, cast.iom, row.id, version=row.version, reason="no_capacity")
    assert (row.status, parts(row)) == ("matching", {("ilo", "lead", "sent")})
    row = delivery.refuse(session, cast.ilo, row.id, version=row.version, reason="no_capacity")
    assert parts(row) == {("unhcr", "lead", "sent")}
    row = delivery.refuse(session, cast.unhcr, row.id, version=row.version, reason="no_capacity")
    assert (row.status, parts(row)) == ("unplaced", set())
    sent = session.scalars(select(Event).where(Event.action == "send").order_by(Event.id)).all()
    assert [(event.data["entity"], event.reason, event.person_id is None) for event in sent] == [
        ("iom", "in_scope", False),
        ("ilo", "alternate", True),
        ("unhcr", "alternate", True),
    ]


def test_that_an_agency_is_asked_because_another_declined_is_for_the_secretariat_to_know(
    session: Session, cast: Cast
) -> None:
    row = send(session, cast, submitted(session, cast), "iom", alternates=("ilo",))
    row = delivery.refuse(session, cast.iom, row.id, version=row.version, reason="no_capacity")

    def reasons(membership: Membership) -> list[str | None]:
        return [one.reason for one in reading.history(session, membership, row) if one.event.action == "send"]

    assert reasons(cast.secretariat) == ["in_scope", "alternate"]
    assert reasons(cast.portugal) == ["in_scope", None]
    assert reasons(cast.ilo) == [None]


def test_an_alternate_that_already_has_it_or_is_in_conflict_is_passed_over(session: Session, cast: Cast) -> None:
    row = send(session, cast, submitted(session, cast), "iom", alternates=("ilo", "unhcr"))
    row = send(session, cast, row, "ilo", role=CONTRIBUTOR)
    row = delivery.refuse(session, cast.ilo, row.id, version=row.version, reason="conflict_of_interest")
    assert parts(row) == {("iom", "lead", "sent"), ("unhcr", "contributor", "sent")}
    row = delivery.refuse(session, cast.iom, row.id, version=row.version, reason="no_capacity")
    assert parts(row) == {("unhcr", "contributor", "sent")}


def test_an_unverified_alternate_needs_a_second_look(session: Session, cast: Cast) -> None:
    factories.agency(session, "newcomer", verified=False)
    row = submitted(session, cast)
    with pytest.raises(Invalid) as refused:
        send(session, cast, row, "iom", alternates=("newcomer",))
    assert "confirm_unverified" in refused.value.errors
    session.rollback()
    row = send(
        session,
        cast,
        reading.get(session, cast.secretariat, row.id),
        "iom",
        alternates=("newcomer",),
        confirm_unverified=True,
    )
    assert [one.entity_id for one in team.alternates(session, row)] == ["newcomer"]


def test_choosing_another_than_the_best_match_takes_a_reason_that_the_secretariat_alone_reads(
    session: Session, cast: Cast
) -> None:
    row = submitted(session, cast)
    with pytest.raises(Invalid) as refused:
        send(session, cast, row, "ilo", ranked=("iom", "ilo"))
    assert refused.value.errors == {"adjustment": [team.NOT_BEST]}
    row = send(session, cast, row, "ilo", ranked=("iom", "ilo"), adjustment="IOM asked us not to.")
    assert audiences(session, row, "adjust") == [("secretariat", "ilo")]
    seen = {
        who: [entry.note for entry in reading.history(session, reader, row) if entry.note]
        for who, reader in {"office": cast.secretariat, "state": cast.portugal, "agency": cast.ilo}.items()
    }
    assert seen == {"office": ["IOM asked us not to."], "state": [], "agency": []}


def test_removing_the_lead_takes_a_reason_and_asks_the_next(session: Session, cast: Cast) -> None:
    row = send(session, cast, submitted(session, cast), "iom", alternates=("ilo",))
    row = delivery.accept(session, cast.iom, row.id, version=row.version)
    with pytest.raises(Invalid):
        triage.remove(session, cast.secretariat, row.id, version=row.version, agency="iom", note=" ")
    row = triage.remove(session, cast.secretariat, row.id, version=row.version, agency="iom", note="Silence.")
    assert (row.status, parts(row)) == ("planning", {("ilo", "lead", "sent")})
    row = triage.remove(session, cast.secretariat, row.id, version=row.version, agency="ilo", note="Silence.")
    assert row.status == "unplaced"
    assert {clock.stage for clock in row.clocks if clock.stopped_at is None} == {"match", "plan", "answer"}


# One answer


def test_a_contributor_hands_its_words_to_the_lead_and_sends_the_state_nothing(session: Session, cast: Cast) -> None:
    row = worked_on(session, cast)
    with pytest.raises(Forbidden):
        delivery.answer(session, cast.ilo, row.id, AnswerData("Mine.", "en"), version=row.version)
    draft = contributions.save_draft(session, cast.ilo, row.id, AnswerData("Contracts", "en"))
    assert contributions.listing(session, cast.iom, row) == []
    contributions.contribute(
        session, cast.ilo, row.id, AnswerData("Contracts matter.", "en"), version=row.version, seen=draft.version
    )
    readers = {
        "lead": cast.iom,
        "own": cast.ilo,
        "office": cast.secretariat,
        "state": cast.portugal,
        "other": cast.unhcr,
    }
    assert {
        who: [one.text for one in contributions.listing(session, reader, row)] for who, reader in readers.items()
    } == {
        "lead": ["Contracts matter."],
        "own": ["Contracts matter."],
        "office": ["Contracts matter."],
        "state": [],
        "other": [],
    }


@pytest.mark.both_databases
def test_the_answer_names_who_contributed_and_a_later_one_is_its_next_version(session: Session, cast: Cast) -> None:
    row = worked_on(session, cast)
    given = contributions.contribute(session, cast.ilo, row.id, AnswerData("Contracts.", "en"), version=row.version)
    row = reading.get(session, cast.iom, row.id)
    first = delivery.answer(session, cast.iom, row.id, AnswerData("Use contracts.", "en"), version=row.version)
    row = reading.get(session, cast.iom, row.id)
    second = delivery.answer(session, cast.iom, row.id, AnswerData("And inspect.", "en"), version=row.version)
    read = reading.answers(session, cast.portugal, reading.get(session, cast.portugal, row.id))
    assert [(one.number, one.text) for one in read] == [(1, "Use contracts."), (2, "And inspect.")]
    assert contributions.contributors(session, row) == {first.id: ["ilo"]}
    assert given.answer_id == first.id
    row = reading.get(session, cast.iom, row.id)
    late = AnswerData("Again.", "en", contributions=(given.id,))
    with pytest.raises(Invalid):  # what is in one version is not moved to another
        delivery.answer(session, cast.iom, row.id, late, version=row.version)
    assert second.number == 2


def test_a_contribution_left_out_is_not_named(session: Session, cast: Cast) -> None:
    row = worked_on(session, cast)
    contributions.contribute(session, cast.ilo, row.id, AnswerData("Contracts.", "en"), version=row.version)
    row = reading.get(session, cast.iom, row.id)
    data = AnswerData("Mine alone.", "en", contributions=())
    delivery.answer(session, cast.iom, row.id, data, version=row.version)
    assert contributions.contributors(session, row) == {}


def test_a_plan_names_who_contributed(session: Session, cast: Cast) -> None:
    row = worked_on(session, cast)
    given = contributions.contribute(session, cast.ilo, row.id, AnswerData("Contracts.", "en"), version=row.version)
    row = reading.get(session, cast.iom, row.id)
    plan = PlanData("Together.", language="en", contributions=(given.id,))
    row = delivery.propose(session, cast.iom, row.id, plan, version=row.version)
    assert contributions.contributors(session, row) == {row.plans[0].id: ["ilo"]}


def test_a_colleagues_draft_contribution_is_not_overwritten(session: Session, cast: Cast) -> None:
    row = worked_on(session, cast)
    contributions.save_draft(session, cast.ilo, row.id, AnswerData("Mine", "en"))
    for seen in (None, 7):
        with pytest.raises(StaleVersion) as refused:
            contributions.save_draft(session, cast.ilo, row.id, AnswerData("Theirs", "en"), seen=seen)
        assert refused.value.extra == {"answer_version": 1}


@pytest.mark.both_databases
def test_an_agency_discards_the_draft_of_its_contribution_and_nobody_else_hears_of_it(
    session: Session, cast: Cast
) -> None:
    row = worked_on(session, cast)
    draft = contributions.save_draft(session, cast.ilo, row.id, AnswerData("Half a sentence", "en"))
    version = row.version
    for who, seen, refusal in (
        (cast.ilo, draft.version + 1, StaleVersion),
        (cast.iom, draft.version, Forbidden),
        (cast.secretariat, draft.version, Forbidden),
        (cast.unhcr, draft.version, NotFound),
    ):
        with pytest.raises(refusal):
            contributions.discard_draft(session, who, row.id, seen=seen)

    row = contributions.discard_draft(session, cast.ilo, row.id, seen=draft.version)

    assert contributions.listing(session, cast.ilo, row) == []
    assert row.version == version
    assert audiences(session, row, "discard_contribution") == [("agency", "ilo")]
    hear = {who: reading.history(session, who, row)[-1].event.action for who in (cast.ilo, cast.iom, cast.portugal)}
    assert [action == "discard_contribution" for action in hear.values()] == [True, False, False]
    with pytest.raises(NotFound):
        contributions.discard_draft(session, cast.ilo, row.id, seen=1)
    handed = contributions.contribute(session, cast.ilo, row.id, AnswerData("Ours.", "en"), version=row.version)
    with pytest.raises(NotFound):  # what was handed stays
        contributions.discard_draft(session, cast.ilo, row.id, seen=handed.version)


# Who works on it


def test_a_request_handed_to_a_colleague_is_that_colleagues_task_alone(session: Session, cast: Cast) -> None:
    colleague, third = (factories.member(session, EXPERT, cast.iom.entity) for _ in range(2))
    session.commit()
    row = send(session, cast, submitted(session, cast), "iom")
    row = team.hand_over(session, cast.iom, row.id, version=row.version, assignee=colleague.id)
    tasks = {name: len(reading.tasks(session, who)) for name, who in {"first": cast.iom, "second": colleague}.items()}
    assert tasks == {"first": 0, "second": 1}
    assert [one.audience for one in session.scalars(select(Event).where(Event.action == "hand_over"))] == ["agency"]
    colleague.until = now()  # somebody who left works on nothing
    session.commit()
    assert [len(reading.tasks(session, who)) for who in (cast.iom, third)] == [1, 1]


@pytest.mark.parametrize("who", ["ilo", "portugal"])
def test_only_a_colleague_is_handed_a_request(session: Session, cast: Cast, who: str) -> None:
    row = send(session, cast, submitted(session, cast), "iom")
    with pytest.raises(Invalid):
        team.hand_over(session, cast.iom, row.id, version=row.version, assignee=getattr(cast, who).id)


# Nobody there


def test_an_agency_whose_last_expert_left_is_the_secretariats_task(session: Session, cast: Cast) -> None:
    worked_on(session, cast)
    assert reading.tasks(session, cast.secretariat) == []
    cast.iom.until = now()
    session.commit()
    assert [task.what for task in reading.tasks(session, cast.secretariat)] == ["nobody"]


def test_a_request_that_stands_still_moves_no_clock_and_lets_nobody_act(session: Session, cast: Cast) -> None:
    row = send(session, cast, submitted(session, cast), "iom")
    row = triage.pause(session, cast.secretariat, row.id, version=row.version, note="The account is locked.")
    assert all(clock.paused_at for clock in row.clocks if clock.stopped_at is None)
    assert reading.possible_actions(cast.secretariat, row) == ("resume",)
    with pytest.raises(IllegalTransition):
        delivery.accept(session, cast.iom, row.id, version=row.version)
    assert [task.what for task in reading.tasks(session, cast.secretariat)] == ["resume"]
    assert reading.tasks(session, cast.iom) == []
    row = triage.resume(session, cast.secretariat, row.id, version=row.version)
    assert not any(clock.paused_at for clock in row.clocks)
    assert delivery.accept(session, cast.iom, row.id, version=row.version).status == "planning"


def left(session: Session) -> None:
    """Let the worker look after whoever left, twice, as it may."""
    jobs = session.scalars(select(Outbox).where(Outbox.kind == people.LEFT)).all()
    for job in [*jobs, *jobs]:
        departures.look(None, session, job.payload)
    session.commit()


@pytest.mark.both_databases
def test_a_request_stands_still_once_its_state_has_nobody_left(session: Session, cast: Cast) -> None:
    colleague = factories.member(session, FOCAL_POINT, cast.portugal.entity)
    row = send(session, cast, submitted(session, cast), "iom")
    people.end_membership(session, cast.portugal, cast.portugal.id)
    left(session)
    assert reading.get(session, cast.secretariat, row.id).paused_at is None
    people.disable(session, factories.member(session, ADMINISTRATOR), colleague.person_id)
    left(session)
    row = reading.get(session, cast.secretariat, row.id)
    assert row.paused_at is not None
    assert not [clock for clock in row.clocks if clock.stopped_at is None and clock.paused_at is None]
    assert audiences(session, row, "pause") == [("parties", None)]


def test_the_secretariat_is_told_once_that_an_agency_has_nobody_left(session: Session, cast: Cast) -> None:
    row = worked_on(session, cast)
    people.end_membership(session, cast.iom, cast.iom.id)
    left(session)
    assert audiences(session, row, "gone") == [("secretariat", "iom")]


# Late


def overdue(session: Session, cast: Cast) -> tuple[SupportRequest, Clock]:
    """IOM has not planned in time; UNHCR co-leads the working group of objective 6, and so does IOM."""
    group = Entity(id="cwg-6", kind=WORKING_GROUP, name="Working group")
    group.group = WorkingGroup(type="core", co_lead_ids=["iom", "unhcr", "nobody"])
    group.objectives = [EntityObjective(number=6, basis="working-group", strength="primary")]
    session.add(group)
    row = send(session, cast, submitted(session, cast), "iom")
    row = delivery.accept(session, cast.iom, row.id, version=row.version)
    clock = next(one for one in row.clocks if one.stage == "plan")
    reminders.ring(session, clock.id, at=clock.escalate_at)
    session.commit()
    return reading.get(session, cast.secretariat, row.id), clock


def test_the_co_lead_of_the_working_group_is_told_first_and_then_the_secretariat(session: Session, cast: Cast) -> None:
    row, clock = overdue(session, cast)
    assert audiences(session, row, "escalate") == [("agency", "unhcr")]
    assert clock.escalated_at is None
    reminders.ring(session, clock.id, at=clock.escalate_at)
    assert audiences(session, row, "escalate") == [("agency", "unhcr"), ("secretariat", None)]
    assert clock.escalated_at == clock.escalate_at


def test_a_co_lead_learns_which_stage_is_late_and_nothing_else(session: Session, cast: Cast) -> None:
    row, clock = overdue(session, cast)
    assert escalation.late(session, cast.unhcr) == [escalation.Late(row.reference, (6,), "plan", clock.due_at)]
    assert escalation.late(session, cast.ilo) == []
    assert not reading.readable(cast.unhcr, row)
    with pytest.raises(NotFound):
        reading.get(session, cast.unhcr, row.id)
    delivery.no_plan(session, cast.iom, row.id, version=row.version)
    assert escalation.late(session, cast.unhcr) == []
    assert not policy.can(cast.unhcr, "stage", reading.get(session, cast.iom, row.id))
