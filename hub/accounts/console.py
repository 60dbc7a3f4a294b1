"""Accounts by the operator of the machine, who acts in no membership: what `hub user` needs.

Whoever may run commands here owns the database, so no policy is asked; events say that nobody signed in did it.
"""

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from hub.accounts import people
from hub.accounts.models import Membership, Person
from hub.errors import Invalid, NotFound


def add(
    session: Session, *, email: str, name: str, role: str, entity_id: str, language: str = "en", ttl_s: int
) -> tuple[Membership, str | None]:
    """A confirmed membership for a new or known person, and the token of a link if there is no password yet.

    For somebody who has one, `reset` gives a link to set another. Raises `Invalid` by field.
    """
    entity = people.entity_for(session, entity_id, role)
    person = session.scalar(select(Person).where(Person.email == people.normal_email(email)))
    if person is None:
        person = people.create_person(session, email=email, name=name, language=language)
    elif person.disabled_at is not None:
        raise Invalid({"email": ["This account is disabled."]})
    membership = people.join(session, person, entity, role, by=None, reason="operator", confirmed=True)
    token = people.new_link(session, person, "invite", ttl_s, by=None) if person.password_hash is None else None
    session.commit()
    return membership, token


def listing(session: Session) -> list[Membership]:
    """Every membership with person and entity, ended ones too, by address and then oldest first."""
    return list(
        session.scalars(
            select(Membership)
            .join(Membership.person)
            .order_by(Person.email, Membership.since, Membership.id)
            .options(joinedload(Membership.person), joinedload(Membership.entity))
        )
    )


def find(session: Session, email: str) -> Person:
    """The person with that address. Raises `NotFound`."""
    person = session.scalar(select(Person).where(Person.email == people.normal_email(email)))
    if person is None:
        raise NotFound("There is no account with this address.")
    return person


def reset(session: Session, email: str, ttl_s: int) -> tuple[Person, str]:
    """The token of a link to set a password, the first or another. Raises `NotFound`, and `Invalid` if disabled."""
    person = find(session, email)
    if person.disabled_at is not None:
        raise Invalid({"email": ["This account is disabled."]})
    return person, people.issue_link(session, person, "reset" if person.password_hash else "invite", ttl_s)


def disable(session: Session, email: str) -> Person:
    """Nobody signs in with this account any more; sessions, links and tokens stop working. Raises `NotFound`."""
    person = find(session, email)
    people.close_account(session, person, by=None)
    session.commit()
    return person
