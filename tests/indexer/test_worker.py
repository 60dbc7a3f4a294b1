import logging
import threading
import time

import pytest
from sqlalchemy import select

from hub.database import Outbox, later
from hub.worker import Worker
from indexer.rebuild import rebuild
from tests.indexer.delivery import bring_in, found, record


def kinds(session):
    session.expire_all()
    return session.scalars(select(Outbox.kind).order_by(Outbox.id)).all()


@pytest.mark.both_databases
def test_the_worker_does_index_changes_and_the_jobs_it_has_a_handler_for(loaded, session):
    rebuild(loaded)
    done = []
    worker = Worker(loaded, {"notice": lambda hub, session, payload: done.append(payload["text"])})
    bring_in(session, record("newcomer", summary="All about windmills."))
    later(session, "notice", {"text": "hello"})
    session.commit()
    assert worker.run_once() == 2
    assert found(loaded, "windmills") == ["newcomer"]
    assert done == ["hello"]
    assert kinds(session) == []
    assert worker.run_once() == 0


@pytest.mark.both_databases
def test_a_job_that_fails_is_rolled_back_kept_and_does_not_stop_the_next(loaded, session):
    rebuild(loaded)
    done = []

    def handler(hub, session, payload):
        later(session, "trace", {})
        if payload["bad"]:
            raise RuntimeError("no such luck")
        done.append(payload)

    later(session, "notice", {"bad": True})
    later(session, "notice", {"bad": False})
    session.commit()
    assert Worker(loaded, {"notice": handler}).run_once() == 1
    assert len(done) == 1
    assert kinds(session) == ["notice", "trace"]
    job = session.scalars(select(Outbox)).first()
    assert (job.attempts, job.last_error, job.lease_until) == (1, "RuntimeError: no such luck", None)


def test_jobs_that_nobody_does_stay_and_are_named_once(loaded, session, caplog):
    rebuild(loaded)
    later(session, "mail", {"person": "1"})
    later(session, "mail", {"person": "2"})
    session.commit()
    worker = Worker(loaded, {})
    with caplog.at_level(logging.WARNING):
        worker.run_once()
        worker.run_once()
    assert [message for message in caplog.messages if "mail" in message] == [
        "nobody does jobs of the kind mail yet; they stay in the outbox"
    ]
    assert kinds(session) == ["mail", "mail"]


@pytest.mark.both_databases
def test_a_job_that_another_worker_holds_is_left_to_it(loaded, session):
    rebuild(loaded)
    later(session, "notice", {})
    session.commit()
    inner = []

    def handler(hub, session, payload):
        inner.append(Worker(loaded, {"notice": handler}).run_once())

    assert Worker(loaded, {"notice": handler}).run_once() == 1
    assert inner == [0]


def test_with_the_engine_away_other_jobs_go_on_and_index_changes_wait(loaded, session):
    done = []
    bring_in(session, record("newcomer"))
    later(session, "notice", {})
    session.commit()
    worker = Worker(loaded, {"notice": lambda hub, session, payload: done.append(1)})
    assert worker.run_once() == 1  # nothing is served yet
    assert kinds(session) == ["index"]
    rebuild(loaded)
    assert worker.run_once() == 0  # the rebuild has it already
    assert kinds(session) == []


def test_the_worker_runs_until_it_is_told_to_stop(loaded, session):
    rebuild(loaded)
    stop = threading.Event()
    thread = threading.Thread(target=Worker(loaded).run_forever, args=(stop,))
    thread.start()
    try:
        bring_in(session, record("newcomer", summary="All about windmills."))
        until = time.monotonic() + 20
        while not found(loaded, "windmills") and time.monotonic() < until:
            time.sleep(0.05)
        assert found(loaded, "windmills") == ["newcomer"]
    finally:
        stop.set()
        thread.join(timeout=20)
    assert not thread.is_alive()


def test_the_worker_outlives_a_database_that_is_away_for_a_moment(loaded, session, monkeypatch, caplog):
    rebuild(loaded)
    bring_in(session, record("newcomer"))
    worker = Worker(loaded)
    stop = threading.Event()
    real = worker.run_once
    calls = []

    def shaky() -> int:
        calls.append(1)
        if len(calls) == 1:
            raise OSError("gone")
        done = real()
        stop.set()
        return done

    monkeypatch.setattr(worker, "run_once", shaky)
    worker.run_forever(stop)
    assert kinds(session) == ["snapshot"]  # the next quarter's, far ahead
