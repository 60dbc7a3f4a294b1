"""Notices: what forms and scripts send, and what scripts get."""

from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, ValidationError, fields, pre_load, validate

from hub.notices.notices import LARGEST_PAGE, Told
from hub.schemas.fields import Body

MOST_IDS = 200


class NoticeParams(Body):
    unread = fields.Boolean(load_default=False, metadata={"description": "Only what is not read yet."})
    limit = fields.Integer(load_default=20, validate=validate.Range(1, LARGEST_PAGE))
    cursor = fields.String(load_default=None, validate=validate.Length(max=200))

    @pre_load
    def once(self, data: Mapping[str, Any], **_: Any) -> dict[str, Any]:
        """A `MultiDict` of a request."""
        lists = getattr(data, "getlist", None)
        repeated = {name: ["Given more than once."] for name in data if lists is not None and len(lists(name)) > 1}
        if repeated:
            raise ValidationError(repeated)
        return dict(data)


class ReadBody(Body):
    """`ids`: these; absent: all. `until`: the newest that you saw; what came after it stays unread."""

    ids = fields.List(
        fields.String(validate=validate.Length(max=36)), load_default=None, validate=validate.Length(max=MOST_IDS)
    )
    until = fields.String(load_default=None, validate=validate.Length(max=36))


class AboutSchema(Schema):
    id = fields.String(required=True)
    reference = fields.String(required=True)


class NoticeSchema(Schema):
    """`at`: when it happened; `action` as in the events of the request, or of the `offer` where it is about one; neither: of your agency's record."""

    id = fields.String(required=True)
    request = fields.Nested(AboutSchema, required=True, allow_none=True)
    offer = fields.String(required=True, allow_none=True)
    event = fields.String(required=True)
    action = fields.String(required=True)
    at = fields.DateTime(required=True)
    read_at = fields.DateTime(required=True, allow_none=True)


class ReadSchema(Schema):
    """`read`: how many were marked; `unread`: how many are left."""

    read = fields.Integer(required=True)
    unread = fields.Integer(required=True)


def dump_notice(told: Told) -> dict[str, Any]:
    return {
        "id": told.notice.id,
        "request": told.request and {"id": told.request.id, "reference": told.request.reference},
        "offer": told.offer and told.offer.id,
        "event": told.event.id,
        "action": told.event.action,
        "at": told.event.at.isoformat(),
        "read_at": told.notice.read_at.isoformat() if told.notice.read_at else None,
    }
