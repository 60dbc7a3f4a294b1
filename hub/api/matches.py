"""`POST /api/v1/matches`: who could help with a need described in words. Nothing of it is stored."""

from flask import Blueprint, Response, current_app, jsonify
from marshmallow import RAISE

from hub.accounts import guard
from hub.accounts.guard import db
from hub.api.bodies import json_body
from hub.api.describe import describe
from hub.errors import Invalid
from hub.network import vocabulary
from hub.schemas.matches import MatchBody, MatchesSchema, match_request
from hub.support import inside

blueprint = Blueprint("api_matches", __name__, url_prefix="/api/v1")


@blueprint.post("/matches")
@guard.signed_in
@describe("Who and what could help with a need; nothing is stored", body=MatchBody, response=MatchesSchema)
def post_match() -> Response:
    from hub.matching import reasons, service  # noqa: PLC0415 - numpy and more, not needed by other addresses

    wanted = match_request(json_body(), unknown=RAISE)
    if wanted.country not in vocabulary.labels(db(), "country", "en"):
        raise Invalid({"country": ["There is no such State."]})
    parts = current_app.extensions["hub"]
    known = inside.for_reader(db(), guard.membership_needed())
    found = service.match(
        db(),
        wanted,
        embedder=parts.embedder,
        engine=parts.engine,
        view="secretariat" if known else "member",
        inside=known,
    )
    return jsonify(reasons.to_json(found))
