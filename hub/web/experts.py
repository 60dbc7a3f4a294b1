"""What experts take on, as pages: the list, one profile; conflicts of interest that the secretariat records or lifts."""

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, flash, make_response, redirect, render_template, request, url_for
from flask_babel import gettext
from marshmallow import Schema, ValidationError, fields
from werkzeug.wrappers import Response

from hub.accounts import guard
from hub.accounts.guard import db, membership_needed
from hub.accounts.models import EXPERT, SECRETARIAT
from hub.errors import Invalid, StaleVersion
from hub.network import vocabulary
from hub.schemas import experts as schemas
from hub.schemas.fields import load
from hub.search.types import LANGUAGES
from hub.support import conflicts, experts
from hub.support.experts import DEFAULT_CAPACITY, Entry
from hub.web.i18n import PREFIX, language, name_of
from hub.web.support.parts import name_in_words

blueprint = Blueprint("experts", __name__, url_prefix=PREFIX)

SPARE_ABSENCES = 2
"""Empty lines of the form, beside those that are filled in."""


@blueprint.get("/experts")
@guard.role(EXPERT, SECRETARIAT)
def listing() -> Response:
    membership = membership_needed()
    return _page(
        "list.html",
        entries=experts.listing(db(), membership),
        own=membership.id,
        secretariat=membership.role == SECRETARIAT,
        agencies=_agencies() if membership.role == SECRETARIAT else (),
        default=DEFAULT_CAPACITY,
        entity_name=name_in_words,
        region_names=_region_names(),
    )


@blueprint.get("/experts/me")
@guard.role(EXPERT)
def own() -> Response:
    return _profile(experts.entry(db(), membership_needed(), membership_needed().id))


@blueprint.route("/experts/<membership_id>", methods=["GET", "POST"])
@guard.role(EXPERT, SECRETARIAT)
def profile(membership_id: str) -> Response:
    """One profile. What went wrong comes back with what was typed."""
    membership = membership_needed()
    found = experts.entry(db(), membership, membership_id)
    if request.method != "POST":
        return _profile(found)
    try:
        values = load(schemas.ProfileForm, _form(schemas.ProfileForm))
        experts.save(db(), membership, membership_id, schemas.to_profile(values), version=values["version"])
    except ValidationError as error:
        return _profile(found, 422, errors=error.normalized_messages())
    except Invalid as error:
        return _profile(found, 422, errors=error.errors)
    except StaleVersion as error:
        return _profile(experts.entry(db(), membership, membership_id), 409, conflict=gettext(error.detail))
    flash(gettext("The profile is saved."))
    return redirect(url_for("experts.profile", membership_id=membership_id), 303)


@blueprint.post("/experts/<membership_id>/coordinator")
@guard.role(SECRETARIAT)
def coordinator(membership_id: str) -> Response:
    membership = membership_needed()
    values = load(schemas.CoordinatorBody, _form(schemas.CoordinatorBody))
    try:
        experts.set_coordinator(db(), membership, membership_id, **values)
    except Invalid as error:
        return _profile(experts.entry(db(), membership, membership_id), 422, errors=error.errors)
    except StaleVersion as error:
        return _profile(experts.entry(db(), membership, membership_id), 409, conflict=gettext(error.detail))
    flash(gettext("The profile is saved."))
    return redirect(url_for("experts.profile", membership_id=membership_id), 303)


# Conflicts of interest


@blueprint.route("/conflicts", methods=["GET", "POST"])
@guard.role(SECRETARIAT)
def ties() -> Response:
    """Agencies that work in the same programme as a State."""
    if request.method != "POST":
        return _ties()
    try:
        conflicts.tie(db(), membership_needed(), **load(schemas.TieBody, _form(schemas.TieBody)))
    except ValidationError as error:
        return _ties(422, errors=error.normalized_messages())
    except Invalid as error:
        return _ties(422, errors=error.errors)
    flash(gettext("The tie is recorded. The agency is left out of this State’s requests from now on."))
    return redirect(url_for("experts.ties"), 303)


@blueprint.post("/conflicts/<tie_id>/end")
@guard.role(SECRETARIAT)
def end_tie(tie_id: str) -> Response:
    conflicts.end_tie(db(), membership_needed(), tie_id)
    flash(gettext("The tie has ended. The agency can be asked again."))
    return redirect(url_for("experts.ties"), 303)


