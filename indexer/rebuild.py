"""A new generation beside the served one: fill, catch up, check, swap."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from hub.database import Outbox
from hub.search.engine import Rebuild
from hub.wiring import Hub
from indexer import documents, gate, rows
from indexer.encode import VectorCache
from indexer.locks import INDEX, REBUILD, only_one
from indexer.progress import bar

CHUNK = 1_000
"""Records read, encoded and written together."""
_CATCH_UPS = 5
_SWAP_WAIT_S = 300.0
GONE = 2**31 - 1
"""Version of the deletion of a record that is no longer in the database: nothing comes after it."""


@dataclass(frozen=True, slots=True)
class RebuildReport:
    """`encoded`: texts that no cached vector was there for. `repaired`: records that changed while it was filled."""

    generation: str
    model: str | None
    documents: int
    encoded: int
    repaired: int
    seconds: float


def rebuild(hub: Hub, *, show: bool = False) -> RebuildReport:
    """Build a generation from the database and serve it; until then, and if anything fails, the one before is served.

    Changes made meanwhile are found by comparing (id, version) of database and generation: once while the served one still
    takes writes, and once more while nobody writes. Raises `Busy`, `GateFailed`, `SearchUnavailable`, `EmbeddingUnavailable`.
    """
    begun = time.monotonic()
    with only_one(hub, REBUILD, wait_s=1.0):
        embedder = hub.embedder
        model = embedder.model if embedder else None
        cache = VectorCache(hub.database, model, embedder)
        generation = _next(hub.engine.status().generation)
        with hub.engine.rebuild(generation, model=model) as filling, hub.database.session() as session:
            _fill(session, filling, cache, show=show)
            repaired = 0
            for _ in range(_CATCH_UPS):
                found = _catch_up(session, filling, cache)
                repaired += found
                if not found:
                    break
            with only_one(hub, INDEX, wait_s=_SWAP_WAIT_S):
                # Whatever asked for these is committed, so the comparison below sees it.
                answered = session.scalars(select(Outbox.id).where(Outbox.kind == "index")).all()
                session.rollback()
                repaired += _catch_up(session, filling, cache)
                gate.check(session, filling, cache)
                count = len(filling.versions())
                session.rollback()
                filling.commit()
                _forget(session, answered)
    return RebuildReport(generation, model, count, cache.encoded, repaired, time.monotonic() - begun)


def _next(generation: str | None) -> str:
    """Generations are counted; a name that is no number (another release's) starts anew."""
    return str(int(generation) + 1) if generation and generation.isdigit() else "1"


def _fill(session: Session, filling: Rebuild, cache: VectorCache, *, show: bool) -> None:
    with bar("Building the index", rows.count(session), " records", show=show) as progress:
        for chunk in rows.chunks(session, CHUNK):
            target = progress.n + len(chunk)

            def heard(finished: int, target: int = target) -> None:
                progress.update(min(finished, target - progress.n))

            vectors = cache.vectors((text for row in chunk for text in documents.texts(row)), heard)
            filling.write(documents.to_index_docs(chunk, vectors))
            progress.update(target - progress.n)  # records may share a text, or have several


def _catch_up(session: Session, filling: Rebuild, cache: VectorCache) -> int:
    """Bring the generation up to the database as it is now. Returns how many records it took."""
    found = rows.drift(session, filling.versions())
    for start in range(0, len(found.behind), CHUNK):
        changed = rows.read(session, found.behind[start : start + CHUNK])
        vectors = cache.vectors(text for row in changed for text in documents.texts(row))
        filling.write(documents.to_index_docs(changed, vectors))
    if found.gone:
        now = rows.versions(session, found.gone)
        filling.delete({id_: now.get(id_, GONE) for id_ in found.gone})
    session.rollback()
    session.expunge_all()
    return len(found.behind) + len(found.gone)


def _forget(session: Session, answered: Sequence[int]) -> None:
    """Work that the new generation already holds."""
    for start in range(0, len(answered), 500):
        session.execute(delete(Outbox).where(Outbox.id.in_(answered[start : start + 500])))
    session.commit()
