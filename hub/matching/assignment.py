"""One fair assignment of experts to all open requests, exact. Pure: no database, no Flask. See docs/assignment.md.

Source of the two-sided argument in `_reach`: the symmetric supply-demand theorem, Ford and Fulkerson, Flows in Networks,
1962, II.3. Source of the face of optimal flows in `_settle_ties`: complementary slackness.
"""

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

SCALE = 1_000_000
"""Affinities count in millionths, what `scoring` rounds to. Rounding moves a pair's worth by at most half a millionth, so
the total less the cost of changes is within `places x 1e-6` of the optimum; for multiples of 1e-6 it is the optimum.
Floors are compared unrounded."""
LIMIT = 100.0
"""The largest affinity and cost of a change, either sign: the solver's 64-bit costs then hold 100,000 places among 20,000
requests and experts."""
ALTERNATES = 3

Pair = tuple[str, str]
"""Ids of a demand and a supplier."""
Ints = NDArray[np.int64]
Nodes = NDArray[np.int32]
Mask = NDArray[np.bool_]
_Key = TypeVar("_Key")


@dataclass(frozen=True, slots=True)
class Demand:
    """A request that wants `places` experts. None and the empty set: not asked for."""

    id: str
    places: int = 1
    language: str | None = None
    region: str | None = None
    objectives: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Supplier:
    """An expert who takes at most `capacity` requests, at least `minimum_load`. None: any region, any objective."""

    id: str
    capacity: int
    minimum_load: int = 0
    languages: frozenset[str] = frozenset()
    regions: frozenset[str] | None = None
    objectives: frozenset[int] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """Affinities as a matrix, `values` (demands, suppliers), NaN where there is none: a tenth of what a mapping of pairs takes."""

    demands: Sequence[str]
    suppliers: Sequence[str]
    values: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Assignment:
    """`affinity` is None only where a fixed pair has none."""

    demand: str
    supplier: str
    affinity: float | None
    fixed: bool


@dataclass(frozen=True, slots=True)
class Change:
    """What is otherwise than in today's proposals. Moved: `before` gives way to `after`; added, removed: one side only.

    An affinity is None where there is no supplier, or none is known any more.
    """

    kind: Literal["moved", "added", "removed"]
    demand: str
    before: str | None
    after: str | None
    affinity_before: float | None
    affinity_after: float | None


@dataclass(frozen=True, slots=True)
class Shortage:
    """Why `places` of a demand stay empty, or by how many requests a supplier stays below the minimum load.

    `code`: `no_expert`, `no_speaker`, `no_presence`, `conflict`, `no_affinity`: the rule that took the last candidate;
    `capacity`: candidates are left, all of them full; `minimum_load`. `params`: `objectives`, `language`, `region` as asked.
    """

    code: str
    places: int
    demand: str | None = None
    supplier: str | None = None
    params: Mapping[str, str | tuple[int, ...]] = field(default_factory=dict[str, str | tuple[int, ...]])


