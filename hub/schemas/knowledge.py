"""A record as a file or another portal brings it: every field of `corpus/README.md`, for practices and guidance alike."""

from typing import Any
from urllib.parse import urlsplit

import pycountry
from marshmallow import RAISE, Schema, ValidationError, fields, post_load, validate, validates_schema

from hub.network.vocabulary import IMPLEMENTERS, KINDS, PRINCIPLES, REGIONS, STATUSES
from hub.search.types import LANGUAGES

LONGEST_TEXT = 20_000
"""Characters of one text of a record; those of the corpus have at most 800."""
LONGEST_NAME = 300
MOST = 300
"""Entries of one list; more countries than there are."""
FIRST_YEAR, LAST_YEAR = 1900, 2100

TITLE_BASES = ("source-title", "practice-name-or-label")
OBJECTIVE_BASES = ("stated", "assigned")


def _storable(text: str) -> None:
    """Refuse what no database keeps: NUL and halves of a surrogate pair."""
    if "\x00" in text or any("\ud800" <= sign <= "\udfff" for sign in text):
        raise ValidationError("Holds a character that is no text.")


def _country(code: str) -> None:
    if len(code) != 3 or not code.isupper() or pycountry.countries.get(alpha_3=code) is None:
        raise ValidationError(f"{code[:20]!r} is not an ISO 3166-1 alpha-3 code, such as PHL.")


def _web_address(address: str) -> None:
    try:
        parts = urlsplit(address)
    except ValueError:
        parts = None
    if parts is None or parts.scheme not in {"http", "https"} or not parts.netloc:
        raise ValidationError("Is not a web address that begins with http:// or https://.")


class _Whole(fields.Integer):
    """A whole number, given as a number: neither "6" nor true."""

    def _validated(self, value: Any) -> int:
        if not isinstance(value, int) or isinstance(value, bool):
            raise self.make_error("invalid")
        return value


def _text(longest: int, *checks: Any, **options: Any) -> fields.String:
    at_least = 1 if options.get("required") else 0
    return fields.String(validate=[validate.Length(at_least, longest), _storable, *checks], **options)


def _optional(longest: int, *checks: Any) -> fields.String:
    return _text(longest, *checks, load_default=None, allow_none=True)


def _one_of(values: tuple[str, ...], **options: Any) -> fields.String:
    return fields.String(validate=validate.OneOf(values, error="{input} is none of {choices}."), **options)


def _year() -> fields.Integer:
    return _Whole(load_default=None, allow_none=True, validate=validate.Range(FIRST_YEAR, LAST_YEAR))


def _list(each: fields.Field[Any], **options: Any) -> fields.List[Any]:
    if not options.get("required"):
        options.setdefault("load_default", list)
    return fields.List(each, validate=validate.Length(max=MOST), **options)


class ImplementerSchema(Schema):
    class Meta:
        unknown = RAISE

    name = _text(LONGEST_NAME, required=True)
    type = _one_of(IMPLEMENTERS, required=True)


class RecordSchema(Schema):
    """Loads one line of a corpus file into a dict with every field; unknown fields are refused.

    What is named twice in a list counts once. Lists keep their order, objectives are sorted.
    """

    class Meta:
        unknown = RAISE

    id = fields.String(
        required=True,
        validate=validate.Regexp(
            r"\A[A-Za-z0-9][A-Za-z0-9._-]{0,199}\Z",
            error="Must be 1 to 200 letters a-z, digits, dots, hyphens or underscores, beginning with a letter or digit.",
        ),
    )
    kind = _one_of(KINDS, required=True)
    title = _text(500, required=True)
    title_basis = _one_of(TITLE_BASES, load_default=None, allow_none=True)
    summary = _text(LONGEST_TEXT, required=True)
    language = _one_of(LANGUAGES, required=True)
    countries = _list(fields.String(validate=_country))
    regions = _list(fields.String(validate=validate.OneOf(tuple(REGIONS), error="{input} is no UN M49 region.")))
    implementers = _list(fields.Nested(ImplementerSchema))
    partners = _list(_text(LONGEST_NAME, required=True))
    publishers = _list(_text(LONGEST_NAME, required=True))
    year = _year()
    gcm_objectives = _list(_Whole(validate=validate.Range(1, 23)), required=True)
    gcm_objectives_basis = _one_of(OBJECTIVE_BASES, load_default=None, allow_none=True)
    guiding_principles = _list(_one_of(PRINCIPLES))
    sdg_targets = _list(
        fields.String(
            validate=validate.Regexp(
                r"\A([1-9]|1[0-7])(\.([1-9]|1[0-9]|[a-d]))?\Z", error="{input} is no goal or target, such as 10.7."
            )
        )
    )
    start_year = _year()
    end_year = _year()
    status = _one_of(STATUSES, load_default=None, allow_none=True)
    benefits = _optional(LONGEST_TEXT)
    lessons = _optional(LONGEST_TEXT)
    replicability = _optional(LONGEST_TEXT)
    source_url = _optional(2_000, _web_address)
    source_title = _optional(500)
    source_publisher = _optional(LONGEST_NAME)
    retrieved_from = _optional(LONGEST_NAME)

    @validates_schema
    def not_blank(self, data: dict[str, Any], **_: Any) -> None:
        blank = [name for name in ("title", "summary") if not data[name].strip()]
        if blank:
            raise ValidationError({name: ["Must not be blank."] for name in blank})

    @validates_schema
    def in_order(self, data: dict[str, Any], **_: Any) -> None:
        start, end = data["start_year"], data["end_year"]
        if start is not None and end is not None and end < start:
            raise ValidationError("Is before start_year.", "end_year")

    @post_load
    def once(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        for name in ("countries", "regions", "partners", "publishers", "guiding_principles", "sdg_targets"):
            data[name] = list(dict.fromkeys(data[name]))
        data["gcm_objectives"] = sorted(set(data["gcm_objectives"]))
        return data
