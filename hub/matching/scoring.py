"""How well a need is met, and why: a score is the sum of its reasons (precision). Pure; nothing here reads a database.

Every feature lies in [0, 1] (one penalty in [-1, 0]); a reason's weight is coefficient x feature. Similarities are
rounded to six decimals, so that the same input gives the same order everywhere; ties go by id.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hub.matching.candidates import OBJECTIVES, AgencyFacts, Evidence, Rows, StateFacts
from hub.matching.types import Match, Reason, ReasonParam

Scores = NDArray[np.float64]


class Weight(NamedTuple):
    """A number of the score and where it comes from."""

    value: float
    origin: str


_MEASURED = "chosen on the 20 development requests (docs/matching.md)"
_DESIGN = "design, held when measured"

WEIGHTS: Mapping[str, Weight] = MappingProxyType(
    {
        # Records: the four sum to 1, so a record's relevance lies in [0, 1].
        "record.text": Weight(0.60, _MEASURED),
        "record.objective": Weight(0.35, _MEASURED),
        "record.place": Weight(0.05, _MEASURED),
        "record.keyword_share": Weight(0.30, _MEASURED + "; the rest of record.text is meaning"),
        "record.keyword_share_other": Weight(0.15, "half for languages other than English: fewer records share words"),
        # Agencies
        "agency.objective": Weight(1.0, "the unit of this list"),
        "agency.records": Weight(1.5, _MEASURED),
        "agency.involved": Weight(0.5, _MEASURED),
        "agency.mandate": Weight(0.4, _MEASURED),
        "agency.lead": Weight(0.1, _DESIGN),
        "agency.region": Weight(0.3, _MEASURED),
        "agency.elsewhere": Weight(0.3, "a regional commission has no remit outside its region"),
        "agency.breadth": Weight(0.2, _MEASURED + "; a visible prior: broad mandates are asked most often"),
        # Peer States
        "peer.first": Weight(1.0, "design: the three best practices count 1, 1/2, 1/3"),
        "peer.second": Weight(1 / 2, "design"),
        "peer.third": Weight(1 / 3, "design"),
        "peer.region": Weight(0.05, _MEASURED),
        "peer.subregion": Weight(0.05, _MEASURED),
        "peer.champion": Weight(0.02, "breaks near-ties only: championing is not experience of the topic"),
    }
)

STRENGTH: Mapping[str, float] = MappingProxyType({"primary": 1.0, "secondary": 0.5})
"""How much of an objective an agency covers (design)."""
NOT_FIRST = 0.7
"""A practice counts so much for a State that its record does not name first (often the partner, not the doer)."""
DEVIATIONS = 4.0
"""A record this many standard deviations above the mean similarity has feature 1: cosines of e5 are squeezed."""
FEW_DEVIATIONS = 3.0
"""The same among tens: mandates, objectives."""
LANGUAGE_SHIFT, SHRINK = 1.0, 20
"""How much of a language's mean similarity is taken off its records, less for languages of few records."""
SMALLEST = 1e-9
NEAREST_PRACTICES = 15
OBJECTIVE_TEXT = 0.4
OBJECTIVE_FLOOR = 0.5
"""Objectives are predicted from the votes of the nearest practices (share of the first's votes) and, counting `OBJECTIVE_TEXT`,
from what each objective is about; those with at least half the sum of the first are kept."""
INVOLVED = 30
"""Among so many nearest records an agency's share is counted."""
BEST_RECORDS = 3
PER_SUBREGION, TOP = 3, 10
"""Diversity: at most three of the first ten peer States from one subregion."""
FLOORS: Mapping[str, float] = MappingProxyType({"agency": 0.5, "peer": 0.3, "record": 0.25})
"""Below is no match: the list stays short, or empty. Of a peer State the relevance of its best practice must reach it."""


@dataclass(frozen=True, slots=True, eq=False)
class Need:
    """A request in numbers. `objectives`: shares that sum to 1 (or all 0); `predicted`: not named by the State.

    `keyword`: BM25 per document, 0 where no word is shared; None: no keyword side. `similar`: cosine of each document's best
    passage, NaN where none is encoded; `vector`: unit, of the whole text; `parts` (s, dim): of its title and sentences. All
    three None: no model.
    """

    country: str
    language: str | None
    objectives: Scores
    predicted: bool
    keyword: Scores | None
    similar: Scores | None = None
    vector: NDArray[np.float32] | None = None
    parts: NDArray[np.float32] | None = None


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


