"""Who hears that a request is late before the secretariat does: the co-leads of the working groups of its objectives.

They learn its reference, its objectives and which stage is late; never whose it is or what it says. Access derives from a
`Party` row as all access does, ends when the stage does, and gives no page of the request.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload, selectinload

from hub.accounts import policy
from hub.accounts.models import Membership
from hub.network.models import AGENCY, Entity, EntityObjective, WorkingGroup
from hub.support import conflicts, steps
from hub.support.lifecycle import IN_PROGRESS, MATCHING, PLANNING, UNPLACED
from hub.support.models import CO_LEAD, Clock, Party, SupportRequest

TOLD_IN = (MATCHING, UNPLACED, PLANNING, IN_PROGRESS)
"""Before that the secretariat alone is late, and the request is nobody else's to know of."""


@dataclass(frozen=True, slots=True)
class Late:
    """All that a co-lead is told. `stage`: one of `clocks.STAGES`."""

    reference: str
    objectives: tuple[int, ...]
    stage: str
    due_at: datetime


def co_leads(session: Session, row: SupportRequest) -> list[str]:
    """Agencies that co-lead a working group on an objective of the request, without those that have it or are in conflict."""
    numbers = [objective.number for objective in row.objectives]
    groups = session.scalars(
        select(WorkingGroup)
        .join(EntityObjective, EntityObjective.entity_id == WorkingGroup.entity_id)
        .where(EntityObjective.number.in_(numbers))
        .order_by(WorkingGroup.entity_id)
    ).unique()
    named = {id_ for group in groups for id_ in group.co_lead_ids}
    agencies = set(session.scalars(select(Entity.id).where(Entity.id.in_(named), Entity.kind == AGENCY)))
    parties = {party.entity_id for party in row.parties if party.role in policy.DELIVERY and party.until is None}
    return sorted(agencies - parties - conflicts.excluded(session, row))


def tell(session: Session, row: SupportRequest, clock: Clock, at: datetime) -> bool:
    """Tell the co-leads, once for a clock. False: there are none, or they were told; then the secretariat is next."""
    found = co_leads(session, row) if clock.co_lead_told_at is None and row.status in TOLD_IN else []
    for id_ in found:
        party = next((one for one in row.parties if one.entity_id == id_ and one.role == CO_LEAD), None)
        if party is None:
            party = Party(entity_id=id_, role=CO_LEAD)
            row.parties.append(party)
        party.state, party.until = "told", None
        data = {"stage": clock.stage, "entity": id_}
        steps.tell(session, None, row, "escalate", audience="agency", before=row.status, data=data)
    if found:
        clock.co_lead_told_at = at
    return bool(found)


def late(session: Session, membership: Membership | None) -> list[Late]:
    """What this membership was told of and still goes on, the oldest deadline first."""
    rows = session.scalars(
        select(Clock)
        .join(SupportRequest, SupportRequest.id == Clock.request_id)
        .where(
            policy.visible(membership, "stage"),
            Clock.co_lead_told_at.is_not(None),
            Clock.stopped_at.is_(None),
        )
        .order_by(Clock.due_at, Clock.id)
        .options(joinedload(Clock.request).options(selectinload(SupportRequest.objectives)))
    )
    return [
        Late(
            clock.request.reference,
            tuple(objective.number for objective in clock.request.objectives),
            clock.stage,
            clock.due_at,
        )
        for clock in rows
    ]
