"""Records like a record: by its own vector, kept since it was indexed, so that nothing is encoded while a reader waits."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from hub.errors import ModelMismatch
from hub.knowledge.models import CachedVector, Document
from hub.matching.candidates import content_hash, encoded_texts
from hub.search import service
from hub.search.types import EngineHit, LanguageProfile, Retrieved, SearchQuery, Vector
from hub.wiring import Hub

SHOWN = 5
POOL = 50
"""Nearest works that are looked at."""
FLOOR = 0.25
"""Least nearness, as `nearness` measures it. In the corpus (581 records) 31% of pairs share an objective, of those at

0.25 to 0.3 74%, of those above 0.4 95%; each record has one above 0.24, three of four have five. Measured 2026-11.
"""
WORDS_FLOOR = 0.3
"""Without a vector: least score by words, as a share of what the record scores for its own title."""
SHRINK = 20
"""A language of n records counts n / (n + SHRINK) of its own mean: a few records say little about a language."""

MEANING, WORDS = "meaning", "words"


@dataclass(frozen=True, slots=True)
class Similar:
    """`by`: MEANING or WORDS, whatever found it. `objectives` and `countries`: what both records have."""

    row: Document
    by: str
    objectives: tuple[int, ...]
    countries: tuple[str, ...]


def similar(parts: Hub, session: Session, row: Document, *, reader: str) -> list[Similar]:
    """At most `SHOWN` published works like this one, nearest first, never its own language versions; fewer or none

    where fewer are near. A work is shown in the reader's language if it exists in it. Raises `SearchUnavailable`.
    """
    vector = _vector(session, parts.embedder.model if parts.embedder else None, row)
    near: list[str] = []
    by = MEANING
    if vector is not None:
        try:
            near = _by_meaning(parts.engine.retrieve(vector=vector, limit=POOL), vector.values, row)
        except ModelMismatch:
            vector = None
    if vector is None:
        by = WORDS
        near = _by_words(parts, session, row)
    return [_similar(row, other, by) for other in _read(session, near, reader)[:SHOWN]]


def _vector(session: Session, model: str | None, row: Document) -> Vector | None:
    """The mean of the record's passages, of norm 1; None where one of them was not encoded by this model."""
    if model is None:
        return None
    keys = {content_hash(encoded) for encoded in encoded_texts(row.title, row.body, row.language)}
    kept = session.scalars(
        select(CachedVector.values).where(CachedVector.model == model, CachedVector.content_hash.in_(keys))
    ).all()
    if not keys or len(kept) < len(keys):
        return None
    mean = np.stack([np.frombuffer(values, "<f4") for values in kept]).mean(axis=0)
    return Vector(model, mean / max(float(np.linalg.norm(mean)), 1e-12))


def _by_meaning(retrieved: Retrieved, vector: NDArray[np.float32], row: Document) -> list[str]:
    near = [
        (nearness(hit, vector, retrieved.languages), hit.work) for hit in retrieved.nearest if hit.work != row.work_id
    ]
    return [work for value, work in sorted(near, key=lambda one: (-one[0], one[1])) if value >= FLOOR]


def nearness(hit: EngineHit, vector: NDArray[np.float32], languages: Mapping[str, LanguageProfile]) -> float:
    """How far a hit is on the way from the mean of its language (0) to the very same text (1).

    Cosines of one model lie close together and those within a language higher than those across; their distance from
    what any text of the language has says more.
    """
    count = sum(profile.count for profile in languages.values())
    if not count:
        return hit.score
    overall = sum(float(vector @ profile.centroid) * profile.count for profile in languages.values()) / count
    own = languages.get(hit.language)
    usual = (
        overall if own is None else (float(vector @ own.centroid) * own.count + overall * SHRINK) / (own.count + SHRINK)
    )
    return (hit.score - usual) / max(1.0 - usual, 1e-6)


def _by_words(parts: Hub, session: Session, row: Document) -> list[str]:
    """Works that share words with the title, by a keyword search for them; signs that a query could hold are left out."""
    sought = " ".join(re.findall(r"\w+", row.title)).lower()
    query = SearchQuery(sought, row.language, mode="keyword", limit=SHOWN + 1, facets=())
    hits = service.search(parts.engine, None, session, query).hits
    own = next((hit.score for hit in hits if hit.work == row.work_id), None)
    if own is None:  # not indexed yet: there is nothing to measure the others by
        return []
    return [hit.work for hit in hits if hit.work != row.work_id and hit.score >= own * WORDS_FLOOR]


def _read(session: Session, works: Sequence[str], reader: str) -> list[Document]:
    """One published version a work, in the order of the works; an index may be behind the database.

    The status is looked at here: asked for it too, SQLite walks through all published records instead of these works.
    """
    versions: dict[str, Document] = {}
    rows = session.scalars(
        select(Document)
        .where(Document.work_id.in_(works))
        .options(selectinload(Document.countries), selectinload(Document.objectives))
        .order_by(Document.language, Document.id)
    )
    for row in rows:
        if row.status == "published" and (row.work_id not in versions or row.language == reader):
            versions[row.work_id] = row
    return [versions[work] for work in works if work in versions]


def _similar(row: Document, other: Document, by: str) -> Similar:
    objectives = {one.number for one in row.objectives}
    countries = {one.country for one in row.countries}
    return Similar(
        other,
        by,
        tuple(one.number for one in other.objectives if one.number in objectives),
        tuple(one.country for one in other.countries if one.country in countries),
    )
