"""Support requests: what forms and scripts send, and what they get."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from marshmallow import Schema, ValidationError, fields, pre_load, validate

from hub.accounts.models import Membership
from hub.database import now
from hub.schemas.fields import (
    LONGEST_DESCRIPTION,
    LONGEST_SUMMARY,
    LONGEST_TITLE,
    Body,
    Language,
    Objectives,
    Version,
    Words,
    iso,
)
from hub.support import clocks, reading
from hub.support.lifecycle import STATUSES
from hub.support.models import CONSENT_GROUPS, Clock, Party, SupportRequest
from hub.support.reading import Entry
from hub.support.requests import RequestData


class RequestBody(Body):
    """The words of a request. `country`: the writer's own State, which it is anyway."""

    title = Words(LONGEST_TITLE, needed=True)
    description = Words(LONGEST_DESCRIPTION, needed=True)
    summary = Words(LONGEST_SUMMARY, description="What an agency may see before it accepts.")
    language = Language()
    gcm_objectives = Objectives()


class NewRequest(RequestBody):
    """`submit`: hand it to the secretariat at once; else it is a draft that only its State's team sees."""

    country = fields.String(load_default=None, validate=validate.Length(3, 3), metadata={"example": "GHA"})
    submit = fields.Boolean(load_default=False)


class RequestChange(RequestBody):
    """Any of the words; what is left out stays (load it with `partial=KEPT`)."""

    title = Words(LONGEST_TITLE, needed=True, required=False)
    description = Words(LONGEST_DESCRIPTION, needed=True, required=False)
    version = Version("Of the request, as read; or send it as If-Match.", required=True)


KEPT = ("summary", "language", "gcm_objectives")
"""Fields of `RequestChange` that have a default, which must not replace what is stored."""


def to_request(values: Mapping[str, Any], current: RequestData | None = None) -> RequestData:
    """The words loaded by one of the schemas above; what they leave out is taken from `current`."""
    given: dict[str, Any] = {
        name: values[name] for name in ("title", "description", "summary", "language", "country") if name in values
    }
    if "gcm_objectives" in values:
        given["objectives"] = tuple(sorted(set(values["gcm_objectives"])))
    return RequestData(**given) if current is None else replace(current, **given)


def words_of(row: SupportRequest) -> RequestData:
    """What a request says, as its writer would send it."""
    return RequestData(
        title=row.title,
        description=row.description,
        summary=row.summary,
        language=row.language,
        objectives=tuple(objective.number for objective in row.objectives),
    )


class ListParams(Body):
    """`status` may be given several times."""

    status = fields.List(fields.String(validate=validate.OneOf(STATUSES)), load_default=list)
    limit = fields.Integer(load_default=20, validate=validate.Range(1, reading.LARGEST_PAGE))
    cursor = fields.String(load_default=None, validate=validate.Length(max=200))

    @pre_load
    def collect(self, data: Mapping[str, Any], **_: Any) -> dict[str, Any]:
        """A `MultiDict` of a request: only `status` may come several times."""
        lists = getattr(data, "getlist", None)
        if lists is None:
            return dict(data)
        repeated = {name: ["Given more than once."] for name in data if name != "status" and len(lists(name)) > 1}
        if repeated:
            raise ValidationError(repeated)
        return {name: lists(name) if name == "status" else data[name] for name in data}


class PartySchema(Schema):
    """`state`: active, or of whoever was asked sent, accepted, declined; shared: a peer that reads everything."""

    id = fields.String()
    name = fields.String()
    role = fields.String()
    state = fields.String()
    since = fields.DateTime()


class ClockSchema(Schema):
    """`stage`: acknowledge, triage, match, plan, answer, or reply (the State's). `due_at`: the end of that day, UTC.

    `paused`: the request waits for its State. `overdue`: took, or has taken, longer than it should.
    """

    stage = fields.String(validate=validate.OneOf(tuple(clocks.STAGES)))
    started_at = fields.DateTime()
    due_at = fields.DateTime()
    paused = fields.Boolean()
    stopped_at = fields.DateTime(allow_none=True)
    overdue = fields.Boolean()


