"""Paging and sorting of the service: cursors over both sides, over the real embedded engine and database."""

from dataclasses import replace

import pytest

from hub.schemas.search import search_query
from hub.search.embedding import HashEmbedder
from hub.search.service import search
from hub.search.types import SORTS, Cursor, SearchQuery, Sort
from indexer.rebuild import rebuild
from tests import factories

EMBEDDER = HashEmbedder()


@pytest.fixture
def served(hub, session):
    """150 records that share a word, more than are ranked as a whole, and 30 that do not have it."""
    for at in range(180):
        common = "border" if at < 150 else "school"
        factories.document(
            session,
            f"record-{at:03}",
            title=f"{common} number {at}",
            summary=f"About {common} {'border ' * (at % 5)} {at}",
            year=2000 + at % 7 if at % 11 else None,
        )
    session.commit()
    hub.embedder = EMBEDDER
    rebuild(hub)
    return hub


def walk(hub, session, query: SearchQuery) -> tuple[list[str], list[int], int]:
    """Slugs and ranks of all pages, and the total that the first page gave."""
    slugs, ranks, total = [], [], -1
    while True:
        page = search(hub.engine, EMBEDDER, session, query)
        total = page.total if total < 0 else total
        slugs += [hit.slug for hit in page.hits]
        ranks += [hit.rank for hit in page.hits]
        if page.next is None:
            return slugs, ranks, total
        query = replace(query, cursor=Cursor.read(str(page.next)))


@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize(("mode", "limit"), [("hybrid", 7), ("hybrid", 100), ("keyword", 9), ("vector", 30)])
def test_pages_by_cursor_give_every_work_once(served, session, sort: Sort, mode, limit) -> None:
    slugs, ranks, total = walk(served, session, SearchQuery("border school", mode=mode, limit=limit, sort=sort))

    assert len(slugs) == len(set(slugs)) == total
    assert ranks == list(range(1, total + 1))
    assert total >= (100 if mode == "vector" else 180)


@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("limit", [7, 100])
def test_a_list_that_leaves_out_what_holds_one_word_of_many_is_paged_and_counted_all_the_same(
    served, session, sort: Sort, limit
) -> None:
    """Half of the words are held by the records about borders, and by one of the others: the one with the rare word."""
    query = SearchQuery("border about 155 unheard", limit=limit, sort=sort)
    slugs, ranks, total = walk(served, session, query)
    page = search(served.engine, EMBEDDER, session, query)

    assert len(slugs) == len(set(slugs)) == total == page.facets["kind"]["practice"]
    assert ranks == list(range(1, total + 1))
    assert total < walk(served, session, replace(query, mode="keyword"))[2]
    assert "record-155" in slugs


@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("mode", ["hybrid", "keyword"])
def test_cursor_and_offset_give_the_same_pages(served, session, sort: Sort, mode) -> None:
    query = SearchQuery("border", mode=mode, limit=25, sort=sort)
    by_cursor, _, total = walk(served, session, query)

    by_offset = [
        hit.slug
        for offset in range(0, total, 25)
        for hit in search(served.engine, EMBEDDER, session, replace(query, offset=offset)).hits
    ]

    assert by_cursor == by_offset


def test_a_walk_may_begin_at_an_offset(served, session) -> None:
    query = SearchQuery("border", limit=40)
    whole, _, _ = walk(served, session, query)

    slugs, ranks, _ = walk(served, session, replace(query, offset=120))

    assert slugs == whole[120:]
    assert ranks[0] == 121


def test_scores_fall_from_page_to_page(served, session) -> None:
    query, scores = SearchQuery("border", limit=50), []
    while True:
        page = search(served.engine, EMBEDDER, session, query)
        scores += [hit.score for hit in page.hits]
        if page.next is None:
            break
        query = replace(query, cursor=page.next)

    assert scores == sorted(scores, reverse=True)


def test_newest_first_shows_the_newest_and_the_undated_last(served, session) -> None:
    page = search(served.engine, EMBEDDER, session, SearchQuery("", sort="newest", limit=10))
    last = search(served.engine, EMBEDDER, session, SearchQuery("", sort="newest", limit=10, offset=170))

    numbers = [int(hit.slug.removeprefix("record-")) for hit in page.hits]
    assert all(number % 7 == 6 and number % 11 for number in numbers)
    assert [int(hit.slug.removeprefix("record-")) % 11 for hit in last.hits] == [0] * 10


def test_a_cursor_is_refused_for_another_search_and_nonsense_too(served, session) -> None:
    from marshmallow import ValidationError

    cursor = str(search(served.engine, EMBEDDER, session, SearchQuery("border", limit=5)).next)

    assert search_query({"q": "border", "limit": 50, "cursor": cursor}).cursor == Cursor.read(cursor)
    for params in (
        {"q": "school", "cursor": cursor},
        {"q": "border", "sort": "newest", "cursor": cursor},
        {"q": "border", "offset": 5, "cursor": cursor},
        {"q": "border", "cursor": "nonsense"},
        {"q": "border", "cursor": "é"},
        {"q": "border", "cursor": "W10"},
    ):
        with pytest.raises(ValidationError) as caught:
            search_query(params)
        assert set(caught.value.messages) == {"cursor"}


@pytest.mark.parametrize("mode", ["hybrid", "keyword", "vector"])
def test_an_explanation_sums_to_the_score(served, session, mode) -> None:
    from hub.schemas.search import dump_page

    query = search_query({"q": "border school", "mode": mode, "explain": "true", "limit": 100})
    page = dump_page(search(served.engine, EMBEDDER, session, query))

    assert len(page["hits"]) == 100
    for hit in page["hits"]:
        assert sum(hit["explanation"].values()) == pytest.approx(hit["score"], abs=1e-5)
    assert (
        "explanation"
        not in dump_page(search(served.engine, EMBEDDER, session, replace(query, explain=False)))["hits"][0]
    )
