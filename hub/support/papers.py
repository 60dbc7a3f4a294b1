"""What comes with a request: files, questions asked by link, translations. Tables only."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from hub.database import Base, new_id, now
from hub.network.models import Entity

REQUEST, PLAN, ANSWER, SOURCE = SUBJECTS = ("request", "plan", "answer", "source")
"""What a paper belongs to. `source`: the letter or note on which the secretariat acted for somebody."""


class Attachment(Base):
    """A file that came with a request. Its bytes lie outside the database under `sha256` (`hub.support.filestore`).

    Who reads what it belongs to reads it: the details of the request, or one plan or answer (`subject_id`). A `source` is
    for the secretariat and for `entity_id`, in whose name it was used. `entity_id` is whose file it is, `membership_id` who
    added it. An erased one keeps neither name nor hash.
    """

    __tablename__ = "attachment"
    __table_args__ = (
        CheckConstraint("subject_kind in ('request', 'plan', 'answer', 'source')", name="subject_kind"),
        CheckConstraint("(erased_at is null) = (sha256 is not null)", name="erased"),
    )
    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_id)
    request_id: Mapped[str] = mapped_column(ForeignKey("support_request.id", ondelete="CASCADE"), index=True)
    subject_kind: Mapped[str] = mapped_column(String(10), default=REQUEST)
    subject_id: Mapped[str | None] = mapped_column(String(36))
    entity_id: Mapped[str] = mapped_column(ForeignKey("entity.id"))
    membership_id: Mapped[str] = mapped_column(ForeignKey("membership.id"))
    name: Mapped[str] = mapped_column(String(200))
    media_type: Mapped[str] = mapped_column(String(100))
    size: Mapped[int]
    sha256: Mapped[str | None] = mapped_column(String(64), index=True)
    added_at: Mapped[datetime] = mapped_column(default=now)
    erased_at: Mapped[datetime | None]
    entity: Mapped[Entity] = relationship()


YES_NO, WORDS = LINK_KINDS = ("yes_no", "words")


class AnswerLink(Base):
    """One question of the secretariat to an entity without an account, answered once by whoever holds the link.

    Only the hash of its token is kept. `address`: where it is to be mailed, gone once it was. `choice`: of `yes_no`.
    `erased_at`: question and answer were emptied.
    """

    __tablename__ = "answer_link"
    __table_args__ = (CheckConstraint("kind in ('yes_no', 'words')", name="kind"),)
    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_id)
    request_id: Mapped[str] = mapped_column(ForeignKey("support_request.id", ondelete="CASCADE"), index=True)
    entity_id: Mapped[str] = mapped_column(ForeignKey("entity.id"))
    membership_id: Mapped[str] = mapped_column(ForeignKey("membership.id"))
    kind: Mapped[str] = mapped_column(String(10))
    question: Mapped[str]
    language: Mapped[str] = mapped_column(String(2))
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    address: Mapped[str | None] = mapped_column(String(254))
    created_at: Mapped[datetime] = mapped_column(default=now)
    expires_at: Mapped[datetime]
    mailed_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    used_at: Mapped[datetime | None]
    erased_at: Mapped[datetime | None]
    choice: Mapped[bool | None]
    answer: Mapped[str] = mapped_column(default="")
    entity: Mapped[Entity] = relationship()


HUMAN, MACHINE = ORIGINS = ("human", "machine")


class Translation(Base):
    """The words of a request, a plan or an answer in another language. Never binding: the author's words are.

    `texts`: field -> words (`hub.support.translations.FIELDS`). `seal`: a digest of the original's words; when those change
    the translation is outdated. `origin`: who translated, a human or a machine.
    """

    __tablename__ = "translation"
    __table_args__ = (
        CheckConstraint("subject_kind in ('request', 'plan', 'answer')", name="subject_kind"),
        CheckConstraint("origin in ('human', 'machine')", name="origin"),
        UniqueConstraint("subject_id", "language"),
        Index("ix_translation_request", "request_id"),
    )
    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_id)
    request_id: Mapped[str] = mapped_column(ForeignKey("support_request.id", ondelete="CASCADE"))
    subject_kind: Mapped[str] = mapped_column(String(10))
    subject_id: Mapped[str] = mapped_column(String(36))
    language: Mapped[str] = mapped_column(String(2))
    texts: Mapped[dict[str, Any]]
    origin: Mapped[str] = mapped_column(String(10))
    seal: Mapped[str] = mapped_column(String(64))
    membership_id: Mapped[str] = mapped_column(ForeignKey("membership.id"))
    entity_id: Mapped[str] = mapped_column(ForeignKey("entity.id"))
    updated_at: Mapped[datetime] = mapped_column(default=now)
    version: Mapped[int] = mapped_column(default=1)
    entity: Mapped[Entity] = relationship()
