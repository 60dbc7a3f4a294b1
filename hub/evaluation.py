"""Judge retrieval by data: BEIR-style folders through the product's own indexing and ranking."""

import csv
import json
import tempfile
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from hub.database import Database
from hub.errors import HubError
from hub.knowledge.models import CachedVector, Document
from hub.search.embedding import Embedder
from hub.search.engine import SearchEngine
from hub.search.metrics import ndcg_at, recall_at
from hub.search.service import rank
from hub.search.types import LANGUAGES, DocId, Mode, SearchQuery
from hub.wiring import Hub
from indexer.documents import texts, to_index_docs
from indexer.encode import VectorCache

DEPTH = 100
"""How many results of a query are judged."""
BATCH = 2_000
"""Records held and sorted by length at a time."""


class EvaluationError(HubError):
    status = 422
    slug = "evaluation"
    title = "The evaluation data cannot be read"


@dataclass(frozen=True, slots=True)
class Folder:
    """`rows`: records that no database holds. `judgements`: query -> document -> gain, where one at least is positive."""

    rows: tuple[Document, ...]
    queries: Mapping[str, SearchQuery]
    judgements: Mapping[str, Mapping[DocId, float]]


def read_folder(folder: Path) -> Folder:
    """`corpus.jsonl` (`_id`, `title`, `text`), `queries.jsonl` (`_id`, `text`), both with an optional `language`

    (English if absent), and `qrels.tsv` with a header line. Raises `EvaluationError` naming file and line.
    """
    rows = tuple(_document(row) for row in _rows(folder / "corpus.jsonl", ("_id", "text")))
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
    return Folder(rows, queries, judged)


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
    between runs. Latencies are of whole rankings (encode, retrieve, fuse), warm, one by one.
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
            modes: tuple[Mode, ...] = ("keyword",) if embedder is None else ("keyword", "vector", "hybrid")
            return {
                "folder": folder.name,
                "engine": hub.settings.search_engine,
                "model": None if embedder is None else embedder.model,
                "documents": len(data.rows),
                "queries": len(data.judgements),
                "encoded": kept.encoded,
                "docs_per_s": len(data.rows) / seconds,
                "modes": {mode: _judge(apart.engine, embedder, data, mode) for mode in modes},
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
        recall.append(recall_at(DEPTH, ids, {one for one, gain in gains.items() if gain > 0}))
    return {
        "ndcg_at_10": float(np.mean(ndcg)),
        "recall_at_100": float(np.mean(recall)),
        "p50_ms": float(np.percentile(took, 50)),
        "p95_ms": float(np.percentile(took, 95)),
    }
