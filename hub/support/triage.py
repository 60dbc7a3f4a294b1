"""What the secretariat does with a request: acknowledge, take on, ask back, send to agencies and end their part, pause, decline."""

from collections.abc import Sequence

from sqlalchemy.orm import Session

from hub.accounts import policy
from hub.accounts.models import Membership
from hub.database import now
from hub.errors import Invalid
from hub.support import conflicts, delivery, proposals, reading, steps, team
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
    replace_lead: bool = False,
    alternates: Sequence[str] | None = None,
    ranked: Sequence[str] = (),
    adjustment: str = "",
) -> SupportRequest:
    """Give an agency (its id or acronym) access and ask it to take part as `lead` or `contributor`.

    Sending what was not triaged yet finds it within scope. An agency whose membership of the Network is not verified
    needs `confirm_unverified`, one that is to lead instead of another that has not decided yet `replace_lead`. One that has
    the request already is refused; one that declined or left may be asked again. `alternates`: who is asked, in this order,
    if it does not accept; None leaves the list as it is. `ranked`: ids of the agencies that match, best first: any but the
    first needs `adjustment`, a reason that the secretariat alone sees.
    """
    row = reading.get(session, membership, name)
    acting = steps.check(membership, row, "send", version)
    if role not in policy.DELIVERY:
        raise Invalid({"role": ["An agency is lead or contributor."]})
    entity = team.find_agency(session, agency)
    former = team.check_part(session, row, entity, role, replace_lead=replace_lead)
    if entity.agency and not entity.agency.verified and not confirm_unverified:
        raise Invalid({"confirm_unverified": [team.UNVERIFIED]})
    if entity.id in conflicts.excluded(session, row):
        raise Invalid({"agency": [conflicts.EXCLUDED]})
    team.check_best(session, row, entity, ranked, adjustment)
    chosen = None
    if alternates is not None:
        chosen = team.check_alternates(session, row, alternates, but=entity.id, confirm_unverified=confirm_unverified)
    before = row.status
    found = steps.IN_SCOPE if before == SUBMITTED else None
    steps.take(session, acting, row, "send", version, reason=found, data={"entity": entity.id, "role": role})
    if chosen is not None:
        team.set_alternates(session, row, chosen)
    if former:
        team.end_part(former, "removed")
        steps.tell(session, acting, row, "remove", audience="parties", before=before, data={"entity": former.entity_id})
    _note(session, acting, row, adjustment, before=before, entity_id=entity.id)
    team.add_part(row, entity.id, role)
    proposals.note_sent(session, row, entity.id, role)
    steps.finish(session, row, "send")
    return row


def remove(
    session: Session, membership: Membership | None, name: str, *, version: int, agency: str, note: str
) -> SupportRequest:
    """End an agency's part, with a reason that the secretariat alone sees. A lead's place is offered to the next one."""
    row = reading.get(session, membership, name)
    acting = steps.check(membership, row, "remove", version)
    own = [party for party in row.parties if party.entity_id == agency and team.has_part(party)]
    if not own:
        raise Invalid({"agency": ["This agency does not have the request."]})
    if not note.strip():
        raise Invalid({"note": ["Say in a sentence why."]})
    before = row.status
    _note(session, acting, row, note, before=before, entity_id=agency)
    return delivery.leave(session, acting, row, "remove", own, version=version, entity_id=agency, state="removed")


def _note(
    session: Session, acting: Membership, row: SupportRequest, words: str, *, before: str, entity_id: str = ""
) -> None:
    """Keep the secretariat's reason where it alone reads that."""
    if words.strip():
        data = {"entity": entity_id} if entity_id else None
        steps.tell(session, acting, row, "adjust", audience="secretariat", before=before, note=words, data=data)


def pause(session: Session, membership: Membership | None, name: str, *, version: int, note: str) -> SupportRequest:
    """Let everything stand still, because nobody of the State can act. `note`, for the secretariat alone, says why."""
    row = reading.get(session, membership, name)
    acting = steps.check(membership, row, "pause", version)
    if not note.strip():
        raise Invalid({"note": ["Say in a sentence why."]})
    steps.take(session, acting, row, "pause", version, paused_at=now())
    _note(session, acting, row, note, before=row.status)
    steps.finish(session, row, "pause")
    return row


def resume(session: Session, membership: Membership | None, name: str, *, version: int) -> SupportRequest:
    """Go on: the clocks run again, as many working days later."""
    row = reading.get(session, membership, name)
    acting = steps.check(membership, row, "resume", version)
    steps.take(session, acting, row, "resume", version, paused_at=None)
    steps.finish(session, row, "resume")
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
