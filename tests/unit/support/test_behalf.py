"""The secretariat acts for somebody: by that entity's rules, told as what it is, and for nobody else."""

from datetime import date

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy import select

from hub.accounts import policy
from hub.accounts.models import ADMINISTRATOR, EXPERT, FOCAL_POINT, SECRETARIAT, Behalf
from hub.database import now
from hub.errors import Forbidden, IllegalTransition, Invalid, NotFound, StaleVersion
from hub.events import Event
from hub.notices import notices
from hub.support import attachments, behalf, contributions, delivery, ratings, reading, register, requests, triage
from hub.support.delivery import AnswerData
from hub.support.filestore import FileStore
from hub.support.lifecycle import STATUSES
from hub.support.models import Party, SupportRequest
from hub.support.papers import Attachment
from hub.support.requests import RequestData
from hub.worker import Worker
from tests import factories
from tests.unit.support import papers

LETTER = Behalf("letter", date(2026, 11, 3))
WORDS = RequestData("Title", "In the words of the letter", country="PRT", language="en", summary="Summary")


@pytest.fixture
def store(settings):
    return FileStore(settings.files, settings.largest_file)


@pytest.fixture
def people(session):
    return papers.cast(session)


def act(session, people, store, row, entity, action, *, who=None, source=LETTER, letter=None, **values):  # noqa: PLR0917
    values.setdefault("version", row.version)
    return behalf.take(
        session,
        who or people.secretary,
        store,
        row.id,
        entity_id=entity,
        action=action,
        behalf=source,
        values=values,
        letter=letter,
    )


@pytest.mark.both_databases
def test_a_request_by_letter_is_the_states_own_and_says_who_wrote_it(session, people, store):
    row = behalf.write(session, people.secretary, store, WORDS, LETTER, letter=papers.upload(), key="k")
    assert (row.country_id, row.status) == ("PRT", "submitted")
    events = session.scalars(select(Event).where(Event.subject_id == row.id).order_by(Event.id)).all()
    assert [event.action for event in events] == ["draft", "submit"]
    (file,) = session.scalars(select(Attachment)).all()
    for event in events:
        assert event.membership_id == people.secretary.id
        assert event.person_id == people.secretary.person_id
        assert event.data == {"for": "PRT", "source": "letter", "dated": "2026-11-03", "letter": file.id}
    entry = reading.history(session, people.ana, row)[-1]
    assert (entry.office.id, entry.in_the_name_of.id) == ("secretariat", "PRT")
    assert "edit" in reading.possible_actions(people.ana, row)  # the State's team goes on as with any of its requests
    assert [one.id for one in attachments.listing(session, people.secretary, row)] == [file.id]
    again = behalf.write(session, people.secretary, store, WORDS, LETTER, letter=papers.upload(), key="k")
    assert again.id == row.id
    assert len(session.scalars(select(SupportRequest)).all()) == 1


@pytest.mark.both_databases
def test_a_whole_request_runs_on_paper(session, people, store):
    row = behalf.write(session, people.secretary, store, WORDS, LETTER)
    row = triage.ask(session, people.secretary, row.id, version=row.version, note="How many?")
    row = act(session, people, store, row, "PRT", "reply", note="Two hundred.", source=Behalf("call", now().date()))
    row = triage.send(session, people.secretary, row.id, "iom", version=row.version)
    row = act(session, people, store, row, "iom", "accept")
    row = act(session, people, store, row, "iom", "no_plan")
    act(session, people, store, row, "iom", "answer", data=AnswerData("Do this.", "en"))
    row = reading.get(session, people.secretary, row.id)
    row = act(session, people, store, row, "PRT", "close")
    assert row.status == "closed"
    (answer,) = reading.answers(session, people.ana, row)
    assert (answer.entity_id, answer.membership_id) == ("iom", people.secretary.id)


