import pytest
from sqlalchemy import delete, select, update

from hub.database import Outbox, later, now
from hub.errors import SearchUnavailable
from hub.knowledge.models import Document
from hub.outbox import MOST_ATTEMPTS, retry
from indexer import sync
from indexer.rebuild import rebuild
from tests.indexer.delivery import CountingEmbedder, bring_in, edit, found, record


class Troubled:
    """The real engine; `trouble` is raised by writes, of every record or of those whose title has the word `only`."""

    def __init__(self, engine, trouble: Exception | None = None, only: str = "") -> None:
        self.engine = engine
        self.trouble = trouble
        self.only = only

    def __getattr__(self, name):
        return getattr(self.engine, name)

    def write(self, docs):
        docs = list(docs)
        if self.trouble and any(self.only in doc.title for doc in docs):
            raise self.trouble
        return self.engine.write(docs)


@pytest.fixture
def served(loaded, session):
    """Three records, indexed, on an engine that can be troubled."""
    bring_in(session, *(record(f"record-{number}") for number in range(3)))
    rebuild(loaded)
    loaded.__dict__["engine"] = Troubled(loaded.engine)
    return loaded


def jobs(session):
    session.expire_all()
    return session.scalars(select(Outbox).order_by(Outbox.id)).all()


def due_now(session) -> None:
    session.execute(update(Outbox).values(run_at=now()))
    session.commit()


@pytest.mark.both_databases
def test_sync_brings_in_what_was_added_changed_withdrawn_and_deleted(served, session):
    bring_in(session, record("newcomer", summary="All about windmills."))
    edit(session, "record-0", summary="Now about lighthouses.")
    edit(session, "record-1", status="withdrawn")
    gone = session.query(Document).filter_by(slug="record-2").one()
    later(session, "index", {"document_id": gone.id})
    session.execute(delete(Document).where(Document.id == gone.id))
    session.commit()
    report = sync.drain(served)
    assert (report.changes, report.written, report.deleted, report.failed) == (4, 2, 2, 0)
    assert found(served, "windmills") == ["newcomer"]
    assert found(served, "lighthouses") == ["record-0"]
    assert len(served.engine.versions()) == 2
    assert jobs(session) == []
    assert sync.drain(served).changes == 0


def test_many_changes_of_one_record_end_as_it_is_now(served, session):
    for number in range(5):
        edit(session, "record-0", summary=f"Draft {number}.")
    assert sync.drain(served).written == 1
    assert found(served, "draft 4") == ["record-0"]
    assert found(served, "3") == []


def test_a_withdrawn_record_that_is_published_again_is_found_again(served, session):
    edit(session, "record-0", status="withdrawn")
    sync.drain(served)
    edit(session, "record-0", status="published", summary="About windmills.")
    sync.drain(served)
    assert found(served, "windmills") == ["record-0"]


def test_an_engine_that_is_away_costs_no_attempt_and_nothing_is_lost(served, session):
    bring_in(session, record("newcomer", summary="All about windmills."))
    served.engine.trouble = SearchUnavailable("away")
    for _ in range(MOST_ATTEMPTS + 1):
        with pytest.raises(SearchUnavailable):
            sync.drain(served)
    assert [job.attempts for job in jobs(session)] == [0]
    served.engine.trouble = None
    assert sync.drain(served).changes == 1
    assert found(served, "windmills") == ["newcomer"]


def test_nothing_served_yet_keeps_the_changes(loaded, session):
    bring_in(session, record("newcomer"))
    with pytest.raises(SearchUnavailable, match="rebuild"):
        sync.drain(loaded)
    assert len(jobs(session)) == 1


@pytest.mark.both_databases
def test_one_record_that_cannot_be_indexed_does_not_hold_up_the_others(served, session):
    served.engine.trouble, served.engine.only = ValueError("cannot be read"), "cursed"
    bring_in(session, record("cursed"), record("newcomer", summary="All about windmills."))
    report = sync.drain(served)
    assert (report.changes, report.failed) == (1, 1)
    assert found(served, "windmills") == ["newcomer"]
    [job] = jobs(session)
    assert (job.attempts, job.last_error) == (1, "ValueError: cannot be read")
    assert job.run_at > now()
    assert sync.drain(served).failed == 0  # not before its time


def test_after_five_failures_a_change_waits_for_a_person(served, session):
    served.engine.trouble = ValueError("cannot be read")
    bring_in(session, record("cursed"))
    for _ in range(MOST_ATTEMPTS):
        assert sync.drain(served).failed == 1
        due_now(session)
    served.engine.trouble = None
    assert sync.drain(served).changes == 0
    assert sync.backlog(session) == sync.Backlog(waiting=0, failed=1)
    session.commit()
    assert retry(session, ("index",)) == 1
    session.commit()
    assert sync.drain(served).changes == 1


@pytest.mark.both_databases
def test_repair_finds_what_no_outbox_row_tells_of(served, session):
    bring_in(session, record("newcomer"))
    edit(session, "record-0", summary="Now about lighthouses.")
    edit(session, "record-1", status="withdrawn")
    session.execute(delete(Outbox))
    session.commit()
    report = sync.repair(served)
    assert (report.written, report.deleted, report.ahead) == (2, 1, 0)
    assert found(served, "lighthouses") == ["record-0"]
    assert sync.repair(served).written == 0


def test_repair_names_records_that_the_database_has_in_an_older_version_only(served, session):
    edit(session, "record-0", summary="Lost with the disk.")
    sync.drain(served)
    session.execute(update(Document).where(Document.slug == "record-0").values(version=1))
    session.commit()
    assert sync.repair(served).ahead == 1


def test_another_encoder_than_the_index_was_built_with_does_not_stop_keyword_updates(served, session):
    served.__dict__["embedder"] = CountingEmbedder(dim=16)
    bring_in(session, record("newcomer", summary="All about windmills."))
    assert sync.drain(served).changes == 1
    assert found(served, "windmills") == ["newcomer"]
    assert served.embedder.encoded == []
