"""Time and memory of one assignment of 2,000 requests to 1,000 experts with all rules: see docs/assignment.md.

    python -m tests.relevance.bench_assignment [--requests 2000] [--experts 1000] [--scarce] [--levels N] [--check]
    python -m tests.relevance.bench_assignment --whole [--records 581]

--whole: the dry run as the worker does it, from the database: 200 agencies, requests with their vectors kept, records in an
index; random vectors, words of the real corpus. Else the solver alone: affinities are drawn at random (--levels: so many distinct values, for ties), a fifth of them missing; one request suits
nobody well, so that its floor spares the solver nothing. --scarce: experts can fill about four places in five. --check: the
same pairs as a linear programme (HiGHS, slow), whose corners are whole, so that both must agree.
"""

import argparse
import json
import random
import resource
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from sqlalchemy import select

from hub.matching.assignment import SCALE, Demand, Pair, Plan, Supplier, assign

LANGUAGES = {"en": 0.9, "fr": 0.45, "es": 0.35, "ar": 0.2, "ru": 0.15, "zh": 0.15}
REGIONS = ("Africa", "Americas", "Asia", "Europe", "Oceania")
CHANGE_COST = 0.05


def instance(requests: int, experts: int, *, scarce: bool, levels: int) -> dict[str, Any]:
    chance = random.Random(7)
    suppliers = [
        Supplier(
            f"E{number:05}",
            capacity=(capacity := chance.randint(1, 4 if scarce else 6)),
            minimum_load=min(capacity, chance.choice((0, 0, 1))),
            languages=frozenset(name for name, share in LANGUAGES.items() if chance.random() < share),
            regions=None if chance.random() < 0.4 else frozenset(chance.sample(REGIONS, 2)),
            objectives=None if chance.random() < 0.1 else frozenset(chance.sample(range(1, 24), 8)),
        )
        for number in range(experts)
    ]
    demands = [
        Demand(
            f"R{number:05}",
            places=chance.choice((1, 1, 1, 2, 3)),
            language=chance.choice((None, *LANGUAGES)),
            region=chance.choice((None, *REGIONS)),
            objectives=frozenset(chance.sample(range(1, 24), chance.randint(0, 3))),
        )
        for number in range(requests)
    ]
    numbers = np.random.default_rng(7)
    drawn = numbers.random((requests, experts))
    values = np.round(np.floor(drawn * levels) / levels if levels else drawn, 6).ravel().tolist()
    values[:experts] = [value / 1_000 for value in values[:experts]]
    missing = numbers.random((requests, experts)) < 0.2
    pairs = [(demand.id, supplier.id) for demand in demands for supplier in suppliers]
    affinity = {
        pair: value for pair, value, gone in zip(pairs, values, missing.ravel().tolist(), strict=True) if not gone
    }
    some = chance.sample(pairs, requests * 12)
    return {
        "demands": demands,
        "suppliers": suppliers,
        "affinity": affinity,
        "conflicts": set(some[: requests * 10]),
        "fixed": set(some[requests * 10 : requests * 10 + requests // 5]),
        "proposed": set(some[-requests:]),
        "change_cost": CHANGE_COST,
    }


def whole(requests: int, experts: int, records: int) -> dict[str, Any]:
    """The dry run with its database: figures of the job alone, which finds nothing in memory."""
    from corpus.load import load_vocabulary
    from hub.database import Base, Database, Outbox
    from hub.search.embedded import EmbeddedEngine
    from hub.support import assigning
    from hub.support.expert_models import AssignmentRun
    from tests.relevance import bench_matching as world

    lines = (world.ROOT / "corpus" / "practices.jsonl").read_text(encoding="utf-8").splitlines()
    words = [word for line in lines for word in json.loads(line)["summary"].split()]
    embedder = world.Ready()
    with tempfile.TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{folder}/hub.db")
        Base.metadata.create_all(database.engine)
        engine = EmbeddedEngine(Path(folder) / "index")
        with database.session() as session:
            load_vocabulary(session)
            world.fill(session, embedder, words, records)
            with engine.rebuild("gen-1", model=embedder.model) as filling:
                filling.write(world.to_index_docs(session.scalars(world.select(world.Document)), {}))
                filling.commit()
            _fill_people(session, experts)
            _fill_requests(session, embedder, words, requests)
            run = assigning.propose(session, None, assigning.Parts(None, None), operator=True)
            payload = session.scalars(world.select(Outbox).where(Outbox.kind == assigning.JOB)).one().payload
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        hub = SimpleNamespace(embedder=embedder, engine=engine)
        cpu, wall = time.process_time(), time.perf_counter()
        with database.session() as session:
            assigning.solve(hub, session, payload)
            session.commit()
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        with database.session() as session:
            result = session.get_one(AssignmentRun, run.id).result
        engine.close()
        database.close()
    return {
        "requests": requests,
        "experts": experts,
        "records": records,
        "cpu_s": round(cpu, 1),
        "wall_s": round(wall, 1),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "filled_mb": round(before),
        "assigned": sum(line["expert"] is not None for line in result["lines"]),
        "floor": result["floor"],
        "total": result["total"],
        "shortages": Counter(one["code"] for one in result["shortages"]),
    }


def _fill_people(session: Any, experts: int) -> None:
    from hub.accounts.models import EXPERT, Membership, Person
    from hub.database import new_id, now
    from hub.network.models import AGENCY, STATE, Entity
    from hub.support.expert_models import ExpertProfile, ProgrammeTie

    chance = random.Random(9)
    agencies = sorted(session.scalars(select(Entity.id).where(Entity.kind == AGENCY)))
    states = sorted(session.scalars(select(Entity.id).where(Entity.kind == STATE)))
    for number in range(experts):
        person = Person(email=f"e{number}@bench.example", name=f"Expert {number}")
        member = Membership(
            id=new_id(), person=person, entity_id=chance.choice(agencies), role=EXPERT, confirmed_at=now()
        )
        capacity = chance.randint(1, 5)
        session.add(member)
        session.flush()
        session.add(
            ExpertProfile(
                membership_id=member.id,
                capacity=capacity,
                minimum_load=min(capacity, chance.choice((0, 0, 1))),
                languages=[name for name, share in LANGUAGES.items() if chance.random() < share] or ["en"],
                objectives=[] if chance.random() < 0.1 else sorted(chance.sample(range(1, 24), 8)),
                regions=[] if chance.random() < 0.4 else chance.sample(REGIONS, 2),
                own_states=chance.sample(states, 1),
            )
        )
    member = session.scalars(select(Membership)).first()
    session.add_all(
        ProgrammeTie(
            entity_id=agency, country_id=chance.choice(states), programme="Bench", source="Bench", recorded_by=member.id
        )
        for agency in agencies
    )
    session.commit()


def _fill_requests(session: Any, embedder: Any, words: Sequence[str], requests: int) -> None:
    from hub.accounts.models import FOCAL_POINT, Membership, Person
    from hub.database import now
    from hub.network.models import STATE, Entity
    from hub.support import vectors
    from hub.support.models import REQUESTING, Party, RequestObjective, SupportRequest

    chance = random.Random(10)
    states = sorted(session.scalars(select(Entity.id).where(Entity.kind == STATE)))
    members = {
        state: Membership(
            person=Person(email=f"{state}@bench.example", name=state),
            entity_id=state,
            role=FOCAL_POINT,
            confirmed_at=now(),
        )
        for state in states
    }
    session.add_all(members.values())
    session.flush()
    for number in range(requests):
        state = chance.choice(states)
        row = SupportRequest(
            reference=f"R-2026-{number:05}",
            country_id=state,
            created_by=members[state].id,
            status="triaged",
            title=" ".join(chance.choices(words, k=8)),
            description=" ".join(chance.choices(words, k=80)),
            language=chance.choice(list(LANGUAGES)),
        )
        row.objectives = [RequestObjective(number=n) for n in chance.sample(range(1, 24), chance.randint(0, 3))]
        row.parties = [Party(entity_id=state, role=REQUESTING)]
        session.add(row)
        session.flush()
        vectors.encode(SimpleNamespace(embedder=embedder), session, {"request": row.id})
    session.commit()


def best_by_linear_programme(case: dict[str, Any], plan: Plan) -> float:
    """The most that total less cost can be, at the plan's floor, with its places filled, first experts and minimum loads.

    For plans without shortage of minimum load. Whole numbers come by themselves.
    """
    from scipy.optimize import linprog
    from scipy.sparse import coo_array

    fixed, proposed = case["fixed"], case["proposed"] - case["fixed"]
    held, load = Counter(one for one, _ in fixed), Counter(one for _, one in fixed)
    suppliers = {one.id: one for one in case["suppliers"]}
    demands = {one.id: one for one in case["demands"]}
    usable: list[Pair] = [
        pair
        for pair, value in case["affinity"].items()
        if value >= (plan.floor or 0.0)
        and pair not in fixed
        and pair not in case["conflicts"]
        and allowed(demands[pair[0]], suppliers[pair[1]])
    ]
    row = {one: number for number, one in enumerate((*demands, *suppliers))}
    each = np.arange(len(usable))
    ends = coo_array(
        (
            np.ones(2 * len(usable)),
            (np.array([row[end] for pair in usable for end in pair]), np.repeat(each, 2)),
        ),
        shape=(len(row), len(usable)),
    ).tocsr()
    most = [max(one.places - held[one.id], 0) for one in demands.values()]
    most += [max(one.capacity - load[one.id], 0) for one in suppliers.values()]
    least = [int(one.places > 0 and not held[one.id]) for one in demands.values()]
    if any(shortage.supplier for shortage in plan.shortages):
        raise SystemExit("The check is for plans that meet every minimum load")
    filled = Counter(one.demand for one in plan.assignments if not one.fixed)
    least = [min(need, filled[one]) for need, one in zip(least, demands, strict=True)]
    least += [max(one.minimum_load - load[one.id], 0) for one in suppliers.values()]
    worth = np.array([case["affinity"][pair] + CHANGE_COST * (pair in proposed) for pair in usable])
    found = linprog(
        -worth,
        A_ub=_stack(ends, -ends),
        b_ub=np.array(most + [-one for one in least]),
        A_eq=np.ones((1, len(usable))),
        b_eq=[sum(filled.values())],
        bounds=(0, 1),
    )
    return -float(found.fun) - CHANGE_COST * len(proposed)


def _stack(above: Any, below: Any) -> Any:
    from scipy.sparse import vstack

    return vstack([above, below])


def allowed(demand: Demand, supplier: Supplier) -> bool:
    return (
        (demand.language is None or demand.language in supplier.languages)
        and (demand.region is None or supplier.regions is None or demand.region in supplier.regions)
        and (not demand.objectives or supplier.objectives is None or bool(demand.objectives & supplier.objectives))
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--requests", type=int, default=2_000)
    parser.add_argument("--experts", type=int, default=1_000)
    parser.add_argument("--levels", type=int, default=0)
    parser.add_argument("--scarce", action="store_true")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--whole", action="store_true")
    parser.add_argument("--records", type=int, default=581)
    options = parser.parse_args()
    if options.whole:
        print(json.dumps(whole(options.requests, options.experts, options.records), indent=1))
        return
    case = instance(options.requests, options.experts, scarce=options.scarce, levels=options.levels)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    cpu, wall = time.process_time(), time.perf_counter()
    plan = assign(**case)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    report = {
        "affinities": len(case["affinity"]),
        "places": sum(one.places for one in case["demands"]),
        "cpu_s": round(cpu, 2),
        "wall_s": round(wall, 2),
        "peak_mb": round(peak),
        "input_mb": round(before),
        "assigned": len(plan.assignments),
        "floor": plan.floor,
        "total_less_cost": round(plan.total - plan.cost, 6),
        "changes": len(plan.changes),
        "shortages": Counter(one.code for one in plan.shortages),
    }
    if options.check:
        report["linear_programme"] = round(best_by_linear_programme(case, plan), 6)
        report["bound"] = len(plan.assignments) / SCALE
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
