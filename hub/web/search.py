"""Searching: one form, one address, one list. Everything a reader chose stands in the address."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, current_app, jsonify, make_response, render_template, request, url_for
from flask_babel import LazyString, gettext, lazy_gettext
from markupsafe import Markup, escape
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from hub.accounts import guard
from hub.database import now
from hub.errors import SearchUnavailable
from hub.knowledge import search_log
from hub.network import vocabulary
from hub.schemas.search import DEEPEST, search_query
from hub.search import service
from hub.search.types import LANGUAGES, Filters, Marked, Page, SearchQuery, Sort
from hub.web import exports
from hub.web.i18n import PREFIX, language, name_of
from hub.web.places import HEIGHT, WIDTH
from hub.web.why import why
from hub.web.worldmap import dots

blueprint = Blueprint("search", __name__, url_prefix=PREFIX)

GROUPS: Mapping[str, LazyString] = {
    "kind": lazy_gettext("Kind"),
    "objective": lazy_gettext("Objective of the Compact"),
    "country": lazy_gettext("Country"),
    "region": lazy_gettext("Region"),
    "language": lazy_gettext("Language of the record"),
    "principle": lazy_gettext("Guiding principle"),
    "implementer": lazy_gettext("Type of implementer"),
    "year": lazy_gettext("Year"),
    "status": lazy_gettext("Status of the practice"),
}
"""Facets that are offered, in order."""
_WORDS_ALONE = lazy_gettext(
    "These results rest on matching words only: search by meaning, and across languages, is not available at the moment."
)
NOTES: Mapping[str, LazyString] = {
    "no_model": _WORDS_ALONE,
    "model_failed": _WORDS_ALONE,
    "model_mismatch": _WORDS_ALONE,
    "weak": lazy_gettext(
        "Nothing in the collection seems to answer this. What comes nearest is listed; try other words, or ask the Network."
    ),
    "query_malformed": lazy_gettext(
        "The signs in this question could not be read as a search expression, so it was searched as plain words."
    ),
}
"""Codes of `Page.notes` in words."""
SORTS: tuple[tuple[Sort, LazyString], ...] = (
    ("relevance", lazy_gettext("Best first")),
    ("newest", lazy_gettext("Newest first")),
    ("oldest", lazy_gettext("Oldest first")),
)
PER_PAGE = SearchQuery().limit
MOST_RELAXED = 4
"""Filters that are left out one by one to see what stands in the way: each is a search of its own."""
OPEN = frozenset({"kind", "objective"})
"""Groups that are unfolded without being used."""


@dataclass(frozen=True, slots=True)
class Option:
    code: str
    label: str
    count: int
    checked: bool


@dataclass(frozen=True, slots=True)
class Group:
    name: str
    label: LazyString
    options: tuple[Option, ...]
    unfolded: bool


@dataclass(frozen=True, slots=True)
class Active:
    """A filter in force and the address without it."""

    label: str
    address: str


@dataclass(frozen=True, slots=True)
class Relaxed:
    """The same question with less to fulfil: the filter that was left out ("": all of them), and how much is found."""

    label: str
    address: str
    total: int


@blueprint.get("/search")
@guard.public
def results() -> Response:
    query = search_query(request.args)
    names = labels(guard.db())
    context: dict[str, Any] = {
        "query": query,
        "kept": list(kept(query)),
        "active": [
            Active(_named(names, facet, name), address(without(query, facet, *codes)))
            for facet, name, codes in in_force(query)
        ],
        "labels": names,
    }
    parts = current_app.extensions["hub"]
    try:
        page = service.search(parts.engine, parts.embedder, guard.db(), query, reader=language())
    except SearchUnavailable as error:
        response = make_response(render_template("search/unavailable.html", **context), error.status)
        response.headers["Retry-After"] = str(error.retry_after_s)
        return response
    current_app.extensions["metrics"].searched(page)
    logged = None
    if guard.current_membership() is None:  # what people with an account search for is theirs
        logged = search_log.candidate(page, parts.settings.search_log_sample)
    last = query.offset + query.limit
    countries = query.filters.values.get("country", ())
    response = make_response(
        render_template(
            "search/results.html",
            page=page,
            why=why(page) if query.text else {},
            relaxed=relaxed(query, names) if not page.total else (),
            notes=[NOTES[code] for code in page.notes if code in NOTES],
            groups=groups(page, names),
            first=query.offset + 1,
            last=query.offset + len(page.hits),
            previous=address(query, max(query.offset - query.limit, 0)) if query.offset else "",
            next=address(query, last) if last < page.total and last <= DEEPEST else "",
            meant=address(replace(query, text=page.did_you_mean, offset=0)) if page.did_you_mean else "",
            sorts=[(label, address(replace(query, sort=sort, offset=0)), sort == query.sort) for sort, label in SORTS],
            unfiltered=address(replace(query, filters=Filters())),
            by_meaning=address(replace(query, mode="hybrid")),
            dots=dots(
                page.facets.get("country", {}),
                names["country"],
                countries,
                lambda code: address(
                    without(query, "country", code) if code in countries else only(query, "country", code)
                ),
            ),
            map_size=(WIDTH, HEIGHT),
            exports={form: address(query, form=form) for form in ("csv", "json", "atom")},
            origin=lambda rank: {"from": search_log.mark(logged, rank)} if logged else {},
            **context,
        )
    )
    if logged is not None:
        response.call_on_close(lambda: search_log.keep(parts.database, logged))
    return response


@blueprint.get("/search.<any(csv, json, atom):form>")
@guard.public
def export(form: str) -> Response:
    """What a search finds, at most `exports.MOST_ROWS`, for a spreadsheet, a script or a feed reader."""
    asked = search_query(request.args)
    parts = current_app.extensions["hub"]
    public_url = parts.settings.public_url.rstrip("/")
    wanted = exports.whole(asked if form == "json" else replace(asked, facets=()))
    page = service.search(parts.engine, parts.embedder, guard.db(), wanted, reader=language())
    if form == "json":
        response = make_response(jsonify(exports.as_json(page, public_url)))
    elif form == "csv":
        response = make_response(exports.as_csv(exports.rows(guard.db(), page.hits, public_url)))
        response.content_type = "text/csv; charset=utf-8"
        response.headers["Content-Disposition"] = 'attachment; filename="search.csv"'
    else:
        entries = exports.latest(exports.rows(guard.db(), page.hits, public_url))
        feed = render_template(
            "search/feed.xml",
            query=asked,
            entries=entries,
            updated_at=entries[0].updated_at if entries else now(),
            own_address=public_url + address(asked, form="atom"),
            page_address=public_url + address(asked),
            labels=labels(guard.db()),
        )
        response = make_response(exports.without_controls(feed))
        response.content_type = "application/atom+xml; charset=utf-8"
        response.add_etag()
        response.make_conditional(request)
    response.headers["X-Robots-Tag"] = "noindex"
    return response


def labels(session: Session) -> dict[str, Mapping[str, str]]:
    """Facet -> code -> name in the reader's language; a facet without names is empty, its codes speak for themselves."""
    reader = language()
    named = {
        scheme: vocabulary.labels(session, scheme, reader)
        for scheme in ("objective", "country", "region", "kind", "principle", "implementer", "status")
    }
    return {**named, "language": {code: name_of(code) for code in LANGUAGES}, "year": {}}


