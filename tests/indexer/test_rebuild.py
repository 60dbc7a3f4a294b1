import json
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest
from click.testing import CliRunner
from sqlalchemy import delete, func, select

from hub.database import Outbox, later
from hub.knowledge.models import Document
from hub.search.embedding import EmbeddingUnavailable
from hub.search.types import EVERYTHING, Filters, Retrieved, Vector
from indexer import gate, sync
from indexer.__main__ import main
from indexer.gate import GateFailed
from indexer.locks import REBUILD, Busy, only_one
from indexer.rebuild import rebuild
from tests.indexer.delivery import bring_in, edit, found, record


def waiting(hub) -> int:
    with hub.database.session() as session:
        return session.scalar(select(func.count()).select_from(Outbox))


def rows(hub) -> dict[str, int]:
    with hub.database.session() as session:
        return dict(session.execute(select(Document.id, Document.version).where(Document.status == "published")).all())


@pytest.mark.both_databases
def test_a_rebuild_serves_every_published_record_and_leaves_no_work_behind(loaded, session):
    bring_in(session, *(record(f"record-{number}") for number in range(30)))
    edit(session, "record-7", status="withdrawn")
    report = rebuild(loaded)
    assert (report.generation, report.documents, report.encoded) == ("1", 29, 29)
    assert loaded.engine.versions() == rows(loaded)
    assert waiting(loaded) == 0
    assert rebuild(loaded).generation == "2"


@pytest.mark.elasticsearch
def test_elasticsearch_is_filled_kept_up_and_replaced_by_the_same_code(loaded, session, elastic_engine):
    loaded.__dict__["engine"] = elastic_engine
    bring_in(session, *(record(f"record-{number}") for number in range(30)))
    rebuild(loaded)
    edit(session, "record-1", status="withdrawn")
    edit(session, "record-2", summary="Now about lighthouses.")
    assert sync.drain(loaded).changes == 2
    assert loaded.engine.versions() == rows(loaded)
    assert found(loaded, "lighthouses") == ["record-2"]
    report = rebuild(loaded)
    assert (report.generation, report.documents, report.encoded) == ("2", 29, 0)
    assert loaded.engine.versions() == rows(loaded)


def test_an_empty_database_gives_an_empty_generation(loaded):
    assert rebuild(loaded).documents == 0
    assert loaded.engine.status().generation == "1"


def test_a_text_is_encoded_once_until_it_changes(loaded, session, embedder):
    bring_in(session, record("one"), record("two"))
    rebuild(loaded)
    rebuild(loaded)
    assert len(embedder.encoded) == 2
    bring_in(session, record("one", gcm_objectives=[1, 2]), record("two", summary="Something else."))
    sync.drain(loaded)
    rebuild(loaded)
    assert [text.split("\n")[1] for text in embedder.encoded[2:]] == ["Something else."]
    assert loaded.engine.versions() == rows(loaded)


def test_a_record_longer_than_the_encoder_reads_has_a_passage_for_each_part(loaded, session, embedder):
    bring_in(session, record("long", summary=" ".join(f"One sentence, number {n}." for n in range(200))))
    rebuild(loaded)
    assert len(embedder.encoded) == 4
    assert all(text.startswith("Title of long\nOne sentence, number") for text in embedder.encoded)
    assert max(map(len, embedder.encoded)) < 1_600


def test_a_filter_on_a_region_takes_in_what_lies_below_it(loaded, session):
    bring_in(
        session, record("ghana", countries=["GHA"]), record("peru", countries=["PER"]), record("hk", countries=["HKG"])
    )
    rebuild(loaded)

    def in_region(name: str) -> int:
        return loaded.engine.retrieve(query=EVERYTHING, filters=Filters({"region": (name,)}), limit=10).total

    assert [in_region(name) for name in ("Western Africa", "Sub-Saharan Africa", "Africa", "Americas", "Asia")] == [
        1
    ] * 5
    assert in_region("Eastern Africa") == 0


@pytest.mark.both_databases
@pytest.mark.parametrize("synced", [False, True])
def test_changes_made_during_a_rebuild_are_in_what_it_serves(loaded, session, embedder, synced):
    bring_in(session, *(record(f"record-{number}") for number in range(10)))
    rebuild(loaded)
    embedder.model = "hash-other"  # so that everything is encoded again, and there is a during

    def meanwhile() -> None:
        embedder.during = lambda: None
        edit(session, "record-3", summary="Now about lighthouses.")
        edit(session, "record-4", status="withdrawn")
        bring_in(session, record("newcomer", summary="All about windmills."))
        gone = session.query(Document).filter_by(slug="record-5").one()
        later(session, "index", {"document_id": gone.id})
        session.execute(delete(Document).where(Document.id == gone.id))
        session.commit()
        if synced:
            sync.drain(loaded)  # into the generation that is about to be replaced

    embedder.during = meanwhile
    report = rebuild(loaded)
    assert report.repaired > 0
    assert loaded.engine.versions() == rows(loaded)
    assert found(loaded, "lighthouses") == ["record-3"]
    assert found(loaded, "windmills") == ["newcomer"]
    assert waiting(loaded) == 0


