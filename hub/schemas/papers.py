"""Files, questions by link, steps on behalf of somebody, translations: what forms and scripts send, and what they get."""

from collections.abc import Mapping
from typing import Any

from marshmallow import EXCLUDE, RAISE, Schema, ValidationError, fields, validate, validates_schema

from hub.accounts.models import Behalf
from hub.schemas.answers import AnswerBody, to_answer
from hub.schemas.fields import (
    LONGEST_ANSWER,
    LONGEST_DESCRIPTION,
    LONGEST_NOTE,
    LONGEST_PLAN,
    LONGEST_SUMMARY,
    LONGEST_TITLE,
    Body,
    Version,
    Words,
    iso,
    load,
)
from hub.schemas.register import ConsentBody, RatingBody, ReleaseBody, Withdrawal
from hub.schemas.requests import KEPT, RequestBody, RequestChange, to_request, words_of
from hub.schemas.steps import STEPS
from hub.search.types import LANGUAGES
from hub.support import behalf, translations
from hub.support.links import LinkData, Shown
from hub.support.models import SupportRequest
from hub.support.papers import HUMAN, LINK_KINDS, ORIGINS, SUBJECTS, YES_NO, Attachment
from hub.support.translations import TranslationData

LONGEST_QUESTION = 1_000
LONGEST_REPLY = 4_000


class OneOfLanguages(fields.String):
    def __init__(self) -> None:
        super().__init__(
            required=True,
            validate=validate.OneOf(LANGUAGES, error="Not one of the six official languages."),
            error_messages={"required": "Choose one."},
        )


# Files


class NewAttachment(Body):
    """Beside the part `file` of a multipart/form-data body. `subject_id`: of the plan or answer."""

    subject = fields.String(load_default="request", validate=validate.OneOf(SUBJECTS, error="Choose one."))
    subject_id = fields.String(load_default=None, allow_none=True, validate=validate.Length(max=36))


class AttachmentForm(NewAttachment):
    """For the description of the API only."""

    file = fields.Raw(required=True, metadata={"type": "string", "format": "binary"})


class AttachmentSchema(Schema):
    """`subject`: request, plan, answer, or source (on which the secretariat acted). `href`: where it is downloaded."""

    id = fields.String()
    name = fields.String()
    media_type = fields.String()
    size = fields.Integer(metadata={"description": "in bytes"})
    sha256 = fields.String()
    subject = fields.String(validate=validate.OneOf(SUBJECTS))
    subject_id = fields.String(allow_none=True)
    entity = fields.String(metadata={"description": "whose file it is"})
    added_at = fields.DateTime()
    href = fields.String()


def dump_attachment(file: Attachment) -> dict[str, Any]:
    return {
        "id": file.id,
        "name": file.name,
        "media_type": file.media_type,
        "size": file.size,
        "sha256": file.sha256,
        "subject": file.subject_kind,
        "subject_id": file.subject_id,
        "entity": file.entity_id,
        "added_at": iso(file.added_at),
        "href": f"/api/v1/attachments/{file.id}",
    }


# Questions by link


class Address(fields.Email):
    """Where the link is mailed; absent or empty: nowhere."""

    def __init__(self) -> None:
        super().__init__(
            load_default=str,  # '' as a default would be no address in the description of the API
            validate=validate.Length(max=254),
            error_messages={"invalid": "This is not an e-mail address."},
        )

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Any:
        return super()._deserialize(value.strip(), attr, data, **kwargs) if str(value or "").strip() else ""


class NewLink(Body):
    """`entity`: ISO alpha-3 code of a State, id or acronym of an agency. `kind`: yes_no (with a note) or words."""

    entity = Words(60, needed=True)
    question = Words(LONGEST_QUESTION, needed=True)
    kind = fields.String(load_default=YES_NO, validate=validate.OneOf(LINK_KINDS, error="Choose one."))
    language = OneOfLanguages()
    address = Address()


def to_link(values: Mapping[str, Any]) -> LinkData:
    return LinkData(**values)


class LinkReply(Schema):
    """The form behind a link. `choice`: yes or no, where that is asked."""

    class Meta:
        unknown = EXCLUDE

    choice = fields.String(load_default=None, validate=validate.OneOf(("yes", "no"), error="Choose one."))
    text = Words(LONGEST_REPLY)


class LinkSchema(Schema):
    """`status`: waits, used, expired, revoked, over (the request has ended) or erased. `url`: given once, when it is made."""

    id = fields.String()
    entity = fields.String()
    kind = fields.String(validate=validate.OneOf(LINK_KINDS))
    question = fields.String()
    language = fields.String()
    status = fields.String()
    created_at = fields.DateTime()
    expires_at = fields.DateTime()
    mailed_at = fields.DateTime(allow_none=True)
    used_at = fields.DateTime(allow_none=True)
    choice = fields.Boolean(allow_none=True)
    answer = fields.String()
    url = fields.String()


def dump_link(shown: Shown, url: str = "") -> dict[str, Any]:
    link = shown.link
    return {
        "id": link.id,
        "entity": link.entity_id,
        "kind": link.kind,
        "question": link.question,
        "language": link.language,
        "status": shown.status,
        "created_at": iso(link.created_at),
        "expires_at": iso(link.expires_at),
        "mailed_at": iso(link.mailed_at),
        "used_at": iso(link.used_at),
        "choice": link.choice,
        "answer": link.answer,
        **({"url": url} if url else {}),
    }