class _Term(NamedTuple):
    """A reason in the making: most of what is scored is not listed."""

    code: str
    params: Mapping[str, ReasonParam]
    weight: float
    evidence: tuple[str, ...]


class _Candidate(NamedTuple):
    """A match in the making; the first four as in `Match`."""

    id: str
    name: str
    verified: bool
    url_id: str
    terms: Sequence[_Term]


def weight(name: str) -> float:
    return WEIGHTS[name].value


# Records


def similarities(evidence: Evidence, vector: NDArray[np.float32]) -> Scores:
    """Cosine of the best passage of each document with a unit vector. NaN: nothing of it is encoded."""
    similar = np.full(len(evidence.documents), -np.inf)
    np.maximum.at(similar, evidence.passage_document, evidence.passages @ vector)
    similar[np.isneginf(similar)] = np.nan
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


def predict_objectives(evidence: Evidence, need: Need, text: Scores) -> Scores:
    """Shares of the objectives that the request seems to be about; all 0 when no practice is near.

    `text`: relevance by words and meaning alone.
    """
    order = best_first(evidence, text, SMALLEST)
    rows = order[evidence.practice[order]][:NEAREST_PRACTICES]
    votes = ((evidence.objectives[rows] > 0) * text[rows, None]).sum(axis=0)
    if not votes.any():
        return votes
    votes /= votes.max()
    if need.vector is not None and len(evidence.objective_texts):
        about = _less_common(evidence.objective_texts, evidence.objective_level, need.vector)
        votes += OBJECTIVE_TEXT * standing(about, FEW_DEVIATIONS)
    votes[votes < OBJECTIVE_FLOOR * votes.max()] = 0.0
    return votes / float(votes.sum())


def _less_common(texts: NDArray[np.float32], level: NDArray[np.float32], vectors: NDArray[np.float32]) -> Scores:
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
    return Relevance(words, meaning, objective, place, total, best_first(evidence, total, FLOORS["record"]))


def _nearness(evidence: Evidence, country: str) -> Scores:
    """1 in the asker's own country, 1/2 in its subregion, 1/5 in its continent, per document."""
    near = np.zeros(len(evidence.documents))
    regions = _regions(evidence, country)
    for region, feature in ((regions[-1:], 0.2), (regions[:1], 0.5)):
        for name in region:
            near[evidence.region_documents.get(name, [])] = feature
    near[evidence.country_documents.get(country, [])] = 1.0
    return near


def _regions(evidence: Evidence, country: str) -> tuple[str, ...]:
    row = evidence.state_rows.get(country)
    return () if row is None else evidence.states[row].regions


def best_first(evidence: Evidence, scores: Scores, floor: float) -> Rows:
    """Documents that reach the floor, best first, ties by slug; of each work the best language version only."""
    rows = np.flatnonzero(scores >= floor)
    order = rows[np.argsort(-scores[rows], kind="stable")]  # documents are in order of slug
    _, first = np.unique(evidence.works[order], return_index=True)
    return order[np.sort(first)]


def records(evidence: Evidence, need: Need, found: Relevance, *, practices: bool, limit: int) -> tuple[Match, ...]:
    """Practices, or everything else (guidance)."""
    rows = found.order[evidence.practice[found.order] == practices][:limit]
    listed: list[_Candidate] = []
    for row in rows.tolist():
        facts = evidence.documents[row]
        listed.append(_Candidate(facts.slug, facts.title, True, facts.id, _record_terms(evidence, need, found, row)))
    return _matches(_best_first(listed))


def _record_terms(evidence: Evidence, need: Need, found: Relevance, row: int) -> list[_Term]:
    slug = evidence.documents[row].slug
    terms = [
        _Term("words_shared", {}, float(found.keyword[row]), (slug,)),
        _Term("meaning_close", {}, float(found.meaning[row]), (slug,)),
    ]
    asked = need.objectives * (evidence.objectives[row] > 0)
    terms.extend(
        _Term(
            "objective_predicted" if need.predicted else "objective_shared",
            {"objective": index + 1},
            float(found.objective[row] * asked[index] / asked.sum()),
            (f"objective:{index + 1}", slug),
        )
        for index in np.flatnonzero(asked).tolist()
    )
    if found.place[row]:
        regions = _regions(evidence, need.country)
        if row in evidence.country_documents.get(need.country, ()):
            terms.append(_Term("place_own", {"country": need.country}, float(found.place[row]), (need.country, slug)))
        else:
            near = regions[0] if row in evidence.region_documents.get(regions[0], ()) else regions[-1]
            terms.append(_Term("place_region", {"region": near}, float(found.place[row]), (f"region:{near}", slug)))
    return terms


