"""How work for later is taken up, done, tried again and, after five failures, left for a person."""

from collections.abc import Collection, Sequence
from datetime import timedelta

from sqlalchemy import ColumnElement, and_, or_, select, update
from sqlalchemy.orm import Session

from hub.database import Outbox, now

MOST_ATTEMPTS = 5
LEASE_S = 120
"""How long a worker has a job for itself; one that died gives it up by then."""
_LONGEST_ERROR = 500


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


def retry(session: Session, kinds: Collection[str]) -> int:
    """Take up again what waits for a person. Returns how many; does not commit."""
    result = session.execute(
        update(Outbox)
        .where(Outbox.kind.in_(kinds), Outbox.attempts >= MOST_ATTEMPTS)
        .values(attempts=0, run_at=now())
        .returning(Outbox.id)
    )
    return len(result.all())