def test_those_in_whose_name_it_was_are_told_and_who_did_it_is_not(hub, session, people, store):
    row = papers.submitted(session, people)
    Worker(hub).run_once()
    before = {name: notices.count_unread(session, who) for name, who in vars(people).items()}
    act(session, people, store, row, "PRT", "withdraw")
    Worker(hub).run_once()
    after = {name: notices.count_unread(session, who) for name, who in vars(people).items()}
    assert {name: after[name] - before[name] for name in before if after[name] != before[name]} == {"ana": 1}


def test_the_letter_is_for_the_secretariat_and_for_who_wrote_it(session, people, store):
    row = papers.accepted(session, people)
    row = act(session, people, store, row, "PRT", "edit", data=WORDS) if row.status == "submitted" else row
    row = act(session, people, store, row, "iom", "no_plan", letter=papers.upload())
    (file,) = session.scalars(select(Attachment)).all()
    assert (file.subject_kind, file.entity_id, file.membership_id) == ("source", "iom", people.secretary.id)
    attachments.get(session, people.iom, file.id)
    for other in (people.ana, people.ghana, people.unhcr):
        with pytest.raises(NotFound):
            attachments.get(session, other, file.id)
    with pytest.raises(Forbidden):
        attachments.erase(session, people.iom, file.id)


def test_nobody_but_the_secretariat_acts_for_others(session, people, store):
    row = papers.submitted(session, people)
    for who, refusal in (
        (people.ana, Forbidden),
        (people.iom, NotFound),
        (people.ghana, NotFound),
        (people.administrator, NotFound),
    ):
        with pytest.raises(refusal):
            act(session, people, store, row, "PRT", "withdraw", who=who)
        with pytest.raises(Forbidden):
            behalf.write(session, who, store, WORDS, LETTER)
    people.secretary.until = now()
    session.commit()
    with pytest.raises(Forbidden):
        behalf.write(session, people.secretary, store, WORDS, LETTER)


def test_nobody_acts_for_the_secretariat_or_as_somebody_who_acts_for_others(session, people):
    office = factories.secretariat_office(session)
    with pytest.raises(Forbidden):
        behalf.view(people.secretary, office, LETTER)
    acting = behalf.view(people.secretary, factories.state(session, "PRT"), LETTER)
    assert (acting.role, acting.entity_id, acting.behalf) == (FOCAL_POINT, "PRT", LETTER)
    with pytest.raises(Forbidden):
        behalf.view(acting, factories.state(session, "GHA"), LETTER)
    assert acting not in session
    assert people.secretary.role == SECRETARIAT
    assert people.secretary.behalf is None


def test_a_draft_is_as_closed_to_the_secretariat_as_ever(session, people, store):
    row = requests.draft(session, people.ana, RequestData("T", "D"))
    with pytest.raises(NotFound):
        act(session, people, store, row, "PRT", "withdraw")


def test_who_has_no_part_in_a_request_has_none_by_letter_either(session, people, store):
    row = papers.submitted(session, people)
    for entity, action in (("GHA", "withdraw"), ("iom", "accept"), ("secretariat", "triage"), ("nobody", "reply")):
        with pytest.raises(NotFound):
            act(session, people, store, row, entity, action)
    for action in ("triage", "send", "draft_answer", "declare", "lapse", "nonsense", "submit"):
        with pytest.raises(NotFound):
            act(session, people, store, row, "PRT", action)
    with pytest.raises((Forbidden, IllegalTransition)):
        act(session, people, store, row, "PRT", "accept")


@pytest.mark.parametrize("source", [Behalf("rumour", date(2026, 1, 1)), Behalf("letter", date(2999, 1, 1))])
def test_a_step_rests_on_something_that_was_said_already(session, people, store, source):
    row = papers.submitted(session, people)
    with pytest.raises(Invalid):
        act(session, people, store, row, "PRT", "withdraw", source=source)
    with pytest.raises(Invalid):
        behalf.write(session, people.secretary, store, WORDS, source)


