"""The words of retrieval: what goes into an engine and what comes out. Frozen, engine-free."""

import base64
import hashlib
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

DocId = str
Mode = Literal["hybrid", "keyword", "vector"]
Sort = Literal["relevance", "newest", "oldest"]
"""By score, or by the year of the record, undated ones last; ties by id."""
SORTS: tuple[Sort, ...] = ("relevance", "newest", "oldest")

LANGUAGES: tuple[str, ...] = ("ar", "zh", "en", "fr", "ru", "es")
"""The six official languages of the United Nations, in the order of the English alphabet."""

FACETS: tuple[str, ...] = (
    "kind",
    "objective",
    "principle",
    "country",
    "region",
    "language",
    "implementer",
    "status",
    "year",
)
"""Names of filters and facets. Values are language-neutral codes: `practice`, `6`, `PHL`, `Western Africa`, `ar`, `2019`."""


@dataclass(frozen=True, slots=True, eq=False)
class Vector:
    """One point in the space of one model. `values`: float32, shape `(dim,)`, L2 norm 1. Spaces never mix."""

    model: str
    values: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Filters:
    """What a hit must have: any of the values of a facet, and that for every facet named. Empty: no restriction."""

    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])

    def __bool__(self) -> bool:
        return any(self.values.values())


@dataclass(frozen=True, slots=True)
class Passage:
    """A stretch `[start, end)` of `IndexDoc.body` in characters, and its vector (None: keyword only)."""

    start: int
    end: int
    vector: Vector | None = None


@dataclass(frozen=True, slots=True)
class IndexDoc:
    """One language version of one work, as an engine stores it.

    `version` grows with each change of the row; `facets` maps names of `FACETS` to codes (a region with all regions
    above it). A record has one passage over its whole body unless it is longer than the encoder reads.
    """

    id: DocId
    work: str
    version: int
    language: str
    title: str
    body: str
    facets: Mapping[str, tuple[str, ...]]
    passages: tuple[Passage, ...] = ()


def year_of(years: Iterable[str]) -> int | None:
    """The last of the years of a document, by which it is sorted; None if it has none."""
    return max((int(year) for year in years if year.isdecimal() and len(year) == 4), default=None)


@dataclass(frozen=True, slots=True)
class Words:
    """`least` of the words are enough, each one more scores higher; none finds nothing.

    A word is (the stems it may have in a document, how often it is asked), a stem behind `text.VERBATIM` is looked up
    unstemmed; if there are spaces in it, as words side by side. `needed`: meaning does not make up for them, a hit of the nearest side must hold one too.
    """

    words: tuple[tuple[tuple[str, ...], float], ...]
    needed: bool = False
    least: int = 1


@dataclass(frozen=True, slots=True)
class Phrase:
    """These folded words, function words too, side by side in the title or in the body; scored as `words`."""

    terms: tuple[str, ...]
    words: Words


@dataclass(frozen=True, slots=True)
class Prefix:
    """A folded word that begins so. Every match scores 1."""

    start: str


@dataclass(frozen=True, slots=True)
class InTitle:
    """The same, looked for in the title alone."""

    part: Words | Phrase | Prefix


