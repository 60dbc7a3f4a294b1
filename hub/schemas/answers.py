"""Answers, contributions and plans: what forms and scripts send, and what they get."""

from collections.abc import Mapping, Sequence
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from hub.schemas.fields import LONGEST_ANSWER, MOST_CITATIONS, Body, Language, Version, Words, iso
from hub.support.delivery_models import CONTRIBUTION_STATUSES, HANDED, Contribution
from hub.support.models import PLAN_STATUSES, Answer, Plan
from hub.support.written import AnswerData


class AnswerWords(Body):
    """What an answer says. `citations`: slugs or ids of published records."""

    text = Words(LONGEST_ANSWER)
    language = Language()
    citations = fields.List(Words(200, needed=True), load_default=list, validate=validate.Length(max=MOST_CITATIONS))


class AnswerBody(AnswerWords):
    """`status` draft keeps it for the agency's own eyes; then `version` is not needed."""

    status = fields.String(load_default="sent", validate=validate.OneOf(("draft", "sent")))
    version = Version("Of the request, as read; or send it as If-Match.", required=False)
    answer_version = Version("Of the agency's draft, if there is one.", required=False)
    contributions = fields.List(
        fields.String(),
        load_default=None,
        allow_none=True,
        metadata={
            "description": "Ids of those that went into it; absent: of an answer that is sent, all that are in none."
        },
    )

    @validates_schema
    def names_what_it_saw(self, data: Mapping[str, Any], **_: Any) -> None:
        if data["status"] == "sent" and data["version"] is None:
            raise ValidationError("Name the version that you read, here or in If-Match.", "version")


def to_answer(values: Mapping[str, Any]) -> AnswerData:
    put_in: list[str] | None = values.get("contributions")
    return AnswerData(
        text=values["text"],
        language=values["language"],
        citations=tuple(dict.fromkeys(values["citations"])),
        contributions=None if put_in is None else tuple(put_in),
    )


class ContributionBody(AnswerWords):
    """`status` draft keeps it for the agency's own eyes; handed gives it to the lead, for which `version` is needed."""

    status = fields.String(load_default="handed", validate=validate.OneOf(CONTRIBUTION_STATUSES))
    version = Version("Of the request, as read; or send it as If-Match.", required=False)
    answer_version = Version("Of the agency's draft, if there is one.", required=False)

    @validates_schema
    def names_what_it_saw(self, data: Mapping[str, Any], **_: Any) -> None:
        if data["status"] == HANDED and data["version"] is None:
            raise ValidationError("Name the version that you read, here or in If-Match.", "version")


class CitationSchema(Schema):
    id = fields.String()
    document_id = fields.String()
    title = fields.String()
    language = fields.String()


class AnswerSchema(Schema):
    """`number`: counts the versions of the answer that were sent. `contributors`: whose words went into it beside `agency`'s."""

    id = fields.String()
    number = fields.Integer(allow_none=True)
    agency = fields.String()
    contributors = fields.List(fields.String())
    language = fields.String()
    text = fields.String()
    status = fields.String()
    version = fields.Integer()
    citations = fields.List(fields.Nested(CitationSchema))
    created_at = fields.DateTime()
    sent_at = fields.DateTime(allow_none=True)


class ContributionSchema(Schema):
    """`answer_id`, `plan_id`: what the lead put it into. `citations`: ids of records."""

    id = fields.String()
    agency = fields.String()
    language = fields.String()
    text = fields.String()
    citations = fields.List(fields.String())
    status = fields.String(validate=validate.OneOf(CONTRIBUTION_STATUSES))
    version = fields.Integer()
    created_at = fields.DateTime()
    handed_at = fields.DateTime(allow_none=True)
    answer_id = fields.String(allow_none=True)
    plan_id = fields.String(allow_none=True)


class PlanSchema(Schema):
    """`number`: counts the proposals from 1. `target_on`: when the answer is to be there."""

    id = fields.String()
    number = fields.Integer()
    agency = fields.String()
    contributors = fields.List(fields.String())
    language = fields.String()
    text = fields.String()
    steps = fields.List(fields.String())
    target_on = fields.Date(allow_none=True)
    status = fields.String(validate=validate.OneOf(PLAN_STATUSES))
    proposed_at = fields.DateTime()
    decided_at = fields.DateTime(allow_none=True)


def dump_answers(answers: Sequence[Answer], contributors: Mapping[str, Sequence[str]]) -> list[dict[str, Any]]:
    """`contributors`: as `contributions.contributors`."""
    return [
        {
            "id": answer.id,
            "number": answer.number,
            "agency": answer.entity_id,
            "contributors": list(contributors.get(answer.id, ())),
            "language": answer.language,
            "text": answer.text,
            "status": answer.status,
            "version": answer.version,
            "citations": [
                {
                    "id": citation.document.slug,
                    "document_id": citation.document_id,
                    "title": citation.document.title,
                    "language": citation.document.language,
                }
                for citation in answer.citations
            ],
            "created_at": iso(answer.created_at),
            "sent_at": iso(answer.sent_at),
        }
        for answer in answers
    ]


def dump_contributions(found: Sequence[Contribution]) -> list[dict[str, Any]]:
    return [
        {
            "id": one.id,
            "agency": one.entity_id,
            "language": one.language,
            "text": one.text,
            "citations": one.citations,
            "status": one.status,
            "version": one.version,
            "created_at": iso(one.created_at),
            "handed_at": iso(one.handed_at),
            "answer_id": one.answer_id,
            "plan_id": one.plan_id,
        }
        for one in found
    ]


def dump_plans(plans: Sequence[Plan], contributors: Mapping[str, Sequence[str]]) -> list[dict[str, Any]]:
    return [
        {
            "id": plan.id,
            "number": plan.number,
            "agency": plan.entity_id,
            "contributors": list(contributors.get(plan.id, ())),
            "language": plan.language,
            "text": plan.text,
            "steps": plan.steps,
            "target_on": plan.target_on.isoformat() if plan.target_on else None,
            "status": plan.status,
            "proposed_at": iso(plan.proposed_at),
            "decided_at": iso(plan.decided_at),
        }
        for plan in plans
    ]
