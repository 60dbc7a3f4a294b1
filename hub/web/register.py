"""The public register and its figures as pages, and the page on which States say what of a request is public."""

from collections.abc import Iterator, Mapping
from typing import Any

from flask import Blueprint, Response, flash, make_response, redirect, render_template, request, url_for
from flask_babel import LazyString, gettext, lazy_gettext
from marshmallow import ValidationError
from werkzeug.wrappers import Response as BaseResponse

from hub.accounts import guard, policy
from hub.accounts.guard import db, membership_needed
from hub.accounts.models import FOCAL_POINT, SECRETARIAT
from hub.errors import Invalid, NotFound, StaleVersion
from hub.network import vocabulary
from hub.schemas import register as schemas
from hub.schemas.fields import load as load_schema
from hub.search.types import LANGUAGES
from hub.support import ratings, reading, register, snapshots
from hub.support.models import ANSWER, Snapshot, SupportRequest
from hub.support.register import PublicEntry
from hub.web.exports import table
from hub.web.i18n import PREFIX, language, name_of
from hub.web.support.parts import load, name_in_words
from hub.web.support.teams import contributors
from hub.web.support.words import CLOCK_NAMES, GROUP_NAMES, STATUS_NAMES, USED_NAMES

blueprint = Blueprint("register", __name__, url_prefix=PREFIX)

PER_PAGE = 20
MOST_ROWS = 1_000
STAGE_NAMES: Mapping[str, LazyString] = {
    "received": lazy_gettext("Received"),
    "placing": lazy_gettext("An agency is being found"),
    "planning": lazy_gettext("Being planned"),
    "working": lazy_gettext("An agency works on it"),
    "answered": lazy_gettext("Answered"),
    "ended": lazy_gettext("Ended without an answer"),
}
SCORE_NAMES: Mapping[int, LazyString] = {
    5: lazy_gettext("5 – very useful"),
    4: lazy_gettext("4"),
    3: lazy_gettext("3"),
    2: lazy_gettext("2"),
    1: lazy_gettext("1 – not useful"),
}
FIGURE_COLUMNS = ("quarter", "as_of", "table", "code", "label", "value")
ENTRY_COLUMNS = (
    "entry",
    "states",
    "objectives",
    "status",
    "submitted",
    "closed",
    "title",
    "summary",
    "answers",
    "address",
    "agencies",
)


# What everybody reads


@blueprint.get("/register", endpoint="register")
@guard.public
def listing() -> BaseResponse:
    asked = load_schema(schemas.RegisterParams, request.args)
    chosen = {name: asked[name] for name in ("objective", "state") if asked[name]}
    found, cursor = register.entries(db(), **chosen, limit=PER_PAGE, cursor=asked["cursor"])
    return _page(
        "list.html",
        entries=[(entry, title(entry)) for entry in found],
        chosen=chosen,
        states=vocabulary.states(db(), language()),
        first=url_for("register.register", **chosen) if asked["cursor"] else "",
        next=url_for("register.register", **chosen, cursor=cursor) if cursor else "",
    )


@blueprint.get("/register.csv")
@guard.public
def listing_csv() -> BaseResponse:
    """The list as a spreadsheet: what the pages show, and nothing else."""
    rows: list[PublicEntry] = []
    cursor = None
    while len(rows) < MOST_ROWS:
        found, cursor = register.entries(db(), limit=register.LARGEST_PAGE, cursor=cursor)
        rows += found
        if cursor is None:
            break
    return _csv("register.csv", table(ENTRY_COLUMNS, map(_cells, rows[:MOST_ROWS])))


def _cells(entry: PublicEntry) -> Iterator[object]:
    facts, said = entry.facts, entry.words
    yield entry.id
    yield ";".join(state for state, _ in facts.states) if facts else None
    yield ";".join(map(str, facts.objectives)) if facts else None
    yield facts.status if facts else None
    yield facts.submitted_on if facts else None
    yield facts.closed_on if facts else None
    yield said.title if said else None
    yield said.summary if said else None
    yield "\n\n".join(one.text for one in entry.answers)
    yield url_for("register.show", name=entry.id, _external=False)
    yield "\n\n".join("; ".join(name for _, name in one.agencies) for one in entry.answers)


