"""How near records are to a need, and what it is about: what every list rests on. Pure; nothing here reads a database.

Every feature lies in [0, 1] (penalties in [-1, 0]); a reason's weight is coefficient x feature. Similarities are
rounded to six decimals, so that the same input gives the same order everywhere; ties go by id.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from hub.matching.candidates import OBJECTIVES, AnswerFacts, Evidence, Rows
from hub.matching.sums import Candidate, Term, best_first, matches
from hub.matching.sums import score as total
from hub.matching.types import Gain, Match
from hub.matching.weights import (
    DEVIATIONS,
    FEW_DEVIATIONS,
    FLOORS,
    LANGUAGE_SHIFT,
    NEAREST_PRACTICES,
    OBJECTIVE_FLOOR,
    OBJECTIVE_TEXT,
    SHRINK,
    weight,
)

Scores = NDArray[np.float64]


SMALLEST = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class Need:
    """A request in numbers. `objectives`: shares that sum to 1 (or all 0); `predicted`: not named by the State.

    `keyword`: BM25 per document, 0 where no word is shared; None: no keyword side. `similar`: cosine of each document's best
    passage, NaN where none is encoded; `vector`: unit, of the whole text; `parts` (s, dim): of its title and sentences. All
    three None: no model. `model`: of the encoder. `states`: those that the text names.
    """

    country: str
    language: str | None
    objectives: Scores
    predicted: bool
    keyword: Scores | None
    similar: Scores | None = None
    vector: NDArray[np.float32] | None = None
    parts: NDArray[np.float32] | None = None
    states: frozenset[str] = frozenset()
    model: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Relevance:
    """Per document, contributions to `total` in [0, 1]: words, meaning, objectives, place.

    `order`: documents relevant enough to be shown or to speak for anybody, best first, ties by slug, of each work the best
    language version only.
    """

    keyword: Scores
    meaning: Scores
    objective: Scores
    place: Scores
    total: Scores
    order: Rows


# Records


def similarities(evidence: Evidence, vector: NDArray[np.float32]) -> Scores:
    """Cosine of the best passage of each document with a unit vector. NaN: nothing of it is encoded."""
    similar = np.full(len(evidence.documents), np.nan)
    known = evidence.passage_document
    if len(known):
        first = np.flatnonzero(np.diff(known, prepend=-1))
        similar[known[first]] = np.maximum.reduceat(evidence.passages @ vector, first)
    return similar


def in_scope(evidence: Evidence, need: Need) -> bool:
    """Whether a request that names no objective is about something the hub knows: by its nearest record, else by words."""
    if not need.predicted:
        return True
    if need.similar is not None:
        return bool(np.nan_to_num(need.similar, nan=-1.0).max(initial=-1.0) >= evidence.scope)
    return need.keyword is not None and bool(need.keyword.any())


def _within_language(evidence: Evidence, similar: Scores) -> Scores:
    """Cosines less what the documents of a language have in common with the request: writers of one language sound alike."""
    shifted = similar.copy()
    level = float(np.nanmean(similar)) if not np.isnan(similar).all() else 0.0
    for language in range(len(evidence.languages)):
        members = (evidence.document_language == language) & ~np.isnan(similar)
        count = int(members.sum())
        if count:
            shifted[members] -= LANGUAGE_SHIFT * count / (count + SHRINK) * (float(similar[members].mean()) - level)
    return np.asarray(np.round(shifted, 6), np.float64)


def standing(values: Scores, deviations: float) -> Scores:
    """How far above the mean, in [0, 1]: 1 at `deviations` standard deviations. NaN and no spread give 0."""
    known = values[~np.isnan(values)]
    if known.size < 2 or known.std() < 1e-9:
        return np.zeros(len(values))
    above = (values - float(known.mean())) / (deviations * float(known.std()))
    return np.asarray(np.nan_to_num(np.clip(above, 0.0, 1.0)), np.float64)


def text_relevance(evidence: Evidence, need: Need) -> tuple[Scores, Scores]:
    """Contributions of shared words and of meaning, per document; together at most `record.text`."""
    nothing = np.zeros(len(evidence.documents))
    share = weight("record.keyword_share" if need.language in {"en", None} else "record.keyword_share_other")
    if need.keyword is None or need.similar is None:
        share = 1.0 if need.similar is None else 0.0
    top = weight("record.text")
    best = 0.0 if need.keyword is None else float(need.keyword.max(initial=0.0))
    words = nothing if need.keyword is None or best <= 0 else top * share * need.keyword / best
    if need.similar is None:
        return words, nothing
    return words, top * (1 - share) * standing(_within_language(evidence, need.similar), DEVIATIONS)


@dataclass(frozen=True, slots=True, eq=False)
class Votes:
    """Why a request seems to be about an objective. `rows` (n,): the nearest practices; `each` (n, 23): their votes; `about` (23,):

    what the description of the objective adds. `total` (23,): the sums; 0 everywhere when no practice is near.
    """

    rows: Rows
    each: Scores
    about: Scores
    total: Scores


def objective_votes(evidence: Evidence, need: Need, text: Scores) -> Votes:
    """`text`: relevance by words and meaning alone. The best voted by practices has 1 of them."""
    order = order_of(evidence, text, SMALLEST)
    rows = order[evidence.practice[order]][:NEAREST_PRACTICES]
    each = (evidence.objectives[rows] > 0) * text[rows, None]
    best = float(each.sum(axis=0).max(initial=0.0))
    about = np.zeros(OBJECTIVES)
    if not best:
        return Votes(rows, each, about, about)
    each = each / best
    if need.vector is not None and len(evidence.objective_texts):
        near = less_common(evidence.objective_texts, evidence.objective_level, need.vector)
        about = OBJECTIVE_TEXT * standing(near, FEW_DEVIATIONS)
    return Votes(rows, each, about, each.sum(axis=0) + about)


def predict_objectives(evidence: Evidence, need: Need, text: Scores) -> Scores:
    """Shares of the objectives that the request seems to be about; all 0 when no practice is near."""
    votes = objective_votes(evidence, need, text).total
    if not votes.any():
        return votes
    kept = np.where(votes < OBJECTIVE_FLOOR * votes.max(), 0.0, votes)
    return np.asarray(kept / float(kept.sum()), np.float64)


def suggestions(evidence: Evidence, need: Need, text: Scores, names: Mapping[int, str]) -> tuple[Match, ...]:
    """The objectives that `predict_objectives` keeps, best first, with what speaks for each. `id`: the number."""
    votes = objective_votes(evidence, need, text)
    if not votes.total.any():
        return ()
    listed: list[Candidate] = []
    for index in np.flatnonzero(votes.total >= OBJECTIVE_FLOOR * votes.total.max()).tolist():
        number = index + 1
        terms = [
            Term(
                "practice_about",
                {"objective": number, "title": evidence.documents[row].title},
                float(vote),
                (evidence.documents[row].slug,),
            )
            for row, vote in zip(votes.rows.tolist(), votes.each[:, index].tolist(), strict=True)
            if vote
        ]
        terms.append(
            Term("objective_close", {"objective": number}, float(votes.about[index]), (f"objective:{number}",))
        )
        listed.append(Candidate(str(number), names.get(number, str(number)), True, str(number), terms))
    return matches(sorted(listed, key=lambda one: (-round(total(one.terms), 9), int(one.id))))


def nearness(need: Need, texts: NDArray[np.float32]) -> Scores:
    """(texts,), in [0, 1]: 1 for a text as near as a record `DEVIATIONS` above the mean of all records; 0 without a model."""
    known = np.zeros(0) if need.similar is None else need.similar[~np.isnan(need.similar)]
    if need.vector is None or not len(texts) or known.size < 2 or known.std() < SMALLEST:
        return np.zeros(len(texts))
    above = (texts @ need.vector - float(known.mean())) / (DEVIATIONS * float(known.std()))
    return np.asarray(np.round(np.clip(above, 0.0, 1.0), 6), np.float64)


Told = Mapping[str, Sequence[tuple[float, AnswerFacts]]]
"""Entity -> how close each public answer is that it gave, or asked for: the closest first, ties by id."""


def answers_told(evidence: Evidence, need: Need) -> Told:
    """Of the answers that are close enough to count."""
    told: dict[str, list[tuple[float, AnswerFacts]]] = {}
    for close, facts in zip(nearness(need, evidence.answer_texts).tolist(), evidence.answers, strict=False):
        if close >= FLOORS["answer"]:
            for entity in {facts.entity_id, *facts.states}:
                told.setdefault(entity, []).append((close, facts))
    return {entity: sorted(each, key=lambda one: (-one[0], one[1].id)) for entity, each in told.items()}


def answer_terms(told: Told, entity: str, name: str, code: str) -> list[Term]:
    """The closest answer counts; `name` of the weight."""
    return [
        Term(code, {}, weight(name) * close, (f"answer:{facts.id}", f"register:{facts.entry}"))
        for close, facts in told.get(entity, ())[:1]
    ]


def lost_answer(told: Told, entity: str, name: str) -> float:
    """How much the score changes without the closest answer: the next stands in its place."""
    first, second, *_ = (*(close for close, _ in told.get(entity, ())), 0.0, 0.0)
    return weight(name) * (second - first)


def less_common(texts: NDArray[np.float32], level: NDArray[np.float32], vectors: NDArray[np.float32]) -> Scores:
    """Cosines of `texts` (t, dim) with `vectors` (dim,) or (v, dim), less `level` (t,), the mean cosine of each with all records.

    Short general texts are near everything; this leaves what is particular. Shape (t,) or (v, t).
    """
    return np.asarray(np.round(vectors @ texts.T - level, 6), np.float64)


def named_objectives(numbers: Iterable[int]) -> Scores:
    """Equal shares for each objective that the State named."""
    shares = np.zeros(OBJECTIVES)
    for number in set(numbers):
        if 1 <= number <= OBJECTIVES:
            shares[number - 1] = 1.0
    return shares / max(float(shares.sum()), 1e-9)


def relevance(evidence: Evidence, need: Need, words: Scores, meaning: Scores) -> Relevance:
    """`words` and `meaning` as `text_relevance` gave them."""
    length = float(np.linalg.norm(need.objectives))
    shared = evidence.objectives @ (need.objectives / length) if length else np.zeros(len(evidence.documents))
    objective = weight("record.objective") * np.round(shared, 6)
    place = weight("record.place") * _nearness(evidence, need.country)
    total = words + meaning + objective + place
    return Relevance(words, meaning, objective, place, total, order_of(evidence, total, FLOORS["record"]))


def _nearness(evidence: Evidence, country: str) -> Scores:
    """1 in the asker's own country, 1/2 in its subregion, 1/5 in its continent, per document."""
    near = np.zeros(len(evidence.documents))
    regions = regions_of(evidence, country)
    for region, feature in ((regions[-1:], 0.2), (regions[:1], 0.5)):
        for name in region:
            near[evidence.region_documents.get(name, [])] = feature
    near[evidence.country_documents.get(country, [])] = 1.0
    return near


