"""Support requests for scripts: the verbs of the pages, with the same rules."""

from typing import Any

from flask import Blueprint, Response, current_app, jsonify, request, url_for

from hub.accounts import guard
from hub.accounts.guard import db, membership_needed
from hub.accounts.models import SECRETARIAT
from hub.api.bodies import idempotency_key, json_body, versioned_body
from hub.api.describe import describe
from hub.database import now
from hub.errors import NotFound
from hub.schemas import answers as answer_schemas
from hub.schemas import desk as desk_schemas
from hub.schemas import matches as match_schemas
from hub.schemas import requests as request_schemas
from hub.schemas import steps as step_schemas
from hub.schemas.fields import load
from hub.support import contributions, delivery, desk, escalation, ranking, reading, register, requests, verbs
from hub.support.models import SupportRequest

blueprint = Blueprint("api_support", __name__, url_prefix="/api/v1")

CONFLICT = (409,)


def _one(row: SupportRequest, status: int = 200) -> Response:
    membership = membership_needed()
    response = jsonify(request_schemas.dump_request(membership, row, register.published(db(), membership, row)))
    response.status_code = status
    response.set_etag(str(row.version))
    return response


def _parts() -> dict[str, Any]:
    parts = current_app.extensions["hub"]
    return {"embedder": parts.embedder, "engine": parts.engine}


@blueprint.get("/requests")
@guard.signed_in
@describe(
    "Requests that you may read, newest first",
    query=request_schemas.ListParams,
    response=request_schemas.RequestSchema,
    many=True,
)
def list_requests() -> Response:
    asked = load(request_schemas.ListParams, request.args)
    page = reading.list_visible(db(), membership_needed(), **asked)
    return jsonify(
        {
            "items": [request_schemas.dump_request(membership_needed(), row) for row in page.rows],
            "next": page.cursor,
            "total": page.total,
        }
    )


@blueprint.post("/requests")
@guard.signed_in
@describe(
    "Write a request for your State; Idempotency-Key makes it safe to send again",
    body=request_schemas.NewRequest,
    response=request_schemas.RequestSchema,
    status=201,
    errors=CONFLICT,
)
def post_request() -> Response:
    values = load(request_schemas.NewRequest, json_body())
    row = requests.draft(
        db(), membership_needed(), request_schemas.to_request(values), key=idempotency_key(), submit=values["submit"]
    )
    response = _one(row, 201)
    response.headers["Location"] = url_for("api_support.get_request", name=row.id)
    return response


@blueprint.post("/requests/many")
@guard.role(SECRETARIAT)
@describe(
    "Take one step for many requests, each by itself: what cannot be done is told and changes nothing else",
    body=desk_schemas.Many,
    response=desk_schemas.OutcomeSchema,
    many=True,
)
def post_many() -> Response:
    membership = membership_needed()
    asked = load(desk_schemas.Many, json_body())

    def best(row: SupportRequest) -> dict[str, Any]:
        return ranking.best(db(), membership, row, **_parts())

    values = desk_schemas.values_of_many(asked, best)
    outcomes = desk.many(db(), membership, asked["action"], asked["requests"], values)
    return jsonify({"items": desk_schemas.dump_outcomes(outcomes), "next": None})


@blueprint.get("/requests/overdue")
@guard.role(SECRETARIAT)
@describe("Requests of which a date has passed, the oldest first", response=desk_schemas.OverdueSchema, many=True)
def get_overdue() -> Response:
    return jsonify({"items": desk_schemas.dump_overdue(desk.overdue(db(), membership_needed(), now())), "next": None})


@blueprint.get("/requests/loads")
@guard.role(SECRETARIAT)
@describe("What agencies have, and which objectives nobody has taken", response=desk_schemas.LoadsSchema)
def get_loads() -> Response:
    membership = membership_needed()
    return jsonify(desk_schemas.dump_loads(desk.loads(db(), membership, now()), desk.shortages(db(), membership)))


@blueprint.get("/requests/late")
@guard.signed_in
@describe(
    "Delays that your agency was told of as co-lead of a working group: no more than this",
    response=desk_schemas.LateSchema,
    many=True,
)
def get_late() -> Response:
    return jsonify({"items": desk_schemas.dump_late(escalation.late(db(), membership_needed())), "next": None})


@blueprint.get("/requests/<name>")
@guard.signed_in
@describe("A request by its id or reference", response=request_schemas.RequestSchema)
def get_request(name: str) -> Response:
    return _one(reading.get(db(), membership_needed(), name))


@blueprint.patch("/requests/<name>")
@guard.signed_in
@describe(
    "Change the words of a request",
    body=request_schemas.RequestChange,
    response=request_schemas.RequestSchema,
    errors=CONFLICT,
)
def patch_request(name: str) -> Response:
    row = reading.get(db(), membership_needed(), name)
    values = load(request_schemas.RequestChange, versioned_body(), partial=request_schemas.KEPT)
    data = request_schemas.to_request(values, request_schemas.words_of(row))
    return _one(requests.edit(db(), membership_needed(), row.id, data, version=values["version"]))


@blueprint.get("/requests/<name>/matches")
@guard.signed_in
@describe("Who and what could help, with reasons", query=match_schemas.MatchLimit, response=match_schemas.MatchesSchema)
def get_matches(name: str) -> Response:
    from hub.matching import reasons  # noqa: PLC0415 - as in `reading.matches`

    asked = load(match_schemas.MatchLimit, request.args)
    parts = current_app.extensions["hub"]
    membership = membership_needed()
    row = reading.get(db(), membership, name)
    found = reading.matches(db(), membership, row, embedder=parts.embedder, engine=parts.engine, **asked)
    return jsonify(reasons.to_json(found))


