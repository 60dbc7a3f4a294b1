"""`GET /metrics` for Prometheus, to whoever knows the token of the settings; without one there is nothing here."""

import hmac

from flask import Blueprint, Response, current_app, request
from prometheus_client.exposition import choose_encoder

from hub.accounts import guard
from hub.errors import NotFound, Unauthenticated

blueprint = Blueprint("api_metrics", __name__)


@blueprint.get("/metrics")
@guard.public
def get_metrics() -> Response:
    wanted = current_app.extensions["hub"].settings.metrics_token
    if not wanted:
        raise NotFound
    given = request.authorization
    token = given.token if given is not None and given.type == "bearer" else None
    if not hmac.compare_digest((token or "").encode(), wanted.encode()):
        raise Unauthenticated("Send the token of HUB_METRICS_TOKEN as a bearer token.")
    encode, content_type = choose_encoder(request.headers.get("Accept", ""))
    return Response(encode(current_app.extensions["metrics"].registry), content_type=content_type)
