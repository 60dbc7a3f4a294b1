"""What only the embedded engine promises: crashes, other processes, folders of other versions."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from hub.errors import SearchUnavailable
from hub.search.embedded import EmbeddedEngine
from hub.search.query import words
from tests.contract.documents import MODEL, doc, found, near, serve, vector


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "index"


@pytest.fixture
def engine(folder: Path) -> Iterator[EmbeddedEngine]:
    engine = EmbeddedEngine(folder)
    yield engine
    engine.close()


WRITER = """
import sys
from pathlib import Path
from hub.search.embedded import EmbeddedEngine
from tests.contract.documents import MODEL, doc, vector

engine = EmbeddedEngine(Path(sys.argv[1]))
def batch(version):
    return [doc(f"d{at}", f"border v{version}", version=version, vectors=(vector(1, version),)) for at in range(40)]
"""

WRITE_ON = (
    WRITER
    + """
version = max(engine.versions().values())
print("ready", flush=True)
while True:
    version += 1
    engine.delete({"gone": version})
    engine.write(batch(version))
"""
)

REBUILD_ON = (
    WRITER
    + """
print("ready", flush=True)
while True:
    with engine.rebuild("again", model=MODEL) as rebuild:
        rebuild.write(batch(1))
        rebuild.versions()
        rebuild.commit()
"""
)

WRITE_ONCE = (
    WRITER
    + """
engine.write([doc("new", "school", vectors=(vector(0, 1),))])
"""
)

HOLD_REBUILD = (
    WRITER
    + """
with engine.rebuild("2", model=MODEL) as rebuild:
    rebuild.write(batch(1))
    print("ready", flush=True)
    sys.stdin.read()
