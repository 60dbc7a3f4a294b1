"""Does the work that changes leave behind: index, notices, mails. `hub worker`, or a thread of the serving process."""

import logging
import threading
from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from hub import outbox
from hub.accounts import people
from hub.database import Outbox
from hub.errors import SearchUnavailable
from hub.knowledge import search_log
from hub.notices import mail, notices
from hub.search.embedding import EmbeddingUnavailable
from hub.support import assigning, attachments, clocks, departures, links, offers, reminders, snapshots, vectors
from hub.wiring import Hub
from indexer import sync
from indexer.locks import Busy

logger = logging.getLogger(__name__)

Handler = Callable[[Hub, Session, Mapping[str, Any]], None]
"""Does one job from its payload, in a session that is committed afterwards. Doing it twice must do no harm."""

HANDLERS: Mapping[str, Handler] = {
    notices.NOTICE: notices.announce,
    notices.MAIL: mail.send_notice,
    notices.DIGEST: mail.send_digest,
    clocks.CLOCK: reminders.look,
    people.LEFT: departures.look,
    offers.SUBJECT: offers.expire,
    snapshots.SNAPSHOT: snapshots.make_due,
    links.MAIL_LINK: mail.send_question,
    attachments.SWEEP: attachments.sweep,
    vectors.ENCODE: vectors.encode,
    assigning.JOB: assigning.solve,
    search_log.PURGE: search_log.purge,
}
"""Kind of job -> who does it. Index changes are drained in batches by `indexer.sync` instead."""

BATCH = 20
"""Jobs between two looks at the index."""
LOOK_AGAIN_S = 1.0
LONGEST_WAIT_S = 60.0
"""Between two tries while search engine or encoder are away."""


class Worker:
    """One of them per process. `handlers` stands in for `HANDLERS` in tests."""

    def __init__(self, hub: Hub, handlers: Mapping[str, Handler] | None = None) -> None:
        self._hub = hub
        self._handlers = HANDLERS if handlers is None else handlers
        self._named: set[str] = set()
        self._wait_s = LOOK_AGAIN_S

    def run_once(self) -> int:
        """Do what is due now, and return how many jobs were done. What fails stays in the outbox and is tried again."""
        return self._index() + self._others()

    def run_forever(self, stop: threading.Event) -> None:
        """Until `stop` is set; a job in hand is finished first."""
        planned = False
        while not stop.is_set():
            try:
                planned = planned or self._plan()
                done = self.run_once()
            except Exception:  # the database may be away for a moment; the rows are safe
                logger.exception("the worker could not go on; it tries again")
                self._back_off()
                done = 0
            if not done:
                stop.wait(self._wait_s)

    def _plan(self) -> bool:
        """Put into the outbox what comes round by itself."""
        with self._hub.database.transaction() as session:
            snapshots.schedule(session)
        return True

    def _back_off(self) -> None:
        self._wait_s = min(2 * self._wait_s, LONGEST_WAIT_S)

    def _index(self) -> int:
        try:
            done = sync.drain(self._hub).changes
        except (SearchUnavailable, EmbeddingUnavailable, Busy) as error:
            if self._wait_s == LOOK_AGAIN_S:
                logger.warning("the index cannot take changes now: %s", error)
            self._back_off()
            return 0
        self._wait_s = LOOK_AGAIN_S
        return done

    def _others(self) -> int:
        with self._hub.database.session() as session:
            self._name_unknown(session)
        done = 0
        for _ in range(BATCH if self._handlers else 0):
            # One lease and one session a job: a slow one costs no other its lease, and nothing read is older than it.
            with self._hub.database.session() as session:
                jobs = outbox.lease(session, tuple(self._handlers), 1)
                if not jobs:
                    break
                done += self._do(session, jobs[0])
        return done

    def _do(self, session: Session, job: Outbox) -> int:
        """Returns how many jobs are done: one, or none."""
        done = 0
        try:
            self._handlers[job.kind](self._hub, session, job.payload)
            session.execute(delete(Outbox).where(Outbox.id == job.id))
            done = 1
        except outbox.NotYet as reason:
            session.rollback()
            logger.warning("jobs of the kind %s wait: %s", job.kind, reason)
            outbox.put_off(session, job, reason)
        except Exception as error:
            session.rollback()
            logger.exception("a job failed", extra={"outbox": job.id, "kind": job.kind})
            outbox.note_failure(session, job.id, job.attempts, error)
        session.commit()
        return done

    def _name_unknown(self, session: Session) -> None:
        """Rows of a kind that nobody handles stay; each kind is logged once."""
        known = {sync.KIND, *self._handlers, *self._named}
        for kind in session.scalars(select(Outbox.kind).where(Outbox.kind.not_in(known)).distinct()):
            logger.warning("nobody does jobs of the kind %s yet; they stay in the outbox", kind)
            self._named.add(kind)
        session.rollback()
