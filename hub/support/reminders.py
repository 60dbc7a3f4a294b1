"""What happens when a clock comes to its time: a reminder, then an escalation, or the end of a request nobody answers."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.database import later, now
from hub.support import clocks, escalation, requests, steps
from hub.support.lifecycle import CLARIFICATION
from hub.support.models import Clock, SupportRequest


def look(_hub: object, session: Session, payload: Mapping[str, Any]) -> None:
    """Job `clock`."""
    ring(session, str(payload["clock"]), at=now())


def ring(session: Session, clock_id: str, *, at: datetime) -> None:
    """Say what is due by `at`, each thing once, and come back for the rest; leaves the commit to the job.

    A delay is told to the co-leads of the working groups first, if there are any, and to the secretariat `GRACE` later.
    A clock that is stopped or paused is left alone: whoever resumes it has a new job for it.
    """
    row = session.scalar(
        select(SupportRequest).join(Clock).where(Clock.id == clock_id).with_for_update(of=SupportRequest)
    )
    clock = session.get(Clock, clock_id, populate_existing=True)
    if row is None or clock is None or clock.stopped_at or clock.paused_at:
        return
    session.refresh(row)
    if clock.reminded_at is None and at >= clock.remind_at:
        clock.reminded_at = at
        _say(session, row, "remind", clock, clocks.STAGES[clock.stage].audience)
    if clock.escalated_at is None and at >= clock.escalate_at:
        if clock.stage != clocks.REPLY and escalation.tell(session, row, clock, at):
            clocks.grant_grace(session, row, clock, at)
            return
        clock.escalated_at = at
        if clock.stage == clocks.REPLY and row.status == CLARIFICATION:
            requests.lapse(session, row, at=at)
        else:
            _say(session, row, "escalate", clock, "secretariat")
    elif clock.escalated_at is None:
        later(
            session,
            clocks.CLOCK,
            {"clock": clock.id},
            run_at=clock.escalate_at if clock.reminded_at else clock.remind_at,
        )


def _say(session: Session, row: SupportRequest, action: str, clock: Clock, audience: str) -> None:
    steps.tell(session, None, row, action, audience=audience, before=row.status, data={"stage": clock.stage})
