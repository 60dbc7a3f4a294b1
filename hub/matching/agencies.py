"""Agencies for a need: objectives, own records, mandate, working groups, region, presence. Pure."""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hub.matching.candidates import AgencyFacts, Evidence, Rows
from hub.matching.scoring import (
    Need,
    Relevance,
    Scores,
    Told,
    answer_terms,
    answers_told,
    asked,
    less_common,
    lost_answer,
    of_records,
    regions_of,
    standing,
)
from hub.matching.sums import Candidate, Term, best_first, matches, score
from hub.matching.tables import NOBODY, OBJECTIVES
from hub.matching.types import Gain, Match
from hub.matching.weights import BEST_RECORDS, FEW_DEVIATIONS, FLOORS, INVOLVED, STRENGTH, weight


def _nothing_lost(_: str, __: Term) -> float | None:
    return None


class Private(NamedTuple):
    """What the secretariat alone sees: entity id -> terms, and what they sum to.

    `lost`: how much the score changes without the evidence of a term; None: as for public ones.
    """

    terms: Callable[[str], Iterable[Term]]
    worth: Callable[[str], float]
    lost: Callable[[str, Term], float | None] = _nothing_lost


def _no_terms(_: str) -> Iterable[Term]:
    return ()


def _nothing(_: str) -> float:
    return 0.0


NOTHING_PRIVATE = Private(_no_terms, _nothing)


@dataclass(frozen=True, slots=True, eq=False)
class _Records:
    """The records in the light of one need. `position` (documents,): in the order of relevance, `len` where not in it.

    `country`, `region`: marks of those that name the asker, or its subregion. Records of agencies, by agency and then in order of
    relevance: `linked` (links,), `bounds` (agencies + 1,) of each agency's.
    """

    evidence: Evidence
    found: Relevance
    position: Rows
    pool_total: float
    asker: str
    subregion: str
    country: NDArray[np.bool_]
    region: NDArray[np.bool_]
    linked: Rows
    bounds: Rows

    def own(self, row: int) -> Rows:
        """The records of an agency in order of relevance."""
        return self.linked[self.bounds[row] : self.bounds[row + 1]]


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """All agencies on public evidence. `told`: public answers; `mandates` (agencies,), or empty without a model: how close each is;

    `strengths` (agencies,): sums of all terms of each.
    """

    records: _Records
    need: Need
    told: Told
    mandates: Scores
    strengths: Scores


def scored(evidence: Evidence, need: Need, found: Relevance) -> Scored:
    """Every agency: there are tens, at most hundreds."""
    records = _records(evidence, need, found)
    mandates = _mandate_feature(evidence, need)
    told = answers_told(evidence, need)
    strengths = _sums_of_records(records) + _sums_of_others(evidence, need, told)
    if len(mandates):
        strengths += weight("agency.mandate") * mandates
    return Scored(records, need, told, mandates, strengths)


def _sums_of_others(evidence: Evidence, need: Need, told: Told) -> Scores:
    """(agencies,): what the terms of each sum to that rest neither on records nor on its mandate."""
    table = evidence.agency_table
    sums = weight("agency.objective") * (table.strengths @ need.objectives)
    sums += weight("agency.lead") * (table.leads @ need.objectives)
    sums += weight("agency.breadth") / OBJECTIVES * table.counts
    for row in table.commissions:
        sums[row] += score(_region_terms(evidence, evidence.agencies[row], need.country))
    there = np.zeros(len(sums))
    for region in regions_of(evidence, need.country)[:1]:
        there[table.presence.get(region, NOBODY)] = weight("agency.presence_region")
    there[table.presence.get(need.country, NOBODY)] = weight("agency.presence")
    sums += there
    sums[table.languages.get(need.language or "", NOBODY)] += weight("agency.language")
    for entity, answers in told.items():
        if entity in table.rows:
            sums[table.rows[entity]] += weight("agency.answer") * answers[0][0]
    return sums