@blueprint.get("/register/figures")
@guard.public
def figures() -> BaseResponse:
    made = snapshots.listing(db())
    wanted = request.args.get("quarter", "")
    shown = snapshots.get(db(), wanted) if wanted else (made[0] if made else None)
    return _page(
        "figures.html",
        quarters=[one.quarter for one in made],
        shown=shown,
        tables=_tables(shown) if shown else [],
        times=_times(shown) if shown else [],
    )


@blueprint.get("/register/figures.csv")
@guard.public
def figures_csv() -> BaseResponse:
    """Every quarter, a row a figure; an empty value is withheld."""
    return _csv("figures.csv", table(FIGURE_COLUMNS, [row for one in snapshots.listing(db()) for row in _rows(one)]))


@blueprint.get("/register/<name>")
@guard.public
def show(name: str) -> BaseResponse:
    entry = register.entry(db(), name)
    names = vocabulary.labels(db(), "agency", language())
    named = {one.id: [names.get(id_, name) for id_, name in one.contributors] for one in entry.answers}
    return _page("show.html", entry=entry, title=title(entry), named=named)


def title(entry: PublicEntry) -> str:
    """What an entry may be called: its title, whose it is, or only what it is."""
    if entry.words:
        return entry.words.title
    if entry.facts:
        names = [vocabulary.label(db(), "country", state, language()) for state, _ in entry.facts.states]
        return gettext("Request of %(country)s", country=gettext(", ").join(names))
    return gettext("An answer to a request")


def _labels() -> dict[str, Mapping[str, Any]]:
    objectives = vocabulary.labels(db(), "objective", language())
    return {
        "stages": STAGE_NAMES,
        "regions": vocabulary.labels(db(), "region", language()),
        "objectives": {code: f"{code}. {label}" for code, label in objectives.items()},
    }


def _tables(shown: Snapshot) -> list[dict[str, Any]]:
    headings = {
        "stages": gettext("By stage"),
        "regions": gettext("By region of the State"),
        "objectives": gettext("By objective"),
    }
    labels = _labels()
    return [
        {
            "id": name,
            "heading": heading,
            "rows": [(labels[name].get(code, code), count) for code, count in shown.figures[name].items()],
            "largest": max((count or 0 for count in shown.figures[name].values()), default=0),
        }
        for name, heading in headings.items()
    ]


def _times(shown: Snapshot) -> list[tuple[Any, dict[str, Any]]]:
    return [(CLOCK_NAMES[name], times) for name, times in shown.figures["times"].items()]


def _rows(one: Snapshot) -> Iterator[tuple[object, ...]]:
    """In English in every language of the page: the codes are names for machines."""
    head = (one.quarter, one.as_of.isoformat())
    yield (*head, "total", "", "", one.figures["total"])
    for name in ("stages", "regions", "objectives"):
        labels = _labels()[name]
        for code, count in one.figures[name].items():
            yield (*head, name, code, str(labels.get(code, code)), count)
    for name, times in one.figures["times"].items():
        label = str(CLOCK_NAMES[name])
        yield (*head, "open", name, label, times["open"])
        for kind in ("total_days", "working_days"):
            for measure in ("median", "p90"):
                yield (*head, f"{kind}_{measure}", name, label, times[kind] and times[kind][measure])


# What the States that asked say


@blueprint.get("/requests/<name>/publishing")
@guard.role(FOCAL_POINT, SECRETARIAT)
def publishing(name: str) -> BaseResponse:
    return _publishing(reading.get(db(), membership_needed(), name))


@blueprint.post("/requests/<name>/publishing/<action>")
@guard.role(FOCAL_POINT, SECRETARIAT)
def publish(name: str, action: str) -> BaseResponse:
    """Agree, or take it back."""
    membership = membership_needed()
    row = reading.get(db(), membership, name)
    if action == "agree":
        try:
            register.publish(db(), membership, row.id, **load(schemas.ConsentBody))
        except StaleVersion as error:
            return _publishing(row, 409, conflict=gettext(error.detail))
        flash(gettext("Your State’s agreement is noted."))
    elif action == "withdraw":
        register.unpublish(db(), membership, row.id, **load(schemas.Withdrawal))
        flash(gettext("Your State’s agreement is taken back. It is out of the register."))
    else:
        raise NotFound
    return redirect(url_for("register.publishing", name=row.id), 303)


