"""Small data for tests, built where it is used. Each function adds rows to a session, flushes, and returns the row."""

import hashlib
from typing import Any

from sqlalchemy.orm import Session

from hub.accounts.models import SECRETARIAT, Membership, Person
from hub.database import new_id, now
from hub.knowledge.models import Document, DocumentCountry, DocumentEntity, DocumentObjective
from hub.network.models import AGENCY, OFFICE, STATE, Agency, Entity, EntityObjective, MemberState
from hub.support.models import REQUESTING, Party, RequestObjective, SupportRequest

ISO2 = {"GHA": "GH", "PRT": "PT", "PHL": "PH", "SEN": "SN", "MAR": "MA", "COK": "CK", "FRA": "FR", "NPL": "NP"}


def state(session: Session, code: str = "PRT", *, regions: tuple[str, ...] = ("Southern Europe", "Europe")) -> Entity:
    existing = session.get(Entity, code)
    if existing:
        return existing
    entity = Entity(id=code, kind=STATE, name=code.title())
    entity.state = MemberState(
        iso2=ISO2.get(code, code[:2]),
        m49="000",
        un_status="member",
        regions=list(regions),
        subregion=regions[0],
        commissions=[],
        home_commissions=[],
        champion=None,
    )
    session.add(entity)
    session.flush()
    return entity


def agency(
    session: Session,
    code: str = "iom",
    *,
    objectives: dict[int, str] | None = None,
    mandate: str = "",
    verified: bool = True,
) -> Entity:
    existing = session.get(Entity, code)
    if existing:
        return existing
    entity = Entity(id=code, kind=AGENCY, name=code.upper())
    entity.agency = Agency(
        acronym=code.upper(),
        mandate=mandate or f"Mandate of {code}",
        membership_status="confirmed-working-group" if verified else "unverified",
    )
    entity.objectives = [
        EntityObjective(number=number, basis="mandate", strength=strength)
        for number, strength in (objectives or {}).items()
    ]
    session.add(entity)
    session.flush()
    return entity


def secretariat_office(session: Session) -> Entity:
    entity = session.get(Entity, "secretariat")
    if entity is None:
        entity = Entity(id="secretariat", kind=OFFICE, name="Secretariat of the Network")
        session.add(entity)
        session.flush()
    return entity


def member(
    session: Session, role: str, entity: Entity | None = None, *, confirmed: bool = True, **person: Any
) -> Membership:
    """A person with one membership; secretariat and administrator belong to the secretariat's office."""
    entity = entity or secretariat_office(session)
    key = new_id()
    human = Person(**{"email": f"{role}-{key}@example.org", "name": f"{role} of {entity.id} (test)", **person})
    membership = Membership(person=human, entity=entity, role=role, confirmed_at=now() if confirmed else None)
    session.add_all([human, membership])
    session.flush()
    return membership


def secretariat(session: Session) -> Membership:
    return member(session, SECRETARIAT)


def document(
    session: Session,
    slug: str = "",
    *,
    title: str = "A practice",
    summary: str = "What was done.",
    language: str = "en",
    kind: str = "practice",
    countries: tuple[str, ...] = (),
    objectives: tuple[int, ...] = (),
    agencies: tuple[str, ...] = (),
    **fields: Any,
) -> Document:
    slug = slug or f"record-{new_id()}"
    for code in countries:
        state(session, code)
    row = Document(
        slug=slug,
        source="corpus",
        source_id=slug,
        content_hash=hashlib.sha256(slug.encode()).hexdigest(),
        kind=kind,
        language=language,
        title=title,
        summary=summary,
        **fields,
    )
    row.countries = [DocumentCountry(country=code, position=position) for position, code in enumerate(countries)]
    row.objectives = [DocumentObjective(number=number) for number in objectives]
    row.entities = [DocumentEntity(entity_id=code, role="implementer") for code in agencies]
    session.add(row)
    session.flush()
    return row


def request(
    session: Session, by: Membership, *, status: str = "draft", objectives: tuple[int, ...] = (6,), **fields: Any
) -> SupportRequest:
    values: dict[str, Any] = {
        "reference": f"R-2026-{new_id()[-8:]}",
        "title": "Protect domestic workers",
        "description": "We would like advice.",
        "language": "en",
        **fields,
    }
    row = SupportRequest(country_id=by.entity_id, created_by=by.id, status=status, **values)
    row.objectives = [RequestObjective(number=number) for number in objectives]
    row.parties = [Party(entity_id=by.entity_id, role=REQUESTING)]
    session.add(row)
    session.flush()
    return row


def party(session: Session, row: SupportRequest, entity: Entity, role: str = "lead", state: str = "sent") -> Party:
    link = Party(entity_id=entity.id, role=role, state=state)
    row.parties.append(link)
    session.flush()
    return link
