"""What agencies of a request write for its lead, and which agencies are asked next."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from hub.database import Base, new_id, now
from hub.network.models import Entity
from hub.support.models import Answer, Plan, SupportRequest

DRAFT, HANDED = CONTRIBUTION_STATUSES = ("draft", "handed")


class Contribution(Base):
    """What a contributing agency wrote for the lead. `status`: draft (its team only, one at a time) or handed (never changed again).

    `citations`: ids of published records, in order. `answer_id`, `plan_id`: what the lead put it into, if anything.
    """

    __tablename__ = "contribution"
    __table_args__ = (
        CheckConstraint("status in ('draft', 'handed')", name="status"),
        Index(
            "ix_contribution_one_draft",
            "request_id",
            "entity_id",
            unique=True,
            sqlite_where=text("status = 'draft'"),
            postgresql_where=text("status = 'draft'"),
        ),
    )
    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_id)
    request_id: Mapped[str] = mapped_column(ForeignKey("support_request.id", ondelete="CASCADE"), index=True)
    entity_id: Mapped[str] = mapped_column(ForeignKey("entity.id"))
    membership_id: Mapped[str] = mapped_column(ForeignKey("membership.id"))
    language: Mapped[str] = mapped_column(String(2))
    text: Mapped[str]
    citations: Mapped[list[str]] = mapped_column(default=list)
    status: Mapped[str] = mapped_column(String(10), default=DRAFT)
    created_at: Mapped[datetime] = mapped_column(default=now)
    handed_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(default=1)
    answer_id: Mapped[str | None] = mapped_column(ForeignKey("answer.id", ondelete="SET NULL"), index=True)
    plan_id: Mapped[str | None] = mapped_column(ForeignKey("plan.id", ondelete="SET NULL"), index=True)
    request: Mapped[SupportRequest] = relationship()
    entity: Mapped[Entity] = relationship()
    answer: Mapped[Answer | None] = relationship()
    plan: Mapped[Plan | None] = relationship()


class Alternate(Base):
    """An agency that is asked, in order of `position` from 1, when one that was asked does not accept.

    `asked_at`: it was, and counts no more.
    """

    __tablename__ = "alternate"
    request_id: Mapped[str] = mapped_column(ForeignKey("support_request.id", ondelete="CASCADE"), primary_key=True)
    entity_id: Mapped[str] = mapped_column(ForeignKey("entity.id"), primary_key=True)
    position: Mapped[int]
    asked_at: Mapped[datetime | None]
    entity: Mapped[Entity] = relationship()
