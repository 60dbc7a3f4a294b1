"""What can go wrong with a server that is not ours: away, hanging, overloaded, killed, overtaken, of another release."""

import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from hub.errors import ModelMismatch, SearchUnavailable
from hub.search import text as analyser
from hub.search.elastic import ElasticEngine
from hub.search.query import words
from hub.search.types import IndexDoc, Passage, Vector
from tests import servers

pytestmark = pytest.mark.elasticsearch


def doc(doc_id: str, *, version: int = 1, body: str = "recruitment fees", vector: Vector | None = None) -> IndexDoc:
    return IndexDoc(doc_id, doc_id, version, "en", "", body, {"kind": ("practice",)}, (Passage(0, len(body), vector),))


def axis(model: str, at: int) -> Vector:
    return Vector(model, np.eye(4, dtype=np.float32)[at])


def serve(engine: ElasticEngine, generation: str, docs: Sequence[IndexDoc], model: str | None = None) -> None:
    with engine.rebuild(generation, model=model) as rebuild:
        rebuild.write(docs)
        rebuild.commit()


def found(engine: ElasticEngine, text: str = "recruitment") -> list[str]:
    return [hit.id for hit in engine.retrieve(query=words(text, "en"), limit=10).keyword]


def indices(engine: ElasticEngine) -> set[str]:
    return set(engine._quick.indices.get(index=f"{engine._prefix}*"))


@pytest.fixture
def other_engine(elastic_engine: ElasticEngine, elasticsearch_url: str) -> Iterator[ElasticEngine]:
    """The same index seen from another process."""
    engine = ElasticEngine(elasticsearch_url, prefix=elastic_engine._prefix, timeout_s=30)
    yield engine
    engine.close()


def fill(engine: ElasticEngine) -> None:
    serve(engine, "1", [doc("a")])


CALLS: dict[str, Callable[[ElasticEngine], object]] = {
    "retrieve": found,
    "status": lambda engine: engine.status(),
    "versions": lambda engine: engine.versions(),
    "write": lambda engine: engine.write([doc("a")]),
    "delete": lambda engine: engine.delete({"a": 1}),
    "refresh": lambda engine: engine.refresh(),
    "rebuild": fill,
}


@pytest.mark.parametrize("call", CALLS)
def test_a_server_that_is_away_makes_search_unavailable(call: str) -> None:
    engine = ElasticEngine(f"http://127.0.0.1:{servers.free_port()}")
    with pytest.raises(SearchUnavailable):
        CALLS[call](engine)
    engine.close()


