"""Files of a request: who reads, adds and erases them, and what is left of an erased one."""

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from hub import doctor
from hub.database import Outbox, now
from hub.errors import Forbidden, Gone, Invalid, NotFound
from hub.events import Event
from hub.support import attachments, delivery, requests, triage
from hub.support.attachments import SWEEP
from hub.support.delivery import AnswerData, PlanData
from hub.support.filestore import FileStore
from hub.support.papers import Attachment
from hub.support.requests import RequestData
from hub.worker import Worker
from tests.unit.support import papers


@pytest.fixture
def store(settings):
    return FileStore(settings.files, settings.largest_file)


@pytest.fixture
def people(session):
    return papers.cast(session)


def readers_of(session, people, file):
    found = set()
    for name, membership in vars(people).items():
        try:
            attachments.get(session, membership, file.id)
        except NotFound:
            continue
        found.add(name)
    return found


@pytest.mark.both_databases
def test_who_reads_the_request_in_full_reads_its_file_and_nobody_else(session, people, store):
    row = papers.accepted(session, people)
    version = row.version
    file = attachments.add(session, people.ana, store, row.id, papers.upload())
    assert readers_of(session, people, file) == {"ana", "iom", "secretary"}
    with pytest.raises(NotFound):
        attachments.get(session, None, file.id)
    assert [one.id for one in attachments.listing(session, people.iom, row)] == [file.id]
    assert attachments.listing(session, people.unhcr, row) == []
    session.refresh(row)
    assert row.version == version


def test_a_file_of_a_draft_is_the_teams_own(session, people, store):
    row = requests.draft(session, people.ana, RequestData("T", "D"))
    file = attachments.add(session, people.ana, store, row.id, papers.upload())
    assert readers_of(session, people, file) == {"ana"}
    event = session.scalars(select(Event).where(Event.action == "attach")).one()
    assert event.audience == "requesting"
    with pytest.raises(NotFound):
        attachments.add(session, people.secretary, store, row.id, papers.upload())


def test_a_file_goes_with_the_access_that_it_hung_on(session, people, store):
    row = papers.accepted(session, people)
    file = attachments.add(session, people.iom, store, row.id, papers.upload())
    row.parties[1].until = now()
    session.commit()
    assert "iom" not in readers_of(session, people, file)


def test_a_file_beside_a_draft_answer_is_its_agencys_until_the_answer_is_sent(session, people, store):
    row = papers.accepted(session, people)
    draft = delivery.save_answer_draft(session, people.iom, row.id, AnswerData("Soon."))
    file = attachments.add(session, people.iom, store, row.id, papers.upload(), kind="answer", subject_id=draft.id)
    assert readers_of(session, people, file) == {"iom"}
    with pytest.raises(Invalid):
        attachments.add(session, people.ana, store, row.id, papers.upload(), kind="answer", subject_id=draft.id)
    delivery.answer(session, people.iom, row.id, AnswerData("Here."), version=row.version, answer_version=draft.version)
    assert readers_of(session, people, file) == {"ana", "iom", "secretary"}


def test_a_file_belongs_to_a_plan_of_the_own_agency_only(session, people, store):
    row = papers.accepted(session, people)
    row = delivery.propose(session, people.iom, row.id, PlanData("Plan"), version=row.version)
    plan = row.plans[0]
    file = attachments.add(session, people.iom, store, row.id, papers.upload(), kind="plan", subject_id=plan.id)
    assert file.subject_id == plan.id
    for kind, subject in (("plan", plan.id), ("source", None), ("request", plan.id), ("nonsense", None)):
        with pytest.raises(Invalid):
            attachments.add(session, people.ana, store, row.id, papers.upload(), kind=kind, subject_id=subject)


