"""Deadlines for a person's calendar: a secret address, and the running clocks that its person may read when it is asked."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session, joinedload

from hub import events
from hub.accounts import credentials, policy
from hub.accounts.models import CalendarFeed, Membership, Person
from hub.database import now
from hub.errors import NotFound
from hub.support.models import Clock, SupportRequest

MOST = 1_000
"""Deadlines in a feed, the next ones first."""


@dataclass(frozen=True, slots=True)
class Deadline:
    """One running clock. `due_at` is the end of a day in UTC. Nothing here is private text."""

    clock_id: str
    request_id: str
    reference: str
    stage: str
    started_at: datetime
    due_at: datetime


def create(session: Session, membership: Membership) -> str:
    """The token of a new address, shown this once; the person's former address works no longer."""
    _end(session, membership.person_id)
    plain = credentials.new_token()
    feed = CalendarFeed(person_id=membership.person_id, token_hash=credentials.hash_token(plain))
    session.add(feed)
    session.flush()
    _record(session, membership, "calendar_created", feed.id)
    session.commit()
    return plain


def revoke(session: Session, membership: Membership) -> None:
    """The person's address works no longer. `NotFound` if there is none."""
    ended = _end(session, membership.person_id)
    if ended is None:
        session.rollback()
        raise NotFound
    _record(session, membership, "calendar_revoked", ended)
    session.commit()


def current(session: Session, membership: Membership) -> CalendarFeed | None:
    """The person's address, of which only the age is known."""
    return session.scalar(
        select(CalendarFeed).where(CalendarFeed.person_id == membership.person_id, CalendarFeed.revoked_at.is_(None))
    )


def read(session: Session, plain: str, *, demo_allowed: bool) -> tuple[Person, list[Deadline]]:
    """Whose address it is, and the deadlines that this person may read now, in any membership, the next first.

    `NotFound` for an address that never was, was revoked, or whose person may not sign in.
    """
    feed = session.scalar(
        select(CalendarFeed)
        .where(CalendarFeed.token_hash == credentials.hash_token(plain), CalendarFeed.revoked_at.is_(None))
        .options(joinedload(CalendarFeed.person).selectinload(Person.memberships))
    )
    if feed is None or feed.person.disabled_at is not None or (feed.person.is_demo and not demo_allowed):
        raise NotFound
    visible = [policy.visible(membership) for membership in feed.person.memberships if membership.active]
    if not visible:
        return feed.person, []
    rows = session.execute(
        select(Clock, SupportRequest.reference)
        .join(SupportRequest, Clock.request_id == SupportRequest.id)
        .where(Clock.stopped_at.is_(None), Clock.paused_at.is_(None), or_(*visible))
        .order_by(Clock.due_at, Clock.id)
        .limit(MOST)
    )
    return feed.person, [
        Deadline(clock.id, clock.request_id, reference, clock.stage, clock.started_at, clock.due_at)
        for clock, reference in rows
    ]


def for_operator(session: Session) -> list[CalendarFeed]:
    """Addresses that work, newest first; for the machine's command line. Never for an edge."""
    return list(
        session.scalars(
            select(CalendarFeed)
            .where(CalendarFeed.revoked_at.is_(None))
            .order_by(CalendarFeed.id.desc())
            .options(joinedload(CalendarFeed.person))
        )
    )


def revoke_by_operator(session: Session, email: str) -> None:
    """End the address of an account, for instance when its owner lost a device. `NotFound` if it has none."""
    person_id = session.scalar(
        select(CalendarFeed.person_id)
        .join(Person)
        .where(Person.email == email.strip().lower(), CalendarFeed.revoked_at.is_(None))
    )
    if person_id is None:
        raise NotFound(f"No account {email} has a calendar address.")
    feed_id = _end(session, person_id)
    events.record(
        session,
        subject=("person", person_id),
        action="calendar_revoked",
        audience="secretariat",
        data={"calendar": feed_id},
    )
    session.commit()


def _end(session: Session, person_id: str) -> str | None:
    return session.scalar(
        update(CalendarFeed)
        .where(CalendarFeed.person_id == person_id, CalendarFeed.revoked_at.is_(None))
        .values(revoked_at=now())
        .returning(CalendarFeed.id)
    )


def _record(session: Session, by: Membership, action: str, feed_id: str) -> None:
    events.record(
        session,
        subject=("membership", by.id),
        action=action,
        audience="secretariat",
        person_id=by.person_id,
        membership_id=by.id,
        data={"calendar": feed_id},
    )
