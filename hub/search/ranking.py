"""From two lists of an engine to one ranking. Pure; the same for both engines, so no paid fusion is needed.

The rule and its constants were chosen on judged queries and public collections (docs/benchmarks.md); reciprocal rank
fusion loses to the better side wherever one side is weak.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hub.search.types import DocId, EngineHit, LanguageProfile, Retrieved, Vector

POOL = 150
"""How many of the best of each side are scored against each other, and give mean and deviation. 100 loses .02 to .04 of
recall@100."""
LANGUAGE_SHIFT = 1.0
"""How much of a language's mean similarity to the query is taken off its documents. A half left Chinese questions with
Chinese records only (nDCG@10 .06, now .32)."""
SHRINK = 10
"""A language of n documents counts n / (n + SHRINK) of its shift: a few documents say little about a language. One of fewer
documents than this has no part in what `feedback` takes off."""
OTHER_LANGUAGE_OFFSET = 0.5
"""A document in another language than the query shares names and numbers with it at most: by words it counts as no less
than this much below its meaning, as far as the query's words are not found in that language by the glossary."""
MEANING_PER_WORD, MEANING_LEAST, MEANING_MOST = 4.8, 0.2, 0.6
"""Weight of meaning: 4.8 / words, within the bounds. Long questions hold enough words to go by."""
CUT, WORDS_CUT = -0.25, 1.0
"""A document that holds too few words of the query to be found by them (`Parsed.listed`) is listed if its meaning is not
further than this below the mean of the nearest `POOL`, or its words are this far above the mean of the best by words: one
rare word tells more than several common ones (without it cacm loses .03). In standard deviations."""
FEEDBACK, FEEDBACK_WEIGHT = 3, 0.25
"""The query is moved towards the mean of so many best documents, by this much. More is better for exploring (.5: cacm +.01)
and worse for a question with one answer (.5: xquad_es -.003)."""
EXPLORING, MOST_FEEDBACK = 8, 2
"""From so many words on a question explores: it is moved in proportion to its words, up to twice as far (cacm +.006, cisi
+.004, lisa +.009; shorter questions as before)."""
GLOSS_WEIGHT = 0.3
"""How much the English of a question's notions counts beside the question itself (`glossary.GLOSSED`)."""
NEUTRAL = 0.5
"""How much of a moved query's language is taken off, so that other languages come among the nearest at all."""
WEAK_BELOW = {
    "multilingual-e5-small": {"ar": 0.838, "zh": 0.837, "en": 0.830, "fr": 0.825, "ru": 0.821, "es": 0.827},
}
"""Encoder -> language of the question -> what `is_weak` compares must reach. Measured on the live corpus: what 96% of the questions of
`queries_dev_six.jsonl` reach, each language less its mean; the share of words chosen on half of `unanswerable.jsonl`."""
ANSWERING, KNOWN = 3, 0.04
"""How many of the nearest documents say whether there is an answer, and what it counts that the glossary has the words."""


class Ranked(NamedTuple):
    """`keyword` + `meaning` = `score`: contributions, in standard deviations. `hit`: the version found.

    `language_shift`: how much of `meaning` is what languages have in common, taken off or given back (`shifted`);
    `language_boost`: how much of `keyword` is for its language: for words that it cannot share, and `levelled`.
    """

    id: DocId
    hit: EngineHit
    score: float
    keyword: float
    meaning: float
    language_shift: float = 0.0
    language_boost: float = 0.0


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
    """Work -> cosine, less what a language's documents have in common with the query, in an index of several languages."""
    cosines = {hit.work: hit.score for hit in nearest}
    profiles = retrieved.languages
    if len(profiles) < 2:
        return cosines
    level = float(query @ _mean(profiles))
    shifts = {
        language: LANGUAGE_SHIFT * (float(query @ profile.centroid) - level) * profile.count / (profile.count + SHRINK)
        for language, profile in profiles.items()
    }
    return {hit.work: hit.score - shifts.get(hit.language, 0.0) for hit in nearest}