def agencies(
    scored: Scored, *, limit: int, private: Private = NOTHING_PRIVATE, excluded: Collection[str] = ()
) -> tuple[Match, ...]:
    """The best of all but the `excluded`. Reasons are made for those alone that may be among them."""
    evidence = scored.records.evidence
    rows = [row for row, facts in enumerate(evidence.agencies) if facts.id not in excluded]
    near = {row: float(scored.strengths[row]) + private.worth(evidence.agencies[row].id) for row in rows}
    last = max(sorted(near.values(), reverse=True)[:limit][-1:], default=0.0) if limit else np.inf
    least = max(last, FLOORS["agency"]) - ROUNDING
    listed = (_candidate(scored, row, private) for row in rows if near[row] >= least)
    ranked = best_first(one for one in listed if score(one.terms) >= FLOORS["agency"])
    return matches(of_records(evidence, one) for one in ranked[:limit])


ROUNDING = 1e-6
"""Sums made in another order differ by less."""


def _candidate(scored: Scored, row: int, private: Private) -> Candidate:
    records, need = scored.records, scored.need
    facts, own = records.evidence.agencies[row], records.own(row)
    terms = [*_other_terms(scored, row), *_record_terms(records, own), *private.terms(facts.id)]
    lost = partial(_lost_of_either, private, facts.id, partial(_lost, scored, facts.id, own, terms))
    gains = partial(_gains, records, own, facts, need, terms)
    return Candidate(facts.acronym, facts.name, facts.verified, facts.id, terms, lost, gains)


def _other_terms(scored: Scored, row: int) -> Iterable[Term]:
    """Of what rests on no record."""
    evidence, need = scored.records.evidence, scored.need
    facts = evidence.agencies[row]
    yield from _objective_terms(facts, need, asked(need))
    yield from _region_terms(evidence, facts, need.country)
    yield from _said_terms(facts, need, regions_of(evidence, need.country)[:1])
    yield from answer_terms(scored.told, facts.id, "agency.answer", "answer_released")
    if len(scored.mandates) and scored.mandates[row]:
        yield Term("mandate_close", {}, weight("agency.mandate") * float(scored.mandates[row]), (facts.id,))
    if facts.strengths:
        breadth = _breadth(len(facts.strengths))
        yield Term("mandate_breadth", {"count": len(facts.strengths)}, breadth, (facts.id,))


def _breadth(count: int) -> float:
    return weight("agency.breadth") * count / OBJECTIVES


def objective_worth(facts: AgencyFacts, number: int, share: float) -> float:
    """What one objective that an agency has brings it, `share` being that of the need."""
    return weight("agency.objective") * share * STRENGTH.get(facts.strengths[number][0], 0.0) + _breadth(1)


# Objectives


def _objective_terms(facts: AgencyFacts, need: Need, objectives: Sequence[tuple[int, float]]) -> Iterable[Term]:
    for number, share in objectives:
        if number in facts.strengths:
            strength, basis = facts.strengths[number]
            yield Term(
                "objective_predicted" if need.predicted else "objective_shared",
                {"objective": number, "strength": strength, "basis": basis},
                weight("agency.objective") * share * STRENGTH.get(strength, 0.0),
                (f"objective:{number}", facts.id),
            )
        if groups := facts.leads.get(number):
            evidence = (f"objective:{number}", *groups)
            yield Term("working_group_lead", {"objective": number}, weight("agency.lead") * share, evidence)


# Records


def _records(evidence: Evidence, need: Need, found: Relevance) -> _Records:
    unseen = len(evidence.documents)
    position = np.full(unseen, unseen)
    position[found.order] = np.arange(len(found.order))
    country, region = np.zeros(unseen, np.bool_), np.zeros(unseen, np.bool_)
    country[evidence.country_documents.get(need.country, [])] = True
    regions = regions_of(evidence, need.country)
    if regions:
        region[evidence.region_documents.get(regions[0], [])] = True
    pool_total = float(found.total[found.order[:INVOLVED]].sum())
    linked = evidence.link_document[
        np.argsort(evidence.link_agency * (unseen + 1) + position[evidence.link_document], kind="stable")
    ]
    return _Records(
        evidence=evidence,
        found=found,
        position=position,
        pool_total=pool_total,
        asker=need.country,
        subregion=regions[0] if regions else "",
        country=country,
        region=region,
        linked=linked,
        bounds=np.searchsorted(evidence.link_agency, np.arange(len(evidence.agencies) + 1)),
    )


