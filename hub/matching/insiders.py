"""What the secretariat alone is shown: experts, and how agencies and peers fare. Pure; `Inside` is given, or nothing of this is scored."""

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hub.matching.agencies import Private, Scored, objective_worth
from hub.matching.candidates import AgencyFacts, Evidence
from hub.matching.scoring import Need, Scores, asked, nearness
from hub.matching.sums import Candidate, Term, matches
from hub.matching.tables import OBJECTIVES
from hub.matching.types import ExpertFacts, Gain, Inside, Match, PastAnswer
from hub.matching.weights import FLOORS, STRENGTH, weight

FULL_LOAD = 10
"""Requests at a time at which an agency counts as fully loaded (judgement)."""
FAST, SLOW = 2.0, 10.0
"""Days to a decision: the full weight at most at the first, none from the second on (the time a match is to take)."""
MANY_ANSWERS = 3
STRONGEST = 2.0
"""A score at which an agency lends its experts the full weight: the best reach two to three."""


Written = Mapping[str, Sequence[tuple[float, PastAnswer]]]
"""Id of an agency or a membership -> how close each of its answers is: the closest first, ties by id."""


def written(evidence: Evidence, inside: Inside, need: Need) -> Written:
    """Of the answers that are close enough to count, and do not count by their public words already."""
    if need.model not in inside.answers:
        return {}
    answers, texts = inside.answers[need.model]
    public = {facts.id for facts in evidence.answers}
    found: dict[str, list[tuple[float, PastAnswer]]] = {}
    for close, one in zip(nearness(need, texts).tolist(), answers, strict=True):
        if close >= FLOORS["answer"] and one.release_id not in public:
            for id_ in (one.entity_id, one.membership_id):
                found.setdefault(id_, []).append((close, one))
    return {id_: sorted(each, key=lambda one: (-one[0], one[1].id)) for id_, each in found.items()}


def _closest(answers: Written, id_: str) -> float:
    return answers[id_][0][0] if id_ in answers else 0.0


def _without_closest(answers: Written, id_: str) -> float:
    """How much less close the next one is."""
    first, second, *_ = (*(close for close, _ in answers[id_]), 0.0)
    return second - first


def of_agencies(evidence: Evidence, inside: Inside, need: Need) -> Private:
    """What is known of agencies, in the light of one need."""
    answers, wanted = written(evidence, inside, need), _wanted(need)

    def terms(entity: str) -> Iterable[Term]:
        yield from agency_terms(inside, need, entity)
        for close, one in answers.get(entity, ())[:1]:
            told = (f"answer:{one.id}", f"request:{one.request_id}")
            yield Term("answered_close", {}, weight("private.answer") * close, told)

    def worth(entity: str) -> float:
        return _worth_of_agency(inside, wanted, entity) + weight("private.answer") * _closest(answers, entity)

    def lost(entity: str, term: Term) -> float | None:
        if term.code != "answered_close":
            return None
        return weight("private.answer") * _without_closest(answers, entity)

    return Private(terms, worth, lost)


def of_states(inside: Inside) -> Private:
    return Private(partial(state_terms, inside), partial(_worth_of_state, inside))


def _wanted(need: Need) -> frozenset[int]:
    return frozenset((np.flatnonzero(need.objectives) + 1).tolist())


def agency_terms(inside: Inside, need: Need, entity: str) -> Iterable[Term]:
    """Load (taken off), acceptance, speed, answers on the same objectives."""
    if requests := inside.open_requests.get(entity, ()):
        share = _full(requests)
        evidence = tuple(f"request:{request}" for request in requests)
        yield Term("load", {"count": len(requests)}, -weight("private.load") * share, evidence)
    if entity in inside.acceptance:
        share = inside.acceptance[entity]
        yield Term("accepts", {"percent": round(100 * share)}, weight("private.accepted") * share, (entity,))
    if entity in inside.days:
        share = _fast(inside.days[entity])
        yield Term("answers_fast", {"days": round(inside.days[entity], 1)}, weight("private.speed") * share, (entity,))
    wanted = _wanted(need)
    if done := [request for request, objectives in inside.answered.get(entity, ()) if wanted & objectives]:
        share = min(len(done) / MANY_ANSWERS, 1.0)
        evidence = tuple(f"request:{request}" for request in done)
        yield Term("answered_similar", {"count": len(done)}, weight("private.answered") * share, evidence)


