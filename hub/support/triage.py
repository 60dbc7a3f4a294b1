"""What the secretariat does with a request: acknowledge, take on, ask back, send to agencies, decline."""

from sqlalchemy import or_, select
from sqlalchemy.orm import Session, joinedload

from hub.accounts import policy
from hub.accounts.models import Membership
from hub.errors import Invalid
from hub.network.models import AGENCY, Agency, Entity
from hub.support import reading, steps
from hub.support.lifecycle import SUBMITTED
from hub.support.models import LEAD, SupportRequest

DECLINES = ("outside_scope", "incomplete", "duplicate", "other")
"""Why the secretariat does not take one on."""
ELIGIBLE = (steps.IN_SCOPE, "partly_in_scope", "other")
"""What the secretariat found when it takes one on."""


def acknowledge(session: Session, membership: Membership | None, name: str, *, version: int) -> SupportRequest:
    """Say that the request was seen and will be looked at."""
    row = reading.get(session, membership, name)
    acting = steps.check(membership, row, "acknowledge", version)
    steps.take(session, acting, row, "acknowledge", version)
    steps.finish(session, row, "acknowledge")
    return row


def triage(
    session: Session,
    membership: Membership | None,
    name: str,
    *,
    version: int,
    reason: str = steps.IN_SCOPE,
    note: str = "",
) -> SupportRequest:
    """Take a request on. `reason`: one of `ELIGIBLE`; `other` needs a note."""
    row = reading.get(session, membership, name)
    acting = steps.check(membership, row, "triage", version)
    steps.check_reason(reason, ELIGIBLE, note)
    steps.take(session, acting, row, "triage", version, reason=reason, note=note)
    steps.finish(session, row, "triage")
    return row


def ask(session: Session, membership: Membership | None, name: str, *, version: int, note: str) -> SupportRequest:
    """Return a request to its State with a question, `note`, which only the State's team sees."""
    row = reading.get(session, membership, name)
    acting = steps.check(membership, row, "ask", version)
    if not note.strip():
        raise Invalid({"note": ["Write the question."]})
    steps.take(session, acting, row, "ask", version, note=note)
    steps.finish(session, row, "ask")
    return row


def send(
    session: Session,
    membership: Membership | None,
    name: str,
    agency: str,
    *,
    version: int,
    role: str = LEAD,
    confirm_unverified: bool = False,
) -> SupportRequest:
    """Give an agency (its id or acronym) access and ask it to take part as `lead` or `contributor`.

    Sending what was not triaged yet finds it within scope. An agency whose membership of the Network is not verified
    needs `confirm_unverified`. One that has the request
    already is refused; one that declined or left may be asked again.
    """
    row = reading.get(session, membership, name)
    acting = steps.check(membership, row, "send", version)
    entity = session.scalar(
        select(Entity)
        .join(Agency)
        .where(Entity.kind == AGENCY, or_(Entity.id == agency, Agency.acronym == agency))
        .options(joinedload(Entity.agency))
    )
    if entity is None or entity.agency is None:
        raise Invalid({"agency": ["There is no such agency in the Network's list."]})
    if role not in policy.DELIVERY:
        raise Invalid({"role": ["An agency is lead or contributor."]})
    if any(
        party.entity_id == entity.id and party.role in policy.DELIVERY and party.until is None for party in row.parties
    ):
        raise Invalid({"agency": ["This agency has the request already."]})
    if not entity.agency.verified and not confirm_unverified:
        sentence = "This agency's membership of the Network is not verified. Confirm that you send it all the same."
        raise Invalid({"confirm_unverified": [sentence]})
    found = steps.IN_SCOPE if row.status == SUBMITTED else None
    steps.take(session, acting, row, "send", version, reason=found, data={"entity": entity.id, "role": role})
    steps.add_party(row, entity.id, role)
    steps.finish(session, row, "send")
    return row


def decline(
    session: Session, membership: Membership | None, name: str, *, version: int, reason: str, note: str = ""
) -> SupportRequest:
    """Not take a request on. `reason`: one of `DECLINES`; `other` needs a note."""
    row = reading.get(session, membership, name)
    acting = steps.check(membership, row, "decline", version)
    steps.check_reason(reason, DECLINES, note)
    steps.take(session, acting, row, "decline", version, reason=reason, note=note)
    steps.finish(session, row, "decline")
    return row
