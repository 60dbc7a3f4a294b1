"""The way in, and what the hub says about itself."""

from flask import Blueprint, Response, redirect, render_template, url_for

from hub.accounts import guard
from hub.web.i18n import PREFIX
from hub.web.navigation import frame

blueprint = Blueprint("home", __name__)
blueprint.app_context_processor(frame)


@blueprint.get("/")
@guard.public
def root() -> Response:
    """To the home page in the best of the reader's languages."""
    response = redirect(url_for("home.index"))
    response.vary.add("Accept-Language")
    return response


@blueprint.get(f"{PREFIX}/")
@guard.public
def index() -> str:
    return render_template("home/index.html")


@blueprint.get(f"{PREFIX}/about")
@guard.public
def about() -> str:
    return render_template("about/about.html")
