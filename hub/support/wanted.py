"""Offers that fit a request, and those that its State wants: the secretariat asks the giver, nobody gets access by it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, joinedload, selectinload

from hub import events
from hub.accounts import policy
from hub.accounts.models import Membership
from hub.database import later, now
from hub.errors import Forbidden, IllegalTransition, NotFound
from hub.network.models import Entity
from hub.support import offers, reading, steps
from hub.support.models import Offer, SupportRequest, WantedOffer
from hub.support.offers import OpenOffer

if TYPE_CHECKING:
    from hub.search.embedding import Embedder
    from hub.search.engine import SearchEngine

ASKED, WAITS, DROPPED = "asked", "waits", "dropped"


@dataclass(frozen=True, slots=True)
class Fit:
    """An offer beside a request. `objectives`: those that both name. None limited by the offer: it fits any.

    `place`: the offer covers the State's; `language`: it can be given in the request's. `wanted`: asked, waits, dropped,
    or None. `score`: of the match, None where it was not matched.
    """

    offer: OpenOffer
    objectives: tuple[int, ...]
    place: bool
    language: bool
    wanted: str | None
    score: float | None = None

    @property
    def points(self) -> int:
        return len(self.objectives) + self.place + self.language


def fitting(
    session: Session, membership: Membership | None, row: SupportRequest, scores: Mapping[str, float] | None = None
) -> list[Fit]:
    """Open offers of others that matched (`scores`: offer -> score), or name an objective of the request or none at all,

    and cover its State: those that wait first, then by score, then those that say most of the request, then the oldest.
    `Forbidden` to a reader who does not see the request's matches.
    """
    scores = scores or {}
    if not policy.can(membership, "match", row):
        raise Forbidden(reading.NOT_YOURS)
    asked = {objective.number for objective in row.objectives}
    places = offers.covering(session, row.country_id)
    own = {party.entity_id for party in row.parties if party.role in policy.TEAM and party.until is None}
    states = {want.offer_id: state_of(row, want) for want in _wants(session, row)}
    found = [
        Fit(
            offer,
            tuple(number for number in offer.objectives if number in asked),
            bool(places & set(offer.places)),
            row.language in offer.languages,
            states.get(offer.id),
            scores.get(offer.id),
        )
        for offer in offers.open_now(session, membership)
        if offer.entity_id not in own
    ]
    fit = [
        one
        for one in found
        if one.score is not None
        or ((one.objectives or not one.offer.objectives or not asked) and (one.place or not one.offer.places))
    ]
    return sorted(fit, key=lambda one: (one.wanted != WAITS, -(one.score or 0.0), -one.points, one.offer.id))


def compared(
    session: Session,
    membership: Membership | None,
    row: SupportRequest,
    *,
    embedder: "Embedder | None",
    engine: "SearchEngine | None",
) -> list[Fit]:
    """`fitting` with the scores of the request's own matches."""
    found = reading.matches(session, membership, row, embedder=embedder, engine=engine, limit=offers.LARGEST_PAGE)
    return fitting(session, membership, row, {match.id: match.score for match in found.offers})


def wants(session: Session, membership: Membership | None, row: SupportRequest) -> list[tuple[WantedOffer, str]]:
    """Every offer that was wanted for the request, with asked, waits or dropped; for its team and the secretariat."""
    if not policy.can(membership, "drop_offer", row):
        return []
    return [(want, state_of(row, want)) for want in _wants(session, row)]


def state_of(row: SupportRequest, want: WantedOffer) -> str:
    if any(party.entity_id == want.offer.entity_id for party in row.parties):
        return ASKED
    return WAITS if want.dropped_at is None else DROPPED


def want(session: Session, membership: Membership | None, name: str, offer_id: str) -> SupportRequest:
    """Tell the secretariat that the State wants this offer for its request. Saying it again changes nothing."""
    row = reading.get(session, membership, name)
    if membership is None or not policy.can(membership, "want_offer", row):
        raise Forbidden(reading.NOT_YOURS)
    if row.status not in reading.OFFERS_WANTED_IN:
        raise IllegalTransition(steps.NOT_NOW, status_now=row.status, possible=[])
    offer = offers.get(session, membership, offer_id)
    if offers.status_of(offer) != offers.OPEN:
        raise IllegalTransition(offers.OVER, status_now=offers.status_of(offer), possible=[])
    known = session.get(WantedOffer, (row.id, offer.id), populate_existing=True)
    if known is not None and known.dropped_at is None:
        return row
    if known is None:
        session.add(WantedOffer(request_id=row.id, offer_id=offer.id, membership_id=membership.id))
    else:
        known.dropped_at, known.at, known.membership_id = None, now(), membership.id
    try:
        session.flush()
    except IntegrityError:  # a double click: the other one said it
        session.rollback()
        return reading.get(session, membership, name)
    _tell(session, membership, row, offer, "offer_wanted")
    _tell_giver(session, offer)
    session.commit()
    return row


def drop(session: Session, membership: Membership | None, name: str, offer_id: str) -> SupportRequest:
    """Let it be: the State no longer wants the offer, or the secretariat has settled it otherwise."""
    row = reading.get(session, membership, name)
    if membership is None or not policy.can(membership, "drop_offer", row):
        raise Forbidden(reading.NOT_YOURS)
    known = session.get(WantedOffer, (row.id, offer_id), populate_existing=True)
    if known is None:
        raise NotFound("There is no such offer, or it is not open to you.")
    if known.dropped_at is not None:
        return row
    known.dropped_at = now()
    _tell(session, membership, row, known.offer, "offer_dropped")
    session.commit()
    return row


def wanted_by_others(session: Session, membership: Membership | None, rows: Sequence[Offer]) -> dict[str, int]:
    """Offer -> by how many open requests it is wanted; for who manages it. Not whose requests: they are private."""
    ids = [offer.id for offer in rows if offers.may_offer(membership, offer.entity)]
    counts: dict[str, int] = {}
    for offer_id in session.scalars(
        select(WantedOffer.offer_id)
        .join(SupportRequest, SupportRequest.id == WantedOffer.request_id)
        .where(
            WantedOffer.offer_id.in_(ids),
            WantedOffer.dropped_at.is_(None),
            SupportRequest.status.in_(reading.OFFERS_WANTED_IN),
        )
    ):
        counts[offer_id] = counts.get(offer_id, 0) + 1
    return counts


def _wants(session: Session, row: SupportRequest) -> list[WantedOffer]:
    return list(
        session.scalars(
            select(WantedOffer)
            .where(WantedOffer.request_id == row.id)
            .order_by(WantedOffer.at, WantedOffer.offer_id)
            .options(
                joinedload(WantedOffer.offer).options(
                    joinedload(Offer.entity).joinedload(Entity.agency),
                    selectinload(Offer.objectives),
                    selectinload(Offer.places),
                )
            )
            .execution_options(populate_existing=True)
        )
    )


def _tell(session: Session, membership: Membership, row: SupportRequest, offer: Offer, action: str) -> None:
    steps.tell(
        session,
        membership,
        row,
        action,
        audience="requesting",
        before=row.status,
        data={"offer": offer.id, "entity": offer.entity_id},
    )


def _tell_giver(session: Session, offer: Offer) -> None:
    """Who gives it hears that somebody wants it, and neither for which request nor who asks: the event has no actor."""
    event = events.record(
        session,
        subject=(offers.SUBJECT, offer.id),
        action="wanted",
        audience="agency",
        data={"entity": offer.entity_id},
    )
    session.flush()
    later(session, "notice", {"event": event.id})
