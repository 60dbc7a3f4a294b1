"""Offers of support for scripts: the verbs of the pages, with the same rules."""

from flask import Blueprint, Response, current_app, jsonify, request, url_for

from hub.accounts import guard
from hub.accounts.guard import current_membership, db, membership_needed
from hub.api.bodies import idempotency_key, json_body, versioned_body
from hub.api.describe import describe
from hub.errors import NotFound
from hub.schemas import offers as schemas
from hub.schemas.fields import load
from hub.support import offers, reading, wanted
from hub.support.models import Offer, SupportRequest

blueprint = Blueprint("api_offers", __name__, url_prefix="/api/v1")

CONFLICT = (409,)


def _one(offer: Offer, status: int = 200) -> Response:
    response = jsonify(schemas.dump_offer(current_membership(), offer))
    response.status_code = status
    response.set_etag(str(offer.version))
    return response


@blueprint.get("/offers")
@guard.public
@describe("Offers open to you, newest first", query=schemas.OfferParams, response=schemas.OfferSchema, many=True)
def list_offers() -> Response:
    page = offers.listing(db(), current_membership(), **load(schemas.OfferParams, request.args))
    items = [schemas.dump_offer(current_membership(), offer) for offer in page.rows]
    return jsonify({"items": items, "next": page.cursor, "total": page.total})


@blueprint.post("/offers")
@guard.signed_in
@describe(
    "Register an offer for your agency or State; Idempotency-Key makes it safe to send again",
    body=schemas.NewOffer,
    response=schemas.OfferSchema,
    status=201,
    errors=CONFLICT,
)
def post_offer() -> Response:
    data = schemas.to_offer(load(schemas.NewOffer, json_body()))
    offer = offers.create(db(), membership_needed(), data, key=idempotency_key())
    response = _one(offer, 201)
    response.headers["Location"] = url_for("api_offers.get_offer", name=offer.id)
    return response


@blueprint.get("/offers/<name>")
@guard.public
@describe("One offer", response=schemas.OfferSchema, errors=(410,))
def get_offer(name: str) -> Response:
    return _one(offers.get(db(), current_membership(), name))


@blueprint.patch("/offers/<name>")
@guard.signed_in
@describe("Change what an offer says", body=schemas.OfferChange, response=schemas.OfferSchema, errors=CONFLICT)
def patch_offer(name: str) -> Response:
    membership = membership_needed()
    offer = offers.get(db(), membership, name)
    body = versioned_body()
    values = load(schemas.OfferChange, body, partial=schemas.KEPT)
    data = schemas.to_offer(values, offers.words_of(offer))
    return _one(offers.edit(db(), membership, offer.id, data, version=values["version"]))


@blueprint.post("/offers/<name>/actions/<action>")
@guard.signed_in
@describe("Extend an offer or withdraw it", body=schemas.AnyOfferStep, response=schemas.OfferSchema, errors=CONFLICT)
def post_action(name: str, action: str) -> Response:
    membership = membership_needed()
    offer = offers.get(db(), membership, name)
    if action not in schemas.STEPS:
        raise NotFound("There is no such action.")
    values = load(schemas.STEPS[action], versioned_body())
    verb = offers.withdraw if action == "withdraw" else offers.extend
    return _one(verb(db(), membership, offer.id, **values))


# Beside a request


@blueprint.get("/requests/<name>/offers")
@guard.signed_in
@describe("Open offers that fit a request, the nearest first", response=schemas.FitSchema, many=True)
def list_fitting(name: str) -> Response:
    return _fits(reading.get(db(), membership_needed(), name))


@blueprint.post("/requests/<name>/offers")
@guard.signed_in
@describe(
    "Say that your State wants an offer; the secretariat asks its giver",
    body=schemas.Wanted,
    response=schemas.FitSchema,
    many=True,
    errors=CONFLICT,
)
def post_wanted(name: str) -> Response:
    offer_id = load(schemas.Wanted, json_body())["offer"]
    return _fits(wanted.want(db(), membership_needed(), name, offer_id))


@blueprint.delete("/requests/<name>/offers/<offer>")
@guard.signed_in
@describe("Let a wanted offer be", response=schemas.FitSchema, many=True)
def delete_wanted(name: str, offer: str) -> Response:
    return _fits(wanted.drop(db(), membership_needed(), name, offer))


def _fits(row: SupportRequest) -> Response:
    parts = current_app.extensions["hub"]
    found = wanted.compared(db(), membership_needed(), row, embedder=parts.embedder, engine=parts.engine)
    return jsonify({"items": schemas.dump_fits(found), "next": None})