@pytest.mark.parametrize("call", ["retrieve", "status"])
def test_a_server_that_never_answers_is_given_up_within_the_timeout(call: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        engine = ElasticEngine(f"http://127.0.0.1:{silent.getsockname()[1]}", timeout_s=0.3)
        started = time.monotonic()
        with pytest.raises(SearchUnavailable) as caught:
            CALLS[call](engine)
        assert time.monotonic() - started < 1.5
        assert caught.value.retry_after_s
        engine.close()


@pytest.mark.parametrize("status", [429, 500, 503])
def test_an_overloaded_server_is_not_asked_again(status: int) -> None:
    asked: list[str] = []

    class Overloaded(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(status)
            self.send_header("X-Elastic-Product", "Elasticsearch")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Overloaded) as server:
        threading.Thread(target=server.serve_forever).start()
        engine = ElasticEngine(f"http://127.0.0.1:{server.server_port}")
        with pytest.raises(SearchUnavailable):
            found(engine)
        engine.close()
        server.shutdown()
    assert len(asked) == 1


def test_a_second_node_answers_for_one_that_is_away(elastic_engine: ElasticEngine, elasticsearch_url: str) -> None:
    serve(elastic_engine, "1", [doc("a")])
    away = f"http://127.0.0.1:{servers.free_port()}"
    engine = ElasticEngine(f"{away},{elasticsearch_url}", prefix=elastic_engine._prefix, timeout_s=30)
    assert [found(engine) for _ in range(3)] == [["a"]] * 3
    engine.close()


def test_a_rebuild_left_without_commit_leaves_no_index(elastic_engine: ElasticEngine) -> None:
    serve(elastic_engine, "1", [doc("a")])
    before = indices(elastic_engine)
    with elastic_engine.rebuild("2", model=None) as rebuild:
        rebuild.write([doc("b")])
    assert indices(elastic_engine) == before
    assert found(elastic_engine) == ["a"]


def test_a_rebuild_drops_what_a_killed_one_left_and_that_one_cannot_go_on(
    elastic_engine: ElasticEngine, other_engine: ElasticEngine
) -> None:
    serve(elastic_engine, "1", [doc("a")])
    overtaken = other_engine.rebuild("2", model=None)
    rebuild = overtaken.__enter__()
    rebuild.write([doc("b")])
    assert elastic_engine.status().rebuild_since is not None

    serve(elastic_engine, "2", [doc("c")])

    assert elastic_engine.status().rebuild_since is None
    with pytest.raises(SearchUnavailable):
        rebuild.write([doc("d")])
    with pytest.raises(SearchUnavailable):
        rebuild.commit()
    overtaken.__exit__(None, None, None)
    assert len(indices(elastic_engine)) == 1
    assert found(other_engine) == ["c"]


def test_a_swap_by_another_process_is_noticed(elastic_engine: ElasticEngine, other_engine: ElasticEngine) -> None:
    serve(elastic_engine, "1", [doc("a")])
    assert found(elastic_engine) == ["a"]
    serve(other_engine, "2", [doc("b")])
    assert found(elastic_engine) == ["b"]


def test_another_model_after_a_swap_by_another_process_is_noticed(
    elastic_engine: ElasticEngine, other_engine: ElasticEngine
) -> None:
    serve(elastic_engine, "1", [doc("a", vector=axis("old", 0))], model="old")
    assert elastic_engine.retrieve(vector=axis("old", 0), limit=1).nearest[0].id == "a"
    serve(other_engine, "2", [doc("b", vector=axis("new", 0))], model="new")
    assert elastic_engine.retrieve(vector=axis("new", 0), limit=1).nearest[0].id == "b"
    with pytest.raises(ModelMismatch):
        elastic_engine.retrieve(vector=axis("old", 0), limit=1)


def test_an_index_of_another_analyser_is_refused(
    elastic_engine: ElasticEngine, other_engine: ElasticEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(elastic_engine, "1", [doc("a")])
    monkeypatch.setattr(analyser, "ANALYSER", "of tomorrow")
    with pytest.raises(SearchUnavailable, match="another release"):
        found(other_engine)
    serve(other_engine, "2", [doc("b")])
    assert found(other_engine) == ["b"]


def test_a_document_that_the_index_cannot_take_is_named(elastic_engine: ElasticEngine) -> None:
    serve(elastic_engine, "1", [doc("a", vector=axis("m", 0))], model="m")
    with pytest.raises(ValueError, match="too-long"):
        elastic_engine.write([doc("too-long", vector=Vector("m", np.full(4, 9, dtype=np.float32)))])


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Path]:
    """Data folder of a node that a test may hurt."""
    data = tmp_path / "node"
    yield data
    servers.stop_elasticsearch_node(data)


def start(data: Path) -> str:
    try:
        return servers.start_elasticsearch_node(data)[0]
    except servers.NotFound as why:
        pytest.skip(str(why))


@pytest.mark.slow
def test_a_server_stopped_and_killed_in_mid_rebuild_serves_the_old_generation_when_it_is_back(node: Path) -> None:
    engine = ElasticEngine(start(node), timeout_s=5)
    process = int((node / "node-0.pid").read_text())
    serve(engine, "1", [doc("a")])
    assert found(engine) == ["a"]

    os.kill(process, signal.SIGSTOP)
    started = time.monotonic()
    with pytest.raises(SearchUnavailable):
        found(engine)
    assert time.monotonic() - started < 10
    os.kill(process, signal.SIGCONT)
    assert found(engine) == ["a"]

    def interrupted() -> None:
        with engine.rebuild("2", model=None) as rebuild:
            rebuild.write([doc("b")])
            os.kill(process, signal.SIGKILL)
            rebuild.write([doc("c")])

    with pytest.raises(SearchUnavailable):
        interrupted()
    engine.close()

    engine = ElasticEngine(start(node), timeout_s=30)
    assert found(engine) == ["a"]
    assert engine.status().rebuild_since is not None
    serve(engine, "2", [doc("b"), doc("c")])
    assert found(engine) == ["b", "c"]
    assert len(indices(engine)) == 1
    engine.close()
