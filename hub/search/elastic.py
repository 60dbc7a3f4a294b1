"""Elasticsearch: the engine for more than one machine. The only file that knows its client, its mapping and its queries.

A generation is one index of one primary shard (so that document frequencies are global, as on the embedded engine), named
`{prefix}-gen-{generation}-{random}`; the alias `{prefix}` points to the served one. The random tail keeps two generations of
one name apart, in caches and for a writer that was overtaken. Words are the stems of `hub.search.text`, joined by spaces and
taken apart again by a whitespace tokenizer; BM25 has the usual k1 = 1.2 and b = 0.75, which are the server's defaults.

Every document carries its row's version, doubled, as an external version, which the server compares. A deletion leaves an
empty document of the odd version above, because the server remembers real deletions for a minute only: it outlives a document
of its version and yields to the next. The next rebuild leaves these behind.

Needs server 9.3 or newer, which takes vectors packed. Nothing above the Basic licence and nothing outside the server's core is
used: no scripts, no delete or update by query.
"""

import base64
import logging
import math
import re
import secrets
import threading
import zlib
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hub.errors import ModelMismatch, SearchUnavailable
from hub.search import spelling
from hub.search import text as analyser
from hub.search.engine import Rebuild
from hub.search.query import begun, constraint
from hub.search.types import (
    EVERYTHING,
    FACETS,
    LANGUAGES,
    UNDATED_NEWEST,
    UNDATED_OLDEST,
    All,
    AnyOf,
    DocId,
    EngineHit,
    EngineStatus,
    Filters,
    Having,
    IndexDoc,
    InTitle,
    LanguageProfile,
    Not,
    Phrase,
    Place,
    Prefix,
    Query,
    Retrieved,
    Sort,
    Suggested,
    Vector,
    Words,
    place,
    year_of,
)

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

logger = logging.getLogger(__name__)

Json = dict[str, Any]

REBUILD = "run `python -m indexer rebuild`"

SCHEMA = 3
"""Changes with the mapping or the meaning of a field: an index of another number is refused and rebuilt."""

TITLE_BOOST = 0.3
"""Of a stem found in the title, on top of the field of all stems; see the embedded engine."""

MOST = 10_000
"""Works a side at most: the server's own bound on one answer and on candidates of a nearest search."""

CANDIDATES = 150
"""Fewest candidates of a nearest search; with the 1.5-fold over-fetch this finds .966 of the true ten among 100,000."""

_BATCH = 500
_CODE_CHARACTERS = 8_000
"""No code is longer: the server refuses to look for a term of more than 32,766 bytes."""

_SETTINGS: Json = {
    "number_of_shards": 1,
    "auto_expand_replicas": "0-1",
    "analysis": {
        "analyzer": {"stems": {"type": "custom", "tokenizer": "stems"}},
        "tokenizer": {"stems": {"type": "whitespace", "max_token_length": 1_000}},
    },
}
_TEXT: Json = {"type": "text", "analyzer": "stems", "index_options": "freqs"}
_PLACED: Json = {"type": "text", "analyzer": "stems", "index_options": "positions"}
_SPELT: Json = {"type": "text", "analyzer": "stems", "index_options": "docs", "norms": False}
_CODE: Json = {"type": "keyword"}
_MAPPING: Json = {
    "dynamic": "strict",
    # Rows and excerpts come from the database: the words need not be kept twice.
    "_source": {"excludes": ["all", "title", "words", "title_words", "whole_title", "spell"]},
    "properties": {
        "id": _CODE,
        "work": _CODE,
        "language": _CODE,
        "all": _TEXT,
        "title": _TEXT,
        "words": _PLACED,
        "title_words": _PLACED,
        "whole_title": _CODE,
        "name": {"type": "keyword", "index": False, "doc_values": False},
        "year": {"type": "short"},
        "spell": {"properties": dict.fromkeys(LANGUAGES, _SPELT)},
        "facets": {"properties": dict.fromkeys(FACETS, _CODE)},
        "passages": {
            "type": "nested",
            "properties": {
                "vector": {
                    "type": "dense_vector",  # its number of dimensions is that of the first vector written
                    "similarity": "dot_product",
                    "index_options": {"type": "int8_hnsw"},
                }
            },
        },
    },
}
_WORKS: Json = {
    # The highest threshold the server knows. Ordinals take a bit a work and bucket, its other way up to 256 kB a bucket.
    "cardinality": {"field": "work", "precision_threshold": 40_000, "execution_hint": "global_ordinals"}
}
"""Counts works: right up to about 40,000 of them, then within .5%."""

_PRESENT: Json = {"exists": {"field": "work"}}


class _SearchFailed(SearchUnavailable):
    """One search of a round trip failed, perhaps because its index was dropped since we looked."""