@pytest.mark.both_databases
def test_a_step_that_fails_leaves_no_letter(session, people, store):
    row = papers.submitted(session, people)
    with pytest.raises(StaleVersion):
        act(session, people, store, row, "PRT", "withdraw", version=row.version + 1, letter=papers.upload())
    assert session.scalars(select(Attachment)).all() == []
    assert list(store.kept()) == []
    with pytest.raises(Invalid):
        act(session, people, store, row, "PRT", "withdraw", letter=papers.upload(b"MZ\x00"))
    assert reading.get(session, people.secretary, row.id).status == "submitted"


def test_an_agency_that_writes_itself_is_not_written_for(session, people, store):
    row = papers.accepted(session, people)
    delivery.save_answer_draft(session, people.iom, row.id, AnswerData("Half"))
    with pytest.raises(IllegalTransition, match="of its own"):
        act(session, people, store, row, "iom", "answer", data=AnswerData("Whole"))


def test_what_can_be_done_for_whom_is_what_they_could_do(session, people):
    row = papers.accepted(session, people)
    found = {entity.id: steps for entity, steps in behalf.possible(people.secretary, row)}
    own = {"PRT": people.ana, "iom": people.iom, "unhcr": people.unhcr}
    of_life = {entity: tuple(step for step in steps if step not in behalf.SAID) for entity, steps in found.items()}
    assert of_life == {
        entity: steps
        for entity, member in own.items()
        if (steps := tuple(one for one in reading.possible_actions(member, row) if one in behalf.ACTIONS))
    }
    assert {entity for entity, steps in found.items() if set(steps) & set(behalf.SAID)} == {"PRT"}
    assert behalf.possible(people.ana, row) == []
    assert behalf.possible(people.administrator, row) == []


parties = st.lists(
    st.tuples(
        st.sampled_from(["PRT", "GHA", "iom"]),
        st.sampled_from(["requesting", "co_requesting", "lead", "contributor", "peer"]),
        st.sampled_from(["active", "sent", "accepted", "shared", "declined"]),
    ),
    max_size=3,
    unique_by=lambda party: party[:2],
)


@hypothesis_settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(status=st.sampled_from(STATUSES), named=parties)
def test_a_view_may_exactly_what_the_entitys_own_people_may_in_python_and_in_sql(session, people, status, named):
    row = factories.request(session, people.ana, status=status)
    row.parties.clear()
    session.flush()
    row.parties = [Party(entity_id=entity, role=role, state=state) for entity, role, state in named]
    session.flush()
    own = {"PRT": people.ana, "GHA": people.ghana, "iom": people.iom}
    try:
        for entity, member in own.items():
            acting = behalf.view(people.secretary, member.entity, LETTER)
            assert acting.role in {FOCAL_POINT, EXPERT}
            assert acting.role != ADMINISTRATOR
            for action in policy.RULES:
                allowed = policy.can(member, action, row)
                assert policy.can(acting, action, row) is allowed
                shown = select(SupportRequest.id).where(policy.visible(acting, action), SupportRequest.id == row.id)
                assert (session.scalar(shown) is not None) is allowed, (entity, action)
    finally:
        session.rollback()


@pytest.mark.both_databases
def test_an_agency_discards_its_draft_so_that_the_secretariat_can_answer_for_it(session, people, store):
    row = papers.accepted(session, people)
    row = delivery.accept(session, people.unhcr, row.id, version=row.version)
    handed = contributions.contribute(session, people.unhcr, row.id, AnswerData("Ours", "en"), version=row.version)
    session.refresh(row)
    data = AnswerData("Half a sentence", "en", contributions=(handed.id,))
    draft = delivery.save_answer_draft(session, people.iom, row.id, data)
    upload = papers.upload()
    file = attachments.add(session, people.iom, store, row.id, upload, kind="answer", subject_id=draft.id)
    version = row.version
    for who, seen, refusal in (
        (people.iom, draft.version + 1, StaleVersion),
        (people.unhcr, draft.version, Forbidden),
        (people.secretary, draft.version, Forbidden),
        (people.ghana, draft.version, NotFound),
    ):
        with pytest.raises(refusal):
            delivery.discard_answer_draft(session, who, row.id, answer_version=seen)
    with pytest.raises(IllegalTransition):
        act(session, people, store, row, "iom", "answer", data=AnswerData("By letter", "en"))

    row = delivery.discard_answer_draft(session, people.iom, row.id, answer_version=draft.version)

    assert reading.answers(session, people.iom, row) == []
    assert row.version == version  # nothing changed for anybody else
    assert attachments.listing(session, people.iom, row) == []
    assert session.get(Attachment, file.id).sha256 is None
    event = session.scalars(select(Event).order_by(Event.id.desc())).first()
    assert (event.action, event.audience, event.person_id) == ("discard_draft", "delivery", people.iom.person_id)
    assert reading.history(session, people.ana, row)[-1].event.action != "discard_draft"
    with pytest.raises(NotFound):
        delivery.discard_answer_draft(session, people.iom, row.id, answer_version=1)
    act(session, people, store, row, "iom", "answer", data=AnswerData("By letter", "en"))
    (answer,) = reading.answers(session, people.ana, row)
    assert answer.text == "By letter"
    assert contributions.contributors(session, row) == {answer.id: ["unhcr"]}