def _worth_of_agency(inside: Inside, wanted: frozenset[int], entity: str) -> float:
    """What `agency_terms` sum to."""
    worth = -weight("private.load") * _full(inside.open_requests.get(entity, ()))
    worth += weight("private.accepted") * inside.acceptance.get(entity, 0.0)
    if entity in inside.days:
        worth += weight("private.speed") * _fast(inside.days[entity])
    done = sum(not wanted.isdisjoint(objectives) for _, objectives in inside.answered.get(entity, ()))
    return worth + weight("private.answered") * min(done / MANY_ANSWERS, 1.0)


def _full(requests: Sequence[str]) -> float:
    return min(len(requests) / FULL_LOAD, 1.0)


def _fast(days: float) -> float:
    return min(max((SLOW - days) / (SLOW - FAST), 0.0), 1.0)


def _worth_of_state(inside: Inside, entity: str) -> float:
    return weight("private.ready") if entity in inside.ready else 0.0


def state_terms(inside: Inside, entity: str) -> Iterable[Term]:
    if entity in inside.ready:
        yield Term("ready", {"country": entity}, weight("private.ready"), (entity,))


class People:
    """The experts of `inside` as arrays, to be added up for one need after another. Rows are those of `inside.experts`."""

    def __init__(self, evidence: Evidence, inside: Inside) -> None:
        self.experts = inside.experts
        self._evidence, self._inside = evidence, inside
        self._row = {one.id: row for row, one in enumerate(inside.experts)}
        table, size = evidence.agency_table, len(inside.experts)
        self.agency = np.fromiter((table.rows.get(one.entity_id, -1) for one in inside.experts), np.int64, size)
        self._free = np.fromiter((not one.absent and one.load < one.capacity for one in inside.experts), np.bool_, size)
        self._free &= self.agency >= 0
        self._load = np.fromiter(
            (min(one.load / max(one.capacity, 1), 1.0) for one in inside.experts), np.float64, size
        )
        own = [(row, number - 1) for row, one in enumerate(inside.experts) for number in one.objectives]
        self._covered = np.zeros((size, OBJECTIVES))
        if size and len(table.strengths):
            limited = np.fromiter((bool(one.objectives) for one in inside.experts), np.bool_, size)
            self._covered[~limited] = table.strengths[self.agency[~limited]]
        if own:
            self._covered[tuple(zip(*own, strict=True))] = STRENGTH["primary"]
        self._marks: dict[tuple[str, str], NDArray[np.bool_]] = {}

    def worth(self, need: Need, strengths: Scores, excluded: Collection[str] = ()) -> Scores:
        """(experts,): what the terms of each sum to; NaN for who is not to be asked, or below the floor.

        `strengths`: of all agencies. `excluded`: agencies and memberships.
        """
        about = weight("expert.objective") * (self._covered @ need.objectives)
        if len(strengths):
            agency = np.clip(strengths[self.agency] / STRONGEST, 0.0, 1.0)
            about += weight("expert.agency") * agency
        for id_, answers in self.answers(need).items():
            if id_ in self._row:
                about[self._row[id_]] += weight("expert.answer") * answers[0][0]
        total = about - weight("private.load") * self._load
        total += weight("expert.language") * self._mark("language", need.language or "")
        total += weight("expert.region") * self._mark("country", need.country)
        # a language and a region alone make nobody an expert in what is asked
        asked = self._free & ~self._mark("own", need.country) & (about > 0) & (total >= FLOORS["expert"])
        if excluded:
            asked &= np.array([not {one.id, one.entity_id} & {*excluded} for one in self.experts], np.bool_)
        return np.where(asked, total, np.nan)

    def answers(self, need: Need) -> Written:
        """What each has written that is close to the need."""
        return written(self._evidence, self._inside, need)

    def _mark(self, what: str, code: str) -> NDArray[np.bool_]:
        """(experts,): who has this language, works for this country, or is of it."""
        if (what, code) not in self._marks:
            has = _HAS[what]
            self._marks[what, code] = np.fromiter((has(one, code) for one in self.experts), np.bool_, len(self.experts))
        return self._marks[what, code]


_HAS: Mapping[str, Callable[[ExpertFacts, str], bool]] = {
    "language": lambda one, code: code in one.languages,
    "country": lambda one, code: one.countries is not None and code in one.countries,
    "own": lambda one, code: code in one.own_states,
}


