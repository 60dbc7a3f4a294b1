"""The forms of the accounts pages. What a name, address or password must be is checked by the verbs in `hub.accounts`."""

from collections.abc import Mapping
from typing import Any

from marshmallow import RAISE, Schema, ValidationError, fields, validate, validates_schema

from hub.accounts.models import MAIL, ROLES
from hub.search.types import LANGUAGES

SHORT = validate.Length(max=1000)


class Form(Schema):
    """A form as a browser sends it: strings, no unknown fields."""

    class Meta:
        unknown = RAISE


class SignIn(Form):
    email = fields.String(required=True, validate=SHORT)
    password = fields.String(required=True, validate=SHORT)
    next = fields.String(load_default="")


class NewPassword(Form):
    password = fields.String(required=True, validate=SHORT)
    repeat = fields.String(required=True, validate=SHORT)

    @validates_schema
    def same(self, data: Mapping[str, Any], **_: Any) -> None:
        if data["password"] != data["repeat"]:
            raise ValidationError("The two passwords differ.", "repeat")


class OtherPassword(NewPassword):
    current = fields.String(required=True, validate=SHORT)


class OwnData(Form):
    """`version`: of the row that the form showed."""

    name = fields.String(required=True, validate=SHORT)
    language = fields.String(required=True, validate=validate.OneOf(LANGUAGES))
    mail = fields.String(load_default=None, validate=validate.OneOf(MAIL))
    version = fields.Integer(required=True)


class Invitation(Form):
    """`entity_id` and `role` are left out by those who can invite into one team only: their own."""

    email = fields.String(required=True, validate=SHORT)
    name = fields.String(required=True, validate=SHORT)
    language = fields.String(load_default="en", validate=validate.OneOf(LANGUAGES))
    role = fields.String(load_default=None, validate=validate.OneOf(ROLES))
    entity_id = fields.String(load_default=None, validate=SHORT)
    confirm = fields.Boolean(load_default=False)


class NewToken(Form):
    token_name = fields.String(required=True, validate=SHORT)


class Acting(Form):
    membership_id = fields.String(required=True, validate=SHORT)
    next = fields.String(load_default="")