@dataclass(slots=True)
class _Generation:
    """What an index says about itself, `index` being its concrete name.

    `spread` is the most versions of one work that answers have met so far: where it is 1, counting works is counting documents.
    """

    index: str
    served: bool
    created_at: datetime
    name: str
    model: str | None
    analyser: str
    schema: int
    dims: int | None
    built_at: datetime | None
    centroids: Mapping[str, NDArray[np.float32]]
    spread: int = 1

    @classmethod
    def read(cls, index: str, described: Json, alias: str) -> "_Generation":
        meta = described["mappings"]["_meta"]
        passages = described["mappings"]["properties"]["passages"]
        built_at = meta.get("built_at")
        return cls(
            index=index,
            served=alias in described["aliases"],
            created_at=datetime.fromtimestamp(int(described["settings"]["index"]["creation_date"]) / 1000, UTC),
            name=meta["generation"],
            model=meta["model"],
            analyser=meta["analyser"],
            schema=meta["schema"],
            dims=passages["properties"]["vector"].get("dims"),
            built_at=datetime.fromisoformat(built_at) if built_at else None,
            centroids={language: _unpacked(packed) for language, packed in meta.get("centroids", {}).items()},
        )

    @property
    def fits(self) -> bool:
        return (self.schema, self.analyser) == (SCHEMA, analyser.ANALYSER)


class ElasticEngine:
    """Keeps `SearchEngine` on Elasticsearch 9. Safe for threads; clients are made at first use.

    `url`: of one node, or of several divided by commas. Questions wait `timeout_s` for an answer and try a second node once;
    writes and rebuilds wait `rebuild_timeout_s`. Nearest neighbours are approximate, their scores are not. Centroids of
    languages are those of the last rebuild; a language that has come since has none, and so no profile.
    """

    def __init__(
        self, url: str, *, prefix: str = "hub", timeout_s: float = 2.0, rebuild_timeout_s: float = 60.0
    ) -> None:
        self._urls = [each.strip() for each in url.split(",")]
        self._prefix = prefix
        self._timeout_s = timeout_s
        self._rebuild_timeout_s = rebuild_timeout_s
        self._cached: _Generation | None = None
        self._rebuilding = threading.Lock()

    @cached_property
    def _quick(self) -> "Elasticsearch":
        from elasticsearch import Elasticsearch  # noqa: PLC0415 - 0.4 s, for those who use it

        return Elasticsearch(
            self._urls, request_timeout=self._timeout_s, max_retries=1, retry_on_timeout=False, retry_on_status=()
        )

    @cached_property
    def _patient(self) -> "Elasticsearch":
        from elasticsearch import Elasticsearch  # noqa: PLC0415 - as above

        return Elasticsearch(self._urls, request_timeout=self._rebuild_timeout_s, max_retries=3)

    def write(self, docs: Iterable[IndexDoc]) -> int:
        served = self._served()
        return _write(self._patient, self._prefix, docs, served.model, served.dims)

    def delete(self, ids: Mapping[DocId, int]) -> None:
        self._served()
        _delete(self._patient, self._prefix, ids)

    def retrieve(
        self,
        *,
        query: Query | None = None,
        vector: Vector | None = None,
        filters: Filters = Filters(),  # noqa: B008 - frozen
        limit: int,
        facets: Sequence[str] = (),
        sort: Sort = "relevance",
        after: Place | None = None,
        listed: bool = True,
        compared: Query | None = None,
        counted: bool = True,
    ) -> Retrieved:
        del counted  # it comes with the hits
        question = _Question(query, vector, filters, limit, tuple(facets), sort, after, listed, compared)
        served = self._cached or self._served()
        try:
            return _retrieve(self._quick, served, question)
        except (_SearchFailed, ModelMismatch):
            # Another process may have swapped generations since we looked; a commit drops the one served before.
            anew = self._served()
            if anew.index == served.index:
                raise
            return _retrieve(self._quick, anew, question)

    def suggest(self, prefix: str, limit: int) -> tuple[Suggested, ...]:
        served = self._cached or self._served()
        asked = begun(prefix)
        if asked is None:
            return ()
        try:
            return _suggest(self._quick, served.index, *asked, limit)
        except SearchUnavailable:
            anew = self._served()
            if anew.index == served.index:
                raise
            return _suggest(self._quick, anew.index, *asked, limit)

    def correct(self, words: Sequence[str], language: str | None) -> Mapping[str, str]:
        served = self._cached or self._served()
        asked = [word for word in words if spelling.slips(word)]
        if not asked:
            return {}
        try:
            return _correct(self._quick, served.index, asked, language)
        except SearchUnavailable:
            anew = self._served()
            if anew.index == served.index:
                raise
            return _correct(self._quick, anew.index, asked, language)

    def versions(self) -> Mapping[DocId, int]:
        return _versions(self._patient, self._served().index) if self._found(self._patient)[0] else {}

    def vectors(self, ids: Sequence[DocId]) -> Mapping[DocId, NDArray[np.float32]]:
        with _speaking():
            hits = self._quick.search(
                index=self._prefix,
                query={"ids": {"values": list(ids)}},
                fields=[{"field": "passages.vector"}],
                source=False,
                size=max(1, len(ids)),
                track_total_hits=False,
            )["hits"]["hits"]
        found: dict[DocId, NDArray[np.float32]] = {}
        for hit in hits:
            passages = [each["vector"] for each in hit.get("fields", {}).get("passages", ()) if "vector" in each]
            if passages:
                found[hit["_id"]] = np.array(passages, dtype=np.float32)
        return found

    @contextmanager
    def rebuild(self, generation: str, *, model: str | None) -> Generator[Rebuild]:
        """Raises `SearchUnavailable` for a second one of this engine.

        One of another process is taken for dead: what it filled is dropped, and its next step raises `SearchUnavailable`.
        """
        if not self._rebuilding.acquire(blocking=False):
            raise SearchUnavailable("The search index is being rebuilt already.")
        try:
            client = self._patient
            for left_over in self._found(client)[1]:
                logger.warning("dropping %s, left over by a rebuild that did not finish", left_over.index)
                _drop(client, left_over.index)
            rebuild = _ElasticRebuild(client, self._prefix, generation, model)
            try:
                yield rebuild
            finally:
                if not rebuild.committed:
                    try:
                        _drop(client, rebuild.index)
                    except SearchUnavailable:
                        logger.warning("could not drop %s; the next rebuild will", rebuild.index)
        finally:
            self._rebuilding.release()

    def status(self) -> EngineStatus:
        """A generation that does not fit this release counts as none: it must be rebuilt."""
        served, filling = self._found(self._quick)
        since = min((each.created_at for each in filling), default=None)
        if served is None or not served.fits:
            return EngineStatus("elasticsearch", None, None, 0, None, since)
        with _speaking():
            documents = self._quick.count(index=served.index, query=_PRESENT)["count"]
        return EngineStatus("elasticsearch", served.name, served.model, documents, served.built_at, since)

    def refresh(self) -> None:
        with _speaking():
            self._patient.indices.refresh(index=self._prefix, ignore_unavailable=True)

    def drop(self) -> None:
        served, filling = self._found(self._patient)
        for each in (*filling, *([served] if served else [])):
            _drop(self._patient, each.index)

    def close(self) -> None:
        for name in ("_quick", "_patient"):
            if name in self.__dict__:
                self.__dict__[name].close()

    def _found(self, client: "Elasticsearch") -> tuple[_Generation | None, list[_Generation]]:
        """The served generation, and those being filled or left over."""
        with _speaking():
            answer = client.indices.get(index=f"{self._prefix}-gen-*")
            found = [_Generation.read(index, described, self._prefix) for index, described in answer.items()]
        return next((each for each in found if each.served), None), [each for each in found if not each.served]

    def _served(self) -> _Generation:
        """The generation served at this moment; remembers it for the next `retrieve`."""
        self._cached = None
        served, _ = self._found(self._quick)
        if served is None:
            raise SearchUnavailable(f"There is no search index yet: {REBUILD}.")
        if not served.fits:
            raise SearchUnavailable(f"The search index was built by another release of the hub: {REBUILD}.")
        self._cached = served
        return served