def experts(
    scored: Scored, need: Need, people: People, *, limit: int, excluded: Collection[str] = ()
) -> tuple[Match, ...]:
    """Experts with room who are there and not of the asking State. `excluded`: agencies and memberships.

    All are added up; reasons are made for the best alone.
    """
    worth = people.worth(need, scored.strengths, excluded)
    rows = np.flatnonzero(~np.isnan(worth))
    best = sorted(rows.tolist(), key=lambda row: (-round(float(worth[row]), 9), people.experts[row].id))[:limit]
    objectives, agencies, answers = asked(need), scored.records.evidence.agencies, people.answers(need)
    fits = [
        _Fit(need, objectives, people.experts[row], agencies[agency], float(scored.strengths[agency]), answers)
        for row, agency in zip(best, people.agency[best].tolist(), strict=True)
    ]
    return matches(
        Candidate(
            fit.one.id,
            fit.one.name,
            fit.agency.verified,
            fit.agency.id,
            [_term(fit, part) for part in _parts(fit)],
            lost=partial(_lost, fit),
            gains=partial(_gains, fit),
        )
        for fit in fits
    )


_Part = tuple[str, int, float]
"""Code, objective (0: none) and weight of a reason."""


class _Fit(NamedTuple):
    """One expert in the light of one need. `objectives`: those asked for, with shares; `strength`: score of the agency."""

    need: Need
    objectives: Sequence[tuple[int, float]]
    one: ExpertFacts
    agency: AgencyFacts
    strength: float
    answers: Written


def _sum(parts: Iterable[_Part]) -> float:
    return math.fsum(weighs for _, _, weighs in parts)


def _parts(fit: _Fit) -> list[_Part]:
    need, objectives, one, agency, strength, answers = fit
    parts: list[_Part] = []
    for number, share in objectives:
        covered = STRENGTH["primary"] if number in one.objectives else 0.0
        if not one.objectives and number in agency.strengths:
            covered = STRENGTH.get(agency.strengths[number][0], 0.0)
        if covered:
            parts.append(("expert_objective", number, weight("expert.objective") * share * covered))
    if strength > 0:
        parts.append(("expert_agency", 0, weight("expert.agency") * min(strength / STRONGEST, 1.0)))
    if need.language and need.language in one.languages:
        parts.append(("expert_language", 0, weight("expert.language")))
    if one.countries is not None and need.country in one.countries:
        parts.append(("expert_region", 0, weight("expert.region")))
    if one.id in answers:
        parts.append(("expert_answered", 0, weight("expert.answer") * _closest(answers, one.id)))
    if one.load:
        parts.append(("load", 0, -weight("private.load") * min(one.load / one.capacity, 1.0)))
    return parts


def _term(fit: _Fit, part: _Part) -> Term:
    """A part in full."""
    need, _, one, agency, _, answers = fit
    code, number, weighs = part
    expert = f"expert:{one.id}"
    if code == "expert_objective":
        told = (f"objective:{number}", expert if number in one.objectives else agency.id)
        return Term(code, {"objective": number}, weighs, told)
    if code == "expert_agency":
        return Term(code, {"agency": agency.acronym}, weighs, (agency.id,))
    if code == "expert_language":
        return Term(code, {"language": need.language or ""}, weighs, (f"language:{need.language}", expert))
    if code == "expert_answered":
        answer = answers[one.id][0][1]
        return Term(code, {}, weighs, (f"answer:{answer.id}", f"request:{answer.request_id}"))
    if code == "expert_region":
        return Term(code, {"country": need.country}, weighs, (expert,))
    return Term(code, {"count": one.load}, weighs, (expert,))


def _lost(fit: _Fit, term: Term) -> float:
    """Whose only objective is gone does whatever the agency does; without an objective the agency itself is worth less."""
    if term.code == "expert_answered":
        return weight("expert.answer") * _without_closest(fit.answers, fit.one.id)
    if term.code != "expert_objective":
        return -term.weight
    number = int(term.params["objective"])
    one, agency = fit.one, fit.agency
    if number in one.objectives:
        left = fit._replace(one=replace(one, objectives=one.objectives - {number}))
    else:
        strengths = {each: strong for each, strong in agency.strengths.items() if each != number}
        less = fit.strength - objective_worth(agency, number, dict(fit.objectives)[number])
        left = fit._replace(agency=replace(agency, strengths=strengths), strength=less)
    return _sum(_parts(left)) - _sum(_parts(fit))


def _gains(fit: _Fit) -> Iterable[Gain]:
    need, objectives, one, *_ = fit
    for number, share in objectives:
        if one.objectives and number not in one.objectives:
            yield Gain("expert_objective", {"objective": number}, weight("expert.objective") * share)
    if need.language and need.language not in one.languages:
        yield Gain("expert_language", {"language": need.language}, weight("expert.language"))
