"""Works, not language versions; filters and facets."""

from collections.abc import Sequence

import pytest

from hub.search.engine import SearchEngine
from hub.search.query import words
from hub.search.types import EVERYTHING, Filters, IndexDoc
from tests.contract.documents import doc, found, near, serve, vector


def three_versions() -> list[IndexDoc]:
    """One work in three languages, another in one."""
    return [
        doc(
            "w1-en",
            "GCM border",
            work="w1",
            language="en",
            vectors=(vector(1, 0, 0.2),),
            kind="practice",
            objective="5",
        ),
        doc(
            "w1-fr",
            "GCM GCM GCM",
            work="w1",
            language="fr",
            vectors=(vector(1, 0, 0.1),),
            kind="practice",
            objective="5",
        ),
        doc(
            "w1-es",
            "GCM frontera",
            work="w1",
            language="es",
            vectors=(vector(1, 0, 0.3),),
            kind="practice",
            objective="5",
        ),
        doc(
            "w2-en", "GCM health", work="w2", language="en", vectors=(vector(0, 1, 0),), kind="guidance", objective="6"
        ),
    ]


def filtered(engine: SearchEngine, text: str, *, limit: int = 10, **values: tuple[str, ...]) -> list[str]:
    retrieved = engine.retrieve(query=words(text, "en"), filters=Filters(values), limit=limit)
    return [hit.id for hit in retrieved.keyword]


def test_a_work_in_three_languages_is_one_hit_by_its_best_version(engine: SearchEngine) -> None:
    serve(engine, *three_versions())

    retrieved = engine.retrieve(query=words("GCM", "en"), limit=10, facets=["kind", "objective"])

    assert [(hit.id, hit.work, hit.language) for hit in retrieved.keyword] == [
        ("w1-fr", "w1", "fr"),
        ("w2-en", "w2", "en"),
    ]
    assert retrieved.total == 2
    assert retrieved.facets == {"kind": {"practice": 1, "guidance": 1}, "objective": {"5": 1, "6": 1}}


def test_the_limit_counts_works(engine: SearchEngine) -> None:
    serve(
        engine,
        *(doc(f"a-{at}", "border border", work="a", language="en") for at in range(6)),
        doc("b", "border and other words"),
    )

    assert [hit.work for hit in engine.retrieve(query=words("border", "en"), limit=2).keyword] == ["a", "b"]


def test_browsing_lists_a_work_once(engine: SearchEngine) -> None:
    serve(engine, *three_versions())

    retrieved = engine.retrieve(query=EVERYTHING, limit=10, facets=["kind"])

    assert [hit.id for hit in retrieved.keyword] == ["w1-en", "w2-en"]
    assert (retrieved.total, retrieved.facets) == (2, {"kind": {"practice": 1, "guidance": 1}})


def test_the_nearest_side_shows_a_work_once_by_its_best_version(engine: SearchEngine) -> None:
    serve(engine, *three_versions())

    assert near(engine, vector(1, 0, 0.1)) == ["w1-fr", "w2-en"]
    assert near(engine, vector(1, 0, 0.3), limit=1) == ["w1-es"]


def test_a_facet_counts_codes_of_any_version_once_a_work(engine: SearchEngine) -> None:
    serve(
        engine,
        doc("w1-en", "GCM", work="w1", language="en", country=("PHL", "GHA")),
        doc("w1-fr", "GCM", work="w1", language="fr", country=("PHL", "FRA")),
        doc("w2-en", "GCM", work="w2", language="en", country=("PHL",)),
    )

    retrieved = engine.retrieve(query=words("GCM", "en"), limit=1, facets=["country"])

    assert retrieved.facets == {"country": {"PHL": 2, "GHA": 1, "FRA": 1}}


def test_facets_count_what_matches_and_passes_the_filters(engine: SearchEngine) -> None:
    serve(
        engine,
        doc("a", "border", kind="practice", region=("Western Africa", "Africa"), year="2019"),
        doc("b", "border", kind="practice", region=("Northern Africa", "Africa"), year="2020"),
        doc("c", "border", kind="guidance", region=("Northern Africa", "Africa"), year="2020"),
        doc("d", "school", kind="practice", region=("Western Africa", "Africa"), year="2021"),
    )

    retrieved = engine.retrieve(
        query=words("border", "en"), filters=Filters({"kind": ("practice",)}), limit=1, facets=["region", "year"]
    )

    assert retrieved.facets == {
        "region": {"Africa": 2, "Western Africa": 1, "Northern Africa": 1},
        "year": {"2019": 1, "2020": 1},
    }


def test_a_facets_own_filter_does_not_hide_its_other_values(engine: SearchEngine) -> None:
    serve(
        engine,
        doc("a", "border", kind="practice", country="PHL", year="2019"),
        doc("b", "border", kind="practice", country="FRA", year="2020"),
        doc("c", "border", kind="guidance", country="PHL", year="2020"),
        doc("d", "school", kind="guidance", country="FRA", year="2021"),
    )
    chosen = Filters({"kind": ("practice",), "country": ("PHL",)})

    for text, more in (("border", {}), ("", {"guidance": 1})):
        retrieved = engine.retrieve(
            query=words(text, "en"), filters=chosen, limit=10, facets=["kind", "country", "year"]
        )
        assert [hit.id for hit in retrieved.keyword] == ["a"]
        assert retrieved.total == 1
        assert retrieved.facets == {
            "kind": {"practice": 1, "guidance": 1},
            "country": {"PHL": 1, "FRA": 1},
            "year": {"2019": 1},
        }
        assert engine.retrieve(query=words(text, "en"), limit=1, facets=["kind"]).facets["kind"] == {
            "practice": 2,
            "guidance": 1 + len(more),
        }


