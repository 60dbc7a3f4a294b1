"""Elasticsearch: the engine for more than one machine. The only file that knows its client, its mapping and its queries.

A generation is one index of one primary shard (so that document frequencies are global, as on the embedded engine), named
`{prefix}-gen-{generation}-{random}`; the alias `{prefix}` points to the served one. The random tail keeps two generations of
one name apart, in caches and for a writer that was overtaken. Words are the stems of `hub.search.text`, joined by spaces and
taken apart again by a whitespace tokenizer; BM25 has the usual k1 = 1.2 and b = 0.75, which are the server's defaults.

Every document carries its row's version as an external version. A deletion leaves an empty document with the version of the
deletion, because the server remembers real deletions for a minute only; the next rebuild leaves them behind.

Nothing above the Basic licence and nothing outside the server's core is used: no scripts, no delete or update by query.
"""

import base64
import logging
import math
import re
import secrets
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from hub.errors import ModelMismatch, SearchUnavailable
from hub.search import text as analyser
from hub.search.engine import Rebuild
from hub.search.types import (
    FACETS,
    DocId,
    EngineHit,
    EngineStatus,
    Filters,
    IndexDoc,
    LanguageProfile,
    Retrieved,
    Vector,
)

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

logger = logging.getLogger(__name__)

Json = dict[str, Any]

SCHEMA = 1
"""Changes with the mapping or the meaning of a field: an index of another number is refused and rebuilt."""

TITLE_BOOST = 0.3
"""Of a stem found in the title, on top of the field of all stems; see the embedded engine."""

MOST = 10_000
"""Works a side at most: the server's own bound on one answer and on candidates of a nearest search."""

CANDIDATES = 150
"""Fewest candidates of a nearest search; with the 1.5-fold over-fetch this finds .966 of the true ten among 100,000."""

