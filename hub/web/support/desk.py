"""The secretariat's desk: the queue with one step for many, and who has how much."""

from collections.abc import Mapping
from typing import Any

from flask import current_app, request, url_for
from flask_babel import gettext
from marshmallow import ValidationError
from werkzeug.wrappers import Response

from hub.accounts import guard
from hub.accounts.guard import db, membership_needed
from hub.accounts.models import SECRETARIAT
from hub.database import now
from hub.errors import Invalid
from hub.network import vocabulary
from hub.schemas import desk as desk_schemas
from hub.schemas.fields import load
from hub.support import clocks, desk, ranking, reading, triage
from hub.support.models import SupportRequest
from hub.web.i18n import language
from hub.web.sentences import told
from hub.web.support.parts import blueprint, name_in_words, page
from hub.web.support.words import CLOCK_NAMES, REASON_NAMES


def _best(row: SupportRequest) -> Mapping[str, Any]:
    parts = current_app.extensions["hub"]
    return ranking.best(db(), membership_needed(), row, embedder=parts.embedder, engine=parts.engine)


@blueprint.get("/queue", endpoint="queue")
@guard.role(SECRETARIAT)
def show_queue() -> Response:
    return _queue()


@blueprint.post("/queue", endpoint="take_many")
@guard.role(SECRETARIAT)
def take_many() -> Response:
    form = request.form
    given = {"action": form.get("action", ""), "reason": form.get("reason", ""), "note": form.get("note", "")}
    try:
        asked = load(desk_schemas.Many, {**given, "requests": form.getlist("pick")})
        outcomes = desk.many(
            db(), membership_needed(), asked["action"], asked["requests"], desk_schemas.values_of_many(asked, _best)
        )
    except ValidationError as error:
        return _queue(422, given=form, errors=error.normalized_messages())
    except Invalid as error:
        return _queue(422, given=form, errors=error.errors)
    return _queue(outcomes=[(one, gettext("done") if one.done else told(one.detail)) for one in outcomes])


def _queue(status: int = 200, **values: Any) -> Response:
    cursor = request.args.get("cursor")
    rows, following = desk.waiting(db(), membership_needed(), cursor=cursor)
    at = now()
    return page(
        "desk/queue.html",
        status,
        rows=[(row, next(iter(clocks.running(row)), None), desk.late_stages(row, at)) for row in rows],
        country_names=vocabulary.labels(db(), "country", language()),
        holders={
            row.id: [
                name_in_words(party.entity) for party in row.parties if party.until is None and party.role == "lead"
            ]
            for row in rows
        },
        clock_names=CLOCK_NAMES,
        declines={code: REASON_NAMES[code] for code in triage.DECLINES},
        now=at,
        cursor=cursor,
        first=url_for("support.queue") if cursor else "",
        next=url_for("support.queue", cursor=following) if following else "",
        **{"given": {}, "errors": {}, "outcomes": (), **values},
    )


@blueprint.get("/loads")
@guard.role(SECRETARIAT)
def loads() -> Response:
    membership = membership_needed()
    at = now()
    objectives = vocabulary.labels(db(), "objective", language())
    late = desk.overdue(db(), membership, at)
    return page(
        "desk/loads.html",
        loads=[(name_in_words(one.agency), one) for one in desk.loads(db(), membership, at)],
        shortages=[(objectives.get(str(one.objective), ""), one) for one in desk.shortages(db(), membership)],
        late=[
            (row, ", ".join(str(CLOCK_NAMES[stage]) for stage in stages), reading.next_due(row)) for row, stages in late
        ],
        country_names=vocabulary.labels(db(), "country", language()),
    )