@pytest.mark.both_databases
def test_what_a_state_says_in_a_letter_of_publishing_and_of_the_answer_is_said_in_its_name(session, people, store):
    row = papers.accepted(session, people)
    answer = delivery.answer(session, people.iom, row.id, AnswerData("Do this.", "en"), version=row.version)
    row = reading.get(session, people.secretary, row.id)
    steps = {entity.id: found for entity, found in behalf.possible(people.secretary, row)}
    assert set(behalf.SAID) <= set(steps["PRT"])
    assert not set(behalf.SAID) & set(steps["iom"])

    def say(action, letter=None, source=LETTER, **values):
        behalf.take(
            session,
            people.secretary,
            store,
            row.id,
            entity_id="PRT",
            action=action,
            behalf=source,
            values=values,
            letter=letter,
        )

    say("rate", letter=papers.upload(), answer_id=answer.id, score=4, used="partly")
    (file,) = session.scalars(select(Attachment)).all()
    again = Behalf("letter", LETTER.dated, file.id)
    say("release", source=again, answer_id=answer.id, text="Somebody did this.", language="en", version=None)
    for one in register.agreements(session, people.secretary, row):
        say("publish", source=again, group=one.group, subject=one.subject, seal=one.seal)
    given = [each for one in register.agreements(session, people.ana, row) for each in one.agreed]
    assert {(each.state, each.office) for each in given} == {("PRT", "secretariat")}
    public = register.of_request(session, row)
    assert (public.words.title, public.answers[0].text) == ("Title in private", "Somebody did this.")
    (verdict,) = ratings.verdicts(session, people.ana, row)
    assert (verdict.state, verdict.score, verdict.used) == ("PRT", 4, "partly")
    with pytest.raises(StaleVersion):  # other words than those that were read
        say("publish", group="text", seal="0" * 64)
    say("unpublish", source=again, group="text")
    assert register.of_request(session, row).words is None
    told = session.scalars(select(Event).where(Event.action.in_(behalf.SAID))).all()
    assert {event.action for event in told} == set(behalf.SAID)
    for event in told:
        assert (event.data["for"], event.data["letter"]) == ("PRT", file.id)
        assert event.person_id == people.secretary.person_id
    assert attachments.listing(session, people.secretary, row) == [file]  # one letter said it all


def test_only_a_source_of_that_entity_in_that_request_is_a_letter(session, people, store):
    row = papers.accepted(session, people)
    row = act(session, people, store, row, "iom", "no_plan", letter=papers.upload())
    source = session.scalars(select(Attachment)).one()
    other = attachments.add(session, people.ana, store, row.id, papers.upload())
    for letter in (source.id, other.id, "no such file"):
        with pytest.raises(Invalid) as caught:
            act(session, people, store, row, "PRT", "withdraw", source=Behalf("letter", LETTER.dated, letter))
        assert "letter" in caught.value.errors
    with pytest.raises(Invalid):
        behalf.write(session, people.secretary, store, WORDS, Behalf("letter", LETTER.dated, source.id))
