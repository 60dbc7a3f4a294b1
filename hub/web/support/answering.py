"""The editor of answers."""

from collections.abc import Mapping, Sequence
from typing import Any

from flask import current_app, flash, redirect, request, url_for
from flask_babel import gettext, lazy_gettext
from marshmallow import ValidationError
from sqlalchemy import select
from werkzeug.wrappers import Response

from hub.accounts import guard, policy
from hub.accounts.guard import db, membership_needed
from hub.accounts.models import EXPERT
from hub.errors import Forbidden, HubError, IllegalTransition, Invalid, SearchUnavailable, StaleVersion
from hub.knowledge.models import Document
from hub.schemas import support as schemas
from hub.search import service as search_service
from hub.search.types import LANGUAGES, Hit, SearchQuery
from hub.support import delivery, reading, steps
from hub.support.models import Answer, SupportRequest
from hub.web.i18n import language, name_of
from hub.web.support.parts import Change, blueprint, name_in_words, page, to_request

RECORDS_FOUND = 8


@blueprint.route("/<name>/answer", methods=["GET", "POST"])
@guard.role(EXPERT)
def answer(name: str) -> Response:
    """The editor. One form does everything, so that nothing typed is lost: search, cite, remove, save, send."""
    membership = membership_needed()
    row = reading.get(db(), membership, name)
    if not policy.can(membership, "draft_answer", row):
        raise Forbidden
    draft = _own_draft(row)
    if request.method == "GET":
        if "draft_answer" not in reading.possible_actions(membership, row):
            raise IllegalTransition(steps.NOT_NOW)
        return _editor(row, draft, _stored(row, draft))
    given = {**request.form.to_dict(), "citations": request.form.getlist("citations")}
    if "add" in request.form:
        given["citations"] = list(dict.fromkeys([*given["citations"], request.form["add"]]))
    if "remove" in request.form:
        given["citations"] = [slug for slug in given["citations"] if slug != request.form["remove"]]
    do = request.form.get("do")
    if do not in {"save", "send"}:
        return _editor(row, draft, given)
    try:
        values = schemas.load(
            schemas.AnswerBody,
            {name: given[name] for name in ("text", "language", "citations", "version") if name in given}
            | {"answer_version": given.get("answer_version") or None, "status": "draft" if do == "save" else "sent"},
        )
        data, seen = schemas.to_answer(values), values["answer_version"]
        if do == "save":
            delivery.save_answer_draft(db(), membership, row.id, data, answer_version=seen)
            flash(gettext("The draft is saved. Only your agency sees it."))
            return redirect(url_for("support.answer", name=row.id), 303)
        delivery.answer(db(), membership, row.id, data, version=values["version"], answer_version=seen)
    except ValidationError as error:
        return _editor(row, draft, given, 422, errors=error.normalized_messages())
    except Invalid as error:
        return _editor(row, draft, given, 422, errors=error.errors)
    except (StaleVersion, IllegalTransition) as error:
        return _conflicting(row, given, error)
    flash(gettext("The answer is sent. The State sees it now."))
    return to_request(row)


def _own_draft(row: SupportRequest) -> Answer | None:
    return next(
        (answer for answer in reading.answers(db(), membership_needed(), row) if answer.status == "draft"), None
    )


def _stored(row: SupportRequest, draft: Answer | None) -> dict[str, Any]:
    if draft is None:
        return {"version": row.version, "language": row.language, "citations": []}
    return {
        "version": row.version,
        "answer_version": draft.version,
        "text": draft.text,
        "language": draft.language,
        "citations": [citation.document.slug for citation in draft.citations],
    }


def _conflicting(row: SupportRequest, given: Mapping[str, Any], error: HubError) -> Response:
    """The editor with what was typed beside what a colleague saved. Saving again replaces theirs, knowingly."""
    row = reading.get(db(), membership_needed(), row.id)
    draft = _own_draft(row)
    theirs = [Change(lazy_gettext("Your colleague’s text"), draft.text)] if draft else []
    changes = theirs if "answer_version" in error.extra else []
    versions = {"version": row.version, "answer_version": draft.version if draft else ""}
    return _editor(row, draft, {**given, **versions}, 409, conflict=gettext(error.detail), changes=changes)


def _editor(
    row: SupportRequest,
    draft: Answer | None,
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
        row=row,
        country=name_in_words(row.country),
        draft=draft,
        given=given,
        cited=[documents[slug] for slug in slugs if slug in documents],
        hits=[hit for hit in hits if hit.slug not in slugs],
        searched=bool(given.get("q")),
        unavailable=unavailable,
        language_names={code: name_of(code) for code in LANGUAGES},
        labels={"text": gettext("Answer"), "language": gettext("Language"), "citations": gettext("Records cited")},
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