@dataclass(frozen=True, slots=True)
class Having:
    """Any of the codes of a facet. Scores nothing, as all that follow: only words do."""

    facet: str
    codes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class All:
    """Every part holds, of the same language version; of no parts: everything."""

    parts: "tuple[Query, ...]"


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one part holds; of no parts: nothing."""

    parts: "tuple[Query, ...]"


@dataclass(frozen=True, slots=True)
class Not:
    """The part does not hold."""

    part: "Query"


Query = Words | Phrase | Prefix | InTitle | Having | All | AnyOf | Not
"""What an engine is asked: built by `hub.search.query`, never by an engine."""

EVERYTHING = All(())


NO_FACETS: Mapping[str, tuple[str, ...]] = MappingProxyType({})


class EngineHit(NamedTuple):
    """One work found, by its best language version.

    `score`: BM25 on the keyword side, cosine in [-1, 1] on the nearest side. `matched`: the keyword side finds it too
    (true on the keyword side, unless it was `compared`). `passage`: index of the best passage on the nearest side, else None.
    `facets`: those asked for, as indexed; filled where the service counts: on the nearest side,
    and on a keyword side that was `compared`.
    `year`: `year_of` the version found.
    """

    id: DocId
    work: str
    score: float
    language: str
    matched: bool = True
    passage: int | None = None
    facets: Mapping[str, tuple[str, ...]] = NO_FACETS
    year: int | None = None


class Place(NamedTuple):
    """Where a hit stands in an order of the keyword side: ascending by key, then id."""

    key: float
    id: DocId


def place(hit: EngineHit, sort: Sort) -> Place:
    """A key is the score below zero, or the year (below zero for the newest first); no year is as good as 0, or 9999."""
    if sort == "relevance":
        return Place(-hit.score, hit.id)
    return Place(float(-(hit.year or UNDATED_NEWEST) if sort == "newest" else hit.year or UNDATED_OLDEST), hit.id)


UNDATED_NEWEST, UNDATED_OLDEST = 0, 9999


@dataclass(frozen=True, slots=True, eq=False)
class LanguageProfile:
    """How many documents of a language the generation holds and the mean of their vectors (not normalised)."""

    count: int
    centroid: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Retrieved:
    """What one round trip to an engine brings. Hits best first, ties by id, one per work, by its first version in that order.

    `total` and `facets` (name -> code -> works) count the works that the keyword side finds, whatever the limit; the filter
    of a facet does not narrow that facet's own counts, so that its other values stay to be chosen.
    `languages` describes the served generation as of its last rebuild or reload.
    """

    keyword: tuple[EngineHit, ...]
    nearest: tuple[EngineHit, ...]
    total: int
    facets: Mapping[str, Mapping[str, int]]
    languages: Mapping[str, LanguageProfile]


@dataclass(frozen=True, slots=True)
class Suggested:
    """A title that holds what a person has typed so far."""

    id: DocId
    work: str
    language: str
    title: str


@dataclass(frozen=True, slots=True)
class EngineStatus:
    """`generation` is None when nothing is served yet. `model` is None for an index without vectors."""

    engine: str
    generation: str | None
    model: str | None
    documents: int
    built_at: datetime | None
    rebuild_since: datetime | None


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a page of a search ended: how many were `seen`, and the last one's place if that is beyond the pool that is
    ranked as a whole. `of`: fingerprint of the search. Its string is opaque; `read` raises `ValueError` for any other."""

    of: str
    seen: int
    after: Place | None = None

    def __str__(self) -> str:
        parts = [self.of, self.seen, *(self.after or ())]
        return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode().rstrip("=")

    @classmethod
    def read(cls, text: str) -> "Cursor":
        parts: Any = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        match parts:
            case [str(of), int(seen)] if seen > 0:
                return cls(of, seen)
            case [str(of), int(seen), float(key), str(last)] if seen > 0 and math.isfinite(key):
                return cls(of, seen, Place(key, last))
            case _:
                raise ValueError("not a cursor")


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """A question as a person puts it. `language` is the language of `text` (None: detected), never a filter.

    With a `cursor`, of a page of the same search, `offset` does not count. `explain`: the answer is to say why.
    """

    text: str = ""
    language: str | None = None
    filters: Filters = field(default_factory=Filters)
    mode: Mode = "hybrid"
    limit: int = 10
    offset: int = 0
    facets: tuple[str, ...] = FACETS
    sort: Sort = "relevance"
    cursor: Cursor | None = None
    explain: bool = False

    def fingerprint(self) -> str:
        """The same for every page of one search, whatever the limit."""
        filters = sorted((name, sorted(codes)) for name, codes in self.filters.values.items() if codes)
        asked = json.dumps([self.text, self.language, filters, self.mode, self.sort])
        return hashlib.sha256(asked.encode()).hexdigest()[:12]


@dataclass(frozen=True, slots=True)
class Marked:
    """An excerpt and the character ranges `[start, end)` in it that answer the query, in order, not overlapping."""

    text: str
    marks: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Hit:
    """One work of a result page; `rank` starts at 1. `contributions` (keyword, meaning) sum to `score`, and so do the finer

    ones of `explanation` (keyword, meaning, language_shift, language_boost: see `ranking.Ranked`).
    """

    id: DocId
    work: str
    rank: int
    score: float
    language: str
    title: Marked
    passage: Marked
    kind: str
    slug: str
    countries: tuple[str, ...]
    objectives: tuple[int, ...]
    contributions: Mapping[str, float] = field(default_factory=dict[str, float])
    explanation: Mapping[str, float] = field(default_factory=dict[str, float])


@dataclass(frozen=True, slots=True)
class Suggestion:
    """What a person may mean by what has been typed so far: `kind` is `title`, with the slug of the record as `value`, or a
    facet, with one of its codes. `text` is in `language`."""

    kind: str
    value: str
    text: str
    language: str


@dataclass(frozen=True, slots=True)
class Page:
    """`mode` is what was done, which may be less than was asked; `notes` says why (codes, rendered by the edges).

    `did_you_mean`: the text with words replaced that no record holds; "" where there is none. `next`: where the page after this one begins, None for the last. `exact` is false where `total` rests on approximate nearest neighbours. `language` is the query's, detected or given.
    """

    query: SearchQuery
    mode: Mode
    language: str | None
    hits: tuple[Hit, ...]
    total: int
    exact: bool
    facets: Mapping[str, Mapping[str, int]]
    took_ms: float
    notes: tuple[str, ...] = ()
    next: Cursor | None = None
    did_you_mean: str = ""
