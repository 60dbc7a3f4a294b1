"""What could be drawn on: offers of support, and the areas of the fund. Pure."""

import math
from collections.abc import Collection, Iterable, Sequence
from datetime import date
from functools import partial

import numpy as np

from hub.matching.candidates import Evidence, OfferFacts
from hub.matching.scoring import Need, asked, less_common, nearness, regions_of, standing
from hub.matching.sums import Candidate, Term, best_first, matches, score
from hub.matching.types import Gain, Match
from hub.matching.weights import ANY_OBJECTIVE, FEW_DEVIATIONS, FLOORS, weight


def offers(
    evidence: Evidence, need: Need, *, members: bool, on: date, limit: int, excluded: Collection[str] = ()
) -> tuple[Match, ...]:
    """Offers that can be taken up `on` that day by the asker, its own and those of the `excluded` left out.

    `members`: those to the Network's members too.
    """
    near = nearness(need, evidence.offer_texts) if len(evidence.offer_texts) else np.zeros(len(evidence.offers))
    around = {need.country, *regions_of(evidence, need.country), "World"}
    objectives = asked(need)
    listed: list[Candidate] = []
    for facts, closeness in zip(evidence.offers, near.tolist(), strict=True):
        told = facts.public or members
        if not told or not facts.starts_on <= on <= facts.until or facts.entity_id in {need.country, *excluded}:
            continue
        if facts.places and not facts.places & around:
            continue
        if _about(objectives, facts, closeness) >= FLOORS["offer"]:
            terms = list(_offer_terms(need, objectives, facts, closeness, around))
            listed.append(
                Candidate(
                    facts.id,
                    facts.title,
                    facts.verified,
                    facts.id,
                    terms,
                    partial(_lost, facts),
                    partial(_gains, need, facts),
                )
            )
    return matches(best_first(listed)[:limit])


def _about(objectives: Sequence[tuple[int, float]], facts: OfferFacts, closeness: float) -> float:
    """What a floor is asked of, the terms of objectives and text: an offer for the region in the language is none for the need."""
    if facts.objectives or not objectives:
        of_objectives = math.fsum(share for number, share in objectives if number in facts.objectives)
    else:
        of_objectives = ANY_OBJECTIVE
    return weight("offer.objective") * of_objectives + weight("offer.text") * closeness


def _offer_terms(
    need: Need, objectives: Sequence[tuple[int, float]], facts: OfferFacts, closeness: float, around: set[str]
) -> Iterable[Term]:
    evidence = (f"offer:{facts.id}",)
    for number, share in objectives:
        if number in facts.objectives:
            told = (f"objective:{number}", *evidence)
            yield Term("offer_objective", {"objective": number}, weight("offer.objective") * share, told)
    if not facts.objectives and objectives:
        yield Term("offer_any", {}, weight("offer.objective") * ANY_OBJECTIVE, evidence)
    yield Term("offer_text", {}, weight("offer.text") * closeness, evidence)
    if places := sorted(facts.places & around):
        country = need.country in places
        params = {"country": need.country} if country else {"region": places[0]}
        yield Term("offer_place", params, weight("offer.region"), evidence)
    if need.language and need.language in facts.languages:
        told = (f"language:{need.language}", *evidence)
        yield Term("offer_language", {"language": need.language}, weight("offer.language"), told)


def _lost(facts: OfferFacts, term: Term) -> float:
    """Without its only objective an offer is limited to none."""
    alone = term.code == "offer_objective" and len(facts.objectives) == 1
    return -term.weight + (weight("offer.objective") * ANY_OBJECTIVE if alone else 0.0)


def _gains(need: Need, facts: OfferFacts) -> Iterable[Gain]:
    for number, share in asked(need):
        if facts.objectives and number not in facts.objectives:
            yield Gain("offer_objective", {"objective": number}, weight("offer.objective") * share)


def funding(evidence: Evidence, need: Need, *, limit: int) -> tuple[Match, ...]:
    """Areas of the fund whose objectives, or words, are those of the need. Not verified: the lists of objectives are not."""
    near = np.zeros(len(evidence.areas))
    if need.vector is not None and len(evidence.area_texts):
        near = standing(less_common(evidence.area_texts, evidence.area_level, need.vector), FEW_DEVIATIONS)
    listed: list[Candidate] = []
    for facts, closeness in zip(evidence.areas, near.tolist(), strict=True):
        area = f"fund_area:{facts.id}"
        terms = [
            Term(
                "funding_objective",
                {"objective": number},
                weight("funding.objective") * share,
                (f"objective:{number}", area),
            )
            for number, share in enumerate(need.objectives.tolist(), start=1)
            if share and number in facts.objectives
        ]
        terms.append(Term("funding_text", {}, weight("funding.text") * closeness, (area,)))
        if score(terms) >= FLOORS["funding"]:
            listed.append(Candidate(facts.id, facts.name, False, facts.id, terms))
    return matches(best_first(listed)[:limit])
