"""The way in, and what the hub says about itself."""

from flask import Blueprint, current_app, redirect, render_template, url_for
from werkzeug.wrappers import Response

from hub.accounts import guard
from hub.knowledge import listing
from hub.network import vocabulary
from hub.web.i18n import PREFIX, language
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
    return render_template(
        "home/index.html",
        figures=listing.figures(guard.db()),
        objectives=vocabulary.labels(guard.db(), "objective", language()),
        regions=vocabulary.labels(guard.db(), "region", language()),
        continents=continents(),
    )


@blueprint.get(f"{PREFIX}/about")
@guard.public
def about() -> str:
    return render_template(
        "about/about.html",
        figures=listing.figures(guard.db()),
        api_address=url_for("reference.api"),
        searches_kept=current_app.extensions["hub"].settings.search_log_sample > 0,
    )


def continents() -> dict[str, list[str]]:
    """Continent -> the smallest regions in it, by their codes, in the order of the vocabulary."""
    parents = {region.parent for region in vocabulary.REGIONS.values()}
    made: dict[str, list[str]] = {}
    for code, region in vocabulary.REGIONS.items():
        if region.parent == "World":
            made[code] = []
        elif code not in parents and region.parent:
            made[vocabulary.with_ancestors(code)[-1]].append(code)
    return made
