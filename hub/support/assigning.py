"""All open requests at once: a dry run of who is to be asked, applied or undone as one. The optimum is `hub.matching.assignment`'s.

Applying writes proposals and gives nobody access; sending them does. Described in docs/assignment.md.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, exists, insert, select, update
from sqlalchemy.orm import Session, joinedload, selectinload

from hub import events, outbox
from hub.accounts.models import SECRETARIAT, Membership
from hub.database import later, new_id, now
from hub.errors import Forbidden, HubError, IllegalTransition, Invalid, NotFound, StaleVersion
from hub.support import conflicts, experts, proposals, reading, triage, vectors
from hub.support.expert_models import (
    APPLIED,
    READY,
    UNDONE,
    WAITING,
    AssignmentBoard,
    AssignmentProposal,
    AssignmentRun,
)
from hub.support.experts import Expert
from hub.support.lifecycle import MATCHING, TRIAGED, UNPLACED
from hub.support.models import LEAD, Party, SupportRequest

if TYPE_CHECKING:
    from hub.matching.assignment import Plan, Supplier
    from hub.matching.types import Inside
    from hub.search.embedding import Embedder
    from hub.search.engine import SearchEngine

OPEN = (TRIAGED, MATCHING, UNPLACED)
"""Statuses in which a request without a lead waits for one."""
CHANGE_COST = 0.1
"""Affinity that a change from today must gain to be worth it (judgement: a tenth of what one shared objective is worth)."""
SMALL = 200
"""Requests from which on a run is the worker's: some 0.1 s each (measured on two busy cores without a model, November 2026)."""
BATCH = 20
"""Requests matched between two notes of how far a run is."""
EVERYBODY = 10_000
SUBJECT = "assignment"
"""`Event.subject_kind`; its id is the run's."""
JOB = "assignment"
RUNS_SHOWN = 20
STALE = "Something has changed since this was computed."
NOT_READY = "This solution was applied already, or is not ready."
NOT_LAST = "Only the solution that was applied last can be undone."
SENT = "Some of its proposals were sent or replaced meanwhile."
NOTHING_HELD = "This request has nothing to unlock."


@dataclass(frozen=True, slots=True)
class Parts:
    """What matching works with; either may be missing, and matching makes do with the rest."""

    embedder: "Embedder | None"
    engine: "SearchEngine | None"


@dataclass(frozen=True, slots=True)
class Board:
    """What is to be decided, as it stands. `rows`: open requests and held ones, by id. `held`: request -> membership that has it,

    sent or accepted. `waiting`: the unsent proposals, by request. `people`: whoever may be asked, by membership.
    """

    version: int
    rows: Mapping[str, SupportRequest]
    held: Mapping[str, str]
    waiting: Mapping[str, AssignmentProposal]
    people: Mapping[str, Expert]

    @property
    def open(self) -> list[SupportRequest]:
        return [row for row in self.rows.values() if row.id not in self.held]

    def kept(self, unlocked: Collection[str]) -> dict[str, str]:
        """Request -> membership of all that a run must leave as it is."""
        locked = {id_: one.membership_id for id_, one in self.waiting.items() if one.locked}
        return {id_: who for id_, who in {**self.held, **locked}.items() if id_ not in unlocked}


def read(session: Session, membership: Membership | None, *, operator: bool = False) -> Board:
    """The board for the secretariat."""
    _may(membership, operator=operator)
    return _read(session)


def _read(session: Session) -> Board:
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
    )


# The dry run


