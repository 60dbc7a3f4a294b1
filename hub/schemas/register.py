"""The register, consent to it, released answers, ratings and figures: what forms and scripts send, and what they get."""

from collections.abc import Mapping, Sequence
from typing import Any

from marshmallow import Schema, ValidationError, fields, pre_load, validate

from hub.schemas.fields import LONGEST_ANSWER, Body, Language, Version, Words
from hub.support import ratings, register
from hub.support.models import CONSENT_GROUPS, Release, Snapshot
from hub.support.ratings import Verdict
from hub.support.register import Agreement, PublicEntry

LONGEST_WORD = 200
CHOOSE = "Choose one."


class RegisterParams(Body):
    """`objective` and `state` look at entries whose facts are public."""

    objective = fields.Integer(
        load_default=None,
        allow_none=True,
        validate=validate.Range(1, 23, error="Objectives are numbered 1 to 23."),
    )
    state = fields.String(load_default=None, validate=validate.Length(max=3), metadata={"example": "GHA"})
    limit = fields.Integer(load_default=20, validate=validate.Range(1, register.LARGEST_PAGE))
    cursor = fields.String(load_default=None, validate=validate.Length(max=200))

    @pre_load
    def collect(self, data: Mapping[str, Any], **_: Any) -> dict[str, Any]:
        """A `MultiDict` of a request: nothing may come several times; an empty filter is none."""
        lists = getattr(data, "getlist", None)
        if lists is not None and (repeated := [name for name in data if len(lists(name)) > 1]):
            raise ValidationError({name: ["Given more than once."] for name in repeated})
        return {name: data[name] for name in data if data[name] != ""}


class Withdrawal(Body):
    """`subject`: of an answer, the id of its released words."""

    group = fields.String(required=True, validate=validate.OneOf(CONSENT_GROUPS, error=CHOOSE))
    subject = Words(36)


class ConsentBody(Withdrawal):
    """`seal`: of the words that are agreed to, as they were read."""

    seal = Words(64)


class ReleaseBody(Body):
    text = Words(LONGEST_ANSWER, needed=True, description="The answer as it could be published.")
    language = Language()
    release_version = Version("Of the text that this replaces, if there is one.", required=False)

    @pre_load
    def empty_is_none(self, data: Mapping[str, Any], **_: Any) -> dict[str, Any]:
        """A form sends an empty number."""
        return {name: value for name, value in dict(data).items() if name != "release_version" or value}


class RatingBody(Body):
    """What is left out stays as it was said before."""

    score = fields.Integer(
        load_default=None, allow_none=True, validate=validate.OneOf((*ratings.SCORES, None), error=CHOOSE)
    )
    word = Words(LONGEST_WORD, description="In a word or a sentence.")
    used = fields.String(
        load_default=None, allow_none=True, validate=validate.OneOf((*ratings.USED, None), error=CHOOSE)
    )

    @pre_load
    def empty_is_none(self, data: Mapping[str, Any], **_: Any) -> dict[str, Any]:
        """A form sends an empty choice."""
        return {name: value for name, value in dict(data).items() if value != ""}


class FactsSchema(Schema):
    states = fields.List(fields.String())
    gcm_objectives = fields.List(fields.Integer())
    status = fields.String()
    submitted_on = fields.Date(allow_none=True)
    closed_on = fields.Date(allow_none=True)


class WordsSchema(Schema):
    title = fields.String()
    summary = fields.String()
    language = fields.String()


class PublicAnswerSchema(Schema):
    """`contributors`: agencies whose words went into it. `attribution`: English names, that of `agency`, which led, first."""

    id = fields.String()
    agency = fields.String()
    contributors = fields.List(fields.String())
    attribution = fields.List(fields.String())
    text = fields.String()
    language = fields.String()


class EntrySchema(Schema):
    """A request as far as its States agreed to publish it: what they did not agree to is null or empty."""

    id = fields.String()
    facts = fields.Nested(FactsSchema, allow_none=True)
    text = fields.Nested(WordsSchema, allow_none=True)
    answers = fields.List(fields.Nested(PublicAnswerSchema))


class AgreedSchema(Schema):
    """`office`: for which the person who agreed acts, the State's or the secretariat's, which had the State's word."""

    state = fields.String()
    at = fields.DateTime()
    office = fields.String()


class AgreementSchema(Schema):
    """`missing`: States whose agreement is needed still. `seal` is sent back with an agreement."""

    group = fields.String()
    subject = fields.String()
    seal = fields.String()
    public = fields.Boolean()
    agreed = fields.List(fields.Nested(AgreedSchema))
    missing = fields.List(fields.String())


class ReleaseSchema(Schema):
    id = fields.String()
    answer = fields.String()
    text = fields.String()
    language = fields.String()
    version = fields.Integer()


class VerdictSchema(Schema):
    """The last word of a State on an answer. `score`: 1 to 5. `used`: yes, partly, not or null."""

    answer = fields.String()
    state = fields.String()
    score = fields.Integer(allow_none=True)
    word = fields.String()
    used = fields.String(allow_none=True)
    at = fields.DateTime()


class SnapshotSchema(Schema):
    """Figures of the requests submitted in `quarter`, as they stood at the end of `as_of`. null: withheld."""

    quarter = fields.String()
    as_of = fields.Date()
    made_at = fields.DateTime()
    figures = fields.Dict()


def dump_entry(entry: PublicEntry) -> dict[str, Any]:
    facts, said = entry.facts, entry.words
    return {
        "id": entry.id,
        "facts": facts
        and {
            "states": [state for state, _ in facts.states],
            "gcm_objectives": list(facts.objectives),
            "status": facts.status,
            "submitted_on": facts.submitted_on and facts.submitted_on.isoformat(),
            "closed_on": facts.closed_on and facts.closed_on.isoformat(),
        },
        "text": said and {"title": said.title, "summary": said.summary, "language": said.language},
        "answers": [
            {
                "id": one.id,
                "agency": one.agency,
                "contributors": [id_ for id_, _ in one.contributors],
                "attribution": [name for _, name in one.agencies],
                "text": one.text,
                "language": one.language,
            }
            for one in entry.answers
        ],
    }


def dump_agreements(found: Sequence[Agreement]) -> list[dict[str, Any]]:
    return [
        {
            "group": one.group,
            "subject": one.subject,
            "seal": one.seal,
            "public": one.public,
            "agreed": [{"state": each.state, "at": each.at.isoformat(), "office": each.office} for each in one.agreed],
            "missing": list(one.missing),
        }
        for one in found
    ]


def dump_release(row: Release) -> dict[str, Any]:
    return {
        "id": row.id,
        "answer": row.answer_id,
        "text": row.text,
        "language": row.language,
        "version": row.version,
    }


def dump_verdicts(found: Sequence[Verdict]) -> list[dict[str, Any]]:
    return [
        {
            "answer": one.answer,
            "state": one.state,
            "score": one.score,
            "word": one.word,
            "used": one.used,
            "at": one.at.isoformat(),
        }
        for one in found
    ]


def dump_snapshot(snapshot: Snapshot) -> dict[str, Any]:
    return {
        "quarter": snapshot.quarter,
        "as_of": snapshot.as_of.isoformat(),
        "made_at": snapshot.made_at.isoformat(),
        "figures": snapshot.figures,
    }
