"""What the secretariat alone is shown: experts, and how agencies and peers fare. Pure; `Inside` is given, or nothing of this is scored."""

import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import NamedTuple

import numpy as np

from hub.matching.agencies import Scored, objective_worth
from hub.matching.candidates import AgencyFacts
from hub.matching.scoring import Need, asked
from hub.matching.sums import Candidate, Term, matches
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
    wanted = frozenset((np.flatnonzero(need.objectives) + 1).tolist())
    if done := [request for request, objectives in inside.answered.get(entity, ()) if wanted & objectives]:
        share = min(len(done) / MANY_ANSWERS, 1.0)
        evidence = tuple(f"request:{request}" for request in done)
        yield Term("answered_similar", {"count": len(done)}, weight("private.answered") * share, evidence)


def state_terms(inside: Inside, entity: str) -> Iterable[Term]:
    if entity in inside.ready:
        yield Term("ready", {"country": entity}, weight("private.ready"), (entity,))


def experts(
    scored: Scored, need: Need, inside: Inside, *, limit: int, excluded: Collection[str] = ()
) -> tuple[Match, ...]:
    """Experts with room who are there and not of the asking State. `excluded`: agencies and memberships.

    All are added up; reasons are made for those alone that may be among the best.
    """
    agencies = scored.records.evidence.agencies
    rows = {facts.id: row for row, facts in enumerate(agencies)}
    strengths = scored.strengths.tolist()
    objectives = asked(need)
    added: list[tuple[float, _Fit, list[_Part]]] = []
    for one in inside.experts:
        row = rows.get(one.entity_id)
        if row is None or one.id in excluded or one.entity_id in excluded:
            continue
        if one.absent or one.load >= one.capacity or need.country in one.own_states:
            continue
        fit = _Fit(need, objectives, one, agencies[row], strengths[row])
        parts = _parts(fit)
        total = _sum(parts)
        if total >= FLOORS["expert"] and any(code in _ABOUT for code, _, _ in parts):
            added.append((total, fit, parts))
    added.sort(key=lambda each: (-round(each[0], 9), each[1].one.id))
    return matches(
        Candidate(
            fit.one.id,
            fit.one.name,
            fit.agency.verified,
            fit.agency.id,
            [_term(fit, part) for part in parts],
            lost=partial(_lost, fit),
            gains=partial(_gains, fit),
        )
        for _, fit, parts in added[:limit]
    )


_ABOUT = {"expert_objective", "expert_agency"}
"""A language and a region alone make nobody an expert in what is asked."""

_Part = tuple[str, int, float]
"""Code, objective (0: none) and weight of a reason."""


class _Fit(NamedTuple):
    """One expert in the light of one need. `objectives`: those asked for, with shares; `strength`: score of the agency."""

    need: Need
    objectives: Sequence[tuple[int, float]]
    one: ExpertFacts
    agency: AgencyFacts
    strength: float


def _sum(parts: Iterable[_Part]) -> float:
    return math.fsum(weighs for _, _, weighs in parts)


def _parts(fit: _Fit) -> list[_Part]:
    need, objectives, one, agency, strength = fit
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
    if one.load:
        parts.append(("load", 0, -weight("private.load") * min(one.load / one.capacity, 1.0)))
    return parts


def _term(fit: _Fit, part: _Part) -> Term:
    """A part in full."""
    need, _, one, agency, _ = fit
    code, number, weighs = part
    expert = f"expert:{one.id}"
    if code == "expert_objective":
        told = (f"objective:{number}", expert if number in one.objectives else agency.id)
        return Term(code, {"objective": number}, weighs, told)
    if code == "expert_agency":
        return Term(code, {"agency": agency.acronym}, weighs, (agency.id,))
    if code == "expert_language":
        return Term(code, {"language": need.language or ""}, weighs, (f"language:{need.language}", expert))
    if code == "expert_region":
        return Term(code, {"country": need.country}, weighs, (expert,))
    return Term(code, {"count": one.load}, weighs, (expert,))


def _lost(fit: _Fit, term: Term) -> float:
    """Whose only objective is gone does whatever the agency does; without an objective the agency itself is worth less."""
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
