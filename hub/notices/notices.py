"""Who is told of an event, and what a person was told.

A notice is written once per person and event. Whether it may be seen is asked of `policy` every time, so access that
ended takes its notices along.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Select, exists, false, func, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session, joinedload, selectinload

from hub.accounts import policy
from hub.accounts.models import DAILY, EACH, EXPERT, FOCAL_POINT, Membership, Person
from hub.database import is_id, later, new_id, now
from hub.errors import BadRequest, NotFound
from hub.events import Event
from hub.notices.models import Notice
from hub.support.lifecycle import DRAFT
from hub.support.models import Offer, SupportRequest
from hub.wiring import Hub

NOTICE, MAIL, DIGEST = "notice", "mail", "digest"
"""Kinds of `Outbox` rows. Payloads: `{event}`, `{notice}` (its id), `{person, day}`."""
REQUEST = "request"
"""`subject_kind` of support requests."""
OFFER = "offer"
"""That of offers: who gives one is told that it is wanted, and not for whose request."""
GIVERS = (EXPERT, FOCAL_POINT)
ENTITY = "entity"
"""That of corrections of an agency's record: its experts are told what the secretariat decided."""
DECIDED = ("correction_confirmed", "correction_refused")
NEVER_TOLD = frozenset({"draft_answer", "discard_draft", "draft_contribution", "discard_contribution", "adjust"})
"""Events that are seen in a timeline and are news to nobody."""
LARGEST_PAGE = 100
DIGEST_HOUR = 6
"""Of the day in UTC: before offices open in Africa and Europe, where most focal points of the Network sit."""


@dataclass(frozen=True, slots=True)
class Told:
    """A notice with what it is about: a request or an offer; neither where it is about the own agency's record."""

    notice: Notice
    event: Event
    request: SupportRequest | None
    offer: Offer | None = None

    @property
    def reference(self) -> str:
        """What a mail may call it; nothing of an offer or a record."""
        return self.request.reference if self.request else ""


@dataclass(frozen=True, slots=True)
class NoticePage:
    """`unread` counts all that are, on this page or not; `cursor` continues the list, None at its end."""

    rows: tuple[Told, ...]
    unread: int
    cursor: str | None


# Telling


def announce(hub: Hub, session: Session, payload: Mapping[str, Any]) -> None:
    """Job `notice`: write a notice for everybody who is to hear of the event, and a job for each mail.

    Readers are those of now, not of the moment of the event. Doing it again adds nothing.
    """
    event = session.get(Event, str(payload["event"]))
    if event is None:
        return
    told = {membership.person_id: membership for membership in _readers(session, event)}
    if not told:
        return
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    written = session.execute(
        insert(Notice)
        .values(
            [
                {
                    "id": new_id(),
                    "person_id": person_id,
                    "membership_id": membership.id,
                    "event_id": event.id,
                    "subject_kind": event.subject_kind,
                    "subject_id": event.subject_id,
                    "created_at": now(),
                }
                for person_id, membership in told.items()
            ]
        )
        .on_conflict_do_nothing(index_elements=[Notice.person_id, Notice.event_id])
        .returning(Notice.id, Notice.person_id)
    ).all()
    for notice in written:
        queue_mail(hub, session, told[notice.person_id].person, notice.id)


def _readers(session: Session, event: Event) -> list[Membership]:
    if event.subject_kind == OFFER:
        offer = session.get(Offer, event.subject_id)
        return givers(session, event, offer) if offer else []
    if event.subject_kind == ENTITY and event.action in DECIDED:
        return _people_of(session, event, event.subject_id, (EXPERT,))
    if event.subject_kind != REQUEST:
        return []
    row = session.scalar(
        select(SupportRequest)
        .where(SupportRequest.id == event.subject_id)
        .options(selectinload(SupportRequest.parties))
    )
    return readers(session, event, row) if row is not None and _worth_telling(event, row) else []


def givers(session: Session, event: Event, offer: Offer) -> list[Membership]:
    """Who gives the offer: its agency's experts or its State's focal points, one membership a person."""
    return _people_of(session, event, offer.entity_id, GIVERS)