# Agencies


def agencies(evidence: Evidence, need: Need, found: Relevance, *, limit: int) -> tuple[Match, ...]:
    """All are scored: there are tens, at most hundreds."""
    mandates = _mandate_feature(evidence, need)
    unseen = len(evidence.documents)
    position = np.full(unseen, unseen)  # of each document in the order
    position[found.order] = np.arange(len(found.order))
    order = np.argsort(evidence.link_agency * (unseen + 1) + position[evidence.link_document], kind="stable")
    documents = evidence.link_document[order]
    bounds = np.searchsorted(evidence.link_agency, np.arange(len(evidence.agencies) + 1)).tolist()
    pool_total = float(found.total[found.order[:INVOLVED]].sum())
    listed: list[_Candidate] = []
    for row, (facts, (start, end)) in enumerate(zip(evidence.agencies, pairwise(bounds), strict=True)):
        own = documents[start:end]
        best = own[:BEST_RECORDS]
        terms = [
            *_objective_terms(facts, need),
            *_own_record_terms(evidence, found, best[position[best] < unseen]),
            *_involved_terms(evidence, found, own[position[own] < INVOLVED], pool_total),
            *_region_terms(evidence, facts, need.country),
        ]
        if len(mandates):
            terms.append(_Term("mandate_close", {}, weight("agency.mandate") * float(mandates[row]), (facts.id,)))
        if facts.strengths:
            breadth = weight("agency.breadth") * len(facts.strengths) / OBJECTIVES
            terms.append(_Term("mandate_breadth", {"count": len(facts.strengths)}, breadth, (facts.id,)))
        listed.append(_Candidate(facts.acronym, facts.name, facts.verified, facts.id, terms))
    return _matches([one for one in _best_first(listed) if _score(one) >= FLOORS["agency"]][:limit])


def _objective_terms(facts: AgencyFacts, need: Need) -> Iterable[_Term]:
    for number, share in enumerate(need.objectives.tolist(), start=1):
        if not share:
            continue
        if number in facts.strengths:
            strength, basis = facts.strengths[number]
            yield _Term(
                "objective_predicted" if need.predicted else "objective_shared",
                {"objective": number, "strength": strength, "basis": basis},
                weight("agency.objective") * share * STRENGTH.get(strength, 0.0),
                (f"objective:{number}", facts.id),
            )
        if groups := facts.leads.get(number):
            yield _Term("working_group_lead", {"objective": number}, weight("agency.lead") * share, groups)


def _own_record_terms(evidence: Evidence, found: Relevance, best: Rows) -> Iterable[_Term]:
    for document in best.tolist():
        facts = evidence.documents[document]
        yield _Term(
            "record_of_agency",
            {"title": facts.title},
            weight("agency.records") * float(found.total[document]) / BEST_RECORDS,
            (facts.slug,),
        )


def _involved_terms(evidence: Evidence, found: Relevance, near: Rows, pool_total: float) -> Iterable[_Term]:
    if len(near) and pool_total > 0:
        yield _Term(
            "often_involved",
            {"count": len(near)},
            weight("agency.involved") * float(found.total[near].sum()) / pool_total,
            tuple(evidence.documents[document].slug for document in near.tolist()),
        )


def _region_terms(evidence: Evidence, facts: AgencyFacts, country: str) -> Iterable[_Term]:
    row = evidence.state_rows.get(country)
    if not facts.commission or row is None:
        return
    if facts.acronym in evidence.states[row].commissions:
        yield _Term("region_commission", {"country": country}, weight("agency.region"), (facts.id, country))
    else:
        yield _Term("region_elsewhere", {"country": country}, -weight("agency.elsewhere"), (facts.id, country))


def _mandate_feature(evidence: Evidence, need: Need) -> Scores:
    """(agencies,): mean over the parts of the request of how near the nearest clause of the mandate is, against others.

    Empty without a model.
    """
    if need.parts is None or not len(evidence.clauses):
        return np.zeros(0)
    similar = _less_common(evidence.clauses, evidence.clause_level, need.parts)
    nearest = np.full((len(similar), len(evidence.agencies)), -np.inf)
    np.maximum.at(nearest.T, evidence.clause_agency, similar.T)
    nearest[:, np.isneginf(nearest).any(axis=0)] = np.nan  # no mandate is known
    spread = np.nanstd(nearest, axis=1, keepdims=True)
    above = (nearest - np.nanmean(nearest, axis=1, keepdims=True)) / np.maximum(spread, 1e-9)
    return standing(np.asarray(above.mean(axis=0), np.float64), FEW_DEVIATIONS)


