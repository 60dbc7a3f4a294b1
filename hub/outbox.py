"""How work for later is taken up, done, tried again and, after five failures, left for a person."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import ColumnElement, and_, func, or_, select, update
from sqlalchemy.orm import Session

from hub.database import Outbox, now

MOST_ATTEMPTS = 5
LEASE_S = 120
"""How long a worker has a job for itself; one that died gives it up by then."""
SHORTEST_WAIT_S, LONGEST_WAIT_S = 10, 15 * 60
"""Between two tries of what is only put off."""
_LONGEST_ERROR = 500


class NotYet(Exception):
    """Raised by a handler when a job has to wait for something outside, which is no failure of the job.

    `everything`: all jobs of the kind wait for the same thing.
    """

    def __init__(self, reason: str, *, everything: bool = False) -> None:
        super().__init__(reason)
        self.everything = everything


def due(kinds: Collection[str]) -> ColumnElement[bool]:
    """Condition on `Outbox`: may be taken up now."""
    moment = now()
    return and_(
        Outbox.kind.in_(kinds),
        Outbox.run_at <= moment,
        Outbox.attempts < MOST_ATTEMPTS,
        or_(Outbox.lease_until.is_(None), Outbox.lease_until < moment),
    )


def lease(session: Session, kinds: Collection[str], limit: int) -> Sequence[Outbox]:
    """Take up to `limit` jobs, oldest first, and commit, so that no other worker takes them (SQLite: one worker only)."""
    jobs = session.scalars(
        select(Outbox).where(due(kinds)).order_by(Outbox.id).limit(limit).with_for_update(skip_locked=True)
    ).all()
    until = now() + timedelta(seconds=LEASE_S)
    for job in jobs:
        job.lease_until = until
    session.commit()
    return jobs


def extend(session: Session, kind: str) -> None:
    """Keep a long job that runs now; does not commit. Other jobs of the kind that are taken are kept with it."""
    session.execute(
        update(Outbox)
        .where(Outbox.kind == kind, Outbox.lease_until.is_not(None))
        .values(lease_until=now() + timedelta(seconds=LEASE_S))
        .execution_options(synchronize_session=False)
    )


def note_failure(session: Session, job_id: int, attempts: int, error: BaseException) -> None:
    """Try again in 10 s, 40 s, 160 s, 11 min; after the fifth time not at all. `attempts`: those before this one."""
    session.execute(
        update(Outbox)
        .where(Outbox.id == job_id)
        .values(
            attempts=attempts + 1,
            last_error=f"{type(error).__name__}: {error}"[:_LONGEST_ERROR],
            run_at=now() + timedelta(seconds=10 * 4**attempts),
            lease_until=None,
        )
    )


def put_off(session: Session, job: Outbox, reason: NotYet) -> None:
    """Try again later, without counting it as a failure: after 10 s at first, up to every 15 min as the job grows old."""
    age_s = (now() - job.created_at).total_seconds()
    at = now() + timedelta(seconds=min(max(age_s / 2, SHORTEST_WAIT_S), LONGEST_WAIT_S))
    session.execute(update(Outbox).where(Outbox.id == job.id).values(lease_until=None))
    session.execute(
        update(Outbox)
        .where(due((job.kind,)) if reason.everything else Outbox.id == job.id)
        .values(run_at=at, last_error=str(reason)[:_LONGEST_ERROR])
        .execution_options(synchronize_session=False)
    )


@dataclass(frozen=True, slots=True)
class Waiting:
    """Jobs of one kind. `late`: tried in vain for an hour, and tried again; `failed`: left for a person. `error`: the newest one."""

    kind: str
    waiting: int
    late: int
    failed: int
    error: str | None


def waiting(session: Session) -> list[Waiting]:
    """What every kind of job has to do, by kind."""
    late = (Outbox.attempts < MOST_ATTEMPTS) & (Outbox.created_at < now() - timedelta(hours=1))
    late &= Outbox.last_error.is_not(None)
    newest = select(Outbox.last_error).where(Outbox.last_error.is_not(None)).order_by(Outbox.id.desc()).limit(1)
    kinds = session.execute(
        select(
            Outbox.kind,
            func.count(),
            func.count().filter(late),
            func.count().filter(Outbox.attempts >= MOST_ATTEMPTS),
        )
        .group_by(Outbox.kind)
        .order_by(Outbox.kind)
    )
    return [
        Waiting(kind, total - failed, held, failed, session.scalar(newest.where(Outbox.kind == kind)))
        for kind, total, held, failed in kinds
    ]


def retry(session: Session, kinds: Collection[str]) -> int:
    """Take up again what waits for a person. Returns how many; does not commit."""
    result = session.execute(
        update(Outbox)
        .where(Outbox.kind.in_(kinds), Outbox.attempts >= MOST_ATTEMPTS)
        .values(attempts=0, run_at=now())
        .returning(Outbox.id)
    )
    return len(result.all())
