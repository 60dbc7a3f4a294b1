"""What forms and scripts send of any noun: pieces of schemas, how long words may be, loading."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from marshmallow import RAISE, Schema, ValidationError, fields, validate

from hub.search.types import LANGUAGES

LONGEST_TITLE = 300
LONGEST_DESCRIPTION = 20_000
LONGEST_SUMMARY = 1_000
LONGEST_ANSWER = 100_000
LONGEST_PLAN = 20_000
LONGEST_NOTE = 2_000
MOST_STEPS = 30
LONGEST_STEP = 500
LONGEST_KEY = 100
MOST_CITATIONS = 50
LARGEST_VERSION = 2**31 - 1
FILL_IN = "Fill this in."


class Words(fields.String):
    """Text as a person writes it: outer blanks off, one kind of line end, nothing that a database cannot hold.

    `needed`: not empty; then it must be given unless `required` is false.
    """

    def __init__(self, longest: int, *, needed: bool = False, required: bool = True, description: str = "") -> None:
        checks = [validate.Length(max=longest, error="At most {max} characters.")]
        if needed:
            checks.append(validate.Length(min=1, error=FILL_IN))
        more: dict[str, Any] = {"required": required} if needed else {"load_default": ""}
        super().__init__(
            validate=checks,
            error_messages={"required": FILL_IN},
            metadata={"description": description} if description else {},
            **more,
        )

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Any:
        text = super()._deserialize(value, attr, data, **kwargs)
        if "\x00" in text or any("\ud800" <= sign <= "\udfff" for sign in text):
            raise ValidationError("This holds a character that cannot be stored.")
        return text.replace("\r\n", "\n").replace("\r", "\n").strip()


class Language(fields.String):
    """One of the six official languages; absent, null or empty: detected from the text."""

    def __init__(self) -> None:
        super().__init__(
            load_default=None,
            allow_none=True,
            validate=validate.OneOf((*LANGUAGES, None), error="Not one of the six official languages."),
            metadata={"description": "Of the text; detected if absent."},
        )

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Any:
        return super()._deserialize(value, attr, data, **kwargs) or None


class Lines(fields.List[str]):
    """Short texts in order. A form sends them as one text, a line each; empty lines are passed over."""

    def __init__(self, longest: int, most: int, description: str) -> None:
        super().__init__(
            Words(longest),
            load_default=list,
            validate=validate.Length(max=most, error="At most {max} lines."),
            metadata={"description": description},
        )

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Any:
        if isinstance(value, list) and all(isinstance(one, str) for one in value):
            value = [line.strip() for one in value for line in one.splitlines() if line.strip()]
        return super()._deserialize(value, attr, data, **kwargs)


class Day(fields.Date):
    """A day, as 2026-12-31; absent, null or empty: none."""

    def __init__(self) -> None:
        super().__init__(
            load_default=None,
            allow_none=True,
            error_messages={"invalid": "Not a date, such as 2026-12-31."},
        )

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Any:
        return super()._deserialize(value, attr, data, **kwargs) if value else None


class Version(fields.Integer):
    """The version that the writer saw."""

    def __init__(self, description: str, *, required: bool) -> None:
        more: dict[str, Any] = {"required": True} if required else {"load_default": None, "allow_none": True}
        super().__init__(
            validate=validate.Range(1, LARGEST_VERSION),
            error_messages={"required": "Name the version that you read, here or in If-Match."},
            metadata={"description": description},
            **more,
        )


class Objectives(fields.List[int]):
    """Numbers of objectives of the Compact, 1 to 23."""

    def __init__(self) -> None:
        each = fields.Integer(validate=validate.Range(1, 23, error="Objectives are numbered 1 to 23."))
        super().__init__(each, load_default=list, validate=validate.Length(max=23))


class Body(Schema):
    class Meta:
        unknown = RAISE


def load(schema: type[Schema], data: Any, **how: Any) -> dict[str, Any]:
    """What `schema` makes of one object. Raises `ValidationError`."""
    values: Any = schema().load(data, **how)
    return values


def iso(at: datetime | None) -> str | None:
    return at.isoformat() if at else None
