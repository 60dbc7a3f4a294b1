"""What a person or script may ask of search, and what comes back."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

from marshmallow import EXCLUDE, RAISE, Schema, ValidationError, fields, post_load, pre_load, validate

from hub.search.types import FACETS, LANGUAGES, SORTS, Cursor, Filters, Hit, Marked, Page, SearchQuery

LONGEST_QUERY = 20_000
"""Characters; a pasted paragraph is welcome, a book is not."""
LARGEST_PAGE = 100
DEEPEST = 10_000


OBJECTIVES = tuple(str(number) for number in range(1, 24))


class Values(fields.List[str]):
    """A facet's values: given several times, or once with commas between."""

    def __init__(self, valid: Any = None) -> None:
        each = fields.String(validate=valid or validate.Length(1, 100))
        super().__init__(each, validate=validate.Length(max=50), load_default=list)


class SearchParams(Schema):
    """The query string of `/search`. Unknown names are refused; loads into a `SearchQuery`."""

    class Meta:
        unknown = RAISE

    q = fields.String(
        load_default="",
        validate=validate.Length(max=LONGEST_QUERY),
        metadata={
            "description": 'Words, a question or a paragraph, in any of the six languages. Also `"a phrase"`, `AND`, `OR`,'
            " `NOT`, brackets, `-word`, `word*`, `title:word` and every facet, as `country:PHL` or `year:2019..2022`;"
            " what cannot be read so is read as words, and the note `query_malformed` says it.",
            "example": "protect domestic workers abroad",
        },
    )
    lang = fields.String(
        load_default=None,
        validate=validate.OneOf(LANGUAGES),
        metadata={"description": "Language of the query; detected if absent. Never a filter."},
    )
    mode = fields.String(load_default="hybrid", validate=validate.OneOf(("hybrid", "keyword", "vector")))
    limit = fields.Integer(load_default=10, validate=validate.Range(1, LARGEST_PAGE))
    offset = fields.Integer(load_default=0, validate=validate.Range(0, DEEPEST))
    explain = fields.Boolean(
        load_default=False, metadata={"description": "With each hit, what made its score: the parts sum to it."}
    )
    sort = fields.String(load_default="relevance", validate=validate.OneOf(SORTS))
    cursor = fields.String(
        load_default=None,
        validate=validate.Length(max=400),
        metadata={"description": "`next` of the page before, of the same search: goes as deep as there are results."},
    )
    kind = Values()
    objective = Values(validate.OneOf(OBJECTIVES, error="There is no objective {input}; they are numbered 1 to 23."))
    principle = Values()
    country = Values(validate.Regexp(r"^[A-Z]{3}$", error="{input} is not an ISO 3166-1 alpha-3 code, such as PHL."))
    region = Values()
    language = Values(validate.OneOf(LANGUAGES))
    implementer = Values()
    status = Values()
    year = Values(validate.Regexp(r"^\d{4}$", error="{input} is not a year."))
    """Also `2019..2022`, which stands for each of them."""

    @pre_load
    def collect(self, data: Mapping[str, Any], **_: Any) -> dict[str, Any]:
        """A `MultiDict` of a request (or a plain mapping): several values of a facet become one list."""
        lists = getattr(data, "getlist", None)
        collected: dict[str, Any] = {}
        for name in data:
            given = lists(name) if lists else data[name]
            if name in FACETS:
                values = [given] if isinstance(given, str) else list(given)
                # Commas separate, but M49 names and codes of ours hold none.
                parts = [part.strip() for value in values for part in str(value).split(",") if part.strip()]
                collected[name] = [year for part in parts for year in _years(part)] if name == "year" else parts
            elif lists:
                if len(given) > 1:
                    raise ValidationError("Given more than once.", name)
                collected[name] = given[0]
            else:
                collected[name] = given
        return collected

    @post_load
    def make(self, data: dict[str, Any], **_: Any) -> SearchQuery:
        query = SearchQuery(
            text=data["q"].replace("\x00", " "),
            language=data["lang"],
            filters=Filters({name: tuple(data[name]) for name in FACETS if data[name]}),
            mode=data["mode"],
            limit=data["limit"],
            offset=data["offset"],
            sort=data["sort"],
            explain=data["explain"],
        )
        return replace(query, cursor=_cursor(data["cursor"], query)) if data["cursor"] else query


_SPAN = re.compile(r"(\d{4})\.\.(\d{4})")
MOST_YEARS = 50


def _years(given: str) -> list[str]:
    """Each year of `2019..2022`; anything else as it is, for the field to judge."""
    span = _SPAN.fullmatch(given)
    years = range(int(span[1]), int(span[2]) + 1) if span else range(0)
    return [f"{year:04}" for year in years] if 0 < len(years) <= MOST_YEARS else [given]


