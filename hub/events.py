"""The append-only log of every domain: who did what, when, in which membership, for whose eyes.

Events hold ids and codes. Free text sits in rows that can be erased. Timelines, figures and audit are read from here.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from hub.database import Base, new_id, now

AUDIENCES = ("secretariat", "delivery", "agency", "requesting", "parties", "invited", "network", "public")
"""The secretariat sees all of them. `delivery`: the agencies that accepted; `requesting`: the State's team; `parties`: both;

`invited`: other States that were asked to be peers or to join, and the State's team. `network`: whoever is signed in.
`agency`: the one agency that the event's data names as `entity`.
"""


class Event(Base):
    """`from_state` and `to_state` are life-cycle states. `data` holds ids and codes only."""

    __tablename__ = "event"
    __table_args__ = (Index("ix_event_subject", "subject_kind", "subject_id", "id"),)
    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_id)
    subject_kind: Mapped[str] = mapped_column(String(30))
    subject_id: Mapped[str] = mapped_column(String(36))
    action: Mapped[str] = mapped_column(String(40))
    person_id: Mapped[str | None] = mapped_column(ForeignKey("person.id"))
    membership_id: Mapped[str | None] = mapped_column(ForeignKey("membership.id"))
    from_state: Mapped[str | None] = mapped_column(String(30))
    to_state: Mapped[str | None] = mapped_column(String(30))
    reason: Mapped[str | None] = mapped_column(String(60))
    at: Mapped[datetime] = mapped_column(default=now, index=True)
    version: Mapped[int | None]
    audience: Mapped[str] = mapped_column(String(20))
    data: Mapped[dict[str, Any]] = mapped_column(default=dict)


def record(
    session: Session,
    *,
    subject: tuple[str, str],
    action: str,
    audience: str,
    person_id: str | None = None,
    membership_id: str | None = None,
    from_state: str | None = None,
    to_state: str | None = None,
    reason: str | None = None,
    version: int | None = None,
    data: Mapping[str, Any] | None = None,
) -> Event:
    """Append an event in the transaction of `session`. `subject`: (kind, id)."""
    if audience not in AUDIENCES:
        raise ValueError(f"no such audience: {audience}")
    event = Event(
        subject_kind=subject[0],
        subject_id=subject[1],
        action=action,
        audience=audience,
        person_id=person_id,
        membership_id=membership_id,
        from_state=from_state,
        to_state=to_state,
        reason=reason,
        version=version,
        data=dict(data or {}),
    )
    session.add(event)
    return event


def timeline(session: Session, subject: tuple[str, str], audiences: Iterable[str]) -> list[Event]:
    """Events about a subject that a reader of `audiences` may see, oldest first."""
    return list(
        session.scalars(
            select(Event)
            .where(
                Event.subject_kind == subject[0], Event.subject_id == subject[1], Event.audience.in_(list(audiences))
            )
            .order_by(Event.id)
        )
    )
