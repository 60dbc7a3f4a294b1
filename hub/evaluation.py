"""Judge retrieval by data: BEIR-style folders through the product's own indexing and ranking."""

import csv
import json
import shutil
import tempfile
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from indexer.documents import SourceText, text_docs
from indexer.encode import encode_texts

from hub.errors import HubError
from hub.search.embedding import Embedder
from hub.search.engine import SearchEngine
from hub.search.service import rank
from hub.search.types import LANGUAGES, DocId, Mode, SearchQuery
from hub.wiring import Hub

DEPTH = 100
"""How many results of a query are judged."""


class EvaluationError(HubError):
    status = 422
    slug = "evaluation"
    title = "The evaluation data cannot be read"


def dcg(gains: Sequence[float]) -> float:
    """Sum of gain / log2(rank + 1), rank from 1. Source: Jarvelin and Kekalainen, TOIS 2002."""
    return float(sum(gain / np.log2(rank + 1) for rank, gain in enumerate(gains, 1)))


def ndcg_at(k: int, ranking: Sequence[DocId], gains: Mapping[DocId, float]) -> float:
    """Normalised discounted cumulative gain of the first k, in [0, 1]. Unlisted ids gain 0; no gains at all gives 0."""
    ideal = dcg(sorted((gain for gain in gains.values() if gain > 0), reverse=True)[:k])
    return dcg([gains.get(one, 0.0) for one in ranking[:k]]) / ideal if ideal else 0.0


def recall_at(k: int, ranking: Sequence[DocId], gains: Mapping[DocId, float]) -> float:
    """Share of the ids with a positive gain that are among the first k; 0 if there are none."""
    relevant = {one for one, gain in gains.items() if gain > 0}
    return len(relevant.intersection(ranking[:k])) / len(relevant) if relevant else 0.0


@dataclass(frozen=True, slots=True)
class Folder:
    """`judgements`: query -> document -> gain, only queries with at least one positive one."""

    texts: tuple[SourceText, ...]
    queries: Mapping[str, SearchQuery]
    judgements: Mapping[str, Mapping[DocId, float]]


def read_folder(folder: Path) -> Folder:
    """`corpus.jsonl` (`_id`, `title`, `text`), `queries.jsonl` (`_id`, `text`), both with an optional `language`

    (English if absent), and `qrels.tsv` with a header line. Raises `EvaluationError` naming file and line.
    """
    texts = tuple(
        SourceText(id=str(row["_id"]), title=row.get("title", ""), body=row["text"], language=_language(row))
        for row in _rows(folder / "corpus.jsonl", ("_id", "text"))
    )
    queries = {
        str(row["_id"]): SearchQuery(text=row["text"], language=_language(row), limit=DEPTH, facets=())
        for row in _rows(folder / "queries.jsonl", ("_id", "text"))
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
    judged = {query: gains for query, gains in judgements.items() if query in queries and max(gains.values()) > 0}
    return Folder(texts, queries, judged)


def _rows(path: Path, needed: Sequence[str]) -> Iterator[dict[str, Any]]:
    try:
        with path.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                row = json.loads(line)
                missing = [name for name in needed if name not in row]
                if missing:
                    raise EvaluationError(f"{path}:{number}: {missing[0]} is missing")
                yield row
    except (OSError, ValueError) as error:
        raise EvaluationError(f"{path}: {error}") from error


def _language(row: Mapping[str, Any]) -> str:
    language = row.get("language") or "en"
    return language if language in LANGUAGES else "en"


def evaluate_folder(hub: Hub, folder: Path) -> dict[str, Any]:
    """Index the folder apart from the served index, on the engine that the settings name, and judge every mode.

    `docs_per_s` counts encoding and indexing. Latencies are of whole rankings (encode, retrieve, fuse), warm, one by one.
    """
    data = read_folder(folder)
    scratch = Path(tempfile.mkdtemp(prefix="hub-eval-"))
    settings = replace(hub.settings, var=scratch, elasticsearch_prefix=f"hub-eval-{uuid.uuid4().hex[:12]}")
    apart = Hub(settings)
    try:
        embedder = hub.embedder
        if embedder is not None:
            embedder.documents(["warm up"])
        began = time.perf_counter()
        _fill(apart.engine, embedder, data)
        seconds = time.perf_counter() - began
        modes: tuple[Mode, ...] = ("keyword",) if embedder is None else ("keyword", "vector", "hybrid")
        return {
            "folder": folder.name,
            "engine": hub.settings.search_engine,
            "model": None if embedder is None else embedder.model,
            "documents": len(data.texts),
            "queries": len(data.judgements),
            "docs_per_s": len(data.texts) / seconds,
            "modes": {mode: _judge(apart.engine, embedder, data, mode) for mode in modes},
        }
    finally:
        drop = getattr(apart.engine, "drop", None)
        if drop is not None:
            drop()
        apart.close()
        shutil.rmtree(scratch, ignore_errors=True)


def _fill(engine: SearchEngine, embedder: Embedder | None, data: Folder) -> None:
    vectors = {} if embedder is None else encode_texts(embedder, data.texts)
    with engine.rebuild("1", model=None if embedder is None else embedder.model) as filling:
        filling.write(text_docs(data.texts, vectors))
        filling.commit()
    engine.refresh()


def _judge(engine: SearchEngine, embedder: Embedder | None, data: Folder, mode: Mode) -> dict[str, float]:
    ndcg: list[float] = []
    recall: list[float] = []
    took: list[float] = []
    for identifier, gains in data.judgements.items():
        query = replace(data.queries[identifier], mode=mode)
        began = time.perf_counter()
        ranked, *_ = rank(engine, embedder, query, query.language)
        took.append((time.perf_counter() - began) * 1000)
        ids = [one.id for one in ranked]
        ndcg.append(ndcg_at(10, ids, gains))
        recall.append(recall_at(DEPTH, ids, gains))
    return {
        "ndcg_at_10": float(np.mean(ndcg)),
        "recall_at_100": float(np.mean(recall)),
        "p50_ms": float(np.percentile(took, 50)),
        "p95_ms": float(np.percentile(took, 95)),
    }