class _ElasticRebuild:
    """Keeps `Rebuild`: an index of its own.

    It is written through an alias that is dropped with it: a bulk request to a missing index would create one.
    """

    def __init__(self, client: "Elasticsearch", prefix: str, generation: str, model: str | None) -> None:
        name = re.sub(r"[^a-z0-9_.-]", "_", generation.lower())[:100]
        self.index = f"{prefix}-gen-{name}-{secrets.token_hex(4)}"
        self.committed = False
        self._client = client
        self._prefix = prefix
        self._alias = f"{self.index}-filling"
        self._known: _Generation | None = None
        self._seen: set[DocId] = set()
        self._averages = _Centroids()
        self._each_once = True
        """While this holds, `_averages` describes what the index holds."""
        self._meta: Json = {
            "generation": generation,
            "model": model,
            "analyser": analyser.ANALYSER,
            "schema": SCHEMA,
        }
        with _speaking():
            client.indices.create(
                index=self.index,
                aliases={self._alias: {}},
                settings=_SETTINGS,
                mappings={**_MAPPING, "_meta": self._meta},
            )

    def write(self, docs: Iterable[IndexDoc]) -> int:
        dims = self._described().dims
        self._known = None
        try:
            return _write(self._client, self._alias, self._averaging(docs), self._meta["model"], dims)
        except BaseException:
            self._each_once = False  # only part of it may be there
            raise

    def _averaging(self, docs: Iterable[IndexDoc]) -> Iterator[IndexDoc]:
        for doc in docs:
            self._each_once &= doc.id not in self._seen
            self._seen.add(doc.id)
            self._averages.add(doc.language, [passage.vector.values for passage in doc.passages if passage.vector])
            yield doc

    def delete(self, ids: Mapping[DocId, int]) -> None:
        self._known = None
        self._each_once &= self._seen.isdisjoint(ids)
        self._seen.update(ids)
        _delete(self._client, self._alias, ids)

    def versions(self) -> Mapping[DocId, int]:
        return _versions(self._client, self.index)

    def retrieve(self, *, query: Query | None = None, vector: Vector | None = None, limit: int = 10) -> Retrieved:
        if self._known is None:
            with _speaking():
                self._client.indices.refresh(index=self.index)
            self._note(centroids=self._centroids())
            self._known = self._described()
        return _retrieve(self._client, self._known, _Question(query, vector, Filters(), limit, ()))

    def commit(self) -> None:
        if self._known is None:
            self._meta["centroids"] = self._centroids()
        self._note(built_at=datetime.now(UTC).isoformat())
        with _speaking():
            self._client.indices.refresh(index=self.index)
            before = self._client.indices.get(index=f"{self._prefix}-gen-*")
            self._client.indices.update_aliases(
                actions=[
                    {"remove": {"index": self.index, "alias": self._alias, "must_exist": True}},
                    {"add": {"index": self.index, "alias": self._prefix}},
                    *(
                        {"remove_index": {"index": old}}
                        for old, its in before.items()
                        if self._prefix in its["aliases"]
                    ),
                ]
            )
        self.committed = True

    def _centroids(self) -> dict[str, str]:
        averages = self._averages if self._each_once else _Centroids.read(self._client, self.index)
        return averages.packed()

    def _described(self) -> _Generation:
        with _speaking():
            described = self._client.indices.get(index=self.index)[self.index]
        return _Generation.read(self.index, described, self._prefix)

    def _note(self, **facts: Any) -> None:
        self._meta |= facts
        with _speaking():
            self._client.indices.put_mapping(index=self.index, meta=self._meta)


