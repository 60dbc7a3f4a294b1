"""Writes, deletions and rebuilds: what is served, and what an older version may not undo."""

from datetime import UTC, datetime, timedelta

import pytest

from hub.errors import SearchUnavailable
from hub.search.engine import SearchEngine
from hub.search.query import words
from hub.search.types import EVERYTHING
from tests.contract.documents import MODEL, doc, found, near, serve, vector


def test_nothing_is_served_before_the_first_rebuild(engine: SearchEngine) -> None:
    status = engine.status()

    assert (status.generation, status.model, status.documents, status.built_at) == (None, None, 0, None)
    assert engine.versions() == {}
    engine.refresh()
    with pytest.raises(SearchUnavailable):
        engine.retrieve(query=words("border", None), limit=10)
    with pytest.raises(SearchUnavailable):
        engine.write([doc("a")])


def test_a_committed_rebuild_is_served(engine: SearchEngine) -> None:
    before = datetime.now(UTC) - timedelta(seconds=5)
    serve(engine, doc("a", "border", version=3), doc("b", "school", version=5), generation="7")

    status = engine.status()

    assert (status.generation, status.model, status.documents) == ("7", MODEL, 2)
    assert status.built_at is not None
    assert before < status.built_at < datetime.now(UTC) + timedelta(seconds=5)
    assert engine.versions() == {"a": 3, "b": 5}
    assert found(engine, "border") == ["a"]


def test_a_write_is_found_and_replaces_what_was_there(engine: SearchEngine) -> None:
    serve(engine, doc("a", "border"))

    assert engine.write([doc("a", "school", version=2), doc("b", "border")]) == 2
    engine.refresh()

    assert (found(engine, "border"), found(engine, "school")) == (["b"], ["a"])
    assert engine.versions() == {"a": 2, "b": 1}
    assert engine.status().documents == 2


def test_an_older_version_is_ignored_and_the_same_one_taken(engine: SearchEngine) -> None:
    serve(engine, doc("a", "border", version=5))

    assert engine.write([doc("a", "school", version=4)]) == 0
    engine.refresh()
    assert found(engine, "border") == ["a"]

    assert engine.write([doc("a", "hospital", version=5)]) == 1
    engine.refresh()
    assert found(engine, "hospital") == ["a"]


def test_the_newest_of_one_batch_stays_whatever_the_order(engine: SearchEngine) -> None:
    serve(engine)
    engine.write([doc("a", "one", version=1), doc("a", "three", version=3), doc("a", "two", version=2)])
    engine.refresh()

    assert engine.versions() == {"a": 3}
    assert (found(engine, "three"), found(engine, "two")) == (["a"], [])
    assert engine.status().documents == 1


def test_writes_come_from_any_iterable(engine: SearchEngine) -> None:
    serve(engine)

    assert engine.write(doc(f"d{at:04}", "border") for at in range(1_200)) == 1_200
    engine.refresh()
    assert engine.retrieve(query=words("border", "en"), limit=1).total == 1_200
    assert engine.write([]) == 0


def test_a_deletion_takes_a_document_out(engine: SearchEngine) -> None:
    serve(engine, doc("a", "border", vectors=(vector(1, 0),)), doc("b", "border", vectors=(vector(1, 1),)))
    engine.delete({"a": 1})
    engine.refresh()

    assert (found(engine, "border"), near(engine, vector(1, 0))) == (["b"], ["b"])
    assert engine.versions() == {"b": 1}
    assert engine.retrieve(query=EVERYTHING, limit=10).total == 1
    assert engine.status().documents == 1
    assert {code: profile.count for code, profile in engine.retrieve(query=EVERYTHING, limit=1).languages.items()} == {
        "en": 1
    }


@pytest.mark.parametrize(("version", "returns"), [(3, False), (4, False), (5, True)])
def test_only_a_newer_version_returns_after_a_deletion(engine: SearchEngine, version: int, returns: bool) -> None:
    serve(engine, doc("a", "border", version=3))
    engine.delete({"a": 4})

    assert engine.write([doc("a", "border", version=version)]) == int(returns)
    engine.refresh()
    assert found(engine, "border") == (["a"] if returns else [])


def test_a_deletion_of_something_unknown_is_remembered(engine: SearchEngine) -> None:
    serve(engine)
    engine.delete({"a": 4})

    assert engine.write([doc("a", "border", version=4)]) == 0
    engine.refresh()
    assert engine.versions() == {}


def test_a_deletion_older_than_the_document_is_ignored(engine: SearchEngine) -> None:
    serve(engine, doc("a", "border", version=5))
    engine.delete({"a": 4})
    engine.refresh()

    assert found(engine, "border") == ["a"]