class Lossy:
    """The real engine, but what a rebuild fills answers nothing, or holds one record less."""

    def __init__(self, engine, *, answers: bool) -> None:
        self._engine = engine
        self._answers = answers

    def __getattr__(self, name):
        return getattr(self._engine, name)

    @contextmanager
    def rebuild(self, generation: str, *, model: str | None) -> Iterator["Lossy"]:
        with self._engine.rebuild(generation, model=model) as filling:
            yield Lossy(filling, answers=self._answers)

    def versions(self):
        held = dict(self._engine.versions())
        if self._answers:
            held.pop(max(held))
        return held

    def retrieve(self, **question):
        answer = self._engine.retrieve(**question)
        return answer if self._answers else Retrieved((), (), 0, {}, answer.languages)


@pytest.mark.parametrize(("answers", "why"), [(True, "It holds 4 records, but 5"), (False, "by their own title")])
def test_a_generation_that_fails_the_gate_is_dropped_and_the_old_one_served(loaded, session, answers, why):
    bring_in(session, *(record(f"record-{number}") for number in range(5)))
    rebuild(loaded)
    bring_in(session, record("record-0", summary="All about windmills."))
    engine = loaded.engine
    loaded.__dict__["engine"] = Lossy(engine, answers=answers)
    with pytest.raises(GateFailed, match=why):
        rebuild(loaded)
    loaded.__dict__["engine"] = engine
    assert engine.status().generation == "1"
    assert found(loaded, "Title of record-0")[0] == "record-0"
    assert waiting(loaded) == 1  # the change is not forgotten
    assert rebuild(loaded).generation == "2"


def test_the_gate_notices_vectors_that_belong_to_other_records(loaded, session, embedder, monkeypatch):
    bring_in(session, *(record(f"record-{number}", summary=f"{number} " * 20) for number in range(20)))
    real = gate.documents.to_index_docs
    rng = np.random.default_rng(1)

    def mixed_up(changed, vectors):
        return real(changed, {key: Vector(embedder.model, unit(rng.normal(size=32))) for key in vectors})

    monkeypatch.setattr("indexer.rebuild.documents.to_index_docs", mixed_up)
    with pytest.raises(GateFailed, match="by their own vector"):
        rebuild(loaded)


def unit(values):
    return (values / np.linalg.norm(values)).astype(np.float32)


def test_records_of_the_same_title_and_text_pass_the_gate(loaded, session):
    bring_in(
        session, *(record(f"record-{number}", title="Annual report", summary="As before.") for number in range(30))
    )
    assert rebuild(loaded).encoded == 1


def test_an_encoder_that_breaks_leaves_the_old_generation_and_what_was_encoded(loaded, session, embedder):
    bring_in(session, *(record(f"record-{number}") for number in range(300)))
    loaded.__dict__["embedder"] = None
    rebuild(loaded)
    loaded.__dict__["embedder"] = embedder

    def breaks() -> None:
        if embedder.encoded:
            raise EmbeddingUnavailable("The model broke.")

    embedder.during = breaks
    with pytest.raises(EmbeddingUnavailable):
        rebuild(loaded)
    assert loaded.engine.status().model is None
    embedder.during = lambda: None
    assert rebuild(loaded).encoded == 300 - 128
    assert len(embedder.encoded) == 300


def test_without_an_encoder_the_index_is_by_keywords_and_says_so(loaded, session):
    loaded.__dict__["embedder"] = None
    bring_in(session, record("one"))
    report = rebuild(loaded)
    assert report.model is None
    assert loaded.engine.status().model is None
    assert found(loaded, "one") == ["one"]


@pytest.mark.both_databases
def test_two_rebuilds_at_once_are_refused(loaded):
    with only_one(loaded, REBUILD, wait_s=1), pytest.raises(Busy):
        rebuild(loaded)


def test_the_command_reports_and_status_speaks_json(loaded, session, settings, monkeypatch):
    monkeypatch.setenv("HUB_VAR", str(settings.var))
    monkeypatch.setenv("HUB_DATABASE_URL", settings.database_url)
    monkeypatch.setenv("HUB_EMBEDDING_MODEL", "none")
    bring_in(session, record("one"), record("two"))

    def run(*arguments):
        result = CliRunner().invoke(main, arguments)
        return result.exit_code, result.stdout

    status, out = run("status", "--json")
    assert status == 1
    assert json.loads(out)["generation"] is None
    status, out = run("rebuild")
    assert status == 0
    assert out.startswith("generation 1, documents 2, encoded 0, ")
    bring_in(session, record("three"))
    assert json.loads(run("status", "--json")[1]) == {
        "engine": "embedded",
        "generation": "1",
        "model": None,
        "documents": 2,
        "built_at": loaded.engine.status().built_at.isoformat(),
        "rebuild_since": None,
        "published": 3,
        "waiting": 1,
        "failed": 0,
        "jobs_waiting": 0,
        "jobs_failed": 0,
        "embedder": None,
        "rebuild_needed": False,
    }
    assert run("sync") == (0, "changes 1, written 1, deleted 0, failed 0\n")
    assert run("status")[0] == 0
