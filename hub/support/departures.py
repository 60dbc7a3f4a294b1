"""What happens to requests when somebody leaves: an agency may have nobody left for them, or a State."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from hub.accounts import policy
from hub.accounts.models import EXPERT, FOCAL_POINT
from hub.database import now
from hub.events import Event
from hub.support import clocks, gaps, reading, steps
from hub.support.lifecycle import TRANSITIONS
from hub.support.models import Party, SupportRequest

NOBODY = "nobody"
"""Reason of a `pause` that happened by itself."""


def look(_hub: object, session: Session, payload: Mapping[str, Any]) -> None:
    """Job `left` (`hub.accounts.people`). Payload: `{entity, role, at}`. Leaves the commit to the job.

    A request whose States have no focal point any more stands still until the secretariat lets it go on. Of an agency
    without experts the secretariat is told, and has it among its tasks; the agency's drafts stay for who comes after.
    """
    entity, left_at = str(payload["entity"]), datetime.fromisoformat(str(payload["at"]))
    if payload["role"] == FOCAL_POINT:
        for row in _concerned(session, entity, policy.TEAM, "pause", gaps.state_deserted()):
            steps.take(session, None, row, "pause", row.version, reason=NOBODY, paused_at=now())
            clocks.follow(session, row, "pause", now())
    elif payload["role"] == EXPERT:
        for row in _concerned(session, entity, policy.DELIVERY, "remove", gaps.agency_deserted()):
            told = exists().where(
                Event.subject_kind == reading.SUBJECT,
                Event.subject_id == row.id,
                Event.action == "gone",
                Event.at >= left_at,
            )
            if not session.scalar(select(told)):
                data = {"entity": entity}
                steps.tell(session, None, row, "gone", audience="secretariat", before=row.status, data=data)


def _concerned(
    session: Session, entity: str, roles: tuple[str, ...], action: str, deserted: Any
) -> list[SupportRequest]:
    """Requests in which the entity takes part, which can take the step, and that are not paused."""
    return list(
        session.scalars(
            select(SupportRequest)
            .where(
                exists().where(
                    Party.request_id == SupportRequest.id,
                    Party.entity_id == entity,
                    Party.role.in_(roles),
                    Party.until.is_(None),
                ),
                SupportRequest.status.in_([status for status, name in TRANSITIONS if name == action]),
                SupportRequest.paused_at.is_(None),
                deserted,
            )
            .order_by(SupportRequest.id)
            .with_for_update(of=SupportRequest)
        )
    )