# On behalf


class SourceBody(Body):
    """On what the secretariat acts: how the entity said it, and of which day that is."""

    source = fields.String(
        required=True,
        validate=validate.OneOf(behalf.SOURCES, error="Choose one."),
        error_messages={"required": "Choose one."},
    )
    dated = fields.Date(
        required=True, error_messages={"required": "Fill this in.", "invalid": "Not a date, such as 2026-12-31."}
    )
    letter = Words(36, description="Id of a source that the request has already, instead of sending the file again.")


class BehalfRequest(SourceBody, RequestBody):
    """A request in a State's own words; it is submitted at once. `country`: its ISO alpha-3 code."""

    country = Words(3, needed=True)


class BehalfAnswer(AnswerBody):
    """A sent answer: drafts are the agency's own."""

    class Meta:
        unknown = RAISE
        exclude = ("status", "answer_version")

    @validates_schema
    def names_what_it_saw(self, data: Mapping[str, Any], **_: Any) -> None:
        if data["version"] is None:
            raise ValidationError("Name the version that you read, here or in If-Match.", "version")


class BehalfRelease(ReleaseBody):
    answer = Words(36, needed=True)


class BehalfRating(RatingBody):
    answer = Words(36, needed=True)


class AnyBehalfStep(SourceBody):
    """For the description of the API only: besides, what the step itself takes."""

    version = Version("Of the request, as read, or send it as If-Match; not for what is only said.", required=False)
    note = Words(LONGEST_NOTE)
    reason = fields.String()
    text = Words(LONGEST_PLAN)
    group = fields.String(metadata={"description": "publish, unpublish: facts, text or answer"})
    subject = fields.String(metadata={"description": "publish, unpublish of an answer: id of its released words"})
    seal = fields.String(metadata={"description": "publish: of the words that are agreed to, as they were read"})
    answer = fields.String(metadata={"description": "release, rate: id of the answer"})
    release_version = Version("release: of the text that this replaces, if there is one.", required=False)
    score = fields.Integer(metadata={"description": "rate: 1 to 5"})
    word = fields.String(metadata={"description": "rate: in a word or a sentence"})
    used = fields.String(metadata={"description": "rate: yes, partly or not"})


BEHALF_STEPS: Mapping[str, type[Schema]] = {
    **{action: STEPS[action] for action in behalf.ACTIONS if action in STEPS},
    "edit": RequestChange,
    "answer": BehalfAnswer,
    "publish": ConsentBody,
    "unpublish": Withdrawal,
    "release": BehalfRelease,
    "rate": BehalfRating,
}
"""What each of `behalf.ACTIONS` takes beside `SourceBody`."""


def load_step(action: str, data: Mapping[str, Any], row: SupportRequest) -> dict[str, Any]:
    """What the verb of a step takes, from what was sent. Raises `ValidationError`."""
    if action == "edit":
        values = load(RequestChange, data, partial=KEPT)
        return {"data": to_request(values, words_of(row)), "version": values["version"]}
    values = load(BEHALF_STEPS[action], data)
    if action == "answer":
        return {"data": to_answer(values), "version": values["version"]}
    names = {"answer": "answer_id", "release_version": "version"}  # as the verbs call them
    return {names.get(name, name): value for name, value in values.items()}


def to_behalf(values: Mapping[str, Any]) -> Behalf:
    return Behalf(values["source"], values["dated"], values["letter"] or None)


# Translations


class TranslationWords(Body):
    """Fields of the original that are translated; `steps`: one on each line."""

    title = Words(LONGEST_TITLE)
    description = Words(LONGEST_DESCRIPTION)
    summary = Words(LONGEST_SUMMARY)
    text = Words(LONGEST_ANSWER)
    steps = Words(LONGEST_PLAN)


class TranslationBody(TranslationWords):
    """`origin`: human or machine. `version`: of the translation that it replaces; none: there is none into that language."""

    language = OneOfLanguages()
    origin = fields.String(load_default=HUMAN, validate=validate.OneOf(ORIGINS, error="Choose one."))
    version = Version("Of the translation that this one replaces.", required=False)


def to_translation(values: Mapping[str, Any]) -> TranslationData:
    words = {name: values[name] for name in TranslationWords().fields if values.get(name)}
    return TranslationData(values["language"], words, values["origin"])


class TranslationSchema(Schema):
    """Never binding. `outdated`: the original was changed since. `texts`: the fields that you may read."""

    id = fields.String()
    subject = fields.String(validate=validate.OneOf(tuple(translations.FIELDS)))
    subject_id = fields.String()
    language = fields.String()
    origin = fields.String(validate=validate.OneOf(ORIGINS))
    binding = fields.Boolean()
    outdated = fields.Boolean()
    texts = fields.Dict(keys=fields.String(), values=fields.String())
    entity = fields.String(metadata={"description": "whose translation it is"})
    version = fields.Integer()
    updated_at = fields.DateTime()


def dump_translation(shown: translations.Shown) -> dict[str, Any]:
    row = shown.row
    return {
        "id": row.id,
        "subject": row.subject_kind,
        "subject_id": row.subject_id,
        "language": row.language,
        "origin": row.origin,
        "binding": False,
        "outdated": shown.outdated,
        "texts": dict(shown.texts),
        "entity": row.entity_id,
        "version": row.version,
        "updated_at": iso(row.updated_at),
    }