def test_who_only_reads_the_summary_adds_nothing(session, people, store):
    row = papers.submitted(session, people)
    row = triage.send(session, people.secretary, row.id, "unhcr", version=row.version)
    with pytest.raises(Forbidden):
        attachments.add(session, people.unhcr, store, row.id, papers.upload())
    with pytest.raises(NotFound):
        attachments.add(session, people.ghana, store, row.id, papers.upload())
    assert not store.folder.exists()


def test_a_request_holds_so_many_files_and_no_more(session, people, store, monkeypatch):
    monkeypatch.setattr(attachments, "MOST_FILES", 1)
    row = papers.submitted(session, people)
    file = attachments.add(session, people.ana, store, row.id, papers.upload())
    with pytest.raises(Invalid) as refused:
        attachments.add(session, people.ana, store, row.id, papers.upload())
    assert refused.value.errors == {"file": ["A request holds at most 1 files."]}
    attachments.erase(session, people.ana, file.id)
    attachments.add(session, people.ana, store, row.id, papers.upload())


@pytest.mark.both_databases
def test_an_erased_file_leaves_neither_name_nor_content(hub, session, people, store):
    row = papers.submitted(session, people)
    file = attachments.add(session, people.ana, store, row.id, papers.upload(filename="secret name.pdf"))
    twin = attachments.add(session, people.ana, store, row.id, papers.upload())
    digest = file.sha256
    attachments.erase(session, people.ana, file.id)
    Worker(hub).run_once()
    assert store.whole(digest)  # the twin names it too
    attachments.erase(session, people.secretary, twin.id)
    Worker(hub).run_once()
    assert list(store.kept()) == []
    session.expire_all()
    left = session.get(Attachment, file.id)
    assert (left.name, left.sha256) == ("", None)
    with pytest.raises(Gone):
        attachments.get(session, people.ana, file.id)
    with pytest.raises(NotFound):
        attachments.get(session, people.ghana, file.id)
    events = session.scalars(select(Event).where(Event.action == "erase_file")).all()
    assert [event.data["attachment"] for event in events] == [file.id, twin.id]
    assert all("secret name" not in str(event.data) for event in events)


def test_only_its_own_people_and_the_secretariat_erase_a_file(session, people, store):
    row = papers.accepted(session, people)
    file = attachments.add(session, people.ana, store, row.id, papers.upload())
    with pytest.raises(Forbidden):
        attachments.erase(session, people.iom, file.id)
    with pytest.raises(NotFound):
        attachments.erase(session, people.ghana, file.id)
    attachments.erase(session, people.secretary, file.id)


@pytest.mark.both_databases
def test_what_an_upload_that_died_left_behind_is_swept_up_within_a_day(hub, session, people, store):
    row = papers.submitted(session, people)
    with store.keep(papers.upload(b"its row was never committed")) as lost:
        pass
    file = attachments.add(session, people.ana, store, row.id, papers.upload())
    jobs = session.scalars(select(Outbox).where(Outbox.kind == SWEEP)).all()
    assert len(jobs) == 1
    assert jobs[0].run_at > now() + timedelta(hours=23)
    session.execute(update(Outbox).where(Outbox.kind == SWEEP).values(run_at=now()))
    session.commit()
    Worker(hub).run_once()
    assert store.whole(lost.sha256) is None
    assert store.whole(file.sha256)


def test_the_doctor_names_files_that_are_gone_or_changed(hub, session, people, store):
    row = papers.submitted(session, people)
    assert doctor._files(hub)[0].sentence == "none attached yet"
    first = attachments.add(session, people.ana, store, row.id, papers.upload())
    second = attachments.add(session, people.ana, store, row.id, papers.upload(b"text", "a.txt"))
    assert doctor._files(hub)[0] == doctor.Finding("files", "ok", f"2 attached ({store.folder})")
    store.path(first.sha256).unlink()
    store.path(second.sha256).write_bytes(b"tampered")
    assert [(one.state, first.id in one.sentence, second.id in one.sentence) for one in doctor._files(hub)] == [
        ("note", True, False),
        ("note", False, True),
    ]
