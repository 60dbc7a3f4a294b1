"""Search over HTTP against its two bare parts, in one process and one run.

    .venv/bin/python tests/relevance/bench_search.py [--rounds 5]

on the hub that the settings describe (`make run` once before). Prints p50 and p95 in ms of: encoding the query, the engine's
`retrieve` with facets, both summed per query, and the whole answer over HTTP (one server thread busy at a time); and what
the process holds in memory. Questions: `corpus/judgements/queries_dev.jsonl`.
"""

import argparse
import http.client
import json
import threading
import time
from pathlib import Path
from urllib.parse import urlencode

import numpy as np
import psutil
from waitress.server import create_server

from hub import create_app, settings
from hub.search.embedding import query_vector
from hub.search.query import words
from hub.search.ranking import POOL
from hub.search.types import FACETS
from hub.wiring import Hub

QUERIES = Path(__file__).parents[2] / "corpus" / "judgements" / "queries_dev.jsonl"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    hub = Hub(settings.load())
    embedder = hub.embedder
    assert embedder is not None, "no model is set up"
    questions = [json.loads(line) for line in QUERIES.read_text("utf-8").splitlines()]
    server = create_server(create_app(hub=hub), host="127.0.0.1", port=0, threads=1)
    threading.Thread(target=server.run, daemon=True).start()
    connection = http.client.HTTPConnection("127.0.0.1", server.effective_port)
    took: dict[str, list[float]] = {"encode": [], "engine": [], "encode + engine": [], "over HTTP": []}
    for number in range(rounds + 1):
        for question in questions:
            began = time.perf_counter()
            vector = query_vector(embedder, question["query"])
            encoded = time.perf_counter()
            retrieve(hub, question, vector)
            found = time.perf_counter()
            connection.request(
                "GET", "/api/v1/search?" + urlencode({"q": question["query"], "lang": question["language"]})
            )
            answer = connection.getresponse()
            body = answer.read()
            ended = time.perf_counter()
            assert answer.status == 200, body
            if number:  # the first round warms everything up
                took["encode"].append(encoded - began)
                took["engine"].append(found - encoded)
                took["encode + engine"].append(found - began)
                took["over HTTP"].append(ended - found)
    print(f"{len(questions)} questions, {rounds} rounds, engine {hub.settings.search_engine}, "
          f"{hub.engine.status().documents} records")  # fmt: skip
    for name, seconds in took.items():
        p50, p95 = np.percentile(np.array(seconds) * 1000, [50, 95])
        print(f"{name:16} p50 {p50:6.1f} ms   p95 {p95:6.1f} ms")
    ratios = [
        np.percentile(took["over HTTP"], share) / np.percentile(took["encode + engine"], share) for share in (50, 95)
    ]
    print(f"over HTTP / (encode + engine): p50 {ratios[0]:.2f}   p95 {ratios[1]:.2f}")
    print(f"memory of the process: {psutil.Process().memory_info().rss // 1_000_000} MB")
    server.close()
    hub.close()


def retrieve(hub: Hub, question: dict[str, str], vector: object) -> None:
    """The engine call that the service makes, and nothing else of it."""
    hub.engine.retrieve(query=words(question["query"], question["language"]), vector=vector, limit=POOL, facets=FACETS)  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
