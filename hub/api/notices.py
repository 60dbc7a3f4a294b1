"""Notices for scripts: those that the token's membership may hear of."""

from flask import Blueprint, Response, jsonify, request

from hub.accounts import guard
from hub.accounts.guard import db, membership_needed
from hub.api.bodies import json_body
from hub.api.describe import describe
from hub.notices import notices
from hub.schemas import notices as schemas
from hub.schemas.fields import load

blueprint = Blueprint("api_notices", __name__, url_prefix="/api/v1")


@blueprint.get("/notices")
@guard.signed_in
@describe(
    "What you were told, newest first, and how much is unread",
    query=schemas.NoticeParams,
    response=schemas.NoticeSchema,
    many=True,
)
def list_notices() -> Response:
    page = notices.listing(db(), membership_needed(), **load(schemas.NoticeParams, request.args))
    return jsonify(
        {"items": [schemas.dump_notice(told) for told in page.rows], "next": page.cursor, "unread": page.unread}
    )


@blueprint.post("/notices/read")
@guard.signed_in
@describe("Mark notices as read", body=schemas.ReadBody, response=schemas.ReadSchema)
def post_read() -> Response:
    membership = membership_needed()
    read = notices.mark_read(db(), membership, **load(schemas.ReadBody, json_body()))
    return jsonify({"read": read, "unread": notices.count_unread(db(), membership)})
