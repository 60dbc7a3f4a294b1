"""Who is to be asked next for a request. A proposal gives nobody access; sending does (`triage.send`)."""

from collections.abc import Collection

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from hub.accounts import policy
from hub.accounts.models import Membership
from hub.database import now
from hub.support import conflicts
from hub.support.expert_models import AssignmentProposal
from hub.support.models import LEAD, SupportRequest


def unsent(session: Session, request_id: str) -> AssignmentProposal | None:
    return session.scalar(
        select(AssignmentProposal).where(
            AssignmentProposal.request_id == request_id, AssignmentProposal.sent_at.is_(None)
        )
    )


def note_sent(session: Session, row: SupportRequest, entity_id: str, role: str) -> None:
    """Bring the proposal in line with what is being sent; the caller commits, and ends the part of a lead that gives way.

    Sent as proposed: the agency is asked for that expert, who works on it unless the agency says otherwise. Another lead was
    asked: nothing is proposed any more.
    """
    proposal = unsent(session, row.id) if role == LEAD else None
    if proposal is None:
        return
    if proposal.entity_id != entity_id:
        session.delete(proposal)
        return
    proposal.sent_at = now()
    expert = session.get_one(Membership, proposal.membership_id)
    for party in row.parties:
        if party.role == LEAD and party.until is None and party.entity_id == entity_id and expert.active:
            party.assignee_id = expert.id


def next_alternate(session: Session, row: SupportRequest) -> Membership | None:
    """Who was named to be asked after the expert asked last, and still can be: their agency neither has the request,

    nor declined it, nor is in conflict with it.
    """
    last = session.scalar(
        select(AssignmentProposal)
        .where(AssignmentProposal.request_id == row.id, AssignmentProposal.sent_at.is_not(None))
        .order_by(AssignmentProposal.sent_at.desc())
        .limit(1)
    )
    if last is None:
        return None
    barred = conflicts.excluded(session, row) | {
        party.entity_id for party in row.parties if party.role in policy.DELIVERY
    }
    return _first(session, last.alternates, barred)


def _first(session: Session, ids: Collection[str], barred: Collection[str]) -> Membership | None:
    found = {
        one.id: one
        for one in session.scalars(
            select(Membership).where(Membership.id.in_(ids)).options(joinedload(Membership.entity))
        )
    }
    return next(
        (found[id_] for id_ in ids if id_ in found and found[id_].active and found[id_].entity_id not in barred), None
    )
