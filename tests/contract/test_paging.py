"""Orders, and pages that go on where the one before ended, as deep as there are works."""

from collections.abc import Iterator

import pytest

from hub.search.engine import SearchEngine
from hub.search.query import parse, words
from hub.search.types import EVERYTHING, SORTS, EngineHit, Filters, IndexDoc, Query, Sort, place
from tests.contract.documents import doc, serve, vector


def walk(
    engine: SearchEngine,
    query: Query,
    sort: Sort,
    *,
    size: int,
    filters: Filters = Filters({}),  # noqa: B008 - frozen
) -> Iterator[EngineHit]:
    """Every hit, page by page."""
    after = None
    while hits := engine.retrieve(query=query, filters=filters, limit=size, sort=sort, after=after).keyword:
        yield from hits
        after = place(hits[-1], sort)


def dated() -> list[IndexDoc]:
    return [
        doc("a", "border", year="2019"),
        doc("b", "border border", year="2021"),
        doc("c", "border of another kind"),
        doc("d", "border", year="2019"),
        doc("e", "school", year="2030"),
        doc("f", "border", year=("2018", "2020")),
    ]


def test_works_are_sorted_by_year_and_undated_ones_come_last(engine: SearchEngine) -> None:
    serve(engine, *dated())

    newest = engine.retrieve(query=words("border", "en"), limit=10, sort="newest")
    oldest = engine.retrieve(query=words("border", "en"), limit=10, sort="oldest")

    assert [(hit.id, hit.year) for hit in newest.keyword] == [
        ("b", 2021),
        ("f", 2020),
        ("a", 2019),
        ("d", 2019),
        ("c", None),
    ]
    assert [hit.id for hit in oldest.keyword] == ["a", "d", "f", "b", "c"]
    assert newest.total == oldest.total == 5
    assert [hit.id for hit in engine.retrieve(query=EVERYTHING, limit=2, sort="newest").keyword] == ["e", "b"]


def test_the_order_of_the_keyword_side_leaves_scores_and_the_nearest_side_alone(engine: SearchEngine) -> None:
    serve(engine, *(doc(f"d{at}", "border " * at, year=str(2000 + at), vectors=(vector(1, at),)) for at in range(1, 6)))

    plain = engine.retrieve(query=words("border", "en"), vector=vector(0, 1), limit=10)
    newest = engine.retrieve(query=words("border", "en"), vector=vector(0, 1), limit=10, sort="newest")

    assert newest.nearest == plain.nearest
    assert {hit.id: hit.score for hit in newest.keyword} == pytest.approx({hit.id: hit.score for hit in plain.keyword})
    assert [hit.year for hit in plain.nearest] == [2005, 2004, 2003, 2002, 2001]


@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("text", ["border", "", "border -school", "country:PHL"])
def test_pages_follow_each_other_without_gap_or_repeat(engine: SearchEngine, sort: Sort, text: str) -> None:
    serve(
        engine,
        *(
            doc(f"d{at:02}", "border " * (1 + at % 4) + "health " * (at % 3), year=str(2000 + at % 5), country="PHL")
            for at in range(30)
        ),
        doc("undated", "border", country="PHL"),
        doc("other", "school", country="FRA"),
    )
    query = parse(text, "en").tree
    whole = engine.retrieve(query=query, limit=100, sort=sort)

    assert len(whole.keyword) == whole.total >= 31
    for size in (1, 7, 31):
        assert [hit.id for hit in walk(engine, query, sort, size=size)] == [hit.id for hit in whole.keyword]


@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("size", [1, 4, 20])
def test_pages_count_a_work_once_where_it_has_versions(engine: SearchEngine, sort: Sort, size: int) -> None:
    serve(
        engine,
        *(
            doc(
                f"w{at:02}-{language}",
                "GCM " * (1 + (at + turn) % 5),
                work=f"w{at:02}",
                language=language,
                year=str(2000 + (3 * at + turn) % 7),
            )
            for at in range(14)
            for turn, language in enumerate(("en", "fr", "es")[: 1 + at % 3])
        ),
    )
    query = words("GCM", "en")
    whole = engine.retrieve(query=query, limit=100, sort=sort)

    assert (len(whole.keyword), whole.total, len({hit.work for hit in whole.keyword})) == (14, 14, 14)
    assert [hit.id for hit in walk(engine, query, sort, size=size)] == [hit.id for hit in whole.keyword]


def test_counts_are_of_the_whole_on_every_page(engine: SearchEngine) -> None:
    serve(engine, *(doc(f"d{at}", "border", kind="practice") for at in range(5)), doc("x", "border", kind="guidance"))
    first = engine.retrieve(query=words("border", "en"), limit=2, facets=["kind"])
    second = engine.retrieve(
        query=words("border", "en"), limit=2, facets=["kind"], after=place(first.keyword[-1], "relevance")
    )

    assert [hit.id for hit in second.keyword] == ["d2", "d3"]
    assert (second.total, second.facets) == (first.total, first.facets) == (6, {"kind": {"practice": 5, "guidance": 1}})


def test_pages_obey_the_filters(engine: SearchEngine) -> None:
    serve(engine, *(doc(f"d{at:02}", "border", kind="practice" if at % 3 else "guidance") for at in range(20)))
    filters = Filters({"kind": ("guidance",)})

    hits = walk(engine, words("border", "en"), "relevance", size=3, filters=filters)

    assert [hit.id for hit in hits] == [f"d{at:02}" for at in range(0, 20, 3)]


def test_there_is_no_wall_at_ten_thousand_works(engine: SearchEngine) -> None:
    ids = [f"d{at:05}" for at in range(10_250)]
    serve(engine, *(doc(each, "border", year=str(1990 + at % 30)) for at, each in enumerate(ids)))

    for sort in SORTS:
        seen = [hit.id for hit in walk(engine, words("border", "en"), sort, size=3_000)]
        assert len(seen) == len(ids)
        assert set(seen) == set(ids)
