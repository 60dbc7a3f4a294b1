"""The public register and its figures for scripts; consent, released answers and ratings for the States that asked."""

from flask import Blueprint, Response, jsonify, request

from hub.accounts import guard
from hub.accounts.guard import db, membership_needed
from hub.api.bodies import json_body
from hub.api.describe import describe
from hub.schemas import register as schemas
from hub.schemas.fields import load
from hub.support import ratings, reading, register, snapshots
from hub.support.models import SupportRequest

blueprint = Blueprint("api_register", __name__, url_prefix="/api/v1")

CONFLICT = (409,)


@blueprint.after_request
def keep_nothing(response: Response) -> Response:
    """What a State takes back is out of the register at once, so no cache may keep it."""
    response.headers["Cache-Control"] = "no-store"
    return response


@blueprint.get("/register")
@guard.public
@describe(
    "Requests as far as their States agreed to publish them, newest first",
    query=schemas.RegisterParams,
    response=schemas.EntrySchema,
    many=True,
)
def list_entries() -> Response:
    found, cursor = register.entries(db(), **load(schemas.RegisterParams, request.args))
    return jsonify({"items": [schemas.dump_entry(entry) for entry in found], "next": cursor})


@blueprint.get("/register/figures")
@guard.public
@describe("Figures by quarter, the newest first; frozen once made", response=schemas.SnapshotSchema, many=True)
def list_figures() -> Response:
    return jsonify({"items": [schemas.dump_snapshot(one) for one in snapshots.listing(db())], "next": None})


@blueprint.get("/register/figures/<quarter>")
@guard.public
@describe("Figures of one quarter, such as 2026Q3", response=schemas.SnapshotSchema)
def get_figures(quarter: str) -> Response:
    return jsonify(schemas.dump_snapshot(snapshots.get(db(), quarter)))


@blueprint.get("/register/<name>")
@guard.public
@describe("One entry of the register", response=schemas.EntrySchema)
def get_entry(name: str) -> Response:
    return jsonify(schemas.dump_entry(register.entry(db(), name)))


# For the States that asked


@blueprint.get("/requests/<name>/consents")
@guard.signed_in
@describe("What of a request is public, and who agreed", response=schemas.AgreementSchema, many=True)
def list_consents(name: str) -> Response:
    return _consents(reading.get(db(), membership_needed(), name))


@blueprint.post("/requests/<name>/consents")
@guard.signed_in
@describe(
    "Agree for your State to publish a group of fields",
    body=schemas.ConsentBody,
    response=schemas.AgreementSchema,
    many=True,
    errors=CONFLICT,
)
def post_consent(name: str) -> Response:
    values = load(schemas.ConsentBody, json_body())
    return _consents(register.publish(db(), membership_needed(), name, **values))


@blueprint.post("/requests/<name>/consents/withdraw")
@guard.signed_in
@describe(
    "Take your State's agreement back; it is out of the register at once",
    body=schemas.Withdrawal,
    response=schemas.AgreementSchema,
    many=True,
)
def withdraw_consent(name: str) -> Response:
    values = load(schemas.Withdrawal, json_body())
    return _consents(register.unpublish(db(), membership_needed(), name, **values))


def _consents(row: SupportRequest) -> Response:
    found = register.agreements(db(), membership_needed(), row)
    return jsonify({"items": schemas.dump_agreements(found), "next": None})


@blueprint.put("/requests/<name>/answers/<answer>/release")
@guard.signed_in
@describe(
    "Write an answer as it could be published; it is public once every State that asks agrees",
    body=schemas.ReleaseBody,
    response=schemas.ReleaseSchema,
    errors=CONFLICT,
)
def put_release(name: str, answer: str) -> Response:
    values = load(schemas.ReleaseBody, json_body())
    row = register.release(
        db(),
        membership_needed(),
        name,
        answer,
        values["text"],
        language=values["language"],
        version=values["release_version"],
    )
    return jsonify(schemas.dump_release(row))


@blueprint.get("/requests/<name>/ratings")
@guard.signed_in
@describe("The last word of each State on each answer", response=schemas.VerdictSchema, many=True)
def list_ratings(name: str) -> Response:
    return _ratings(reading.get(db(), membership_needed(), name))


@blueprint.post("/requests/<name>/answers/<answer>/ratings")
@guard.signed_in
@describe(
    "Say what an answer was worth, and whether it was used; again at any time",
    body=schemas.RatingBody,
    response=schemas.VerdictSchema,
    many=True,
)
def post_rating(name: str, answer: str) -> Response:
    values = load(schemas.RatingBody, json_body())
    return _ratings(ratings.rate(db(), membership_needed(), name, answer, **values))


def _ratings(row: SupportRequest) -> Response:
    return jsonify({"items": schemas.dump_verdicts(ratings.verdicts(db(), membership_needed(), row)), "next": None})