def _people_of(session: Session, event: Event, entity_id: str, roles: Collection[str]) -> list[Membership]:
    """Of an entity in one of the roles, without who did it; one membership a person, the oldest."""
    found = session.scalars(
        select(Membership)
        .join(Membership.person)
        .where(_active(), Person.disabled_at.is_(None), Membership.entity_id == entity_id, Membership.role.in_(roles))
        .order_by(Membership.since, Membership.id)
        .options(joinedload(Membership.person))
    )
    told: dict[str, Membership] = {}
    for membership in found:
        if membership.person_id != event.person_id:
            told.setdefault(membership.person_id, membership)
    return list(told.values())


def _worth_telling(event: Event, row: SupportRequest) -> bool:
    """Words kept while somebody is still writing are seen on the page; they would be told every few minutes.

    That a draft was begun is news to colleagues until it is submitted, and to nobody afterwards.
    """
    if event.to_state == DRAFT:
        return event.action == "draft" and row.status == DRAFT
    return event.action not in NEVER_TOLD


def readers(session: Session, event: Event, row: SupportRequest) -> list[Membership]:
    """Who is to hear of an event of the request: those who may see it now, without the one who did it.

    One membership a person, the oldest that may.
    """
    entities = {party.entity_id for party in row.parties if party.until is None}
    found = session.scalars(
        select(Membership)
        .join(Membership.person)
        .where(
            _active(),
            Person.disabled_at.is_(None),
            or_(Membership.entity_id.in_(entities), Membership.role.in_(policy.untied_readers())),
        )
        .order_by(Membership.since, Membership.id)
        .options(joinedload(Membership.person))
    )
    told: dict[str, Membership] = {}
    for membership in found:
        if event.audience == "agency" and membership.entity_id != event.data.get("entity"):
            continue  # the secretariat sees it in the timeline; it is no news to it
        if event.action == "hand_over" and event.data.get("assignee") != membership.id:
            continue  # it is news to the colleague who is to go on
        if membership.person_id != event.person_id and policy.hears(membership, row, event):
            told.setdefault(membership.person_id, membership)
    return list(told.values())


def queue_mail(hub: Hub, session: Session, person: Person, notice_id: str) -> None:
    """A job for the mail that the person wants: at once, with the next digest, or none."""
    if not hub.settings.smtp_url or person.is_demo:
        return
    if person.mail == EACH:
        later(session, MAIL, {"notice": notice_id})
    elif person.mail == DAILY:
        at = next_digest(now())
        # One job a notice: whichever comes first mails them all, the others find nothing left to do.
        later(session, DIGEST, {"person": person.id, "day": at.date().isoformat()}, run_at=at)


def next_digest(moment: datetime) -> datetime:
    today = moment.replace(hour=DIGEST_HOUR, minute=0, second=0, microsecond=0)
    return today if moment < today else today + timedelta(days=1)


# Reading


def listing(
    session: Session,
    membership: Membership | None,
    *,
    unread: bool = False,
    limit: int = 20,
    cursor: str | None = None,
) -> NoticePage:
    """What the person was told and this membership may hear of, newest first."""
    limit = max(1, min(limit, LARGEST_PAGE))
    wanted = _told(membership)
    if unread:
        wanted = wanted.where(Notice.read_at.is_(None))
    if cursor is not None:
        if not is_id(cursor):
            raise BadRequest("This cursor is not one of ours; start the list again.")
        wanted = wanted.where(Notice.id < cursor)
    rows = [Told(*row) for row in session.execute(wanted.order_by(Notice.id.desc()).limit(limit + 1))]
    more = len(rows) > limit
    return NoticePage(
        tuple(rows[:limit]), count_unread(session, membership), rows[limit - 1].notice.id if more else None
    )


def count_unread(session: Session, membership: Membership | None, *, at_most: int | None = None) -> int:
    """How many the person has not read. `at_most`: counting ends there, for whom it is enough that there are many."""
    wanted = _told(membership).where(Notice.read_at.is_(None)).with_only_columns(Notice.id).limit(at_most)
    return session.scalar(select(func.count()).select_from(wanted.subquery())) or 0


def elsewhere(session: Session, membership: Membership) -> list[tuple[Membership, int]]:
    """The person's other memberships in which something is unread that this one may not hear of, and how much."""
    others = [other for other in memberships(session, membership.person_id) if other.id != membership.id]
    found: list[tuple[Membership, int]] = []
    for other in others:
        wanted = _told(other).where(Notice.read_at.is_(None), ~_heard(membership))
        count = session.scalar(wanted.with_only_columns(func.count(Notice.id))) or 0
        if count:
            found.append((other, count))
    return found