@dataclass(frozen=True, slots=True)
class _Question:
    """The arguments of `retrieve`, looked over."""

    query: Query | None
    vector: Vector | None
    filters: Filters
    limit: int
    facets: tuple[str, ...]
    sort: Sort = "relevance"
    after: Place | None = None
    listed: bool = True
    compared: Query | None = None

    def __post_init__(self) -> None:
        if self.limit < 1:
            raise ValueError(f"limit must be at least 1, not {self.limit}")

    @property
    def copy(self) -> str:
        """Pages of one question are read from one copy of the index: copies score a little apart, so places would shift."""
        return f"q{zlib.crc32(repr(self.query).encode()):08x}"

    def filter_clauses(self, *, counted: bool = True) -> list[Json]:
        """`counted` false: without those of facets that are counted, which must not narrow their own facet."""
        return [
            _filter_clause(name, codes)
            for name, codes in self.filters.values.items()
            if codes and (counted or name not in self.facets)
        ]

    def keyword_clause(self, *, counted: bool = True) -> Json | None:
        """Scores by BM25 what the query finds; None without a keyword side. `counted`: see `filter_clauses`."""
        if self.query is None:
            return None
        filters = self.filter_clauses(counted=counted)
        if self.query == EVERYTHING:
            return {"constant_score": {"filter": {"bool": {"filter": [_PRESENT, *filters]}}}}
        return {"bool": {"must": [_clause(self.query)], "filter": filters}}

    def keyword_search(self, *, one_version_each: bool) -> Json:
        """Counts come before the filters of their own facet and after all others; total and hits after all."""
        later = {
            name: _filter_clause(name, codes)
            for name, codes in self.filters.values.items()
            if codes and name in self.facets
        }
        inner: Json = {} if one_version_each else {"aggs": {"works": _WORKS}}
        counts: Json = {
            name: _filtered(
                {"terms": {"field": f"facets.{name}", "size": 10_000}, **inner},
                [clause for other, clause in later.items() if other != name],
            )
            for name in self.facets
            if name in FACETS
        }
        if not one_version_each:
            counts["works"] = _filtered(_WORKS, list(later.values()))
        clause = self.keyword_clause(counted=False)
        assert clause is not None  # noqa: S101 - asked only where there is a keyword side
        if self.compared is not None:
            counts["documents"] = {"filter": {"bool": {"filter": list(later.values())}}}
            counts = {"keyword": {"filter": clause, "aggs": counts}}
            wider = {"bool": {"must": [_clause(self.compared)], "filter": self.filter_clauses(counted=False)}}
            clause = {"bool": {"must": [wider], "should": [_named(clause)]}}
        pages = self.after is None or one_version_each
        search = self._ordered(clause, collapse=not one_version_each) if pages else {"query": clause, "size": 0}
        return {
            **search,
            **({"post_filter": {"bool": {"filter": list(later.values())}}} if later else {}),
            "_source": _HIT_SOURCE if self.compared is None else self._whole_source(),
            "track_total_hits": one_version_each and self.compared is None,
            "aggs": counts,
        }

    def _whole_source(self) -> list[str]:
        return [*_HIT_SOURCE, *(f"facets.{name}" for name in self.facets)]

    def nearest_search(self, vector: Vector, keyword: Json | None, *, spread: int) -> Json:
        bound = constraint(self.query) if self.query is not None else None
        candidates = min(max(CANDIDATES, math.ceil(1.5 * self.limit)) * spread, MOST)
        knn: Json = {
            "field": "passages.vector",
            "query_vector": vector.values.tolist(),
            "k": candidates,
            "num_candidates": candidates,
            "filter": [*self.filter_clauses(), *([_clause(bound)] if bound is not None else [])],
            "rescore_vector": {"oversample": 1.0},  # the graph holds bytes: scores come from the vectors themselves
        }
        inner: Json = {"size": 1, "_source": False}
        nested: Json = {"nested": {"path": "passages", "score_mode": "max", "query": {"knn": knn}, "inner_hits": inner}}
        return {
            "query": {"bool": {"must": [nested], "should": [_named(keyword)] if keyword else []}},
            "sort": [{"_score": "desc"}, {"id": "asc"}],
            "size": min(self.limit, MOST),
            **({} if spread == 1 else {"collapse": {"field": "work"}}),
            "_source": self._whole_source(),
            "track_total_hits": False,
        }

    def _ordered(self, clause: Json, *, collapse: bool) -> Json:
        """Documents of the keyword side in their order, behind `after`; `collapse`: the first of each work, from the start."""
        return {
            "query": clause,
            "sort": [_SORTS[self.sort], {"id": "asc"}],
            "track_scores": True,
            "size": min(self.limit, MOST),
            "_source": _HIT_SOURCE,
            **({"collapse": {"field": "work"}} if collapse else {}),
            **({"search_after": _sort_values(self.after, self.sort)} if self.after else {}),
        }

    def page_of_versions(self) -> Json:
        """The next documents behind `after`, of whatever works: the server does not collapse and go on at once."""
        clause = self.keyword_clause()
        assert clause is not None  # noqa: S101 - asked only where there is a keyword side
        return {**self._ordered(clause, collapse=False), "track_total_hits": False}

    def first_versions(self, works: Sequence[str]) -> Json:
        """Of each of these works, the document that comes first."""
        clause = {"bool": {"must": [self.keyword_clause()], "filter": [{"terms": {"work": works}}]}}
        search = {**self._ordered(clause, collapse=True), "size": len(works), "_source": False}
        search.pop("search_after")
        return {**search, "track_total_hits": False}


