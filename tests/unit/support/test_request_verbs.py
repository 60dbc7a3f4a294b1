"""What people do with a request, through the verbs that pages and API share."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from hub.accounts.models import EXPERT, FOCAL_POINT, Membership
from hub.database import Database, Outbox, now
from hub.errors import BadRequest, Forbidden, HubError, IllegalTransition, Invalid, NotFound, StaleVersion
from hub.events import Event
from hub.support import contributions, delivery, peers, reading, requests, triage
from hub.support.delivery import AnswerData, PlanData
from hub.support.models import CONTRIBUTOR, Answer, SupportRequest
from hub.support.requests import RequestData
from tests import factories

WORDS = RequestData("Protect domestic workers", "We would like advice on contracts.", "en", (6,))
PLAN = PlanData("We compare contracts.", ("Read", "Write"), date(2026, 12, 31), "en")


@dataclass
class Cast:
    """The four kinds of people of one request."""

    portugal: Membership
    ghana: Membership
    secretariat: Membership
    iom: Membership
    ilo: Membership


@pytest.fixture
def cast(session: Session) -> Cast:
    people = Cast(
        portugal=factories.member(session, FOCAL_POINT, factories.state(session, "PRT")),
        ghana=factories.member(session, FOCAL_POINT, factories.state(session, "GHA")),
        secretariat=factories.secretariat(session),
        iom=factories.member(session, EXPERT, factories.agency(session, "iom")),
        ilo=factories.member(session, EXPERT, factories.agency(session, "ilo")),
    )
    session.commit()
    return people


def submitted(session: Session, cast: Cast, **fields: Any) -> SupportRequest:
    return requests.draft(session, cast.portugal, RequestData(**{**as_fields(WORDS), **fields}), submit=True)


def as_fields(data: RequestData) -> dict[str, Any]:
    return {name: getattr(data, name) for name in ("title", "description", "language", "objectives")}


def sent(session: Session, cast: Cast) -> SupportRequest:
    row = submitted(session, cast)
    return triage.send(session, cast.secretariat, row.id, "iom", version=row.version)


def accepted(session: Session, cast: Cast) -> SupportRequest:
    row = sent(session, cast)
    return delivery.accept(session, cast.iom, row.id, version=row.version)


def answered(session: Session, cast: Cast, text: str = "Use model contracts.") -> SupportRequest:
    row = accepted(session, cast)
    delivery.answer(session, cast.iom, row.id, AnswerData(text, "en"), version=row.version)
    return row


def steps(session: Session, reader: Membership, row: SupportRequest) -> list[str]:
    return [entry.event.action for entry in reading.history(session, reader, reading.get(session, reader, row.id))]


@pytest.mark.both_databases
def test_a_request_goes_from_draft_to_closed(session: Session, cast: Cast) -> None:
    practice = factories.document(session, "model-contracts")
    row = requests.draft(session, cast.portugal, WORDS)
    requests.submit(session, cast.portugal, row.id, version=1)
    triage.send(session, cast.secretariat, row.id, "IOM", version=2)
    delivery.accept(session, cast.iom, row.id, version=3)
    delivery.answer(session, cast.iom, row.id, AnswerData("Do this.", "en", (practice.slug,)), version=4)
    requests.close(session, cast.portugal, row.id, version=5)

    read = reading.get(session, cast.portugal, row.reference)
    (answer,) = reading.answers(session, cast.portugal, read)
    assert (read.status, read.version) == ("closed", 6)
    assert [citation.document.slug for citation in answer.citations] == ["model-contracts"]
    assert steps(session, cast.portugal, row) == ["draft", "submit", "send", "accept", "answer", "close"]


@pytest.mark.both_databases
def test_references_count_within_the_year(session: Session, cast: Cast) -> None:
    first, second = (requests.draft(session, cast.portugal, WORDS).reference for _ in range(2))
    assert (first, second) == (f"R-{now().year}-0001", f"R-{now().year}-0002")


def test_every_step_leaves_an_event_and_a_notice_of_ids_only(session: Session, cast: Cast) -> None:
    row = answered(session, cast, "The very secret answer")
    events = session.scalars(select(Event).order_by(Event.id)).all()
    jobs = session.scalars(select(Outbox).order_by(Outbox.id)).all()
    notices = [job for job in jobs if job.kind == "notice"]
    assert [event.action for event in events] == ["draft", "submit", "send", "accept", "answer"]
    assert [notice.payload for notice in notices] == [{"event": event.id, "request": row.id} for event in events]
    ids = {
        row.id,
        *(event.id for event in events),
        *(clock.id for clock in row.clocks),
        *session.scalars(select(Answer.id)),
    }
    assert {value for job in jobs for value in job.payload.values()} <= ids
    assert {event.membership_id for event in events} == {cast.portugal.id, cast.secretariat.id, cast.iom.id}
    assert "secret" not in str([event.data for event in events])


def test_only_a_focal_point_writes_a_request_and_only_for_its_own_state(session: Session, cast: Cast) -> None:
    for writer, data in [
        (None, WORDS),
        (cast.secretariat, WORDS),
        (cast.iom, WORDS),
        (cast.portugal, RequestData("Title", "Text", country="GHA")),
    ]:
        with pytest.raises(Forbidden):
            requests.draft(session, writer, data)
    assert session.scalar(select(func.count()).select_from(SupportRequest)) == 0


def test_a_focal_point_not_yet_confirmed_writes_nothing(session: Session, cast: Cast) -> None:
    newcomer = factories.member(session, FOCAL_POINT, factories.state(session, "PRT"), confirmed=False)
    with pytest.raises(Forbidden):
        requests.draft(session, newcomer, WORDS)


def test_a_language_not_given_is_detected(session: Session, cast: Cast) -> None:
    row = requests.draft(
        session, cast.portugal, RequestData("حماية العمال المنزليين", "نرغب في الحصول على المشورة بشأن العقود.")
    )
    assert row.language == "ar"


def test_the_same_form_sent_twice_makes_one_request(session: Session, cast: Cast) -> None:
    first = requests.draft(session, cast.portugal, WORDS, key="form-1", submit=True)
    second = requests.draft(session, cast.portugal, WORDS, key="form-1", submit=True)
    assert (second.id, second.version, second.status) == (first.id, 2, "submitted")
    assert session.scalar(select(func.count()).select_from(SupportRequest)) == 1


def test_saving_a_form_and_then_submitting_it_submits_the_saved_draft(session: Session, cast: Cast) -> None:
    first = requests.draft(session, cast.portugal, WORDS, key="form-1")
    second = requests.draft(session, cast.portugal, WORDS, key="form-1", submit=True)
    assert (second.id, second.status) == (first.id, "submitted")


def test_a_saved_form_with_other_words_is_not_lost_silently(session: Session, cast: Cast) -> None:
    row = requests.draft(session, cast.portugal, WORDS, key="form-1")
    with pytest.raises(StaleVersion) as caught:
        requests.draft(session, cast.portugal, RequestData("Another title", "Text", "en"), key="form-1")
    assert caught.value.extra == {"version": 1, "id": row.id, "reference": row.reference}


def test_another_writers_key_is_another_request(session: Session, cast: Cast) -> None:
    ours = requests.draft(session, cast.portugal, WORDS, key="form-1")
    theirs = requests.draft(session, cast.ghana, WORDS, key="form-1")
    assert ours.id != theirs.id


def test_editing_replaces_words_and_objectives(session: Session, cast: Cast) -> None:
    row = requests.draft(session, cast.portugal, RequestData("Old", "Old text", "en", (6, 7)))
    requests.edit(session, cast.portugal, row.id, RequestData("New", "New text", "en", (7, 22)), version=1)
    read = reading.get(session, cast.portugal, row.id)
    assert (read.title, read.description, [one.number for one in read.objectives]) == ("New", "New text", [7, 22])


def test_a_request_that_was_sent_is_not_edited_any_more(session: Session, cast: Cast) -> None:
    row = sent(session, cast)
    with pytest.raises(IllegalTransition) as caught:
        requests.edit(session, cast.portugal, row.id, WORDS, version=row.version)
    assert caught.value.extra["possible"] == ["withdraw"]


def test_a_request_cannot_be_handed_to_another_state_by_editing(session: Session, cast: Cast) -> None:
    row = requests.draft(session, cast.portugal, WORDS)
    with pytest.raises(Invalid) as caught:
        requests.edit(session, cast.portugal, row.id, RequestData("T", "D", "en", country="GHA"), version=1)
    assert "country" in caught.value.errors


def test_a_write_names_the_version_it_saw(session: Session, cast: Cast) -> None:
    row = requests.draft(session, cast.portugal, WORDS)
    requests.edit(session, cast.portugal, row.id, RequestData("Colleague's title", "Text", "en"), version=1)
    with pytest.raises(StaleVersion) as caught:
        requests.edit(session, cast.portugal, row.id, WORDS, version=1)
    assert caught.value.extra == {"version": 2}
    assert reading.get(session, cast.portugal, row.id).title == "Colleague's title"


@pytest.mark.parametrize("seen", [0, 3, 99])
def test_a_version_that_never_was_is_stale_too(session: Session, cast: Cast, seen: int) -> None:
    row = submitted(session, cast)
    with pytest.raises(StaleVersion):
        triage.send(session, cast.secretariat, row.id, "iom", version=seen)


def test_an_agency_reads_the_request_once_it_was_sent(session: Session, cast: Cast) -> None:
    row = submitted(session, cast)
    with pytest.raises(NotFound):
        reading.get(session, cast.iom, row.id)
    triage.send(session, cast.secretariat, row.id, "iom", version=row.version)
    assert reading.get(session, cast.iom, row.id).id == row.id


def test_an_agency_that_refuses_reads_it_no_more(session: Session, cast: Cast) -> None:
    row = sent(session, cast)
    delivery.refuse(session, cast.iom, row.id, version=row.version, reason="no_capacity")
    with pytest.raises(NotFound):
        reading.get(session, cast.iom, row.id)
    assert reading.list_visible(session, cast.iom).total == 0


def test_an_agency_that_refused_may_be_asked_again(session: Session, cast: Cast) -> None:
    row = sent(session, cast)
    delivery.refuse(session, cast.iom, row.id, version=row.version, reason="no_capacity")
    row = reading.get(session, cast.secretariat, row.id)
    triage.send(session, cast.secretariat, row.id, "iom", version=row.version)
    assert [party.state for party in reading.get(session, cast.iom, row.id).parties if party.role == "lead"] == ["sent"]


def test_refusing_gives_a_reason_and_other_needs_a_sentence(session: Session, cast: Cast) -> None:
    row = sent(session, cast)
    with pytest.raises(Invalid) as caught:
        delivery.refuse(session, cast.iom, row.id, version=row.version, reason="bored")
    assert "reason" in caught.value.errors
    with pytest.raises(Invalid) as caught:
        delivery.refuse(session, cast.iom, row.id, version=row.version, reason="other", note="  ")
    assert "note" in caught.value.errors


def test_a_refusal_and_its_note_are_for_the_secretariat_only(session: Session, cast: Cast) -> None:
    row = sent(session, cast)
    delivery.refuse(session, cast.iom, row.id, version=row.version, reason="other", note="We advise the other side.")
    last = reading.history(session, cast.secretariat, reading.get(session, cast.secretariat, row.id))[-1]
    assert (last.event.action, last.note, last.office.id) == ("refuse", "We advise the other side.", "iom")
    assert "refuse" not in steps(session, cast.portugal, row)
    ours = reading.get(session, cast.portugal, row.id)
    assert [party.entity_id for party in reading.shown_parties(cast.portugal, ours)] == ["PRT"]
    theirs = reading.get(session, cast.secretariat, row.id)
    assert [party.entity_id for party in reading.shown_parties(cast.secretariat, theirs)] == ["PRT", "iom"]


@pytest.mark.parametrize("name", ["nobody", "PRT", "secretariat", "", "iom'--"])
def test_a_request_is_sent_to_agencies_only(session: Session, cast: Cast, name: str) -> None:
    row = submitted(session, cast)
    with pytest.raises(Invalid) as caught:
        triage.send(session, cast.secretariat, row.id, name, version=row.version)
    assert "agency" in caught.value.errors


def test_an_agency_is_not_sent_a_request_twice(session: Session, cast: Cast) -> None:
    row = sent(session, cast)
    with pytest.raises(Invalid):
        triage.send(session, cast.secretariat, row.id, "iom", version=row.version, role=CONTRIBUTOR)


def test_an_agency_is_not_made_a_requesting_party(session: Session, cast: Cast) -> None:
    row = submitted(session, cast)
    with pytest.raises(Invalid) as caught:
        triage.send(session, cast.secretariat, row.id, "iom", version=row.version, role="requesting")
    assert "role" in caught.value.errors


def test_an_unverified_agency_needs_a_second_look(session: Session, cast: Cast) -> None:
    factories.agency(session, "new", verified=False)
    row = submitted(session, cast)
    with pytest.raises(Invalid) as caught:
        triage.send(session, cast.secretariat, row.id, "new", version=row.version)
    assert "confirm_unverified" in caught.value.errors
    triage.send(session, cast.secretariat, row.id, "new", version=row.version, confirm_unverified=True)
    assert {party.entity_id for party in row.parties} == {"PRT", "new"}


def test_an_answer_rests_on_published_records_only(session: Session, cast: Cast) -> None:
    factories.document(session, "gone", status="withdrawn")
    row = accepted(session, cast)
    with pytest.raises(Invalid) as caught:
        delivery.answer(session, cast.iom, row.id, AnswerData("Text", "en", ("gone", "never-was")), version=row.version)
    assert len(caught.value.errors["citations"]) == 2
    assert reading.get(session, cast.iom, row.id).status == "planning"


def test_an_answer_has_words(session: Session, cast: Cast) -> None:
    row = accepted(session, cast)
    with pytest.raises(Invalid) as caught:
        delivery.answer(session, cast.iom, row.id, AnswerData(" \n "), version=row.version)
    assert "text" in caught.value.errors


def test_a_draft_answer_is_its_own_agencys(session: Session, cast: Cast) -> None:
    row = accepted(session, cast)
    row = triage.send(session, cast.secretariat, row.id, "ilo", version=row.version, role=CONTRIBUTOR)
    delivery.accept(session, cast.ilo, row.id, version=row.version)
    delivery.save_answer_draft(session, cast.iom, row.id, AnswerData("Half a thought", "en"))
    colleague = factories.member(session, EXPERT, factories.agency(session, "iom"))
    for reader, count in [(cast.iom, 1), (colleague, 1), (cast.ilo, 0), (cast.secretariat, 0), (cast.portugal, 0)]:
        read = reading.get(session, reader, row.id)
        assert len(reading.answers(session, reader, read)) == count, reader.role


@pytest.mark.both_databases
def test_a_draft_answer_grows_and_is_sent(session: Session, cast: Cast) -> None:
    one, two = (factories.document(session, slug).slug for slug in ("one", "two"))
    row = accepted(session, cast)
    first = delivery.save_answer_draft(session, cast.iom, row.id, AnswerData("First", "en", (one, two)))
    delivery.save_answer_draft(session, cast.iom, row.id, AnswerData("More", "en", (two, one)), answer_version=1)
    delivery.answer(session, cast.iom, row.id, AnswerData("All", "fr", (two,)), version=row.version, answer_version=2)
    (answer,) = reading.answers(session, cast.portugal, reading.get(session, cast.portugal, row.id))
    assert (answer.id, answer.text, answer.language, answer.status) == (first.id, "All", "fr", "sent")
    assert [citation.document.slug for citation in answer.citations] == ["two"]


def test_saving_a_draft_answer_leaves_everybody_elses_version_alone(session: Session, cast: Cast) -> None:
    row = accepted(session, cast)
    delivery.save_answer_draft(session, cast.iom, row.id, AnswerData("First", "en"))
    assert reading.get(session, cast.secretariat, row.id).version == row.version


def test_a_colleagues_draft_answer_is_not_overwritten(session: Session, cast: Cast) -> None:
    row = accepted(session, cast)
    colleague = factories.member(session, EXPERT, factories.agency(session, "iom"))
    delivery.save_answer_draft(session, colleague, row.id, AnswerData("Mine", "en"))
    delivery.save_answer_draft(session, colleague, row.id, AnswerData("Mine, longer", "en"), answer_version=1)
    for seen, current in [(None, 2), (1, 2)]:
        with pytest.raises(StaleVersion) as caught:
            delivery.answer(
                session, cast.iom, row.id, AnswerData("Yours", "en"), version=row.version, answer_version=seen
            )
        assert caught.value.extra == {"answer_version": current}
    (kept,) = reading.answers(session, cast.iom, reading.get(session, cast.iom, row.id))
    assert kept.text == "Mine, longer"


def test_saving_the_same_draft_answer_twice_is_no_conflict(session: Session, cast: Cast) -> None:
    row = accepted(session, cast)
    first = delivery.save_answer_draft(session, cast.iom, row.id, AnswerData("Text", "en"))
    again = delivery.save_answer_draft(session, cast.iom, row.id, AnswerData("Text", "en"))
    assert (again.id, again.version) == (first.id, 1)


def test_a_closed_request_is_reopened_with_what_is_missing(session: Session, cast: Cast) -> None:
    row = answered(session, cast)
    requests.close(session, cast.portugal, row.id, version=row.version)
    row = reading.get(session, cast.portugal, row.id)
    requests.reopen(session, cast.portugal, row.id, version=row.version, note="And the contracts?")
    read = reading.get(session, cast.iom, row.id)
    assert (read.status, read.closed_at) == ("in_progress", None)
    assert reading.history(session, cast.iom, read)[-1].note == "And the contracts?"


def test_a_discarded_draft_was_never_there_for_the_secretariat(session: Session, cast: Cast) -> None:
    row = requests.draft(session, cast.portugal, WORDS)
    requests.withdraw(session, cast.portugal, row.id, version=1)
    assert reading.get(session, cast.portugal, row.id).status == "discarded"
    with pytest.raises(NotFound):
        reading.get(session, cast.secretariat, row.id)
    assert reading.counts(session, cast.secretariat) == {}


def test_declining_says_why_to_the_state(session: Session, cast: Cast) -> None:
    row = submitted(session, cast)
    triage.decline(session, cast.secretariat, row.id, version=row.version, reason="duplicate", note="See R-2026-0001.")
    last = reading.history(session, cast.portugal, reading.get(session, cast.portugal, row.id))[-1]
    assert (last.event.action, last.event.reason, last.note) == ("decline", "duplicate", "See R-2026-0001.")


def note_of(session: Session, reader: Membership, row: SupportRequest, action: str) -> str | None:
    read = reading.get(session, reader, row.id)
    return next((one.note for one in reading.history(session, reader, read) if one.event.action == action), None)


def test_triage_says_what_was_found(session: Session, cast: Cast) -> None:
    row = submitted(session, cast)
    with pytest.raises(Invalid) as caught:
        triage.triage(session, cast.secretariat, row.id, version=row.version, reason="other")
    assert "note" in caught.value.errors
    row = triage.triage(session, cast.secretariat, row.id, version=row.version, reason="partly_in_scope")
    last = reading.history(session, cast.portugal, row)[-1]
    assert (row.status, last.event.action, last.event.reason) == ("triaged", "triage", "partly_in_scope")


def test_sending_at_once_says_that_it_is_within_scope(session: Session, cast: Cast) -> None:
    once = sent(session, cast)
    assert reading.history(session, cast.portugal, once)[-1].event.reason == "in_scope"
    row = submitted(session, cast)
    row = triage.triage(session, cast.secretariat, row.id, version=row.version)
    row = triage.send(session, cast.secretariat, row.id, "iom", version=row.version)
    assert reading.history(session, cast.portugal, row)[-1].event.reason is None


def test_other_words_are_triaged_again(session: Session, cast: Cast) -> None:
    row = submitted(session, cast)
    row = triage.triage(session, cast.secretariat, row.id, version=row.version)
    requests.edit(session, cast.portugal, row.id, RequestData("Another need", "Words", "en"), version=row.version)
    assert reading.get(session, cast.secretariat, row.id).status == "submitted"


@pytest.mark.both_databases
def test_a_question_is_answered_by_a_reply_and_stays_between_state_and_secretariat(
    session: Session, cast: Cast
) -> None:
    row = submitted(session, cast)
    row = triage.ask(session, cast.secretariat, row.id, version=row.version, note="For how many people?")
    assert (row.status, note_of(session, cast.portugal, row, "ask")) == ("clarification", "For how many people?")
    row = requests.reply(session, cast.portugal, row.id, version=row.version, note="For a thousand.")
    assert (row.status, note_of(session, cast.secretariat, row, "reply")) == ("submitted", "For a thousand.")
    triage.send(session, cast.secretariat, row.id, "iom", version=row.version)
    assert not {"ask", "reply", "edit"} & set(steps(session, cast.iom, row))


def test_a_question_is_answered_by_changing_the_words(session: Session, cast: Cast) -> None:
    row = submitted(session, cast)
    row = triage.ask(session, cast.secretariat, row.id, version=row.version, note="For how many people?")
    with pytest.raises(Invalid) as caught:
        requests.reply(session, cast.portugal, row.id, version=row.version, note=" ")
    assert "note" in caught.value.errors
    row = requests.edit(session, cast.portugal, row.id, RequestData("T", "For a thousand", "en"), version=row.version)
    assert row.status == "clarification"
    assert requests.reply(session, cast.portugal, row.id, version=row.version).status == "submitted"


def test_the_last_agency_to_refuse_leaves_a_request_unplaced(session: Session, cast: Cast) -> None:
    row = sent(session, cast)
    row = triage.send(session, cast.secretariat, row.id, "ilo", version=row.version, role=CONTRIBUTOR)
    row = delivery.refuse(session, cast.iom, row.id, version=row.version, reason="no_capacity")
    assert row.status == "matching"
    row = delivery.refuse(session, cast.ilo, row.id, version=row.version, reason="no_capacity")
    assert row.status == "unplaced"
    assert "refuse" not in steps(session, cast.portugal, row)
    row = triage.send(session, cast.secretariat, row.id, "iom", version=row.version)
    assert row.status == "matching"


def test_a_contributor_that_accepts_first_waits_for_a_lead(session: Session, cast: Cast) -> None:
    row = sent(session, cast)
    row = triage.send(session, cast.secretariat, row.id, "ilo", version=row.version, role=CONTRIBUTOR)
    row = delivery.accept(session, cast.ilo, row.id, version=row.version)
    assert row.status == "matching"
    with pytest.raises(IllegalTransition):
        delivery.propose(session, cast.ilo, row.id, PLAN, version=row.version)
    row = delivery.accept(session, cast.iom, row.id, version=row.version)
    assert row.status == "planning"
    with pytest.raises(Forbidden):
        delivery.propose(session, cast.ilo, row.id, PLAN, version=row.version)


@pytest.mark.both_databases
def test_a_plan_is_proposed_sent_back_and_agreed(session: Session, cast: Cast) -> None:
    row = accepted(session, cast)
    row = delivery.propose(session, cast.iom, row.id, PLAN, version=row.version)
    row = requests.send_back(session, cast.portugal, row.id, version=row.version, note="Sooner, please.")
    assert note_of(session, cast.iom, row, "send_back") == "Sooner, please."
    row = delivery.propose(session, cast.iom, row.id, PlanData("Sooner", language="en"), version=row.version)
    row = delivery.propose(session, cast.iom, row.id, PlanData("Very soon", language="en"), version=row.version)
    row = requests.agree(session, cast.portugal, row.id, version=row.version)
    read = reading.get(session, cast.portugal, row.id)
    assert read.status == "in_progress"
    assert [(plan.number, plan.text, plan.status) for plan in read.plans] == [
        (1, "We compare contracts.", "sent_back"),
        (2, "Sooner", "replaced"),
        (3, "Very soon", "agreed"),
    ]
    assert (read.plans[0].steps, read.plans[0].target_on) == (["Read", "Write"], date(2026, 12, 31))


def test_a_plan_has_words_and_its_refusal_a_reason(session: Session, cast: Cast) -> None:
    row = accepted(session, cast)
    with pytest.raises(Invalid) as caught:
        delivery.propose(session, cast.iom, row.id, PlanData(" "), version=row.version)
    assert "text" in caught.value.errors
    row = delivery.propose(session, cast.iom, row.id, PLAN, version=row.version)
    with pytest.raises(Invalid) as caught:
        requests.send_back(session, cast.portugal, row.id, version=row.version, note="")
    assert "note" in caught.value.errors


def test_nothing_is_agreed_before_it_is_proposed(session: Session, cast: Cast) -> None:
    row = accepted(session, cast)
    with pytest.raises(IllegalTransition) as caught:
        requests.agree(session, cast.portugal, row.id, version=row.version)
    assert caught.value.extra["possible"] == ["withdraw"]


def test_an_answer_makes_a_plan_needless(session: Session, cast: Cast) -> None:
    row = accepted(session, cast)
    row = delivery.propose(session, cast.iom, row.id, PLAN, version=row.version)
    delivery.answer(session, cast.iom, row.id, AnswerData("Here it is.", "en"), version=row.version)
    read = reading.get(session, cast.portugal, row.id)
    assert (read.status, [plan.status for plan in read.plans]) == ("answered", ["replaced"])


def test_a_plan_agreed_may_be_replaced_while_work_goes_on(session: Session, cast: Cast) -> None:
    row = accepted(session, cast)
    row = delivery.propose(session, cast.iom, row.id, PLAN, version=row.version)
    row = requests.agree(session, cast.portugal, row.id, version=row.version)
    row = delivery.propose(session, cast.iom, row.id, PlanData("Otherwise", language="en"), version=row.version)
    assert (row.status, [plan.status for plan in row.plans]) == ("planning", ["agreed", "proposed"])


@pytest.mark.both_databases
def test_a_peer_state_agrees_and_reads_everything_once_it_is_shared(session: Session, cast: Cast) -> None:
    row = sent(session, cast)
    row = peers.ask_peer(session, cast.secretariat, row.id, version=row.version, country="GHA")
    assert [task.what for task in reading.tasks(session, cast.ghana)] == ["join"]
    seen = reading.get(session, cast.ghana, row.id)
    assert reading.possible_actions(cast.ghana, seen) == ("join", "stay_out")
    row = peers.join(session, cast.ghana, row.id, version=row.version)
    assert not reading.detailed(cast.ghana, row)
    row = peers.share(session, cast.portugal, row.id, version=row.version, country="GHA")
    assert reading.detailed(cast.ghana, row)
    assert reading.possible_actions(cast.ghana, row) == ()
    assert steps(session, cast.ghana, row) == ["ask_peer", "join", "share"]
    assert not {"ask_peer", "join", "share"} & set(steps(session, cast.iom, row))


@pytest.mark.both_databases
def test_a_state_invited_asks_together_once_it_joins(session: Session, cast: Cast) -> None:
    row = requests.draft(session, cast.portugal, WORDS)
    row = peers.invite(session, cast.portugal, row.id, version=row.version, country="GHA")
    with pytest.raises(Forbidden):
        requests.edit(session, cast.ghana, row.id, WORDS, version=row.version)
    row = peers.join(session, cast.ghana, row.id, version=row.version)
    row = requests.edit(session, cast.ghana, row.id, RequestData("Ours", "Together", "en"), version=row.version)
    row = requests.submit(session, cast.ghana, row.id, version=row.version)
    assert (row.title, row.status) == ("Ours", "submitted")
    with pytest.raises(NotFound):
        reading.get(session, cast.iom, row.id)


def test_a_state_that_stays_out_sees_nothing_any_more_and_may_be_asked_again(session: Session, cast: Cast) -> None:
    row = sent(session, cast)
    row = peers.ask_peer(session, cast.secretariat, row.id, version=row.version, country="GHA")
    row = peers.stay_out(session, cast.ghana, row.id, version=row.version)
    with pytest.raises(NotFound):
        reading.get(session, cast.ghana, row.id)
    row = reading.get(session, cast.secretariat, row.id)
    peers.ask_peer(session, cast.secretariat, row.id, version=row.version, country="GHA")
    assert reading.get(session, cast.ghana, row.id).id == row.id


@pytest.mark.parametrize("country", ["PRT", "XXX", "iom", "secretariat", ""])
def test_only_another_state_is_asked(session: Session, cast: Cast, country: str) -> None:
    row = sent(session, cast)
    with pytest.raises(Invalid) as caught:
        peers.ask_peer(session, cast.secretariat, row.id, version=row.version, country=country)
    assert "country" in caught.value.errors


def test_a_state_is_asked_once(session: Session, cast: Cast) -> None:
    row = sent(session, cast)
    row = peers.ask_peer(session, cast.secretariat, row.id, version=row.version, country="GHA")
    with pytest.raises(Invalid):
        peers.ask_peer(session, cast.secretariat, row.id, version=row.version, country="GHA")


@pytest.mark.both_databases
def test_what_was_begun_waits_last_and_without_a_deadline(session: Session, cast: Cast) -> None:
    def waiting(who: Membership) -> list[tuple[str, str, bool]]:
        return [(one.what, one.request.id, one.request.due_at is not None) for one in reading.tasks(session, who)]

    begun = requests.draft(session, cast.portugal, WORDS)
    row = sent(session, cast)
    asked = sent(session, cast)
    row = delivery.accept(session, cast.iom, row.id, version=row.version)
    row = delivery.no_plan(session, cast.iom, row.id, version=row.version)
    row = triage.send(
        session, cast.secretariat, row.id, "ilo", version=row.version, role="contributor", adjustment="It knows."
    )
    row = delivery.accept(session, cast.ilo, row.id, version=row.version)
    draft = delivery.save_answer_draft(session, cast.iom, row.id, AnswerData("Half a", "en"))
    assert waiting(cast.iom) == [
        ("decide", asked.id, True),
        ("write", row.id, True),
        ("finish", row.id, False),
    ]
    assert reading.tasks_in(session, cast.iom, row) == ["write", "finish"]
    contributions.save_draft(session, cast.ilo, row.id, AnswerData("Ours", "en"))
    assert waiting(cast.ilo) == [("contribute", row.id, True), ("finish", row.id, False)]
    row = reading.get(session, cast.ilo, row.id)
    contributions.contribute(session, cast.ilo, row.id, AnswerData("Ours", "en"), version=row.version, seen=1)
    assert waiting(cast.ilo) == []
    delivery.discard_answer_draft(session, cast.iom, row.id, answer_version=draft.version)
    assert [what for what, _, _ in waiting(cast.iom)] == ["decide", "write"]
    assert waiting(cast.portugal) == [("finish", begun.id, False)]
    assert [what for what, _, _ in waiting(cast.secretariat)] == []


def test_what_waits_for_whom(session: Session, cast: Cast) -> None:
    def waiting() -> dict[str, list[str]]:
        return {
            name: [task.what for task in reading.tasks(session, getattr(cast, name))]
            for name in ("portugal", "ghana", "secretariat", "iom", "ilo")
            if reading.tasks(session, getattr(cast, name))
        }

    row = requests.draft(session, cast.portugal, WORDS)
    assert waiting() == {"portugal": ["finish"]}
    row = requests.submit(session, cast.portugal, row.id, version=row.version)
    assert waiting() == {"secretariat": ["triage"]}
    row = triage.ask(session, cast.secretariat, row.id, version=row.version, note="For whom?")
    assert waiting() == {"portugal": ["reply"]}
    row = requests.reply(session, cast.portugal, row.id, version=row.version, note="For all.")
    row = triage.triage(session, cast.secretariat, row.id, version=row.version)
    assert waiting() == {"secretariat": ["send"]}
    row = triage.send(session, cast.secretariat, row.id, "ilo", version=row.version)
    assert waiting() == {"ilo": ["decide"]}
    row = delivery.refuse(session, cast.ilo, row.id, version=row.version, reason="no_capacity")
    assert waiting() == {"secretariat": ["send_again"]}
    row = triage.send(session, cast.secretariat, row.id, "iom", version=row.version)
    row = delivery.accept(session, cast.iom, row.id, version=row.version)
    assert waiting() == {"iom": ["plan"]}
    row = delivery.propose(session, cast.iom, row.id, PLAN, version=row.version)
    assert waiting() == {"portugal": ["agree"]}
    row = requests.send_back(session, cast.portugal, row.id, version=row.version, note="Sooner, please.")
    assert waiting() == {"iom": ["plan"]}
    row = delivery.no_plan(session, cast.iom, row.id, version=row.version)
    assert waiting() == {"iom": ["write"]}
    delivery.answer(session, cast.iom, row.id, AnswerData("Text", "en"), version=row.version)
    assert waiting() == {"portugal": ["read"]}


def test_a_list_is_paged_by_cursor_newest_first(session: Session, cast: Cast) -> None:
    references = [submitted(session, cast).reference for _ in range(5)]
    seen: list[str] = []
    cursor = None
    for _ in range(3):
        page = reading.list_visible(session, cast.secretariat, limit=2, cursor=cursor)
        assert page.total == 5
        seen += [row.reference for row in page.rows]
        cursor = page.cursor
    assert seen == references[::-1]
    assert cursor is None


def test_a_list_by_status_counts_what_it_shows(session: Session, cast: Cast) -> None:
    submitted(session, cast)
    row = sent(session, cast)
    page = reading.list_visible(session, cast.secretariat, status=["matching"])
    assert (page.total, [one.id for one in page.rows]) == (1, [row.id])
    assert reading.counts(session, cast.secretariat) == {"matching": 1, "submitted": 1}


@pytest.mark.parametrize("cursor", ["", "x", "é", "a" * 1000, "bm90IGFuIGlk", "%00"])
def test_a_made_up_cursor_is_refused(session: Session, cast: Cast, cursor: str) -> None:
    with pytest.raises(BadRequest):
        reading.list_visible(session, cast.secretariat, cursor=cursor)


@pytest.mark.both_databases
@pytest.mark.parametrize("name", ["", "R-1999-0001", "\x00", "é", "x" * 10_000, "' or 1=1 --"])
def test_a_name_of_nothing_is_not_found(session: Session, cast: Cast, name: str) -> None:
    with pytest.raises(NotFound):
        reading.get(session, cast.secretariat, name)


def at_once(database: Database, people: list[Membership], act: Callable[[Session, Membership], Any]) -> list[Any]:
    """Run `act` for each person in a thread and session of its own, as close together as it goes; errors are results."""
    barrier = threading.Barrier(len(people))
    results: list[Any] = [None] * len(people)

    def run(at: int, person: Membership) -> None:
        with database.session() as own:
            me = own.get_one(Membership, person.id)
            assert me.entity  # loaded before the start
            assert me.person
            own.rollback()
            own.refresh(me)
            barrier.wait()
            try:
                results[at] = act(own, me)
            except HubError as error:
                results[at] = error

    threads = [threading.Thread(target=run, args=(at, person)) for at, person in enumerate(people)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return results


@pytest.mark.both_databases
def test_two_sends_at_once_make_one(session: Session, database: Database, cast: Cast) -> None:
    row = submitted(session, cast)
    people = [factories.secretariat(session), factories.secretariat(session)]
    session.commit()
    results = at_once(
        database,
        people,
        lambda own, me: triage.send(own, me, row.id, "iom", version=row.version, alternates=["ilo"]).version,
    )
    assert sorted(type(result).__name__ for result in results) == ["StaleVersion", "int"]
    read = reading.get(session, cast.secretariat, row.id)
    assert [party.entity_id for party in read.parties] == ["PRT", "iom"]
    assert steps(session, cast.secretariat, row).count("send") == 1


@pytest.mark.both_databases
def test_two_plans_proposed_at_once_make_one(session: Session, database: Database, cast: Cast) -> None:
    row = accepted(session, cast)
    people = [cast.iom, factories.member(session, EXPERT, factories.agency(session, "iom"))]
    session.commit()
    results = at_once(
        database, people, lambda own, me: delivery.propose(own, me, row.id, PLAN, version=row.version).version
    )
    assert sorted(type(result).__name__ for result in results) == ["StaleVersion", "int"]
    assert [plan.number for plan in reading.get(session, cast.portugal, row.id).plans] == [1]


@pytest.mark.both_databases
def test_agreeing_and_proposing_at_once_does_one_of_them(session: Session, database: Database, cast: Cast) -> None:
    row = accepted(session, cast)
    row = delivery.propose(session, cast.iom, row.id, PLAN, version=row.version)

    def act(own: Session, me: Membership) -> str:
        if me.role == EXPERT:
            return delivery.propose(own, me, row.id, PLAN, version=row.version).status
        return requests.agree(own, me, row.id, version=row.version).status

    results = at_once(database, [cast.iom, cast.portugal], act)
    (taken,) = [result for result in results if isinstance(result, str)]
    read = reading.get(session, cast.portugal, row.id)
    assert read.status == taken
    assert [plan.status for plan in read.plans] == (["agreed"] if taken == "in_progress" else ["replaced", "proposed"])


@pytest.mark.both_databases
def test_requests_written_at_once_get_a_reference_each(session: Session, database: Database, cast: Cast) -> None:
    references = at_once(
        database,
        [cast.portugal, cast.ghana, cast.portugal, cast.ghana],
        lambda own, me: requests.draft(own, me, WORDS).reference,
    )
    assert sorted(references) == [f"R-{now().year}-{number:04d}" for number in range(1, 5)]


@pytest.mark.both_databases
def test_a_double_click_makes_one_request(session: Session, database: Database, cast: Cast) -> None:
    ids = at_once(
        database,
        [cast.portugal] * 3,
        lambda own, me: requests.draft(own, me, WORDS, key="the form", submit=True).id,
    )
    assert len(set(ids)) == 1
    assert reading.get(session, cast.secretariat, ids[0]).version == 2


@pytest.mark.both_databases
def test_two_colleagues_beginning_an_answer_at_once_do_not_overwrite_each_other(
    session: Session, database: Database, cast: Cast
) -> None:
    row = accepted(session, cast)
    people = [cast.iom, factories.member(session, EXPERT, factories.agency(session, "iom"))]
    session.commit()
    results = at_once(
        database, people, lambda own, me: delivery.save_answer_draft(own, me, row.id, AnswerData(me.id, "en")).text
    )
    (kept,) = reading.answers(session, cast.iom, reading.get(session, cast.iom, row.id))
    assert [result for result in results if isinstance(result, str)] == [kept.text]
    assert sum(isinstance(result, StaleVersion) for result in results) == 1
