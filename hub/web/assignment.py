"""One solution for all open requests, as pages of the secretariat: today's proposals, a dry run, apply, undo, send."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, current_app, flash, make_response, redirect, render_template, request, url_for
from flask_babel import LazyString, gettext, lazy_gettext, ngettext
from marshmallow import ValidationError
from sqlalchemy import select
from sqlalchemy.orm import joinedload
from werkzeug.wrappers import Response

from hub.accounts import guard
from hub.accounts.guard import db, membership_needed
from hub.accounts.models import SECRETARIAT, Membership
from hub.errors import IllegalTransition, Invalid, StaleVersion
from hub.network import vocabulary
from hub.schemas import assignment as schemas
from hub.schemas.fields import load
from hub.support import assigning
from hub.support.assigning import Board, Parts
from hub.support.expert_models import AssignmentRun
from hub.web.i18n import PREFIX, language, listed, name_of
from hub.web.support.parts import isolated

blueprint = Blueprint("assignment", __name__, url_prefix=f"{PREFIX}/assignment")

CHANGE_NAMES: Mapping[str, LazyString] = {
    "new": lazy_gettext("new"),
    "kept": lazy_gettext("as today"),
    "moved": lazy_gettext("moved"),
    "dropped": lazy_gettext("dropped"),
    "none": lazy_gettext("nobody found"),
    "fixed": lazy_gettext("fixed"),
}
RUN_NAMES: Mapping[str, LazyString] = {
    "waiting": lazy_gettext("being computed"),
    "ready": lazy_gettext("dry run"),
    "applied": lazy_gettext("applied"),
    "undone": lazy_gettext("undone"),
}
ORDER = ("dropped", "moved", "new", "none", "kept", "fixed")
"""What has to be looked at comes first."""


@dataclass(frozen=True, slots=True)
class Who:
    """An expert in words; `entity` is the agency's name."""

    name: str
    entity: str


@dataclass(frozen=True, slots=True)
class Shortage:
    """`about`: reference and address of the request, or the name of the expert and nothing."""

    sentence: str
    about: str
    address: str


@blueprint.get("")
@guard.role(SECRETARIAT)
def board() -> Response:
    return _board()


@blueprint.post("")
@guard.role(SECRETARIAT)
def solve() -> Response:
    """Start a dry run."""
    given: dict[str, Any] = {"unlocked": request.form.getlist("unlocked")}
    if request.form.get("change_cost"):
        given["change_cost"] = request.form["change_cost"]
    try:
        values = load(schemas.SolveBody, given)
        hub = current_app.extensions["hub"]
        run = assigning.propose(db(), membership_needed(), Parts(hub.embedder, hub.engine), **values)
    except ValidationError as error:
        return _board(422, errors=error.normalized_messages())
    except Invalid as error:
        return _board(422, errors=error.errors)
    return _to_run(run.id)


@blueprint.get("/<run_id>")
@guard.role(SECRETARIAT)
def run(run_id: str) -> Response:
    return _run(assigning.get(db(), membership_needed(), run_id))


@blueprint.post("/<run_id>/apply")
@guard.role(SECRETARIAT)
def apply(run_id: str) -> Response:
    try:
        assigning.apply(db(), membership_needed(), run_id)
    except (StaleVersion, IllegalTransition) as error:
        return _run(assigning.get(db(), membership_needed(), run_id), 409, conflict=error)
    flash(gettext("The proposals are as this solution says. Nothing is sent yet."))
    return _to_run(run_id)


@blueprint.post("/<run_id>/undo")
@guard.role(SECRETARIAT)
def undo(run_id: str) -> Response:
    try:
        assigning.undo(db(), membership_needed(), run_id)
    except (StaleVersion, IllegalTransition) as error:
        return _run(assigning.get(db(), membership_needed(), run_id), 409, conflict=error)
    flash(gettext("The proposals are as they were before."))
    return _to_run(run_id)


@blueprint.post("/lock/<name>")
@guard.role(SECRETARIAT)
def lock(name: str) -> Response:
    """Keep one proposal as it is, or let it move again."""
    values = load(schemas.LockBody, {"locked": request.form.get("locked", "")})
    assigning.lock(db(), membership_needed(), name, **values)
    flash(gettext("The proposal is kept.") if values["locked"] else gettext("The proposal may move again."))
    return redirect(url_for("assignment.board"), 303)


@blueprint.post("/send")
@guard.role(SECRETARIAT)
def send() -> Response:
    sent, failed = assigning.send_all(db(), membership_needed())
    if sent:
        flash(gettext("Sent: %(requests)s", requests=listed(map(isolated, sent))))
    return _board(409 if failed else 200, failed=failed) if failed else redirect(url_for("assignment.board"), 303)


def _to_run(run_id: str) -> Response:
    return redirect(url_for("assignment.run", run_id=run_id), 303)