def propose(
    session: Session,
    membership: Membership | None,
    parts: Parts,
    *,
    unlocked: Collection[str] = (),
    change_cost: float = CHANGE_COST,
    operator: bool = False,
) -> AssignmentRun:
    """Solve all open requests and change nothing. `unlocked`: requests (id or reference) that may lose what was sent,

    accepted or locked. From `SMALL` requests on it is done by the worker: the run is `waiting` meanwhile. `operator`: the
    person at the machine's command line, who acts in no membership.
    """
    _may(membership, operator=operator)
    if not 0 <= change_cost <= 10:
        raise Invalid({"change_cost": ["From 0 to 10."]})
    board = _read(session)
    freed = _ids(board, unlocked)
    run = AssignmentRun(
        id=new_id(),
        made_by=membership.id if membership else None,
        change_cost=change_cost,
        unlocked=sorted(freed),
        total=len(_movable(board, freed)),
    )
    session.add(run)
    if run.total < SMALL:
        _compute(session, run, board, parts)
    else:
        later(session, JOB, {"run": run.id})
    session.commit()
    return run


def solve(hub: Any, session: Session, payload: Mapping[str, Any]) -> None:
    """Job `assignment`: compute a run that waits. Done twice it does no harm. `hub`: has `embedder` and `engine`."""
    run = session.get(AssignmentRun, str(payload["run"]))
    if run is not None and run.status == WAITING:
        run.done = 0
        _compute(session, run, _read(session), Parts(hub.embedder, hub.engine), keep=True)


def _ids(board: Board, names: Collection[str]) -> set[str]:
    kept = board.kept(())
    by_name = {name: row.id for row in board.rows.values() for name in (row.id, row.reference)}
    if wrong := [name for name in names if by_name.get(name) not in kept]:
        raise Invalid({"unlocked": [NOTHING_HELD]}, wrong[0])
    return {by_name[name] for name in names}


def _movable(board: Board, unlocked: Collection[str]) -> list[SupportRequest]:
    kept = board.kept(unlocked)
    return [row for row in board.rows.values() if row.id not in kept]


@dataclass(frozen=True, slots=True)
class _Matched:
    """The requests that may move and what matching says of them. `barred`: pairs in conflict, which were not even scored.

    `affinity`: of (request, membership); `objectives`: of each request, as named or predicted.
    """

    rows: Sequence[SupportRequest]
    barred: Collection[tuple[str, str]]
    affinity: dict[tuple[str, str], float] = field(default_factory=dict[tuple[str, str], float])
    objectives: dict[str, frozenset[int]] = field(default_factory=dict[str, frozenset[int]])


def _compute(session: Session, run: AssignmentRun, board: Board, parts: Parts, *, keep: bool = False) -> None:
    """`keep`: note in between how far it is, and that the job still runs."""
    rows = _movable(board, run.unlocked)
    run.total = len(rows)
    matched = _Matched(rows, conflicts.pairs(session, rows, list(board.people.values())))
    inside = _inside(session)
    for at, row in enumerate(rows, start=1):
        _match(session, row, inside, parts, matched)
        if keep and at % BATCH == 0:
            run.done = at
            outbox.extend(session, JOB)
            session.commit()
    plan = _solve(run, board, matched)
    run.done = run.total
    run.seen = {
        "board": board.version,
        "requests": {row.id: row.version for row in rows},
        "experts": {one.membership_id: _state(one) for one in board.people.values()},
    }
    run.result = _result(run, board, matched, plan)
    run.status = READY


def _inside(session: Session) -> "Inside":
    """What assignment knows beside public evidence. Room and absence are the solver's rules, so all are scored as free."""
    from hub.support import inside  # noqa: PLC0415 - as `reading.match_request`

    known = inside.read(session)
    return replace(known, experts=tuple(replace(one, load=0, absent=False, capacity=1) for one in known.experts))


def _match(session: Session, row: SupportRequest, inside: "Inside", parts: Parts, matched: _Matched) -> None:
    """Adds what matching says of every expert without a conflict."""
    from hub.matching import service  # noqa: PLC0415 - numpy and more, not needed to look at a run

    found = service.match(
        session,
        reading.match_request(row),
        embedder=vectors.at_hand(session, row, parts.embedder),
        engine=parts.engine,
        limit=EVERYBODY,
        view="secretariat",
        inside=inside,
        excluded=[one.id for one in inside.experts if (row.id, one.id) in matched.barred],
    )
    matched.affinity.update({(row.id, one.id): round(one.score, 6) for one in found.experts})
    matched.objectives[row.id] = frozenset(found.objectives)


