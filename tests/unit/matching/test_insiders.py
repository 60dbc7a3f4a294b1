"""What the secretariat alone is shown, over random networks: experts, load, acceptance, speed, answers, readiness."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.matching import agencies, peers, reasons, scoring
from hub.matching.candidates import Evidence
from hub.matching.insiders import People, experts, of_agencies, of_states
from hub.matching.scoring import Need
from hub.matching.types import ExpertFacts, Inside, Match, PastAnswer, Reason
from hub.matching.weights import FLOORS
from tests.unit.matching.networks import (
    OBJECTIVES_DRAWN,
    agency,
    need,
    network,
    networks,
    numbers,
    prepared,
    similar,
    vectors,
)

PRIVATE = {"load", "accepts", "answers_fast", "answered_similar", "answered_close", "ready"}


@dataclass(frozen=True)
class World:
    evidence: Evidence
    need: Need
    inside: Inside


def expert(id_: str = "e", **facts: Any) -> ExpertFacts:
    values: dict[str, Any] = {
        "name": id_,
        "entity_id": "a0",
        "languages": frozenset(),
        "objectives": frozenset(),
        "countries": None,
        "own_states": frozenset(),
        "capacity": 3,
        "load": 0,
        "absent": False,
        **facts,
    }
    return ExpertFacts(id=id_, **values)


def inside(**facts: Any) -> Inside:
    values: dict[str, Any] = {
        "open_requests": {},
        "acceptance": {},
        "days": {},
        "answered": {},
        "ready": frozenset(),
        "experts": (),
        **facts,
    }
    return Inside(**values)


IDS = st.sampled_from(["a0", "a1", "a2", "a3"])


@st.composite
def worlds(draw: Any) -> World:
    evidence, wanted = draw(networks())
    people = tuple(
        expert(
            f"e{row}",
            entity_id=draw(IDS),
            languages=frozenset(draw(st.sets(st.sampled_from(["en", "fr"])))),
            objectives=frozenset(draw(numbers)),
            countries=draw(st.none() | st.frozensets(st.sampled_from(["GHA", "KEN"]))),
            own_states=draw(st.frozensets(st.sampled_from(["GHA", "KEN"]), max_size=1)),
            capacity=draw(st.integers(1, 3)),
            load=draw(st.integers(0, 3)),
            absent=draw(st.booleans()),
        )
        for row in range(draw(st.integers(0, 6)))
    )
    known = inside(
        open_requests=draw(st.dictionaries(IDS, st.lists(st.sampled_from("abc"), min_size=1, unique=True).map(tuple))),
        acceptance=draw(st.dictionaries(IDS, st.floats(0, 1))),
        days=draw(st.dictionaries(IDS, st.floats(0, 20))),
        answered=draw(
            st.dictionaries(IDS, st.lists(st.tuples(st.sampled_from("abc"), st.frozensets(OBJECTIVES_DRAWN)), max_size=2).map(tuple))
        ),
        ready=draw(st.frozensets(st.sampled_from(["MLI", "KEN"]))),
        experts=people,
    )  # fmt: skip
    past = [
        (PastAnswer(f"p{row}", f"r{row}", draw(IDS), draw(st.sampled_from(["e0", "e1", "x"])), None), draw(vectors))
        for row in range(draw(st.integers(0, 4)))
    ]
    return World(evidence, replace(prepared(evidence, wanted), model="m"), with_answers(known, past))


def with_answers(known: Inside, past: list[tuple[PastAnswer, Any]]) -> Inside:
    texts = np.array([vector for _, vector in past], np.float32).reshape(len(past), 4)
    return replace(known, answers={"m": (tuple(one for one, _ in past), texts)})


def lists(world: World, limit: int = 50) -> dict[str, tuple[Match, ...]]:
    evidence, known = world.evidence, world.inside
    wanted = similar(evidence, world.need)
    found = scoring.relevance(evidence, wanted, *scoring.text_relevance(evidence, wanted))
    every = agencies.scored(evidence, wanted, found)
    return {
        "agencies": agencies.agencies(every, limit=limit, private=of_agencies(evidence, known, wanted)),
        "peers": peers.peer_states(evidence, wanted, found, limit=limit, private=of_states(known)),
        "experts": experts(every, wanted, People(evidence, known), limit=limit),
    }


@settings(deadline=None, database=None, max_examples=50)
@given(worlds())
def test_in_the_secretariats_view_too_scores_are_sums_of_reasons_the_same_each_time_with_ties_by_id(
    world: World,
) -> None:
    found = lists(world)
    assert found == lists(world)
    for name, matches in found.items():  # fewer States than diversity is asked of
        for match in matches:
            assert sum(reason.weight for reason in match.reasons) == pytest.approx(match.score, abs=1e-6)
            assert all(reason.evidence and all(reason.evidence) and reasons.text(reason) for reason in match.reasons)
        assert [match.id for match in matches] == [
            match.id for match in sorted(matches, key=lambda one: (-round(one.score, 9), one.id))
        ], name


@settings(deadline=None, database=None, max_examples=40)
@given(worlds(), st.integers(1, 3))
def test_a_short_list_is_the_beginning_of_the_long_one(world: World, limit: int) -> None:
    short, long = lists(world, limit), lists(world)
    for name in ("agencies", "experts"):
        assert short[name] == long[name][:limit]


# Without a reason


def of_expert(world: World, id_: str, change: Callable[[ExpertFacts], ExpertFacts]) -> World:
    people = tuple(change(one) if one.id == id_ else one for one in world.inside.experts)
    return replace(world, inside=replace(world.inside, experts=people))


def without_objective(world: World, match: Match, reason: Reason) -> World:
    number = reason.params["objective"]
    if f"expert:{match.id}" in reason.evidence:
        return of_expert(world, match.id, lambda one: replace(one, objectives=one.objectives - {number}))
    members = tuple(
        replace(each, strengths={key: value for key, value in each.strengths.items() if key != number})
        if each.id == match.url_id
        else each
        for each in world.evidence.agencies
    )
    return replace(world, evidence=replace(world.evidence, agencies=members))


def without(world: World, match: Match, reason: Reason) -> World:
    entity = str(match.url_id)
    known = world.inside
    if reason.code == "expert_objective":
        return without_objective(world, match, reason)
    if reason.code == "expert_language":
        return of_expert(world, match.id, lambda one: replace(one, languages=frozenset()))
    if reason.code == "expert_region":
        return of_expert(world, match.id, lambda one: replace(one, countries=frozenset()))
    if reason.code == "load" and reason.evidence == (f"expert:{match.id}",):
        return of_expert(world, match.id, lambda one: replace(one, load=0))
    if reason.code in {"answered_close", "expert_answered"}:
        past, texts = known.answers["m"]
        left = [(one, text) for one, text in zip(past, texts, strict=True) if f"answer:{one.id}" != reason.evidence[0]]
        return replace(world, inside=with_answers(known, left))
    if reason.code == "ready":
        return replace(world, inside=replace(known, ready=known.ready - {match.id}))
    name = {
        "load": "open_requests",
        "accepts": "acceptance",
        "answers_fast": "days",
        "answered_similar": "answered",
    }[reason.code]
    left = {key: value for key, value in getattr(known, name).items() if key != entity}
    return replace(world, inside=replace(known, **{name: left}))


@settings(deadline=None, database=None, max_examples=60)
@given(worlds())
def test_without_what_the_secretariat_knows_a_match_has_the_score_that_the_reason_states(world: World) -> None:
    for name, matches in lists(world).items():
        for match in matches:
            for reason in match.reasons:
                assert reason.without is not None
                if reason.code == "expert_agency":
                    assert reason.without == pytest.approx(match.score - reason.weight, abs=1e-6)
                    continue
                if name != "experts" and reason.code not in PRIVATE:
                    continue  # tests of public evidence
                again = lists(without(world, match, reason))[name]
                score = next((each.score for each in again if each.id == match.id), None)
                if score is not None:
                    assert score == pytest.approx(reason.without, abs=1e-6), reason
                elif name == "agencies":
                    assert reason.without < FLOORS["agency"] + 1e-6
                else:
                    assert name == "experts"
                    assert reason.without < FLOORS["expert"] + 1e-6 or reason.code == "expert_objective"


def test_an_expert_of_one_objective_would_without_it_do_what_the_agency_does() -> None:
    evidence = network([], [agency("A0", {6: "secondary"})])
    world = World(evidence, need(objectives=(6,)), inside(experts=(expert(objectives=frozenset({6})),)))
    (match,) = lists(world)["experts"]
    reason = next(reason for reason in match.reasons if reason.code == "expert_objective")
    assert reason.without == pytest.approx(match.score - 0.5)


def test_who_is_full_absent_or_of_the_asking_state_is_no_expert_for_it() -> None:
    evidence = network([], [agency("A0", {6: "primary"})])
    people = (
        expert("full", load=3),
        expert("away", absent=True),
        expert("own", own_states=frozenset({"GHA"})),
        expert("free"),
        expert("other", entity_id="nobody"),
    )
    world = World(evidence, need("GHA", objectives=(6,)), inside(experts=people))
    assert [match.id for match in lists(world)["experts"]] == ["free"]
    assert np.isfinite(lists(world)["experts"][0].score)
