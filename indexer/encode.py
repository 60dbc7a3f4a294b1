"""Vectors of published texts, each encoded once: kept in the database by model and content hash."""

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite

from hub.database import Database
from hub.knowledge.models import CachedVector
from hub.search.embedding import Embedder
from hub.search.types import Vector
from indexer.documents import key

BATCH = 128
"""Texts encoded between two commits: about ten seconds of work, which is all that a crash loses."""
_MOST_IDS = 500


def _silent(_done: int) -> None:
    pass


class VectorCache:
    """Vectors of one model. `embedder` None: only what is kept already. Counts what it `encoded`."""

    def __init__(self, database: Database, model: str | None, embedder: Embedder | None) -> None:
        self._database = database
        self.model = model
        self._embedder = embedder
        self.encoded = 0

    def vectors(self, texts: Iterable[str], done: Callable[[int], None] = _silent) -> dict[str, Vector]:
        """`key` of each text -> its vector. `done` hears how many texts were finished since it was last called.

        Raises `EmbeddingUnavailable`; what was encoded before is kept.
        """
        wanted = {key(text): text for text in texts}
        if self.model is None:
            done(len(wanted))
            return {}
        found = self._kept(self.model, list(wanted))
        done(len(found))
        missing = sorted((item for item in wanted.items() if item[0] not in found), key=lambda item: len(item[1]))
        if self._embedder is None:
            done(len(missing))
            return found
        for start in range(0, len(missing), BATCH):
            # Texts of like length together: an encoder pads a batch to its longest.
            batch = missing[start : start + BATCH]
            found |= self._encode(self.model, self._embedder, batch)
            done(len(batch))
        return found

    def _kept(self, model: str, keys: Sequence[str]) -> dict[str, Vector]:
        found: dict[str, Vector] = {}
        with self._database.session() as session:
            for start in range(0, len(keys), _MOST_IDS):
                query = select(CachedVector.content_hash, CachedVector.values).where(
                    CachedVector.model == model, CachedVector.content_hash.in_(keys[start : start + _MOST_IDS])
                )
                for hash_, values in session.execute(query):
                    found[hash_] = Vector(model, np.frombuffer(values, dtype="<f4").astype(np.float32, copy=False))
        return found

    def _encode(self, model: str, embedder: Embedder, batch: Sequence[tuple[str, str]]) -> dict[str, Vector]:
        values = embedder.documents([text for _, text in batch])
        self.encoded += len(batch)
        rows = [
            {"model": model, "content_hash": hash_, "values": row.astype("<f4").tobytes()}
            for (hash_, _), row in zip(batch, values, strict=True)
        ]
        with self._database.transaction() as session:
            dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
            # Another process may have encoded the same text meanwhile.
            session.execute(dialect.insert(CachedVector).on_conflict_do_nothing(), rows)
        return {hash_: Vector(model, row) for (hash_, _), row in zip(batch, values, strict=True)}
