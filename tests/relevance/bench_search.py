"""Search over HTTP against its two bare parts, in one process and one run.

    python -m tests.relevance.bench_search [--rounds 3]                        the hub that the settings describe
    python -m tests.relevance.bench_search --records 10000 --folder FOLDER     a made-up one, kept in FOLDER for the next time
        [--elasticsearch http://127.0.0.1:9200]                                on Elasticsearch instead of the embedded engine

Prints p50 and p95 in ms of wall time, and of this process's CPU, of four things: encoding the query; the engine's `retrieve`
as a search of both sides with nine facets and the pool that is ranked (150 a side); both, summed per query; the whole answer
over HTTP, ten results with marked passages, one server thread. Then suggestions over HTTP, for beginnings of titles of two to
twelve letters, and the memory of the process. Questions: the 240 of `corpus/judgements/queries_dev_six.jsonl`, six languages;
the first round warms up and does not count. Nothing keeps the vector of a question from one call to the next.
"""

import argparse
import http.client
import json
import logging
import os
import random
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import numpy as np
import psutil
from sqlalchemy import select
from waitress.server import create_server

from hub import create_app, settings
from hub.knowledge.models import Document
from hub.search.embedding import query_vector
from hub.search.query import words
from hub.search.ranking import POOL
from hub.search.types import FACETS
from hub.wiring import Hub
from tests.relevance import bench_hub

QUERIES = Path(__file__).parents[2] / "corpus" / "judgements" / "queries_dev_six.jsonl"
TYPED = 200


class Times:
    """Seconds of wall and of CPU, by what took them."""

    def __init__(self) -> None:
        self.taken: dict[str, list[tuple[float, float]]] = {}
        self.counting = False

    def __call__(self, name: str, work: Callable[[], Any]) -> Any:
        began = time.perf_counter(), time.process_time()
        result = work()
        took = time.perf_counter() - began[0], time.process_time() - began[1]
        if self.counting:
            self.taken.setdefault(name, []).append(took)
        return result

    def percentiles(self, name: str) -> tuple[float, float, float, float]:
        """p50 and p95 in ms of wall, then of CPU."""
        wall, cpu = (np.percentile(np.array(column) * 1000, [50, 95]) for column in zip(*self.taken[name], strict=True))
        return float(wall[0]), float(wall[1]), float(cpu[0]), float(cpu[1])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--questions", type=int, default=240, help="so many of them, evenly chosen")
    parser.add_argument("--records", type=int)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--elasticsearch", default="")
    arguments = parser.parse_args()
    hub = Hub(settings.load())
    if hub.embedder is None:
        parser.error("there is no embedding model: run `hub init`")
    if arguments.records:
        if arguments.folder is None:
            parser.error("--records needs a --folder")
        hub = made_up(hub, arguments.folder, arguments.records, arguments.elasticsearch)
    measure(hub, arguments.rounds, arguments.questions)


def made_up(real: Hub, folder: Path, records: int, elasticsearch: str) -> Hub:
    assert real.embedder is not None
    engine = (
        {
            "search_engine": "elasticsearch",
            "elasticsearch_url": elasticsearch,
            "elasticsearch_prefix": f"bench-{records}",
        }
        if elasticsearch
        else {}
    )
    began = time.perf_counter(), time.process_time()
    hub = bench_hub.opened(folder / str(records), records, real.embedder, **engine)
    print(
        f"opened or built in {time.perf_counter() - began[0]:.0f} s, {time.process_time() - began[1]:.0f} s of CPU here"
    )
    return hub


def measure(hub: Hub, rounds: int, count: int) -> None:
    assert hub.embedder is not None
    embedder = hub.embedder
    lines = QUERIES.read_text("utf-8").splitlines()
    questions = [json.loads(line) for line in lines[:: max(1, len(lines) // count)]]
    logging.getLogger("waitress.queue").setLevel(
        logging.ERROR
    )  # one thread: a request may wait while the last one is put away
    server: Any = create_server(create_app(hub=hub), host="127.0.0.1", port=0, threads=1)
    threading.Thread(target=server.run, daemon=True).start()
    connection = http.client.HTTPConnection("127.0.0.1", server.effective_port)

    def get(path: str, **asked: str) -> None:
        connection.request("GET", f"/api/v1/{path}?{urlencode(asked)}")
        answer = connection.getresponse()
        body = answer.read()
        assert answer.status == 200, body

    times = Times()
    for number in range(rounds + 1):
        times.counting = number > 0
        for question in questions:
            asked, language = question["query"], question["language"]
            vector = times("encode", lambda: query_vector(embedder, asked))  # noqa: B023 - called at once
            tree = words(asked, language)
            times("engine", lambda: hub.engine.retrieve(query=tree, vector=vector, limit=POOL, facets=FACETS))  # noqa: B023
            times("over HTTP", lambda: get("search", q=asked, lang=language))  # noqa: B023
    times.taken["encode + engine"] = [
        (one[0] + other[0], one[1] + other[1])
        for one, other in zip(times.taken["encode"], times.taken["engine"], strict=True)
    ]
    typed = beginnings(hub)
    for number in range(2):
        times.counting = number > 0
        for prefix in typed:
            times("suggestions over HTTP", lambda: get("suggest", q=prefix, lang="en"))  # noqa: B023
    print(
        f"{len(questions)} questions, {rounds} rounds, engine {hub.settings.search_engine}, "
        f"{hub.engine.status().documents} records, load of the machine {os.getloadavg()[0]:.1f}"
    )
    print("                          wall p50     p95   CPU p50     p95   ms")
    for name in ("encode", "engine", "encode + engine", "over HTTP", "suggestions over HTTP"):
        print(f"{name:22}" + "{:12.1f}{:8.1f}{:10.1f}{:8.1f}".format(*times.percentiles(name)))
    ratios = np.array(times.percentiles("over HTTP")) / np.array(times.percentiles("encode + engine"))
    print("over HTTP / bare      " + "{:12.2f}{:8.2f}{:10.2f}{:8.2f}".format(*ratios))
    print(f"memory of the process: {psutil.Process().memory_info().rss // 1_000_000} MB")
    server.close()
    hub.close()


def beginnings(hub: Hub) -> list[str]:
    order = random.Random(7)
    with hub.database.session() as session:
        titles = list(session.scalars(select(Document.title).limit(5_000)))
    return [title[: order.randint(2, 12)] for title in order.choices(titles, k=TYPED)]


if __name__ == "__main__":
    main()