@blueprint.post("/requests/<name>/conflicts/<conflict_id>/lift")
@guard.role(SECRETARIAT)
def lift(name: str, conflict_id: str) -> Response:
    row = conflicts.lift(db(), membership_needed(), name, conflict_id)
    flash(gettext("The conflict of interest is lifted."))
    return redirect(url_for("support.show", name=row.id, _anchor="conflicts"), 303)


def _form(schema: type[Schema]) -> dict[str, Any]:
    """What the form sent of the schema's fields, and of the lines of absences."""
    form, known = request.form, schema().fields
    given: dict[str, Any] = {name: form[name] for name in form if name.startswith(("from_", "until_"))}
    for name, kind in known.items():
        if name in form:
            given[name] = form.getlist(name) if isinstance(kind, fields.List) else form[name]
    return given


def _profile(
    found: Entry, status: int = 200, *, errors: Mapping[str, Any] | None = None, conflict: str = ""
) -> Response:
    own_entry = found.membership.id == membership_needed().id
    return _page(
        "profile.html",
        status,
        entry=found,
        own=own_entry,
        office=name_in_words(found.membership.entity),
        given=_given(found) if not errors else _typed(),
        errors=errors or {},
        conflict=conflict,
        may_appoint=membership_needed().role == SECRETARIAT and found.profile is not None,
        objectives={code: f"{code}. {name}" for code, name in vocabulary.labels(db(), "objective", language()).items()},
        languages={code: name_of(code) for code in LANGUAGES},
        regions=_region_names(),
        countries=vocabulary.states(db(), language()),
    )


def _given(found: Entry) -> dict[str, Any]:
    row = found.profile
    codes = row.languages if row else [found.membership.person.language]
    return {
        "capacity": row.capacity if row else DEFAULT_CAPACITY,
        "minimum_load": row.minimum_load if row else 0,
        "languages": [code for code in codes if code in LANGUAGES],
        "other_languages": ", ".join(code for code in codes if code not in LANGUAGES),
        "gcm_objectives": row.objectives if row else [],
        "regions": row.regions if row else [],
        "own_states": row.own_states if row else [],
        "note": row.note if row else "",
        "absences": [
            *((away.from_on, away.until_on) for away in (row.absences if row else ())),
            *[("", "")] * SPARE_ABSENCES,
        ],
        "version": row.version if row else 0,
    }


def _typed() -> dict[str, Any]:
    form = request.form
    lines = sorted(int(name[5:]) for name in form if name.startswith("from_") and name[5:].isdecimal())
    return {
        **form.to_dict(),
        **{name: form.getlist(name) for name in ("languages", "gcm_objectives", "regions", "own_states")},
        "absences": [(form.get(f"from_{at}", ""), form.get(f"until_{at}", "")) for at in lines],
    }


def _ties(status: int = 200, *, errors: Mapping[str, Any] | None = None) -> Response:
    return _page(
        "ties.html",
        status,
        ties=conflicts.ties(db(), membership_needed()),
        errors=errors or {},
        given=request.form if errors else {},
        agencies=vocabulary.labels(db(), "agency", language()),
        countries=vocabulary.states(db(), language()),
        entity_name=name_in_words,
    )


def _agencies() -> list[dict[str, Any]]:
    """How agencies fare that were ever asked, by name; what is unknown is None."""
    loads, acceptance, speed = experts.loads(db()), experts.acceptance(db()), experts.speed(db())
    names = vocabulary.labels(db(), "agency", language())
    return [
        {"name": name, "load": loads.get(code, 0), "acceptance": acceptance.get(code), "days": speed.get(code)}
        for code, name in names.items()
        if code in loads or code in acceptance
    ]


def _region_names() -> dict[str, str]:
    """Regions first, then countries."""
    return {
        **vocabulary.labels(db(), "region", language()),
        **vocabulary.labels(db(), "country", language()),
    }


def _page(template: str, status: int = 200, **values: Any) -> Response:
    response = make_response(render_template(f"experts/{template}", **values), status)
    response.headers["Cache-Control"] = "no-store"
    return response
