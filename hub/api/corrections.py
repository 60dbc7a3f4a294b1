"""Corrections of agencies' records: an expert proposes or contests, the secretariat decides."""

from typing import Any

from flask import Blueprint, Response, jsonify, make_response, request
from marshmallow import Schema, fields, validate

from hub.accounts import guard
from hub.accounts.guard import db, membership_needed
from hub.accounts.models import EXPERT, SECRETARIAT
from hub.api.bodies import json_body
from hub.api.describe import describe
from hub.knowledge import corrections
from hub.knowledge.corrections import LONGEST_NOTE, LONGEST_URL, OWN_FIELDS
from hub.network.models import CORRECTION_STATUSES, Correction
from hub.schemas.fields import Body, Words, load

blueprint = Blueprint("api_corrections", __name__, url_prefix="/api/v1")


class ProposeBody(Body):
    """`value` by field: objectives `{"6": "primary"}`, languages and presence lists of codes, mandate and url text.

    With `contest` instead: the id of a reason of a match, and `because`.
    """

    agency = fields.String(load_default=None, validate=validate.Length(max=60))
    field = fields.String(load_default=None, validate=validate.OneOf(OWN_FIELDS))
    value = fields.Raw(load_default=None)
    contest = fields.String(load_default=None, validate=validate.Length(max=LONGEST_URL))
    because = Words(LONGEST_NOTE)


class DecisionBody(Body):
    """`note` is needed to refuse."""

    confirm = fields.Boolean(required=True)
    note = Words(LONGEST_NOTE)


class StatusParams(Body):
    status = fields.String(load_default=None, validate=validate.OneOf(CORRECTION_STATUSES))


class CorrectionSchema(Schema):
    id = fields.String()
    agency = fields.String()
    field = fields.String()
    before = fields.Raw()
    after = fields.Raw()
    reason = fields.String(allow_none=True)
    because = fields.String()
    status = fields.String(validate=validate.OneOf(CORRECTION_STATUSES))
    proposed_at = fields.DateTime()
    decided_at = fields.DateTime(allow_none=True)
    note = fields.String()


@blueprint.get("/corrections")
@guard.role(EXPERT, SECRETARIAT)
@describe(
    "Corrections of your agency, or for the secretariat of all",
    query=StatusParams,
    response=CorrectionSchema,
    many=True,
)
def list_corrections() -> Response:
    status = load(StatusParams, request.args.to_dict())["status"]
    rows = corrections.listing(db(), membership_needed(), status=(status,) if status else ())
    return jsonify({"items": [_dump(row) for row in rows], "next": None})


@blueprint.post("/corrections")
@guard.role(EXPERT, SECRETARIAT)
@describe("Propose a correction, or contest a reason", body=ProposeBody, response=CorrectionSchema, status=201)
def post_correction() -> Response:
    given = load(ProposeBody, json_body())
    membership, agency, because = membership_needed(), given["agency"], given["because"]
    if given["contest"]:
        row = corrections.contest(db(), membership, given["contest"], because, entity_id=agency)
    else:
        row = corrections.propose(db(), membership, given["field"], given["value"], because, entity_id=agency)
    return make_response(jsonify(_dump(row)), 201)


@blueprint.post("/corrections/<id_>/decision")
@guard.role(SECRETARIAT)
@describe("Confirm or refuse a correction", body=DecisionBody, response=CorrectionSchema, errors=(409,))
def post_decision(id_: str) -> Response:
    given = load(DecisionBody, json_body())
    decide = corrections.confirm if given["confirm"] else corrections.refuse
    return jsonify(_dump(decide(db(), membership_needed(), id_, note=given["note"])))


def _dump(row: Correction) -> dict[str, Any]:
    return {
        "id": row.id,
        "agency": row.entity_id,
        "field": row.field,
        "before": row.before["value"],
        "after": row.after["value"],
        "reason": row.reason,
        "because": row.because,
        "status": row.status,
        "proposed_at": row.proposed_at.isoformat(),
        "decided_at": row.decided_at.isoformat() if row.decided_at else None,
        "note": row.note,
    }
