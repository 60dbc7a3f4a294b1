"""Support requests of States, who is party to them, and what was answered."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from hub.database import Base, new_id, now
from hub.knowledge.models import Document
from hub.network.models import Entity

REQUESTING, CO_REQUESTING, COPIED, LEAD, CONTRIBUTOR, PEER, CO_LEAD = (
    "requesting",
    "co_requesting",
    "copied",
    "lead",
    "contributor",
    "peer",
    "co_lead",
)


class SupportRequest(Base):
    """What a State asks for. Private: seen by its State's team, the secretariat and the agencies it was sent to.

    `reference` (`R-2026-0042`) is what people say; `language` that of the words. An agency that has not accepted yet sees
    of these the `summary` alone, which the State wrote for that. `status` moves only
    through `lifecycle.TRANSITIONS`; a write names the `version` it saw, and a change of parties raises it too.
    `submission_key` is the sender's name for one act of writing: sent twice, it makes one request.
    """

    __tablename__ = "support_request"
    __table_args__ = (UniqueConstraint("created_by", "submission_key"),)
    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_id)
    reference: Mapped[str] = mapped_column(String(20), unique=True)
    country_id: Mapped[str] = mapped_column(ForeignKey("entity.id"), index=True)
    title: Mapped[str] = mapped_column(String(300))
    description: Mapped[str]
    summary: Mapped[str] = mapped_column(default="")
    language: Mapped[str] = mapped_column(String(2))
    status: Mapped[str] = mapped_column(String(20), default="draft", index=True)
    created_by: Mapped[str] = mapped_column(ForeignKey("membership.id"))
    submission_key: Mapped[str | None] = mapped_column(String(100))
    created_at: Mapped[datetime] = mapped_column(default=now)
    submitted_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]
    paused_at: Mapped[datetime | None]
    """Since when nobody of the State can act: every clock stands still, and no step but `resume` is possible."""
    updated_at: Mapped[datetime] = mapped_column(default=now)
    version: Mapped[int] = mapped_column(default=1)
    country: Mapped[Entity] = relationship()
    objectives: Mapped[list["RequestObjective"]] = relationship(
        cascade="all, delete-orphan", order_by="RequestObjective.number"
    )
    parties: Mapped[list["Party"]] = relationship(
        back_populates="request", cascade="all, delete-orphan", order_by="Party.since"
    )
    answers: Mapped[list["Answer"]] = relationship(
        back_populates="request", cascade="all, delete-orphan", order_by="Answer.created_at"
    )
    plans: Mapped[list["Plan"]] = relationship(
        back_populates="request", cascade="all, delete-orphan", order_by="Plan.number"
    )

    clocks: Mapped[list["Clock"]] = relationship(
        back_populates="request", cascade="all, delete-orphan", order_by="Clock.due_at"
    )

    conflicts: Mapped[list["DeclaredConflict"]] = relationship(
        back_populates="request", cascade="all, delete-orphan", order_by="DeclaredConflict.declared_at"
    )

    @property
    def proposed_plan(self) -> "Plan | None":
        """The plan that waits for the State's word."""
        return next((plan for plan in self.plans if plan.status == PROPOSED), None)


class RequestCounter(Base):
    """The last number given out in a year, raised in the transaction that uses it."""

    __tablename__ = "request_counter"
    year: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    last: Mapped[int] = mapped_column(default=0)


