"""The list of requests, and what waits."""

from flask import request, url_for
from werkzeug.wrappers import Response

from hub.accounts import guard
from hub.accounts.guard import db, membership_needed
from hub.accounts.models import EXPERT, FOCAL_POINT, SECRETARIAT
from hub.database import now
from hub.knowledge import corrections
from hub.network import vocabulary
from hub.schemas import requests as request_schemas
from hub.schemas.fields import load
from hub.support import escalation, reading
from hub.support.lifecycle import STATUSES
from hub.web.i18n import language
from hub.web.support.parts import blueprint, page
from hub.web.support.words import CLOCK_NAMES, STATUS_NAMES, TASK_NAMES

PER_PAGE = 20
TASKS_SHOWN = 20
"""The next ones; all of them are one link away."""


@blueprint.get("", endpoint="requests")
@guard.role(FOCAL_POINT, EXPERT, SECRETARIAT)
def list_requests() -> Response:
    membership = membership_needed()
    given = request.args.copy()
    every_task = given.pop("tasks", "") == "all"
    asked = load(request_schemas.ListParams, given)
    found, counts = reading.lines(db(), membership, status=asked["status"], limit=PER_PAGE, cursor=asked["cursor"])
    tasks = reading.tasks(db(), membership, limit=reading.MOST_TASKS if every_task else TASKS_SHOWN + 1)
    more_tasks = not every_task and len(tasks) > TASKS_SHOWN
    chosen = asked["status"]
    filters = [
        (STATUS_NAMES[status], counts[status], url_for("support.requests", status=status), chosen == [status])
        for status in STATUSES
        if status in counts
    ]
    return page(
        "list.html",
        tasks=tasks[:TASKS_SHOWN] if more_tasks else tasks,
        more_tasks=more_tasks,
        page=found,
        filters=filters,
        everything=sum(counts.values()),
        chosen=chosen,
        first=url_for("support.requests", status=chosen) if asked["cursor"] else "",
        next=url_for("support.requests", status=chosen, cursor=found.cursor) if found.cursor else "",
        may_write=membership.role == FOCAL_POINT,
        corrections=corrections.waiting(db(), membership),
        own_record=membership.role == EXPERT,
        has_queue=membership.role == SECRETARIAT,
        late=escalation.late(db(), membership) if membership.role == EXPERT else (),
        clock_names=CLOCK_NAMES,
        may_write_for_others=membership.role == SECRETARIAT,
        task_names=TASK_NAMES,
        now=now(),
        country_names=vocabulary.labels(db(), "country", language()),
    )
