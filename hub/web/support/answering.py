"""The editor of answers and of contributions to them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask import current_app, flash, redirect, request, url_for
from flask_babel import LazyString, gettext, lazy_gettext
from marshmallow import ValidationError
from sqlalchemy import select
from werkzeug.wrappers import Response

from hub.accounts import guard, policy
from hub.accounts.guard import db, membership_needed
from hub.accounts.models import EXPERT
from hub.errors import Forbidden, HubError, IllegalTransition, Invalid, SearchUnavailable, StaleVersion
from hub.knowledge.models import Document
from hub.schemas import answers as answer_schemas
from hub.schemas import steps as step_schemas
from hub.schemas.fields import load
from hub.search import service as search_service
from hub.search.types import LANGUAGES, Hit, SearchQuery
from hub.support import contributions, delivery, drafting, reading, register, steps
from hub.support.delivery_models import DRAFT, HANDED, Contribution
from hub.support.models import Answer, SupportRequest
from hub.web.i18n import language, name_of
from hub.web.support.parts import Change, blueprint, name_in_words, page, to_request
from hub.web.support.teams import ContributionLine, contribution_lines
from hub.web.support.words import GROUP_NAMES

RECORDS_FOUND = 8
Draft = Answer | Contribution


@dataclass(frozen=True, slots=True)
class Kind:
    """What is written: the answer, by the lead, or what an agency contributes to it."""

    action: str
    endpoint: str
    heading: LazyString
    field: LazyString
    saved: LazyString
    send: LazyString
    sent: LazyString


ANSWER = Kind(
    "draft_answer",
    "support.answer",
    lazy_gettext("Write the answer"),
    lazy_gettext("Answer"),
    lazy_gettext("The draft is saved. Only your agency sees it."),
    lazy_gettext("Send the answer"),
    lazy_gettext("The answer is sent. The State sees it now."),
)
CONTRIBUTION = Kind(
    "draft_contribution",
    "support.contribute",
    lazy_gettext("Write a contribution"),
    lazy_gettext("Contribution"),
    lazy_gettext("The draft is saved. Only your agency sees it."),
    lazy_gettext("Hand it to the lead"),
    lazy_gettext("The lead sees your contribution now."),
)


@blueprint.route("/<name>/answer", methods=["GET", "POST"])
@guard.role(EXPERT)
def answer(name: str) -> Response:
    return _edit(name, ANSWER)


@blueprint.route("/<name>/contribution", methods=["GET", "POST"])
@guard.role(EXPERT)
def contribute(name: str) -> Response:
    return _edit(name, CONTRIBUTION)


def _edit(name: str, kind: Kind) -> Response:
    """The editor. One form does everything, so that nothing typed is lost: search, cite, remove, merge, save, send."""
    membership = membership_needed()
    row = reading.get(db(), membership, name)
    if not policy.can(membership, kind.action, row):
        raise Forbidden
    draft = _own_draft(row, kind)
    if request.method != "POST":
        if kind.action not in reading.possible_actions(membership, row):
            raise IllegalTransition(steps.NOT_NOW)
        return _editor(kind, row, draft, _stored(kind, row, draft))
    form = request.form
    given: dict[str, Any] = {
        **form.to_dict(),
        "citations": form.getlist("citations"),
        "contributions": form.getlist("contributions"),
    }
    if "add" in form:
        given["citations"] = list(dict.fromkeys([*given["citations"], form["add"]]))
    if "remove" in form:
        given["citations"] = [slug for slug in given["citations"] if slug != form["remove"]]
    if "merge" in form and kind is ANSWER:
        given = _merge(row, given, form["merge"])
    if "begin" in form:
        given["text"] = _begun(row, str(given.get("text", "")), form["begin"])
    do = form.get("do")
    if do == "discard":
        return _discard(kind, row, given)
    if do not in {"save", "send"}:
        return _editor(kind, row, draft, given)
    try:
        _write(kind, row, given, send=do == "send")
    except ValidationError as error:
        return _editor(kind, row, draft, given, 422, errors=error.normalized_messages())
    except Invalid as error:
        return _editor(kind, row, draft, given, 422, errors=error.errors)
    except (StaleVersion, IllegalTransition) as error:
        return _conflicting(kind, row, given, error)
    if do == "save":
        flash(str(kind.saved))
        return redirect(url_for(kind.endpoint, name=row.id), 303)
    flash(str(kind.sent))
    return to_request(row)


def _discard(kind: Kind, row: SupportRequest, given: dict[str, Any]) -> Response:
    try:
        seen = load(step_schemas.Step, {"version": given.get("answer_version") or None})["version"]
        if kind is CONTRIBUTION:
            contributions.discard_draft(db(), membership_needed(), row.id, seen=seen)
        else:
            delivery.discard_answer_draft(db(), membership_needed(), row.id, answer_version=seen)
    except ValidationError:
        return _editor(kind, row, _own_draft(row, kind), given, 422)
    except (StaleVersion, IllegalTransition) as error:
        return _conflicting(kind, row, given, error)
    flash(gettext("The draft is discarded."))
    return to_request(row)


def _write(kind: Kind, row: SupportRequest, given: Mapping[str, Any], *, send: bool) -> None:
    membership = membership_needed()
    words = {name: given[name] for name in ("text", "language", "citations", "version") if name in given}
    words["answer_version"] = given.get("answer_version") or None
    if kind is CONTRIBUTION:
        values = load(answer_schemas.ContributionBody, {**words, "status": HANDED if send else DRAFT})
        data, seen = answer_schemas.to_answer(values), values["answer_version"]
        if send:
            contributions.contribute(db(), membership, row.id, data, version=values["version"], seen=seen)
        else:
            contributions.save_draft(db(), membership, row.id, data, seen=seen)
        return
    values = load(
        answer_schemas.AnswerBody,
        {**words, "contributions": given["contributions"], "status": "sent" if send else "draft"},
    )
    data, seen = answer_schemas.to_answer(values), values["answer_version"]
    if send:
        delivery.answer(db(), membership, row.id, data, version=values["version"], answer_version=seen)
    else:
        delivery.save_answer_draft(db(), membership, row.id, data, answer_version=seen)


def _merge(row: SupportRequest, given: dict[str, Any], id_: str) -> dict[str, Any]:
    """What is typed, followed by the words of a contribution, with the records that it cites; says that it is in."""
    line = next((one for one in _handed(row) if one.row.id == id_), None)
    if line is None:
        return given
    text = "\n\n".join(part for part in (str(given.get("text", "")).rstrip(), line.row.text) if part)
    return {
        **given,
        "text": text,
        "citations": list(dict.fromkeys([*given["citations"], *(slug for _, slug in line.cites)])),
        "contributions": list(dict.fromkeys([*given["contributions"], id_])),
    }


def _released(row: SupportRequest) -> list[drafting.SimilarAnswer]:
    """Answers to like requests, in the words that their States published."""
    numbers = [objective.number for objective in row.objectives]
    return drafting.similar_answers(db(), f"{row.title}\n{row.description}", row.language, numbers)


def _begun(row: SupportRequest, text: str, id_: str) -> str:
    """What is typed, followed by the words of a released answer."""
    words = next((one.answer.text for one in _released(row) if one.answer.id == id_), "")
    return "\n\n".join(part for part in (text.rstrip(), words) if part)


def _handed(row: SupportRequest) -> list[ContributionLine]:
    """Contributions that are in no answer that was sent."""
    sent = {one.id for one in row.answers if one.status == "sent"}
    lines = contribution_lines(membership_needed(), row)
    return [line for line in lines if line.row.status == HANDED and line.row.answer_id not in sent]


def _own_draft(row: SupportRequest, kind: Kind) -> Draft | None:
    membership = membership_needed()
    if kind is CONTRIBUTION:
        return next((one for one in contributions.listing(db(), membership, row) if one.status == DRAFT), None)
    return next((one for one in reading.answers(db(), membership, row) if one.status == "draft"), None)


def _stored(kind: Kind, row: SupportRequest, draft: Draft | None) -> dict[str, Any]:
    handed = [line.row for line in _handed(row)] if kind is ANSWER else []
    if draft is None:
        fresh = {"version": row.version, "language": row.language, "citations": []}
        return {**fresh, "contributions": [one.id for one in handed]}
    return {
        "version": row.version,
        "answer_version": draft.version,
        "text": draft.text,
        "language": draft.language,
        "citations": _slugs(draft),
        "contributions": [one.id for one in handed if one.answer_id == draft.id],
    }


def _slugs(draft: Draft) -> list[str]:
    if isinstance(draft, Answer):
        return [citation.document.slug for citation in draft.citations]
    records = contributions.documents(db(), [draft])
    return [records[id_].slug for id_ in draft.citations if id_ in records]


def _conflicting(kind: Kind, row: SupportRequest, given: Mapping[str, Any], error: HubError) -> Response:
    """The editor with what was typed beside what a colleague saved. Saving again replaces theirs, knowingly."""
    row = reading.get(db(), membership_needed(), row.id)
    draft = _own_draft(row, kind)
    theirs = [Change(lazy_gettext("Your colleague’s text"), draft.text)] if draft else []
    changes = theirs if "answer_version" in error.extra else []
    versions = {"version": row.version, "answer_version": draft.version if draft else ""}
    return _editor(kind, row, draft, {**given, **versions}, 409, conflict=gettext(error.detail), changes=changes)


def _editor(
    kind: Kind,
    row: SupportRequest,
    draft: Draft | None,
    given: Mapping[str, Any],
    status: int = 200,
    *,
    errors: Mapping[str, Any] | None = None,
    conflict: str = "",
    changes: Sequence[Change] = (),
) -> Response:
    slugs: list[str] = given["citations"]
    rows = db().scalars(select(Document).where(Document.slug.in_(slugs), Document.status == "published"))
    documents = {document.slug: document for document in rows}
    hits, unavailable = _find(str(given.get("q", "")))
    return page(
        "answer.html",
        status,
        kind=kind,
        row=row,
        country=name_in_words(row.country),
        draft=draft,
        given=given,
        published=register.published(db(), membership_needed(), row),
        group_names=GROUP_NAMES,
        handed=_handed(row) if kind is ANSWER else (),
        released=_released(row),
        cited=[documents[slug] for slug in slugs if slug in documents],
        hits=[hit for hit in hits if hit.slug not in slugs],
        searched=bool(given.get("q")),
        unavailable=unavailable,
        language_names={code: name_of(code) for code in LANGUAGES},
        labels={"text": kind.field, "language": gettext("Language"), "citations": gettext("Records cited")},
        errors=errors or {},
        conflict=conflict,
        changes=changes,
    )


def _find(words: str) -> tuple[Sequence[Hit], bool]:
    """Records for the box of the editor, and whether search is away."""
    if not words.strip():
        return (), False
    parts = current_app.extensions["hub"]
    query = SearchQuery(text=words[:2_000], limit=RECORDS_FOUND, facets=())
    try:
        return search_service.search(parts.engine, parts.embedder, db(), query, reader=language()).hits, False
    except SearchUnavailable:
        return (), True
