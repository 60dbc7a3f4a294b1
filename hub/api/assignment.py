"""One solution for all open requests, for scripts of the secretariat."""

from flask import Blueprint, Response, current_app, jsonify, url_for

from hub.accounts import guard
from hub.accounts.guard import db, membership_needed
from hub.accounts.models import SECRETARIAT
from hub.api.bodies import json_body
from hub.api.describe import describe
from hub.schemas import assignment as schemas
from hub.schemas.fields import load
from hub.support import assigning
from hub.support.assigning import Parts
from hub.support.expert_models import AssignmentRun

blueprint = Blueprint("api_assignment", __name__, url_prefix="/api/v1")

CONFLICT = (409,)


def _one(run: AssignmentRun, status: int = 200) -> Response:
    response = jsonify(schemas.dump_run(run))
    response.status_code = status
    return response


@blueprint.get("/assignments")
@guard.role(SECRETARIAT)
@describe(
    "The newest solutions for all open requests, without their results", response=schemas.AssignmentRunSchema, many=True
)
def list_runs() -> Response:
    found = assigning.runs(db(), membership_needed())
    return jsonify({"items": [schemas.dump_run(run, full=False) for run in found], "next": None})


@blueprint.post("/assignments")
@guard.role(SECRETARIAT)
@describe(
    "Solve all open requests at once; a dry run, which may be `waiting` at first",
    body=schemas.SolveBody,
    response=schemas.AssignmentRunSchema,
    status=201,
)
def post_run() -> Response:
    values = load(schemas.SolveBody, json_body())
    hub = current_app.extensions["hub"]
    run = assigning.propose(db(), membership_needed(), Parts(hub.embedder, hub.engine), **values)
    response = _one(run, 201)
    response.headers["Location"] = url_for("api_assignment.get_run", run_id=run.id)
    return response


@blueprint.get("/assignments/<run_id>")
@guard.role(SECRETARIAT)
@describe("One solution", response=schemas.AssignmentRunSchema)
def get_run(run_id: str) -> Response:
    return _one(assigning.get(db(), membership_needed(), run_id))


@blueprint.post("/assignments/<run_id>/apply")
@guard.role(SECRETARIAT)
@describe(
    "Make a solution the proposals of today, all or nothing", response=schemas.AssignmentRunSchema, errors=CONFLICT
)
def apply(run_id: str) -> Response:
    return _one(assigning.apply(db(), membership_needed(), run_id))


@blueprint.post("/assignments/<run_id>/undo")
@guard.role(SECRETARIAT)
@describe("Bring back the proposals as they were before it", response=schemas.AssignmentRunSchema, errors=CONFLICT)
def undo(run_id: str) -> Response:
    return _one(assigning.undo(db(), membership_needed(), run_id))
