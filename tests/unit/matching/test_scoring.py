"""Scores as sums of reasons, over random networks."""

import math
from pathlib import Path

import pytest
from hypothesis import given, settings

from hub.matching import reasons, scoring, weights
from hub.matching.candidates import Evidence
from hub.matching.scoring import Need
from tests.unit.matching.networks import (
    REGIONS,
    agency,
    all_lists,
    need,
    network,
    networks,
    record,
    similar,
    unit,
)


@settings(deadline=None, database=None, max_examples=60)
@given(networks())
def test_every_score_is_the_sum_of_reasons_with_evidence_in_order_and_finite(given_: tuple[Evidence, Need]) -> None:
    evidence, wanted = given_
    for matches in all_lists(evidence, wanted).values():
        assert [match.rank for match in matches] == list(range(1, len(matches) + 1))
        assert len({match.id for match in matches}) == len(matches)
        for match in matches:
            assert match.reasons
            assert math.isfinite(match.score)
            assert sum(reason.weight for reason in match.reasons) == pytest.approx(match.score, abs=1e-9)
            for reason in match.reasons:
                assert reason.weight != 0
                assert reason.evidence
                assert all(reason.evidence)
                assert reasons.text(reason)


@settings(deadline=None, database=None, max_examples=30)
@given(networks())
def test_the_same_need_has_the_same_answer_and_the_asker_is_never_its_own_peer(given_: tuple[Evidence, Need]) -> None:
    evidence, wanted = given_
    found = all_lists(evidence, wanted)
    assert found == all_lists(evidence, wanted)
    assert wanted.country not in {match.id for match in found["peers"]}


@settings(deadline=None, database=None, max_examples=30)
@given(networks())
def test_equal_scores_stand_in_order_of_id_and_lower_ones_below(given_: tuple[Evidence, Need]) -> None:
    evidence, wanted = given_
    found = all_lists(evidence, wanted)
    for name in ("agencies", "practices", "guidance", "offers", "funding"):
        matches = found[name]
        keys = [(-round(match.score, 9), match.id) for match in matches]
        assert keys == sorted(keys)


@settings(deadline=None, database=None, max_examples=30)
@given(networks())
def test_at_most_three_of_the_first_ten_peers_lie_in_one_subregion(given_: tuple[Evidence, Need]) -> None:
    evidence, wanted = given_
    peers = [REGIONS[match.id][0] for match in all_lists(evidence, wanted)["peers"]]
    assert all(peers.count(region) <= 3 for region in peers)


@settings(deadline=None, database=None, max_examples=30)
@given(networks())
def test_features_of_records_lie_between_zero_and_one(given_: tuple[Evidence, Need]) -> None:
    evidence, wanted = given_
    wanted = similar(evidence, wanted)
    words, meaning = scoring.text_relevance(evidence, wanted)
    found = scoring.relevance(evidence, wanted, words, meaning)
    for feature in (words, meaning, found.objective, found.place, found.total):
        assert ((feature >= 0) & (feature <= 1 + 1e-6)).all()


def test_a_core_task_outranks_a_contribution_and_names_its_objective() -> None:
    evidence = network([], [agency("AAA", {6: "secondary"}), agency("BBB", {6: "primary"})])
    first, second = all_lists(evidence, need(objectives=(6,)))["agencies"]
    assert (first.id, second.id) == ("BBB", "AAA")
    assert first.reasons[0].code == "objective_shared"
    assert first.reasons[0].evidence == ("objective:6", "bbb")
    assert first.reasons[0].weight == 1.0


def test_agencies_that_are_alike_stand_in_order_of_acronym() -> None:
    evidence = network([], [agency(name, {6: "primary"}) for name in ("CCC", "AAA", "BBB")])
    assert [match.id for match in all_lists(evidence, need(objectives=(6,)))["agencies"]] == ["AAA", "BBB", "CCC"]


def test_a_commission_of_another_region_loses_what_the_own_gains() -> None:
    own, other = agency("ECA", {6: "primary"}, commission=True), agency("ECE", {6: "primary"}, commission=True)
    found = {match.id: match for match in all_lists(network([], [own, other]), need("GHA", (6,)))["agencies"]}
    weights = {id_: {r.code: r.weight for r in match.reasons} for id_, match in found.items()}
    assert weights["ECA"]["region_commission"] == 0.3
    assert weights["ECE"]["region_elsewhere"] == -0.3


def test_nothing_shared_gives_no_match_at_all() -> None:
    evidence = network([record("far", countries=["KEN"], objectives=[1])], [agency("AAA", {1: "primary"})])
    assert not any(all_lists(evidence, need(objectives=(22,))).values())


def test_a_state_stands_with_its_three_best_practices_at_falling_weight() -> None:
    documents = [record(f"record-{row}", countries=["KEN"], objectives=[6]) for row in range(4)]
    (peer,) = all_lists(network(documents, []), need("PRT", (6,)))["peers"]
    practices = [reason for reason in peer.reasons if reason.code == "practice_similar"]
    assert [reason.evidence for reason in practices] == [("record-0",), ("record-1",), ("record-2",)]
    assert practices[1].weight == pytest.approx(practices[0].weight / 2)
    assert practices[2].weight == pytest.approx(practices[0].weight / 3)


def test_a_work_in_two_languages_counts_once() -> None:
    documents = [record(f"version-{row}", work="one", countries=["KEN"], objectives=[6]) for row in range(2)]
    found = all_lists(network(documents, []), need("PRT", (6,)))
    assert [match.id for match in found["practices"]] == ["version-0"]
    assert [reason.evidence for reason in found["peers"][0].reasons if reason.code == "practice_similar"] == [
        ("version-0",)
    ]


def test_objectives_of_the_nearest_practices_stand_in_for_those_not_named() -> None:
    near, far = unit([1, 0, 0, 1]), unit([-1, 0, 0, 1])
    documents = [record(f"far-{row}", objectives=[9], vector=far) for row in range(5)]
    documents.append(record("near", objectives=[22], vector=near))
    evidence = network(documents, [agency("AAA", {22: "primary"}), agency("BBB", {9: "primary"})])
    found = all_lists(evidence, need(vector=near))
    assert [match.id for match in found["agencies"]] == ["AAA"]
    assert "objective_predicted" in {reason.code for reason in found["agencies"][0].reasons}


def test_every_weight_says_where_it_comes_from() -> None:
    assert all(math.isfinite(weight.value) and weight.origin for weight in weights.WEIGHTS.values())
    parts = [weights.WEIGHTS[f"record.{name}"].value for name in ("text", "objective", "place")]
    assert sum(parts) == pytest.approx(1.0)


def test_the_documentation_holds_the_weights_as_they_are() -> None:
    page = (Path(__file__).parents[3] / "docs" / "matching.md").read_text(encoding="utf-8")
    assert weights.table() in page