def _solve(run: AssignmentRun, board: Board, matched: _Matched) -> "Plan":
    from hub.matching.assignment import Demand, assign  # noqa: PLC0415 - as above

    kept = board.kept(run.unlocked)
    today = _today(board, matched.rows)
    return assign(
        [
            *(Demand(row.id, 1, row.language, row.country_id, matched.objectives[row.id]) for row in matched.rows),
            *(Demand(id_) for id_ in kept),
        ],
        _suppliers(board, {*kept.values(), *today.values()}),
        matched.affinity,
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


def _today(board: Board, rows: Iterable[SupportRequest]) -> dict[str, str]:
    """Request -> membership that has or is to have it, of those that may change."""
    found: dict[str, str] = {}
    for row in rows:
        if row.id in board.held:
            found[row.id] = board.held[row.id]
        elif row.id in board.waiting:
            found[row.id] = board.waiting[row.id].membership_id
    return found


def _state(one: Expert) -> list[object]:
    """What of an expert a solution rests on."""
    return [one.version, one.absent]


def _result(
    run: AssignmentRun,
    board: Board,
    matched: _Matched,
    plan: "Plan",
) -> dict[str, Any]:
    chosen = {one.demand: one.supplier for one in plan.assignments}
    affinity, today, kept = matched.affinity, _today(board, matched.rows), board.kept(run.unlocked)
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
                "affinity": affinity.get((row.id, after or "")),
                "before": before,
                "affinity_before": affinity.get((row.id, before or "")),
                "change": change,
                "cost": run.change_cost if change in {"moved", "dropped"} else 0.0,
                "held": row.id in board.held,
                "alternates": [] if row.id in kept else list(plan.alternates.get(row.id, ())),
            }
        )
    known = [affinity.get(pair) for pair in today.items()]
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


# Applying and undoing


def apply(session: Session, membership: Membership | None, run_id: str, *, operator: bool = False) -> AssignmentRun:
    """Make the solution the proposals of today, all or nothing. `StaleVersion` says in `changed` what is otherwise since:

    `board`, references of `requests`, ids of `experts`.
    """
    _may(membership, operator=operator)
    run = _claim(session, run_id, READY, APPLIED, NOT_READY)
    run.applied_at = now()
    _turn(session, run)
    board = _read(session)
    if changed := _changed(session, board, run):
        session.rollback()
        raise StaleVersion(STALE, changed=changed)
    lines = [line for line in run.result["lines"] if line["change"] != "fixed"]
    run.before = [_as_data(one) for line in lines if (one := board.waiting.get(line["request"]))]
    for line in lines:
        _write(session, run, board, line)
    _record(session, membership, run, "apply")
    session.commit()
    return run


def undo(session: Session, membership: Membership | None, run_id: str, *, operator: bool = False) -> AssignmentRun:
    """Bring back the proposals as they were before. Only for the run applied last, while all it proposed is unsent."""
    _may(membership, operator=operator)
    last = session.get(AssignmentBoard, 1, populate_existing=True)
    run = _claim(session, run_id, APPLIED, UNDONE, NOT_LAST)
    if last is None or last.run_id != run.id:
        session.rollback()
        raise IllegalTransition(NOT_LAST)
    run.undone_at = now()
    earlier = session.scalar(
        select(AssignmentRun.id)
        .where(AssignmentRun.status == APPLIED, AssignmentRun.id != run.id)
        .order_by(AssignmentRun.applied_at.desc())
        .limit(1)
    )
    _raise_board(session, last.version, earlier)
    lines = [line for line in run.result["lines"] if line["change"] != "fixed"]
    ids = [line["request"] for line in lines]
    unsent = select(AssignmentProposal).where(
        AssignmentProposal.request_id.in_(ids), AssignmentProposal.sent_at.is_(None)
    )
    now_there = {one.request_id: one.membership_id for one in session.scalars(unsent)}
    expected = {line["request"]: line["expert"] for line in lines if _proposes(line)}
    if now_there != expected:
        moved = {line["reference"] for line in lines if now_there.get(line["request"]) != expected.get(line["request"])}
        session.rollback()
        raise IllegalTransition(SENT, requests=sorted(moved))
    _remove(session, ids)
    for one in run.before:
        session.execute(insert(AssignmentProposal).values(**_from_data(one)))
    session.expire_all()
    _record(session, membership, run, "undo")
    session.commit()
    return run


