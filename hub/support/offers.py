"""What agencies and States can give: register an offer, change it, extend it, take it back; find those that are open.

An offer is seen by everybody or by the Network's members, as its giver chose; what is over or withdrawn by who manages it
only. Experts offer for their agency, focal points for their State, the secretariat for any of them, and it says so.
"""

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import ColumnElement, String, and_, cast, exists, false, func, or_, select, true, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, joinedload, selectinload

from hub import events
from hub.accounts.models import EXPERT, FOCAL_POINT, SECRETARIAT, Membership
from hub.database import is_id, later, new_id, now
from hub.errors import BadRequest, Forbidden, Gone, IllegalTransition, Invalid, NotFound, StaleVersion
from hub.network import vocabulary
from hub.network.models import AGENCY, STATE, Entity
from hub.search import text
from hub.support.models import (
    EVERYBODY,
    MEMBERS,
    OFFER_WITHDRAWN,
    OPEN,
    Offer,
    OfferObjective,
    OfferPlace,
    OfferVersion,
)

SUBJECT = "offer"
"""`Event.subject_kind` of everything here, and kind of the `Outbox` row that ends an offer. Payload: `{offer}`."""
KINDS = ("expertise", "exchange", "documents", "training", "equipment", "funding", "other")
LARGEST_PAGE = 100
LONGEST = timedelta(days=366 * 5)
"""From today to an offer's last day: one that nobody looks at again in five years is hardly true any more."""
EXPIRED = "expired"
"""Beside the stored statuses, what an open offer is after its last day."""

CHANGED = "Somebody else changed this offer since you opened it."
WITHDRAWN = "This offer was withdrawn."
OVER = "This offer is over."


@dataclass(frozen=True, slots=True)
class OfferData:
    """What a giver writes. `entity` None: the writer's own. `language` None: detected. `amount`: how much, in words.

    `starts_on` None: today. Of `objectives`, `places` (ISO alpha-3 codes, names of regions) and `languages`, none means
    all.
    """

    kind: str
    title: str
    text: str
    audience: str
    until: date
    amount: str = ""
    objectives: tuple[int, ...] = ()
    places: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    language: str | None = None
    starts_on: date | None = None
    entity: str | None = None


@dataclass(frozen=True, slots=True)
class OpenOffer:
    """An offer that can be taken up today, without its row: what matching and comparing read. Shape kept stable.

    `verified`: false for an agency whose membership of the Network was not confirmed; true for States.
    """

    id: str
    entity_id: str
    entity_kind: str
    entity_name: str
    verified: bool
    kind: str
    title: str
    text: str
    amount: str
    language: str
    objectives: tuple[int, ...]
    places: tuple[str, ...]
    languages: tuple[str, ...]
    starts_on: date
    until: date
    audience: str


@dataclass(frozen=True, slots=True)
class OfferPage:
    """`total` counts everything that the list would show; `cursor` continues it, None at its end."""

    rows: tuple[Offer, ...]
    total: int
    cursor: str | None


def today() -> date:
    return now().astimezone(UTC).date()


# Who may


def may_offer(membership: Membership | None, entity: Entity | None = None) -> bool:
    """May this membership register offers, of `entity` if it is named, and manage them?"""
    if membership is None or not membership.active:
        return False
    if membership.role == SECRETARIAT:
        return entity is None or entity.kind in {AGENCY, STATE}
    return membership.role in {EXPERT, FOCAL_POINT} and entity in {None, membership.entity}


def _managed(membership: Membership | None) -> ColumnElement[bool]:
    """The same as a condition on `Offer`."""
    if not may_offer(membership) or membership is None:
        return false()
    return true() if membership.role == SECRETARIAT else Offer.entity_id == membership.entity_id


def _open(day: date) -> ColumnElement[bool]:
    return and_(Offer.status == OPEN, Offer.until >= day)


def _told(membership: Membership | None) -> ColumnElement[bool]:
    """Condition on `Offer`: its giver meant this reader to see it while it is open."""
    member = membership is not None and membership.active
    return Offer.audience.in_((EVERYBODY, MEMBERS) if member else (EVERYBODY,))


def status_of(offer: Offer, day: date | None = None) -> str:
    """open, withdrawn or expired."""
    if offer.status == OPEN and offer.until < (day or today()):
        return EXPIRED
    return offer.status


def possible(membership: Membership | None, offer: Offer) -> tuple[str, ...]:
    """What this membership can do with the offer now."""
    if not may_offer(membership, offer.entity) or offer.status == OFFER_WITHDRAWN:
        return ()
    return ("edit", "extend", "withdraw")


# Reading


