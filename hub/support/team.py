"""Which agencies have a request, and who of them works on it: one lead, who is asked next, who is no longer, colleagues."""

from collections.abc import Sequence

from sqlalchemy import or_, select
from sqlalchemy.orm import Session, joinedload

from hub.accounts import policy
from hub.accounts.models import EXPERT, Membership, Person
from hub.database import is_id, now
from hub.errors import Invalid
from hub.network.models import AGENCY, Agency, Entity
from hub.support import conflicts, proposals, reading, steps
from hub.support.delivery_models import Alternate
from hub.support.lifecycle import ALTERNATE
from hub.support.models import CONTRIBUTOR, LEAD, Party, SupportRequest

MOST_ALTERNATES = 5
UNVERIFIED = "This agency's membership of the Network is not verified. Confirm that you send it all the same."
NO_AGENCY = "There is no such agency in the Network's list."
HAS_IT = "This agency has the request already."
LEADS = "An agency leads this request already. Send it as to a contributor, or end the lead's part first."
ASKED_TO_LEAD = "Another agency was asked to lead and has not decided yet. Confirm that this one is asked instead."
NOT_BEST = "This is not the best match. Say in a sentence why."


def has_part(party: Party) -> bool:
    """Is it the part of an agency that was asked or accepted?"""
    return party.role in policy.DELIVERY and party.until is None


def lead_of(row: SupportRequest) -> Party | None:
    """The agency that leads or was asked to."""
    return next((party for party in row.parties if has_part(party) and party.role == LEAD), None)


def find_agency(session: Session, name: str) -> Entity:
    """By its id or acronym. `Invalid` if there is none."""
    found = session.scalar(
        select(Entity)
        .join(Agency)
        .where(Entity.kind == AGENCY, or_(Entity.id == name, Agency.acronym == name))
        .options(joinedload(Entity.agency))
    )
    if found is None or found.agency is None:
        raise Invalid({"agency": [NO_AGENCY]})
    return found


def check_part(session: Session, row: SupportRequest, entity: Entity, role: str, *, replace_lead: bool) -> Party | None:
    """May the agency be asked for that part? Gives the lead that makes room for it, if one does.

    A contributor may be asked to lead. A second lead is refused; one that has not decided yet gives way if that is meant:
    by `replace_lead`, or because the assignment for all requests moves it.
    """
    own = {party.role for party in row.parties if party.entity_id == entity.id and has_part(party)}
    if role in own or LEAD in own:
        raise Invalid({"agency": [HAS_IT]})
    lead = lead_of(row) if role == LEAD else None
    if lead is None:
        return None
    if lead.state == "accepted":
        raise Invalid({"role": [LEADS]})
    moved = proposals.unsent(session, row.id)
    if not replace_lead and not (moved and moved.entity_id == entity.id and moved.replaces == lead.entity_id):
        raise Invalid({"replace_lead": [ASKED_TO_LEAD]})
    return lead


def check_best(session: Session, row: SupportRequest, entity: Entity, ranked: Sequence[str], adjustment: str) -> None:
    """Another agency than the first of `ranked` needs a reason, unless the assignment for all requests proposed it."""
    if not ranked or ranked[0] == entity.id or adjustment.strip():
        return
    proposal = proposals.unsent(session, row.id)
    if proposal is None or proposal.entity_id != entity.id:
        raise Invalid({"adjustment": [NOT_BEST]})


def add_part(row: SupportRequest, entity_id: str, role: str) -> None:
    """Ask the agency; one that was asked to contribute and is now to lead is asked for that alone."""
    for party in row.parties:
        if party.entity_id == entity_id and party.role == CONTRIBUTOR and party.state == "sent" and party.until is None:
            end_part(party, "removed")
    steps.add_party(row, entity_id, role)


def end_part(party: Party, state: str) -> None:
    party.state, party.until, party.assignee_id = state, now(), None


# Who is asked next


