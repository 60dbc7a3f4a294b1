"""Reading what a script sent: its JSON body, the version it saw, the name of its act of writing."""

import json
from typing import Any

from flask import request

from hub.errors import BadRequest, Invalid
from hub.schemas.fields import LONGEST_KEY


def json_body() -> dict[str, Any]:
    """The body as a JSON object; nothing sent is an empty one. Raises `BadRequest`, or 415 for another media type."""
    if not request.content_length and not request.get_data():
        return {}
    try:
        body: object = request.get_json()
    except RecursionError:
        raise BadRequest("The JSON is nested too deeply.") from None
    if not isinstance(body, dict):
        raise BadRequest("The body must be a JSON object.")
    return body


def body_beside_file() -> dict[str, Any]:
    """As `json_body`; with a file, what is sent is multipart/form-data and the JSON object its part `body`."""
    if request.mimetype != "multipart/form-data":
        return json_body()
    try:
        body: object = json.loads(request.form.get("body", "{}"))
    except (ValueError, RecursionError):
        raise BadRequest("The part `body` is not JSON.") from None
    if not isinstance(body, dict):
        raise BadRequest("The part `body` must be a JSON object.")
    return body


def versioned_body(body: dict[str, Any] | None = None) -> dict[str, Any]:
    """As `json_body`, or `body`, with `version` from the If-Match header where it does not name it."""
    body = json_body() if body is None else body
    tags = request.if_match.as_set()
    if not tags:
        return body
    seen = next(iter(tags))
    if len(tags) > 1 or not seen.isdecimal() or not seen.isascii():
        raise Invalid({"version": ['If-Match takes one entity tag of this API, such as "3".']})
    if "version" in body and str(body["version"]) != seen:
        raise Invalid({"version": ["The body names another version than If-Match."]})
    return {**body, "version": int(seen[:12])}


def idempotency_key() -> str | None:
    """`Idempotency-Key`: a request sent again with the same one is done once."""
    key = request.headers.get("Idempotency-Key")
    if key is not None and not (0 < len(key) <= LONGEST_KEY and key.isascii() and key.isprintable()):
        raise Invalid({"Idempotency-Key": [f"1 to {LONGEST_KEY} printable characters."]})
    return key