def test_a_facets_own_filter_does_not_hide_its_other_values_where_works_have_versions(engine: SearchEngine) -> None:
    serve(engine, *three_versions())
    chosen = Filters({"objective": ("6",)})

    retrieved = engine.retrieve(query=words("GCM", "en"), filters=chosen, limit=10, facets=["objective", "kind"])

    assert ([hit.id for hit in retrieved.keyword], retrieved.total) == (["w2-en"], 1)
    assert retrieved.facets == {"objective": {"5": 1, "6": 1}, "kind": {"guidance": 1}}


@pytest.mark.parametrize("facets", [(), ("kind",), ("kind", "unheard-of")])
def test_only_facets_asked_for_are_counted(engine: SearchEngine, facets: Sequence[str]) -> None:
    serve(engine, doc("a", "border", kind="practice", year="2019"))

    retrieved = engine.retrieve(query=words("border", "en"), limit=10, facets=facets)

    assert retrieved.facets == {name: {"practice": 1} if name == "kind" else {} for name in facets}


def test_a_code_given_twice_counts_once(engine: SearchEngine) -> None:
    serve(engine, doc("a", "border", country=("PHL", "PHL")))

    retrieved = engine.retrieve(query=words("border", "en"), limit=10, facets=["country"])

    assert retrieved.facets == {"country": {"PHL": 1}}


def test_many_codes_of_a_facet_are_all_counted(engine: SearchEngine) -> None:
    codes = tuple(f"c{at:03}" for at in range(240))
    serve(engine, doc("a", "border", country=codes))

    retrieved = engine.retrieve(query=words("border", "en"), limit=10, facets=["country"])

    assert retrieved.facets["country"] == dict.fromkeys(codes, 1)


def test_filters_mean_any_value_of_a_facet_and_every_facet(engine: SearchEngine) -> None:
    serve(
        engine,
        doc("a", "border", kind="practice", country=("PHL", "GHA")),
        doc("b", "border", kind="practice", country="FRA"),
        doc("c", "border", kind="guidance", country="PHL"),
        doc("d", "border", kind="practice"),
    )

    assert filtered(engine, "border", country=("PHL", "FRA")) == ["a", "b", "c"]
    assert filtered(engine, "border", country=("PHL", "FRA"), kind=("practice",)) == ["a", "b"]
    assert filtered(engine, "", country=("PHL", "FRA"), kind=("practice",)) == ["a", "b"]
    assert filtered(engine, "border", country=("phl",)) == []
    assert filtered(engine, "border", country=(), kind=("guidance",)) == ["c"]
    assert filtered(engine, "border", nonsense=("x",)) == []


def test_filters_do_not_change_scores(engine: SearchEngine) -> None:
    serve(engine, doc("a", "border health", kind="practice"), doc("b", "border", kind="guidance"))

    free = engine.retrieve(query=words("border health", "en"), limit=10)
    bound = engine.retrieve(query=words("border health", "en"), filters=Filters({"kind": ("practice",)}), limit=10)

    assert bound.keyword[0].score == pytest.approx(free.keyword[0].score, rel=1e-6)


def test_filters_come_before_the_limit(engine: SearchEngine) -> None:
    serve(
        engine,
        *(doc(f"strong{at:02}", "border", title="border", kind="practice") for at in range(30)),
        doc("weak", "a border among many other words of no weight", kind="guidance"),
    )

    assert filtered(engine, "border", limit=1, kind=("guidance",)) == ["weak"]


def test_a_filter_holds_for_the_version_that_is_shown(engine: SearchEngine) -> None:
    serve(
        engine,
        doc("w1-en", "GCM", work="w1", language="en", vectors=(vector(1, 0),), country="PHL"),
        doc("w1-fr", "GCM GCM", work="w1", language="fr", vectors=(vector(1, 0.1),), country="FRA"),
    )
    only = Filters({"country": ("PHL",)})

    retrieved = engine.retrieve(query=words("GCM", "en"), vector=vector(1, 0.1), filters=only, limit=10)

    assert [hit.id for hit in retrieved.keyword] == ["w1-en"]
    assert [hit.id for hit in retrieved.nearest] == ["w1-en"]


def test_works_are_counted_right_after_a_version_was_added_and_deleted(engine: SearchEngine) -> None:
    serve(engine, doc("w1-en", "GCM", work="w1", kind="practice"), doc("w2-en", "GCM", work="w2", kind="practice"))
    engine.write([doc("w1-fr", "GCM", work="w1", language="fr", kind="practice")])
    engine.refresh()

    added = engine.retrieve(query=words("GCM", "en"), limit=10, facets=["kind"])
    engine.delete({"w1-en": 1, "w1-fr": 1})
    engine.refresh()
    deleted = engine.retrieve(query=words("GCM", "en"), limit=10, facets=["kind"])

    assert (added.total, added.facets) == (2, {"kind": {"practice": 2}})
    assert (deleted.total, deleted.facets) == (1, {"kind": {"practice": 1}})
    assert found(engine, "GCM") == ["w2-en"]