def _named(names: Mapping[str, Mapping[str, str]], facet: str, value: str) -> str:
    return names[facet].get(value, value.replace("..", "–"))


def relaxed(query: SearchQuery, names: Mapping[str, Mapping[str, str]]) -> list[Relaxed]:
    """What the same question finds without one of its filters, then without any: those that find something."""
    wider = [
        (_named(names, facet, name), without(query, facet, *codes))
        for facet, name, codes in list(in_force(query))[:MOST_RELAXED]
    ]
    if len(wider) > 1:
        wider.append(("", replace(query, filters=Filters(), offset=0)))
    parts = current_app.extensions["hub"]
    made: list[Relaxed] = []
    for label, asked in wider:
        total = service.search(parts.engine, parts.embedder, guard.db(), replace(asked, limit=1, facets=())).total
        if total:
            made.append(Relaxed(label, address(asked), total))
    return made


def groups(page: Page, names: Mapping[str, Mapping[str, str]]) -> list[Group]:
    """The facets of a page for the form. What is ticked stays to be unticked, even where it counts nothing."""
    made: list[Group] = []
    for name, label in GROUPS.items():
        chosen = page.query.filters.values.get(name, ())
        counts = {**dict.fromkeys(chosen, 0), **page.facets.get(name, {})}
        options = [Option(code, names[name].get(code, code), count, code in chosen) for code, count in counts.items()]
        options.sort(key=lambda option: _order(name, option))
        if options:
            made.append(Group(name, label, tuple(options), unfolded=name in OPEN or bool(chosen)))
    return made


