"""Accounts by the operator of the machine, who acts in no membership: what `hub user` needs.

Whoever may run commands here owns the database, so no policy is asked; events say that nobody signed in did it.
"""

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from hub.accounts import people
from hub.accounts.models import Membership, Person
from hub.database import now
from hub.errors import Invalid, NotFound

OFFICE_ID = "secretariat"


def add(
    session: Session, *, email: str, name: str, role: str, entity_id: str | None, language: str = "en", ttl_s: int
) -> tuple[Membership, str]:
    """A confirmed membership, and the token of a link to set a password. For somebody known this adds what is missing,

    so doing it again gives a new link: the way to reset a password. `entity_id` None: the secretariat's office.
    Raises `Invalid` by field.
    """
    entity = people.entity_for(session, entity_id or OFFICE_ID, role)
    person = session.scalar(select(Person).where(Person.email == people.normal_email(email)))
    if person is None:
        person = people.create_person(session, email=email, name=name, language=language)
    elif person.disabled_at is not None:
        raise Invalid({"email": ["This account is disabled."]})
    same = [each for each in people.open_memberships(session, person.id) if (each.entity, each.role) == (entity, role)]
    membership = same[0] if same else None
    if membership is None:
        membership = people.join(session, person, entity, role, by=None, reason="operator", confirmed=True)
    elif membership.confirmed_at is None:
        membership.confirmed_at = now()
        people.record(session, ("membership", membership.id), "confirmed", None, reason="operator", to_state="active")
    token = people.new_link(session, person, "reset" if person.password_hash else "invite", ttl_s, by=None)
    session.commit()
    return membership, token


def listing(session: Session) -> list[dict[str, Any]]:
    """Everybody, by address: `email`, `name`, `status` (active, invited, disabled), `demo`, `memberships`: those that

    have not ended, as sentences (`focal_point of PRT, unconfirmed`).
    """
    found = session.scalars(select(Person).order_by(Person.email).options(selectinload(Person.memberships)))
    return [
        {
            "email": person.email,
            "name": person.name,
            "status": "disabled" if person.disabled_at else "active" if person.password_hash else "invited",
            "demo": person.is_demo,
            "memberships": [
                f"{each.role} of {each.entity_id}" + ("" if each.confirmed_at else ", unconfirmed")
                for each in sorted(person.memberships, key=lambda membership: (membership.since, membership.id))
                if each.until is None
            ],
        }
        for person in found
    ]


def find(session: Session, email: str) -> Person:
    """The person with that address. Raises `NotFound`."""
    person = session.scalar(select(Person).where(Person.email == people.normal_email(email)))
    if person is None:
        raise NotFound("There is no account with this address.")
    return person


def disable(session: Session, email: str) -> Person:
    """Nobody signs in with this account any more; sessions, links and tokens stop working. Raises `NotFound`."""
    person = find(session, email)
    people.close_account(session, person, by=None)
    session.commit()
    return person
