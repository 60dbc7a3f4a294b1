"""The state of the index, and of the other work for later, in plain values."""

from typing import Any

from hub import outbox
from hub.wiring import Hub
from indexer import rows, sync


def read(hub: Hub) -> dict[str, Any]:
    """Served generation, database and backlog side by side. Raises `SearchUnavailable` when the engine is away.

    `embedder`: the model that this installation would build with; `rebuild_needed` when it is not the one served, or when
    nothing is served. `waiting`, `failed`: changes for the index; `jobs_…`: notices and mails.
    """
    served = hub.engine.status()
    embedder = hub.embedder
    model = embedder.model if embedder else None
    with hub.database.session() as session:
        published = rows.count(session)
        backlog = sync.backlog(session)
        others = [jobs for jobs in outbox.waiting(session) if jobs.kind != sync.KIND]
    return {
        "engine": served.engine,
        "generation": served.generation,
        "model": served.model,
        "documents": served.documents,
        "built_at": served.built_at.isoformat() if served.built_at else None,
        "rebuild_since": served.rebuild_since.isoformat() if served.rebuild_since else None,
        "published": published,
        "waiting": backlog.waiting,
        "failed": backlog.failed,
        "jobs_waiting": sum(jobs.waiting for jobs in others),
        "jobs_failed": sum(jobs.failed for jobs in others),
        "embedder": model,
        "rebuild_needed": served.generation is None or served.model != model,
    }