@blueprint.post("/requests/<name>/actions/<action>")
@guard.signed_in
@describe(
    f"Take a step: {', '.join(verbs.VERBS)}; 204 if it ends your access",
    body=step_schemas.AnyStep,
    response=request_schemas.RequestSchema,
    errors=CONFLICT,
)
def post_action(name: str, action: str) -> Response:
    membership = membership_needed()
    row = reading.get(db(), membership, name)
    if action not in verbs.VERBS:
        raise NotFound("There is no such action.")
    values = load(step_schemas.STEPS[action], versioned_body())
    if action == "send":
        found = ranking.ranked(db(), membership, row, **_parts())
        values["ranked"] = found
        if values["alternates"] is None:
            values["alternates"] = ranking.alternates(db(), found, but=values["agency"])
    row = verbs.VERBS[action](db(), membership, row.id, **values)
    if not reading.readable(membership, row):
        return Response(status=204)
    return _one(row)


@blueprint.get("/requests/<name>/answers")
@guard.signed_in
@describe(
    "Versions of the answer to a request, and your agency's own draft", response=answer_schemas.AnswerSchema, many=True
)
def get_answers(name: str) -> Response:
    row = reading.get(db(), membership_needed(), name)
    return jsonify(
        {
            "items": answer_schemas.dump_answers(
                reading.answers(db(), membership_needed(), row), contributions.contributors(db(), row)
            ),
            "next": None,
        }
    )


@blueprint.post("/requests/<name>/answers")
@guard.signed_in
@describe(
    "Send the answer, as its lead, or keep a draft of it",
    body=answer_schemas.AnswerBody,
    response=answer_schemas.AnswerSchema,
    status=201,
    errors=CONFLICT,
)
def post_answer(name: str) -> Response:
    membership = membership_needed()
    row = reading.get(db(), membership, name)
    values = load(answer_schemas.AnswerBody, versioned_body())
    data, seen = answer_schemas.to_answer(values), values["answer_version"]
    if values["status"] == "draft":
        answer = delivery.save_answer_draft(db(), membership, row.id, data, answer_version=seen)
    else:
        answer = delivery.answer(db(), membership, row.id, data, version=values["version"], answer_version=seen)
    response = jsonify(answer_schemas.dump_answers([answer], contributions.contributors(db(), row))[0])
    response.status_code = 201
    return response


@blueprint.delete("/requests/<name>/answers/draft")
@guard.signed_in
@describe(
    "Throw your agency's draft answer away; `version` or If-Match is that of the draft",
    body=step_schemas.Step,
    status=204,
    errors=CONFLICT,
)
def delete_draft(name: str) -> Response:
    membership = membership_needed()
    row = reading.get(db(), membership, name)
    seen = load(step_schemas.Step, versioned_body())["version"]
    delivery.discard_answer_draft(db(), membership, row.id, answer_version=seen)
    return Response(status=204)


@blueprint.get("/requests/<name>/contributions")
@guard.signed_in
@describe("What contributing agencies wrote for the lead", response=answer_schemas.ContributionSchema, many=True)
def get_contributions(name: str) -> Response:
    row = reading.get(db(), membership_needed(), name)
    found = contributions.listing(db(), membership_needed(), row)
    return jsonify({"items": answer_schemas.dump_contributions(found), "next": None})


@blueprint.post("/requests/<name>/contributions")
@guard.signed_in
@describe(
    "Hand the lead what your agency contributes, or keep a draft of it",
    body=answer_schemas.ContributionBody,
    response=answer_schemas.ContributionSchema,
    status=201,
    errors=CONFLICT,
)
def post_contribution(name: str) -> Response:
    membership = membership_needed()
    row = reading.get(db(), membership, name)
    values = load(answer_schemas.ContributionBody, versioned_body())
    data, seen = answer_schemas.to_answer(values), values["answer_version"]
    if values["status"] == "draft":
        written = contributions.save_draft(db(), membership, row.id, data, seen=seen)
    else:
        written = contributions.contribute(db(), membership, row.id, data, version=values["version"], seen=seen)
    response = jsonify(answer_schemas.dump_contributions([written])[0])
    response.status_code = 201
    return response


@blueprint.delete("/requests/<name>/contributions/draft")
@guard.signed_in
@describe(
    "Throw your agency's draft of a contribution away; `version` or If-Match is that of the draft",
    body=step_schemas.Step,
    status=204,
    errors=CONFLICT,
)
def delete_contribution_draft(name: str) -> Response:
    membership = membership_needed()
    row = reading.get(db(), membership, name)
    seen = load(step_schemas.Step, versioned_body())["version"]
    contributions.discard_draft(db(), membership, row.id, seen=seen)
    return Response(status=204)


@blueprint.get("/requests/<name>/plans")
@guard.signed_in
@describe("Every plan that was proposed, oldest first", response=answer_schemas.PlanSchema, many=True)
def get_plans(name: str) -> Response:
    row = reading.get(db(), membership_needed(), name)
    return jsonify(
        {
            "items": answer_schemas.dump_plans(
                reading.plans(membership_needed(), row), contributions.contributors(db(), row)
            ),
            "next": None,
        }
    )


@blueprint.get("/requests/<name>/events")
@guard.signed_in
@describe("What happened, oldest first, as far as it is for you", response=request_schemas.EventSchema, many=True)
def get_events(name: str) -> Response:
    row = reading.get(db(), membership_needed(), name)
    entries = reading.history(db(), membership_needed(), row)
    return jsonify({"items": [request_schemas.dump_entry(entry) for entry in entries], "next": None})