def get(session: Session, membership: Membership, notice_id: str) -> tuple[Told, Membership]:
    """A notice of the person, and the membership in which it can be looked into: this one if possible, else another.

    Raises `NotFound` when none may hear of it any more.
    """
    notice = session.get(Notice, notice_id) if is_id(notice_id) else None
    if notice is not None and notice.person_id == membership.person_id:
        own = sorted(memberships(session, membership.person_id), key=lambda each: each.id != membership.id)
        for each in own:
            row = session.execute(_told(each).where(Notice.id == notice.id)).one_or_none()
            if row is not None:
                return Told(*row), each
    raise NotFound


def mark_read(
    session: Session,
    membership: Membership | None,
    *,
    ids: Collection[str] | None = None,
    until: str | None = None,
) -> int:
    """Mark those of `ids`, or all, as read. `until`: the newest that the reader saw; later ones stay unread."""
    seen = _told(membership).with_only_columns(Notice.id)
    if ids is not None:
        seen = seen.where(Notice.id.in_(ids))
    if until is not None:
        seen = seen.where(Notice.id <= until)
    changed = session.execute(
        update(Notice)
        .where(Notice.id.in_(seen), Notice.read_at.is_(None))
        .values(read_at=now())
        .returning(Notice.id)
        .execution_options(synchronize_session=False)
    ).all()
    session.commit()
    return len(changed)


# For mails, which are for a person whatever the person acts as


def memberships(session: Session, person_id: str) -> list[Membership]:
    """Those in which the person may act now, oldest first."""
    return list(
        session.scalars(
            select(Membership)
            .where(_active(), Membership.person_id == person_id)
            .order_by(Membership.since, Membership.id)
            .options(joinedload(Membership.entity))
        )
    )


def unread_of(session: Session, person_id: str) -> list[Told]:
    """Everything unread that any membership of the person may hear of now, newest first."""
    heard = or_(false(), *(_heard(each) for each in memberships(session, person_id)))
    wanted = _joined(heard).where(Notice.person_id == person_id, Notice.read_at.is_(None))
    return [Told(*row) for row in session.execute(wanted.order_by(Notice.id.desc()))]


def _active() -> ColumnElement[bool]:
    return Membership.until.is_(None) & Membership.confirmed_at.is_not(None)


def _heard(membership: Membership | None) -> ColumnElement[bool]:
    """May this membership hear of a notice now? A condition on `Notice` and what `_joined` joins to it."""
    about_request = (Notice.subject_kind == REQUEST) & policy.heard(membership)
    if membership is None or not membership.active or membership.role not in GIVERS:
        return about_request
    own = exists().where(Offer.id == Notice.subject_id, Offer.entity_id == membership.entity_id)
    heard = about_request | ((Notice.subject_kind == OFFER) & own.correlate(Notice))
    if membership.role != EXPERT:
        return heard
    return heard | ((Notice.subject_kind == ENTITY) & (Notice.subject_id == membership.entity_id))


def _told(membership: Membership | None) -> Select[Notice, Event, SupportRequest, Offer]:
    if membership is None or not membership.active:
        return _joined(false())
    return _told_in(membership.person_id, membership.entity_id, membership.role)


@lru_cache(maxsize=4096)
def _told_in(person_id: str, entity_id: str, role: str) -> Select[Notice, Event, SupportRequest, Offer]:
    """Kept for the reason of `policy.visible`: it follows from these alone and holds no data."""
    membership = Membership(person_id=person_id, entity_id=entity_id, role=role, confirmed_at=now())
    return _joined(_heard(membership)).where(Notice.person_id == person_id)


def _joined(heard: ColumnElement[bool]) -> Select[Notice, Event, SupportRequest, Offer]:
    return (
        select(Notice, Event, SupportRequest, Offer)
        .join(Event, Event.id == Notice.event_id)
        .outerjoin(SupportRequest, SupportRequest.id == Notice.subject_id)
        .outerjoin(Offer, Offer.id == Notice.subject_id)
        .where(heard)
        .execution_options(populate_existing=True)
    )