class RequestObjective(Base):
    __tablename__ = "request_objective"
    request_id: Mapped[str] = mapped_column(ForeignKey("support_request.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)


class Party(Base):
    """An entity's part in a request. Apart from the secretariat's, access derives from active rows here and nothing else.

    `state`: `active` for the States that ask; for agencies and peers, and for a State invited to ask too, `sent` until it
    has decided, then `accepted` or `declined`; `shared` for a peer that may read everything;
    `told` for the co-lead of a working group that knows of a delay and no more. A row with `until` set gives nothing any more.
    """

    __tablename__ = "party"
    __table_args__ = (
        Index("ix_party_entity_role", "entity_id", "role"),
        UniqueConstraint("request_id", "entity_id", "role"),
    )
    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_id)
    request_id: Mapped[str] = mapped_column(ForeignKey("support_request.id", ondelete="CASCADE"))
    entity_id: Mapped[str] = mapped_column(ForeignKey("entity.id"))
    role: Mapped[str] = mapped_column(String(20))
    state: Mapped[str] = mapped_column(String(20), default="active")
    since: Mapped[datetime] = mapped_column(default=now)
    until: Mapped[datetime | None]
    assignee_id: Mapped[str | None] = mapped_column(ForeignKey("membership.id"))
    """Who works on it, of an agency's members. Nobody, or somebody who left: all of them."""
    request: Mapped[SupportRequest] = relationship(back_populates="parties")
    entity: Mapped[Entity] = relationship()


class Answer(Base):
    """The answer to a request, by its lead. `status`: draft (its agency only, one at a time) or sent (never changed again)."""

    __tablename__ = "answer"
    __table_args__ = (
        CheckConstraint("status in ('draft', 'sent')", name="status"),
        Index(
            "ix_answer_one_draft",
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
    status: Mapped[str] = mapped_column(String(10), default="draft")
    created_at: Mapped[datetime] = mapped_column(default=now)
    sent_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(default=1)
    request: Mapped[SupportRequest] = relationship(back_populates="answers")
    entity: Mapped[Entity] = relationship()
    citations: Mapped[list["Citation"]] = relationship(cascade="all, delete-orphan", order_by="Citation.position")

    @property
    def number(self) -> int | None:
        """Counts the versions that were sent, from 1; None for a draft."""
        sent = sorted((one for one in self.request.answers if one.sent_at), key=lambda one: (one.sent_at, one.id))
        return sent.index(self) + 1 if self in sent else None


PROPOSED, AGREED, SENT_BACK, REPLACED = PLAN_STATUSES = ("proposed", "agreed", "sent_back", "replaced")


class Plan(Base):
    """What the lead wants to do, as it was proposed; a change is a new row with the next `number` (from 1).

    `status`: proposed (one at most), agreed, sent_back, or replaced by a later proposal or an answer.
    """

    __tablename__ = "plan"
    __table_args__ = (
        CheckConstraint("status in ('proposed', 'agreed', 'sent_back', 'replaced')", name="status"),
        UniqueConstraint("request_id", "number"),
    )
    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_id)
    request_id: Mapped[str] = mapped_column(ForeignKey("support_request.id", ondelete="CASCADE"))
    number: Mapped[int]
    entity_id: Mapped[str] = mapped_column(ForeignKey("entity.id"))
    membership_id: Mapped[str] = mapped_column(ForeignKey("membership.id"))
    language: Mapped[str] = mapped_column(String(2))
    text: Mapped[str]
    steps: Mapped[list[str]] = mapped_column(default=list)
    target_on: Mapped[date | None]
    status: Mapped[str] = mapped_column(String(10), default=PROPOSED)
    proposed_at: Mapped[datetime] = mapped_column(default=now)
    decided_at: Mapped[datetime | None]
    request: Mapped[SupportRequest] = relationship(back_populates="plans")
    entity: Mapped[Entity] = relationship()


class Clock(Base):
    """A stage of a request that is to end by `due_at`. Paused while the request waits for its State.

    `remind_at`, `escalate_at`: when its owner, then the secretariat, is told; `reminded_at`, `escalated_at`: that it was
    done; `co_lead_told_at`: the escalation's first step. `paused_s`: of all ended pauses together, `paused_working_s`: of
    them on working days. One clock a stage runs at a time; reopening starts new ones.
    """

    __tablename__ = "clock"
    __table_args__ = (
        Index(
            "ix_clock_one_running",
            "request_id",
            "stage",
            unique=True,
            sqlite_where=text("stopped_at is null"),
            postgresql_where=text("stopped_at is null"),
        ),
    )
    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_id)
    request_id: Mapped[str] = mapped_column(ForeignKey("support_request.id", ondelete="CASCADE"), index=True)
    stage: Mapped[str] = mapped_column(String(12))
    started_at: Mapped[datetime]
    remind_at: Mapped[datetime]
    due_at: Mapped[datetime] = mapped_column(index=True)
    escalate_at: Mapped[datetime]
    paused_at: Mapped[datetime | None]
    paused_s: Mapped[int] = mapped_column(default=0)
    paused_working_s: Mapped[int] = mapped_column(default=0, server_default="0")
    stopped_at: Mapped[datetime | None]
    reminded_at: Mapped[datetime | None]
    escalated_at: Mapped[datetime | None]
    co_lead_told_at: Mapped[datetime | None]
    request: Mapped[SupportRequest] = relationship(back_populates="clocks")

    def overdue(self, at: datetime) -> bool:
        """Did it take, or has it taken by `at`, longer than it should?"""
        return (self.stopped_at or self.paused_at or at) > self.due_at


class Citation(Base):
    """A practice or guidance record that an answer rests on."""

    __tablename__ = "citation"
    answer_id: Mapped[str] = mapped_column(ForeignKey("answer.id", ondelete="CASCADE"), primary_key=True)
    document_id: Mapped[str] = mapped_column(ForeignKey("document.id"), primary_key=True)
    position: Mapped[int] = mapped_column(default=0)
    document: Mapped[Document] = relationship()


class StepNote(Base):
    """What a person wrote to explain a step. Its audience is its event's; unlike the event it can be erased."""

    __tablename__ = "step_note"
    event_id: Mapped[str] = mapped_column(ForeignKey("event.id"), primary_key=True)
    text: Mapped[str]


OPEN, OFFER_WITHDRAWN = OFFER_STATUSES = ("open", "withdrawn")
EVERYBODY, MEMBERS = OFFER_AUDIENCES = ("public", "network")


class Offer(Base):
    """What an agency or a State can give. It expires by itself: after `until` it is there for who manages it only.

    `audience`: public, or network (whoever is signed in). `on_behalf`: the secretariat entered it for `entity_id`.
    `languages`: those in which it can be given; `language` that of the words. `places`: ISO alpha-3 codes and names of
    regions. None named of objectives, places or languages: it is not limited by them.
    """

    __tablename__ = "offer"
    __table_args__ = (
        CheckConstraint("status in ('open', 'withdrawn')", name="status"),
        CheckConstraint("audience in ('public', 'network')", name="audience"),
        UniqueConstraint("created_by", "submission_key"),
    )
    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_id)
    entity_id: Mapped[str] = mapped_column(ForeignKey("entity.id"), index=True)
    kind: Mapped[str] = mapped_column(String(20))
    title: Mapped[str] = mapped_column(String(300))
    text: Mapped[str]
    amount: Mapped[str] = mapped_column(default="")
    language: Mapped[str] = mapped_column(String(2))
    languages: Mapped[list[str]] = mapped_column(default=list)
    audience: Mapped[str] = mapped_column(String(10))
    starts_on: Mapped[date]
    until: Mapped[date]
    status: Mapped[str] = mapped_column(String(10), default=OPEN)
    on_behalf: Mapped[bool] = mapped_column(default=False)
    created_by: Mapped[str] = mapped_column(ForeignKey("membership.id"))
    submission_key: Mapped[str | None] = mapped_column(String(100))
    created_at: Mapped[datetime] = mapped_column(default=now)
    updated_at: Mapped[datetime] = mapped_column(default=now)
    version: Mapped[int] = mapped_column(default=1)
    entity: Mapped[Entity] = relationship()
    objectives: Mapped[list["OfferObjective"]] = relationship(
        cascade="all, delete-orphan", order_by="OfferObjective.number"
    )
    places: Mapped[list["OfferPlace"]] = relationship(cascade="all, delete-orphan", order_by="OfferPlace.code")


