"""What experts take on, and conflicts of interest, for scripts: the verbs of the pages, with the same rules."""

from flask import Blueprint, Response, jsonify

from hub.accounts import guard
from hub.accounts.guard import db, membership_needed
from hub.accounts.models import EXPERT, SECRETARIAT
from hub.api.bodies import json_body, versioned_body
from hub.api.describe import describe
from hub.schemas import experts as schemas
from hub.schemas.fields import load
from hub.support import conflicts, experts, reading

blueprint = Blueprint("api_experts", __name__, url_prefix="/api/v1")

CONFLICT = (409,)


def _one(membership_id: str) -> Response:
    entry = experts.entry(db(), membership_needed(), membership_id)
    response = jsonify(schemas.dump_expert(entry))
    if entry.profile:
        response.set_etag(str(entry.profile.version))
    return response


def _id(name: str) -> str:
    return membership_needed().id if name == "me" else name


@blueprint.get("/experts")
@guard.role(EXPERT, SECRETARIAT)
@describe("The experts of your agency; for the secretariat, all", response=schemas.ExpertSchema, many=True)
def list_experts() -> Response:
    found = experts.listing(db(), membership_needed())
    return jsonify({"items": [schemas.dump_expert(entry) for entry in found], "next": None})


@blueprint.get("/experts/<name>")
@guard.role(EXPERT, SECRETARIAT)
@describe("One expert: `me`, or the id of a membership", response=schemas.ExpertSchema)
def get_expert(name: str) -> Response:
    return _one(_id(name))


@blueprint.put("/experts/<name>")
@guard.role(EXPERT, SECRETARIAT)
@describe("Write a profile, whole", body=schemas.ProfileBody, response=schemas.ExpertSchema, errors=CONFLICT)
def put_expert(name: str) -> Response:
    values = load(schemas.ProfileBody, versioned_body())
    experts.save(db(), membership_needed(), _id(name), schemas.to_profile(values), version=values["version"])
    return _one(_id(name))


@blueprint.post("/experts/<name>/coordinator")
@guard.role(SECRETARIAT)
@describe(
    "Let an expert set the profiles of the agency's others, or no more",
    body=schemas.CoordinatorBody,
    response=schemas.ExpertSchema,
    errors=CONFLICT,
)
def post_coordinator(name: str) -> Response:
    experts.set_coordinator(db(), membership_needed(), name, **load(schemas.CoordinatorBody, versioned_body()))
    return _one(name)


@blueprint.get("/requests/<name>/conflicts")
@guard.role(SECRETARIAT)
@describe("Who is left out of a request, and why", response=schemas.ConflictSchema, many=True)
def get_conflicts(name: str) -> Response:
    row = reading.get(db(), membership_needed(), name)
    return jsonify({"items": [schemas.dump_conflict(one) for one in conflicts.of_request(db(), row)], "next": None})


@blueprint.delete("/requests/<name>/conflicts/<conflict_id>")
@guard.role(SECRETARIAT)
@describe("Lift a declared conflict of interest", status=204)
def delete_conflict(name: str, conflict_id: str) -> Response:
    conflicts.lift(db(), membership_needed(), name, conflict_id)
    return Response(status=204)


@blueprint.get("/programme-ties")
@guard.role(SECRETARIAT)
@describe("Agencies that work in the same programme as a State", response=schemas.TieSchema, many=True)
def list_ties() -> Response:
    return jsonify(
        {"items": [schemas.dump_tie(row) for row in conflicts.ties(db(), membership_needed())], "next": None}
    )


@blueprint.post("/programme-ties")
@guard.role(SECRETARIAT)
@describe("Record such a tie", body=schemas.TieBody, response=schemas.TieSchema, status=201)
def post_tie() -> Response:
    row = conflicts.tie(db(), membership_needed(), **load(schemas.TieBody, json_body()))
    response = jsonify(schemas.dump_tie(row))
    response.status_code = 201
    return response


@blueprint.delete("/programme-ties/<tie_id>")
@guard.role(SECRETARIAT)
@describe("Say that the programme is over", status=204)
def delete_tie(tie_id: str) -> Response:
    conflicts.end_tie(db(), membership_needed(), tie_id)
    return Response(status=204)