def is_weak(retrieved: Retrieved, query: Vector, language: str | None, covered: float = 0.0) -> bool:
    """Whether even the nearest documents are too far from the question to answer it. `query`: not moved by `feedback`.

    Their mean similarity (`shifted`) counts, and the share of the words that are of the field (`covered`). Never so with an
    encoder for which there is no measured limit, nor in a language of which the index holds few documents: what such a
    question has in common with documents at all is not known.
    """
    limits = next((limits for name, limits in WEAK_BELOW.items() if query.model.startswith(name)), {})
    below = limits.get(language or "")
    profile = retrieved.languages.get(language or "")
    if below is None or profile is None or profile.count < SHRINK or not retrieved.nearest:
        return False
    best = sorted(shifted(retrieved.nearest, query.values, retrieved).values(), reverse=True)[:ANSWERING]
    return float(np.mean(best)) + KNOWN * covered < below


def feedback(
    query: NDArray[np.float32],
    documents: Sequence[tuple[str, NDArray[np.float32]]],
    profiles: Mapping[str, LanguageProfile],
    words: float,
) -> NDArray[np.float32]:
    """The query, of so many `words`, moved towards what `documents` (language, vector), its best so far, have in common

    beyond their languages; then half of the language in it is taken off. L2 norm 1. Sources: Rocchio feedback on vectors (Li et al., TOIS 2023);
    languages as directions of the space (Yang et al., EMNLP 2021).
    """
    moved = query.astype(np.float64)
    if documents:
        own = [vector - profiles[language].centroid for language, vector in documents if language in profiles]
        weight = FEEDBACK_WEIGHT * float(np.clip(words / EXPLORING, 1.0, MOST_FEEDBACK))
        moved += weight * (np.mean(own, axis=0) if own else 0.0)
    known = {language: profile for language, profile in profiles.items() if profile.count >= SHRINK}
    if len(known) > 1:
        # One less than there are languages: what is below a thousandth of the largest is rounding.
        directions = np.stack([profile.centroid for profile in known.values()]).astype(np.float64) - _mean(known)
        moved -= NEUTRAL * np.linalg.pinv(directions, rcond=1e-3) @ (directions @ moved)
    return (moved / max(float(np.linalg.norm(moved)), 1e-12)).astype(np.float32)


def glossed(query: Vector, gloss: Vector) -> Vector:
    """The query moved towards its gloss; L2 norm 1."""
    moved = query.values + GLOSS_WEIGHT * gloss.values
    return Vector(query.model, (moved / max(float(np.linalg.norm(moved)), 1e-12)).astype(np.float32))


def _mean(profiles: Mapping[str, LanguageProfile]) -> NDArray[np.float32]:
    """Of all documents of all languages."""
    total = max(sum(profile.count for profile in profiles.values()), 1)
    return np.sum([profile.centroid * (profile.count / total) for profile in profiles.values()], axis=0)


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


def levelled(pool: Sequence[EngineHit]) -> dict[str, float]:
    """Work -> BM25 as if the pool's documents of each language had the mean and the deviation of all of them.

    The words of a language of few documents are rare, and what is rare weighs: any Chinese record with a sign of the
    question stood above all others (nDCG@10 in six languages +.02).
    """
    scores = np.fromiter((hit.score for hit in pool), np.float64, len(pool))
    if len({hit.language for hit in pool}) < 2:
        return {hit.work: hit.score for hit in pool}
    level, deviation = float(scores.mean()), float(scores.std())
    like: dict[str, tuple[float, float]] = {}
    for language in {hit.language for hit in pool}:
        own = scores[[hit.language == language for hit in pool]]
        known = len(own) / (len(own) + SHRINK)
        mean = level + known * (float(own.mean()) - level)
        like[language] = mean, deviation / max(known * float(own.std()) + (1 - known) * deviation, 1e-9)
    return {hit.work: level + (hit.score - like[hit.language][0]) * like[hit.language][1] for hit in pool}


