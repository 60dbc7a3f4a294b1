"""An agency corrects its record or contests the reason of a match; the secretariat decides; only then it counts.

A confirmed value replaces that of the vocabulary files for good (`corpus.load` leaves it alone), matching and every page
read it at once, and another correction undoes it.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any

from sqlalchemy import ColumnElement, delete, select, true, update
from sqlalchemy.orm import Session, joinedload, selectinload

from hub import events
from hub.accounts.models import EXPERT, SECRETARIAT, Membership
from hub.database import is_id, later, new_id, now
from hub.errors import Forbidden, Invalid, NotFound, StaleVersion
from hub.knowledge.models import Document, DocumentEntity
from hub.network import vocabulary
from hub.network.models import (
    AGENCY,
    CONFIRMED,
    MANDATE,
    PROPOSED,
    REFUSED,
    REPLACED,
    Correction,
    Entity,
    EntityObjective,
)
from hub.network.vocabulary import OBJECTIVES, REGIONS
from hub.search.types import LANGUAGES

OWN_FIELDS = ("objectives", "languages", "presence", "mandate", "url")
"""What an agency proposes of its record. `objectives`: `{"6": "primary"}`, of the mandate; those of working groups stay.

`languages`: codes of the six; `presence`: ISO alpha-3 codes and M49 names; `mandate`, `url`: text.
"""
RECORD, REASON = "record", "reason"
FIELDS = (*OWN_FIELDS, RECORD, REASON)
"""Beside those: `record`, slug of a record in which the agency had no part; `reason`, contested without a value behind it."""
STRENGTHS = ("primary", "secondary")
LONGEST_MANDATE, LONGEST_URL, LONGEST_NOTE, MOST_PLACES = 5_000, 300, 2_000, 250
CHANGED = "The record was changed since this was proposed. Refuse it, and let it be proposed again."


def record(session: Session, entity_id: str) -> dict[str, Any]:
    """The value of each of `OWN_FIELDS` as it is now. `NotFound` for what is no agency."""
    return {field: _value(_agency(session, entity_id), field) for field in OWN_FIELDS}


def propose(
    session: Session, membership: Membership, field: str, value: Any, because: str, *, entity_id: str | None = None
) -> Correction:
    """Say what a field should be. An expert speaks for the own agency, the secretariat for any.

    A proposal for the same field that waits is replaced. Raises `Invalid` for a value that is none, or that stands there already.
    """
    entity = _mine(session, membership, entity_id)
    if field not in OWN_FIELDS:
        raise Invalid({"field": ["There is no such field."]})
    wanted = _checked(session, field, value)
    before = _value(entity, field)
    if wanted == before:
        raise Invalid({"value": ["The record says this already."]})
    return _add(session, membership, entity, field, before=before, after=wanted, because=because)


def contest(
    session: Session, membership: Membership, reason: str, because: str, *, entity_id: str | None = None
) -> Correction:
    """Say that a reason of a match (`hub.matching.types.Reason.id`) is wrong; `because` says how.

    Where it rests on an objective of the mandate or on a part in a record, confirming it takes that away; else it is noted.
    """
    entity = _mine(session, membership, entity_id)
    if not because.strip():
        raise Invalid({"because": ["Say in a sentence why."]})
    _, _, evidence = reason.partition(":")
    if not evidence or len(reason) > LONGEST_URL:
        raise Invalid({"reason": ["There is no such reason."]})
    number = evidence.removeprefix("objective:")
    mandate = _value(entity, "objectives")
    if evidence != number and number in mandate:
        after = {one: strength for one, strength in mandate.items() if one != number}
        return _add(
            session, membership, entity, "objectives", before=mandate, after=after, because=because, reason=reason
        )
    if _part_in(session, entity.id, evidence) is not None:
        return _add(session, membership, entity, RECORD, before=evidence, after=None, because=because, reason=reason)
    return _add(session, membership, entity, REASON, before=reason, after=None, because=because, reason=reason)


def confirm(session: Session, membership: Membership, id_: str, *, note: str = "") -> Correction:
    """The record says it from now on. `StaleVersion` if it was decided, or the record changed, meanwhile."""
    row = _to_decide(session, membership, id_)
    entity = _agency(session, row.entity_id)
    if row.field in OWN_FIELDS and _value(entity, row.field) != row.before["value"]:
        raise StaleVersion(CHANGED)
    _decide(session, membership, row, CONFIRMED, note)
    _APPLY[row.field](session, entity, row)
    session.execute(update(Entity).where(Entity.id == entity.id).values(version=Entity.version + 1))
    vocabulary.touch(session, new_id())
    session.commit()
    return row


def refuse(session: Session, membership: Membership, id_: str, *, note: str) -> Correction:
    """The record stays; `note` tells the agency why."""
    if not note.strip():
        raise Invalid({"note": ["Say in a sentence why."]})
    row = _to_decide(session, membership, id_)
    _decide(session, membership, row, REFUSED, note)
    session.commit()
    return row


def listing(session: Session, membership: Membership, *, status: Collection[str] = ()) -> list[Correction]:
    """Those of the own agency, or for the secretariat all of them: what waits first, then the newest."""
    if membership.role == EXPERT and membership.active:
        return _listed(session, Correction.entity_id == membership.entity_id, status)
    if membership.role != SECRETARIAT or not membership.active:
        raise Forbidden
    return _listed(session, true(), status)


def for_operator(session: Session, status: Collection[str] = ()) -> list[Correction]:
    """All of them for the person at the machine's command line. Never for an edge."""
    return _listed(session, true(), status)


