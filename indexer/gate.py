"""What a new generation must show before it is served."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.errors import HubError
from hub.knowledge.models import Document
from hub.search import query
from hub.search.engine import Rebuild
from hub.search.types import EngineHit
from indexer import documents, rows
from indexer.encode import VectorCache

SAMPLES = 40
TOP = 3
FOUND = 0.9
"""Least share of samples that find themselves. Of the corpus all 581 do, by title and by vector (November 2026)."""


class GateFailed(HubError):
    """The new generation is not fit to be served; the one before stays."""

    status = 500
    slug = "gate-failed"
    title = "The new index did not pass its checks and was dropped; the one before is still served"


def check(session: Session, filling: Rebuild, cache: VectorCache) -> None:
    """Raise `GateFailed` unless the generation holds as many records as are published, and records find themselves:

    by their title among the first `TOP` keyword hits, by their own vector among the first `TOP` nearest. Records are drawn
    evenly over the ids, always the same. Another record of the same title, or of the same text, is as good.
    """
    held = sorted(filling.versions())
    published = rows.count(session)
    if len(held) != published:
        raise GateFailed(f"It holds {len(held)} records, but {published} are published.")
    if not held:
        return
    sample = rows.read(session, sorted({held[at * len(held) // SAMPLES] for at in range(SAMPLES)}))
    _require("title", [_by_title(session, filling, row) for row in sample])
    vectors = cache.vectors(documents.texts(row)[0] for row in sample)
    asked = [(row, vectors.get(documents.key(documents.texts(row)[0]))) for row in sample]
    _require(
        "vector",
        [
            any(
                hit.work == row.work_id or hit.score > 0.9999
                for hit in filling.retrieve(vector=vector, limit=TOP).nearest
            )
            for row, vector in asked
            if vector is not None
        ],
    )


def _by_title(session: Session, filling: Rebuild, row: Document) -> bool:
    hits = filling.retrieve(query=query.words(row.title, row.language), limit=TOP).keyword
    return any(hit.work == row.work_id for hit in hits) or row.title in _titles(session, hits)


def _titles(session: Session, hits: Sequence[EngineHit]) -> Sequence[str]:
    return session.scalars(select(Document.title).where(Document.id.in_([hit.id for hit in hits]))).all()


def _require(what: str, found: Sequence[bool]) -> None:
    if found and sum(found) < FOUND * len(found):
        raise GateFailed(f"Only {sum(found)} of {len(found)} sample records are found by their own {what}.")