def fuse(
    retrieved: Retrieved,
    *,
    query: NDArray[np.float32] | None,
    words: Sequence[Sequence[str]],
    language: str | None,
    covered: float = 0.0,
    compared: Sequence[EngineHit] = (),
) -> list[Ranked]:
    """All works listed for a query, best first, ties by id: the pool of both sides, then the rest of the keyword side.

    `query` None: keyword order and scores as they are. No words: meaning alone. `covered`: see `Parsed`. `compared`: the
    best that hold any of the words, where the keyword side asks for several: they are what is scored, and hits of theirs
    that the keyword side does not find come back as not `matched`.
    """
    if query is None:
        return [Ranked(hit.id, hit, hit.score, hit.score, 0.0) for hit in retrieved.keyword]
    keyword_pool = [hit for hit in (compared or retrieved.keyword)[:POOL] if hit.score > 0]
    nearest_pool = retrieved.nearest[:POOL]
    cosines = shifted(nearest_pool, query, retrieved)
    zd, lowest_d = _standardised(cosines)
    moved = _moves(nearest_pool, cosines)
    if not keyword_pool:
        ranked = [
            Ranked(hit.id, hit, zd[hit.work], 0.0, zd[hit.work], language_shift=moved[hit.work]) for hit in nearest_pool
        ]
        return sorted(ranked, key=lambda one: (-one.score, one.id))
    scores = levelled(keyword_pool)
    zb, lowest_b = _standardised(scores)
    raised = _moves(keyword_pool, scores)
    weight = meaning_weight(word_count(words))
    # Of a work that the sides found in two languages, the version that holds the words is shown.
    found = {hit.work for hit in retrieved.keyword}
    pool: dict[str, EngineHit] = {hit.work: hit for hit in nearest_pool}
    for hit in keyword_pool:
        if hit.work in found:
            pool[hit.work] = hit
        else:
            pool.setdefault(hit.work, hit._replace(matched=False))
    ranked: list[Ranked] = []
    for work, hit in pool.items():
        meaning = zd.get(work, lowest_d)
        by_words = zb.get(work, lowest_b)
        if not hit.matched and meaning < CUT and by_words < WORDS_CUT:
            continue
        boost = 0.0
        if hit.language != language and not (language is None and hit.matched):
            boost = (1 - covered) * max(0.0, meaning - OTHER_LANGUAGE_OFFSET - by_words)
        ranked.append(
            Ranked(
                hit.id,
                hit,
                score=(1 - weight) * (by_words + boost) + weight * meaning,
                keyword=(1 - weight) * (by_words + boost),
                meaning=weight * meaning,
                language_shift=weight * moved.get(work, 0.0),
                language_boost=(1 - weight) * (boost + raised.get(work, 0.0)),
            )
        )
    ranked.sort(key=lambda one: (-one.score, one.id))
    floor = ranked[-1].score if ranked else 0.0
    return ranked + below(floor, [hit for hit in retrieved.keyword if hit.work not in pool])


def _moves(pool: Sequence[EngineHit], scores: Mapping[str, float]) -> dict[str, float]:
    """Work -> by how many standard deviations of `scores` its score is another than the engine's."""
    deviation = float(np.std(list(scores.values()))) if scores else 0.0
    return {hit.work: (scores[hit.work] - hit.score) / deviation if deviation else 0.0 for hit in pool}


def below(floor: float, hits: Sequence[EngineHit], *, first: int = 0) -> list[Ranked]:
    """The rest of the keyword side in its own order, under everything that was compared. `first`: how many went before."""
    return [
        Ranked(hit.id, hit, score, score, 0.0)
        for score, hit in ((floor - 1e-6 * (1 + at), hit) for at, hit in enumerate(hits, first))
    ]