def get(session: Session, membership: Membership | None, offer_id: str) -> Offer:
    """The offer as it is now. `Gone` for one that this reader could see until it ended, else `NotFound`."""
    offer = _row(session, offer_id, true()) if is_id(offer_id) else None
    if offer is not None and not may_offer(membership, offer.entity):
        member = membership is not None and membership.active
        if offer.audience != EVERYBODY and not member:
            offer = None
        elif status_of(offer) != OPEN:
            raise Gone(WITHDRAWN if offer.status == OFFER_WITHDRAWN else OVER)
    if offer is None:
        raise NotFound("There is no such offer, or it is not open to you.")
    return offer


def _row(session: Session, offer_id: str, condition: ColumnElement[bool]) -> Offer | None:
    return session.scalar(
        select(Offer).where(Offer.id == offer_id, condition).options(*_WHOLE).execution_options(populate_existing=True)
    )


_WHOLE = (
    joinedload(Offer.entity).joinedload(Entity.agency),
    selectinload(Offer.objectives),
    selectinload(Offer.places),
)


def listing(
    session: Session,
    membership: Membership | None,
    *,
    mine: bool = False,
    kind: str | None = None,
    objective: int | None = None,
    place: str | None = None,
    language: str | None = None,
    entity: str | None = None,
    limit: int = 20,
    cursor: str | None = None,
) -> OfferPage:
    """Offers that are open to this reader, newest first; `mine`: all that it manages, whatever their status.

    `place`, a region or country: what covers all of it or a part. What is not limited to objectives, places or languages
    is found by any.
    """
    limit = max(1, min(limit, LARGEST_PAGE))
    shown = _managed(membership) if mine else and_(_told(membership), _open(today()))
    if kind:
        shown &= Offer.kind == kind
    if entity:
        shown &= Offer.entity_id == entity
    if objective:
        shown &= _any(OfferObjective, OfferObjective.number == objective)
    if place:
        shown &= _any(OfferPlace, OfferPlace.code.in_(_touching(session, place)))
    if language:
        spoken = cast(Offer.languages, String)
        shown &= or_(spoken == "[]", spoken.like(f'%"{language}"%'))
    total = session.scalar(select(func.count()).select_from(Offer).where(shown)) or 0
    if cursor is not None:
        if not is_id(cursor):
            raise BadRequest("This cursor is not one of ours; start the list again.")
        shown &= Offer.id < cursor
    rows = session.scalars(
        select(Offer)
        .where(shown)
        .order_by(Offer.id.desc())
        .limit(limit + 1)
        .options(*_WHOLE)
        .execution_options(populate_existing=True)
    ).all()
    return OfferPage(tuple(rows[:limit]), total, rows[limit - 1].id if len(rows) > limit else None)


def _any(table: type[OfferObjective] | type[OfferPlace], condition: ColumnElement[bool]) -> ColumnElement[bool]:
    """The offer has a row of the table for which the condition holds, or none at all."""
    own = table.offer_id == Offer.id
    return or_(~exists().where(own), exists().where(own, condition))


def covering(session: Session, place: str) -> set[str]:
    """The place and every region that it lies in."""
    country = next((one for one in vocabulary.countries(session) if one.code == place), None)
    found = {place, *(country.regions if country else ())}
    for region in found & vocabulary.REGIONS.keys():
        found |= {*vocabulary.with_ancestors(region), "World"}
    return found


def _touching(session: Session, place: str) -> set[str]:
    """Codes of places that have something in common with this one."""
    found = covering(session, place)
    if place in vocabulary.REGIONS:
        below = {region for region in vocabulary.REGIONS if place in covering(session, region)}
        found |= below | {country.code for country in vocabulary.countries(session) if below & set(country.regions)}
    return found


def open_now(session: Session, membership: Membership | None) -> list[OpenOffer]:
    """Every offer that this reader may see and that can be taken up today, oldest first, whoever manages it."""
    day = today()
    rows = session.scalars(
        select(Offer)
        .where(_told(membership), _open(day), Offer.starts_on <= day)
        .order_by(Offer.id)
        .options(*_WHOLE)
        .execution_options(populate_existing=True)
    )
    return [as_open(row) for row in rows]


def as_open(offer: Offer) -> OpenOffer:
    agency = offer.entity.agency
    return OpenOffer(
        id=offer.id,
        entity_id=offer.entity_id,
        entity_kind=offer.entity.kind,
        entity_name=offer.entity.name,
        verified=agency.verified if agency else True,
        kind=offer.kind,
        title=offer.title,
        text=offer.text,
        amount=offer.amount,
        language=offer.language,
        objectives=tuple(one.number for one in offer.objectives),
        places=tuple(one.code for one in offer.places),
        languages=tuple(offer.languages),
        starts_on=offer.starts_on,
        until=offer.until,
        audience=offer.audience,
    )


