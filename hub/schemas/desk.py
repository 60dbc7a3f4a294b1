"""The secretariat's desk: one step for many requests, loads, delays."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate

from hub.schemas.fields import LARGEST_VERSION, LONGEST_NOTE, Body, Words, iso
from hub.support import desk, reading
from hub.support.escalation import Late
from hub.support.models import SupportRequest


class Picked(fields.String):
    """A request and the version of it that was seen, as `ID:VERSION`. Loads to a pair."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Any:
        name, _, version = super()._deserialize(value, attr, data, **kwargs).rpartition(":")
        if not name or not version.isascii() or not version.isdigit() or not 1 <= int(version[:11]) <= LARGEST_VERSION:
            raise ValidationError("Not a request and its version, such as R-2026-0042:3.")
        return name, int(version)


class Many(Body):
    """One step for many requests. `reason`, `note`: of decline, for all of them. Send goes to the best match of each."""

    action = fields.String(required=True, validate=validate.OneOf(tuple(desk.MANY), error="Choose one."))
    requests = fields.List(
        Picked(metadata={"example": "R-2026-0042:3"}),
        required=True,
        validate=validate.Length(1, desk.MOST, error="Choose at least one request, and at most {max}."),
    )
    reason = fields.String(load_default="")
    note = Words(LONGEST_NOTE)


def values_of_many(
    asked: Mapping[str, Any], best: Callable[[SupportRequest], Mapping[str, Any]]
) -> Callable[[SupportRequest], Mapping[str, Any]]:
    """What each of the requests takes for the step. `best`: whom a request is sent to."""
    if asked["action"] == "send":
        return best
    values = {"reason": asked["reason"], "note": asked["note"]} if asked["action"] == "decline" else {}
    return lambda _: values


class OutcomeSchema(Schema):
    """`detail`: why it was not done."""

    id = fields.String()
    reference = fields.String(allow_none=True)
    done = fields.Boolean()
    detail = fields.String()


class LoadSchema(Schema):
    """Open requests that the agency was asked to take, accepted, is late with; `declined`: ever."""

    id = fields.String()
    name = fields.String()
    asked = fields.Integer()
    accepted = fields.Integer()
    overdue = fields.Integer()
    declined = fields.Integer()


class ShortageSchema(Schema):
    """Open requests that name the objective, and those of them that no agency has accepted."""

    gcm_objective = fields.Integer()
    open = fields.Integer()
    without_agency = fields.Integer()


class LoadsSchema(Schema):
    agencies = fields.List(fields.Nested(LoadSchema))
    shortages = fields.List(fields.Nested(ShortageSchema))


class OverdueSchema(Schema):
    """`stages`: of those of `ClockSchema`, the ones that are late."""

    id = fields.String()
    reference = fields.String()
    country = fields.String()
    status = fields.String()
    stages = fields.List(fields.String())
    next_due_at = fields.DateTime(allow_none=True)


class LateSchema(Schema):
    """`due_at`: the day that has passed."""

    reference = fields.String()
    gcm_objectives = fields.List(fields.Integer())
    stage = fields.String()
    due_at = fields.DateTime()


def dump_outcomes(outcomes: Sequence[desk.Outcome]) -> list[dict[str, Any]]:
    return [{"id": one.id, "reference": one.reference, "done": one.done, "detail": one.detail} for one in outcomes]


def dump_loads(loads: Sequence[desk.Load], shortages: Sequence[desk.Shortage]) -> dict[str, Any]:
    return {
        "agencies": [
            {
                "id": one.agency.id,
                "name": one.agency.name,
                "asked": one.asked,
                "accepted": one.accepted,
                "overdue": one.overdue,
                "declined": one.declined,
            }
            for one in loads
        ],
        "shortages": [
            {"gcm_objective": one.objective, "open": one.open, "without_agency": one.without} for one in shortages
        ],
    }


def dump_overdue(found: Sequence[tuple[SupportRequest, Sequence[str]]]) -> list[dict[str, Any]]:
    return [
        {
            "id": row.id,
            "reference": row.reference,
            "country": row.country_id,
            "status": row.status,
            "stages": list(stages),
            "next_due_at": iso(reading.next_due(row)),
        }
        for row, stages in found
    ]


def dump_late(found: Sequence[Late]) -> list[dict[str, Any]]:
    return [
        {
            "reference": one.reference,
            "gcm_objectives": list(one.objectives),
            "stage": one.stage,
            "due_at": iso(one.due_at),
        }
        for one in found
    ]
