"""What the secretariat alone is shown: experts, and how agencies and peers fare. Pure; `Inside` is given, or nothing of this is scored."""

from collections.abc import Collection, Iterable

import numpy as np

from hub.matching.agencies import candidates, nothing_private
from hub.matching.candidates import AgencyFacts, Evidence
from hub.matching.scoring import Need, Relevance
from hub.matching.sums import Candidate, Term, best_first, matches, score
from hub.matching.types import ExpertFacts, Gain, Inside, Match
from hub.matching.weights import FLOORS, STRENGTH, weight

FULL_LOAD = 10
"""Requests at a time at which an agency counts as fully loaded (judgement)."""
FAST, SLOW = 2.0, 10.0
"""Days to a decision: the full weight at most at the first, none from the second on (the time a match is to take)."""
MANY_ANSWERS = 3
STRONGEST = 2.0
"""A score at which an agency lends its experts the full weight: the best reach two to three."""


def agency_terms(inside: Inside, need: Need, entity: str) -> Iterable[Term]:
    """Load (taken off), acceptance, speed, answers on the same objectives."""
    if requests := inside.open_requests.get(entity, ()):
        share = min(len(requests) / FULL_LOAD, 1.0)
        evidence = tuple(f"request:{request}" for request in requests)
        yield Term("load", {"count": len(requests)}, -weight("private.load") * share, evidence)
    if entity in inside.acceptance:
        share = inside.acceptance[entity]
        yield Term("accepts", {"percent": round(100 * share)}, weight("private.accepted") * share, (entity,))
    if entity in inside.days:
        share = min(max((SLOW - inside.days[entity]) / (SLOW - FAST), 0.0), 1.0)
        yield Term("answers_fast", {"days": round(inside.days[entity], 1)}, weight("private.speed") * share, (entity,))
    asked = frozenset((np.flatnonzero(need.objectives) + 1).tolist())
    if done := [request for request, objectives in inside.answered.get(entity, ()) if asked & objectives]:
        share = min(len(done) / MANY_ANSWERS, 1.0)
        evidence = tuple(f"request:{request}" for request in done)
        yield Term("answered_similar", {"count": len(done)}, weight("private.answered") * share, evidence)


def state_terms(inside: Inside, entity: str) -> Iterable[Term]:
    if entity in inside.ready:
        yield Term("ready", {"country": entity}, weight("private.ready"), (entity,))


def experts(
    evidence: Evidence,
    need: Need,
    found: Relevance,
    inside: Inside,
    *,
    limit: int,
    excluded: Collection[str] = (),
) -> tuple[Match, ...]:
    """Experts with room who are there and not of the asking State. `excluded`: agencies and memberships."""
    known = {facts.id: facts for facts in evidence.agencies}
    strengths = {one.url_id: score(one.terms) for one in candidates(evidence, need, found, nothing_private)}
    listed: list[Candidate] = []
    for one in inside.experts:
        agency = known.get(one.entity_id)
        if one.id in excluded or one.entity_id in excluded:
            continue
        if agency is None or one.absent or one.load >= one.capacity or need.country in one.own_states:
            continue
        terms = list(_expert_terms(need, one, agency, strengths[agency.id]))
        candidate = Candidate(
            one.id, one.name, agency.verified, agency.id, terms, gains=lambda one=one: _gains(need, one)
        )
        if any(term.code in _ABOUT for term in terms) and score(terms) >= FLOORS["expert"]:
            listed.append(candidate)
    return matches(best_first(listed)[:limit])


_ABOUT = {"expert_objective", "expert_agency"}
"""A language and a region alone make nobody an expert in what is asked."""


def _expert_terms(need: Need, one: ExpertFacts, agency: AgencyFacts, strength: float) -> Iterable[Term]:
    evidence = (f"expert:{one.id}",)
    for number, share in enumerate(need.objectives.tolist(), start=1):
        if not share:
            continue
        named = number in one.objectives
        covered = STRENGTH["primary"] if named else 0.0
        if not one.objectives and number in agency.strengths:
            covered = STRENGTH.get(agency.strengths[number][0], 0.0)
        if covered:
            told = (f"objective:{number}", *evidence) if named else (f"objective:{number}", agency.id)
            yield Term("expert_objective", {"objective": number}, weight("expert.objective") * share * covered, told)
    if strength > 0:
        share = min(strength / STRONGEST, 1.0)
        yield Term("expert_agency", {"agency": agency.acronym}, weight("expert.agency") * share, (agency.id,))
    if need.language and need.language in one.languages:
        told = (f"language:{need.language}", *evidence)
        yield Term("expert_language", {"language": need.language}, weight("expert.language"), told)
    if one.countries is not None and need.country in one.countries:
        yield Term("expert_region", {"country": need.country}, weight("expert.region"), evidence)
    if one.load:
        share = min(one.load / one.capacity, 1.0)
        yield Term("load", {"count": one.load}, -weight("private.load") * share, evidence)


def _gains(need: Need, one: ExpertFacts) -> Iterable[Gain]:
    for number, share in enumerate(need.objectives.tolist(), start=1):
        if share and one.objectives and number not in one.objectives:
            yield Gain("expert_objective", {"objective": number}, weight("expert.objective") * share)
    if need.language and need.language not in one.languages:
        yield Gain("expert_language", {"language": need.language}, weight("expert.language"))