@blueprint.post("/requests/<name>/answers/<answer>/release")
@guard.role(FOCAL_POINT)
def release(name: str, answer: str) -> BaseResponse:
    membership = membership_needed()
    row = reading.get(db(), membership, name)
    try:
        values = load(schemas.ReleaseBody)
        register.release(
            db(),
            membership,
            row.id,
            answer,
            values["text"],
            language=values["language"],
            version=values["release_version"],
        )
    except ValidationError as error:
        return _publishing(row, 422, failed=answer, errors=error.normalized_messages())
    except StaleVersion as error:
        return _publishing(row, 409, failed=answer, conflict=gettext(error.detail))
    flash(gettext("The text is saved. It is public once every State that asks agrees to it."))
    return redirect(url_for("register.publishing", name=row.id), 303)


@blueprint.post("/requests/<name>/answers/<answer>/rating")
@guard.role(FOCAL_POINT)
def rate(name: str, answer: str) -> BaseResponse:
    membership = membership_needed()
    row = reading.get(db(), membership, name)
    try:
        ratings.rate(db(), membership, row.id, answer, **load(schemas.RatingBody))
    except ValidationError as error:
        return _publishing(row, 422, rated=answer, errors=error.normalized_messages())
    except Invalid as error:
        return _publishing(row, 422, rated=answer, errors=error.errors)
    flash(gettext("Thank you. The agency sees what you said."))
    return redirect(url_for("register.publishing", name=row.id), 303)


def _publishing(
    row: SupportRequest,
    status: int = 200,
    *,
    failed: str = "",
    rated: str = "",
    errors: Mapping[str, Any] | None = None,
    conflict: str = "",
) -> BaseResponse:
    """`failed`: the answer whose text for publication could not be saved; `rated`: the one whose rating could not."""
    membership = membership_needed()
    found = register.agreements(db(), membership, row)
    verdicts = ratings.verdicts(db(), membership, row)
    return _page(
        "publishing.html",
        status,
        row=row,
        own=membership.entity_id,
        acts=policy.can(membership, "publish", row) and row.status not in policy.UNSEEN,
        groups={one.group: one for one in found if one.group != ANSWER},
        by_release={one.subject: one for one in found if one.group == ANSWER},
        releases=register.releases(db(), membership, row),
        answers=[
            (name_in_words(one.entity), one) for one in reading.answers(db(), membership, row) if one.status == "sent"
        ],
        contributors=contributors(row),
        verdicts={one.answer: one for one in verdicts if one.state == membership.entity_id},
        said=verdicts,
        entry=register.of_request(db(), row),
        group_names={**GROUP_NAMES, ANSWER: gettext("The answer, in the words below")},
        used_names=USED_NAMES,
        score_names=SCORE_NAMES,
        given=request.form,
        failed=failed,
        rated=rated,
        errors=errors or {},
        conflict=conflict,
    )


def _page(template: str, status: int = 200, **values: Any) -> BaseResponse:
    """Never kept by a cache: what a State takes back is gone at once."""
    own = language()
    objectives = vocabulary.labels(db(), "objective", own)
    html = render_template(
        f"register/{template}",
        status_names=STATUS_NAMES,
        objectives={code: f"{code}. {label}" for code, label in objectives.items()},
        countries=vocabulary.labels(db(), "country", own),
        agencies=vocabulary.labels(db(), "agency", own),
        language_names={code: name_of(code) for code in LANGUAGES},
        **values,
    )
    response = make_response(html, status)
    response.headers["Cache-Control"] = "no-store"
    return response


def _csv(name: str, text: str) -> BaseResponse:
    response = Response(text, content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    response.headers["Cache-Control"] = "no-store"
    return response
