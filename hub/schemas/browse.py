"""What a reader may ask of the list of all records."""

from marshmallow import RAISE, Schema, fields, validate

from hub.search.types import LANGUAGES

LAST_PAGE = 10_000


class BrowseParams(Schema):
    class Meta:
        unknown = RAISE

    kind = fields.String(load_default="", validate=validate.Length(max=30))
    language = fields.String(load_default="", validate=validate.OneOf(("", *LANGUAGES)))
    page = fields.Integer(load_default=1, validate=validate.Range(1, LAST_PAGE))