def _order(name: str, option: Option) -> tuple[Any, ...]:
    """Objectives by number, years from the last, countries by name (there are many), the rest by how much they hold."""
    if name == "objective":
        return (int(option.code),)
    if name == "year":
        return (-int(option.code),)
    if name == "country":
        return (option.label.casefold(),)
    return (-option.count, option.label.casefold())


def kept(query: SearchQuery) -> Iterator[tuple[str, str]]:
    """What the form carries along unseen: language, mode, limit and order asked for. All filters have boxes."""
    if query.language:
        yield "lang", query.language
    if query.mode != "hybrid":
        yield "mode", query.mode
    if query.limit != PER_PAGE:
        yield "limit", str(query.limit)
    if query.sort != "relevance":
        yield "sort", query.sort


def in_force(query: SearchQuery) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """(facet, name of the value, its codes): each value of a filter on its own, years in a row as one: `2019..2022`."""
    for facet, codes in query.filters.values.items():
        if facet != "year":
            yield from ((facet, code, (code,)) for code in codes)
            continue
        years = sorted({int(code) for code in codes})
        for _, row in groupby(enumerate(years), key=lambda pair: pair[1] - pair[0]):
            span = tuple(str(year) for _, year in row)
            yield facet, span[0] if len(span) == 1 else f"{span[0]}..{span[-1]}", span


def without(query: SearchQuery, facet: str, *codes: str) -> SearchQuery:
    """The same question without these values of a filter, from its first result."""
    values = {
        name: tuple(value for value in given if name != facet or value not in codes)
        for name, given in query.filters.values.items()
    }
    return replace(query, filters=Filters(values), offset=0)


def only(query: SearchQuery, facet: str, code: str) -> SearchQuery:
    """The same question with that one value of the facet, from its first result."""
    return replace(query, filters=Filters({**query.filters.values, facet: (code,)}), offset=0)


def address(query: SearchQuery, offset: int = 0, form: str = "") -> str:
    """Where this question is answered; `form`: by which export. The filter `language` keeps `url_for` from the pairs."""
    pairs: list[tuple[str, str]] = [("q", query.text)] if query.text else []
    if query.language:
        pairs.append(("lang", query.language))
    if query.mode != "hybrid":
        pairs.append(("mode", query.mode))
    if query.limit != PER_PAGE and not form:
        pairs.append(("limit", str(query.limit)))
    if query.sort != "relevance":
        pairs.append(("sort", query.sort))
    pairs += [(facet, name) for facet, name, _ in in_force(query)]
    if offset:
        pairs.append(("offset", str(offset)))
    page = url_for("search.export", form=form) if form else url_for("search.results")
    return page + (f"?{urlencode(pairs)}" if pairs else "")


@blueprint.app_template_global()
def search_address(**filters: str | int) -> str:
    """The search page narrowed to some filters: `search_address(objective=6)`."""
    return address(SearchQuery(filters=Filters({name: (str(value),) for name, value in filters.items()})))


@blueprint.app_template_global()
def suggestion_words() -> dict[str, Any]:
    """What the list of suggestions says, in the reader's language; `{number}` is for the script to fill in."""
    return {
        "label": gettext("Suggestions"),
        "found": gettext("Suggestions: %(number)s. Choose with the arrow keys.", number="{number}"),
        "none": gettext("No suggestions."),
        "kinds": {"title": gettext("Record"), **{name: str(label) for name, label in GROUPS.items()}},
    }


@blueprint.app_template_filter()
def marked(excerpt: Marked) -> Markup:
    """An excerpt with its matching ranges in `<mark>`, everything else escaped."""
    return Markup("").join(_pieces(excerpt.text, excerpt.marks))


def _pieces(text: str, marks: Iterable[tuple[int, int]]) -> Iterator[Markup]:
    at = 0
    for start, end in marks:
        yield escape(text[at:start])
        yield Markup("<mark>{}</mark>").format(text[start:end])
        at = end
    yield escape(text[at:])