def _claim(session: Session, run_id: str, before: str, after: str, refusal: str) -> AssignmentRun:
    """Take the run from one status to the next, so that nobody else does too."""
    run = session.get(AssignmentRun, run_id)
    if run is None:
        raise NotFound("There is no such solution.")
    written = session.scalar(
        update(AssignmentRun)
        .where(AssignmentRun.id == run_id, AssignmentRun.status == before)
        .values(status=after)
        .returning(AssignmentRun.id)
        .execution_options(synchronize_session=False)
    )
    if written is None:
        session.rollback()
        raise IllegalTransition(refusal)
    session.refresh(run)
    return run


def _turn(session: Session, run: AssignmentRun) -> None:
    seen = int(run.seen["board"])
    if not seen and session.get(AssignmentBoard, 1) is None:
        session.add(AssignmentBoard(id=1, version=1, run_id=run.id))
        session.flush()
        return
    _raise_board(session, seen, run.id)


def _raise_board(session: Session, seen: int, run_id: str | None) -> None:
    written = session.scalar(
        update(AssignmentBoard)
        .where(AssignmentBoard.id == 1, AssignmentBoard.version == seen)
        .values(version=seen + 1, run_id=run_id)
        .returning(AssignmentBoard.version)
        .execution_options(synchronize_session=False)
    )
    if written is None:
        session.rollback()
        raise StaleVersion(STALE, changed={"board": True})


def _changed(session: Session, board: Board, run: AssignmentRun) -> dict[str, Any]:
    """What of all that the solution rests on is otherwise now; empty: nothing. New requests and experts do not count."""
    seen: Mapping[str, Mapping[str, Any]] = run.seen
    references = {line["request"]: line["reference"] for line in run.result["lines"]}
    movable = {row.id: row for row in _movable(board, run.unlocked)}
    requests = {
        references[id_]
        for id_, version in seen["requests"].items()
        if getattr(movable.get(id_), "version", 0) != version
    }
    used = {line["expert"] for line in run.result["lines"] if line["change"] != "fixed"} - {None}
    used |= {one for line in run.result["lines"] for one in line["alternates"]}
    people = {id_ for id_ in used if id_ not in board.people or _state(board.people[id_]) != seen["experts"][id_]}
    barred = conflicts.pairs(session, movable.values(), list(board.people.values()))
    requests |= {
        line["reference"]
        for line in run.result["lines"]
        if line["change"] != "fixed" and (line["request"], line["expert"]) in barred
    }
    found = {"requests": sorted(requests), "experts": sorted(people)}
    return {name: ids for name, ids in found.items() if ids}


def _proposes(line: Mapping[str, Any]) -> bool:
    """Does this line end in an unsent proposal? Work that is held already and stays needs none."""
    return line["expert"] is not None and not (line["held"] and line["change"] == "kept")


def _write(session: Session, run: AssignmentRun, board: Board, line: Mapping[str, Any]) -> None:
    waiting = board.waiting.get(line["request"])
    if line["change"] == "kept" and waiting is not None:
        waiting.affinity, waiting.alternates, waiting.locked = line["affinity"], line["alternates"], False
        return
    if waiting is not None:
        _remove(session, [line["request"]])
    if not _proposes(line):
        return
    before = board.people.get(line["before"] or "") if line["held"] else None
    session.execute(
        insert(AssignmentProposal).values(
            id=new_id(),
            request_id=line["request"],
            membership_id=line["expert"],
            entity_id=line["entity"],
            affinity=line["affinity"],
            alternates=line["alternates"],
            replaces=before.entity_id if before and before.entity_id != line["entity"] else None,
            locked=False,
            run_id=run.id,
            made_at=now(),
        )
    )