class OfferObjective(Base):
    __tablename__ = "offer_objective"
    offer_id: Mapped[str] = mapped_column(ForeignKey("offer.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)


class OfferPlace(Base):
    """`code`: an ISO alpha-3 code, or the English name of a region."""

    __tablename__ = "offer_place"
    offer_id: Mapped[str] = mapped_column(ForeignKey("offer.id", ondelete="CASCADE"), primary_key=True)
    code: Mapped[str] = mapped_column(String(60), primary_key=True)


class OfferVersion(Base):
    """An offer as it was from version `version` on, never changed afterwards. `data`: the fields of its form."""

    __tablename__ = "offer_version"
    offer_id: Mapped[str] = mapped_column(ForeignKey("offer.id", ondelete="CASCADE"), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    data: Mapped[dict[str, Any]]
    membership_id: Mapped[str] = mapped_column(ForeignKey("membership.id"))
    at: Mapped[datetime] = mapped_column(default=now)


class WantedOffer(Base):
    """A requesting State wants an offer for its request. It gives nobody access: the secretariat asks the giver by the

    request's own steps, after which a `Party` row says so. `dropped_at`: the State or the secretariat let it be.
    """

    __tablename__ = "wanted_offer"
    request_id: Mapped[str] = mapped_column(ForeignKey("support_request.id", ondelete="CASCADE"), primary_key=True)
    offer_id: Mapped[str] = mapped_column(ForeignKey("offer.id"), primary_key=True, index=True)
    membership_id: Mapped[str] = mapped_column(ForeignKey("membership.id"))
    at: Mapped[datetime] = mapped_column(default=now)
    dropped_at: Mapped[datetime | None]
    offer: Mapped[Offer] = relationship()


FACTS, TEXT, ANSWER = CONSENT_GROUPS = ("facts", "text", "answer")


class RegisterEntry(Base):
    """The public name of a request that has, or had, something in the register: no id or reference of the request itself."""

    __tablename__ = "register_entry"
    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_id)
    request_id: Mapped[str] = mapped_column(ForeignKey("support_request.id", ondelete="CASCADE"), unique=True)


class Consent(Base):
    """A State's agreement that a group of fields is public, from `given_at` until `withdrawn_at`.

    `subject`: the request's id for facts and text, the release's for an answer. `seal`: a digest of the words that were
    agreed to, so that consent never covers other words; empty for facts, which go on.
    """

    __tablename__ = "consent"
    __table_args__ = (
        Index(
            "ix_consent_one_standing",
            "subject",
            "group",
            "entity_id",
            unique=True,
            sqlite_where=text("withdrawn_at is null"),
            postgresql_where=text("withdrawn_at is null"),
        ),
    )
    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_id)
    request_id: Mapped[str] = mapped_column(ForeignKey("support_request.id", ondelete="CASCADE"), index=True)
    group: Mapped[str] = mapped_column(String(10))
    subject: Mapped[str] = mapped_column(String(36))
    entity_id: Mapped[str] = mapped_column(ForeignKey("entity.id"))
    seal: Mapped[str] = mapped_column(String(64), default="")
    given_by: Mapped[str] = mapped_column(ForeignKey("membership.id"))
    given_at: Mapped[datetime] = mapped_column(default=now)
    withdrawn_by: Mapped[str | None] = mapped_column(ForeignKey("membership.id"))
    withdrawn_at: Mapped[datetime | None]


class Release(Base):
    """An answer in the words that the requesting State would publish. The answer itself never changes."""

    __tablename__ = "release"
    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_id)
    request_id: Mapped[str] = mapped_column(ForeignKey("support_request.id", ondelete="CASCADE"), index=True)
    answer_id: Mapped[str] = mapped_column(ForeignKey("answer.id", ondelete="CASCADE"), unique=True)
    text: Mapped[str]
    language: Mapped[str] = mapped_column(String(2))
    membership_id: Mapped[str] = mapped_column(ForeignKey("membership.id"))
    updated_at: Mapped[datetime] = mapped_column(default=now)
    version: Mapped[int] = mapped_column(default=1)
    answer: Mapped[Answer] = relationship()


