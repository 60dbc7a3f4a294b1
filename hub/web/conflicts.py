"""Conflicts of interest in words."""

from dataclasses import dataclass

from flask import url_for
from flask_babel import gettext
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from hub.accounts.guard import db
from hub.accounts.models import Membership
from hub.network import vocabulary
from hub.network.models import Entity
from hub.support import conflicts
from hub.support.models import SupportRequest
from hub.web.i18n import language
from hub.web.support.words import REASON_NAMES


@dataclass(frozen=True, slots=True)
class Line:
    """`lift`: the address of the button that takes a declaration back, empty where it is no declaration."""

    name: str
    reason: str
    source: str
    lift: str


def conflict_lines(row: SupportRequest) -> list[Line]:
    """Who is left out of a request and why, for the secretariat. That a State is not asked about itself goes without saying."""
    asking = conflicts.asking(row)
    found = [one for one in conflicts.of_request(db(), row) if one.entity_id not in asking]
    if not found:
        return []
    people = {
        one.id: one.person.name
        for one in db().scalars(
            select(Membership)
            .where(Membership.id.in_([one.membership_id for one in found if one.membership_id]))
            .options(joinedload(Membership.person))
        )
    }
    names = vocabulary.labels(db(), "agency", language())
    others = dict(
        db().execute(select(Entity.id, Entity.name).where(Entity.id.in_([one.entity_id for one in found]))).all()
    )
    lines: list[Line] = []
    for one in found:
        entity = names.get(one.entity_id) or others.get(one.entity_id, one.entity_id)
        person = people.get(one.membership_id or "")
        lines.append(
            Line(
                gettext("%(person)s (%(entity)s)", person=person, entity=entity) if person else entity,
                str(REASON_NAMES[one.reason]),
                one.source,
                url_for("experts.lift", name=row.id, conflict_id=one.record_id)
                if one.kind == conflicts.DECLARED and one.record_id
                else "",
            )
        )
    return lines
