"""Scores as sums of reasons, over random networks."""

import math
from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.matching import agencies as agency_scores
from hub.matching import means, peers, reasons, scoring, weights
from hub.matching.candidates import (
    OBJECTIVES,
    AgencyFacts,
    AreaFacts,
    DocumentFacts,
    Evidence,
    OfferFacts,
    StateFacts,
)
from hub.matching.scoring import Need
from hub.matching.situation import Situations
from hub.matching.types import Match

REGIONS = {
    "GHA": ("Western Africa", "Africa"),
    "MLI": ("Western Africa", "Africa"),
    "NER": ("Western Africa", "Africa"),
    "SEN": ("Western Africa", "Africa"),
    "BEN": ("Western Africa", "Africa"),
    "KEN": ("Eastern Africa", "Africa"),
    "PRT": ("Southern Europe", "Europe"),
}
SITUATIONS = Situations(
    destinations={"GHA": frozenset({"PRT", "NER"}), "SEN": frozenset({"PRT"}), "MLI": frozenset({"PRT"})},
    origins={"PRT": frozenset({"GHA", "SEN", "MLI"}), "NER": frozenset({"GHA"})},
    routes={"MLI": frozenset({"atlantic"}), "SEN": frozenset({"atlantic"})},
    roles={"GHA": frozenset({"origin"}), "KEN": frozenset({"origin", "transit"}), "MLI": frozenset({"origin"})},
    sizes={"BEN": frozenset({"small"}), "PRT": frozenset({"small"})},
    languages={"SEN": frozenset({"fr"}), "BEN": frozenset({"fr"}), "MLI": frozenset({"fr"})},
)
STATES = tuple(
    StateFacts(code, code.title(), REGIONS[code], ("ECA",), champion=code == "KEN") for code in sorted(REGIONS)
)


def network(
    documents: list[dict[str, Any]],
    agencies: list[AgencyFacts],
    *,
    dim: int = 4,
    clauses: Any = None,
    offers: Any = (),
    areas: Any = (),
) -> Evidence:
    """Evidence of records given by `slug`, `kind`, `countries`, `objectives`, `agencies` (rows), `vector`, `work`.

    Offers and areas come as (facts, vector).
    """
    documents = sorted(documents, key=lambda each: each["slug"])
    facts = tuple(
        DocumentFacts(each["slug"], each["slug"], each.get("work", each["slug"]), each["slug"], each["kind"], "en")
        for each in documents
    )
    state_rows = {state.id: row for row, state in enumerate(STATES)}
    objectives = np.zeros((len(documents), OBJECTIVES), np.float32)
    for row, each in enumerate(documents):
        objectives[row, [number - 1 for number in each["objectives"]]] = 1
    objectives /= np.maximum(np.linalg.norm(objectives, axis=1, keepdims=True), 1e-9)
    countries = [
        (row, state_rows[code], at == 0)
        for row, each in enumerate(documents)
        for at, code in enumerate(each["countries"])
    ]
    links = sorted((agency, row) for row, each in enumerate(documents) for agency in each["agencies"])
    clauses = np.zeros((0, dim), np.float32) if clauses is None else clauses
    vectors = np.array([each["vector"] for each in documents], np.float32).reshape(len(documents), dim)
    works = {work: at for at, work in enumerate(dict.fromkeys(each.work for each in facts))}

    def integers(values: Any) -> Any:
        return np.array(list(values), np.int64)

    return Evidence(
        documents=facts,
        agencies=tuple(agencies),
        states=STATES,
        document_rows={each.id: row for row, each in enumerate(facts)},
        slug_rows={each.slug: row for row, each in enumerate(facts)},
        state_rows=state_rows,
        agency_ids={each.acronym: each.id for each in agencies},
        practice=np.array([each.kind == "practice" for each in facts], np.bool_),
        objectives=objectives,
        languages=("en",),
        document_language=integers(0 for _ in facts),
        works=integers(works[each.work] for each in facts),
        passages=vectors,
        passage_document=integers(range(len(facts))),
        clauses=clauses,
        clause_level=clauses @ vectors.mean(axis=0) if facts else np.zeros(len(clauses), np.float32),
        clause_agency=integers(range(len(clauses))),
        objective_texts=np.zeros((0, dim), np.float32),
        objective_level=np.zeros(0, np.float32),
        scope=-1.0,
        country_document=integers(row for row, _, _ in countries),
        country_state=integers(state for _, state, _ in countries),
        country_first=np.array([first for _, _, first in countries], np.bool_),
        link_document=integers(row for _, row in links),
        link_agency=integers(agency for agency, _ in links),
        region_documents={
            region: integers(sorted({row for row, state, _ in countries if region in STATES[state].regions}))
            for region in {region for regions in REGIONS.values() for region in regions}
        },
        country_documents={
            code: integers(row for row, state, _ in countries if STATES[state].id == code) for code in REGIONS
        },
        situations=SITUATIONS,
        offers=tuple(each for each, _ in offers),
        offer_texts=np.array([vector for _, vector in offers], np.float32).reshape(len(offers), dim),
        offer_level=np.zeros(len(offers), np.float32),
        areas=tuple(each for each, _ in areas),
        area_texts=np.array([vector for _, vector in areas], np.float32).reshape(len(areas), dim),
        area_level=np.zeros(len(areas), np.float32),
    )


DAY = date(2026, 11, 24)


