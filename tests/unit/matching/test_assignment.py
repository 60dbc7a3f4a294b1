"""The assignment against every possible plan of small instances, and its words case by case."""

import itertools
import math
import random
from collections import Counter
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.matching.assignment import Assignment, Change, Demand, Pair, Plan, Shortage, Supplier, assign

STATIC = ("no_expert", "no_speaker", "no_presence", "no_affinity", "conflict")


@dataclass(frozen=True)
class Case:
    demands: tuple[Demand, ...]
    suppliers: tuple[Supplier, ...]
    affinity: dict[Pair, float]
    conflicts: frozenset[Pair]
    fixed: frozenset[Pair]
    proposed: frozenset[Pair]
    change_cost: float

    def solve(self) -> Plan:
        return assign(
            self.demands,
            self.suppliers,
            self.affinity,
            conflicts=self.conflicts,
            fixed=self.fixed,
            proposed=self.proposed,
            change_cost=self.change_cost,
        )

    def allowed(self, demand: Demand, supplier: Supplier) -> bool:
        pair = (demand.id, supplier.id)
        return (
            pair in self.affinity
            and pair not in self.conflicts
            and pair not in self.fixed
            and (demand.language is None or demand.language in supplier.languages)
            and (demand.region is None or supplier.regions is None or demand.region in supplier.regions)
            and (not demand.objectives or supplier.objectives is None or bool(demand.objectives & supplier.objectives))
        )


@st.composite
def cases(draw: Any) -> Case:
    demands = tuple(
        Demand(
            f"R{number}",
            places=draw(st.integers(0, 2)),
            language=draw(st.sampled_from([None, None, "fr"])),
            region=draw(st.sampled_from([None, None, "Africa"])),
            objectives=frozenset(draw(st.sampled_from([(), (), (5,), (5, 22)]))),
        )
        for number in range(draw(st.integers(0, 3)))
    )
    suppliers = tuple(
        Supplier(
            f"E{number}",
            capacity=(capacity := draw(st.integers(0, 3))),
            minimum_load=draw(st.integers(0, min(capacity, 2))),
            languages=frozenset(draw(st.sampled_from([("fr",), ("en", "fr"), ()]))),
            regions=draw(st.sampled_from([None, frozenset({"Africa"}), frozenset({"Europe"})])),
            objectives=draw(st.sampled_from([None, frozenset({5}), frozenset({22})])),
        )
        for number in range(draw(st.integers(0, 4)))
    )
    pairs = [(demand.id, supplier.id) for demand in demands for supplier in suppliers]
    # few levels, so that ties are many; missing pairs among them
    levels = st.sampled_from([None, 0.0, 0.25, 0.5, 0.5, 0.75, 1.0, -0.5])
    affinity = {pair: value for pair in pairs if (value := draw(levels)) is not None}
    some = st.frozensets(st.sampled_from(pairs), max_size=3) if pairs else st.just(frozenset())
    return Case(
        demands, suppliers, affinity, draw(some), draw(some), draw(some), draw(st.sampled_from([0.0, 0.25, 0.3]))
    )


def every_plan(case: Case) -> list[frozenset[Pair]]:
    pairs = [(d.id, s.id) for d in case.demands for s in case.suppliers if case.allowed(d, s)]
    held = Counter(demand for demand, _ in case.fixed)
    load = Counter(supplier for _, supplier in case.fixed)
    places = {one.id: max(one.places - held[one.id], 0) for one in case.demands}
    capacity = {one.id: max(one.capacity - load[one.id], 0) for one in case.suppliers}
    plans: list[frozenset[Pair]] = [frozenset()]
    for pair in pairs:
        plans += [
            {*plan, pair}  # type: ignore[misc]
            for plan in plans
            if sum(d == pair[0] for d, _ in plan) < places[pair[0]]
            and sum(s == pair[1] for _, s in plan) < capacity[pair[1]]
        ]
    return [frozenset(plan) for plan in plans]