def _listed(session: Session, whose: ColumnElement[bool], status: Collection[str]) -> list[Correction]:
    wanted = select(Correction).where(whose).options(joinedload(Correction.entity))
    if status:
        wanted = wanted.where(Correction.status.in_(tuple(status)))
    found = session.scalars(wanted.order_by(Correction.id.desc()).limit(200)).all()
    return sorted(found, key=lambda row: row.status != PROPOSED)


def waiting(session: Session, membership: Membership) -> int:
    """How many the secretariat has to decide; 0 for others."""
    return len(listing(session, membership, status=(PROPOSED,))) if membership.role == SECRETARIAT else 0


def _agency(session: Session, entity_id: str) -> Entity:
    entity = session.get(
        Entity, entity_id, options=(joinedload(Entity.agency), selectinload(Entity.objectives)), populate_existing=True
    )
    if entity is None or entity.kind != AGENCY or entity.agency is None:
        raise NotFound("There is no such agency.")
    return entity


def _mine(session: Session, membership: Membership, entity_id: str | None) -> Entity:
    if not membership.active or membership.role not in {EXPERT, SECRETARIAT}:
        raise Forbidden
    if membership.role == EXPERT and entity_id not in {None, membership.entity_id}:
        raise Forbidden
    return _agency(session, entity_id or membership.entity_id)


def _value(entity: Entity, field: str) -> Any:
    facts = entity.agency
    assert facts is not None  # noqa: S101 - `_agency` saw to it
    if field == "objectives":
        return {str(each.number): each.strength for each in entity.objectives if each.basis == MANDATE}
    return getattr(facts, field) or ([] if field in {"languages", "presence"} else "")


def _checked(session: Session, field: str, value: Any) -> Any:
    """The value in its one form. Raises `Invalid`."""
    if field == "objectives" and isinstance(value, Mapping):
        given: dict[str, str] = {str(number): str(strength) for number, strength in value.items()}
        if all(number in map(str, OBJECTIVES) and strength in STRENGTHS for number, strength in given.items()):
            return {number: given[number] for number in sorted(given, key=int)}
    elif field in {"languages", "presence"} and isinstance(value, list):
        known = LANGUAGES if field == "languages" else {*vocabulary.labels(session, "country", "en"), *REGIONS}
        wrong = [one for one in value if one not in known]
        if wrong:
            raise Invalid({"value": [f"{wrong[0]} is not known here."]})
        if len(value) <= MOST_PLACES:
            return sorted(set(value))
    elif (field == "mandate" and isinstance(value, str) and 0 < len(value.strip()) <= LONGEST_MANDATE) or (
        field == "url"
        and isinstance(value, str)
        and len(value) <= LONGEST_URL
        and value.startswith(("https://", "http://"))
    ):
        return value.strip()
    raise Invalid({"value": ["This cannot be the value of this field."]})


