"""Measure the indexer: `python -m tests.relevance.bench_index [--records 581] [--many 10000] [--real]`.

1. Throughput: the corpus built into an index from nothing, against the bare encoder on the same texts in the same process.
   Both are taken in turn, in wall and CPU seconds. `share_of_wall` is the part of the rebuild's own wall seconds that was
   spent in the encoder: on a busy machine, where two runs never meet the same load, only it and `ratio_cpu` mean anything.
2. A rebuild with nothing changed, on records recombined from the corpus, against the first. The first is timed with the real
   encoder if `--real` is given; else its encoding is computed from the rate of the bare encoder above and the vectors are
   made by a hash, which the second rebuild cannot tell from real ones.
"""

import argparse
import itertools
import json
import random
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import hub.accounts.models
import hub.support.models  # noqa: F401 - all tables are known
from corpus.load import load_vocabulary, seed_files
from hub import settings
from hub.database import Base
from hub.knowledge.practices import import_records
from hub.schemas.knowledge import RecordSchema
from hub.search.embedding import HashEmbedder
from hub.settings import Settings
from hub.wiring import Hub
from indexer import documents, rows
from indexer.rebuild import rebuild


def corpus() -> list[dict[str, Any]]:
    schema = RecordSchema()
    return [schema.load(json.loads(line)) for file in seed_files() for line in file.read_text("utf-8").splitlines()]


def recombined(records: Sequence[dict[str, Any]], count: int) -> list[dict[str, Any]]:
    """New records of the right size and language: each with the title of one and the texts of another, all different."""
    order = random.Random(7)
    by_language: dict[str, list[dict[str, Any]]] = {}
    for record in records:
        by_language.setdefault(record["language"], []).append(record)
    pairs = [pair for group in by_language.values() for pair in itertools.permutations(group, 2)]
    return [
        {**texts, "id": f"recombined-{number}", "title": titled["title"]}
        for number, (titled, texts) in enumerate(order.sample(pairs, count))
    ]


def opened(folder: Path, records: Sequence[dict[str, Any]], embedder: Any) -> Hub:
    """An installation of its own that holds the records, not indexed yet."""
    parts = Hub(Settings(var=folder, embedding_model="none"))
    Base.metadata.create_all(parts.database.engine)
    parts.__dict__["embedder"] = embedder
    with parts.database.session() as session:
        load_vocabulary(session)
        import_records(session, records, source="bench")
    return parts


class Clock:
    """Wall and CPU seconds, of all threads of this process, spent in a `with` block; added up."""

    def __init__(self) -> None:
        self.wall = self.cpu = 0.0

    def __enter__(self) -> None:
        self._began = time.perf_counter(), time.process_time()

    def __exit__(self, *_: object) -> None:
        self.wall += time.perf_counter() - self._began[0]
        self.cpu += time.process_time() - self._began[1]


class Timed:
    """An embedder that knows how long it was at work."""

    def __init__(self, embedder: Any) -> None:
        self._embedder = embedder
        self.model, self.dim = embedder.model, embedder.dim
        self.clock = Clock()

    def queries(self, texts: Sequence[str]) -> Any:
        return self._embedder.queries(texts)

    def documents(self, texts: Sequence[str]) -> Any:
        with self.clock:
            return self._embedder.documents(texts)


def throughput(embedder: Any, count: int, rounds: int = 2) -> dict[str, Any]:
    """Index a sample of the corpus and encode the same texts bare, in turn."""
    records = random.Random(7).sample(corpus(), count)
    embedder.documents(["warm up"])
    bare, whole = Clock(), Clock()
    timed = Timed(embedder)
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as folder:
            parts = opened(Path(folder), records, timed)
            with parts.database.session() as session:
                texts = [
                    text for chunk in rows.chunks(session, 1_000) for row in chunk for text in documents.texts(row)
                ]
            with bare:
                embedder.documents(texts)
            with whole:
                rebuild(parts)
            parts.close()
    return {
        "texts": len(texts),
        "bare_texts_per_s": rounds * len(texts) / bare.wall,
        "indexed_texts_per_s": rounds * len(texts) / whole.wall,
        "ratio_wall": bare.wall / whole.wall,
        "ratio_cpu": bare.cpu / whole.cpu,
        "share_of_wall": timed.clock.wall / whole.wall,
    }


def nothing_changed(embedder: Any, count: int, texts_per_s: float | None) -> dict[str, Any]:
    """`texts_per_s`: rate by which the encoding of the first rebuild is computed; None: it is timed."""
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        parts = opened(Path(folder), recombined(corpus(), count), embedder)
        imported = time.perf_counter() - began
        first = rebuild(parts)
        again = rebuild(parts)
        parts.close()
    first_s = first.seconds if texts_per_s is None else again.seconds + first.encoded / texts_per_s
    return {
        "records": count,
        "import_s": imported,
        "first_s": first_s,
        "first_encoding": "timed" if texts_per_s is None else "computed",
        "again_s": again.seconds,
        "encoded_again": again.encoded,
        "ratio": first_s / again.seconds,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=581)
    parser.add_argument("--many", type=int, default=10_000)
    parser.add_argument("--real", action="store_true")
    arguments = parser.parse_args()
    parts = Hub(settings.load())
    if parts.embedder is None:
        parser.error("there is no embedding model: run `hub init`")
    measured = throughput(parts.embedder, arguments.records)
    print(json.dumps({"throughput": measured}, indent=1), flush=True)
    rate = None if arguments.real else measured["bare_texts_per_s"]
    encoder = parts.embedder if arguments.real else HashEmbedder(parts.embedder.dim)
    print(json.dumps({"nothing_changed": nothing_changed(encoder, arguments.many, rate)}, indent=1))


if __name__ == "__main__":
    main()
