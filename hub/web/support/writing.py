"""The form of a request."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from flask import current_app, flash, request
from flask_babel import gettext, lazy_gettext
from marshmallow import ValidationError
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from hub.accounts import guard, policy
from hub.accounts.guard import db, membership_needed
from hub.accounts.models import FOCAL_POINT
from hub.database import new_id
from hub.errors import Forbidden, IllegalTransition, StaleVersion
from hub.network import vocabulary
from hub.schemas import requests as request_schemas
from hub.schemas import steps as step_schemas
from hub.schemas.fields import LONGEST_KEY
from hub.schemas.fields import load as load_schema
from hub.search.types import LANGUAGES
from hub.support import drafting, reading, requests, steps
from hub.support.models import SupportRequest
from hub.support.requests import RequestData
from hub.web.i18n import language, name_of
from hub.web.support import helping
from hub.web.support.matching import MATCHES, groups, notes
from hub.web.support.parts import Change, blueprint, load, name_in_words, numbers, page, to_request
from hub.web.support.words import DONE

if TYPE_CHECKING:
    from hub.matching.types import Matches


@blueprint.route("/new", methods=["GET", "POST"])
@guard.role(FOCAL_POINT)
def new() -> Response:
    membership = membership_needed()
    if not policy.can_create(membership, membership.entity_id):
        raise Forbidden
    if request.method != "POST":
        return _form_page({"key": new_id()})
    given = _typed()
    try:
        data = request_schemas.to_request(load(request_schemas.RequestBody, given))
    except ValidationError as error:
        return _form_page(given, 422, errors=error.normalized_messages())
    if given.get("do") in LOOKS:
        return _look(given, membership.entity_id, data)
    submit = given.get("do") == "submit"
    try:
        row = requests.draft(db(), membership, data, key=given.get("key", "")[:LONGEST_KEY] or None, submit=submit)
    except StaleVersion as error:
        return _form_page(given, 409, conflict=gettext(error.detail), saved=error.extra)
    flash(str(DONE["submit"]) if submit else gettext("The draft is saved. Only your State’s team sees it."))
    return to_request(row)


@blueprint.route("/<name>/edit", methods=["GET", "POST"])
@guard.role(FOCAL_POINT)
def edit(name: str) -> Response:
    membership = membership_needed()
    row = reading.get(db(), membership, name)
    if request.method != "POST":
        if "edit" not in reading.possible_actions(membership, row):
            raise IllegalTransition(steps.NOT_NOW)
        stored = {"title": row.title, "description": row.description, "summary": row.summary, "language": row.language}
        return _form_page({**stored, "version": row.version}, row=row, chosen=numbers(row))
    given = _typed()
    try:
        data = request_schemas.to_request(load(request_schemas.RequestBody, given))
        version = load_schema(step_schemas.Step, {"version": given.get("version")})["version"]
    except ValidationError as error:
        return _form_page(given, 422, row=row, errors=error.normalized_messages())
    if given.get("do") in LOOKS:
        return _look(given, row.country_id, data, row=row)
    try:
        row = requests.edit(db(), membership, row.id, data, version=version)
        if given.get("do") == "submit":
            row = requests.submit(db(), membership, row.id, version=row.version)
    except (StaleVersion, IllegalTransition) as error:
        row = reading.get(db(), membership, row.id)
        return _form_page(
            {**given.to_dict(), "version": row.version},
            409,
            row=row,
            chosen=given.getlist("gcm_objectives"),
            conflict=gettext(error.detail),
            changes=_changes(row, data),
        )
    flash(str(DONE["submit"]) if given.get("do") == "submit" else gettext("Your changes are saved."))
    return to_request(row)


LOOKS = ("help", "match", "preview")
"""Buttons that store nothing."""


def _typed() -> MultiDict[str, str]:
    """The form; what asks for help only needs no title, so it gets the one that we propose."""
    given = helping.with_answers(MultiDict(request.form))
    if given.get("do") in LOOKS and not given.get("title", "").strip():
        given["title"] = drafting.propose_title(given.get("description", ""))
    return given


def _look(
    given: MultiDict[str, str], country: str, data: RequestData, *, row: SupportRequest | None = None
) -> Response:
    do = given["do"]
    return _form_page(
        given,
        row=row,
        found=_preview(country, data) if do == "match" else None,
        help=helping.help_with(country, data) if do == "help" else None,
        seen=data if do == "preview" else None,
    )


def _form_page(
    given: Mapping[str, Any],
    status: int = 200,
    *,
    row: SupportRequest | None = None,
    chosen: Sequence[str] | None = None,
    errors: Mapping[str, Any] | None = None,
    found: "Matches | None" = None,
    help: "helping.Help | None" = None,  # noqa: A002 - what the button is called
    seen: RequestData | None = None,
    conflict: str = "",
    saved: Mapping[str, Any] | None = None,
    changes: Sequence[Change] = (),
) -> Response:
    """The form with what was typed. `saved`: the request that the same form made before, if it did. `seen`: show who will

    see what of it.
    """
    membership = membership_needed()
    objectives = vocabulary.labels(db(), "objective", language())
    suggested = {one.code for one in help.objectives} if help else set[str]()
    return page(
        "form.html",
        status,
        row=row,
        given=given,
        chosen=request.form.getlist("gcm_objectives") if chosen is None else chosen,
        errors=errors or {},
        labels={
            "title": gettext("Title"),
            "description": gettext("Description"),
            "summary": gettext("Summary for agencies"),
            "language": gettext("Language"),
            "gcm_objectives": gettext("Objectives"),
        },
        objectives={code: f"{code}. {label}" for code, label in objectives.items() if code not in suggested},
        language_names={code: name_of(code) for code in LANGUAGES},
        country=name_in_words(membership.entity),
        can_submit=row is None or row.status == "draft",
        groups=groups(found) if found else (),
        notes=notes(found),
        conflict=conflict,
        saved=saved or {},
        changes=changes,
        help=help,
        seen=seen,
        seen_language=steps.language_of(seen.language, seen.title, seen.description, membership) if seen else "",
        seen_objectives=[objectives[str(number)] for number in seen.objectives] if seen else (),
        sights=drafting.sights() if seen else (),
        sight_names=helping.SIGHTS,
        seen_names=helping.SEEN,
        colleagues=drafting.colleagues(db(), membership) if seen else (),
    )


def _preview(country: str, data: RequestData) -> "Matches":
    """Who could help with what was typed. Nothing is stored."""
    from hub.matching import service  # noqa: PLC0415 - numpy and more, not needed by other pages
    from hub.matching.types import MatchRequest  # noqa: PLC0415 - as above

    wanted = MatchRequest(country, data.title, data.description, data.language, data.objectives)
    parts = current_app.extensions["hub"]
    return service.match(db(), wanted, embedder=parts.embedder, engine=parts.engine, limit=MATCHES, view="member")


def _changes(row: SupportRequest, data: RequestData) -> list[Change]:
    changes: list[Change] = []
    if row.title != data.title:
        changes.append(Change(lazy_gettext("Title"), row.title))
    if row.description != data.description:
        changes.append(Change(lazy_gettext("Description"), row.description))
    if row.summary != data.summary:
        changes.append(Change(lazy_gettext("Summary for agencies"), row.summary))
    if data.language and row.language != data.language:
        changes.append(Change(lazy_gettext("Language"), name_of(row.language)))
    if numbers(row) != [str(number) for number in data.objectives]:
        changes.append(Change(lazy_gettext("Objectives"), ", ".join(numbers(row)) or "–"))
    return changes
