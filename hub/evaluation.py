"""Judge retrieval by data: BEIR-style folders apart from the served index, judged queries over the served index.

Gains are the judged grades as they are (linear): nDCG of a list of grades 3, 2, 1 counts them 3, 2, 1, not 7, 3, 1.
"""

import csv
import json
import tempfile
import time
import uuid
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select

from hub.database import Database
from hub.errors import HubError
from hub.knowledge.models import CachedVector, Document
from hub.search.embedding import Embedder
from hub.search.engine import SearchEngine
from hub.search.metrics import interval, ndcg_at, recall_at, reciprocal_rank
from hub.search.service import WEAK, rank
from hub.search.types import LANGUAGES, DocId, SearchQuery
from hub.wiring import Hub
from indexer.documents import texts, to_index_docs
from indexer.encode import VectorCache

DEPTH = 100
"""How many results of a query are judged."""
BATCH = 2_000
"""Records held and sorted by length at a time."""
RRF = 60
"""Constant of reciprocal rank fusion: the baseline that hybrid search has to beat. Source: Cormack et al., SIGIR 2009."""

EvaluationMode = Literal["keyword", "vector", "hybrid", "rrf"]
MODES: tuple[EvaluationMode, ...] = get_args(EvaluationMode)
METRICS = ("ndcg_at_10", "recall_at_10", "recall_at_100", "mrr")


class EvaluationError(HubError):
    status = 422
    slug = "evaluation"
    title = "The evaluation data cannot be read"


@dataclass(frozen=True, slots=True)
class Judged:
    """A query and the gains of the works that answer it; none for a question that nothing answers."""

    query: SearchQuery
    gains: Mapping[DocId, float]


@dataclass(frozen=True, slots=True)
class Folder:
    """`rows`: records that no database holds. `judged`: by query id, each with a positive gain at least."""

    rows: tuple[Document, ...]
    judged: Mapping[str, Judged]


class _Once:
    """An embedder that encodes each query once, whatever the number of modes, and remembers how long that took."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._known: dict[str, tuple[NDArray[np.float32], float]] = {}
        self.model = embedder.model
        self.dim = embedder.dim
        self.documents = embedder.documents

    def queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return np.stack([self._one(text)[0] for text in texts])

    def seconds(self, text: str) -> float:
        return self._one(text)[1]

    def _one(self, text: str) -> tuple[NDArray[np.float32], float]:
        if text not in self._known:
            began = time.perf_counter()
            vector = self._embedder.queries([text])[0]
            self._known[text] = vector, time.perf_counter() - began
        return self._known[text]


def read_folder(folder: Path) -> Folder:
    """`corpus.jsonl` (`_id`, `title`, `text`), `queries.jsonl` (`_id`, `text`), both with an optional `language`

    (English if absent), and `qrels.tsv` with a header line. Raises `EvaluationError` naming file and line.
    """
    rows = tuple(_document(row) for _, row in _rows(folder / "corpus.jsonl", ("_id", "text")))
    queries = {
        str(row["_id"]): SearchQuery(text=row["text"], language=_language(row), limit=DEPTH, facets=())
        for _, row in _rows(folder / "queries.jsonl", ("_id", "text"))
    }
    judgements: dict[str, dict[DocId, float]] = {}
    path = folder / "qrels.tsv"
    try:
        with path.open(encoding="utf-8", newline="") as lines:
            reader = csv.reader(lines, delimiter="\t")
            next(reader, None)
            for query, document, gain in reader:
                judgements.setdefault(query, {})[document] = float(gain)
    except (OSError, ValueError) as error:
        raise EvaluationError(f"{path}: {error}") from error
    judged = {
        query: Judged(queries[query], gains)
        for query, gains in judgements.items()
        if query in queries and max(gains.values()) > 0
    }
    return Folder(rows, judged)


def read_queries(path: Path) -> dict[str, Judged]:
    """JSON Lines of `qid`, `query`, `language` and `relevant`, a list of `id` (a slug) and `grade`.

    An empty list is a question that nothing answers. Raises `EvaluationError` naming file and line.
    """
    judged: dict[str, Judged] = {}
    for number, row in _rows(path, ("qid", "query", "language", "relevant")):
        query = SearchQuery(text=row["query"], language=_language(row), limit=DEPTH, facets=())
        try:
            gains = {str(one["id"]): float(one["grade"]) for one in row["relevant"]}
        except (KeyError, TypeError, ValueError) as error:
            raise EvaluationError(f"{path}:{number}: relevant: {error!r}") from error
        if str(row["qid"]) in judged:
            raise EvaluationError(f"{path}:{number}: {row['qid']} is there twice")
        judged[str(row["qid"])] = Judged(query, gains)
    return judged


def _rows(path: Path, needed: Sequence[str]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Number, from 1, and content of each line."""
    try:
        with path.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                row = json.loads(line)
                missing = [name for name in needed if name not in row]
                if missing:
                    raise EvaluationError(f"{path}:{number}: {missing[0]} is missing")
                yield number, row
    except (OSError, ValueError) as error:
        raise EvaluationError(f"{path}: {error}") from error


