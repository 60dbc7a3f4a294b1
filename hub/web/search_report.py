"""What visitors search for and do not find, for those who look after the collection."""

from flask import Blueprint, current_app, make_response, render_template
from werkzeug.wrappers import Response

from hub.accounts import guard
from hub.accounts.models import ADMINISTRATOR, SECRETARIAT
from hub.knowledge import search_log
from hub.web import exports
from hub.web.i18n import PREFIX

blueprint = Blueprint("search_report", __name__, url_prefix=PREFIX)

COLUMNS = ("query", "language", "searches", "unanswered", "opened")


@blueprint.get("/search-report")
@guard.role(SECRETARIAT, ADMINISTRATOR)
def report() -> str:
    return render_template(
        "search/report.html",
        report=search_log.report(guard.db()),
        share=current_app.extensions["hub"].settings.search_log_sample,
        days=search_log.KEPT.days,
    )


@blueprint.get("/search-report.csv")
@guard.role(SECRETARIAT, ADMINISTRATOR)
def table() -> Response:
    found = search_log.everything(guard.db())
    rows = ((one.text, one.language, one.searches, one.unanswered, one.opened) for one in found)
    response = make_response(exports.table(COLUMNS, rows))
    response.content_type = "text/csv; charset=utf-8"
    response.headers["Content-Disposition"] = 'attachment; filename="search-report.csv"'
    return response
