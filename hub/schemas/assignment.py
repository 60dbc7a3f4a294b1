"""Solutions for all open requests: what forms and scripts send, and what they get."""

from typing import Any

from marshmallow import Schema, fields, validate

from hub.schemas.fields import Body, Words
from hub.support.assigning import CHANGE_COST
from hub.support.expert_models import RUN_STATUSES, AssignmentRun


class SolveBody(Body):
    unlocked = fields.List(
        Words(40, needed=True),
        load_default=list,
        metadata={"description": "Ids or references of requests that may lose what was sent, accepted or locked."},
    )
    change_cost = fields.Float(
        load_default=CHANGE_COST,
        validate=validate.Range(0, 10, error="From {min} to {max}."),
        metadata={"description": "Affinity that a change from today must gain to be worth it."},
    )


class LockBody(Body):
    locked = fields.Boolean(required=True)


class AssignmentLineSchema(Schema):
    """`expert`, `before`, `alternates`: ids of memberships. `change`: none, new, kept, moved, dropped, or fixed."""

    request = fields.String()
    reference = fields.String()
    expert = fields.String(allow_none=True)
    entity = fields.String(allow_none=True)
    affinity = fields.Float(allow_none=True)
    before = fields.String(allow_none=True)
    affinity_before = fields.Float(allow_none=True)
    change = fields.String()
    cost = fields.Float()
    held = fields.Boolean(metadata={"description": "It was sent or accepted already."})
    alternates = fields.List(fields.String())


class AssignmentShortageSchema(Schema):
    """`code`: as in docs/assignment.md; of a `request`, or of an `expert` who has too few."""

    code = fields.String()
    request = fields.String(allow_none=True)
    expert = fields.String(allow_none=True)
    places = fields.Integer()
    language = fields.String(allow_none=True)
    region = fields.String(allow_none=True)
    objectives = fields.List(fields.Integer())


class AssignmentResultSchema(Schema):
    """`floor`, `total`: of the affinities of what may move; `_before`: of today's proposals."""

    lines = fields.List(fields.Nested(AssignmentLineSchema))
    floor = fields.Float(allow_none=True)
    total = fields.Float()
    floor_before = fields.Float(allow_none=True)
    total_before = fields.Float()
    cost = fields.Float()
    shortages = fields.List(fields.Nested(AssignmentShortageSchema))


class AssignmentRunSchema(Schema):
    id = fields.String()
    status = fields.String(validate=validate.OneOf(RUN_STATUSES))
    made_at = fields.DateTime()
    change_cost = fields.Float()
    unlocked = fields.List(fields.String())
    done = fields.Integer(metadata={"description": "Requests compared so far, of `total`."})
    total = fields.Integer()
    applied_at = fields.DateTime(allow_none=True)
    undone_at = fields.DateTime(allow_none=True)
    result = fields.Nested(AssignmentResultSchema, allow_none=True)


def dump_run(run: AssignmentRun, *, full: bool = True) -> dict[str, Any]:
    """`full`: with its result, where there is one."""
    return {
        "id": run.id,
        "status": run.status,
        "made_at": run.made_at.isoformat(),
        "change_cost": run.change_cost,
        "unlocked": run.unlocked,
        "done": run.done,
        "total": run.total,
        "applied_at": run.applied_at and run.applied_at.isoformat(),
        "undone_at": run.undone_at and run.undone_at.isoformat(),
        "result": (run.result or None) if full else None,
    }