"""
)


ENV = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[3])}


def start(script: str, folder: Path) -> subprocess.Popen[str]:
    """A process running the script, once it says that it is ready."""
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=ENV
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def kill(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGKILL)
    process.communicate()


def state(folder: Path) -> tuple[str, int]:
    """Changes with every commit and swap."""
    served = (folder / "CURRENT").read_text()
    with suppress(FileNotFoundError):
        return served, (folder / served / "t" / "meta.json").stat().st_mtime_ns
    return "replaced between the two looks", 0


def whole(engine: EmbeddedEngine) -> None:
    """Forty documents of one version, each found by its words and by the vector of that version."""
    versions = engine.versions()
    assert len(versions) == 40
    (version,) = set(versions.values())
    retrieved = engine.retrieve(query=words(f"v{version}", "en"), vector=vector(1, version), limit=100)
    assert retrieved.total == 40
    assert [hit.score for hit in retrieved.nearest] == pytest.approx([1.0] * 40, abs=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("script", [WRITE_ON, REBUILD_ON], ids=["write", "rebuild"])
def test_a_writer_killed_at_any_moment_leaves_the_index_whole(folder: Path, script: str) -> None:
    engine = EmbeddedEngine(folder)
    serve(engine, *(doc(f"d{at}", "border v1", vectors=(vector(1, 1),)) for at in range(40)))

    for pause_s in (0.0, 0.03, 0.07, 0.12, 0.18, 0.3):
        before = state(folder)
        process = start(script, folder)
        while state(folder) == before:
            time.sleep(0.005)
        time.sleep(pause_s)
        kill(process)
        whole(engine)
        whole(EmbeddedEngine(folder))

    assert (max(engine.versions().values()) > 1) == (script == WRITE_ON)
    assert engine.write([doc("after", "border", vectors=(vector(1, 0),))]) == 1
    serve(engine, doc("after", "border"), generation="next")
    assert [path.name for path in folder.glob("gen-*")] == ["gen-next"]


def test_half_a_row_and_half_a_deletion_left_by_a_crash_are_passed_over(folder: Path, engine: EmbeddedEngine) -> None:
    serve(engine, doc("a", "border", vectors=(vector(1, 0),)))
    with (folder / "gen-1" / "vectors.f32").open("ab") as file:
        file.write(b"\x00\x01\x02\x03\x04")
    with (folder / "gen-1" / "deleted.jsonl").open("a", encoding="utf-8") as file:
        file.write('\n["b", ')

    engine.delete({"c": 2})
    engine.write([doc("d", "border", vectors=(vector(0, 1),))])

    assert near(engine, vector(0, 1)) == ["d", "a"]
    assert engine.retrieve(vector=vector(0, 1), limit=1).nearest[0].score == pytest.approx(1.0)
    assert engine.write([doc("c", version=2)]) == 0


def test_a_reader_sees_what_another_process_writes(folder: Path, engine: EmbeddedEngine) -> None:
    serve(engine, doc("a", "border", vectors=(vector(1, 0),)))
    assert found(engine, "school") == []

    subprocess.run([sys.executable, "-c", WRITE_ONCE, str(folder)], check=True, env=ENV)

    assert found(engine, "school") == ["new"]
    assert near(engine, vector(0, 1)) == ["new", "a"]


def test_a_rebuild_in_another_process_shows_until_it_ends_or_dies(folder: Path, engine: EmbeddedEngine) -> None:
    serve(engine, doc("a", "border"))
    process = start(HOLD_REBUILD, folder)
    assert engine.status().rebuild_since is not None
    second = engine.rebuild("3", model=MODEL)
    with pytest.raises(SearchUnavailable, match="already"):
        second.__enter__()

    kill(process)

    assert engine.status().rebuild_since is None
    serve(engine, doc("b", "border"), generation="3")
    assert found(engine, "border") == ["b"]
    assert [path.name for path in folder.glob("gen-*")] == ["gen-3"]


def test_a_reader_survives_rebuilds_and_the_end_of_the_generation_it_reads(engine: EmbeddedEngine) -> None:
    serve(engine, *(doc(f"d{at}", "border", vectors=(vector(1, at),)) for at in range(50)))
    failures: list[BaseException] = []
    stop = threading.Event()

    def read() -> None:
        while not stop.is_set():
            try:
                retrieved = engine.retrieve(query=words("border", "en"), vector=vector(1, 0), limit=5)
                assert (len(retrieved.keyword), len(retrieved.nearest)) == (5, 5)
                assert engine.status().documents >= 50
            except BaseException as error:  # noqa: BLE001 - shown below, in the thread that can fail the test
                failures.append(error)
                return

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for round_ in range(3):
        engine.write([doc(f"w{round_}", "border", vectors=(vector(1, 1),))])
        serve(engine, *(doc(f"d{at}", "border", vectors=(vector(1, at),)) for at in range(50)), generation=f"r{round_}")
    stop.set()
    for thread in threads:
        thread.join()

    assert failures == []


def test_threads_may_write_at_once(engine: EmbeddedEngine) -> None:
    serve(engine)

    def write(name: str) -> None:
        engine.write(doc(f"{name}{at}", "border", vectors=(vector(1, at),)) for at in range(20))

    threads = [threading.Thread(target=write, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert engine.retrieve(query=words("border", "en"), limit=1).total == 80
    assert len(near(engine, vector(1, 0), limit=100)) == 80


@pytest.mark.parametrize("change", [{"analyser": "0"}, {"format": 0}, {"unknown": 1}])
def test_an_index_of_another_version_of_the_hub_is_refused(
    folder: Path, engine: EmbeddedEngine, change: dict[str, object]
) -> None:
    serve(engine, doc("a", "border"))
    path = folder / "gen-1" / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    other = EmbeddedEngine(folder)

    with pytest.raises(SearchUnavailable, match="rebuild"):
        other.retrieve(query=words("border", None), limit=10)
    with pytest.raises(SearchUnavailable, match="rebuild"):
        other.write([doc("b")])
    assert other.status().generation is None

    serve(other, doc("b", "border"), generation="1")
    assert found(other, "border") == ["b"]


@pytest.mark.parametrize("lost", ["manifest.json", "t/meta.json", "vectors.f32"])
def test_an_index_with_a_part_missing_is_refused(folder: Path, engine: EmbeddedEngine, lost: str) -> None:
    serve(engine, doc("a", "border", vectors=(vector(1, 0),)))
    path = folder / "gen-1" / lost
    path.unlink()
    if lost == "vectors.f32":
        path.touch()

    with pytest.raises(SearchUnavailable):
        EmbeddedEngine(folder).retrieve(query=words("border", None), limit=10)


def test_counts_are_the_same_on_both_ways_of_counting(engine: EmbeddedEngine) -> None:
    """Where every work has one document tantivy counts; a single work with two makes us count works ourselves."""
    random = np.random.default_rng(1)
    docs = [
        doc(f"d{at:03}", "border " * (at % 7 == 0) + "school", country=tuple(random.choice(["A", "B", "C", "D"], 2)))
        for at in range(200)
    ]
    serve(engine, *docs)
    fast = engine.retrieve(query=words("border school", "en"), limit=20, facets=["country"])
    engine.write([doc("z1", "unrelated", work="z"), doc("z2", "unrelated", work="z", language="fr")])
    slow = engine.retrieve(query=words("border school", "en"), limit=20, facets=["country"])

    assert (slow.total, slow.facets) == (fast.total, fast.facets)
    assert [hit.id for hit in slow.keyword] == [hit.id for hit in fast.keyword]
