"""A hub of many records to measure searches on, made of the corpus: texts recombined, vectors perturbed, nothing encoded twice.

Each record has the title of one record of the corpus, the summary of another and the rest of a third, all of one language; its
facets are the third's. Its vectors are those of the second's passages, moved by noise of a third of their length (cosine to
the original about .95), so that they lie about as densely as those of real records. Seeded: the same number gives the same
hub. A folder that holds it already is opened as it is.
"""

import random
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import create_engine, func, insert, select
from sqlalchemy.orm import Session

import hub.accounts.models
import hub.support.models  # noqa: F401 - all tables are known
from corpus.load import load_vocabulary
from hub.database import Base
from hub.knowledge.models import Document, DocumentCountry, DocumentObjective, whole_body
from hub.knowledge.practices import import_records
from hub.search import text
from hub.search.elastic import ElasticEngine
from hub.search.embedding import Embedder
from hub.search.types import IndexDoc, Passage, Vector
from hub.settings import Settings
from hub.wiring import Hub
from indexer import documents
from tests.relevance.bench_index import corpus

NOISE = 1 / 3
"""Length of what is added to a vector of length 1 before it is made one again."""
_CHUNK = 5_000


class _Source(NamedTuple):
    """A record of the corpus: its columns, its codes, its vectors (passages, dim)."""

    columns: dict[str, Any]
    countries: tuple[str, ...]
    objectives: tuple[int, ...]
    facets: dict[str, tuple[str, ...]]
    vectors: NDArray[np.float32]


class Record(NamedTuple):
    columns: dict[str, Any]
    source: _Source
    vectors: NDArray[np.float32]


def opened(folder: Path, records: int, embedder: Embedder, **settings: Any) -> Hub:
    """The hub of so many records in a folder, built where something of it is missing. `settings`: of the engine."""
    hub = Hub(Settings(var=folder, embedding_model="none", secret_key="bench", log_level="WARNING", **settings))
    hub.__dict__["embedder"] = embedder
    if hub.settings.search_engine == "elasticsearch":  # a server that has just begun is slow with its first answers
        url, prefix = hub.settings.elasticsearch_url, hub.settings.elasticsearch_prefix
        hub.__dict__["engine"] = ElasticEngine(url, prefix=prefix, timeout_s=30)
    held = 0
    if (folder / "tables").is_file() and (folder / "tables").read_text() == _tables():
        with hub.database.session() as session:
            held = session.scalar(select(func.count()).select_from(Document))
    indexed = hub.engine.status().documents
    if held == records == indexed:
        return hub
    sources = _sources(folder, embedder)
    if held != records:
        for file in folder.glob("hub.db*"):
            file.unlink()
        _fill(hub, recombined(sources, records))
        (folder / "tables").write_text(_tables())
    if indexed != records:
        with hub.engine.rebuild("1", model=embedder.model) as filling:
            filling.write(_index_doc(record, embedder.model) for record in recombined(sources, records))
            filling.commit()
    return hub


def _tables() -> str:
    """What a database must have been made with to be opened again."""
    return "".join(f"{table.name}: {', '.join(table.columns.keys())}\n" for table in Base.metadata.sorted_tables)


def _sources(folder: Path, embedder: Embedder) -> list[_Source]:
    """The corpus as the hub reads it, encoded; vectors are kept in the folder above, for hubs of other numbers."""
    engine = create_engine("sqlite://")
    Base.metadata.create_all(engine)
    kept = folder.parent / "corpus-vectors.npz"
    known = dict(np.load(kept)) if kept.is_file() else {}
    with Session(engine) as session:
        load_vocabulary(session)
        import_records(session, corpus(), source="bench")
        rows = list(session.scalars(select(Document).order_by(Document.source_id)))
        texts = {documents.key(each): each for row in rows for each in documents.texts(row)}
        missing = [key for key in texts if key not in known]
        if missing:
            known |= dict(zip(missing, embedder.documents([texts[key] for key in missing]), strict=True))
            np.savez(kept, **known)
        names = [column.key for column in Document.__table__.columns]
        return [
            _Source(
                {name: getattr(row, name) for name in names},
                tuple(each.country for each in row.countries),
                tuple(each.number for each in row.objectives),
                documents.facets(row),
                np.stack([known[documents.key(each)] for each in documents.texts(row)]),
            )
            for row in rows
        ]


def recombined(sources: Sequence[_Source], count: int) -> Iterator[Record]:
    order, noise = random.Random(7), np.random.default_rng(7)
    by_language: dict[str, list[_Source]] = {}
    for source in sources:
        by_language.setdefault(source.columns["language"], []).append(source)
    for number in range(count):
        rest = order.choice(sources)
        group = by_language[rest.columns["language"]]
        titled, summed = order.choice(group), order.choice(group)
        columns = {
            **rest.columns,
            "id": f"{number:032x}",
            "work_id": f"{number:032x}",
            "slug": f"record-{number}",
            "source_id": str(number),
            "title": titled.columns["title"],
            "summary": summed.columns["summary"],
        }
        yield Record(columns, rest, _moved(summed.vectors, _passages(columns), noise))


def _moved(vectors: NDArray[np.float32], count: int, noise: np.random.Generator) -> NDArray[np.float32]:
    chosen = vectors[np.arange(count) % len(vectors)]
    added = noise.standard_normal(chosen.shape, dtype=np.float32)
    moved = chosen + NOISE * added / np.linalg.norm(added, axis=1, keepdims=True)
    return moved / np.linalg.norm(moved, axis=1, keepdims=True)


def _body(columns: dict[str, Any]) -> str:
    return whole_body(*(columns[name] for name in ("summary", "benefits", "lessons", "replicability")))


def _passages(columns: dict[str, Any]) -> int:
    return len(text.passages(_body(columns), columns["language"], text.PASSAGE_CHARACTERS))


def _index_doc(record: Record, model: str) -> IndexDoc:
    columns, body = record.columns, _body(record.columns)
    ranges = text.passages(body, columns["language"], text.PASSAGE_CHARACTERS)
    return IndexDoc(
        id=columns["id"],
        work=columns["work_id"],
        version=columns["version"],
        language=columns["language"],
        title=columns["title"],
        body=body,
        facets=record.source.facets,
        passages=tuple(
            Passage(start, end, Vector(model, values))
            for (start, end), values in zip(ranges, record.vectors, strict=True)
        ),
    )


def _fill(hub: Hub, records: Iterator[Record]) -> None:
    Base.metadata.create_all(hub.database.engine)
    with hub.database.transaction() as session:
        load_vocabulary(session)
    while chunk := list(islice(records, _CHUNK)):
        with hub.database.transaction() as session:
            session.execute(insert(Document), [record.columns for record in chunk])
            session.execute(
                insert(DocumentCountry),
                [
                    {"document_id": record.columns["id"], "country": code, "position": at}
                    for record in chunk
                    for at, code in enumerate(record.source.countries)
                ],
            )
            session.execute(
                insert(DocumentObjective),
                [
                    {"document_id": record.columns["id"], "number": number}
                    for record in chunk
                    for number in record.source.objectives
                ],
            )
