"""Other States in a request: invited to ask together, or asked whether they may be contacted as peers."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.accounts.models import Membership
from hub.database import now
from hub.errors import Invalid
from hub.network.models import STATE, Entity
from hub.support import reading, steps
from hub.support.models import CO_REQUESTING, PEER, SupportRequest


def invite(session: Session, membership: Membership | None, name: str, *, version: int, country: str) -> SupportRequest:
    """Invite another State, by its ISO alpha-3 code, to ask together. Its focal points decide."""
    return _ask_state(session, membership, name, "invite", CO_REQUESTING, version=version, country=country)


def ask_peer(
    session: Session, membership: Membership | None, name: str, *, version: int, country: str
) -> SupportRequest:
    """Ask another State whether it may be contacted as a peer. It sees the outline alone."""
    return _ask_state(session, membership, name, "ask_peer", PEER, version=version, country=country)


def _ask_state(
    session: Session, membership: Membership | None, name: str, action: str, role: str, *, version: int, country: str
) -> SupportRequest:
    row = reading.get(session, membership, name)
    acting = steps.check(membership, row, action, version)
    state = session.scalar(select(Entity).where(Entity.id == country, Entity.kind == STATE))
    if state is None:
        raise Invalid({"country": ["There is no such State."]})
    if any(party.entity_id == state.id and party.until is None for party in row.parties):
        raise Invalid({"country": ["This State takes part already, or was asked."]})
    steps.take(session, acting, row, action, version, data={"entity": state.id, "role": role})
    steps.add_party(row, state.id, role)
    steps.finish(session, row, action)
    return row


def join(session: Session, membership: Membership | None, name: str, *, version: int) -> SupportRequest:
    """Agree, for the State that was asked, to be a peer or to ask together."""
    row = reading.get(session, membership, name)
    acting = steps.check(membership, row, "join", version)
    steps.take(session, acting, row, "join", version, data={"entity": acting.entity_id})
    for party in steps.own_parties(acting, row, (CO_REQUESTING, PEER)):
        party.state = "active" if party.role == CO_REQUESTING else "accepted"
    steps.finish(session, row, "join")
    return row


def stay_out(session: Session, membership: Membership | None, name: str, *, version: int) -> SupportRequest:
    """Not agree to it: the State that was asked sees nothing of the request any more. No reason is asked for."""
    row = reading.get(session, membership, name)
    acting = steps.check(membership, row, "stay_out", version)
    steps.take(session, acting, row, "stay_out", version, data={"entity": acting.entity_id})
    for party in steps.own_parties(acting, row, (CO_REQUESTING, PEER)):
        party.state, party.until = "declined", now()
    steps.finish(session, row, "stay_out")
    return row


def share(session: Session, membership: Membership | None, name: str, *, version: int, country: str) -> SupportRequest:
    """Let a peer that agreed read the whole request, its plans and answers."""
    row = reading.get(session, membership, name)
    acting = steps.check(membership, row, "share", version)
    peers = [
        party
        for party in row.parties
        if party.entity_id == country and party.role == PEER and party.state == "accepted" and party.until is None
    ]
    if not peers:
        raise Invalid({"country": ["This State has not agreed to be a peer."]})
    steps.take(session, acting, row, "share", version, data={"entity": country})
    for party in peers:
        party.state = "shared"
    steps.finish(session, row, "share")
    return row
