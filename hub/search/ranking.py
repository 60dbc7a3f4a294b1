"""From two lists of an engine to one ranking. Pure; the same for both engines, so no paid fusion is needed.

The rule and its constants were chosen on judged queries and public collections (docs/benchmarks.md); reciprocal rank
fusion loses to the better side wherever one side is weak.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hub.search.types import DocId, EngineHit, Retrieved

POOL = 100
"""How many of the best of each side are scored against each other, and give mean and deviation."""
LANGUAGE_SHIFT = 0.5
"""How much of a language's mean similarity to the query is taken off its documents (half held on every set)."""
SHRINK = 20
"""A language of n documents counts n / (n + SHRINK) of its shift: a few documents say little about a language."""
UNMATCHED_OFFSET = 1.0
"""A document in another language than the query cannot share its words: it is taken as this much below its meaning."""
MEANING_PER_WORD, MEANING_LEAST, MEANING_MOST = 4.8, 0.2, 0.6
"""Weight of meaning: 4.8 / words, within the bounds. Long questions hold enough words to go by."""
CUT = 0.0
"""A document without any word of the query is listed if its meaning is above the mean of the nearest `POOL`."""


@dataclass(frozen=True, slots=True)
class Ranked:
    """`keyword` + `meaning` = `score`: contributions, in standard deviations. `hit`: the version found."""

    id: DocId
    hit: EngineHit
    score: float
    keyword: float
    meaning: float


def word_count(words: Sequence[Sequence[str]]) -> float:
    """Distinct words of an analysed query. Chinese comes as signs and pairs of signs: two pairs make about a word."""
    count = 0.0
    for alternatives in words:
        term = alternatives[0]
        if term and "\u3040" <= term[0] <= "\u9fff":
            count += 0.5 if len(term) > 1 else 0.0
        else:
            count += 1.0
    return max(count, 1.0) if words else 0.0


def meaning_weight(words: float) -> float:
    return float(np.clip(MEANING_PER_WORD / max(words, 1.0), MEANING_LEAST, MEANING_MOST))


def shifted(nearest: Sequence[EngineHit], query: NDArray[np.float32], retrieved: Retrieved) -> dict[str, float]:
    """Work -> cosine, less what a language's documents have in common with the query, when several languages are in the pool."""
    cosines = {hit.work: hit.score for hit in nearest}
    profiles = retrieved.languages
    if len({hit.language for hit in nearest}) < 2 or len(profiles) < 2:
        return cosines
    total = sum(profile.count for profile in profiles.values())
    everything = sum(
        (profile.centroid * profile.count for profile in profiles.values()), start=np.zeros_like(query)
    ) / max(total, 1)
    level = float(query @ everything)
    shifts = {
        language: LANGUAGE_SHIFT * (float(query @ profile.centroid) - level) * profile.count / (profile.count + SHRINK)
        for language, profile in profiles.items()
    }
    return {hit.work: hit.score - shifts.get(hit.language, 0.0) for hit in nearest}


def _standardised(scores: dict[str, float]) -> tuple[dict[str, float], float]:
    """z-scores, and the lowest of them, which stands for whatever is not in the list."""
    if not scores:
        return {}, 0.0
    values = np.fromiter(scores.values(), dtype=np.float64)
    deviation = float(values.std())
    if deviation == 0.0:
        return dict.fromkeys(scores, 0.0), 0.0
    z = (values - values.mean()) / deviation
    return dict(zip(scores, z.tolist(), strict=True)), float(z.min())


def fuse(
    retrieved: Retrieved, *, query: NDArray[np.float32] | None, words: Sequence[Sequence[str]], language: str | None
) -> list[Ranked]:
    """All works listed for a query, best first, ties by id: the pool of both sides, then the rest of the keyword side.

    `query` None: keyword order and scores as they are. No words: meaning alone.
    """
    if query is None:
        return [Ranked(hit.id, hit, hit.score, hit.score, 0.0) for hit in retrieved.keyword]
    keyword_pool = [hit for hit in retrieved.keyword[:POOL] if hit.score > 0]
    nearest_pool = retrieved.nearest[:POOL]
    zd, lowest_d = _standardised(shifted(nearest_pool, query, retrieved))
    if not keyword_pool:
        ranked = [Ranked(hit.id, hit, zd[hit.work], 0.0, zd[hit.work]) for hit in nearest_pool]
        return sorted(ranked, key=lambda one: (-one.score, one.id))
    zb, lowest_b = _standardised({hit.work: hit.score for hit in keyword_pool})
    weight = meaning_weight(word_count(words))
    # Of a work that the sides found in two languages, the version that holds the words is shown.
    pool: dict[str, EngineHit] = {hit.work: hit for hit in (*nearest_pool, *keyword_pool)}
    ranked: list[Ranked] = []
    for work, hit in pool.items():
        meaning = zd.get(work, lowest_d)
        by_words = zb.get(work, lowest_b)
        if not hit.matched:
            if meaning < CUT:
                continue
            if language is None or hit.language != language:
                by_words = max(by_words, meaning - UNMATCHED_OFFSET)
        keyword_part, meaning_part = (1 - weight) * by_words, weight * meaning
        ranked.append(Ranked(hit.id, hit, keyword_part + meaning_part, keyword_part, meaning_part))
    ranked.sort(key=lambda one: (-one.score, one.id))
    floor = ranked[-1].score if ranked else 0.0
    tail = [hit for hit in retrieved.keyword if hit.work not in pool]
    # The rest of the keyword side follows in its own order, below everything that was compared.
    ranked += [
        Ranked(hit.id, hit, floor - 1e-6 * (1 + at), floor - 1e-6 * (1 + at), 0.0) for at, hit in enumerate(tail)
    ]
    return ranked