def _add(
    session: Session,
    membership: Membership,
    entity: Entity,
    field: str,
    *,
    before: Any,
    after: Any,
    because: str,
    reason: str | None = None,
) -> Correction:
    same = (Correction.entity_id == entity.id) & (Correction.field == field) & (Correction.status == PROPOSED)
    if field in {RECORD, REASON}:
        same &= Correction.reason == reason
    session.execute(update(Correction).where(same).values(status=REPLACED))
    row = Correction(
        entity_id=entity.id,
        field=field,
        before={"value": before},
        after={"value": after},
        reason=reason,
        because=because.strip()[:LONGEST_NOTE],
        proposed_by=membership.id,
    )
    session.add(row)
    session.flush()
    _tell(session, membership, row, "correction_proposed")
    session.commit()
    return row


def _to_decide(session: Session, membership: Membership, id_: str) -> Correction:
    if not membership.active or membership.role != SECRETARIAT:
        raise Forbidden
    row = session.get(Correction, id_) if is_id(id_) else None
    if row is None:
        raise NotFound("There is no such correction.")
    return row


def _decide(session: Session, membership: Membership, row: Correction, status: str, note: str) -> None:
    written = session.scalar(
        update(Correction)
        .where(Correction.id == row.id, Correction.status == PROPOSED)
        .values(status=status, decided_by=membership.id, decided_at=now(), note=note.strip()[:LONGEST_NOTE])
        .returning(Correction.id)
    )
    if written is None:
        session.rollback()
        raise StaleVersion("This was decided meanwhile.")
    session.refresh(row)
    _tell(session, membership, row, f"correction_{status}")


def _tell(session: Session, membership: Membership, row: Correction, action: str) -> None:
    """What was decided is news to the agency's experts (`hub.notices.notices`)."""
    event = events.record(
        session,
        subject=("entity", row.entity_id),
        action=action,
        audience="secretariat",
        person_id=membership.person_id,
        membership_id=membership.id,
        to_state=row.status,
        data={"correction": row.id, "field": row.field},
    )
    if row.status in {CONFIRMED, REFUSED}:
        session.flush()
        later(session, "notice", {"event": event.id})


# What confirming does


def _write_objectives(_session: Session, entity: Entity, row: Correction) -> None:
    wanted: dict[str, str] = row.after["value"]
    there = {str(each.number): each for each in entity.objectives if each.basis == MANDATE}
    for number, each in there.items():
        if number not in wanted:
            entity.objectives.remove(each)
    for number, strength in wanted.items():
        if number in there:
            there[number].strength = strength
        else:
            entity.objectives.append(EntityObjective(number=int(number), basis=MANDATE, strength=strength))


def _write_fact(_session: Session, entity: Entity, row: Correction) -> None:
    setattr(entity.agency, row.field, row.after["value"])


def _part_in(session: Session, entity_id: str, slug: str) -> str | None:
    return session.scalar(
        select(Document.id)
        .join(DocumentEntity, DocumentEntity.document_id == Document.id)
        .where(Document.slug == slug, DocumentEntity.entity_id == entity_id)
    )


def _take_out_of_record(session: Session, entity: Entity, row: Correction) -> None:
    document = _part_in(session, entity.id, row.before["value"])
    if document is not None:
        session.execute(
            delete(DocumentEntity).where(DocumentEntity.document_id == document, DocumentEntity.entity_id == entity.id)
        )


def _note(_session: Session, _entity: Entity, _row: Correction) -> None:
    """Nothing stands behind the reason that could be taken away."""


_APPLY: Mapping[str, Callable[[Session, Entity, Correction], None]] = {
    "objectives": _write_objectives,
    **dict.fromkeys(("languages", "presence", "mandate", "url"), _write_fact),
    RECORD: _take_out_of_record,
    REASON: _note,
}