def _board(
    status: int = 200, *, errors: Mapping[str, Any] | None = None, failed: Mapping[str, str] | None = None
) -> Response:
    membership = membership_needed()
    found = assigning.read(db(), membership)
    people = _people({*found.held.values(), *(one.membership_id for one in found.waiting.values())})
    kept = found.kept(())
    return _page(
        "board.html",
        status,
        open=found.open,
        early=found.early,
        waiting=[
            (row, found.waiting[row.id], people[found.waiting[row.id].membership_id])
            for row in found.rows.values()
            if row.id in found.waiting
        ],
        fixed=[(row, people[kept[row.id]], _part(found, row.id)) for row in found.rows.values() if row.id in kept],
        experts=sum(not one.absent and one.capacity > 0 for one in found.people.values()),
        runs=assigning.runs(db(), membership),
        run_names=RUN_NAMES,
        country_names=vocabulary.labels(db(), "country", language()),
        given=request.form,
        change_cost=request.form.get("change_cost", assigning.CHANGE_COST),
        errors=errors or {},
        failed=failed or {},
    )


def _part(found: Board, request_id: str) -> str:
    """Why a run leaves it alone."""
    if request_id not in found.held:
        return gettext("locked")
    states = {party.state for party in found.rows[request_id].parties if party.role == "lead" and party.until is None}
    return gettext("accepted") if "accepted" in states else gettext("asked, has not decided yet")


def _run(
    found: AssignmentRun, status: int = 200, *, conflict: StaleVersion | IllegalTransition | None = None
) -> Response:
    result: dict[str, Any] = found.result or {"lines": [], "shortages": []}
    lines = sorted(result["lines"], key=lambda line: (ORDER.index(line["change"]), line["reference"]))
    ids = {line[side] for line in lines for side in ("expert", "before")} | {
        one for line in lines for one in line["alternates"]
    }
    ids |= {one["expert"] for one in result["shortages"]}
    people = _people(ids - {None})
    changed = _changes(conflict, people) if conflict else []
    return _page(
        "run.html",
        status,
        run=found,
        result=result,
        lines=[line for line in lines if line["change"] != "fixed"],
        fixed=[line for line in lines if line["change"] == "fixed"],
        people=people,
        alternates={
            line["request"]: [isolated(people[one].name) for one in line["alternates"] if one in people]
            for line in lines
        },
        counts={change: sum(line["change"] == change for line in lines) for change in ORDER},
        change_names=CHANGE_NAMES,
        run_names=RUN_NAMES,
        shortages=[_shortage(one, lines, people) for one in result["shortages"]],
        undoable=assigning.undoable(db(), found),
        conflict=gettext(conflict.detail) if conflict else "",
        changed=changed,
    )


def _changes(conflict: StaleVersion | IllegalTransition, people: Mapping[str, Who]) -> list[str]:
    """What is otherwise since the run was computed, a line each."""
    changed: Mapping[str, Any] = conflict.extra.get("changed", {})
    requests = [*changed.get("requests", ()), *conflict.extra.get("requests", ())]
    lines = [gettext("Request %(reference)s", reference=isolated(one)) for one in requests]
    lines += [
        gettext("Expert %(name)s", name=isolated(people[one].name))
        for one in changed.get("experts", ())
        if one in people
    ]
    return [*lines, gettext("The proposals themselves")] if changed.get("board") else lines


def _shortage(one: Mapping[str, Any], lines: list[dict[str, Any]], people: Mapping[str, Who]) -> Shortage:
    """A shortage in words, such as: no French speaker for objective 22."""
    if one["code"] == "minimum_load":
        who = people.get(one["expert"])
        sentence = gettext("%(number)s fewer than they should have", number=one["places"])
        return Shortage(sentence, who.name if who else "", "")
    numbers = listed(one["objectives"])
    about = gettext("any objective")
    if numbers:
        about = ngettext("objective %(numbers)s", "objectives %(numbers)s", len(one["objectives"]), numbers=numbers)
    spoken = name_of(one["language"]) if one["language"] else ""
    country = vocabulary.label(db(), "country", one["region"], language()) if one["region"] else ""
    sentences = {
        "no_expert": gettext("No expert for %(about)s", about=about),
        "no_speaker": gettext("No speaker of %(language)s for %(about)s", language=spoken, about=about),
        "no_presence": gettext(
            "No speaker of %(language)s for %(about)s who works in %(country)s",
            language=spoken,
            about=about,
            country=country,
        ),
        "conflict": gettext("Everybody who is left for %(about)s has a conflict of interest", about=about),
        "no_affinity": gettext("Nobody for %(about)s comes near enough to the request", about=about),
        "capacity": gettext("Everybody for %(about)s has as many requests as they can take, or is absent", about=about),
    }
    reference = next((line["reference"] for line in lines if line["request"] == one["request"]), "")
    return Shortage(sentences[one["code"]], reference, url_for("support.show", name=one["request"]))


def _people(ids: set[str]) -> dict[str, Who]:
    agencies = vocabulary.labels(db(), "agency", language())
    rows = db().scalars(
        select(Membership)
        .where(Membership.id.in_(ids))
        .options(joinedload(Membership.person), joinedload(Membership.entity))
    )
    return {one.id: Who(one.person.name, agencies.get(one.entity_id, one.entity.name)) for one in rows}


def _page(template: str, status: int = 200, **values: Any) -> Response:
    response = make_response(render_template(f"assignment/{template}", **values), status)
    response.headers["Cache-Control"] = "no-store"
    return response
