"""The nearest side: vectors in, works out."""

import numpy as np
import pytest

from hub.errors import ModelMismatch
from hub.search.engine import SearchEngine
from hub.search.query import words
from hub.search.types import Filters
from tests.contract.documents import MODEL, doc, found, near, serve, vector


def test_hits_are_ordered_by_cosine_and_carry_it(engine: SearchEngine) -> None:
    serve(
        engine,
        doc("far", vectors=(vector(-1, 0, 0),)),
        doc("near", vectors=(vector(1, 0.1, 0),)),
        doc("middle", vectors=(vector(1, 1, 0),)),
    )

    hits = engine.retrieve(vector=vector(1, 0, 0), limit=10).nearest

    assert [hit.id for hit in hits] == ["near", "middle", "far"]
    assert [hit.score for hit in hits] == pytest.approx([0.99504, 0.70711, -1.0], abs=1e-4)


def test_a_document_is_found_by_its_best_passage_and_says_which(engine: SearchEngine) -> None:
    serve(
        engine,
        doc("long", "one two three", vectors=(vector(0, 1, 0), vector(1, 0, 0), vector(0, 0, 1))),
        doc("short", "one", vectors=(vector(1, 1, 0),)),
    )

    hits = engine.retrieve(vector=vector(1, 0, 0), limit=10).nearest

    assert [(hit.id, hit.passage) for hit in hits] == [("long", 1), ("short", 0)]


def test_a_passage_without_a_vector_keeps_its_place_in_the_count(engine: SearchEngine) -> None:
    serve(engine, doc("a", "one two", vectors=(None, vector(1, 0))))

    assert engine.retrieve(vector=vector(1, 0), limit=10).nearest[0].passage == 1


def test_the_limit_holds_and_many_passages_of_one_work_do_not_fill_it(engine: SearchEngine) -> None:
    serve(
        engine,
        doc("long", "x " * 40, vectors=tuple(vector(1, at / 1000) for at in range(40))),
        doc("b", vectors=(vector(1, 1),)),
        doc("c", vectors=(vector(1, 2),)),
    )

    assert near(engine, vector(1, 0), limit=2) == ["long", "b"]


def test_a_second_look_brings_the_nearest_as_the_first_and_nothing_else(engine: SearchEngine) -> None:
    serve(
        engine,
        doc("words", "border school", vectors=(vector(1, 0.2),), kind="practice"),
        doc("both", "border", vectors=(vector(1, 0.1),), kind="practice", country=("PHL", "GHA")),
        doc("meaning", "harbour", vectors=(vector(1, 0),), kind="practice"),
        doc("filtered", "border", vectors=(vector(1, 0),), kind="guidance"),
    )
    asked = {
        "query": words("border", "en"),
        "vector": vector(1, 0),
        "filters": Filters({"kind": ("practice",)}),
        "facets": ("kind", "country"),
        "limit": 2,
    }

    first, second = engine.retrieve(**asked), engine.retrieve(**asked, listed=False)

    assert [(hit.id, hit.matched) for hit in second.nearest] == [("meaning", False), ("both", True)]
    assert second.nearest == first.nearest
    assert (second.keyword, second.total, any(second.facets.values())) == ((), 0, False)


def test_filters_come_before_the_limit(engine: SearchEngine) -> None:
    serve(
        engine,
        *(doc(f"near{at:03}", vectors=(vector(1, at / 1000),), kind="practice") for at in range(200)),
        doc("far", vectors=(vector(-1, 0.5),), kind="guidance"),
    )

    retrieved = engine.retrieve(vector=vector(1, 0), filters=Filters({"kind": ("guidance",)}), limit=1)

    assert [hit.id for hit in retrieved.nearest] == ["far"]