def _document(row: Mapping[str, Any]) -> Document:
    identifier = str(row["_id"])
    return Document(
        id=identifier,
        work_id=identifier,
        version=1,
        kind="practice",
        language=_language(row),
        title=row.get("title", ""),
        summary=row["text"],
        regions=[],
        principles=[],
        implementers=[],
        facts={},
    )


def _language(row: Mapping[str, Any]) -> str:
    language = row.get("language") or "en"
    return language if language in LANGUAGES else "en"


def evaluate_folder(hub: Hub, folder: Path, *, vectors: Path | None = None) -> dict[str, Any]:
    """Index the folder apart from the served index, on the engine that the settings name, and judge every mode.

    `docs_per_s` counts encoding and indexing; `encoded` says how many texts were not in the file `vectors`, a cache
    between runs. See `judge` for the rest.
    """
    data = read_folder(folder)
    embedder = hub.embedder
    if embedder is not None:
        embedder.documents(["warm up"])
    with tempfile.TemporaryDirectory(prefix="hub-eval-") as scratch:
        prefix = f"hub-eval-{uuid.uuid4().hex[:12]}"
        apart = Hub(replace(hub.settings, var=Path(scratch), elasticsearch_prefix=prefix))
        cache = Database(f"sqlite:///{(vectors or Path(scratch) / 'vectors.db').absolute()}")
        CachedVector.__table__.create(cache.engine, checkfirst=True)  # type: ignore[attr-defined]
        kept = VectorCache(cache, None if embedder is None else embedder.model, embedder)
        try:
            began = time.perf_counter()
            _fill(apart.engine, kept, data)
            seconds = time.perf_counter() - began
            return {
                "folder": folder.name,
                "engine": hub.settings.search_engine,
                "documents": len(data.rows),
                "encoded": kept.encoded,
                "docs_per_s": len(data.rows) / seconds,
                **judge(apart.engine, embedder, data.judged),
            }
        finally:
            apart.engine.drop()
            apart.close()
            cache.close()


def _fill(engine: SearchEngine, kept: VectorCache, data: Folder) -> None:
    with engine.rebuild("1", model=kept.model) as filling:
        for start in range(0, len(data.rows), BATCH):
            batch = data.rows[start : start + BATCH]
            encoded = kept.vectors(text for row in batch for text in texts(row))
            filling.write(to_index_docs(batch, encoded))
        filling.commit()
    engine.refresh()


def evaluate_hub(hub: Hub, path: Path, modes: Collection[EvaluationMode] = MODES) -> dict[str, Any]:
    """Judge the served index by the queries of a file. `unknown`: judged slugs that the hub does not hold: never found."""
    judged = read_queries(path)
    slugs = sorted({slug for one in judged.values() for slug in one.gains})
    works: dict[str, str] = {}
    with hub.database.session() as session:
        for start in range(0, len(slugs), 500):
            wanted = select(Document.slug, Document.work_id).where(Document.slug.in_(slugs[start : start + 500]))
            works.update((slug, work) for slug, work in session.execute(wanted))
    by_work = {qid: replace(one, gains=_by_work(one.gains, works)) for qid, one in judged.items()}
    return {
        "file": path.name,
        "engine": hub.settings.search_engine,
        "documents": hub.engine.status().documents,
        "unknown": [slug for slug in slugs if slug not in works],
        **judge(hub.engine, hub.embedder, by_work, modes),
    }


def _by_work(gains: Mapping[str, float], works: Mapping[str, str]) -> dict[DocId, float]:
    """Of a work judged in several versions the best counts."""
    merged: dict[DocId, float] = {}
    for slug, gain in gains.items():
        work = works.get(slug, slug)
        merged[work] = max(gain, merged.get(work, 0.0))
    return merged


def judge(
    engine: SearchEngine,
    embedder: Embedder | None,
    judged: Mapping[str, Judged],
    modes: Collection[EvaluationMode] = MODES,
) -> dict[str, Any]:
    """`model`, `queries` (their number) and `modes`: mode -> the means of `METRICS`, their 95% `intervals`, the same by

    `languages` of the queries, and `per_query`: query id -> values, which `compare` reads. Without an embedder there is
    only `keyword`. `p50_ms` and `p95_ms` are of whole rankings (encode, retrieve, fuse), one by one; each query is encoded
    once and that time counts in each mode that needs it. `rrf` is a baseline: no search of the hub works so.

    With questions that nothing answers, `weak` is the share of them, and of the others, that hybrid search says so of.
    """
    once = None if embedder is None else _Once(embedder)
    if not judged:
        raise EvaluationError("There is no query to judge.")
    answerable = {qid: one for qid, one in judged.items() if one.gains}
    wanted: list[EvaluationMode] = [mode for mode in MODES if mode in modes and (once is not None or mode == "keyword")]
    return {
        "model": None if once is None else once.model,
        "queries": len(answerable),
        "modes": {mode: _judge_mode(engine, once, answerable, mode) for mode in wanted} if answerable else {},
        "weak": _weak(engine, once, judged) if "hybrid" in wanted and len(answerable) < len(judged) else {},
    }


