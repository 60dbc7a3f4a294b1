"""From two lists of an engine to one ranking. Pure; the same for both engines, so no paid fusion is needed.

The rule and its constants were chosen on judged queries and public collections (docs/benchmarks.md); reciprocal rank
fusion loses to the better side wherever one side is weak.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
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
ACROSS_LANGUAGES = 2
"""In an index of several languages it is moved so many times as far: what the best have in common says in all of them what
is meant (six languages +.014, each of them; one language alone loses where a question has one answer)."""
EXPLORING, MOST_FEEDBACK = 8, 2
"""From so many words on a question explores: it is moved in proportion to its words, up to twice as far (cacm +.006, cisi
+.004, lisa +.009; shorter questions as before)."""
GLOSS_WEIGHT = {"ar": 0.5, "zh": 1.5}
"""How much the English of a question's words counts beside the question itself, by its language (`glossary.GLOSSED`)."""
NEUTRAL = 0.5
"""How much of a moved query's language is taken off, so that other languages come among the nearest at all."""
WEAK_BELOW = {
    "multilingual-e5-small": {"ar": 0.838, "zh": 0.845, "en": 0.830, "fr": 0.823, "ru": 0.817, "es": 0.827},
}
"""Encoder -> language of the question -> what `is_weak` compares must reach. Measured on the live corpus: what 96% of the questions of
`queries_dev_six.jsonl` reach, each language less its mean; the share of words chosen on half of `unanswerable.jsonl`."""
KNOWN = 0.03
"""What it counts for an answer that the glossary of the field has the words: without it a question of one or two words of
the field is called weak in 30%, so in 6%."""


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


class _Languages(NamedTuple):
    """What the documents of each language have in common. Row by row a language: `centroids` (n, dim), of which `known`
    counts; `mean` of all documents. `apart` (m, dim): how the languages of which enough is known differ from their mean,
    `back` (dim, m) its pseudo-inverse."""

    centroids: NDArray[np.float32]
    known: NDArray[np.float64]
    mean: NDArray[np.float32]
    apart: NDArray[np.float64]
    back: NDArray[np.float64]


@lru_cache(maxsize=8)
def _languages(profiles: tuple[LanguageProfile, ...]) -> _Languages:
    """Profiles are equal only to themselves, and stay as long as an index does."""
    centroids = np.stack([profile.centroid for profile in profiles])
    counts = np.array([profile.count for profile in profiles], np.float64)
    enough = [profile for profile in profiles if profile.count >= SHRINK]
    apart = np.empty((0, centroids.shape[1]), np.float64)
    if len(enough) > 1:
        apart = np.stack([profile.centroid for profile in enough]).astype(np.float64) - _mean(enough)
    # One less than there are languages: what is below a thousandth of the largest is rounding.
    back = np.asarray(np.linalg.pinv(apart, rcond=1e-3), np.float64)
    return _Languages(centroids, counts / (counts + SHRINK), _mean(profiles), apart, back)


def shifted(nearest: Sequence[EngineHit], query: NDArray[np.float32], retrieved: Retrieved) -> dict[str, float]:
    """Work -> cosine, less what a language's documents have in common with the query, in an index of several languages."""
    cosines = _shifted(nearest, query, retrieved).tolist()
    return {hit.work: cosine for hit, cosine in zip(nearest, cosines, strict=True)}


def _shifted(nearest: Sequence[EngineHit], query: NDArray[np.float32], retrieved: Retrieved) -> NDArray[np.float64]:
    cosines = np.array([hit.score for hit in nearest], np.float64)
    profiles = retrieved.languages
    if len(profiles) < 2:
        return cosines
    common = _languages(tuple(profiles.values()))
    shifts = LANGUAGE_SHIFT * (common.centroids @ query - float(query @ common.mean)) * common.known
    by_language = dict(zip(profiles, shifts.tolist(), strict=True))
    return cosines - np.array([by_language.get(hit.language, 0.0) for hit in nearest], np.float64)


