"""Practices and guidance: what the knowledge platform holds."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from hub.database import Base, new_id, now

PRACTICE = "practice"
LONGEST_SEARCH = 200
"""Characters of a search that is kept; what is longer is somebody's own text rather than a question."""


def whole_body(*parts: str | None) -> str:
    """Everything of a record that is indexed and read besides the title: summary, benefits, lessons, replicability."""
    return "\n".join(part for part in parts if part)


class Document(Base):
    """One language version of a practice or a guidance record. Versions of one work share `work_id`.

    `slug` is the permanent alias by which people and other systems name it. An imported record is known by
    (`source`, `source_id`); `content_hash` is that of the imported line. `edited_at` is set once a person changed it
    here: from then on an import waits as a `Proposal`. `origin`: author, translation or machine.
    `status`: published or withdrawn. `facts` holds what only one kind has (see `corpus/README.md`).
    """

    __tablename__ = "document"
    __table_args__ = (
        UniqueConstraint("source", "source_id"),
        Index("ix_document_status_kind", "status", "kind", "version"),
    )
    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_id)
    work_id: Mapped[str] = mapped_column(String(36), index=True, default=new_id)
    slug: Mapped[str] = mapped_column(String(200), unique=True)
    source: Mapped[str] = mapped_column(String(60))
    source_id: Mapped[str] = mapped_column(String(200))
    content_hash: Mapped[str] = mapped_column(String(64))
    kind: Mapped[str] = mapped_column(String(30))
    language: Mapped[str] = mapped_column(String(2))
    origin: Mapped[str] = mapped_column(String(20), default="author")
    title: Mapped[str] = mapped_column(String(500))
    summary: Mapped[str]
    benefits: Mapped[str | None]
    lessons: Mapped[str | None]
    replicability: Mapped[str | None]
    year: Mapped[int | None]
    """Year of publication of guidance; first year of a practice."""
    regions: Mapped[list[str]] = mapped_column(default=list)
    principles: Mapped[list[str]] = mapped_column(default=list)
    implementers: Mapped[list[dict[str, Any]]] = mapped_column(default=list)
    """`[{"name", "type"}]`"""
    partners: Mapped[list[str]] = mapped_column(default=list)
    publishers: Mapped[list[str]] = mapped_column(default=list)
    facts: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """`title_basis`, `gcm_objectives_basis`, `sdg_targets`, `start_year`, `end_year`, `status` (of the practice)."""
    source_url: Mapped[str | None]
    source_title: Mapped[str | None]
    source_publisher: Mapped[str | None]
    retrieved_from: Mapped[str | None]
    status: Mapped[str] = mapped_column(String(20), default="published")
    created_at: Mapped[datetime] = mapped_column(default=now)
    updated_at: Mapped[datetime] = mapped_column(default=now)
    edited_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(default=1)
    countries: Mapped[list["DocumentCountry"]] = relationship(
        cascade="all, delete-orphan", order_by="DocumentCountry.position"
    )
    objectives: Mapped[list["DocumentObjective"]] = relationship(
        cascade="all, delete-orphan", order_by="DocumentObjective.number"
    )
    entities: Mapped[list["DocumentEntity"]] = relationship(
        cascade="all, delete-orphan", order_by="DocumentEntity.entity_id"
    )

    @property
    def body(self) -> str:
        return whole_body(self.summary, self.benefits, self.lessons, self.replicability)


class DocumentCountry(Base):
    __tablename__ = "document_country"
    document_id: Mapped[str] = mapped_column(ForeignKey("document.id", ondelete="CASCADE"), primary_key=True)
    country: Mapped[str] = mapped_column(ForeignKey("entity.id"), primary_key=True, index=True)
    position: Mapped[int] = mapped_column(default=0)


class DocumentObjective(Base):
    __tablename__ = "document_objective"
    document_id: Mapped[str] = mapped_column(ForeignKey("document.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, index=True)


class DocumentEntity(Base):
    """An agency recognised among a record's implementers, partners or publishers, by name or acronym."""

    __tablename__ = "document_entity"
    document_id: Mapped[str] = mapped_column(ForeignKey("document.id", ondelete="CASCADE"), primary_key=True)
    entity_id: Mapped[str] = mapped_column(ForeignKey("entity.id"), primary_key=True, index=True)
    role: Mapped[str] = mapped_column(String(20), primary_key=True)


class DocumentVersion(Base):
    """What was published as a version, never changed afterwards. `data` is the record as `corpus/README.md` lists it."""

    __tablename__ = "document_version"
    document_id: Mapped[str] = mapped_column(ForeignKey("document.id", ondelete="CASCADE"), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    data: Mapped[dict[str, Any]]
    published_at: Mapped[datetime] = mapped_column(default=now)
    person_id: Mapped[str | None] = mapped_column(ForeignKey("person.id"))


class Proposal(Base):
    """An incoming change to a record that a person has edited: it waits for a decision (open, accepted, rejected)."""

    __tablename__ = "proposal"
    __table_args__ = (UniqueConstraint("document_id", "content_hash"),)
    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_id)
    document_id: Mapped[str] = mapped_column(ForeignKey("document.id", ondelete="CASCADE"), index=True)
    content_hash: Mapped[str] = mapped_column(String(64))
    data: Mapped[dict[str, Any]]
    status: Mapped[str] = mapped_column(String(20), default="open")
    created_at: Mapped[datetime] = mapped_column(default=now)


class CachedVector(Base):
    """The vector of a published text: never encoded twice. `content_hash`: SHA-256 of what was encoded.

    `values`: little-endian float32. Private texts never come here.
    """

    __tablename__ = "cached_vector"
    model: Mapped[str] = mapped_column(String(120), primary_key=True)
    content_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    values: Mapped[bytes] = mapped_column(LargeBinary)


class SearchLog(Base):
    """A visitor's search, of the sample that `hub.knowledge.search_log` keeps. Nothing tells who, or when beyond the day.

    `id` is random: ids in order of time would bring the rows into the order of the access log. `language`: detected or
    given. `weak`: nothing that was found seems to answer. `clicked_rank`: of the first hit opened, from 1.
    """

    __tablename__ = "search_log"
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    day: Mapped[date] = mapped_column(index=True)
    text: Mapped[str] = mapped_column(String(LONGEST_SEARCH))
    language: Mapped[str | None] = mapped_column(String(2))
    mode: Mapped[str] = mapped_column(String(10))
    total: Mapped[int]
    weak: Mapped[bool]
    clicked_rank: Mapped[int | None]