def _cursor(given: str, query: SearchQuery) -> Cursor:
    try:
        cursor = Cursor.read(given)
    except ValueError as error:
        raise ValidationError("This is no cursor of a search.", "cursor") from error
    if cursor.of != query.fingerprint():
        raise ValidationError("This cursor belongs to another search.", "cursor")
    if query.offset:
        raise ValidationError("Give a cursor or an offset, not both.", "cursor")
    return cursor


def search_query(params: Mapping[str, Any]) -> SearchQuery:
    """The question in a query string. Raises `ValidationError` by field."""
    return cast("SearchQuery", SearchParams().load(params))


class SuggestParams(Schema):
    """The query string of `/suggest`."""

    class Meta:
        unknown = RAISE

    q = fields.String(
        required=True, validate=validate.Length(max=200), metadata={"description": "What has been typed so far."}
    )
    lang = fields.String(
        load_default="en",
        validate=validate.OneOf(LANGUAGES),
        metadata={"description": "Of the reader: names of countries, objectives and the like are given in it."},
    )


def suggest_params(params: Mapping[str, Any]) -> tuple[str, str]:
    """What has been typed, and the reader's language. Raises `ValidationError` by field."""
    loaded = cast("dict[str, str]", SuggestParams().load(params))
    return loaded["q"], loaded["lang"]


class SuggestionSchema(Schema):
    """`kind` is `title`, with the identifier of the record as `value`, or a facet, with one of its codes."""

    class Meta:
        unknown = EXCLUDE

    kind = fields.String()
    value = fields.String()
    text = fields.String()
    language = fields.String()


class HitSchema(Schema):
    """One work found. `marks`: character ranges `[start, end)` of `passage` that match the query.

    `explanation`, if asked for, sums to `score`: `keyword` and `meaning`, and where they count `language_shift` (what the
    records of a language have in common with the query) and `language_boost` (for a record in another language).
    """

    class Meta:
        unknown = EXCLUDE

    id = fields.String()
    kind = fields.String()
    title = fields.String()
    language = fields.String()
    score = fields.Float()
    rank = fields.Integer()
    passage = fields.String()
    marks = fields.List(fields.List(fields.Integer()))
    countries = fields.List(fields.String())
    objectives = fields.List(fields.Integer())
    document_id = fields.String()
    explanation = fields.Dict(keys=fields.String(), values=fields.Float())


class PageSchema(Schema):
    """Answer of a search. `total` is exact when `exact` says so; `notes` are codes saying why `mode` is less than asked.

    `did_you_mean`: the query as it may have been meant, only offered; null where nothing is amiss. `next`: the cursor of the page after this one; null for the last.
    """

    query = fields.String()
    mode = fields.String()
    language = fields.String(allow_none=True)
    total = fields.Integer()
    exact = fields.Boolean()
    took_ms = fields.Float()
    notes = fields.List(fields.String())
    hits = fields.List(fields.Nested(HitSchema))
    did_you_mean = fields.String(allow_none=True)
    sort = fields.String()
    next = fields.String(allow_none=True)
    facets = fields.Dict(keys=fields.String(), values=fields.Dict(keys=fields.String(), values=fields.Integer()))


def dump_page(page: Page) -> dict[str, Any]:
    """A page as JSON, in the shape of `PageSchema`: the same from the command line and from the API."""
    return {
        "query": page.query.text,
        "mode": page.mode,
        "language": page.language,
        "total": page.total,
        "exact": page.exact,
        "took_ms": round(page.took_ms, 2),
        "notes": list(page.notes),
        "did_you_mean": page.did_you_mean or None,
        "sort": page.query.sort,
        "next": str(page.next) if page.next else None,
        "hits": [
            dump_hit(hit) | ({"explanation": dict(hit.explanation)} if page.query.explain else {}) for hit in page.hits
        ],
        "facets": {name: dict(counts) for name, counts in page.facets.items()},
    }


def dump_hit(hit: Hit) -> dict[str, Any]:
    """`id` is the permanent slug, as in the corpus; `document_id` the identifier of this language version."""
    return {
        "id": hit.slug,
        "kind": hit.kind,
        "title": hit.title.text,
        "language": hit.language,
        "score": round(hit.score, 6),
        "rank": hit.rank,
        "passage": hit.passage.text,
        "marks": ranges(hit.passage),
        "countries": list(hit.countries),
        "objectives": list(hit.objectives),
        "document_id": hit.id,
    }


def ranges(marked: Marked) -> list[list[int]]:
    return [[start, end] for start, end in marked.marks]
