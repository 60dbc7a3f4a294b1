"""Changes of the database -> the served generation, one writer at a time."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Row, delete, func, select
from sqlalchemy.orm import Session

from hub import outbox
from hub.database import Outbox
from hub.errors import SearchUnavailable
from hub.search.embedding import EmbeddingUnavailable
from hub.wiring import Hub
from indexer import documents, rows
from indexer.encode import VectorCache
from indexer.locks import INDEX, only_one
from indexer.progress import bar
from indexer.rebuild import GONE

logger = logging.getLogger(__name__)

BATCH = 500
"""Changes of one write: an engine's commit costs 0.1 to 0.2 s however few they are."""
LOCK_WAIT_S = 60.0
KIND = "index"


@dataclass(slots=True)
class SyncReport:
    """`changes`: outbox rows that are done. `failed`: those that will be tried again, or wait for a person."""

    changes: int = 0
    written: int = 0
    deleted: int = 0
    failed: int = 0


@dataclass(frozen=True, slots=True)
class RepairReport:
    """`ahead`: records that the index holds in a newer version than the database: only a rebuild puts that right."""

    written: int
    deleted: int
    ahead: int


def drain(hub: Hub, *, show: bool = False) -> SyncReport:
    """Bring every change that is due into the served generation.

    Rows name a record only; it is read as it is now, so any number of runs, in any order, end the same. When engine or
    encoder are away this raises `SearchUnavailable` or `EmbeddingUnavailable` and the rows stay as they are; when a record
    cannot be indexed its own row notes the failure. Raises `Busy` when another writer keeps at it.
    """
    report = SyncReport()
    with bar("Updating the index", None, " changes", show=show) as progress:
        while _due(hub, 1):
            with only_one(hub, INDEX, wait_s=LOCK_WAIT_S), hub.database.session() as session:
                jobs = _due(hub, BATCH)  # another writer may have done them while we waited
                _take(hub, session, jobs, report)
            progress.update(len(jobs))
    if report.changes:
        hub.engine.refresh()
    return report


def _due(hub: Hub, limit: int) -> Sequence[Row[int, dict[str, object], int]]:
    with hub.database.session() as session:
        return session.execute(
            select(Outbox.id, Outbox.payload, Outbox.attempts)
            .where(outbox.due((KIND,)))
            .order_by(Outbox.id)
            .limit(limit)
        ).all()


def _take(hub: Hub, session: Session, jobs: Sequence[Row[int, dict[str, object], int]], report: SyncReport) -> None:
    if not jobs:
        return
    try:
        _apply(hub, session, [str(job.payload["document_id"]) for job in jobs], report)
    except (SearchUnavailable, EmbeddingUnavailable):
        raise
    except Exception as error:
        session.rollback()
        if len(jobs) > 1:  # one of them is the culprit
            for job in jobs:
                _take(hub, session, [job], report)
            return
        logger.exception("a change cannot be indexed", extra={"outbox": jobs[0].id, "payload": jobs[0].payload})
        outbox.note_failure(session, jobs[0].id, jobs[0].attempts, error)
        report.failed += 1
    else:
        session.execute(delete(Outbox).where(Outbox.id.in_([job.id for job in jobs])))
        report.changes += len(jobs)
    session.commit()


def _apply(hub: Hub, session: Session, ids: Sequence[str], report: SyncReport) -> None:
    """Write the records as they are now; those that are not published any more are deletions."""
    ids = list(dict.fromkeys(ids))
    cache = _cache(hub)
    changed = rows.read(session, ids)
    published = {row.id for row in changed}
    absent = [id_ for id_ in ids if id_ not in published]
    versions = rows.versions(session, absent)
    session.rollback()  # encoding may take minutes
    vectors = cache.vectors(text for row in changed for text in documents.texts(row))
    if changed:
        hub.engine.write(documents.to_index_docs(changed, vectors))
    if absent:
        hub.engine.delete({id_: versions.get(id_, GONE) for id_ in absent})
    report.written += len(changed)
    report.deleted += len(absent)


def _cache(hub: Hub) -> VectorCache:
    """Vectors of the served generation's model. Another encoder is of no use to it: then those kept before, or none."""
    served = hub.engine.status()
    if served.generation is None:
        raise SearchUnavailable("There is no search index yet: run `python -m indexer rebuild`.")
    embedder = hub.embedder
    fits = embedder is not None and embedder.model == served.model
    return VectorCache(hub.database, served.model, embedder if fits else None)


def repair(hub: Hub, *, show: bool = False) -> RepairReport:
    """Compare (id, version) of database and served generation, and put right what differs, outbox or not."""
    report = SyncReport()
    with only_one(hub, INDEX, wait_s=LOCK_WAIT_S), hub.database.session() as session:
        found = rows.drift(session, hub.engine.versions())
        session.rollback()
        wrong = [*found.behind, *found.gone]
        with bar("Repairing the index", len(wrong), " records", show=show) as progress:
            for start in range(0, len(wrong), BATCH):
                batch = wrong[start : start + BATCH]
                _apply(hub, session, batch, report)
                session.expunge_all()
                progress.update(len(batch))
    hub.engine.refresh()
    return RepairReport(report.written, report.deleted, len(found.ahead))


@dataclass(frozen=True, slots=True)
class Backlog:
    """`waiting`: changes that will be brought in; `failed`: those that wait for a person after five failures."""

    waiting: int
    failed: int


def backlog(session: Session) -> Backlog:
    count = select(func.count()).where(Outbox.kind == KIND)
    return Backlog(
        waiting=session.scalar(count.where(Outbox.attempts < outbox.MOST_ATTEMPTS)) or 0,
        failed=session.scalar(count.where(Outbox.attempts >= outbox.MOST_ATTEMPTS)) or 0,
    )
