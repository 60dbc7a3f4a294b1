"""What every step of a request does, whoever takes it.

A verb finds the request under `policy` (`reading.get`), asks here whether the step is in `lifecycle.TRANSITIONS` and its
caller may take it (`check`), writes `where version = seen` with an event and a notice (`take`), and brings the clocks in
line in one commit (`finish`). Whatever goes wrong before that commit leaves nothing behind.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from hub import events
from hub.accounts import policy
from hub.accounts.models import Membership
from hub.database import later, now
from hub.errors import Forbidden, IllegalTransition, Invalid, StaleVersion
from hub.search import text
from hub.support import clocks, reading
from hub.support.lifecycle import TRANSITIONS
from hub.support.models import Party, StepNote, SupportRequest

IN_SCOPE = "in_scope"
CHANGED = "Somebody else changed this request since you opened it."
NOT_NOW = "The request has moved on: this step is not possible in its present status."


def check(membership: Membership | None, row: SupportRequest, action: str, version: int) -> Membership:
    """Is the step in the table, may this membership take it, and did it see the row as it is? Writes nothing."""
    if (row.status, action) not in TRANSITIONS or not reading.ready(row, action):
        raise IllegalTransition(
            NOT_NOW, status_now=row.status, possible=list(reading.possible_actions(membership, row))
        )
    if membership is None or not policy.can(membership, action, row):
        raise Forbidden(reading.NOT_YOURS)
    if row.version != version:
        raise StaleVersion(CHANGED, version=row.version)
    return membership


def finish(session: Session, row: SupportRequest, action: str) -> None:
    """Bring the clocks in line with the step and commit."""
    clocks.follow(session, row, action, now())
    session.commit()


def take(
    session: Session,
    membership: Membership | None,
    row: SupportRequest,
    action: str,
    version: int,
    *,
    other: bool = False,
    reason: str | None = None,
    note: str = "",
    data: Mapping[str, str] | None = None,
    **values: Any,
) -> None:
    """Write the step if the row is still at `version`, with its event and notice; leaves the commit to the verb.

    `other`: the condition of the step's `or_to`, if it has one, holds. From here to the commit the row is locked, so its parties are what was checked.
    """
    before = row.status
    step = TRANSITIONS[before, action]
    written = session.scalar(
        update(SupportRequest)
        .where(SupportRequest.id == row.id, SupportRequest.version == version)
        .values(status=step.or_to if other and step.or_to else step.to, version=version + 1, updated_at=now(), **values)
        .returning(SupportRequest.version)
        .execution_options(synchronize_session=False)
    )
    if written is None:
        session.rollback()
        current = session.scalar(select(SupportRequest.version).where(SupportRequest.id == row.id))
        raise StaleVersion(CHANGED, version=current)
    session.refresh(row)
    tell(session, membership, row, action, audience=step.audience, before=before, reason=reason, note=note, data=data)


def tell(
    session: Session,
    membership: Membership | None,
    row: SupportRequest,
    action: str,
    *,
    audience: str,
    before: str | None,
    reason: str | None = None,
    note: str = "",
    data: Mapping[str, str] | None = None,
) -> None:
    """Record what happened, with a notice of it. Without a membership it happened by itself."""
    if membership and membership.behalf:
        behalf = membership.behalf
        named = {"for": membership.entity_id, "source": behalf.source, "dated": behalf.dated.isoformat()}
        data = {**(data or {}), **named, **({"letter": behalf.letter} if behalf.letter else {})}
    event = events.record(
        session,
        subject=(reading.SUBJECT, row.id),
        action=action,
        audience=audience,
        person_id=membership.person_id if membership else None,
        membership_id=membership.id if membership else None,
        from_state=before,
        to_state=row.status,
        reason=reason,
        version=row.version,
        data=data,
    )
    session.flush()
    if note:
        session.add(StepNote(event_id=event.id, text=note))
    later(session, "notice", {"event": event.id, "request": row.id})


def add_party(row: SupportRequest, entity_id: str, role: str) -> None:
    """Ask an entity to take part, for the first time or again."""
    former = next((party for party in row.parties if party.entity_id == entity_id and party.role == role), None)
    if former is None:
        row.parties.append(Party(entity_id=entity_id, role=role, state="sent"))
    else:
        former.state, former.since, former.until = "sent", now(), None


def own_parties(membership: Membership, row: SupportRequest, roles: Collection[str] = policy.DELIVERY) -> list[Party]:
    """The active parts of the membership's entity that wait for its word."""
    return [
        party
        for party in row.parties
        if party.entity_id == membership.entity_id
        and party.role in roles
        and party.state == "sent"
        and party.until is None
    ]


def check_reason(reason: str, among: Sequence[str], note: str) -> None:
    if reason not in among:
        raise Invalid({"reason": ["Choose one of the reasons."]})
    if reason == "other" and not note.strip():
        raise Invalid({"note": ["Say in a sentence why."]})


def language_of(given: str | None, title: str, body: str, membership: Membership) -> str:
    return given or text.detect(f"{title}\n{body}") or membership.person.language