def versions(session: Session, membership: Membership | None, offer: Offer) -> list[tuple[OfferVersion, Entity]]:
    """What the offer said before and says now, newest first, with the office that wrote it; for who manages it."""
    if not may_offer(membership, offer.entity):
        return []
    rows = session.execute(
        select(OfferVersion, Entity)
        .join(Membership, Membership.id == OfferVersion.membership_id)
        .join(Entity, Entity.id == Membership.entity_id)
        .where(OfferVersion.offer_id == offer.id)
        .order_by(OfferVersion.version.desc())
    )
    return [(row[0], row[1]) for row in rows]


# Writing


def create(session: Session, membership: Membership | None, data: OfferData, *, key: str | None = None) -> Offer:
    """Register an offer. `key` names this act of writing: sent twice with the same words, it makes one offer."""
    if membership is None or not may_offer(membership):
        raise Forbidden("Agencies and States register offers, or the secretariat for them.")
    entity = session.get(Entity, data.entity or membership.entity_id)
    if entity is None or entity.kind not in {AGENCY, STATE}:
        raise Invalid({"entity": ["Choose the agency or State that offers this."]})
    if not may_offer(membership, entity):
        raise Forbidden("You offer for your own agency or State only.")
    _check(session, data, earliest=today())
    if key and (earlier := _earlier(session, membership, key)):
        return _repeat(earlier, data)
    offer = Offer(
        id=new_id(),
        entity_id=entity.id,
        on_behalf=membership.role == SECRETARIAT,
        created_by=membership.id,
        submission_key=key,
        version=1,
        **_columns(data, membership),
        objectives=[OfferObjective(number=number) for number in sorted(set(data.objectives))],
        places=[OfferPlace(code=code) for code in sorted(set(data.places))],
    )
    session.add(offer)
    try:
        session.flush()
    except IntegrityError:
        session.rollback()
        earlier = key and _earlier(session, membership, key)
        if not earlier:
            raise
        return _repeat(earlier, data)
    _record(session, membership, offer, "create")
    session.commit()
    return get(session, membership, offer.id)


def edit(session: Session, membership: Membership | None, offer_id: str, data: OfferData, *, version: int) -> Offer:
    """Replace what an offer says. Who gives it stays."""
    offer, acting = _writable(session, membership, offer_id, version)
    if data.entity not in {None, offer.entity_id}:
        raise Invalid({"entity": ["An offer stays with who gives it."]})
    _check(session, data, earliest=min(today(), offer.until))
    _write(session, offer, version, **_columns(data, acting, offer))
    kept = {one.number: one for one in offer.objectives}
    offer.objectives = [kept.get(number) or OfferObjective(number=number) for number in sorted(set(data.objectives))]
    places = {one.code: one for one in offer.places}
    offer.places = [places.get(code) or OfferPlace(code=code) for code in sorted(set(data.places))]
    session.flush()
    _record(session, acting, offer, "edit")
    session.commit()
    return get(session, membership, offer_id)


def extend(session: Session, membership: Membership | None, offer_id: str, *, until: date, version: int) -> Offer:
    """Give an offer another last day, also after it was over."""
    offer, acting = _writable(session, membership, offer_id, version)
    _check_end(until, max(today(), offer.starts_on))
    _write(session, offer, version, until=until)
    _record(session, acting, offer, "extend")
    session.commit()
    return get(session, membership, offer_id)


def withdraw(session: Session, membership: Membership | None, offer_id: str, *, version: int) -> Offer:
    """Take an offer back, for good. It is gone from lists and matches at once."""
    offer, acting = _writable(session, membership, offer_id, version)
    _write(session, offer, version, status=OFFER_WITHDRAWN)
    _record(session, acting, offer, "withdraw")
    session.commit()
    return get(session, membership, offer_id)


def expire(_hub: object, session: Session, payload: Mapping[str, Any]) -> None:
    """Job `offer`: note once that an offer is over. Readers go by its last day, so nothing waits for this."""
    offer = session.get(Offer, str(payload["offer"]))
    if offer is None or status_of(offer) != EXPIRED:
        return
    noted = session.scalar(
        select(events.Event.id).where(
            events.Event.subject_kind == SUBJECT,
            events.Event.subject_id == offer.id,
            events.Event.action == "expire",
            events.Event.version == offer.version,
        )
    )
    if noted is None:
        _tell(session, None, offer, "expire", before=OPEN)