class RequestSchema(Schema):
    """`actions`: what the caller can do now. `title` and `description` are null for an agency that has not accepted.

    `published`: groups of fields that the States agreed to publish; null in a list, and to who does not read it in full.
    """

    id = fields.String()
    reference = fields.String()
    country = fields.String()
    title = fields.String(allow_none=True)
    description = fields.String(allow_none=True)
    summary = fields.String()
    language = fields.String()
    gcm_objectives = fields.List(fields.Integer())
    status = fields.String(validate=validate.OneOf(STATUSES))
    version = fields.Integer()
    created_at = fields.DateTime()
    submitted_at = fields.DateTime(allow_none=True)
    updated_at = fields.DateTime()
    closed_at = fields.DateTime(allow_none=True)
    parties = fields.List(fields.Nested(PartySchema))
    clocks = fields.List(fields.Nested(ClockSchema))
    actions = fields.List(fields.String())
    published = fields.List(fields.String(validate=validate.OneOf(CONSENT_GROUPS)), allow_none=True)


class OfficeSchema(Schema):
    id = fields.String()
    name = fields.String()


class EventSchema(Schema):
    """`office`: for which entity somebody acted; `target`: the agency that it was about.

    `on_behalf_of`: the entity for which the secretariat acted, on a `source` of the day `dated`.
    """

    id = fields.String()
    action = fields.String()
    from_status = fields.String(allow_none=True)
    to_status = fields.String(allow_none=True)
    at = fields.DateTime()
    office = fields.Nested(OfficeSchema, allow_none=True)
    target = fields.Nested(OfficeSchema, allow_none=True)
    reason = fields.String(allow_none=True)
    note = fields.String(allow_none=True)
    audience = fields.String()
    on_behalf_of = fields.Nested(OfficeSchema, allow_none=True)
    source = fields.String(allow_none=True)
    dated = fields.Date(allow_none=True)


def dump_request(
    membership: Membership | None, row: SupportRequest, published: Sequence[str] | None = None
) -> dict[str, Any]:
    """In the shape of `RequestSchema`, as this reader may see it. `published`: as `register.published`."""
    detailed = reading.detailed(membership, row)
    return {
        "id": row.id,
        "reference": row.reference,
        "country": row.country_id,
        "title": row.title if detailed else None,
        "description": row.description if detailed else None,
        "summary": row.summary,
        "language": row.language,
        "gcm_objectives": [objective.number for objective in row.objectives],
        "status": row.status,
        "version": row.version,
        "created_at": iso(row.created_at),
        "submitted_at": iso(row.submitted_at),
        "updated_at": iso(row.updated_at),
        "closed_at": iso(row.closed_at),
        "parties": [_party(party) for party in reading.shown_parties(membership, row)],
        "clocks": [_clock(clock) for clock in row.clocks],
        "actions": list(reading.possible_actions(membership, row)),
        "published": published if published is None else list(published),
    }


def _clock(clock: Clock) -> dict[str, Any]:
    return {
        "stage": clock.stage,
        "started_at": iso(clock.started_at),
        "due_at": iso(clock.due_at),
        "paused": clock.paused_at is not None,
        "stopped_at": iso(clock.stopped_at),
        "overdue": clock.overdue(now()),
    }


def _party(party: Party) -> dict[str, Any]:
    return {
        "id": party.entity_id,
        "name": party.entity.name,
        "role": party.role,
        "state": party.state,
        "since": iso(party.since),
    }


def dump_entry(entry: Entry) -> dict[str, Any]:
    event = entry.event
    return {
        "id": event.id,
        "action": event.action,
        "from_status": event.from_state,
        "to_status": event.to_state,
        "at": iso(event.at),
        "office": entry.office and {"id": entry.office.id, "name": entry.office.name},
        "target": entry.target and {"id": entry.target.id, "name": entry.target.name},
        "reason": entry.reason,
        "note": entry.note,
        "audience": event.audience,
        "on_behalf_of": entry.in_the_name_of and {"id": entry.in_the_name_of.id, "name": entry.in_the_name_of.name},
        "source": event.data.get("source"),
        "dated": event.data.get("dated"),
    }
