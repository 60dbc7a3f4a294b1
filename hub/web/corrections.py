"""An agency's own record, what it says is wrong in it, and what the secretariat decides."""

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, flash, make_response, redirect, render_template, request, url_for
from flask_babel import LazyString, gettext, lazy_gettext
from werkzeug.wrappers import Response

from hub.accounts import guard
from hub.accounts.guard import db, membership_needed
from hub.accounts.models import EXPERT, SECRETARIAT
from hub.errors import Invalid, StaleVersion
from hub.knowledge import corrections
from hub.knowledge.corrections import LONGEST_NOTE
from hub.network import vocabulary
from hub.network.models import Correction
from hub.search.types import LANGUAGES
from hub.web.i18n import PREFIX, language, name_of

blueprint = Blueprint("corrections", __name__, url_prefix=PREFIX)

FIELD_NAMES: Mapping[str, LazyString] = {
    "objectives": lazy_gettext("Objectives"),
    "languages": lazy_gettext("Languages"),
    "presence": lazy_gettext("Where it works"),
    "mandate": lazy_gettext("Mandate"),
    "url": lazy_gettext("Web site"),
    "record": lazy_gettext("Part in a record"),
    "reason": lazy_gettext("Reason of a match"),
}
STATUS_NAMES: Mapping[str, LazyString] = {
    "proposed": lazy_gettext("waits for the secretariat"),
    "confirmed": lazy_gettext("confirmed"),
    "refused": lazy_gettext("refused"),
    "replaced": lazy_gettext("replaced by a newer one"),
}
STRENGTH_NAMES: Mapping[str, LazyString] = {
    "": lazy_gettext("not one of ours"),
    "primary": lazy_gettext("core task"),
    "secondary": lazy_gettext("contributes"),
}


@blueprint.get("/record")
@guard.role(EXPERT)
def own() -> Response:
    return _own()


@blueprint.post("/record")
@guard.role(EXPERT)
def propose() -> Response:
    form = request.form
    field, because = form.get("field", ""), form.get("because", "")[:LONGEST_NOTE]
    try:
        if field == corrections.REASON:
            corrections.contest(db(), membership_needed(), form.get("reason", ""), because)
        else:
            corrections.propose(db(), membership_needed(), field, _value(field), because)
    except Invalid as error:
        return _own(422, errors=error.errors, failed=field)
    flash(gettext("The secretariat sees your correction now. The record stays as it is until it confirms."))
    return redirect(url_for("corrections.own"), 303)


@blueprint.get("/corrections")
@guard.role(SECRETARIAT)
def listing() -> Response:
    return _listing()


@blueprint.post("/corrections/<id_>")
@guard.role(SECRETARIAT)
def decide(id_: str) -> Response:
    note = request.form.get("note", "")[:LONGEST_NOTE]
    try:
        if request.form.get("do") == "confirm":
            corrections.confirm(db(), membership_needed(), id_, note=note)
            flash(gettext("The record is changed. Matching uses it from now on."))
        else:
            corrections.refuse(db(), membership_needed(), id_, note=note)
            flash(gettext("The record stays as it is. The agency sees why."))
    except Invalid as error:
        return _listing(422, errors=error.errors, failed=id_)
    except StaleVersion as error:
        return _listing(409, errors={"note": [error.detail]}, failed=id_)
    return redirect(url_for("corrections.listing"), 303)


def _value(field: str) -> Any:
    """What the form says the field should be."""
    form = request.form
    if field == "objectives":
        given = {str(number): form.get(f"objective_{number}", "") for number in vocabulary.OBJECTIVES}
        return {number: strength for number, strength in given.items() if strength}
    if field == "languages":
        return form.getlist("value")
    if field == "presence":
        return [_place(line.strip()) for line in form.get("value", "").splitlines() if line.strip()]
    return form.get("value", "")


def _place(typed: str) -> str:
    """The code of a country or region that is typed by its code or its name in the reader's language; else what was typed."""
    for scheme in ("country", "region"):
        for code, name in vocabulary.labels(db(), scheme, language()).items():
            if typed.casefold() in {code.casefold(), name.casefold()}:
                return code
    return typed


def in_words(field: str, value: Any) -> list[str]:
    """A value as lines in the reader's language."""
    if value is None or value in ("", [], {}):
        return ["–"]
    if field == "objectives":
        names = vocabulary.labels(db(), "objective", language())
        return [
            f"{number}. {names.get(number, number)}: {STRENGTH_NAMES[strength]}" for number, strength in value.items()
        ]
    if field == "languages":
        return [str(name_of(code)) for code in value]
    if field == "presence":
        named = {**vocabulary.labels(db(), "country", language()), **vocabulary.labels(db(), "region", language())}
        return [str(named.get(code, code)) for code in value]
    return [str(value)]


def _line(row: Correction) -> dict[str, Any]:
    return {
        "row": row,
        "agency": vocabulary.label(db(), "agency", row.entity_id, language()),
        "field": FIELD_NAMES[row.field],
        "status": STATUS_NAMES[row.status],
        "before": in_words(row.field, row.before["value"]),
        "after": in_words(row.field, row.after["value"]),
    }


def _own(status: int = 200, *, errors: Mapping[str, Any] | None = None, failed: str = "") -> Response:
    membership = membership_needed()
    now = corrections.record(db(), membership.entity_id)
    every = {one.code: one.objectives for one in vocabulary.agencies(db())}[membership.entity_id]
    form = request.form
    names = vocabulary.labels(db(), "objective", language())
    return _page(
        "own.html",
        status,
        agency=vocabulary.label(db(), "agency", membership.entity_id, language()),
        now={field: in_words(field, value) for field, value in now.items()},
        of_groups=[
            f"{number}. {names[str(number)]}" for number in sorted(every) if str(number) not in now["objectives"]
        ],
        fields=FIELD_NAMES,
        objectives=[
            (code, name, form.get(f"objective_{code}", now["objectives"].get(code, ""))) for code, name in names.items()
        ],
        strengths=STRENGTH_NAMES,
        language_names={code: name_of(code) for code in LANGUAGES},
        values={
            "languages": now["languages"],
            "presence": "\n".join(in_words("presence", now["presence"])) if now["presence"] else "",
            "mandate": now["mandate"],
            "url": now["url"],
        },
        given=form if failed else {},
        contested=request.values.get("reason", ""),
        lines=[_line(row) for row in corrections.listing(db(), membership)],
        errors=errors or {},
        failed=failed,
    )


def _listing(status: int = 200, *, errors: Mapping[str, Any] | None = None, failed: str = "") -> Response:
    rows = [_line(row) for row in corrections.listing(db(), membership_needed())]
    return _page(
        "list.html",
        status,
        waiting=[line for line in rows if line["row"].status == "proposed"],
        decided=[line for line in rows if line["row"].status != "proposed"],
        errors=errors or {},
        failed=failed,
        given=request.form if failed else {},
    )


def _page(template: str, status: int, **values: Any) -> Response:
    response = make_response(render_template(f"corrections/{template}", **values), status)
    response.headers["Cache-Control"] = "no-store"
    return response