def is_weak(retrieved: Retrieved, query: Vector, language: str | None, of_field: float = 0.0) -> bool:
    """Whether even the nearest document is too far from the question to answer it. `query`: not moved by `feedback`.

    Its similarity (`shifted`) counts, and the share of the words that are of the field (`of_field`). Never so with an
    encoder for which there is no measured limit, nor in a language of which the index holds few documents: what such a
    question has in common with documents at all is not known.
    """
    limits = next((limits for name, limits in WEAK_BELOW.items() if query.model.startswith(name)), {})
    below = limits.get(language or "")
    profile = retrieved.languages.get(language or "")
    if below is None or profile is None or profile.count < SHRINK or not retrieved.nearest:
        return False
    best = float(_shifted(retrieved.nearest, query.values, retrieved).max())
    return best + KNOWN * of_field < below


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
    known = {language: profile for language, profile in profiles.items() if profile.count >= SHRINK}
    if documents:
        own = [vector - profiles[language].centroid for language, vector in documents if language in profiles]
        weight = FEEDBACK_WEIGHT * float(np.clip(words / EXPLORING, 1.0, MOST_FEEDBACK))
        weight *= ACROSS_LANGUAGES if len(known) > 1 else 1
        moved += weight * (np.mean(own, axis=0) if own else 0.0)
    if profiles:
        common = _languages(tuple(profiles.values()))
        moved -= NEUTRAL * common.back @ (common.apart @ moved)
    return (moved / max(float(np.linalg.norm(moved)), 1e-12)).astype(np.float32)


def glossed(query: Vector, gloss: Vector, language: str) -> Vector:
    """The query, of that language, moved towards its gloss; L2 norm 1."""
    moved = query.values + GLOSS_WEIGHT[language] * gloss.values
    return Vector(query.model, (moved / max(float(np.linalg.norm(moved)), 1e-12)).astype(np.float32))


def _mean(profiles: Sequence[LanguageProfile]) -> NDArray[np.float32]:
    """Of all their documents."""
    total = max(sum(profile.count for profile in profiles), 1)
    return np.sum([profile.centroid * (profile.count / total) for profile in profiles], axis=0)


def _standardised(scores: NDArray[np.float64]) -> tuple[NDArray[np.float64], float, float]:
    """z-scores; the lowest of them, which stands for whatever is not in the list; the deviation."""
    deviation = float(scores.std()) if len(scores) else 0.0
    if deviation == 0.0:
        return np.zeros(len(scores)), 0.0, 0.0
    z = (scores - scores.mean()) / deviation
    return z, float(z.min()), deviation


def levelled(pool: Sequence[EngineHit]) -> dict[str, float]:
    """Work -> BM25 as if the pool's documents of each language had the mean and the deviation of all of them.

    The words of a language of few documents are rare, and what is rare weighs: any Chinese record with a sign of the
    question stood above all others (nDCG@10 in six languages +.02).
    """
    return {hit.work: score for hit, score in zip(pool, _levelled(pool).tolist(), strict=True)}


def _levelled(pool: Sequence[EngineHit]) -> NDArray[np.float64]:
    scores = np.array([hit.score for hit in pool], np.float64)
    languages = np.array([hit.language for hit in pool])
    present = set(languages.tolist())
    if len(present) < 2:
        return scores
    level, deviation = float(scores.mean()), float(scores.std())
    even = np.empty(len(pool), np.float64)
    for language in present:
        at = np.flatnonzero(languages == language)
        own = scores[at]
        known = len(own) / (len(own) + SHRINK)
        mean = level + known * (float(own.mean()) - level)
        spread = max(known * float(own.std()) + (1 - known) * deviation, 1e-9)
        even[at] = level + (own - mean) * (deviation / spread)
    return even