def regions_of(evidence: Evidence, country: str) -> tuple[str, ...]:
    row = evidence.state_rows.get(country)
    return () if row is None else evidence.states[row].regions


def order_of(evidence: Evidence, scores: Scores, floor: float) -> Rows:
    """Documents that reach the floor, best first, ties by slug; of each work the best language version only."""
    rows = np.flatnonzero(scores >= floor)
    order = rows[np.argsort(-scores[rows], kind="stable")]  # documents are in order of slug
    _, first = np.unique(evidence.works[order], return_index=True)
    return order[np.sort(first)]


def records(evidence: Evidence, need: Need, found: Relevance, *, practices: bool, limit: int) -> tuple[Match, ...]:
    """Practices, or everything else (guidance)."""
    rows = found.order[evidence.practice[found.order] == practices][:limit]
    listed: list[Candidate] = []
    for row in rows.tolist():
        facts = evidence.documents[row]
        terms = _record_terms(evidence, need, found, row)
        lost = partial(_lost_of_record, evidence, need, found, row)
        gains = partial(_gains_of_record, evidence, need, found, row)
        listed.append(Candidate(facts.slug, facts.title, True, facts.id, terms, lost, gains))
    return matches(best_first(listed))


def _tagged(evidence: Evidence, need: Need, row: int, *, without: int = 0, with_: int = 0) -> float:
    """What the objectives of a record would contribute with one tag less, or one more."""
    tags = evidence.objectives[row] > 0
    if without:
        tags[without - 1] = False
    if with_:
        tags[with_ - 1] = True
    length = float(np.linalg.norm(need.objectives)) * float(np.sqrt(tags.sum()))
    return weight("record.objective") * round(float(need.objectives[tags].sum()) / length, 6) if length else 0.0