def reached(case: Case, plan: frozenset[Pair]) -> tuple[int, int, int]:
    """Places filled, requests with anyone at all, minimum loads met: the last two with fixed pairs."""
    whole = plan | case.fixed
    load = Counter(supplier for _, supplier in whole)
    return (
        len(plan),
        len({demand for demand, _ in whole}),
        sum(min(load[one.id], one.minimum_load) for one in case.suppliers),
    )


def worth(case: Case, plan: frozenset[Pair]) -> tuple[Any, ...]:
    """What is maximised, in order. Numbers of the cases are exact in millionths."""
    i = {one.id: number for number, one in enumerate(case.demands)}
    j = {one.id: number for number, one in enumerate(case.suppliers)}
    given_up = len(case.proposed - case.fixed - plan)
    total = math.fsum(case.affinity[pair] for pair in plan) - case.change_cost * given_up
    return (
        *reached(case, plan),
        min((case.affinity[pair] for pair in plan), default=None),
        round(total, 6),
        sum((len(i) - i[demand]) * (len(j) - j[supplier]) for demand, supplier in plan),
    )


def chosen(plan: Plan) -> frozenset[Pair]:
    return frozenset((one.demand, one.supplier) for one in plan.assignments if not one.fixed)


@settings(max_examples=150, deadline=None)
@given(cases())
def test_no_possible_plan_is_better(case: Case) -> None:
    plan = case.solve()
    possible = every_plan(case)
    best = max(worth(case, one) for one in possible)
    assert chosen(plan) in possible
    assert worth(case, chosen(plan)) == best
    assert plan.floor == best[3]
    assert plan.total - plan.cost == pytest.approx(best[4], abs=1e-9)
    everything = [reached(case, one) for one in possible]
    assert best[:3] == tuple(max(counts) for counts in zip(*everything, strict=True))


@settings(max_examples=60, deadline=None)
@given(cases(), st.randoms(use_true_random=False))
def test_the_order_of_the_input_makes_no_difference(case: Case, chance: random.Random) -> None:
    def shuffled(values: Any) -> Any:
        return type(values)(chance.sample(sorted(values, key=repr), len(values)))

    mixed = replace(
        case,
        demands=shuffled(case.demands),
        suppliers=shuffled(case.suppliers),
        affinity=dict(chance.sample(sorted(case.affinity.items()), len(case.affinity))),
    )
    assert mixed.solve() == case.solve()


@settings(max_examples=60, deadline=None)
@given(cases())
def test_accepted_work_stays_and_changes_tell_the_way_from_today_to_the_plan(case: Case) -> None:
    plan = case.solve()
    assert frozenset((one.demand, one.supplier) for one in plan.assignments if one.fixed) == case.fixed
    today = set(case.proposed - case.fixed)
    for change in plan.changes:
        if change.before is not None:
            today.remove((change.demand, change.before))
            assert change.affinity_before == case.affinity.get((change.demand, change.before))
        if change.after is not None:
            today.add((change.demand, change.after))
            assert change.affinity_after == case.affinity[change.demand, change.after]
    assert today == chosen(plan)
    assert plan.cost == case.change_cost * sum(change.before is not None for change in plan.changes)


@settings(max_examples=60, deadline=None)
@given(cases())
def test_shortages_count_every_empty_place_and_every_load_below_the_minimum(case: Case) -> None:
    plan = case.solve()
    filled = Counter(one.demand for one in plan.assignments)
    load = Counter(one.supplier for one in plan.assignments)
    empty: Counter[str] = Counter()
    for shortage in plan.shortages:
        assert shortage.places > 0
        empty[shortage.demand or shortage.supplier or ""] += shortage.places
    for demand in case.demands:
        assert empty[demand.id] == max(demand.places - filled[demand.id], 0)
        candidates = sum(case.allowed(demand, supplier) for supplier in case.suppliers)
        held = sum(one == demand.id for one, _ in case.fixed)
        by_rule = sum(one.places for one in plan.shortages if one.demand == demand.id and one.code in STATIC)
        assert by_rule == max(demand.places - held - candidates, 0) * (demand.places > held)
    for supplier in case.suppliers:
        assert empty[supplier.id] == max(supplier.minimum_load - load[supplier.id], 0)


