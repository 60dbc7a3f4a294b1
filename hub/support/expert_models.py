"""What experts say of themselves, which ties stand in their way, and who is to be asked for which request."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from hub.accounts.models import Membership
from hub.database import Base, new_id, now
from hub.network.models import Entity
from hub.support.models import SupportRequest


class ExpertProfile(Base):
    """What an expert takes on. One without a row counts as `hub.support.experts.Expert` says.

    `capacity`: requests at a time; `minimum_load`: as many they should have. `languages`: codes, never empty. `objectives`
    empty: whatever the agency does; `regions` (M49 names and ISO alpha-3 codes) empty: anywhere. `own_states`: of which they
    are nationals, or for which they worked: these are not theirs to help. `coordinator`: sets the profiles of the agency's other experts too.
    """

    __tablename__ = "expert_profile"
    membership_id: Mapped[str] = mapped_column(ForeignKey("membership.id"), primary_key=True)
    capacity: Mapped[int]
    minimum_load: Mapped[int] = mapped_column(default=0)
    languages: Mapped[list[str]]
    objectives: Mapped[list[int]] = mapped_column(JSON, default=list)
    regions: Mapped[list[str]] = mapped_column(default=list)
    own_states: Mapped[list[str]] = mapped_column(default=list)
    coordinator: Mapped[bool] = mapped_column(default=False)
    note: Mapped[str] = mapped_column(default="")
    updated_at: Mapped[datetime] = mapped_column(default=now)
    version: Mapped[int] = mapped_column(default=1)
    membership: Mapped[Membership] = relationship()
    absences: Mapped[list["Absence"]] = relationship(cascade="all, delete-orphan", order_by="Absence.from_on")


class Absence(Base):
    """Days, both included, on which an expert is given nothing new."""

    __tablename__ = "expert_absence"
    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_id)
    membership_id: Mapped[str] = mapped_column(ForeignKey("expert_profile.membership_id"), index=True)
    from_on: Mapped[date]
    until_on: Mapped[date]


class ProgrammeTie(Base):
    """An agency works in the same programme as a State, so it is not asked to advise it. `source`: where that is written."""

    __tablename__ = "programme_tie"
    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_id)
    entity_id: Mapped[str] = mapped_column(ForeignKey("entity.id"), index=True)
    country_id: Mapped[str] = mapped_column(ForeignKey("entity.id"), index=True)
    programme: Mapped[str] = mapped_column(String(200))
    source: Mapped[str] = mapped_column(String(500))
    recorded_by: Mapped[str] = mapped_column(ForeignKey("membership.id"))
    recorded_at: Mapped[datetime] = mapped_column(default=now)
    ended_at: Mapped[datetime | None]
    entity: Mapped[Entity] = relationship(foreign_keys=[entity_id])
    country: Mapped[Entity] = relationship(foreign_keys=[country_id])


WAITING, READY, FAILED, APPLIED, UNDONE = RUN_STATUSES = ("waiting", "ready", "failed", "applied", "undone")


class AssignmentRun(Base):
    """One solution for all open requests: a dry run until it is applied.

    `unlocked`: ids of requests that may give up what they keep otherwise. `seen`: what it was computed from
    (`board`; versions by id of `requests` and `experts`). `done` of `total` requests are matched. `result`: ids, numbers and codes,
    as `hub.schemas.assignment.AssignmentResultSchema` says. `before`: the unsent proposals of its requests when it was applied.
    """

    __tablename__ = "assignment_run"
    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_id)
    status: Mapped[str] = mapped_column(String(10), default=WAITING)
    made_by: Mapped[str | None] = mapped_column(ForeignKey("membership.id"))
    made_at: Mapped[datetime] = mapped_column(default=now)
    change_cost: Mapped[float]
    unlocked: Mapped[list[str]] = mapped_column(default=list)
    seen: Mapped[dict[str, Any]] = mapped_column(default=dict)
    done: Mapped[int] = mapped_column(default=0)
    total: Mapped[int] = mapped_column(default=0)
    result: Mapped[dict[str, Any]] = mapped_column(default=dict)
    before: Mapped[list[dict[str, Any]]] = mapped_column(default=list)
    applied_at: Mapped[datetime | None]
    undone_at: Mapped[datetime | None]


class AssignmentProposal(Base):
    """Who is to be asked next to lead a request. It gives nobody access: sending does. One unsent one a request.

    `alternates`: ids of memberships to ask after a refusal, best first. `locked`: later runs leave it. `replaces`: the lead that gives way
    when this is sent. `sent_at`: it was; the row then says which expert the agency was asked for.
    """

    __tablename__ = "assignment_proposal"
    __table_args__ = (
        Index(
            "ix_assignment_proposal_one_unsent",
            "request_id",
            unique=True,
            sqlite_where=text("sent_at is null"),
            postgresql_where=text("sent_at is null"),
        ),
    )
    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_id)
    request_id: Mapped[str] = mapped_column(ForeignKey("support_request.id", ondelete="CASCADE"), index=True)
    membership_id: Mapped[str] = mapped_column(ForeignKey("membership.id"))
    entity_id: Mapped[str] = mapped_column(ForeignKey("entity.id"))
    affinity: Mapped[float | None]
    alternates: Mapped[list[str]] = mapped_column(default=list)
    replaces: Mapped[str | None] = mapped_column(ForeignKey("entity.id"))
    locked: Mapped[bool] = mapped_column(default=False)
    run_id: Mapped[str] = mapped_column(ForeignKey("assignment_run.id"))
    made_at: Mapped[datetime] = mapped_column(default=now)
    sent_at: Mapped[datetime | None]
    request: Mapped[SupportRequest] = relationship()
    membership: Mapped[Membership] = relationship()
    entity: Mapped[Entity] = relationship(foreign_keys=[entity_id])


class AssignmentBoard(Base):
    """The proposals as a whole: a write raises `version`, so that two people never write over each other. One row.

    `run_id`: the run that was applied last and can be undone.
    """

    __tablename__ = "assignment_board"
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    version: Mapped[int] = mapped_column(default=1)
    run_id: Mapped[str | None] = mapped_column(ForeignKey("assignment_run.id"))