def test_ties_are_broken_by_id_also_where_the_limit_cuts_them(engine: SearchEngine) -> None:
    ids = [f"d{at:02}" for at in range(20)]
    serve(engine, *(doc(doc_id, vectors=(vector(3, 1, 2),)) for doc_id in reversed(ids)))

    assert near(engine, vector(1, 2, 3), limit=7) == ids[:7]


def test_a_hit_says_whether_the_words_find_its_work_too(engine: SearchEngine) -> None:
    serve(
        engine,
        doc("w1-en", "border", work="w1", vectors=(vector(0, 1),)),
        doc("w1-fr", "frontière", work="w1", language="fr", vectors=(vector(1, 0),)),
        doc("w2", "school", vectors=(vector(1, 0.1),)),
    )

    hits = engine.retrieve(query=words("border", "en"), vector=vector(1, 0), limit=10).nearest

    assert [(hit.id, hit.matched) for hit in hits] == [("w1-fr", True), ("w2", False)]


def test_words_outside_the_keyword_limit_still_count_as_matched(engine: SearchEngine) -> None:
    serve(
        engine,
        doc("a", "border", title="border", vectors=(vector(0, 1),)),
        doc("b", "a border among many other words", vectors=(vector(1, 0),)),
    )

    retrieved = engine.retrieve(query=words("border", "en"), vector=vector(1, 0), limit=1)

    assert [hit.id for hit in retrieved.keyword] == ["a"]
    assert [(hit.id, hit.matched) for hit in retrieved.nearest] == [("b", True)]


def test_total_and_facets_do_not_count_what_only_meaning_finds(engine: SearchEngine) -> None:
    serve(
        engine,
        doc("a", "border", vectors=(vector(1, 0),), kind="practice"),
        doc("b", "school", vectors=(vector(1, 0),), kind="practice"),
    )

    retrieved = engine.retrieve(query=words("border", "en"), vector=vector(1, 0), limit=10, facets=["kind"])

    assert (len(retrieved.nearest), retrieved.total, retrieved.facets) == (2, 1, {"kind": {"practice": 1}})


def test_hits_bring_the_facets_asked_for(engine: SearchEngine) -> None:
    serve(engine, doc("a", vectors=(vector(1, 0),), kind="practice", country=("PHL", "GHA"), year="2019"))

    hit = engine.retrieve(vector=vector(1, 0), limit=10, facets=["kind", "country"]).nearest[0]

    assert hit.facets["kind"] == ("practice",)
    assert sorted(hit.facets["country"]) == ["GHA", "PHL"]
    assert "year" not in hit.facets


def test_a_document_without_vectors_is_found_by_its_words_only(engine: SearchEngine) -> None:
    serve(engine, doc("words", "border"), doc("both", "border", vectors=(vector(1, 0),)))

    assert near(engine, vector(1, 0)) == ["both"]
    assert found(engine, "border") == ["both", "words"]


def test_a_new_version_brings_new_vectors(engine: SearchEngine) -> None:
    serve(engine, doc("a", vectors=(vector(1, 0), vector(0, 1))), doc("b", vectors=(vector(1, 1),)))
    engine.write([doc("a", version=2, vectors=(vector(-1, 0),))])
    engine.refresh()

    hits = engine.retrieve(vector=vector(1, 0), limit=10).nearest

    assert [(hit.id, round(hit.score, 3)) for hit in hits] == [("b", 0.707), ("a", -1.0)]


def test_a_vector_of_another_model_is_refused(engine: SearchEngine) -> None:
    serve(engine, doc("a", vectors=(vector(1, 0),)))
    other = vector(1, 0, model="other")

    with pytest.raises(ModelMismatch):
        engine.retrieve(vector=other, limit=10)
    with pytest.raises(ModelMismatch):
        engine.write([doc("b", vectors=(other,))])
    engine.refresh()

    assert engine.versions() == {"a": 1}