def _sums_of_records(records: _Records) -> Scores:
    """(agencies,): what `_record_terms` of each sum to, for all of them at once."""
    count = len(records.evidence.agencies)
    linked, agency = records.linked, records.evidence.link_agency
    position = records.position[linked]
    relevance = records.found.total[linked]

    def summed(chosen: NDArray[np.bool_]) -> Scores:
        return np.bincount(agency[chosen], weights=relevance[chosen], minlength=count).astype(np.float64)

    first = np.arange(len(linked)) - records.bounds[agency] < BEST_RECORDS
    sums = weight("agency.records") / BEST_RECORDS * summed(first & (position < len(records.position)))
    if records.pool_total > 0:
        sums += weight("agency.involved") / records.pool_total * summed(position < INVOLVED)
    there = np.bincount(agency[records.country[linked]], minlength=count) > 0
    near = np.bincount(agency[records.region[linked]], minlength=count) > 0
    return sums + np.where(there, weight("agency.presence"), np.where(near, weight("agency.presence_region"), 0.0))


def _record_terms(records: _Records, own: Rows) -> list[Term]:
    """`own`: the agency's records in order of relevance."""
    position = records.position[own]
    best = own[:BEST_RECORDS]
    return [
        *_best_terms(records, best[position[:BEST_RECORDS] < len(records.position)]),
        *_involved_terms(records, own[position < INVOLVED]),
        *_presence_terms(records, own),
    ]


def _worth_of(records: _Records, own: Rows) -> float:
    """What `_record_terms` sum to."""
    position, total = records.position[own], records.found.total
    best = own[:BEST_RECORDS][position[:BEST_RECORDS] < len(records.position)]
    worth = weight("agency.records") / BEST_RECORDS * float(total[best].sum())
    if records.pool_total > 0:
        worth += weight("agency.involved") * float(total[own[position < INVOLVED]].sum()) / records.pool_total
    if records.country[own].any():
        return worth + weight("agency.presence")
    return worth + (weight("agency.presence_region") if records.region[own].any() else 0.0)


def _best_terms(records: _Records, best: Rows) -> Iterable[Term]:
    share = weight("agency.records") / BEST_RECORDS
    for document in best.tolist():
        yield Term("record_of_agency", {}, share * float(records.found.total[document]), (), (document,))


def _involved_terms(records: _Records, near: Rows) -> Iterable[Term]:
    if len(near) and records.pool_total > 0:
        share = float(records.found.total[near].sum()) / records.pool_total
        yield Term("often_involved", {"count": len(near)}, weight("agency.involved") * share, (), near.tolist())


def _presence_terms(records: _Records, own: Rows) -> Iterable[Term]:
    there = own[records.country[own]]
    if len(there):
        yield Term("presence_country", {"country": records.asker}, weight("agency.presence"), (), there.tolist())
        return
    near = own[records.region[own]]
    if len(near):
        yield Term(
            "presence_region", {"region": records.subregion}, weight("agency.presence_region"), (), near.tolist()
        )


# Region and mandate


def _region_terms(evidence: Evidence, facts: AgencyFacts, country: str) -> Iterable[Term]:
    row = evidence.state_rows.get(country)
    if not facts.commission or row is None:
        return
    if facts.acronym in evidence.states[row].commissions:
        yield Term("region_commission", {"country": country}, weight("agency.region"), (facts.id, country))
    else:
        yield Term("region_elsewhere", {"country": country}, -weight("agency.elsewhere"), (facts.id, country))


