"""The address of a person's deadlines as iCalendar. The feed itself is at `/calendar/{token}.ics`, for calendar programs."""

from flask import Blueprint, Response, current_app, jsonify, make_response, url_for
from marshmallow import Schema, fields

from hub.accounts import guard
from hub.accounts.guard import db, membership_needed
from hub.api.describe import describe
from hub.support import calendar_feed

blueprint = Blueprint("api_calendar", __name__, url_prefix="/api/v1")


class CalendarSchema(Schema):
    """`address`: only in the answer that made it."""

    address = fields.String(allow_none=True)
    created_at = fields.DateTime(allow_none=True)


@blueprint.get("/calendar")
@guard.signed_in
@describe("Whether you have an address for your deadlines", response=CalendarSchema)
def get_calendar() -> Response:
    feed = calendar_feed.current(db(), membership_needed())
    return jsonify({"address": None, "created_at": feed.created_at.isoformat() if feed else None})


@blueprint.post("/calendar")
@guard.signed_in
@describe("Make a secret address for your deadlines; the one before ends", response=CalendarSchema, status=201)
def post_calendar() -> Response:
    membership = membership_needed()
    token = calendar_feed.create(db(), membership)
    feed = calendar_feed.current(db(), membership)
    address = current_app.extensions["hub"].settings.public_url.rstrip("/") + url_for("calendar.feed", token=token)
    return make_response(
        jsonify({"address": address, "created_at": feed.created_at.isoformat() if feed else None}), 201
    )


@blueprint.delete("/calendar")
@guard.signed_in
@describe("End the address of your deadlines", status=204)
def delete_calendar() -> Response:
    calendar_feed.revoke(db(), membership_needed())
    return make_response("", 204)