def test_a_vector_of_another_size_is_refused(engine: SearchEngine) -> None:
    serve(engine, doc("a", vectors=(vector(1, 0),)))

    with pytest.raises(ModelMismatch):
        engine.retrieve(vector=vector(1, 0, 0), limit=10)
    with pytest.raises(ModelMismatch):
        engine.write([doc("b", vectors=(vector(1, 0, 0),))])


def test_a_generation_without_a_model_answers_by_words_and_refuses_vectors(engine: SearchEngine) -> None:
    serve(engine, doc("a", "border"), model=None)

    assert found(engine, "border") == ["a"]
    assert engine.status().model is None
    with pytest.raises(ModelMismatch):
        engine.retrieve(vector=vector(1, 0), limit=10)
    with pytest.raises(ModelMismatch):
        engine.write([doc("b", vectors=(vector(1, 0),))])


def test_a_generation_with_a_model_and_no_vectors_finds_nothing_near(engine: SearchEngine) -> None:
    serve(engine, doc("a", "border"))

    assert near(engine, vector(1, 0)) == []


def test_languages_are_counted_and_averaged(engine: SearchEngine) -> None:
    serve(
        engine,
        doc("a", "x", language="en", vectors=(vector(1, 0),)),
        doc("b", "x", language="en", vectors=(vector(0, 1),)),
        doc("c", "x", language="fr", vectors=(vector(0, -1),)),
    )

    languages = engine.retrieve(vector=vector(1, 0), limit=10).languages

    assert {code: profile.count for code, profile in languages.items()} == {"en": 2, "fr": 1}
    np.testing.assert_allclose(languages["en"].centroid, [0.5, 0.5], atol=1e-3)
    np.testing.assert_allclose(languages["fr"].centroid, [0, -1], atol=1e-3)


def test_languages_are_averaged_over_what_a_rebuild_leaves(engine: SearchEngine) -> None:
    with engine.rebuild("1", model=MODEL) as rebuild:
        rebuild.write([doc("a", "x", vectors=(vector(1, 0),)), doc("b", "x", vectors=(vector(0, 1),))])
        rebuild.write([doc("a", "x", version=2, vectors=(vector(0, -1), vector(-1, 0)))])
        rebuild.delete({"b": 1})
        rebuild.commit()

    languages = engine.retrieve(vector=vector(1, 0), limit=10).languages

    assert languages["en"].count == 1
    np.testing.assert_allclose(languages["en"].centroid, [-0.5, -0.5], atol=1e-3)


def test_both_sides_come_in_one_call_and_agree_with_each_alone(engine: SearchEngine) -> None:
    serve(engine, *(doc(f"d{at}", "border " * (at + 1), vectors=(vector(1, at),)) for at in range(6)))

    both = engine.retrieve(query=words("border", "en"), vector=vector(0, 1), limit=4)
    keyword = engine.retrieve(query=words("border", "en"), limit=4)
    meaning = engine.retrieve(vector=vector(0, 1), limit=4)

    assert both.keyword == keyword.keyword
    assert both.nearest == tuple(hit._replace(matched=True) for hit in meaning.nearest)
    assert engine.status().model == MODEL


def test_vectors_come_back_by_id_one_row_a_passage(engine: SearchEngine) -> None:
    first, second = vector(1, 2, 0), vector(0, 1, 3)
    serve(engine, doc("long", "one two", vectors=(first, second)), doc("short", vectors=(second,)), doc("bare"))

    held = engine.vectors(["short", "long", "bare", "unknown"])

    assert set(held) == {"long", "short"}
    assert held["long"] == pytest.approx(np.stack([first.values, second.values]), abs=1e-6)
    assert held["short"].shape == (1, 3)
    assert engine.vectors([]) == {}


def test_vectors_of_a_deleted_document_are_gone(engine: SearchEngine) -> None:
    serve(engine, doc("a", vectors=(vector(1, 0),)), doc("b", vectors=(vector(0, 1),)))
    engine.delete({"a": 1})
    engine.refresh()

    assert set(engine.vectors(["a", "b"])) == {"b"}