def _weak(engine: SearchEngine, once: _Once | None, judged: Mapping[str, Judged]) -> dict[str, float]:
    said: dict[str, list[bool]] = {}
    for one in judged.values():
        _, _, _, notes, _ = rank(engine, once, one.query, one.query.language)
        said.setdefault("answerable" if one.gains else "unanswerable", []).append(WEAK in notes)
    return {name: float(np.mean(values)) for name, values in said.items()}


def _judge_mode(
    engine: SearchEngine, once: _Once | None, judged: Mapping[str, Judged], mode: EvaluationMode
) -> dict[str, Any]:
    per_query: dict[str, dict[str, float]] = {}
    took: list[float] = []
    by_language: dict[str, list[str]] = {}
    for qid, one in judged.items():
        encoding = 0.0 if once is None or mode == "keyword" else once.seconds(one.query.text)
        began = time.perf_counter()
        ids = _ranking(engine, once, one.query, mode)
        took.append((time.perf_counter() - began + encoding) * 1000)
        relevant = {work for work, gain in one.gains.items() if gain > 0}
        values = (
            ndcg_at(10, ids, one.gains),
            recall_at(10, ids, relevant),
            recall_at(DEPTH, ids, relevant),
            reciprocal_rank(ids[:DEPTH], relevant),
        )
        per_query[qid] = dict(zip(METRICS, values, strict=True))
        by_language.setdefault(one.query.language or "", []).append(qid)
    return {
        **_summary(per_query, list(per_query)),
        "p50_ms": float(np.percentile(took, 50)),
        "p95_ms": float(np.percentile(took, 95)),
        "languages": {
            language: {"queries": len(qids), **_summary(per_query, qids)}
            for language, qids in sorted(by_language.items())
        },
        "per_query": per_query,
    }


def _ranking(engine: SearchEngine, once: _Once | None, query: SearchQuery, mode: EvaluationMode) -> list[DocId]:
    """Works, best first."""
    if mode != "rrf":
        ranked, *_ = rank(engine, once, replace(query, mode=mode), query.language)
        return [one.hit.work for one in ranked]
    scores: dict[DocId, float] = {}
    for side in ("keyword", "vector"):
        for at, work in enumerate(_ranking(engine, once, query, side)[:DEPTH], 1):
            scores[work] = scores.get(work, 0.0) + 1 / (RRF + at)
    return sorted(scores, key=lambda work: (-scores[work], work))


def _summary(per_query: Mapping[str, Mapping[str, float]], qids: Sequence[str]) -> dict[str, Any]:
    columns = {metric: [per_query[qid][metric] for qid in qids] for metric in METRICS}
    return {
        **{metric: float(np.mean(values)) for metric, values in columns.items()},
        "intervals": {metric: interval(values) for metric, values in columns.items()},
    }


def read_result(path: Path) -> dict[str, Any]:
    """What `judge` gave, as JSON. Raises `EvaluationError`."""
    try:
        result = json.loads(path.read_text(encoding="utf-8"))
        result["modes"] = {
            mode: dict(figures, per_query=figures["per_query"]) for mode, figures in result["modes"].items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise EvaluationError(f"{path}: {error!r} is not the result of an evaluation") from error
    return result


def compare(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """`after` less `before`, on the queries and modes that both have: `queries` and `modes`: mode -> metric ->

    `difference` of means, its 95% `interval` (paired: the queries are drawn, not the values), and how many queries
    `gained` and `lost`. An interval without 0 is a difference that these queries show.
    """
    modes: dict[str, dict[str, Any]] = {}
    queries = 0
    for mode, figures in after["modes"].items():
        old = before["modes"].get(mode, {}).get("per_query", {})
        shared = [qid for qid in figures["per_query"] if qid in old]
        if not shared:
            continue
        queries = len(shared)
        modes[mode] = {}
        for metric in METRICS:
            changes = [figures["per_query"][qid][metric] - old[qid][metric] for qid in shared]
            modes[mode][metric] = {
                "difference": float(np.mean(changes)),
                "interval": interval(changes),
                "gained": sum(change > 0 for change in changes),
                "lost": sum(change < 0 for change in changes),
            }
    if not modes:
        raise EvaluationError("The two results have no query in common.")
    return {"queries": queries, "modes": modes}