def _writable(session: Session, membership: Membership | None, offer_id: str, version: int) -> tuple[Offer, Membership]:
    offer = get(session, membership, offer_id)
    if membership is None or not may_offer(membership, offer.entity):
        raise Forbidden("You offer for your own agency or State only.")
    if offer.status == OFFER_WITHDRAWN:
        raise IllegalTransition(WITHDRAWN, status_now=offer.status, possible=[])
    if offer.version != version:
        raise StaleVersion(CHANGED, version=offer.version)
    return offer, membership


def _write(session: Session, offer: Offer, version: int, **values: Any) -> None:
    written = session.scalar(
        update(Offer)
        .where(Offer.id == offer.id, Offer.version == version, Offer.status == OPEN)
        .values(version=version + 1, updated_at=now(), **values)
        .returning(Offer.version)
        .execution_options(synchronize_session=False)
    )
    if written is None:
        session.rollback()
        raise StaleVersion(CHANGED, version=session.scalar(select(Offer.version).where(Offer.id == offer.id)))
    session.refresh(offer)


def _columns(data: OfferData, membership: Membership, offer: Offer | None = None) -> dict[str, Any]:
    return {
        "kind": data.kind,
        "title": data.title,
        "text": data.text,
        "amount": data.amount,
        "language": data.language or text.detect(f"{data.title}\n{data.text}") or membership.person.language,
        "languages": sorted(set(data.languages)),
        "audience": data.audience,
        "starts_on": data.starts_on or (offer.starts_on if offer else today()),
        "until": data.until,
    }


def words_of(offer: Offer) -> OfferData:
    """What an offer says, as its writer would send it."""
    return OfferData(
        kind=offer.kind,
        title=offer.title,
        text=offer.text,
        audience=offer.audience,
        until=offer.until,
        amount=offer.amount,
        objectives=tuple(one.number for one in offer.objectives),
        places=tuple(one.code for one in offer.places),
        languages=tuple(offer.languages),
        language=offer.language,
        starts_on=offer.starts_on,
        entity=offer.entity_id,
    )


def _check(session: Session, data: OfferData, *, earliest: date) -> None:
    known: Collection[str] = {*vocabulary.REGIONS, *(country.code for country in vocabulary.countries(session))}
    if unknown := [place for place in data.places if place not in known]:
        raise Invalid({"places": [f"There is no region or country {place}." for place in unknown]})
    _check_end(data.until, max(earliest, data.starts_on or earliest))


def _check_end(until: date, earliest: date) -> None:
    if until < earliest:
        raise Invalid({"until": ["Choose a day that is still to come, after the first one."]})
    if until > today() + LONGEST:
        raise Invalid({"until": ["Choose a day within the next five years; an offer can be extended."]})


def _earlier(session: Session, membership: Membership, key: str) -> Offer | None:
    return session.scalar(
        select(Offer).where(Offer.created_by == membership.id, Offer.submission_key == key).options(*_WHOLE)
    )


def _repeat(earlier: Offer, data: OfferData) -> Offer:
    """The offer that was made before with the same key, if it was with the same words."""
    stored = words_of(earlier)
    given = replace(
        data,
        objectives=tuple(sorted(set(data.objectives))),
        places=tuple(sorted(set(data.places))),
        languages=tuple(sorted(set(data.languages))),
        language=data.language or stored.language,
        starts_on=data.starts_on or stored.starts_on,
        entity=data.entity or stored.entity,
    )
    if given != stored:
        detail = "This form was already saved, with other words. Continue with the saved offer."
        raise StaleVersion(detail, version=earlier.version, id=earlier.id)
    return earlier


def _record(session: Session, membership: Membership, offer: Offer, action: str) -> None:
    """The event of a change, what the offer says now as a version, and the job for its end."""
    data = asdict(words_of(offer)) | {"status": offer.status}
    stored = {name: value.isoformat() if isinstance(value, date) else value for name, value in data.items()}
    session.add(OfferVersion(offer_id=offer.id, version=offer.version, data=stored, membership_id=membership.id))
    _tell(session, membership, offer, action, before=None if action == "create" else OPEN)
    if offer.status == OPEN:
        over = datetime.combine(offer.until + timedelta(days=1), time(), UTC)
        later(session, SUBJECT, {"offer": offer.id}, run_at=over)


def _tell(session: Session, membership: Membership | None, offer: Offer, action: str, *, before: str | None) -> None:
    events.record(
        session,
        subject=(SUBJECT, offer.id),
        action=action,
        audience="public" if offer.audience == EVERYBODY else "network",
        person_id=membership.person_id if membership else None,
        membership_id=membership.id if membership else None,
        from_state=before,
        to_state=status_of(offer),
        version=offer.version,
        data={"entity": offer.entity_id},
    )
