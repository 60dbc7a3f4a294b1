"""What assignment rests on, and a dry run of it: who is open, who may be asked, how well each suits, and the best plan of all."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session, joinedload, selectinload

from hub.support import conflicts, experts, reading, vectors
from hub.support.expert_models import AssignmentBoard, AssignmentProposal, AssignmentRun
from hub.support.experts import Expert
from hub.support.lifecycle import CLARIFICATION, MATCHING, SUBMITTED, TRIAGED, UNPLACED
from hub.support.models import LEAD, Party, SupportRequest

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from hub.matching.assignment import Plan, Supplier
    from hub.matching.types import Inside, MatchRequest
    from hub.search.embedding import Embedder
    from hub.search.engine import SearchEngine

OPEN = (TRIAGED, MATCHING, UNPLACED)
"""Statuses in which a request without a lead waits for one."""
EARLY = (SUBMITTED, CLARIFICATION)
"""Statuses in which nobody has said yet that the request is taken on."""
BATCH = 100
"""Requests matched between two notes of how far a run is, and read at once."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What matching works with; either may be missing, and matching makes do with the rest."""

    embedder: "Embedder | None"
    engine: "SearchEngine | None"


@dataclass(frozen=True, slots=True)
class Board:
    """What is to be decided, as it stands. `rows`: open requests and held ones, by id. `held`: request -> membership that has it,

    sent or accepted. `waiting`: the unsent proposals, by request. `people`: whoever may be asked, by membership. `early`: how
    many requests are not among them because they are not taken on yet.
    """

    version: int
    rows: Mapping[str, SupportRequest]
    held: Mapping[str, str]
    waiting: Mapping[str, AssignmentProposal]
    people: Mapping[str, Expert]
    early: int

    @property
    def open(self) -> list[SupportRequest]:
        return [row for row in self.rows.values() if row.id not in self.held]

    def kept(self, unlocked: Collection[str]) -> dict[str, str]:
        """Request -> membership of all that a run must leave as it is."""
        locked = {id_: one.membership_id for id_, one in self.waiting.items() if one.locked}
        return {id_: who for id_, who in {**self.held, **locked}.items() if id_ not in unlocked}


def read_board(session: Session) -> Board:
    leads = exists().where(
        Party.request_id == SupportRequest.id,
        Party.role == LEAD,
        Party.until.is_(None),
        Party.state.in_(("sent", "accepted")),
    )
    held = experts.at_work(session)
    wanted = (SupportRequest.status.in_(OPEN) & ~leads) | SupportRequest.id.in_(list(held))
    rows = session.scalars(
        select(SupportRequest)
        .where(wanted)
        .order_by(SupportRequest.reference)
        .options(
            joinedload(SupportRequest.country),
            selectinload(SupportRequest.objectives),
            selectinload(SupportRequest.parties),
            selectinload(SupportRequest.conflicts),
        )
        .execution_options(populate_existing=True)
    )
    by_id = {row.id: row for row in rows}
    waiting = session.scalars(
        select(AssignmentProposal)
        .where(AssignmentProposal.sent_at.is_(None), AssignmentProposal.request_id.in_(list(by_id)))
        .execution_options(populate_existing=True)
    )
    board = session.get(AssignmentBoard, 1, populate_existing=True)
    return Board(
        version=board.version if board else 0,
        rows=by_id,
        held={id_: who for id_, who in held.items() if id_ in by_id},
        waiting={one.request_id: one for one in waiting},
        people={one.membership_id: one for one in experts.directory(session)},
        early=session.scalar(select(func.count()).where(SupportRequest.status.in_(EARLY))) or 0,
    )


def movable(board: Board, unlocked: Collection[str]) -> list[SupportRequest]:
    kept = board.kept(unlocked)
    return [row for row in board.rows.values() if row.id not in kept]


@dataclass(frozen=True, slots=True, eq=False)
class Matched:
    """The requests that may move and what matching says of them. `barred`: pairs in conflict, which are not scored.

    `affinity` (rows, people): NaN for who is not to be asked, or for whom too little speaks; `people`: memberships;
    `objectives`: of each request, as named or predicted.
    """

    rows: Sequence[SupportRequest]
    people: Sequence[str]
    barred: Collection[tuple[str, str]]
    affinity: "NDArray[np.float64]"
    objectives: Sequence[frozenset[int]]

    def pairs(self) -> Callable[[str, str | None], float | None]:
        """(request, membership) -> affinity, None where there is none."""
        row = {one.id: at for at, one in enumerate(self.rows)}
        column = {one: at for at, one in enumerate(self.people)}

        def affinity(request: str, membership: str | None) -> float | None:
            if request not in row or membership not in column:
                return None
            value = float(self.affinity[row[request], column[membership]])
            return None if value != value else value  # noqa: PLR0124 - not a number

        return affinity