@settings(max_examples=60, deadline=None)
@given(cases())
def test_alternates_are_the_best_who_may_and_have_room(case: Case) -> None:
    plan = case.solve()
    load = Counter(one.supplier for one in plan.assignments)
    for demand in case.demands:
        possible = [
            supplier.id
            for supplier in case.suppliers
            if case.allowed(demand, supplier)
            and (demand.id, supplier.id) not in chosen(plan)
            and load[supplier.id] < supplier.capacity
        ]
        possible.sort(key=lambda one: (-case.affinity[demand.id, one], one))
        assert plan.alternates[demand.id] == tuple(possible[:3])


def matrix(rows: dict[str, list[float]]) -> dict[Pair, float]:
    return {(demand, f"E{n}"): value for demand, values in rows.items() for n, value in enumerate(values, start=1)}


def experts(count: int, **more: Any) -> list[Supplier]:
    return [Supplier(f"E{number}", **{"capacity": 1, **more}) for number in range(1, count + 1)]


def test_the_weakest_request_comes_before_the_total() -> None:
    plan = assign([Demand("R1"), Demand("R2")], experts(2), matrix({"R1": [1.0, 0.5], "R2": [0.5, 0.1]}))
    assert chosen(plan) == {("R1", "E2"), ("R2", "E1")}
    assert (plan.floor, plan.total) == (0.5, 1.0)


def test_equal_plans_are_told_apart_by_id() -> None:
    plan = assign([Demand(f"R{n}") for n in (1, 2, 3)], experts(5), dict.fromkeys(itertools.product(("R1", "R2", "R3"), ("E1", "E2", "E3", "E4", "E5")), 0.5))  # fmt: skip
    assert chosen(plan) == {("R1", "E1"), ("R2", "E2"), ("R3", "E3")}


def test_a_minimum_load_is_met_at_the_price_of_the_floor() -> None:
    suppliers = [Supplier("E1", capacity=2), Supplier("E2", capacity=1, minimum_load=1)]
    plan = assign([Demand("R1"), Demand("R2")], suppliers, matrix({"R1": [0.9, 0.1], "R2": [0.9, 0.2]}))
    assert chosen(plan) == {("R1", "E1"), ("R2", "E2")}


def test_a_proposal_moves_only_for_more_than_a_change_costs() -> None:
    def moved(gain: float) -> tuple[Change, ...]:
        affinity = {("R1", "E1"): 0.5, ("R1", "E2"): 0.5 + gain, ("R2", "E3"): 0.1}  # R2 holds the floor
        demands, proposed = [Demand("R1"), Demand("R2")], [("R1", "E1"), ("R2", "E3")]
        return assign(demands, experts(3), affinity, proposed=proposed, change_cost=0.1).changes

    assert moved(0.09) == ()
    assert moved(0.11) == (Change("moved", "R1", "E1", "E2", 0.5, 0.61),)


def test_a_floor_is_not_given_up_to_keep_a_proposal() -> None:
    plan = assign([Demand("R1")], experts(2), matrix({"R1": [0.5, 0.51]}), proposed=[("R1", "E1")], change_cost=100.0)
    assert chosen(plan) == {("R1", "E2")}
    assert plan.cost == 100.0


def test_accepted_work_takes_places_capacity_and_load_even_against_a_rule() -> None:
    plan = assign(
        [Demand("R1", language="fr"), Demand("R2")],
        [Supplier("E1", capacity=1, minimum_load=1)],
        {("R2", "E1"): 1.0},
        conflicts=[("R1", "E1")],
        fixed=[("R1", "E1")],
    )
    assert plan.assignments == (Assignment("R1", "E1", None, fixed=True),)
    assert (plan.floor, plan.total) == (None, 0.0)
    assert plan.shortages == (Shortage("capacity", 1, demand="R2", params={}),)