def test_deleting_twice_and_nothing_is_fine(engine: SearchEngine) -> None:
    serve(engine, doc("a", "border"), doc("b", "border"))
    engine.delete({"a": 1})
    engine.delete({"a": 1, "unknown": 7})
    engine.delete({})
    engine.refresh()

    assert found(engine, "border") == ["b"]


def test_a_failed_rebuild_leaves_what_was_served(engine: SearchEngine) -> None:
    serve(engine, doc("a", "border"), generation="1")

    def fail() -> None:
        with engine.rebuild("2", model="other") as rebuild:
            rebuild.write([doc("b", "border")])
            raise RuntimeError("the database went away")

    with pytest.raises(RuntimeError, match="went away"):
        fail()
    engine.refresh()

    assert found(engine, "border") == ["a"]
    status = engine.status()
    assert (status.generation, status.model, status.rebuild_since) == ("1", MODEL, None)


def test_a_rebuild_left_without_commit_is_dropped(engine: SearchEngine) -> None:
    serve(engine, doc("a", "border"), generation="1")
    with engine.rebuild("2", model=MODEL) as rebuild:
        rebuild.write([doc("b", "border")])
    engine.refresh()

    assert engine.status().generation == "1"
    assert engine.versions() == {"a": 1}


def test_a_rebuild_replaces_everything_even_the_model(engine: SearchEngine) -> None:
    serve(engine, doc("a", "border", vectors=(vector(1, 0),)), generation="1")
    serve(engine, doc("b", "border", vectors=(vector(1, 0, 0, model="m2"),)), generation="2", model="m2")

    assert (found(engine, "border"), near(engine, vector(1, 0, 0, model="m2"))) == (["b"], ["b"])
    assert (engine.status().generation, engine.status().model) == ("2", "m2")


def test_writes_during_a_rebuild_go_to_what_is_served(engine: SearchEngine) -> None:
    serve(engine, doc("a", "border", version=1), generation="1")
    with engine.rebuild("2", model=MODEL) as rebuild:
        rebuild.write([doc("a", "border", version=1), doc("b", "border")])
        engine.write([doc("a", "school", version=2), doc("c", "border")])
        engine.delete({"c": 1})
        engine.refresh()
        assert found(engine, "school") == ["a"]
        assert engine.versions() == {"a": 2}
        assert rebuild.versions() == {"a": 1, "b": 1}

        rebuild.write([doc("a", "school", version=2)])
        rebuild.commit()
    engine.refresh()

    assert engine.versions() == {"a": 2, "b": 1}
    assert found(engine, "school") == ["a"]


def test_a_rebuild_keeps_the_rules_of_versions(engine: SearchEngine) -> None:
    with engine.rebuild("1", model=MODEL) as rebuild:
        assert rebuild.write([doc("a", "border", version=2), doc("b", "border", version=1)]) == 2
        assert rebuild.write([doc("a", "old", version=1)]) == 0
        rebuild.delete({"b": 1, "c": 3})
        assert rebuild.write([doc("b", "border", version=1), doc("c", "border", version=3)]) == 0
        assert rebuild.versions() == {"a": 2}
        rebuild.commit()
    assert engine.write([doc("b", "border", version=1)]) == 0
    engine.refresh()

    assert engine.versions() == {"a": 2}


def test_a_rebuild_can_be_asked_before_it_is_served(engine: SearchEngine) -> None:
    serve(engine, doc("old", "border"))
    with engine.rebuild("2", model=MODEL) as rebuild:
        rebuild.write([doc("new", "border", vectors=(vector(1, 0),))])

        retrieved = rebuild.retrieve(query=words("border", "en"), vector=vector(1, 0))

    assert [hit.id for hit in retrieved.keyword] == ["new"]
    assert [hit.id for hit in retrieved.nearest] == ["new"]


def test_one_rebuild_at_a_time_and_it_shows(engine: SearchEngine) -> None:
    before = datetime.now(UTC) - timedelta(seconds=5)
    with engine.rebuild("1", model=MODEL):
        since = engine.status().rebuild_since
        assert since is not None
        assert since > before
        second = engine.rebuild("2", model=MODEL)
        with pytest.raises(SearchUnavailable):
            second.__enter__()

    assert engine.status().rebuild_since is None


def test_a_rebuild_can_take_the_name_of_the_one_served(engine: SearchEngine) -> None:
    serve(engine, doc("a", "border"), generation="1")
    serve(engine, doc("b", "border"), generation="1")

    assert found(engine, "border") == ["b"]


def test_dropping_leaves_nothing_and_a_rebuild_starts_anew(engine: SearchEngine) -> None:
    serve(engine, doc("a", "border"), generation="1")
    engine.drop()

    assert engine.status().generation is None
    assert engine.versions() == {}

    serve(engine, doc("b", "border"), generation="1")
    assert found(engine, "border") == ["b"]