def match_all(
    session: Session,
    rows: Sequence[SupportRequest],
    people: Sequence[Expert],
    parts: Parts,
    *,
    noted: Callable[[int], None] = lambda _: None,
) -> Matched:
    """What the secretariat's view says of every expert without a conflict, for all requests, to six decimals.

    `noted`: told after every `BATCH` requests how many are done.
    """
    import numpy as np  # noqa: PLC0415 - not needed to look at a run

    from hub.matching import service  # noqa: PLC0415 - as above

    inside = _inside(session)
    known = [one.id for one in inside.experts]
    barred = conflicts.pairs(session, rows, people)
    affinity = np.full((len(rows), len(known)), np.nan)
    objectives: list[frozenset[int]] = []
    found = service.affinities(session, _asked(session, rows, parts), inside, engine=parts.engine)
    for at, one in enumerate(found):
        affinity[at] = np.round(one.scores, 6)
        objectives.append(frozenset(one.objectives))
        if (at + 1) % BATCH == 0:
            noted(at + 1)
    row, column = {one.id: at for at, one in enumerate(rows)}, {one: at for at, one in enumerate(known)}
    out = [(row[request], column[membership]) for request, membership in barred if membership in column]
    if out:
        affinity[tuple(zip(*out, strict=True))] = np.nan
    return Matched(rows, known, barred, affinity, objectives)


def _asked(
    session: Session, rows: Sequence[SupportRequest], parts: Parts
) -> "Iterator[tuple[MatchRequest, Embedder | None]]":
    """The requests in words, each with the encoder that has its vectors at hand."""
    for first in range(0, len(rows), BATCH):
        some = rows[first : first + BATCH]
        encoders = vectors.all_at_hand(session, some, parts.embedder)
        yield from ((reading.match_request(row), encoder) for row, encoder in zip(some, encoders, strict=True))


def _inside(session: Session) -> "Inside":
    """What assignment knows beside public evidence. Room and absence are the solver's rules, so all are scored as free."""
    from hub.support import inside  # noqa: PLC0415 - as `reading.match_request`

    known = inside.read(session)
    return replace(known, experts=tuple(replace(one, load=0, absent=False, capacity=1) for one in known.experts))


def solve(run: AssignmentRun, board: Board, matched: Matched) -> "Plan":
    from hub.matching.assignment import Demand, Table, assign  # noqa: PLC0415 - as above

    kept = board.kept(run.unlocked)
    today = today_of(board, matched.rows)
    return assign(
        [
            *(
                Demand(row.id, 1, row.language, row.country_id, objectives)
                for row, objectives in zip(matched.rows, matched.objectives, strict=True)
            ),
            *(Demand(id_) for id_ in kept),
        ],
        _suppliers(board, {*kept.values(), *today.values()}),
        Table([row.id for row in matched.rows], matched.people, matched.affinity),
        conflicts=matched.barred,
        fixed=set(kept.items()),
        proposed=set(today.items()),
        change_cost=run.change_cost,
    )


def _suppliers(board: Board, named: Collection[str]) -> "list[Supplier]":
    """Everybody who may be asked; who is absent, or no expert any more but has something, takes nothing new."""
    from hub.matching.assignment import Supplier  # noqa: PLC0415 - as above

    found = [Supplier(id_, 0) for id_ in sorted(set(named) - set(board.people))]
    for one in board.people.values():
        capacity = 0 if one.absent else one.capacity
        found.append(
            Supplier(
                one.membership_id,
                capacity,
                minimum_load=min(one.minimum_load, capacity),
                languages=one.languages,
                regions=one.countries,
                objectives=one.objectives or None,
            )
        )
    return found


def today_of(board: Board, rows: Iterable[SupportRequest]) -> dict[str, str]:
    """Request -> membership that has or is to have it, of those that may change."""
    found: dict[str, str] = {}
    for row in rows:
        if row.id in board.held:
            found[row.id] = board.held[row.id]
        elif row.id in board.waiting:
            found[row.id] = board.waiting[row.id].membership_id
    return found


def state(one: Expert) -> list[object]:
    """What of an expert a solution rests on."""
    return [one.version, one.absent]


def result(
    run: AssignmentRun,
    board: Board,
    matched: Matched,
    plan: "Plan",
) -> dict[str, Any]:
    chosen = {one.demand: one.supplier for one in plan.assignments}
    affinity, today, kept = matched.pairs(), today_of(board, matched.rows), board.kept(run.unlocked)
    lines: list[dict[str, Any]] = []
    for row in board.rows.values():
        after, before = chosen.get(row.id), kept.get(row.id) or today.get(row.id)
        change = "fixed" if row.id in kept else _change(before, after)
        lines.append(
            {
                "request": row.id,
                "reference": row.reference,
                "expert": after,
                "entity": board.people[after].entity_id if after and after in board.people else None,
                "affinity": affinity(row.id, after),
                "before": before,
                "affinity_before": affinity(row.id, before),
                "change": change,
                "cost": run.change_cost if change in {"moved", "dropped"} else 0.0,
                "held": row.id in board.held,
                "alternates": [] if row.id in kept else list(plan.alternates.get(row.id, ())),
            }
        )
    known = [affinity(*pair) for pair in today.items()]
    values = [value for value in known if value is not None]
    return {
        "lines": lines,
        "floor": plan.floor,
        "total": round(plan.total, 6),
        "floor_before": min(values) if values and len(values) == len(known) else None,
        "total_before": round(sum(values), 6),
        "cost": round(plan.cost, 6),
        "shortages": [
            {
                "code": one.code,
                "request": one.demand,
                "expert": one.supplier,
                "places": one.places,
                "language": one.params.get("language"),
                "region": one.params.get("region"),
                "objectives": list(one.params.get("objectives", ())),
            }
            for one in plan.shortages
        ],
    }


def _change(before: str | None, after: str | None) -> str:
    if before == after:
        return "kept" if before else "none"
    return "new" if before is None else "dropped" if after is None else "moved"
