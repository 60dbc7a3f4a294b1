"""Translations: written beside the original, taken away again."""

from typing import Any

from flask import flash, redirect, request, url_for
from flask_babel import gettext, lazy_gettext
from marshmallow import ValidationError
from werkzeug.wrappers import Response

from hub.accounts import guard
from hub.accounts.guard import db, membership_needed
from hub.accounts.models import EXPERT, FOCAL_POINT, SECRETARIAT
from hub.errors import Invalid, StaleVersion
from hub.schemas import papers as schemas
from hub.search.types import LANGUAGES
from hub.support import reading, translations
from hub.support.models import SupportRequest
from hub.support.papers import HUMAN, MACHINE
from hub.support.translations import Original, Shown
from hub.web.i18n import language, name_of
from hub.web.support.parts import blueprint, load, page

ORIGIN_NAMES = {HUMAN: lazy_gettext("by a person"), MACHINE: lazy_gettext("by a machine")}
FIELD_NAMES = {
    "title": lazy_gettext("Title"),
    "description": lazy_gettext("Description"),
    "summary": lazy_gettext("Summary for agencies"),
    "text": lazy_gettext("Text"),
    "steps": lazy_gettext("Steps"),
}


@blueprint.route("/<name>/translations/<kind>/<id_>", methods=["GET", "POST"])
@guard.role(FOCAL_POINT, EXPERT, SECRETARIAT)
def translate(name: str, kind: str, id_: str) -> Response:
    """One form: original beside its translation into the language chosen, which is a link of its own."""
    membership = membership_needed()
    row, original = translations.find(db(), membership, name, (kind, id_))
    if request.method != "POST":
        return _form(row, original, request.args.get("into", ""))
    into = request.form.get("language", "")
    try:
        values = load(schemas.TranslationBody)
        data = schemas.to_translation(values)
        translations.put(db(), membership, row.id, (kind, id_), data, version=values["version"])
    except ValidationError as error:
        return _form(row, original, into, 422, errors=error.normalized_messages())
    except Invalid as error:
        return _form(row, original, into, 422, errors=error.errors)
    except StaleVersion as error:
        row, original = translations.find(db(), membership, row.id, (kind, id_))
        return _form(row, original, into, 409, conflict=gettext(error.detail))
    flash(gettext("The translation is saved. It stands beside the original, which alone is binding."))
    return redirect(url_for("support.show", name=row.id), 303)


@blueprint.post("/<name>/translations/<id_>/remove")
@guard.role(FOCAL_POINT, EXPERT, SECRETARIAT)
def remove_translation(name: str, id_: str) -> Response:
    reading.get(db(), membership_needed(), name)
    row = translations.remove(db(), membership_needed(), id_)
    flash(gettext("The translation is taken away."))
    return redirect(url_for("support.show", name=row.id), 303)


def _form(
    row: SupportRequest,
    original: Original,
    into: str,
    status: int = 200,
    *,
    errors: Any = None,
    conflict: str = "",
) -> Response:
    others = [code for code in LANGUAGES if code != original.language]
    if into not in others:
        into = language() if language() in others else others[0]
    current = _current(row, original, into)
    stored: dict[str, Any] = dict(current.texts) | {"origin": current.row.origin} if current else {"origin": HUMAN}
    sent = request.form.to_dict()
    version = current.row.version if current else None
    if sent and not conflict:
        version = sent.get("version", "") or None
    return page(
        "translate.html",
        status,
        row=row,
        original=original,
        into=into,
        current=current,
        others={code: name_of(code) for code in others},
        fields=[(name, FIELD_NAMES[name], words) for name, words in original.texts.items() if words],
        given=sent or stored,
        version=version,
        theirs=current.texts if conflict and current else {},
        origins=ORIGIN_NAMES,
        errors=errors or {},
        labels={**FIELD_NAMES, "language": gettext("Language"), "origin": gettext("Translated")},
        conflict=conflict,
    )


def _current(row: SupportRequest, original: Original, into: str) -> Shown | None:
    found = translations.shown(db(), membership_needed(), row).get(original.id, [])
    return next((each for each in found if each.row.language == into), None)