# Peer States


def peer_states(evidence: Evidence, need: Need, found: Relevance, *, limit: int) -> tuple[Match, ...]:
    """States whose practices meet the need, the asker left out, a subregion at most three times among the first ten."""
    best = np.zeros(len(evidence.documents), np.bool_)
    best[found.order] = True
    counted = best & evidence.practice
    asker = evidence.state_rows.get(need.country, -1)
    pairs = np.flatnonzero(counted[evidence.country_document] & (evidence.country_state != asker))
    document, state = evidence.country_document[pairs], evidence.country_state[pairs]
    value = found.total[document] * np.where(evidence.country_first[pairs], 1.0, NOT_FIRST)
    order = np.lexsort((-value, state))  # stable, and pairs are in order of their documents
    documents, values = document[order].tolist(), value[order].tolist()
    listed: list[_Candidate] = []
    for start, end in _runs(state[order]):
        if values[start] < FLOORS["peer"]:
            continue
        facts = evidence.states[int(state[order[start]])]
        terms = [
            _Term(
                "practice_similar",
                {"title": evidence.documents[documents[at]].title},
                weight(name) * values[at],
                (evidence.documents[documents[at]].slug,),
            )
            for name, at in zip(("peer.first", "peer.second", "peer.third"), range(start, end), strict=False)
        ]
        terms.extend(_neighbour_terms(facts, _regions(evidence, need.country)))
        listed.append(_Candidate(facts.id, facts.name, True, facts.id, terms))
    subregions = {facts.id: facts.regions[0] if facts.regions else facts.id for facts in evidence.states}
    return _matches(_spread(_best_first(listed), subregions)[:limit])


def _runs(values: Rows) -> Iterable[tuple[int, int]]:
    """Bounds of the runs of equal values."""
    bounds = [0, *(np.flatnonzero(np.diff(values)) + 1).tolist(), len(values)]
    return ((start, end) for start, end in pairwise(bounds) if end > start)


def _neighbour_terms(facts: StateFacts, regions: Sequence[str]) -> Iterable[_Term]:
    if regions and facts.regions and facts.regions[-1] == regions[-1]:
        yield _Term("same_region", {"region": regions[-1]}, weight("peer.region"), (f"region:{regions[-1]}", facts.id))
    if regions and facts.regions and facts.regions[0] == regions[0]:
        yield _Term(
            "same_subregion", {"region": regions[0]}, weight("peer.subregion"), (f"region:{regions[0]}", facts.id)
        )
    if facts.champion:
        yield _Term("champion", {"country": facts.id}, weight("peer.champion"), (f"champion:{facts.id}",))


def _spread(ranked: Sequence[_Candidate], subregions: Mapping[str, str]) -> list[_Candidate]:
    """The ranking, with what would be the fourth of a subregion among the first ten put behind them, if there are ten."""
    seen: Counter[str] = Counter()
    first: list[_Candidate] = []
    later: list[_Candidate] = []
    for one in ranked:
        if len(first) < TOP and seen[subregions[one.id]] < PER_SUBREGION:
            seen[subregions[one.id]] += 1
            first.append(one)
        else:
            later.append(one)
    return [*first, *later] if len(first) == TOP else first


# Sums


def _score(one: _Candidate) -> float:
    return math.fsum(term.weight for term in one.terms)


def _best_first(listed: Iterable[_Candidate]) -> list[_Candidate]:
    """Ties by id. A difference in the tenth decimal is one of rounding."""
    return sorted(listed, key=lambda one: (-round(_score(one), 9), one.id))


def _matches(ranked: Iterable[_Candidate]) -> tuple[Match, ...]:
    """In the order given; a score is the exact sum of its weights, the heaviest reason first."""
    return tuple(
        Match(
            id=one.id,
            name=one.name,
            rank=rank,
            score=_score(one),
            reasons=tuple(
                Reason(term.code, term.params, term.weight, term.evidence)
                for term in sorted(one.terms, key=lambda term: (-abs(term.weight), term.code))
                if term.weight
            ),
            verified=one.verified,
            url_id=one.url_id,
        )
        for rank, one in enumerate(ranked, start=1)
    )