_HIT_SOURCE = ["work", "language", "year"]

_SORTS: Mapping[Sort, Json] = {
    "relevance": {"_score": "desc"},
    "newest": {"year": {"order": "desc", "missing": UNDATED_NEWEST}},
    "oldest": {"year": {"order": "asc", "missing": UNDATED_OLDEST}},
}


def _sort_values(after: Place, sort: Sort) -> list[float | int | str]:
    """As the server sorts: scores and years as they are."""
    return [{"relevance": -after.key, "newest": -int(after.key), "oldest": int(after.key)}[sort], after.id]


def _filter_clause(name: str, codes: Sequence[str]) -> Json:
    if name not in FACETS:
        return {"match_none": {}}
    return {"terms": {f"facets.{name}": [code for code in codes if len(code) <= _CODE_CHARACTERS]}}


def _named(keyword: Json) -> Json:
    """Says which hits the keyword side finds, and adds nothing to their scores."""
    return {"bool": {"must": [keyword], "boost": 0, "_name": "keyword"}}


def _filtered(aggregation: Json, clauses: list[Json]) -> Json:
    """An aggregation over what passes the clauses; `_counted` reads it."""
    return {"filter": {"bool": {"filter": clauses}}, "aggs": {"counted": aggregation}} if clauses else aggregation


def _counted(answer: Json) -> Json:
    return answer.get("counted", answer)


def _clause(query: Query, *, title: bool = False) -> Json:
    """`title`: words are looked for there alone."""
    field, term_clause = ("title_words", _title_clause) if title else ("words", _term_clause)
    match query:
        case Words(weighted):
            return _words_clause(weighted, term_clause, query.least)
        case Phrase(terms, bag):
            phrase: Json = {"match_phrase": {field: " ".join(terms)}}
            return {"bool": {"filter": [phrase], "should": [_words_clause(bag.words, term_clause)]}}
        case Prefix(start):
            return {"constant_score": {"filter": {"prefix": {field: start}}}}
        case InTitle(part):
            return _clause(part, title=True)
        case Having(facet, codes):
            return {"bool": {"filter": [_filter_clause(facet, codes)]}}
        case All(parts):
            without = [_clause(part.part) for part in parts if isinstance(part, Not)]
            within = [_clause(part) for part in parts if not isinstance(part, Not)]
            return {"bool": {"must": within, "filter": [] if within else [_PRESENT], "must_not": without}}
        case AnyOf(parts):
            return _either([_clause(part) for part in parts])
        case Not(part):
            return {"bool": {"filter": [_PRESENT], "must_not": [_clause(part)]}}


def _either(clauses: list[Json], least: int = 1) -> Json:
    return {"bool": {"should": clauses, "minimum_should_match": least}} if clauses else {"match_none": {}}


def _words_clause(
    weighted: Sequence[tuple[tuple[str, ...], float]], term_clause: Callable[[str], Json], least: int = 1
) -> Json:
    return _either(
        [
            {"dis_max": {"queries": [term_clause(term) for term in alternatives], "boost": times}}
            for alternatives, times in weighted
        ],
        least,
    )