def offer(number: int, **fields: Any) -> OfferFacts:
    values: dict[str, Any] = {
        "entity_id": "a0",
        "verified": True,
        "objectives": frozenset(),
        "places": frozenset(),
        "languages": frozenset(),
        "starts_on": DAY,
        "until": DAY,
        "public": True,
        **fields,
    }
    return OfferFacts(id=f"offer-{number}", title=f"Offer {number}", text="", **values)


def area(number: int, objectives: Any) -> AreaFacts:
    return AreaFacts(f"area-{number}", f"Area {number}", "", frozenset(objectives))


def agency(name: str, strengths: dict[int, str] | None = None, **facts: Any) -> AgencyFacts:
    values: dict[str, Any] = {"verified": True, "leads": {}, "commission": False, **facts}
    return AgencyFacts(
        id=name.lower(),
        acronym=name,
        name=name,
        strengths={number: (strength, "mandate") for number, strength in (strengths or {}).items()},
        **values,
    )


def need(country: str = "GHA", objectives: tuple[int, ...] = (), **fields: Any) -> Need:
    shares = scoring.named_objectives(objectives)
    values: dict[str, Any] = {"language": "en", "keyword": None, "vector": None, **fields}
    return Need(country=country, objectives=shares, predicted=not objectives, **values)


def all_lists(evidence: Evidence, wanted: Need, limit: int = 10) -> dict[str, tuple[Match, ...]]:
    wanted = similar(evidence, wanted)
    words, meaning = scoring.text_relevance(evidence, wanted)
    if wanted.predicted:
        wanted = replace(wanted, objectives=scoring.predict_objectives(evidence, wanted, words + meaning))
    found = scoring.relevance(evidence, wanted, words, meaning)
    return {
        "agencies": agency_scores.agencies(evidence, wanted, found, limit=limit),
        "peers": peers.peer_states(evidence, wanted, found, limit=limit),
        "practices": scoring.records(evidence, wanted, found, practices=True, limit=limit),
        "guidance": scoring.records(evidence, wanted, found, practices=False, limit=limit),
        "offers": means.offers(evidence, wanted, members=True, on=DAY, limit=limit),
        "funding": means.funding(evidence, wanted, limit=limit),
    }


def similar(evidence: Evidence, wanted: Need) -> Need:
    vector = wanted.vector
    return wanted if vector is None else replace(wanted, similar=scoring.similarities(evidence, vector))


def unit(values: Any) -> Any:
    array = np.asarray(values, np.float32)
    return array / np.maximum(np.linalg.norm(array, axis=-1, keepdims=True), 1e-9)


vectors = st.lists(st.floats(-1, 1, width=16), min_size=4, max_size=4).map(lambda values: unit([*values[:3], 1.1]))
numbers = st.lists(st.integers(1, OBJECTIVES), max_size=3, unique=True)


@st.composite
def networks(draw: Any) -> tuple[Evidence, Need]:
    count = draw(st.integers(0, 4))
    members = [
        agency(
            f"A{row}",
            draw(st.dictionaries(st.integers(1, OBJECTIVES), st.sampled_from(["primary", "secondary"]), max_size=5)),
            leads=draw(st.dictionaries(st.integers(1, OBJECTIVES), st.just(("group-1",)), max_size=2)),
            commission=draw(st.booleans()),
            verified=draw(st.booleans()),
        )
        for row in range(count)
    ]
    documents = [
        {
            "slug": f"record-{row}",
            "kind": draw(st.sampled_from(["practice", "guidance"])),
            "countries": draw(st.lists(st.sampled_from(sorted(REGIONS)), max_size=3, unique=True)),
            "objectives": draw(numbers),
            "agencies": draw(st.sets(st.sampled_from(range(count)))) if count else set(),
            "vector": draw(vectors),
            "work": draw(st.sampled_from([f"record-{row}", "shared"])),
        }
        for row in range(draw(st.integers(0, 8)))
    ]
    clauses = np.array([draw(vectors) for _ in range(count)], np.float32).reshape(count, 4)
    keyword = draw(
        st.none() | st.lists(st.floats(0, 50), min_size=len(documents), max_size=len(documents)).map(np.array)
    )
    named = frozenset(draw(st.sets(st.sampled_from(sorted(REGIONS)), max_size=2)))
    asker = draw(st.sampled_from([*sorted(REGIONS), "ZZZ"]))
    wanted = need(asker, tuple(draw(numbers)), keyword=keyword, states=named)
    if draw(st.booleans()):
        wanted = replace(wanted, vector=draw(vectors), parts=np.array([draw(vectors), draw(vectors)], np.float32))
    offers = [
        (
            offer(
                row,
                objectives=frozenset(draw(numbers)),
                places=frozenset(draw(st.sets(st.sampled_from(["GHA", "Africa", "Europe"]), max_size=2))),
                languages=frozenset(draw(st.sets(st.sampled_from(["en", "fr"])))),
                public=draw(st.booleans()),
            ),
            draw(vectors),
        )
        for row in range(draw(st.integers(0, 3)))
    ]
    areas = [(area(row, draw(numbers)), draw(vectors)) for row in range(draw(st.integers(0, 3)))]
    return network(documents, members, clauses=clauses, offers=offers, areas=areas), wanted


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


def record(slug: str, **fields: Any) -> dict[str, Any]:
    return {
        "slug": slug,
        "kind": "practice",
        "countries": [],
        "objectives": [],
        "agencies": set(),
        "vector": unit([0, 0, 0, 1]),
        **fields,
    }


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
