"""Persons, what they may act as, and how they prove who they are."""

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from hub.database import Base, new_id, now
from hub.network.models import Entity

FOCAL_POINT, EXPERT, SECRETARIAT, ADMINISTRATOR = "focal_point", "expert", "secretariat", "administrator"
ROLES = (FOCAL_POINT, EXPERT, SECRETARIAT, ADMINISTRATOR)

EACH, DAILY, NO_MAIL = MAIL = ("each", "daily", "none")
"""How somebody wants notices by mail: one by one, once a day together, or not at all."""


@dataclass(frozen=True, slots=True)
class Behalf:
    """On what the secretariat acts for another entity: `source` (`hub.support.behalf.SOURCES`), its day, the file of it."""

    source: str
    dated: date
    letter: str | None = None


class Person(Base):
    """`name` is shown to others: the name of an office where no person's name is needed. `email` is lower case.

    `mail`: one of `MAIL`. `session_key` is part of every session cookie: a new one ends all sessions of the person.
    """

    __tablename__ = "person"
    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_id)
    email: Mapped[str] = mapped_column(String(254), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    language: Mapped[str] = mapped_column(String(2), default="en")
    mail: Mapped[str] = mapped_column(String(10), default=EACH)
    password_hash: Mapped[str | None] = mapped_column(String(200))
    session_key: Mapped[str] = mapped_column(String(36), default=new_id)
    is_demo: Mapped[bool] = mapped_column(default=False)
    disabled_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=now)
    version: Mapped[int] = mapped_column(default=1)
    memberships: Mapped[list["Membership"]] = relationship(back_populates="person", foreign_keys="Membership.person_id")


class Membership(Base):
    """A person acting for an entity in a role, from `since` until `until`. Ended ones stay: history keeps the office.

    A focal point acts only once `confirmed_at` is set: by the secretariat for a State's first, else by the inviter.
    Secretariat and administrator belong to the entity `secretariat`.
    """

    __tablename__ = "membership"
    __table_args__ = (Index("ix_membership_entity_role", "entity_id", "role"),)
    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_id)
    person_id: Mapped[str] = mapped_column(ForeignKey("person.id"), index=True)
    entity_id: Mapped[str] = mapped_column(ForeignKey("entity.id"))
    role: Mapped[str] = mapped_column(String(20))
    since: Mapped[datetime] = mapped_column(default=now)
    until: Mapped[datetime | None]
    confirmed_at: Mapped[datetime | None]
    confirmed_by: Mapped[str | None] = mapped_column(ForeignKey("person.id"))
    person: Mapped[Person] = relationship(back_populates="memberships", foreign_keys=[person_id])
    entity: Mapped[Entity] = relationship()

    @property
    def active(self) -> bool:
        return self.until is None and self.confirmed_at is not None

    @property
    def behalf(self) -> Behalf | None:
        """Of a view of the secretariat's membership that acts for another entity (`hub.support.behalf`); None: its own."""
        return self.__dict__.get("_behalf")


class SignInLink(Base):
    """A single-use link to set a password: `invite` or `reset`. Only the hash of its token is kept."""

    __tablename__ = "sign_in_link"
    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_id)
    person_id: Mapped[str] = mapped_column(ForeignKey("person.id"), index=True)
    purpose: Mapped[str] = mapped_column(String(10))
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[datetime] = mapped_column(default=now)
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    person: Mapped[Person] = relationship()


class ApiToken(Base):
    """Lets a script act in one membership. Only the hash is kept; `hint` is its last four characters."""

    __tablename__ = "api_token"
    __table_args__ = (UniqueConstraint("membership_id", "name"),)
    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_id)
    membership_id: Mapped[str] = mapped_column(ForeignKey("membership.id"), index=True)
    name: Mapped[str] = mapped_column(String(100))
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    hint: Mapped[str] = mapped_column(String(4))
    created_at: Mapped[datetime] = mapped_column(default=now)
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    membership: Mapped[Membership] = relationship()


class CalendarFeed(Base):
    """The secret address at which a person's calendar program reads deadlines. Only the hash of its token is kept.

    One a person that is not revoked; a new one revokes the one before.
    """

    __tablename__ = "calendar_feed"
    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_id)
    person_id: Mapped[str] = mapped_column(ForeignKey("person.id"), index=True)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[datetime] = mapped_column(default=now)
    revoked_at: Mapped[datetime | None]
    person: Mapped[Person] = relationship()