def _term_clause(term: str) -> Json:
    if term.startswith(analyser.VERBATIM):
        return {"match_phrase": {"words": term.removeprefix(analyser.VERBATIM)}}
    return {"bool": {"should": [{"term": {"all": term}}, {"term": {"title": {"value": term, "boost": TITLE_BOOST}}}]}}


def _title_clause(term: str) -> Json:
    if term.startswith(analyser.VERBATIM):
        return {"match_phrase": {"title_words": term.removeprefix(analyser.VERBATIM)}}
    return {"term": {"title": term}}


_NO_CENSUS: Json = {"works": {"buckets": []}, "languages": {"buckets": []}}
_CENSUS: Json = {
    "size": 0,
    "aggs": {
        "works": {"terms": {"field": "work", "size": 1}},
        "languages": {"terms": {"field": "language", "size": 100}},
    },
}
"""Versions of the work that has most, and documents of each language. The server keeps the answer until the index changes."""


def _retrieve(client: "Elasticsearch", generation: _Generation, question: _Question) -> Retrieved:
    """Both sides and the facets in one round trip; one more when the nearest works have other versions to look at."""
    vector = question.vector
    if vector and (vector.model, generation.dims or vector.values.size) != (generation.model, vector.values.size):
        raise ModelMismatch
    clause = question.keyword_clause()
    while True:
        spread = generation.spread
        bodies = {"census": _CENSUS} if question.listed else {}
        if clause and question.listed:
            bodies["keyword"] = question.keyword_search(one_version_each=spread == 1)
        if vector:
            bodies["nearest"] = question.nearest_search(vector, clause, spread=spread)
        answers = _searches(client, generation.index, question, bodies)
        census: Json = answers["census"]["aggregations"] if question.listed else _NO_CENSUS
        widest = max((bucket["doc_count"] for bucket in census["works"]["buckets"]), default=1)
        if widest <= spread:
            break
        generation.spread = widest
    total, counts = _counts(answers.get("keyword"), question.facets, one_version_each=spread == 1)
    nearest = [_nearest_hit(hit, question.facets) for hit in _hits(answers.get("nearest"))]
    keyword = [_keyword_hit(hit) for hit in _hits(answers.get("keyword"))]
    if question.compared is not None:
        keyword = [_compared_hit(hit, question.facets) for hit in _hits(answers.get("keyword"))]
    if clause and spread > 1 and question.after and question.listed:
        keyword = _next_works(client, generation.index, question)
    if clause and spread > 1:
        nearest, keyword = _matched_by_work(client, generation.index, question, clause, nearest, keyword)
    return Retrieved(
        keyword=tuple(keyword),
        nearest=tuple(nearest),
        total=total,
        facets=counts,
        languages={
            bucket["key"]: LanguageProfile(bucket["doc_count"], generation.centroids[bucket["key"]])
            for bucket in census["languages"]["buckets"]
            if bucket["key"] in generation.centroids
        },
    )


def _hits(answer: Json | None) -> list[Json]:
    return answer["hits"]["hits"] if answer else []


def _counts(
    answer: Json | None, names: Sequence[str], *, one_version_each: bool
) -> tuple[int, dict[str, dict[str, int]]]:
    """Works found, and name -> code -> works."""
    if answer is None:
        return 0, {name: {} for name in names}
    found = answer.get("aggregations", {})
    found = found.get("keyword", found)
    if one_version_each and "documents" in found:
        total = found["documents"]["doc_count"]
    else:
        total = answer["hits"]["total"]["value"] if one_version_each else _counted(found["works"])["value"]
    counts = {
        name: {
            bucket["key"]: bucket["doc_count"] if one_version_each else bucket["works"]["value"]
            for bucket in _counted(found.get(name, {"buckets": []}))["buckets"]
        }
        for name in names
    }
    return total, counts


def _next_works(client: "Elasticsearch", index: str, question: _Question) -> list[EngineHit]:
    """Works behind `after`: documents there, less those whose work had an earlier one; a round trip or two a page."""
    works: list[EngineHit] = []
    while len(works) < question.limit:
        page = [
            _keyword_hit(hit)
            for hit in _hits(_searches(client, index, question, {"page": question.page_of_versions()})["page"])
        ]
        if not page:
            break
        body = question.first_versions(list({hit.work for hit in page}))
        first = {hit["_id"] for hit in _hits(_searches(client, index, question, {"first": body})["first"])}
        works += [hit for hit in page if hit.id in first]
        if len(page) < min(question.limit, MOST):
            break
        question = replace(question, after=place(page[-1], question.sort))
    return works[: question.limit]