def _lost_of_record(evidence: Evidence, need: Need, found: Relevance, row: int, term: Term) -> float:
    if term.code in {"objective_shared", "objective_predicted"}:
        return _tagged(evidence, need, row, without=int(term.params["objective"])) - float(found.objective[row])
    return -term.weight


def _gains_of_record(evidence: Evidence, need: Need, found: Relevance, row: int) -> Iterable[Gain]:
    for index in np.flatnonzero(need.objectives).tolist():
        if not evidence.objectives[row, index]:
            gained = _tagged(evidence, need, row, with_=index + 1) - float(found.objective[row])
            yield Gain("objective_tagged", {"objective": index + 1}, gained)


def _record_terms(evidence: Evidence, need: Need, found: Relevance, row: int) -> list[Term]:
    slug = evidence.documents[row].slug
    terms = [
        Term("words_shared", {}, float(found.keyword[row]), (slug,)),
        Term("meaning_close", {}, float(found.meaning[row]), (slug,)),
    ]
    asked = need.objectives * (evidence.objectives[row] > 0)
    terms.extend(
        Term(
            "objective_predicted" if need.predicted else "objective_shared",
            {"objective": index + 1},
            float(found.objective[row] * asked[index] / asked.sum()),
            (f"objective:{index + 1}", slug),
        )
        for index in np.flatnonzero(asked).tolist()
    )
    if found.place[row]:
        regions = regions_of(evidence, need.country)
        if row in evidence.country_documents.get(need.country, ()):
            terms.append(Term("place_own", {"country": need.country}, float(found.place[row]), (need.country, slug)))
        else:
            near = regions[0] if row in evidence.region_documents.get(regions[0], ()) else regions[-1]
            terms.append(Term("place_region", {"region": near}, float(found.place[row]), (f"region:{near}", slug)))
    return terms


def of_records(evidence: Evidence, one: Candidate) -> Candidate:
    """With its terms naming the records that they rest on; a term on one record has its title too."""
    return one._replace(terms=[_of_record(evidence, term) if term.rows else term for term in one.terms])


def _of_record(evidence: Evidence, term: Term) -> Term:
    facts = [evidence.documents[row] for row in term.rows]
    params = term.params or {"title": facts[0].title}
    return term._replace(params=params, evidence=tuple(each.slug for each in facts))


def asked(need: Need) -> list[tuple[int, float]]:
    """(number, share) of the objectives of a need."""
    return [(index + 1, float(need.objectives[index])) for index in np.flatnonzero(need.objectives).tolist()]