def alternates(session: Session, row: SupportRequest) -> list[Alternate]:
    """Those that were not asked yet, in order."""
    return list(
        session.scalars(
            select(Alternate)
            .where(Alternate.request_id == row.id, Alternate.asked_at.is_(None))
            .order_by(Alternate.position)
            .options(joinedload(Alternate.entity).joinedload(Entity.agency))
        )
    )


def check_alternates(
    session: Session, row: SupportRequest, names: Sequence[str], *, but: str, confirm_unverified: bool
) -> list[str]:
    """Ids of who is asked next, of ids or acronyms, in order. `but`: the agency that is asked now is passed over."""
    barred = conflicts.excluded(session, row)
    chosen: dict[str, Entity] = {}
    for name in names:
        try:
            entity = find_agency(session, name)
        except Invalid:
            raise Invalid({"alternates": [NO_AGENCY]}) from None
        if entity.id in barred:
            raise Invalid({"alternates": [conflicts.EXCLUDED]})
        if entity.agency and not entity.agency.verified and not confirm_unverified:
            raise Invalid({"confirm_unverified": [UNVERIFIED]})
        if entity.id != but:
            chosen[entity.id] = entity
    return list(chosen)


def set_alternates(session: Session, row: SupportRequest, chosen: Sequence[str]) -> None:
    """Replace who is asked next, once the row is locked: of two who send at once, the second writes none."""
    former = {one.entity_id: one for one in session.scalars(select(Alternate).where(Alternate.request_id == row.id))}
    for id_, one in former.items():
        if id_ not in chosen:
            session.delete(one)
    for position, id_ in enumerate(chosen, 1):
        one = former.get(id_) or Alternate(request_id=row.id, entity_id=id_)
        one.position, one.asked_at = position, None
        session.add(one)


def next_agency(session: Session, row: SupportRequest) -> str | None:
    """Who is asked now that another did not accept: of the alternates named for the request, else for its expert.

    One that has the request, had it, or is in conflict with it is passed over.
    """
    barred = conflicts.excluded(session, row) | {
        party.entity_id for party in row.parties if party.role in policy.DELIVERY
    }
    for one in alternates(session, row):
        if one.entity_id not in barred:
            return one.entity_id
    expert = proposals.next_alternate(session, row)
    return expert.entity_id if expert else None


def ask_next(session: Session, row: SupportRequest, entity_id: str, role: str) -> None:
    """Send it by itself, in the transaction in which the one before declined."""
    steps.take(session, None, row, "send", row.version, reason=ALTERNATE, data={"entity": entity_id, "role": role})
    add_part(row, entity_id, role)
    one = session.get(Alternate, (row.id, entity_id))
    if one:
        one.asked_at = now()


# Who works on it


def colleagues(session: Session, membership: Membership, row: SupportRequest) -> list[Membership]:
    """The agency's experts who may work on a request, by name, the reader among them."""
    found = session.scalars(
        select(Membership)
        .join(Person, Person.id == Membership.person_id)
        .where(
            Membership.entity_id == membership.entity_id,
            Membership.role == EXPERT,
            Membership.until.is_(None),
            Membership.confirmed_at.is_not(None),
            Person.disabled_at.is_(None),
        )
        .order_by(Person.name, Membership.id)
        .options(joinedload(Membership.person))
    )
    return [one for one in found if policy.can(one, "read", row)]


def hand_over(
    session: Session, membership: Membership | None, name: str, *, version: int, assignee: str
) -> SupportRequest:
    """Say who of the agency works on it: the id of a membership of it; empty: whoever comes first."""
    row = reading.get(session, membership, name)
    acting = steps.check(membership, row, "hand_over", version)
    chosen = next((one for one in colleagues(session, acting, row) if one.id == assignee), None)
    if assignee and (chosen is None or not is_id(assignee)):
        raise Invalid({"assignee": ["Choose a colleague of your agency who may see the request."]})
    data = {"entity": acting.entity_id, **({"assignee": chosen.id} if chosen else {})}
    steps.take(session, acting, row, "hand_over", version, data=data)
    for party in row.parties:
        if party.entity_id == acting.entity_id and has_part(party):
            party.assignee_id = chosen.id if chosen else None
    steps.finish(session, row, "hand_over")
    return row
