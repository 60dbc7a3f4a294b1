"""Records: the list of all of them, and each one whole."""

from typing import Any, cast
from urllib.parse import urlencode, urlsplit

from flask import Blueprint, current_app, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from hub.accounts import guard
from hub.errors import SearchUnavailable
from hub.knowledge import citing, listing, reading, search_log
from hub.network import vocabulary
from hub.schemas.browse import BrowseParams
from hub.search.types import LANGUAGES
from hub.web.i18n import PREFIX, language, name_of
from hub.web.search import labels
from hub.web.similar import similar

blueprint = Blueprint("documents", __name__)

PER_PAGE = 30


@blueprint.get(f"{PREFIX}/documents")
@guard.public
def browse() -> str:
    asked = cast("dict[str, Any]", BrowseParams().load(request.args))
    page: int = asked["page"]
    kind: str = asked["kind"]
    wanted: str = asked["language"]
    found = listing.works(
        guard.db(),
        reader=language(),
        kind=kind or None,
        language=wanted or None,
        offset=(page - 1) * PER_PAGE,
        limit=PER_PAGE,
    )

    def address(number: int) -> str:
        pairs = {"kind": kind, "language": wanted, "page": str(number) if number > 1 else ""}
        return f"{url_for('documents.browse')}?{urlencode({name: value for name, value in pairs.items() if value})}"

    return render_template(
        "documents/browse.html",
        rows=found.rows,
        total=found.total,
        first=(page - 1) * PER_PAGE + 1,
        previous=address(page - 1) if page > 1 else "",
        next=address(page + 1) if page * PER_PAGE < found.total else "",
        kind=kind,
        wanted=wanted,
        labels=labels(guard.db()),
        kinds=vocabulary.labels(guard.db(), "kind", language()),
        record_languages={code: name_of(code) for code in LANGUAGES},
    )


@blueprint.get(f"{PREFIX}/documents/<name>")
@guard.public
def show(name: str) -> Response:
    """A record by its slug; by its id it answers with the way to the slug."""
    row = reading.get(guard.db(), name)
    if name != row.slug:
        return redirect(url_for("documents.show", name=row.slug), 301)
    parts = current_app.extensions["hub"]
    permanent = parts.settings.public_url.rstrip("/") + url_for("documents.permanent", name=row.slug)
    try:
        alike = similar(parts, guard.db(), row, reader=language())
    except SearchUnavailable:
        alike = None  # the record itself can be read without an engine
    response = make_response(
        render_template(
            "documents/show.html",
            row=row,
            versions=[version for version in reading.versions(guard.db(), row) if version.id != row.id],
            labels=labels(guard.db()),
            similar=alike,
            permanent=permanent,
            citation=citing.cite(row, permanent),
            source_address=row.source_url if is_web(row.source_url) else None,
        )
    )
    response.headers["Link"] = f'<{permanent}>; rel="cite-as"'
    if mark := request.args.get("from"):  # a result of a search that is kept, opened
        response.call_on_close(lambda: search_log.opened(parts.database, mark))
    return response


@blueprint.get("/documents/<name>")
@guard.public
def permanent(name: str) -> Response:
    """The permanent link of a record, without a language: it leads on to the reader's."""
    response = redirect(url_for("documents.show", name=name))
    response.vary.add("Accept-Language")
    return response


def is_web(address: str | None) -> bool:
    """May this be a link? A record can name anything as its source; only http and https are followed."""
    return urlsplit(address or "").scheme in {"http", "https"}