_BATCH = 500
_PAGE = 5_000
_SETTINGS: Json = {
    "number_of_shards": 1,
    "auto_expand_replicas": "0-1",
    "refresh_interval": "-1",
    "analysis": {
        "analyzer": {"stems": {"type": "custom", "tokenizer": "stems"}},
        "tokenizer": {"stems": {"type": "whitespace", "max_token_length": 1_000}},
    },
}
_TEXT: Json = {"type": "text", "analyzer": "stems", "index_options": "freqs"}
_CODE: Json = {"type": "keyword"}
_MAPPING: Json = {
    "dynamic": "strict",
    # Rows and excerpts come from the database: the words need not be kept twice.
    "_source": {"excludes": ["all", "title", "words"]},
    "properties": {
        "id": _CODE,
        "work": _CODE,
        "language": _CODE,
        "all": _TEXT,
        "title": _TEXT,
        "words": _TEXT,
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
_PRESENT: Json = {"exists": {"field": "work"}}


class _SearchFailed(SearchUnavailable):
    """One search of a round trip failed, perhaps because its index was dropped since we looked."""


@dataclass(frozen=True, slots=True)
class _Generation:
    """What an index says about itself. `index` is its concrete name, `spread` the most versions of one work in it."""

    index: str
    served: bool
    created_at: datetime
    name: str
    model: str | None
    analyser: str
    schema: int
    built_at: datetime | None
    spread: int
    languages: Mapping[str, LanguageProfile]

    @classmethod
    def read(cls, index: str, described: Json, alias: str) -> "_Generation":
        meta = described["mappings"]["_meta"]
        built_at = meta.get("built_at")
        return cls(
            index=index,
            served=alias in described["aliases"],
            created_at=datetime.fromtimestamp(int(described["settings"]["index"]["creation_date"]) / 1000, UTC),
            name=meta["generation"],
            model=meta["model"],
            analyser=meta["analyser"],
            schema=meta["schema"],
            built_at=datetime.fromisoformat(built_at) if built_at else None,
            spread=meta.get("spread", 1),
            languages={
                language: LanguageProfile(count=profile["count"], centroid=_unpacked(profile["centroid"]))
                for language, profile in meta.get("languages", {}).items()
            },
        )


class ElasticEngine:
    """`hub.search.engine.SearchEngine` on Elasticsearch 9. Safe for threads; clients are made at first use.

    `url`: of one node, or of several divided by commas. Questions wait `timeout_s` for an answer and try a second node once;
    writes and rebuilds wait `rebuild_timeout_s`. Unlike the embedded engine's, nearest neighbours are approximate.
    """

    def __init__(
        self, url: str, *, prefix: str = "hub", timeout_s: float = 2.0, rebuild_timeout_s: float = 60.0
    ) -> None:
        self._urls = [each.strip() for each in url.split(",")]
        self._prefix = prefix
        self._timeout_s = timeout_s
        self._rebuild_timeout_s = rebuild_timeout_s
        self._cached: _Generation | None = None

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
        self._served()
        return _write(self._patient, self._prefix, docs)

    def delete(self, ids: Mapping[DocId, int]) -> None:
        self._served()
        _delete(self._patient, self._prefix, ids)

    def retrieve(
        self,
        *,
        text: str | None = None,
        language: str | None = None,
        vector: Vector | None = None,
        filters: Filters = Filters(),  # noqa: B008 - frozen
        limit: int,
        facets: Sequence[str] = (),
    ) -> Retrieved:
        question = _Question(text, language, vector, filters, limit, tuple(facets))
        known = self._cached
        served = known or self._served()
        try:
            return _retrieve(self._quick, served, question)
        except (_SearchFailed, ModelMismatch):
            # Another process may have swapped generations since we looked; a commit drops the one served before.
            anew = self._served()
            if anew.index == served.index:
                raise
            return _retrieve(self._quick, anew, question)

    def versions(self) -> Mapping[DocId, int]:
        served = next((each for each in self._generations(self._patient) if each.served), None)
        return _versions(self._patient, served.index) if served else {}

    @contextmanager
    def _rebuild(self, generation: str, model: str | None) -> Generator[Rebuild, None, None]:
        client = self._patient
        for found in self._generations(client):
            if not found.served:
                logger.warning("dropping %s, left over by a rebuild that did not finish", found.index)
                _drop(client, found.index)
        rebuild = _ElasticRebuild(client, self._prefix, generation, model)
        try:
            yield rebuild
        finally:
            if not rebuild.committed:
                try:
                    _drop(client, rebuild.index)
                except SearchUnavailable:
                    logger.warning("could not drop %s; the next rebuild will", rebuild.index)

    def rebuild(self, generation: str, *, model: str | None) -> AbstractContextManager[Rebuild]:
        return self._rebuild(generation, model)

    def status(self) -> EngineStatus:
        generations = self._generations(self._quick)
        served = next((each for each in generations if each.served), None)
        documents = 0
        if served:
            with _speaking():
                documents = self._quick.count(index=served.index, query=_PRESENT)["count"]
        return EngineStatus(
            engine="elasticsearch",
            generation=served.name if served else None,
            model=served.model if served else None,
            documents=documents,
            built_at=served.built_at if served else None,
            rebuild_since=min((each.created_at for each in generations if not each.served), default=None),
        )

    def refresh(self) -> None:
        with _speaking():
            self._patient.indices.refresh(index=self._prefix, ignore_unavailable=True)

    def close(self) -> None:
        for name in ("_quick", "_patient"):
            if name in self.__dict__:
                self.__dict__[name].close()

    def _generations(self, client: "Elasticsearch") -> list[_Generation]:
        with _speaking():
            found = client.indices.get(index=f"{self._prefix}-gen-*")
            return [_Generation.read(index, described, self._prefix) for index, described in found.items()]

    def _served(self) -> _Generation:
        """The generation served at this moment; remembers it for the next `retrieve`."""
        served = next((each for each in self._generations(self._quick) if each.served), None)
        self._cached = None
        if served is None:
            raise SearchUnavailable("There is no search index yet.")
        if (served.schema, served.analyser) != (SCHEMA, analyser.ANALYSER):
            raise SearchUnavailable("The search index was built by another release and waits to be rebuilt.")
        self._cached = served
        return served


class _ElasticRebuild:
    """`hub.search.engine.Rebuild`: an index of its own.

    It is written through an alias that is dropped with it: a bulk request to a missing index would create one.
    """

    def __init__(self, client: "Elasticsearch", prefix: str, generation: str, model: str | None) -> None:
        if not re.fullmatch(r"[a-z0-9][a-z0-9_.-]{0,99}", generation):
            raise ValueError(f"not a name for a generation: {generation!r}")
        self.index = f"{prefix}-gen-{generation}-{secrets.token_hex(4)}"
        self.committed = False
        self._client = client
        self._prefix = prefix
        self._alias = f"{self.index}-filling"
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
        return _write(self._client, self._alias, docs)

    def delete(self, ids: Mapping[DocId, int]) -> None:
        _delete(self._client, self._alias, ids)

    def versions(self) -> Mapping[DocId, int]:
        return _versions(self._client, self.index)

    def retrieve(
        self, *, text: str | None = None, language: str | None = None, vector: Vector | None = None, limit: int = 10
    ) -> Retrieved:
        self._describe()
        question = _Question(text, language, vector, Filters(), limit, ())
        return _retrieve(self._client, self._read(), question)

    def commit(self) -> None:
        self._describe(built_at=datetime.now(UTC).isoformat())
        with _speaking():
            self._client.indices.put_settings(index=self.index, settings={"refresh_interval": "1s"})
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

    def _read(self) -> _Generation:
        with _speaking():
            return _Generation.read(self.index, self._client.indices.get(index=self.index)[self.index], self._prefix)

    def _describe(self, **more: Any) -> None:
        """Make what was written visible and note its languages in the index."""
        with _speaking():
            self._client.indices.refresh(index=self.index)
            widest = self._client.search(
                index=self.index, size=0, aggs={"widest": {"terms": {"field": "work", "size": 1}}}
            )["aggregations"]["widest"]["buckets"]
        meta = {
            **self._meta,
            "spread": widest[0]["doc_count"] if widest else 1,
            "languages": _profiles(self._client, self.index),
            **more,
        }
        with _speaking():
            self._client.indices.put_mapping(index=self.index, meta=meta)


@dataclass(frozen=True, slots=True)
class _Question:
    """The arguments of `retrieve`, looked over."""

    text: str | None
    language: str | None
    vector: Vector | None
    filters: Filters
    limit: int
    facets: tuple[str, ...]

    def __post_init__(self) -> None:
        if self.limit < 1:
            raise ValueError(f"limit must be at least 1, not {self.limit}")
        if unknown := ({*self.facets} | {*self.filters.values}) - {*FACETS}:
            raise ValueError(f"no such facet: {', '.join(sorted(unknown))}")

    def filter_clauses(self) -> list[Json]:
        return [{"terms": {f"facets.{name}": list(codes)}} for name, codes in self.filters.values.items() if codes]

    def keyword_clause(self) -> Json | None:
        """Scores by BM25 what has one of the words; None without a keyword side."""
        if self.text is None:
            return None
        if not self.text.strip():
            return {"bool": {"filter": [_PRESENT, *self.filter_clauses()]}}
        words = [_word_clause(word) for word in analyser.query_words(self.text, self.language)]
        if not words:
            return {"match_none": {}}
        return {"bool": {"should": words, "minimum_should_match": 1, "filter": self.filter_clauses()}}

    def keyword_search(self, clause: Json) -> Json:
        works: Json = {"cardinality": {"field": "work", "precision_threshold": 40_000}}
        return {
            "query": clause,
            "sort": [{"_score": "desc"}, {"id": "asc"}],
            "collapse": {"field": "work"},
            "size": min(self.limit, MOST),
            "_source": ["work", "language"],
            "track_total_hits": False,
            "aggs": {
                "works": works,
                **{
                    name: {
                        "terms": {"field": f"facets.{name}", "size": 1_000},
                        "aggs": {"works": {"cardinality": {"field": "work", "precision_threshold": 3_000}}},
                    }
                    for name in self.facets
                },
            },
        }

    def nearest_search(self, vector: Vector, keyword: Json | None, spread: int) -> Json:
        candidates = min(max(CANDIDATES, math.ceil(1.5 * self.limit)) * spread, MOST)
        knn: Json = {
            "field": "passages.vector",
            "query_vector": vector.values.tolist(),
            "k": candidates,
            "num_candidates": candidates,
            "filter": self.filter_clauses(),
            "rescore_vector": {"oversample": 1.0},  # the graph holds bytes: scores from the vectors themselves
        }
        inner: Json = {"size": 1, "_source": False}
        nested = {"nested": {"path": "passages", "score_mode": "max", "query": {"knn": knn}, "inner_hits": inner}}
        matched = [{"bool": {"must": [keyword], "boost": 0, "_name": "keyword"}}] if keyword else []
        return {
            "query": {"bool": {"must": [nested], "should": matched}},
            "sort": [{"_score": "desc"}, {"id": "asc"}],
            "collapse": {"field": "work"},
            "size": min(self.limit, MOST),
            "_source": ["work", "language", *(f"facets.{name}" for name in self.facets)],
            "track_total_hits": False,
        }


def _word_clause(alternatives: tuple[str, ...]) -> Json:
    clauses = [_term_clause(term) for term in alternatives]
    return clauses[0] if len(clauses) == 1 else {"dis_max": {"queries": clauses}}


def _term_clause(term: str) -> Json:
    if term.startswith(analyser.VERBATIM):
        return {"term": {"words": term.removeprefix(analyser.VERBATIM)}}
    return {"bool": {"should": [{"term": {"all": term}}, {"term": {"title": {"value": term, "boost": TITLE_BOOST}}}]}}


def _retrieve(client: "Elasticsearch", generation: _Generation, question: _Question) -> Retrieved:
    """Both sides and the facets in one round trip."""
    if question.vector and question.vector.model != generation.model:
        raise ModelMismatch(f"The index holds vectors of {generation.model}, not of {question.vector.model}.")
    clause = question.keyword_clause()
    bodies: Json = {}
    if clause:
        bodies["keyword"] = question.keyword_search(clause)
    if question.vector:
        bodies["nearest"] = question.nearest_search(question.vector, clause, generation.spread)
    answers = _searches(client, generation.index, bodies) if bodies else {}
    keyword, nearest = answers.get("keyword"), answers.get("nearest")
    counts = keyword["aggregations"] if keyword else {}
    return Retrieved(
        keyword=tuple(_keyword_hit(hit) for hit in keyword["hits"]["hits"]) if keyword else (),
        nearest=tuple(_nearest_hit(hit, question.facets) for hit in nearest["hits"]["hits"]) if nearest else (),
        total=counts["works"]["value"] if keyword else 0,
        facets={
            name: {bucket["key"]: bucket["works"]["value"] for bucket in counts[name]["buckets"]} if keyword else {}
            for name in question.facets
        },
        languages=generation.languages,
    )


def _searches(client: "Elasticsearch", index: str, bodies: Mapping[str, Json]) -> Json:
    lines: list[Json] = []
    for body in bodies.values():
        lines += [{"index": index, "allow_partial_search_results": False}, body]
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
    return EngineHit(id=hit["_id"], work=source["work"], score=hit["_score"], language=source["language"])


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
    )


def _write(client: "Elasticsearch", alias: str, docs: Iterable[IndexDoc]) -> int:
    """External versions refuse what is not newer, a tombstone of the same version included."""
    iterator = iter(docs)
    taken = 0
    while batch := list(islice(iterator, _BATCH)):
        taken += _bulk(client, alias, (_action(doc.id, doc.version, "external", _source_of(doc)) for doc in batch))
    return taken


def _delete(client: "Elasticsearch", alias: str, ids: Mapping[DocId, int]) -> None:
    """A tombstone also covers a document of its own version."""
    _bulk(client, alias, (_action(each, version, "external_gte", {}) for each, version in ids.items()))


def _action(doc_id: DocId, version: int, version_type: str, source: Json) -> Json:
    return {"_id": doc_id, "version": version, "version_type": version_type, "_source": source}


def _source_of(doc: IndexDoc) -> Json:
    from elasticsearch.helpers import pack_dense_vector  # noqa: PLC0415 - as above

    title, body = analyser.terms(doc.title, doc.language), analyser.terms(doc.body, doc.language)
    return {
        "id": doc.id,
        "work": doc.work,
        "language": doc.language,
        "all": " ".join([*title, *body]),
        "title": " ".join(title),
        "words": " ".join([*analyser.folded_words(doc.title), *analyser.folded_words(doc.body)]),
        "facets": {name: list(codes) for name, codes in doc.facets.items()},
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
    return {hit["_id"]: hit["_version"] for hit in _pages(client, index, MOST, version=True)}


def _profiles(client: "Elasticsearch", index: str) -> Json:
    """Language -> count of documents and packed mean of their vectors; a document's is the mean over its passages."""
    from elasticsearch.helpers import pack_dense_vector  # noqa: PLC0415 - as above

    counts: dict[str, int] = {}
    sums: dict[str, Any] = {}
    for hit in _pages(client, index, 500, fields=["language", "passages.vector"]):
        vectors = [each["vector"] for each in hit["fields"].get("passages", ()) if "vector" in each]
        if vectors:
            language = hit["fields"]["language"][0]
            counts[language] = counts.get(language, 0) + 1
            sums[language] = sums.get(language, 0) + np.mean(np.asarray(vectors, np.float64), axis=0)
    return {
        language: {"count": count, "centroid": pack_dense_vector((sums[language] / count).astype(np.float32))}
        for language, count in counts.items()
    }


def _unpacked(centroid: str) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    return np.frombuffer(base64.b64decode(centroid), ">f4").astype(np.float32)


def _drop(client: "Elasticsearch", index: str) -> None:
    with _speaking():
        client.indices.delete(index=index, ignore_unavailable=True)


@contextmanager
def _speaking() -> Generator[None, None, None]:
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
