"""Matches: a need in words, and who and what could help."""

from collections.abc import Mapping
from typing import Any

from marshmallow import EXCLUDE, Schema, ValidationError, fields, validate, validates_schema

from hub.matching.types import MatchRequest
from hub.schemas.fields import LONGEST_DESCRIPTION, LONGEST_TITLE, Body, Language, Objectives, Words, load


class MatchLimit(Body):
    limit = fields.Integer(load_default=10, validate=validate.Range(1, 50))


class MatchBody(Body):
    """A need in words, as in `hub match`. Nothing of it is stored."""

    country = fields.String(
        required=True,
        validate=validate.Regexp(r"^[A-Z]{3}\Z", error="Not an ISO 3166-1 alpha-3 code, such as GHA."),
        metadata={"example": "GHA"},
    )
    title = Words(LONGEST_TITLE)
    description = Words(LONGEST_DESCRIPTION)
    language = Language()
    gcm_objectives = Objectives()

    @validates_schema
    def says_something(self, data: Mapping[str, Any], **_: Any) -> None:
        if not data["title"] and not data["description"] and not data["gcm_objectives"]:
            raise ValidationError("Say what is needed: a title, a description or objectives.", "description")


def match_request(data: Any, *, unknown: Any = EXCLUDE) -> MatchRequest:
    """A need from JSON; further keys are ignored unless `unknown` says otherwise. Raises `ValidationError`."""
    values = load(MatchBody, data, unknown=unknown)
    return MatchRequest(
        country=values["country"],
        title=values["title"],
        description=values["description"],
        language=values["language"],
        objectives=tuple(sorted(set(values["gcm_objectives"]))),
    )


class ReasonSchema(Schema):
    """`id` names the reason within its match. `without`: the score if its evidence were not there and all else stayed."""

    id = fields.String()
    code = fields.String()
    weight = fields.Float()
    without = fields.Float(allow_none=True)
    text = fields.String()
    evidence = fields.List(fields.String())


class MatchChangeSchema(Schema):
    """What would move a match. `rank`: its place then, null: not listed any more. `kind`: `behind`, `gain` or `loss`."""

    kind = fields.String()
    code = fields.String()
    weight = fields.Float()
    rank = fields.Integer(allow_none=True)
    text = fields.String()


class MatchSchema(Schema):
    """`id`: acronym of an agency, ISO alpha-3 of a State, slug of a record, else an id. Weights of the reasons sum to `score`."""

    id = fields.String()
    name = fields.String()
    score = fields.Float()
    rank = fields.Integer()
    verified = fields.Boolean()
    reasons = fields.List(fields.Nested(ReasonSchema))
    changes = fields.List(fields.Nested(MatchChangeSchema))


class NoteSchema(Schema):
    code = fields.String()
    text = fields.String()


class MatchesSchema(Schema):
    """`objectives`: those named, or inferred where `notes` says so. `experts`: for the secretariat alone, else empty."""

    agencies = fields.List(fields.Nested(MatchSchema))
    peer_states = fields.List(fields.Nested(MatchSchema))
    practices = fields.List(fields.Nested(MatchSchema))
    guidance = fields.List(fields.Nested(MatchSchema))
    experts = fields.List(fields.Nested(MatchSchema))
    offers = fields.List(fields.Nested(MatchSchema))
    funding = fields.List(fields.Nested(MatchSchema))
    notes = fields.List(fields.Nested(NoteSchema))
    objectives = fields.List(fields.Integer())