def fuse(
    retrieved: Retrieved,
    *,
    query: NDArray[np.float32] | None,
    words: Sequence[Sequence[str]],
    language: str | None,
    covered: float = 0.0,
    compared: Sequence[EngineHit] = (),
    most: int | None = None,
) -> list[Ranked]:
    """All works listed for a query, best first, ties by id: the pool of both sides, then the rest of the keyword side.

    `most`: so many of the pool are enough.

    `query` None: keyword order and scores as they are. No words: meaning alone. `covered`: see `Parsed`. `compared`: the
    best that hold any of the words, where the keyword side asks for several: they are what is scored, and hits of theirs
    that the keyword side does not find come back as not `matched`.
    """
    if query is None:
        return [Ranked(hit.id, hit, hit.score, hit.score, 0.0) for hit in retrieved.keyword]
    keyword_pool = [hit for hit in (compared or retrieved.keyword)[:POOL] if hit.score > 0]
    nearest_pool = retrieved.nearest[:POOL]
    cosines = _shifted(nearest_pool, query, retrieved)
    meaning, lowest, deviation = _standardised(cosines)
    shift = _moves(nearest_pool, cosines, deviation)
    if not keyword_pool:
        ranked = [
            Ranked(hit.id, hit, z, 0.0, z, moved)
            for hit, z, moved in zip(nearest_pool, meaning.tolist(), shift.tolist(), strict=True)
        ]
        return sorted(ranked, key=lambda one: (-one.score, one.id))
    # Of a work that the sides found in two languages, the version that holds the words is shown.
    found = {hit.work for hit in retrieved.keyword}
    place_of = {hit.work: at for at, hit in enumerate(nearest_pool)}
    pool = list(nearest_pool)
    places: list[int] = []
    for hit in keyword_pool:
        place = place_of.setdefault(hit.work, len(pool))
        places.append(place)
        matched = hit.work in found
        if place == len(pool):
            pool.append(hit if hit.matched == matched else hit._replace(matched=matched))
        elif matched:
            pool[place] = hit
    more = len(pool) - len(nearest_pool)
    meaning = np.concatenate((meaning, np.full(more, lowest)))
    shift = np.concatenate((shift, np.zeros(more)))
    scores = _levelled(keyword_pool)
    z, lowest, deviation = _standardised(scores)
    by_words, raised = np.full(len(pool), lowest), np.zeros(len(pool))
    by_words[places] = z
    raised[places] = _moves(keyword_pool, scores, deviation)

    holding = np.array([hit.matched for hit in pool])
    foreign = np.array([hit.language != language for hit in pool])
    if language is None:
        foreign &= ~holding
    boost = np.where(foreign, (1 - covered) * np.maximum(0.0, meaning - OTHER_LANGUAGE_OFFSET - by_words), 0.0)
    weight = meaning_weight(word_count(words))
    keyword, meant = (1 - weight) * (by_words + boost), weight * meaning
    columns = np.stack((keyword + meant, keyword, meant, weight * shift, (1 - weight) * (boost + raised)), axis=1)
    kept = np.flatnonzero(holding | (meaning >= CUT) | (by_words >= WORDS_CUT))
    if most is not None and most < len(kept):
        kept = kept[columns[kept, 0] >= np.partition(columns[kept, 0], -most)[-most]]
    ranked = [
        Ranked(pool[at].id, pool[at], *numbers)
        for at, numbers in zip(kept.tolist(), columns[kept].tolist(), strict=True)
    ]
    ranked.sort(key=lambda one: (-one.score, one.id))
    if most is not None:
        return ranked[:most]
    floor = ranked[-1].score if ranked else 0.0
    return ranked + below(floor, [hit for hit in retrieved.keyword if hit.work not in place_of])


def _moves(pool: Sequence[EngineHit], scores: NDArray[np.float64], deviation: float) -> NDArray[np.float64]:
    """By how many standard deviations of `scores` each is another than the engine's."""
    if not deviation:
        return np.zeros(len(pool))
    return (scores - np.array([hit.score for hit in pool], np.float64)) / deviation


def below(floor: float, hits: Sequence[EngineHit], *, first: int = 0) -> list[Ranked]:
    """The rest of the keyword side in its own order, under everything that was compared. `first`: how many went before."""
    return [
        Ranked(hit.id, hit, score, score, 0.0)
        for score, hit in ((floor - 1e-6 * (1 + at), hit) for at, hit in enumerate(hits, first))
    ]