def test_a_shortage_names_the_rule_that_left_nobody() -> None:
    suppliers = [
        Supplier("E1", 1, languages=frozenset({"fr"}), regions=frozenset({"Africa"}), objectives=frozenset({5})),
        Supplier("E2", 1, languages=frozenset({"en"}), regions=frozenset({"Asia"}), objectives=frozenset({22})),
    ]
    demands = [
        Demand("R1", language="fr", objectives=frozenset({22})),
        Demand("R2", language="en", region="Africa"),
        Demand("R3", objectives=frozenset({9, 8})),
        Demand("R4", language="en"),
        Demand("R5", language="fr"),
        Demand("R6", places=2, language="fr"),
    ]
    affinity = {(demand.id, one): 0.5 for demand in demands[:4] for one in ("E1", "E2")}
    affinity["R6", "E1"] = 0.5
    plan = assign(demands, suppliers, affinity, conflicts=[("R4", "E2")])
    assert plan.shortages == (
        Shortage("no_speaker", 1, demand="R1", params={"language": "fr", "objectives": (22,)}),
        Shortage("no_presence", 1, demand="R2", params={"region": "Africa", "language": "en"}),
        Shortage("no_expert", 1, demand="R3", params={"objectives": (8, 9)}),
        Shortage("conflict", 1, demand="R4", params={"language": "en"}),
        Shortage("no_affinity", 1, demand="R5", params={"language": "fr"}),
        Shortage("no_speaker", 1, demand="R6", params={"language": "fr"}),
    )
    assert chosen(plan) == {("R6", "E1")}


def test_when_experts_are_few_no_request_gets_a_second_before_another_has_a_first() -> None:
    plan = assign([Demand("R1", places=2), Demand("R2")], experts(2), matrix({"R1": [1.0, 1.0], "R2": [0.1, 0.1]}))
    assert Counter(demand for demand, _ in chosen(plan)) == {"R1": 1, "R2": 1}
    assert plan.shortages == (Shortage("capacity", 1, demand="R1"),)


def test_an_expert_who_cannot_be_used_enough_is_named() -> None:
    plan = assign([Demand("R1")], experts(2, capacity=2, minimum_load=2), matrix({"R1": [0.2, 0.3]}))
    assert chosen(plan) == {("R1", "E2")}
    assert plan.shortages == (
        Shortage("minimum_load", 2, supplier="E1"),
        Shortage("minimum_load", 1, supplier="E2"),
    )


@pytest.mark.parametrize(
    ("demands", "suppliers", "more", "message"),
    [
        ([Demand("R1"), Demand("R1")], [], {}, "Given twice: R1"),
        ([Demand("R1", places=-1)], [], {}, "R1 wants -1"),
        ([], [Supplier("E1", 1, minimum_load=2)], {}, "E1 takes at least 2"),
        ([Demand("R1")], [Supplier("E1", 1)], {"fixed": [("R2", "E1")]}, "No such request or expert"),
        ([Demand("R1")], [Supplier("E1", 1)], {"proposed": [("R1", "E2")]}, "No such request or expert"),
        ([Demand("R1")], [Supplier("E1", 1)], {"affinity": {("R1", "E1"): math.nan}}, "The affinity of R1 and E1"),
        ([Demand("R1")], [Supplier("E1", 1)], {"affinity": {("R1", "E1"): 1e9}}, "The affinity of R1 and E1"),
        ([], [], {"change_cost": -1.0}, "change_cost"),
    ],
)
def test_input_that_makes_no_sense_is_refused(demands: Any, suppliers: Any, more: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        assign(demands, suppliers, **{"affinity": {}, **more})


def test_affinities_and_conflicts_of_others_are_ignored() -> None:
    plan = assign([Demand("R1")], experts(1), {("R1", "E1"): 0.5, ("R9", "E1"): 0.9}, conflicts=[("R1", "E9")])
    assert chosen(plan) == {("R1", "E1")}
