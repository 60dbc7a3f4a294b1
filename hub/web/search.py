from flask import Blueprint, render_template

from hub.accounts import guard
from hub.web.i18n import PREFIX

blueprint = Blueprint("search", __name__, url_prefix=PREFIX)


@blueprint.get("/search")
@guard.public
def results() -> str:
    return render_template("search/results.html")
