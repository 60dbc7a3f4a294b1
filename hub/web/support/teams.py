"""What pages say of the agencies of a request: whom it could be sent to, who works on it, what they contributed."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from flask import current_app
from flask_babel import gettext
from sqlalchemy import select

from hub.accounts.guard import db
from hub.accounts.models import SECRETARIAT, Membership, Person
from hub.network import vocabulary
from hub.network.models import Entity
from hub.support import conflicts, contributions, proposals, ranking, team
from hub.support.models import CONTRIBUTOR, LEAD, SupportRequest
from hub.web.i18n import language
from hub.web.support.parts import name_in_words

if TYPE_CHECKING:
    from hub.matching.types import Matches
    from hub.support.delivery_models import Contribution


@dataclass(frozen=True, slots=True)
class ContributionLine:
    """`cites`: title and slug of its records that are still published. `mine`: of the reader's own agency."""

    office: str
    row: "Contribution"
    cites: tuple[tuple[str, str], ...]
    mine: bool


def send_values(membership: Membership, row: SupportRequest, values: dict[str, Any]) -> dict[str, Any]:
    """What the form to send leaves to the hub: which agencies match, best first."""
    parts = current_app.extensions["hub"]
    found = ranking.ranked(db(), membership, row, embedder=parts.embedder, engine=parts.engine)
    return {**values, "ranked": found}


def agency_options(row: SupportRequest, found: "Matches | None") -> dict[str, str]:
    """Agencies to send to: the matched ones first, best first, then the others by name; without the lead.

    A contributor is named as such: it can only be asked to lead.
    """
    names = vocabulary.labels(db(), "agency", language())
    verified = {agency.code: agency.verified for agency in vocabulary.agencies(db())}
    matched = [match.url_id for match in found.agencies if match.url_id] if found else []
    parts = {party.entity_id: party.role for party in row.parties if team.has_part(party)}
    barred = conflicts.excluded(db(), row) | {id_ for id_, role in parts.items() if role == LEAD}
    options: dict[str, str] = {}
    for code in dict.fromkeys([*matched, *names]):
        if code in barred or code not in names:
            continue
        label = names[code]
        if parts.get(code) == CONTRIBUTOR:
            label = gettext("%(name)s (contributes)", name=label)
        elif code in matched:
            label = gettext("%(name)s – match %(rank)s", name=label, rank=matched.index(code) + 1)
        if not verified.get(code):
            label = gettext("%(name)s (membership not verified)", name=label)
        options[code] = label
    return options


def proposed(row: SupportRequest, found: "Matches | None") -> dict[str, Any]:
    """What the form to send begins with: who was proposed, else the best match; the first one asked leads.

    `alternates`: those chosen before that were not asked yet, else the next best, `lead_asked`: whom another would replace.
    """
    ids = ranking.open_to(db(), row, found) if found else []
    assigned = proposals.unsent(db(), row.id)
    agency = assigned.entity_id if assigned else next(iter(ids), "")
    lead = team.lead_of(row)
    kept = [one.entity_id for one in team.alternates(db(), row)]
    return {
        "agency": agency,
        "role": CONTRIBUTOR if lead and not assigned else LEAD,
        "alternates": kept or ranking.alternates(db(), ids, but=agency),
        "lead_asked": name_in_words(lead.entity) if lead and lead.state == "sent" else "",
    }


def holders(row: SupportRequest) -> dict[str, str]:
    """Agencies that have it, for a list to choose from."""
    return {party.entity_id: name_in_words(party.entity) for party in row.parties if team.has_part(party)}


def colleagues(membership: Membership, row: SupportRequest) -> dict[str, str]:
    """Who of the reader's agency may work on it, by membership."""
    return {one.id: one.person.name for one in team.colleagues(db(), membership, row)}


def workers(membership: Membership, row: SupportRequest) -> dict[str, str]:
    """Party -> who works on it, as far as that is the reader's to know: of its own agency, or the secretariat."""
    found = {
        party.id: party.assignee_id
        for party in row.parties
        if party.assignee_id and (membership.role == SECRETARIAT or party.entity_id == membership.entity_id)
    }
    if not found:
        return {}
    active = Membership.until.is_(None) & Membership.confirmed_at.is_not(None)
    people = select(Membership.id, Person.name).join(Person, Person.id == Membership.person_id)
    names = dict(db().execute(people.where(active, Membership.id.in_(found.values()))).all())
    return {party: names[worker] for party, worker in found.items() if worker in names}


def assignee_of(membership: Membership, row: SupportRequest) -> str:
    """The membership that works on it for the reader's agency, if one was named."""
    own = (party for party in row.parties if party.entity_id == membership.entity_id and team.has_part(party))
    return next((party.assignee_id for party in own if party.assignee_id), "")


def contribution_lines(membership: Membership, row: SupportRequest) -> list[ContributionLine]:
    found = contributions.listing(db(), membership, row)
    records = contributions.documents(db(), found) if any(one.citations for one in found) else {}
    return [
        ContributionLine(
            name_in_words(one.entity),
            one,
            tuple((records[id_].title, records[id_].slug) for id_ in one.citations if id_ in records),
            mine=one.entity_id == membership.entity_id,
        )
        for one in found
    ]


def contributors(row: SupportRequest) -> dict[str, list[str]]:
    """Id of an answer or plan -> names of the agencies whose words went into it."""
    found = contributions.contributors(db(), row)
    named: dict[str, str] = {}
    for id_ in {id_ for ids in found.values() for id_ in ids}:
        entity = db().get(Entity, id_)
        named[id_] = name_in_words(entity) if entity else id_
    return {target: [named[id_] for id_ in ids] for target, ids in found.items()}