def _matched_by_work(
    client: "Elasticsearch", index: str, question: _Question, clause: Json, *sides: list[EngineHit]
) -> Sequence[list[EngineHit]]:
    """The keyword side may have found another version of a work than a side shows."""
    others = list({hit.work for hits in sides for hit in hits if not hit.matched})
    if not others:
        return sides
    body: Json = {
        "query": {"bool": {"filter": [clause, {"terms": {"work": others}}]}},
        "collapse": {"field": "work"},
        "size": len(others),
        "_source": ["work"],
    }
    found = {hit["_source"]["work"] for hit in _hits(_searches(client, index, question, {"matched": body})["matched"])}
    return [[hit._replace(matched=hit.matched or hit.work in found) for hit in hits] for hits in sides]


def _suggest(client: "Elasticsearch", index: str, tree: Query, start: str, limit: int) -> tuple[Suggested, ...]:
    begins: Json = {"constant_score": {"filter": {"prefix": {"whole_title": start}}}}
    with _speaking():
        answer = client.search(
            index=index,
            query={"bool": {"filter": [_clause(tree)], "should": [begins]}},
            sort=[{"_score": "desc"}, {"id": "asc"}],
            collapse={"field": "work"},
            size=min(limit, MOST),
            source={"includes": ["work", "language", "name"]},
            track_total_hits=False,
        )
    return tuple(
        Suggested(hit["_id"], hit["_source"]["work"], hit["_source"]["language"], hit["_source"]["name"])
        for hit in answer["hits"]["hits"]
    )


def _correct(client: "Elasticsearch", index: str, words: Sequence[str], language: str | None) -> dict[str, str]:
    """One round trip. Of a word that some document holds, whatever its language, the server lists no neighbours."""
    fields = {"known": "words", "meant": f"spell.{language}" if language in LANGUAGES else "words"}
    suggest = {
        f"{at}-{name}": {
            "text": word,
            "term": {
                "field": field,
                "suggest_mode": "missing",
                "max_edits": spelling.slips(word),
                "prefix_length": 1,
                "min_word_length": spelling.SHORTEST,
                "string_distance": "damerau_levenshtein",
                "size": 100,
            },
        }
        for at, word in enumerate(words)
        for name, field in fields.items()
    }
    with _speaking():
        answer = client.search(index=index, size=0, suggest=suggest, track_total_hits=False)["suggest"]

    def options(key: str) -> list[tuple[str, int]]:
        return [(each["text"], each["freq"]) for entry in answer[key] for each in entry["options"]]

    found = {
        word: spelling.meant(word, options(f"{at}-meant")) for at, word in enumerate(words) if options(f"{at}-known")
    }
    return {word: other for word, other in found.items() if other}


def _searches(client: "Elasticsearch", index: str, question: _Question, bodies: Mapping[str, Json]) -> Json:
    lines: list[Json] = []
    for body in bodies.values():
        lines += [{"index": index, "allow_partial_search_results": False, "preference": question.copy}, body]
    with _speaking():
        answers = client.msearch(searches=lines)["responses"]
    for answer in answers:
        if "error" in answer:
            if answer["status"] == 400:
                logger.error("Elasticsearch refused a search: %s", answer["error"])
            raise _SearchFailed
    return dict(zip(bodies, answers, strict=True))


def _keyword_hit(hit: Json) -> EngineHit:
    source = hit["_source"]
    return EngineHit(
        id=hit["_id"],
        work=source["work"],
        score=hit["_score"],
        language=source["language"],
        year=source.get("year"),
    )


def _compared_hit(hit: Json, facets: Sequence[str]) -> EngineHit:
    held: Json = hit["_source"].get("facets", {})
    return _keyword_hit(hit)._replace(
        matched="keyword" in hit.get("matched_queries", ()), facets={name: tuple(held.get(name, ())) for name in facets}
    )


def _nearest_hit(hit: Json, facets: Sequence[str]) -> EngineHit:
    source = hit["_source"]
    held: Json = source.get("facets", {})
    return EngineHit(
        id=hit["_id"],
        work=source["work"],
        score=2 * hit["_score"] - 1,  # the server's score of a dot product is (1 + dot) / 2
        language=source["language"],
        matched="keyword" in hit.get("matched_queries", ()),
        passage=hit["inner_hits"]["passages"]["hits"]["hits"][0]["_nested"]["offset"],
        facets={name: tuple(held.get(name, ())) for name in facets},
        year=source.get("year"),
    )


def _write(client: "Elasticsearch", alias: str, docs: Iterable[IndexDoc], model: str | None, dims: int | None) -> int:
    iterator = iter(docs)
    taken = 0
    while batch := list(islice(iterator, _BATCH)):
        for doc in batch:
            for vector in (passage.vector for passage in doc.passages if passage.vector):
                dims = dims or vector.values.size
                if vector.model != model or vector.values.shape != (dims,):
                    raise ModelMismatch
        taken += _bulk(client, alias, (_action(doc.id, 2 * doc.version, _source_of(doc)) for doc in batch))
    return taken


def _delete(client: "Elasticsearch", alias: str, ids: Mapping[DocId, int]) -> None:
    _bulk(client, alias, (_action(doc_id, 2 * version + 1, {}) for doc_id, version in ids.items()))


def _action(doc_id: DocId, version: int, source: Json) -> Json:
    return {"_id": doc_id, "version": version, "version_type": "external_gte", "_source": source}