class Rating(Base):
    """What a requesting State says of an answer; saying it again adds a row, and the last one counts.

    `score`: 1 to 5. `used`: yes, partly, not, or None while it is too early to say.
    """

    __tablename__ = "rating"
    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_id)
    request_id: Mapped[str] = mapped_column(ForeignKey("support_request.id", ondelete="CASCADE"), index=True)
    answer_id: Mapped[str] = mapped_column(ForeignKey("answer.id", ondelete="CASCADE"), index=True)
    entity_id: Mapped[str] = mapped_column(ForeignKey("entity.id"))
    membership_id: Mapped[str] = mapped_column(ForeignKey("membership.id"))
    score: Mapped[int | None]
    word: Mapped[str] = mapped_column(default="")
    used: Mapped[str | None] = mapped_column(String(10))
    at: Mapped[datetime] = mapped_column(default=now)


class Snapshot(Base):
    """Public figures of the requests of one quarter (`2026Q3`), as they stood on `as_of`. Made once, never changed."""

    __tablename__ = "snapshot"
    quarter: Mapped[str] = mapped_column(String(6), primary_key=True)
    as_of: Mapped[date]
    made_at: Mapped[datetime] = mapped_column(default=now)
    figures: Mapped[dict[str, Any]]


class DeclaredConflict(Base):
    """A conflict of interest that somebody declared in a request. It survives every later step, unless it is `lifted`.

    `person_id`: the expert who must not see the request, whose colleagues may; None: the whole `entity_id`. `reason`: one of
    `hub.support.conflicts.REASONS`.
    """

    __tablename__ = "declared_conflict"
    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_id)
    request_id: Mapped[str] = mapped_column(ForeignKey("support_request.id", ondelete="CASCADE"), index=True)
    entity_id: Mapped[str] = mapped_column(ForeignKey("entity.id"))
    person_id: Mapped[str | None] = mapped_column(ForeignKey("person.id"))
    reason: Mapped[str] = mapped_column(String(30))
    declared_by: Mapped[str] = mapped_column(ForeignKey("membership.id"))
    declared_at: Mapped[datetime] = mapped_column(default=now)
    lifted_at: Mapped[datetime | None]
    request: Mapped[SupportRequest] = relationship(back_populates="conflicts")
    entity: Mapped[Entity] = relationship()


class RequestVectors(Base):
    """The words of a request as `hub.matching` compares them: float32 rows of L2 norm 1, one after the other.

    `digest`: of those words. Private like them: deleted with the request, in no cache that others read.
    """

    __tablename__ = "request_vectors"
    request_id: Mapped[str] = mapped_column(ForeignKey("support_request.id", ondelete="CASCADE"), primary_key=True)
    model: Mapped[str] = mapped_column(String(120))
    digest: Mapped[str] = mapped_column(String(64))
    values: Mapped[bytes]


class AnswerVector(Base):
    """The words of a sent answer, for the secretariat's view and assignment: one float32 row of L2 norm 1.

    Private like them: deleted with the answer, in no cache that others read.
    """

    __tablename__ = "answer_vector"
    answer_id: Mapped[str] = mapped_column(ForeignKey("answer.id", ondelete="CASCADE"), primary_key=True)
    model: Mapped[str] = mapped_column(String(120))
    values: Mapped[bytes]
