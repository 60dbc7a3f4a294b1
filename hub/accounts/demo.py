"""Labelled accounts to try the hub with, one per kind of person. They may sign in only where `HUB_DEMO` is set."""

import secrets

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.accounts import people
from hub.accounts.models import ADMINISTRATOR, EXPERT, FOCAL_POINT, SECRETARIAT, Person
from hub.errors import NotFound
from hub.network.models import Entity

ACCOUNTS = (
    ("Focal point, Portugal (demo)", "focal.point.portugal@demo.invalid", FOCAL_POINT, "PRT"),
    ("Focal point, Ghana (demo)", "focal.point.ghana@demo.invalid", FOCAL_POINT, "GHA"),
    ("Secretariat (demo)", "secretariat@demo.invalid", SECRETARIAT, "secretariat"),
    ("Administrator (demo)", "administrator@demo.invalid", ADMINISTRATOR, "secretariat"),
    ("Expert, ILO (demo)", "expert.ilo@demo.invalid", EXPERT, "ilo"),
    ("Expert, IOM (demo)", "expert.iom@demo.invalid", EXPERT, "iom"),
)
"""Name, address, role, entity."""


def create_demo(session: Session) -> list[tuple[str, str, str]]:
    """Make those that are missing and commit. Returns (name, address, password) of the new ones: it is shown only now.

    Raises `NotFound` if the vocabulary, which has the States and agencies, is not loaded.
    """
    made: list[tuple[str, str, str]] = []
    for name, email, role, entity_id in ACCOUNTS:
        if session.scalar(select(Person.id).where(Person.email == email)) is not None:
            continue
        entity = session.get(Entity, entity_id)
        if entity is None:
            raise NotFound(f"There is no {entity_id} in the database; load the vocabulary first.")
        password = secrets.token_urlsafe(12)
        person = people.create_person(session, email=email, name=name, is_demo=True)
        people.join(session, person, entity, role, by=None, reason="demo", confirmed=True)
        people.set_password(session, person, password)
        made.append((name, email, password))
    return made