def _source_of(doc: IndexDoc) -> Json:
    from elasticsearch.helpers import pack_dense_vector  # noqa: PLC0415 - as above

    whole = f"{doc.title}\n{doc.body}"
    title_words = " ".join(analyser.folded_words(doc.title))
    return {
        "id": doc.id,
        "work": doc.work,
        "language": doc.language,
        "all": " ".join(analyser.terms(whole, doc.language)),
        "title": " ".join(analyser.terms(doc.title, doc.language)),
        "words": [title_words, " ".join(analyser.folded_words(doc.body))],
        "title_words": title_words,
        "whole_title": analyser.whole_title(doc.title),
        "spell": {doc.language: " ".join(analyser.spelled_words(whole))} if doc.language in LANGUAGES else {},
        "name": doc.title,
        "year": year_of(doc.facets.get("year", ())),
        "facets": {name: list(dict.fromkeys(doc.facets[name])) for name in FACETS if doc.facets.get(name)},
        "passages": [
            {"vector": pack_dense_vector(passage.vector.values)} if passage.vector else {} for passage in doc.passages
        ],
    }


def _bulk(client: "Elasticsearch", alias: str, actions: Iterable[Json]) -> int:
    """How many were taken; those refused for their version are not, any other refusal raises."""
    from elasticsearch.helpers import streaming_bulk  # noqa: PLC0415 - as above

    taken = 0
    with _speaking():
        for ok, item in streaming_bulk(
            client,
            actions,
            index=alias,
            require_alias=True,
            chunk_size=_BATCH,
            max_chunk_bytes=10_000_000,
            raise_on_error=False,
            max_retries=3,
        ):
            result = item["index"]
            if ok:
                taken += 1
            elif result["status"] == 400:
                raise ValueError(f"{result['_id']} cannot be indexed: {result['error']['reason']}")
            elif result["status"] != 409:
                raise SearchUnavailable
    return taken


def _pages(client: "Elasticsearch", index: str, size: int, **body: Any) -> Iterator[Json]:
    """All documents of an index as they are at this moment, tombstones left out."""
    with _speaking():
        client.indices.refresh(index=index)
        point = client.open_point_in_time(index=index, keep_alive="5m")["id"]
        try:
            after: list[Any] | None = None
            while hits := client.search(
                pit={"id": point, "keep_alive": "5m"},
                query=_PRESENT,
                sort=["_shard_doc"],
                search_after=after,
                size=size,
                source=False,
                track_total_hits=False,
                **body,
            )["hits"]["hits"]:
                yield from hits
                after = hits[-1]["sort"]
        finally:
            client.close_point_in_time(id=point)


def _versions(client: "Elasticsearch", index: str) -> dict[DocId, int]:
    return {hit["_id"]: hit["_version"] // 2 for hit in _pages(client, index, MOST, version=True)}


class _Centroids:
    """Means of the vectors of all passages by language, of zeros for a language without any."""

    def __init__(self) -> None:
        self._sums: dict[str, NDArray[np.float64] | float] = {}
        self._passages: Counter[str] = Counter()
        self._dims = 0

    @classmethod
    def read(cls, client: "Elasticsearch", index: str) -> "_Centroids":
        """Of all that an index holds; brings every vector over, some 5 s for 10,000."""
        centroids = cls()
        for hit in _pages(client, index, _BATCH, fields=["language", "passages.vector"]):
            vectors = [each["vector"] for each in hit["fields"].get("passages", ()) if "vector" in each]
            centroids.add(hit["fields"]["language"][0], vectors)
        return centroids

    def add(self, language: str, vectors: Sequence[Any]) -> None:
        """The vectors of one document."""
        self._passages[language] += len(vectors)
        self._dims = len(vectors[0]) if vectors else self._dims
        self._sums[language] = self._sums.get(language, 0.0) + np.asarray(vectors, dtype=np.float64).sum(axis=0)

    def packed(self) -> dict[str, str]:
        from elasticsearch.helpers import pack_dense_vector  # noqa: PLC0415 - as above

        return {
            language: pack_dense_vector(
                (np.zeros(self._dims) + total / max(self._passages[language], 1)).astype(np.float32)
            )
            for language, total in self._sums.items()
        }


def _unpacked(centroid: str) -> NDArray[np.float32]:
    return np.frombuffer(base64.b64decode(centroid), ">f4").astype(np.float32)


def _drop(client: "Elasticsearch", index: str) -> None:
    with _speaking():
        client.indices.delete(index=index, ignore_unavailable=True)


@contextmanager
def _speaking() -> Generator[None]:
    """Whatever the client raises becomes `SearchUnavailable`; what the server calls our mistake is logged too."""
    from elasticsearch import ApiError, TransportError  # noqa: PLC0415 - as above

    try:
        yield
    except ApiError as error:
        if 400 <= error.status_code < 500 and error.status_code not in {404, 429}:
            logger.exception("Elasticsearch refused a request")
        raise SearchUnavailable from error
    except TransportError as error:
        raise SearchUnavailable from error
