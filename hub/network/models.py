"""Whatever can help, be asked, be matched or own something, and the vocabulary of the Compact."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from hub.database import Base, new_id, now

AGENCY, STATE, WORKING_GROUP, OFFICE = "agency", "state", "working_group", "office"
AREA = "area"
"""A country or area of ISO 3166-1 that is no State (Hong Kong): records name it; it cannot ask or be a peer."""


class Entity(Base):
    """`id` is the code of the vocabulary: `iom`, `GHA`, `cwg-1-2`; `secretariat` for the secretariat's office.

    `name` is the English one; others stand in `Label`. What is special to a kind stands in the table beside it.
    """

    __tablename__ = "entity"
    id: Mapped[str] = mapped_column(String(60), primary_key=True)
    kind: Mapped[str] = mapped_column(String(20), index=True)
    name: Mapped[str] = mapped_column(String(300))
    content_hash: Mapped[str] = mapped_column(String(64), default="")
    version: Mapped[int] = mapped_column(default=1)
    agency: Mapped["Agency | None"] = relationship(back_populates="entity", cascade="all, delete-orphan")
    state: Mapped["MemberState | None"] = relationship(back_populates="entity", cascade="all, delete-orphan")
    group: Mapped["WorkingGroup | None"] = relationship(back_populates="entity", cascade="all, delete-orphan")
    objectives: Mapped[list["EntityObjective"]] = relationship(
        back_populates="entity", cascade="all, delete-orphan", order_by="EntityObjective.number"
    )


class Agency(Base):
    """`membership_status` says how well Network membership is verified; `unverified` must be shown as such."""

    __tablename__ = "agency"
    entity_id: Mapped[str] = mapped_column(ForeignKey("entity.id"), primary_key=True)
    acronym: Mapped[str] = mapped_column(String(30), unique=True)
    url: Mapped[str | None]
    mandate: Mapped[str] = mapped_column(default="")
    executive_committee: Mapped[bool] = mapped_column(default=False)
    coordinator: Mapped[bool] = mapped_column(default=False)
    membership_status: Mapped[str] = mapped_column(String(40), default="unverified")
    languages: Mapped[list[str]] = mapped_column(default=list, server_default="[]")
    presence: Mapped[list[str]] = mapped_column(default=list, server_default="[]")
    """Languages in which it can help, and where it works (ISO alpha-3, M49 names), as it said and the secretariat confirmed."""
    entity: Mapped[Entity] = relationship(back_populates="agency")

    @property
    def verified(self) -> bool:
        return self.membership_status.startswith("confirmed")


class MemberState(Base):
    """Regions are M49 names from the smallest up: `regions[0]` is the intermediate region or subregion.

    `un_status`: member, observer, or none (Cook Islands, Niue, which are peers all the same).
    """

    __tablename__ = "member_state"
    entity_id: Mapped[str] = mapped_column(ForeignKey("entity.id"), primary_key=True)
    iso2: Mapped[str] = mapped_column(String(2), unique=True)
    m49: Mapped[str] = mapped_column(String(3))
    un_status: Mapped[str] = mapped_column(String(20))
    regions: Mapped[list[str]]
    subregion: Mapped[str] = mapped_column(String(60))
    commissions: Mapped[list[str]]
    home_commissions: Mapped[list[str]]
    champion: Mapped[dict[str, Any] | None]
    """Champion record (`champion_by`, `confidence`, `evidence`, `source_urls`); None if the State is not listed."""
    entity: Mapped[Entity] = relationship(back_populates="state")


class WorkingGroup(Base):
    """Co-leads may stand outside the UN, so they are names; those that are entities are also in `co_lead_ids`."""

    __tablename__ = "working_group"
    entity_id: Mapped[str] = mapped_column(ForeignKey("entity.id"), primary_key=True)
    type: Mapped[str] = mapped_column(String(40))
    number: Mapped[str | None] = mapped_column(String(40))
    workplan: Mapped[str | None] = mapped_column(String(20))
    focus: Mapped[str] = mapped_column(default="")
    co_leads: Mapped[list[str]] = mapped_column(default=list)
    co_lead_ids: Mapped[list[str]] = mapped_column(default=list)
    members: Mapped[list[str]] = mapped_column(default=list)
    member_ids: Mapped[list[str]] = mapped_column(default=list)
    co_leads_verified: Mapped[bool] = mapped_column(default=False)
    source_url: Mapped[str | None]
    entity: Mapped[Entity] = relationship(back_populates="group")


MANDATE = "mandate"


class EntityObjective(Base):
    """What an entity is good at. `strength`: primary or secondary; `basis`: mandate or working-group."""

    __tablename__ = "entity_objective"
    entity_id: Mapped[str] = mapped_column(ForeignKey("entity.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    basis: Mapped[str] = mapped_column(String(20), primary_key=True)
    strength: Mapped[str] = mapped_column(String(10))
    entity: Mapped[Entity] = relationship(back_populates="objectives")


PROPOSED, CONFIRMED, REFUSED, REPLACED = CORRECTION_STATUSES = ("proposed", "confirmed", "refused", "replaced")


class Correction(Base):
    """What an agency says is wrong in its record, or in a reason of a match. Nothing changes until the secretariat confirms.

    `field`: one of `hub.knowledge.corrections.FIELDS`; `before`, `after`: `{"value": …}` in its form. `reason`: id of the
    reason of a match that is contested. A confirmed field is no longer overwritten from the vocabulary files. Undone by
    another correction. `because` and `note` are words of people and can be erased.
    """

    __tablename__ = "correction"
    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_id)
    entity_id: Mapped[str] = mapped_column(ForeignKey("entity.id"), index=True)
    field: Mapped[str] = mapped_column(String(20))
    before: Mapped[dict[str, Any]]
    after: Mapped[dict[str, Any]]
    reason: Mapped[str | None] = mapped_column(String(300))
    because: Mapped[str] = mapped_column(default="")
    status: Mapped[str] = mapped_column(String(10), default=PROPOSED, index=True)
    proposed_by: Mapped[str] = mapped_column(ForeignKey("membership.id"))
    proposed_at: Mapped[datetime] = mapped_column(default=now)
    decided_by: Mapped[str | None] = mapped_column(ForeignKey("membership.id"))
    decided_at: Mapped[datetime | None]
    note: Mapped[str] = mapped_column(default="")
    entity: Mapped[Entity] = relationship()


class Term(Base):
    """A term of a vocabulary that is no entity. `scheme`: objective, principle, region, kind, implementer, status, fund_area;

    area (`iso2`, `m49` and `regions` of an `AREA`), agency (`aliases` by which records name it), meta. Of the situation of
    States, each with `verified`: corridor (`origin`, `destination`), route (`transit`, `arrival`), role, size, language (`states`).
    `id` is `scheme:code`, `code` what facets and filters carry (`6`, `child-sensitive`, `Western Africa`).
    """

    __tablename__ = "term"
    id: Mapped[str] = mapped_column(String(100), primary_key=True)
    scheme: Mapped[str] = mapped_column(String(20), index=True)
    code: Mapped[str] = mapped_column(String(80))
    position: Mapped[int] = mapped_column(default=0)
    data: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """Objective: description, keywords, paragraph, fund area. Region: `parent` code. Empty otherwise."""


class Label(Base):
    """The name of a term or entity in a language. `id`: `Term.id`, or `entity:CODE`. `origin`: source, or ours."""

    __tablename__ = "label"
    id: Mapped[str] = mapped_column(String(100), primary_key=True)
    language: Mapped[str] = mapped_column(String(2), primary_key=True)
    text: Mapped[str] = mapped_column(String(300))
    origin: Mapped[str] = mapped_column(String(20), default="source")
