from flask import Blueprint, render_template

from hub.accounts import guard
from hub.web.i18n import PREFIX

blueprint = Blueprint("documents", __name__, url_prefix=PREFIX)


@blueprint.get("/documents")
@guard.public
def browse() -> str:
    return render_template("documents/browse.html")
