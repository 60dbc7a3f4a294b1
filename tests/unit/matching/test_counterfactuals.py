"""What a reason says of the score without it, and what is said to lift a rank, is what comes out when the evidence changes."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

from hub.matching import reasons
from hub.matching.candidates import Evidence
from hub.matching.changes import what_would_change
from hub.matching.scoring import Need
from hub.matching.types import Gain, Match, Reason
from hub.matching.weights import FLOORS
from tests.unit.matching.networks import agency, lists_of, need, network, networks, prepared, record

World = tuple[Evidence, Need]
FLOOR = {"agencies": "agency", "practices": "record", "guidance": "record", "funding": "funding"}


def of_agency(world: World, match: Match, **facts: Any) -> World:
    evidence, wanted = world
    agencies = tuple(replace(each, **facts) if each.acronym == match.id else each for each in evidence.agencies)
    return replace(evidence, agencies=agencies), wanted


def of_state(world: World, match: Match, **facts: Any) -> World:
    evidence, wanted = world
    return replace(
        evidence, states=tuple(replace(each, **facts) if each.id == match.id else each for each in evidence.states)
    ), wanted


def of_offer(world: World, match: Match, **facts: Any) -> World:
    evidence, wanted = world
    return replace(
        evidence, offers=tuple(replace(each, **facts) if each.id == match.id else each for each in evidence.offers)
    ), wanted


def retagged(world: World, slug: str, number: int, *, tagged: bool) -> World:
    evidence, wanted = world
    objectives = (evidence.objectives > 0).astype(np.float32)
    objectives[evidence.slug_rows[slug], number - 1] = tagged
    objectives /= np.maximum(np.linalg.norm(objectives, axis=1, keepdims=True), 1e-9)
    return replace(evidence, objectives=objectives), wanted


def agency_facts(world: World, match: Match) -> Any:
    return next(each for each in world[0].agencies if each.acronym == match.id)


def state_facts(world: World, match: Match) -> Any:
    return next(each for each in world[0].states if each.id == match.id)


# Without a reason


def without_objective(world: World, match: Match, reason: Reason) -> World:
    number = reason.params["objective"]
    if "strength" not in reason.params:
        return retagged(world, match.id, int(number), tagged=False)
    strengths = {key: value for key, value in agency_facts(world, match).strengths.items() if key != number}
    return of_agency(world, match, strengths=strengths)


def without_lead(world: World, match: Match, reason: Reason) -> World:
    leads = {
        number: left
        for number, groups in agency_facts(world, match).leads.items()
        if (left := tuple(group for group in groups if group not in reason.evidence))
    }
    return of_agency(world, match, leads=leads)


def without_links(world: World, match: Match, reason: Reason) -> World:
    evidence, wanted = world
    gone = [evidence.slug_rows[slug] for slug in reason.evidence]
    row = [each.acronym for each in evidence.agencies].index(match.id)
    kept = ~(np.isin(evidence.link_document, gone) & (evidence.link_agency == row))
    return replace(evidence, link_document=evidence.link_document[kept], link_agency=evidence.link_agency[kept]), wanted


def without_mandate(world: World, match: Match, _: Reason) -> World:
    evidence, wanted = world
    kept = evidence.clause_agency != [each.acronym for each in evidence.agencies].index(match.id)
    return replace(
        evidence,
        clauses=evidence.clauses[kept],
        clause_level=evidence.clause_level[kept],
        clause_agency=evidence.clause_agency[kept],
    ), wanted


def without_practice(world: World, match: Match, reason: Reason) -> World:
    evidence, wanted = world
    pair = (evidence.country_document == evidence.slug_rows[reason.evidence[0]]) & (
        evidence.country_state == evidence.state_rows[match.id]
    )
    names = ("country_document", "country_state", "country_first")
    return replace(evidence, **{name: getattr(evidence, name)[~pair] for name in names}), wanted


def without_region(world: World, match: Match, reason: Reason) -> World:
    regions = tuple(one for one in state_facts(world, match).regions if one != reason.params["region"])
    return of_state(world, match, regions=regions)


def without_words(world: World, match: Match, _: Reason) -> World:
    evidence, wanted = world
    keyword = np.array(wanted.keyword)
    keyword[evidence.slug_rows[match.id]] = 0.0
    return evidence, replace(wanted, keyword=keyword)


def without_meaning(world: World, match: Match, _: Reason) -> World:
    evidence, wanted = world
    kept = evidence.passage_document != evidence.slug_rows[match.id]
    return replace(evidence, passages=evidence.passages[kept], passage_document=evidence.passage_document[kept]), wanted


def without_place(world: World, match: Match, _: Reason) -> World:
    evidence, wanted = world
    row = evidence.slug_rows[match.id]
    places = {
        name: {code: rows[rows != row] for code, rows in getattr(evidence, name).items()}
        for name in ("region_documents", "country_documents")
    }
    return replace(evidence, **places), wanted


def without_situation(world: World, match: Match, reason: Reason) -> World:
    evidence, wanted = world
    facts = {
        name: dict(getattr(evidence.situations, name))
        for name in ("destinations", "origins", "routes", "roles", "sizes", "languages")
    }
    for told in reason.evidence:
        scheme, _, code = told.partition(":")
        if scheme == "corridor":
            origin, destination = code.split("-")
            facts["destinations"][origin] = facts["destinations"][origin] - {destination}
            facts["origins"][destination] = facts["origins"].get(destination, frozenset()) - {origin}
        elif code:
            facts[f"{scheme}s"][match.id] = facts[f"{scheme}s"][match.id] - {code}
    return replace(evidence, situations=replace(evidence.situations, **facts)), wanted


def without_offered(world: World, match: Match, reason: Reason) -> World:
    facts = next(each for each in world[0].offers if each.id == match.id)
    left = facts.objectives - {reason.params["objective"]}
    return of_offer(world, match, objectives=left)


def without_text(world: World, match: Match, reason: Reason) -> World:
    evidence, wanted = world
    name, facts = ("offer_texts", evidence.offers) if reason.code == "offer_text" else ("area_texts", evidence.areas)
    texts = np.array(getattr(evidence, name))
    row = [each.id for each in facts].index(match.id)
    assert wanted.vector is not None
    texts[row] = -wanted.vector if reason.code == "offer_text" else np.nan
    return replace(evidence, **{name: texts}), wanted


def without_area_objective(world: World, match: Match, reason: Reason) -> World:
    evidence, wanted = world
    areas = tuple(
        replace(each, objectives=each.objectives - {reason.params["objective"]}) if each.id == match.id else each
        for each in evidence.areas
    )
    return replace(evidence, areas=areas), wanted


def without_answer(world: World, _: Match, reason: Reason) -> World:
    evidence, wanted = world
    kept = [row for row, each in enumerate(evidence.answers) if f"answer:{each.id}" not in reason.evidence]
    answers = tuple(evidence.answers[row] for row in kept)
    return replace(evidence, answers=answers, answer_texts=evidence.answer_texts[kept]), wanted


WITHOUT: dict[str, Callable[[World, Match, Reason], World]] = {
    "objective_shared": without_objective,
    "objective_predicted": without_objective,
    "working_group_lead": without_lead,
    "record_of_agency": without_links,
    "often_involved": without_links,
    "presence_country": without_links,
    "presence_region": without_links,
    "mandate_close": without_mandate,
    "mandate_breadth": lambda world, match, _: of_agency(world, match, strengths={}),
    "region_commission": lambda world, match, _: of_agency(world, match, commission=False),
    "region_elsewhere": lambda world, match, _: of_agency(world, match, commission=False),
    "works_in_country": lambda world, match, _: of_agency(world, match, presence=frozenset()),
    "works_in_region": lambda world, match, _: of_agency(world, match, presence=frozenset()),
    "helps_in_language": lambda world, match, _: of_agency(world, match, languages=frozenset()),
    "answer_released": without_answer,
    "answer_received": without_answer,
    "practice_similar": without_practice,
    "same_region": without_region,
    "same_subregion": without_region,
    "same_commission": lambda world, match, _: of_state(world, match, commissions=()),
    "champion": lambda world, match, _: of_state(world, match, champion=False),
    "words_shared": without_words,
    "meaning_close": without_meaning,
    "place_own": without_place,
    "place_region": without_place,
    **dict.fromkeys(
        ("corridor_ends", "destinations_shared", "origins_shared", "route_shared", "role_like", "same_size"),
        without_situation,
    ),
    "same_language": without_situation,
    "offer_objective": without_offered,
    "offer_any": lambda world, match, _: of_offer(
        world, match, objectives=frozenset(set(range(1, 24)) - set((np.flatnonzero(world[1].objectives) + 1).tolist()))
    ),
    "offer_text": without_text,
    "offer_place": lambda world, match, _: of_offer(world, match, places=frozenset()),
    "offer_language": lambda world, match, _: of_offer(world, match, languages=frozenset()),
    "funding_objective": without_area_objective,
    "funding_text": without_text,
}


@settings(deadline=None, database=None, max_examples=60)
@given(networks())
def test_without_its_evidence_a_match_has_the_score_that_each_reason_states(world: World) -> None:
    evidence, wanted = world[0], prepared(*world)
    for name, matches in lists_of(evidence, wanted, 50).items():
        for match in matches:
            assert len({reason.id for reason in match.reasons}) == len(match.reasons)
            for reason in match.reasons:
                again = lists_of(*WITHOUT[reason.code]((evidence, wanted), match, reason), 50)[name]
                score = next((each.score for each in again if each.id == match.id), None)
                assert reason.without is not None
                if score is not None:
                    assert score == pytest.approx(reason.without, abs=1e-6), reason
                elif name in FLOOR:
                    assert reason.without < FLOORS[FLOOR[name]] + 1e-6 or replaceable(evidence, match)
                else:
                    assert reason.code in {"practice_similar", "offer_objective", "offer_any", "offer_text"}


def replaceable(evidence: Evidence, match: Match) -> bool:
    """Another version of the same work may stand there instead."""
    works = [each.work for each in evidence.documents]
    return match.id in evidence.slug_rows and works.count(works[evidence.slug_rows[match.id]]) > 1


# With what is lacking


def with_gain(world: World, match: Match, gain: Gain) -> World:
    evidence, wanted = world
    number = int(gain.params.get("objective", 0))
    if gain.code == "objective_primary":
        strengths = {**agency_facts(world, match).strengths, number: ("primary", "mandate")}
        return of_agency(world, match, strengths=strengths)
    if gain.code == "working_group_lead":
        return of_agency(world, match, leads={**agency_facts(world, match).leads, number: ("group-9",)})
    if gain.code == "champion":
        return of_state(world, match, champion=True)
    if gain.code == "objective_tagged":
        return retagged(world, match.id, number, tagged=True)
    if gain.code == "offer_objective":
        facts = next(each for each in evidence.offers if each.id == match.id)
        return of_offer(world, match, objectives=facts.objectives | {number})
    row = next(at for at, each in enumerate(evidence.documents) if each.title == gain.params["title"])
    if gain.code == "record_of_agency":
        at = [each.acronym for each in evidence.agencies].index(match.id)
        links = sorted({*zip(evidence.link_agency.tolist(), evidence.link_document.tolist(), strict=True), (at, row)})
        return replace(
            evidence, link_agency=np.array([a for a, _ in links]), link_document=np.array([d for _, d in links])
        ), wanted
    assert gain.code == "practice_similar"
    return replace(
        evidence,
        country_document=np.append(evidence.country_document, row),
        country_state=np.append(evidence.country_state, evidence.state_rows[match.id]),
        country_first=np.append(evidence.country_first, True),
    ), wanted


@settings(deadline=None, database=None, max_examples=40)
@given(networks())
def test_a_gain_brings_the_points_and_the_rank_that_are_stated(world: World) -> None:
    evidence, wanted = world[0], prepared(*world)
    for name, matches in lists_of(evidence, wanted, 50).items():
        for position, match in enumerate(matches):
            changes = [change for change in what_would_change(matches, position) if change.kind == "gain"]
            for gain in match.gains:
                again = lists_of(*with_gain((evidence, wanted), match, gain), 50)[name]
                found = next(each for each in again if each.id == match.id)
                assert found.score == pytest.approx(match.score + gain.weight, abs=1e-6), gain
                for change in changes:
                    if (change.code, dict(change.params)) == (gain.code, dict(gain.params)):
                        assert found.rank == change.rank < match.rank


def test_what_would_change_names_what_the_one_above_has_more_of_and_what_it_takes() -> None:
    evidence = network([], [agency("AAA", {6: "secondary"}), agency("BBB", {6: "primary"})])
    matches = lists_of(evidence, need(objectives=(6,)))["agencies"]
    behind, gain = what_would_change(matches, 1, floor="agency")[:2]
    assert (behind.kind, behind.code, behind.params["above"]) == ("behind", "objective_shared", "BBB")
    assert behind.weight == pytest.approx(0.5)
    assert (gain.kind, gain.code, gain.rank, gain.weight) == ("gain", "objective_primary", 1, 0.5)


def test_what_a_match_rests_on_is_said_with_the_rank_it_would_have_or_that_it_would_not_be_listed() -> None:
    evidence = network([], [agency("AAA", {6: "primary"}), agency("BBB", {6: "secondary"})])
    matches = lists_of(evidence, need(objectives=(6,)))["agencies"]
    first, last = (what_would_change(matches, at, floor="agency") for at in (0, 1))
    assert ("loss", "objective_shared", None) in {(change.kind, change.code, change.rank) for change in first}
    assert ("loss", "objective_shared", None) in {(change.kind, change.code, change.rank) for change in last}
    without_floor = what_would_change(matches, 0)
    assert ("objective_shared", 2) in {(change.code, change.rank) for change in without_floor}


def test_every_change_is_a_sentence() -> None:
    documents = [record(f"record-{row}", countries=["KEN"], objectives=[6], agencies={0}) for row in range(2)]
    evidence = network(
        documents, [agency("AAA", {6: "primary"}), agency("BBB", {6: "secondary"}), agency("CCC", {6: "secondary"})]
    )
    for matches in lists_of(evidence, need(objectives=(6,))).values():
        for position in range(len(matches)):
            for change in what_would_change(matches, position):
                sentence = reasons.change_text(change)
                assert sentence
                assert "%(" not in sentence