def _said_terms(facts: AgencyFacts, need: Need, subregion: Sequence[str]) -> Iterable[Term]:
    """What the agency said of itself and the secretariat confirmed: beside its records, not instead."""
    near = facts.presence.intersection(subregion)
    if need.country in facts.presence:
        yield Term("works_in_country", {"country": need.country}, weight("agency.presence"), (facts.id,))
    elif near:
        yield Term("works_in_region", {"region": min(near)}, weight("agency.presence_region"), (facts.id,))
    if need.language and need.language in facts.languages:
        yield Term("helps_in_language", {"language": need.language}, weight("agency.language"), (facts.id,))


def _mandate_feature(evidence: Evidence, need: Need) -> Scores:
    """(agencies,): mean over the parts of the request of how near the nearest clause of the mandate is, against others.

    Empty without a model.
    """
    if need.parts is None or not len(evidence.clauses):
        return np.zeros(0)
    similar = less_common(evidence.clauses, evidence.clause_level, need.parts)
    nearest = np.full((len(similar), len(evidence.agencies)), -np.inf)
    np.maximum.at(nearest.T, evidence.clause_agency, similar.T)
    nearest[:, np.isneginf(nearest).any(axis=0)] = np.nan  # no mandate is known
    spread = np.nanstd(nearest, axis=1, keepdims=True)
    above = (nearest - np.nanmean(nearest, axis=1, keepdims=True)) / np.maximum(spread, 1e-9)
    return standing(np.asarray(above.mean(axis=0), np.float64), FEW_DEVIATIONS)


# What if


_OF_RECORDS = frozenset({"record_of_agency", "often_involved", "presence_country", "presence_region"})


def _of_records(terms: Sequence[Term]) -> float:
    return score(term for term in terms if term.code in _OF_RECORDS)


def _lost_of_either(private: Private, entity: str, public: Callable[[Term], float], term: Term) -> float:
    lost = private.lost(entity, term)
    return public(term) if lost is None else lost


def _lost(scored: Scored, entity: str, own: Rows, terms: Sequence[Term], term: Term) -> float:
    if term.code == "answer_released":
        return lost_answer(scored.told, entity, "agency.answer")
    if term.code in _OF_RECORDS:
        gone = set(term.rows)
        kept = np.array([row for row in own.tolist() if row not in gone], np.int64)
        return _worth_of(scored.records, kept) - _of_records(terms)
    if term.code in {"objective_shared", "objective_predicted"}:
        return -term.weight - _breadth(1)
    if term.code == "mandate_breadth":
        strengths = [one for one in terms if one.code in {"objective_shared", "objective_predicted"}]
        return -term.weight - score(strengths)
    if term.code == "working_group_lead":
        gone = set(term.evidence[1:])
        leads = [one for one in terms if one.code == term.code and gone.issuperset(one.evidence[1:])]
        return -score(leads)
    return -term.weight


def _gains(records: _Records, own: Rows, facts: AgencyFacts, need: Need, terms: Sequence[Term]) -> Iterable[Gain]:
    for number, share in asked(need):
        strength = facts.strengths.get(number)
        if strength is None or strength[0] != "primary":
            missing = 1.0 - (STRENGTH.get(strength[0], 0.0) if strength else 0.0)
            gained = weight("agency.objective") * share * missing + (0.0 if strength else _breadth(1))
            yield Gain("objective_primary", {"objective": number}, gained)
        if number not in facts.leads:
            yield Gain("working_group_lead", {"objective": number}, weight("agency.lead") * share)
    nearest = next((row for row in records.found.order[: len(own) + 1].tolist() if row not in own), None)
    if nearest is not None:
        more = np.append(own, nearest)
        more = more[np.argsort(records.position[more], kind="stable")]
        gained = _worth_of(records, more) - _of_records(terms)
        yield Gain("record_of_agency", {"title": records.evidence.documents[nearest].title}, gained)