def _remove(session: Session, request_ids: Collection[str]) -> None:
    session.execute(
        delete(AssignmentProposal)
        .where(AssignmentProposal.request_id.in_(request_ids), AssignmentProposal.sent_at.is_(None))
        .execution_options(synchronize_session=False)
    )


_COLUMNS = tuple(column.key for column in AssignmentProposal.__table__.columns)


def _as_data(one: AssignmentProposal) -> dict[str, Any]:
    values = {name: getattr(one, name) for name in _COLUMNS}
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in values.items()}


def _from_data(data: Mapping[str, Any]) -> dict[str, Any]:
    return {**data, "made_at": datetime.fromisoformat(data["made_at"])}


# One proposal, all proposals


def lock(session: Session, membership: Membership | None, name: str, *, locked: bool) -> AssignmentProposal:
    """Keep a proposal as it is in later runs, or let it move again."""
    _may(membership)
    row = reading.get(session, membership, name)
    proposal = proposals.unsent(session, row.id)
    if proposal is None:
        raise NotFound("Nobody is proposed for this request.")
    board = session.get(AssignmentBoard, 1, populate_existing=True)
    _raise_board(session, board.version if board else 0, board.run_id if board else None)
    proposal.locked = locked
    session.commit()
    return proposal


def send_all(session: Session, membership: Membership | None) -> tuple[list[str], dict[str, str]]:
    """Send every proposal, each as its own step; what cannot be sent stays. Returns references sent, and others -> why not."""
    _may(membership)
    board = _read(session)
    sent: list[str] = []
    failed: dict[str, str] = {}
    for id_, proposal in sorted(board.waiting.items(), key=lambda one: board.rows[one[0]].reference):
        row = board.rows[id_]
        try:
            triage.send(session, membership, id_, proposal.entity_id, version=row.version, role=LEAD)
        except Invalid as error:
            session.rollback()
            failed[row.reference] = " ".join(sentence for some in error.errors.values() for sentence in some)
        except HubError as error:
            session.rollback()
            failed[row.reference] = error.detail
        else:
            sent.append(row.reference)
    return sent, failed


def runs(session: Session, membership: Membership | None) -> list[AssignmentRun]:
    """The newest runs first."""
    _may(membership)
    return list(session.scalars(select(AssignmentRun).order_by(AssignmentRun.id.desc()).limit(RUNS_SHOWN)))


def get(session: Session, membership: Membership | None, run_id: str) -> AssignmentRun:
    """Raises `NotFound`."""
    _may(membership)
    run = session.get(AssignmentRun, run_id, populate_existing=True)
    if run is None:
        raise NotFound("There is no such solution.")
    return run


def undoable(session: Session, run: AssignmentRun) -> bool:
    """Is it the one applied last?"""
    board = session.get(AssignmentBoard, 1)
    return run.status == APPLIED and board is not None and board.run_id == run.id


def _may(membership: Membership | None, *, operator: bool = False) -> None:
    if membership is None and operator:
        return
    if membership is None or not membership.active or membership.role != SECRETARIAT:
        raise Forbidden


def _record(session: Session, membership: Membership | None, run: AssignmentRun, action: str) -> None:
    changes = sum(line["change"] in {"new", "moved", "dropped"} for line in run.result["lines"])
    events.record(
        session,
        subject=(SUBJECT, run.id),
        action=action,
        audience="secretariat",
        person_id=membership.person_id if membership else None,
        membership_id=membership.id if membership else None,
        data={"changes": changes},
    )
