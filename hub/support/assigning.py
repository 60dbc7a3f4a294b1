"""All open requests at once: a dry run of who is to be asked, applied or undone as one. The optimum is `hub.matching.assignment`'s.

Applying writes proposals and gives nobody access; sending them does. Described in docs/assignment.md.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from hub import events, outbox
from hub.accounts.models import SECRETARIAT, Membership
from hub.database import later, new_id, now
from hub.errors import Forbidden, HubError, IllegalTransition, Invalid, NotFound, StaleVersion
from hub.support import conflicts, dry_run, proposals, reading, triage
from hub.support.dry_run import Board, Parts, movable, read_board, state
from hub.support.expert_models import (
    APPLIED,
    READY,
    UNDONE,
    WAITING,
    AssignmentBoard,
    AssignmentProposal,
    AssignmentRun,
)
from hub.support.models import LEAD

if TYPE_CHECKING:
    pass

CHANGE_COST = 0.1
"""Affinity that a change from today must gain to be worth it (judgement: a tenth of what one shared objective is worth)."""
SMALL = 200
"""Requests from which on a run is the worker's: some 0.1 s each (measured on two busy cores without a model, November 2026)."""
SUBJECT = "assignment"
"""`Event.subject_kind`; its id is the run's."""
JOB = "assignment"
RUNS_SHOWN = 20
STALE = "Something has changed since this was computed."
NOT_READY = "This solution was applied already, or is not ready."
NOT_LAST = "Only the solution that was applied last can be undone."
SENT = "Some of its proposals were sent or replaced meanwhile."
NOTHING_HELD = "This request has nothing to unlock."


def read(session: Session, membership: Membership | None, *, operator: bool = False) -> Board:
    """The board for the secretariat."""
    _may(membership, operator=operator)
    return read_board(session)


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
    board = read_board(session)
    freed = _ids(board, unlocked)
    run = AssignmentRun(
        id=new_id(),
        made_by=membership.id if membership else None,
        change_cost=change_cost,
        unlocked=sorted(freed),
        total=len(movable(board, freed)),
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
        _compute(session, run, read_board(session), Parts(hub.embedder, hub.engine), keep=True)


def _compute(session: Session, run: AssignmentRun, board: Board, parts: Parts, *, keep: bool = False) -> None:
    """`keep`: note in between how far it is, and that the job still runs."""
    rows = movable(board, run.unlocked)
    people = list(board.people.values())
    run.total = len(rows)

    def noted(done: int) -> None:
        run.done = done
        outbox.extend(session, JOB)
        session.commit()

    matched = dry_run.match_all(session, rows, people, parts, **({"noted": noted} if keep else {}))
    plan = dry_run.solve(run, board, matched)
    run.done = run.total
    run.seen = {
        "board": board.version,
        "requests": {row.id: row.version for row in rows},
        "experts": {one.membership_id: state(one) for one in people},
    }
    run.result = dry_run.result(run, board, matched, plan)
    run.status = READY


def _ids(board: Board, names: Collection[str]) -> set[str]:
    kept = board.kept(())
    by_name = {name: row.id for row in board.rows.values() for name in (row.id, row.reference)}
    if wrong := [name for name in names if by_name.get(name) not in kept]:
        raise Invalid({"unlocked": [NOTHING_HELD]}, wrong[0])
    return {by_name[name] for name in names}


# Applying and undoing


def apply(session: Session, membership: Membership | None, run_id: str, *, operator: bool = False) -> AssignmentRun:
    """Make the solution the proposals of today, all or nothing. `StaleVersion` says in `changed` what is otherwise since:

    `board`, references of `requests`, ids of `experts`.
    """
    _may(membership, operator=operator)
    run = _claim(session, run_id, READY, APPLIED, NOT_READY)
    run.applied_at = now()
    _turn(session, run)
    board = read_board(session)
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
        try:
            session.flush()
        except IntegrityError as error:  # somebody else was first at this moment
            session.rollback()
            raise StaleVersion(STALE, changed={"board": True}) from error
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
    rows = {row.id: row for row in movable(board, run.unlocked)}
    requests = {
        references[id_] for id_, version in seen["requests"].items() if getattr(rows.get(id_), "version", 0) != version
    }
    used = {line["expert"] for line in run.result["lines"] if line["change"] != "fixed"} - {None}
    used |= {one for line in run.result["lines"] for one in line["alternates"]}
    people = {id_ for id_ in used if id_ not in board.people or state(board.people[id_]) != seen["experts"][id_]}
    barred = conflicts.pairs(session, rows.values(), list(board.people.values()))
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
    board = read_board(session)
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