@dataclass(frozen=True, slots=True)
class Plan:
    """In order of ids. `floor`, `total`: least and sum of the affinities chosen, fixed pairs left out; None: nothing chosen.

    `cost`: of today's proposals given up. `alternates`: per demand, best first, who could be asked next with nothing else
    moving: allowed by every rule, and with room left; each demand on its own.
    """

    assignments: tuple[Assignment, ...]
    floor: float | None
    total: float
    cost: float
    alternates: Mapping[str, tuple[str, ...]]
    changes: tuple[Change, ...]
    shortages: tuple[Shortage, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Problem:
    """What is left to decide once fixed pairs have taken their places. Rows are demands, columns suppliers, by id.

    `values`: affinity, NaN where none. `rules`: code -> who passes, in the order in which a shortage is told.
    `first`: 1 where a demand has no expert yet.
    """

    demands: tuple[Demand, ...]
    suppliers: tuple[Supplier, ...]
    values: NDArray[np.float64]
    rules: Mapping[str, Mask]
    candidates: Mask
    fixed: Mask
    proposed: Mask
    places: Ints
    first: Ints
    capacity: Ints
    minimum: Ints


class _Arcs(NamedTuple):
    """Of a network: `_arcs` says which stand where."""

    tail: Nodes
    head: Nodes
    capacity: Ints
    cost: Ints


def assign(
    demands: Iterable[Demand],
    suppliers: Iterable[Supplier],
    affinity: Mapping[Pair, float] | Table,
    *,
    conflicts: Collection[Pair] = (),
    fixed: Collection[Pair] = (),
    proposed: Collection[Pair] = (),
    change_cost: float = 0.0,
) -> Plan:
    """The best plan, in this order: most places filled, with no request left without any expert where that can be, and
    minimum loads met; the highest floor of affinity; the highest total less `change_cost` for each proposal given up; ids.

    A pair without affinity is never chosen; pairs of ids not given here are ignored in `affinity` and `conflicts`.
    `fixed`: accepted work, kept whatever the rules say, counting for places, capacity and minimum load; to unlock a pair,
    pass it as proposed instead. `proposed`: today's unsent proposals. Same input in any order, same plan.
    Raises `ValueError`: an id twice, an unknown id in `fixed` or `proposed`, a negative count, a minimum load above the
    capacity, a number that is not finite or beyond `LIMIT`. Memory: some 100 bytes a pair of demand and supplier.
    """
    if not 0 <= change_cost <= LIMIT:
        raise ValueError(f"change_cost must lie in [0, {LIMIT:g}], not {change_cost}")
    problem = _problem(demands, suppliers, affinity, conflicts=conflicts, fixed=fixed, proposed=proposed)
    rows, columns = np.nonzero(problem.candidates)
    reached = _reach(problem, rows, columns)
    floor = _floor(problem, rows, columns, reached)
    at_floor = problem.values[rows, columns] >= floor
    rows, columns = rows[at_floor], columns[at_floor]
    chosen = np.zeros(problem.values.shape, np.bool_)
    taken = _best_total(problem, rows, columns, reached[0], change_cost)
    chosen[rows[taken], columns[taken]] = True
    return _plan(problem, chosen, change_cost)


# The problem


def _problem(
    demands: Iterable[Demand],
    suppliers: Iterable[Supplier],
    affinity: Mapping[Pair, float] | Table,
    *,
    conflicts: Collection[Pair],
    fixed: Collection[Pair],
    proposed: Collection[Pair],
) -> _Problem:
    demands = tuple(sorted(demands, key=lambda one: one.id))
    suppliers = tuple(sorted(suppliers, key=lambda one: one.id))
    row = _positions([one.id for one in demands])
    column = _positions([one.id for one in suppliers])
    shape = (len(demands), len(suppliers))
    _check_counts(demands, suppliers)

    values = _values(affinity, row, column)

    def marked(pairs: Collection[Pair]) -> Mask:
        mask = np.zeros(shape, np.bool_)
        for demand, supplier in pairs:
            mask[row[demand], column[supplier]] = True
        return mask

    if unknown := sorted(pair for pair in {*fixed, *proposed} if pair[0] not in row or pair[1] not in column):
        raise ValueError(f"No such request or expert: {unknown[0]}")
    kept = marked(fixed)
    rules = {
        "no_expert": _passing([one.objectives for one in demands], suppliers, _covers),
        "no_speaker": _passing(
            [one.language for one in demands], suppliers, lambda asked, one: asked is None or asked in one.languages
        ),
        "no_presence": _passing(
            [one.region for one in demands],
            suppliers,
            lambda asked, one: asked is None or one.regions is None or asked in one.regions,
        ),
        "conflict": ~marked([pair for pair in conflicts if pair[0] in row and pair[1] in column]),
        "no_affinity": ~np.isnan(values),
    }
    candidates = ~kept
    for passing in rules.values():
        candidates = candidates & passing
    held, load = kept.sum(axis=1), kept.sum(axis=0)
    places = np.array([one.places for one in demands], np.int64)
    return _Problem(
        demands,
        suppliers,
        values,
        rules,
        candidates,
        kept,
        marked(proposed) & ~kept,
        places=np.maximum(places - held, 0),
        first=((held == 0) & (places > 0)).astype(np.int64),
        capacity=np.maximum(np.array([one.capacity for one in suppliers], np.int64) - load, 0),
        minimum=np.maximum(np.array([one.minimum_load for one in suppliers], np.int64) - load, 0),
    )


def _values(
    affinity: Mapping[Pair, float] | Table, row: Mapping[str, int], column: Mapping[str, int]
) -> NDArray[np.float64]:
    """(demands, suppliers), NaN where there is none. What is of nobody here is left out."""
    values = np.full((len(row), len(column)), np.nan)
    if isinstance(affinity, Table):
        if (np.abs(affinity.values) > LIMIT).any():
            raise ValueError(f"An affinity is beyond {LIMIT:g}")
        rows = [(at, row[one]) for at, one in enumerate(affinity.demands) if one in row]
        columns = [(at, column[one]) for at, one in enumerate(affinity.suppliers) if one in column]
        given, here = (np.ix_([one[side] for one in rows], [one[side] for one in columns]) for side in (0, 1))
        values[here] = affinity.values[given]
        return values
    for (demand, supplier), value in affinity.items():
        if not -LIMIT <= value <= LIMIT:
            raise ValueError(f"The affinity of {demand} and {supplier} is {value}, beyond {LIMIT:g}")
        if demand in row and supplier in column:
            values[row[demand], column[supplier]] = value
    return values


def _positions(ids: Sequence[str]) -> dict[str, int]:
    positions = {one: position for position, one in enumerate(ids)}
    if len(positions) < len(ids):
        raise ValueError(f"Given twice: {next(one for position, one in enumerate(ids) if positions[one] != position)}")
    return positions


def _check_counts(demands: Iterable[Demand], suppliers: Iterable[Supplier]) -> None:
    for demand in demands:
        if demand.places < 0:
            raise ValueError(f"{demand.id} wants {demand.places} experts")
    for supplier in suppliers:
        if not 0 <= supplier.minimum_load <= supplier.capacity:
            raise ValueError(f"{supplier.id} takes at least {supplier.minimum_load}, at most {supplier.capacity}")


def _covers(asked: frozenset[int], one: Supplier) -> bool:
    return not asked or one.objectives is None or not asked.isdisjoint(one.objectives)


def _passing(asked: Sequence[_Key], suppliers: Sequence[Supplier], passes: Callable[[_Key, Supplier], bool]) -> Mask:
    """(demands, suppliers); what several demands ask is looked up once."""
    rows = {key: [passes(key, one) for one in suppliers] for key in set(asked)}
    return np.array([rows[key] for key in asked], np.bool_).reshape(len(asked), len(suppliers))


# Flows: source -> suppliers -> demands -> sink


def _reach(problem: _Problem, rows: Ints, columns: Ints) -> tuple[int, int, int]:
    """With these pairs alone: the most places filled, requests given a first expert, and units of minimum load met.

    Each is a maximum flow of its own; by the symmetric supply-demand theorem one plan attains all three at once.
    """
    return (
        _max_flow(problem.capacity, problem.places, rows, columns),
        _max_flow(problem.capacity, problem.first, rows, columns),
        _max_flow(problem.minimum, problem.places, rows, columns),
    )


def _max_flow(offered: Ints, wanted: Ints, rows: Ints, columns: Ints) -> int:
    from ortools.graph.python.max_flow import SimpleMaxFlow  # noqa: PLC0415 - a large library, wanted rarely

    tail, head, capacity, _ = _arcs([(offered, 0)], [(wanted, 0)], rows, columns, np.zeros(len(rows), np.int64))
    solver: Any = SimpleMaxFlow()  # its types mistake arrays
    solver.add_arcs_with_capacity(tail, head, capacity)
    status = solver.solve(len(offered) + len(wanted), len(offered) + len(wanted) + 1)
    if status != SimpleMaxFlow.OPTIMAL:
        raise RuntimeError(f"The flow solver answers {status.name}")
    return int(solver.optimal_flow())


def _arcs(
    offered: Sequence[tuple[Ints, int]], wanted: Sequence[tuple[Ints, int]], rows: Ints, columns: Ints, cost: Ints
) -> _Arcs:
    """Pairs first, in the order given, then source -> supplier and demand -> sink, a layer of (capacity, cost) each.

    Nodes: suppliers, demands, source, sink.
    """
    suppliers, demands = len(offered[0][0]), len(wanted[0][0])
    source, sink = suppliers + demands, suppliers + demands + 1
    one_each, one_wanted = np.arange(suppliers), suppliers + np.arange(demands)
    return _Arcs(
        np.concatenate([columns, *[np.full(suppliers, source) for _ in offered], *[one_wanted for _ in wanted]]).astype(
            np.int32
        ),
        np.concatenate(
            [suppliers + rows, *[one_each for _ in offered], *[np.full(demands, sink) for _ in wanted]]
        ).astype(np.int32),
        np.concatenate([np.ones(len(rows), np.int64), *[size for size, _ in (*offered, *wanted)]]),
        np.concatenate([cost, *[np.full(len(size), price, np.int64) for size, price in (*offered, *wanted)]]),
    )


def _floor(problem: _Problem, rows: Ints, columns: Ints, reached: tuple[int, int, int]) -> float:
    """The highest affinity below which every pair can be left out and as much still be reached. -inf: nothing to fill."""
    values = problem.values[rows, columns]
    levels = np.unique(values)
    if not reached[0]:
        return -math.inf
    low, high = 0, len(levels) - 1
    while low < high:
        middle = (low + high + 1) // 2
        kept = values >= levels[middle]
        if _reach(problem, rows[kept], columns[kept]) == reached:
            low = middle
        else:
            high = middle - 1
    return float(levels[low])


def _best_total(problem: _Problem, rows: Ints, columns: Ints, fill: int, change_cost: float) -> Mask:
    """Which of these pairs to take: the highest total of those that fill and reach the most.

    Ties: early requests get early experts: the largest sum of (demands - i) x (suppliers - j) over the pairs, i and j being
    positions by id. Should that leave a choice too, the solver makes it, on input sorted by id.
    """
    kept = problem.proposed[rows, columns]
    worth = np.rint((problem.values[rows, columns] + change_cost * kept) * SCALE).astype(np.int64)
    bonus = fill * int(np.ptp(worth)) + 1 if len(worth) else 1  # more than any two plans differ by
    arcs = _arcs(
        [(problem.minimum, -bonus), (problem.capacity - problem.minimum, 0)],
        [(problem.first, -bonus), (problem.places - problem.first, 0)],
        rows,
        columns,
        -worth,
    )
    supply = np.zeros(sum(problem.values.shape) + 2, np.int64)
    supply[-2:] = fill, -fill
    demands, suppliers = problem.values.shape
    order = np.zeros_like(arcs.cost)
    order[: len(rows)] = -(demands - rows) * (suppliers - columns)
    return _settle_ties(arcs, supply, _min_cost_flow(arcs, supply), order)[: len(rows)] > 0


def _min_cost_flow(arcs: _Arcs, supply: Ints) -> Ints:
    from ortools.graph.python.min_cost_flow import SimpleMinCostFlow  # noqa: PLC0415 - a large library, wanted rarely

    solver: Any = SimpleMinCostFlow()  # its types mistake arrays
    numbers = solver.add_arcs_with_capacity_and_unit_cost(*arcs)
    solver.set_nodes_supplies(np.arange(len(supply), dtype=np.int32), supply)
    status = solver.solve()
    if status != SimpleMinCostFlow.OPTIMAL:
        raise RuntimeError(f"The flow solver answers {status.name}")
    return np.asarray(solver.flows(numbers), np.int64)


def _settle_ties(arcs: _Arcs, supply: Ints, flow: Ints, order: Ints) -> Ints:
    """Of all flows that cost as little as `flow`, one of the least `order`, a second cost per unit on each arc.

    Optimal are exactly the flows that leave arcs of positive reduced cost empty and fill those of negative.
    """
    reduced = _reduced_costs(arcs, len(supply), flow)
    free = reduced == 0
    if not (free & (flow < arcs.capacity) & (order != 0)).any():
        return flow  # no other pair is as good
    settled = np.where(reduced < 0, arcs.capacity, 0)
    left = supply.copy()
    np.subtract.at(left, arcs.tail, settled)
    np.add.at(left, arcs.head, settled)
    settled[free] = _min_cost_flow(_Arcs(arcs.tail[free], arcs.head[free], arcs.capacity[free], order[free]), left)
    return settled


def _reduced_costs(arcs: _Arcs, nodes: int, flow: Ints) -> Ints:
    """By potentials that are shortest distances in the residual network, from all nodes at once (Bellman-Ford)."""
    more, less = flow < arcs.capacity, flow > 0
    tail = np.concatenate([arcs.tail[more], arcs.head[less]])
    head = np.concatenate([arcs.head[more], arcs.tail[less]])
    cost = np.concatenate([arcs.cost[more], -arcs.cost[less]])
    distance = np.zeros(nodes, np.int64)
    while True:
        nearer = distance.copy()
        np.minimum.at(nearer, head, distance[tail] + cost)
        if np.array_equal(nearer, distance):
            return arcs.cost + distance[arcs.tail] - distance[arcs.head]
        distance = nearer


# The plan


def _plan(problem: _Problem, chosen: Mask, change_cost: float) -> Plan:
    affinities = problem.values[chosen].tolist()
    rows, columns = np.nonzero(chosen | problem.fixed)
    return Plan(
        tuple(
            Assignment(
                problem.demands[row].id,
                problem.suppliers[column].id,
                _affinity(problem, row, column),
                fixed=bool(problem.fixed[row, column]),
            )
            for row, column in zip(rows.tolist(), columns.tolist(), strict=True)
        ),
        floor=min(affinities, default=None),
        total=math.fsum(affinities),
        cost=change_cost * int((problem.proposed & ~chosen).sum()),
        alternates=_alternates(problem, chosen),
        changes=tuple(_changes(problem, chosen)),
        shortages=(*_empty_places(problem, chosen), *_idle(problem, chosen)),
    )


def _affinity(problem: _Problem, row: int, column: int | None) -> float | None:
    value = math.nan if column is None else float(problem.values[row, column])
    return None if math.isnan(value) else value


def _best_first(problem: _Problem, row: int, among: Mask) -> list[int]:
    """Columns by affinity, unknown last, ties by id."""
    columns = np.flatnonzero(among)
    return columns[np.argsort(-problem.values[row, columns], kind="stable")].tolist()


def _alternates(problem: _Problem, chosen: Mask) -> dict[str, tuple[str, ...]]:
    possible = problem.candidates & ~chosen & (chosen.sum(axis=0) < problem.capacity)
    return {
        demand.id: tuple(
            problem.suppliers[column].id for column in _best_first(problem, row, possible[row])[:ALTERNATES]
        )
        for row, demand in enumerate(problem.demands)
    }


def _changes(problem: _Problem, chosen: Mask) -> Iterable[Change]:
    """By request; of several at one request the best goes with the best."""
    for row in np.flatnonzero((chosen != problem.proposed).any(axis=1)).tolist():
        gone = _best_first(problem, row, problem.proposed[row] & ~chosen[row])
        come = _best_first(problem, row, chosen[row] & ~problem.proposed[row])
        for position in range(max(len(gone), len(come))):
            before = gone[position] if position < len(gone) else None
            after = come[position] if position < len(come) else None
            yield Change(
                "added" if before is None else "removed" if after is None else "moved",
                problem.demands[row].id,
                None if before is None else problem.suppliers[before].id,
                None if after is None else problem.suppliers[after].id,
                _affinity(problem, row, before),
                _affinity(problem, row, after),
            )


_TOLD: Mapping[str, tuple[str, ...]] = {
    "no_expert": ("objectives",),
    "no_speaker": ("language", "objectives"),
    "no_presence": ("region", "language", "objectives"),
}
"""What of the request a shortage names; every other names all that was asked."""


def _empty_places(problem: _Problem, chosen: Mask) -> Iterable[Shortage]:
    """Rule by rule, how many places more than before have nobody left; the rest is for want of capacity."""
    missing = problem.places - chosen.sum(axis=1)
    for row in np.flatnonzero(missing).tolist():
        demand, wanted = problem.demands[row], int(problem.places[row])
        left, explained = ~problem.fixed[row], 0
        for code, passing in problem.rules.items():
            left = left & passing[row]
            lost = max(wanted - int(left.sum()) - explained, 0)
            if lost:
                yield Shortage(code, lost, demand=demand.id, params=_params(demand, code))
            explained += lost
        if missing[row] > explained:
            yield Shortage(
                "capacity", int(missing[row]) - explained, demand=demand.id, params=_params(demand, "capacity")
            )


def _params(demand: Demand, code: str) -> dict[str, str | tuple[int, ...]]:
    asked = {
        "region": demand.region,
        "language": demand.language,
        "objectives": tuple(sorted(demand.objectives)),
    }
    return {name: value for name in _TOLD.get(code, tuple(asked)) if (value := asked[name])}


def _idle(problem: _Problem, chosen: Mask) -> Iterable[Shortage]:
    below = problem.minimum - chosen.sum(axis=0)
    for column in np.flatnonzero(below > 0).tolist():
        yield Shortage("minimum_load", int(below[column]), supplier=problem.suppliers[column].id)
