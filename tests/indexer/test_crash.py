"""kill -9 in mid-work: nothing accepted is lost, the served index stays whole, the next start carries on."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import func, select

from hub.database import Outbox
from hub.knowledge.models import CachedVector, Document, DocumentVersion
from indexer.rebuild import rebuild
from tests.indexer.delivery import bring_in, found, record, write_file

pytestmark = [pytest.mark.slow, pytest.mark.both_databases]

SLOW_REBUILD = """
import time
from hub import settings
from hub.wiring import Hub
import hub.accounts.models, hub.support.models
from indexer.rebuild import rebuild
from tests.indexer.delivery import CountingEmbedder
parts = Hub(settings.load())
parts.__dict__["embedder"] = embedder = CountingEmbedder()
embedder.during = lambda: time.sleep(0.5)
rebuild(parts)
"""


def count(hub, table) -> int:
    with hub.database.session() as session:
        return session.scalar(select(func.count()).select_from(table))


def killed_when(hub, settings, command: list[str], reached: Callable[[], bool]) -> None:
    """Start the command on the test's installation, and kill -9 it once `reached`."""
    environment = {
        **os.environ,
        "HUB_VAR": str(settings.var),
        "HUB_DATABASE_URL": settings.database_url,
        "HUB_EMBEDDING_MODEL": "none",
        "PYTHONPATH": str(Path.cwd()),
    }
    process = subprocess.Popen([sys.executable, *command], env=environment, stderr=subprocess.DEVNULL)
    try:
        until = time.monotonic() + 60
        while not reached() and time.monotonic() < until:
            assert process.poll() is None, "it was done before it could be killed"
            time.sleep(0.02)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


def test_an_ingest_that_was_killed_carries_on(loaded, settings, session, tmp_path):
    records = [record(f"record-{number}") for number in range(6_000)]
    file = write_file(tmp_path / "many.jsonl", *records)
    killed_when(loaded, settings, ["-m", "indexer", "ingest", str(file)], lambda: count(loaded, Document) > 0)
    landed = count(loaded, Document)
    assert 0 < landed < 6_000
    assert count(loaded, DocumentVersion) == count(loaded, Outbox) == landed
    report = bring_in(session, *records)
    assert (report.unchanged, report.added) == (landed, 6_000 - landed)
    assert count(loaded, Outbox) == 6_000


def test_a_rebuild_that_was_killed_leaves_the_served_index_and_carries_on(loaded, settings, session, embedder):
    loaded.__dict__["embedder"] = None
    bring_in(session, *(record(f"record-{number}") for number in range(400)))
    rebuild(loaded)
    loaded.__dict__["embedder"] = embedder
    killed_when(loaded, settings, ["-c", SLOW_REBUILD], lambda: count(loaded, CachedVector) > 0)
    kept = count(loaded, CachedVector)
    assert 0 < kept < 400
    status = loaded.engine.status()
    assert (status.generation, status.documents, status.rebuild_since) == ("1", 400, None)
    assert found(loaded, "Title of record-17")[0] == "record-17"
    report = rebuild(loaded)
    assert report.encoded == 400 - kept
    assert report.documents == 400
