"""Query trees: both engines find the same works for every tree, on both sides."""

import time
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from hub.search.engine import SearchEngine
from hub.search.query import parse
from hub.search.types import All, AnyOf, Filters, IndexDoc, Not, Phrase, Query, Words
from tests.contract.documents import doc, serve, vector


def typed(text: str, language: str | None = "en") -> Query:
    """The tree of a well-formed query."""
    parsed = parse(text, language)
    assert parsed.notes == ()
    return parsed.tree


DOCS: list[IndexDoc] = [
    doc("a", "Standard contracts for migrants", title="Domestic work", vectors=(vector(1, 0, 0),), country="PHL", year="2019"),
    doc("b", "The work is domestic and the migrants are nurses", vectors=(vector(1, 0.1, 0),), country="GHA", year="2020"),
    doc("c", "Rights of the domestic workers", title="Health", vectors=(vector(0, 1, 0),), country=("PHL", "FRA"), year="2021"),
    doc("d", "Border health, border schools", title="Migration data", vectors=(vector(0, 0, 1),), year="2021"),
    doc("e", "保护家政工人的权利", title="家政 work", language="zh", vectors=(vector(0.1, 0, 1),), country="CHN"),
]  # fmt: skip

FOUND = {
    '"domestic work"': "a",
    '"work domestic"': "",
    '"migrants are"': "b",
    '"DOMESTIC WORKERS"': "c",
    '"the domestic"': "c",
    '"work standard"': "",  # the end of the title is no neighbour of the beginning of the body
    '"domestic"': "abc",
    '"家政工人"': "e",
    '"工家"': "",
    '"家政 work"': "e",
    "domestic AND health": "c",
    "domestic OR border": "abcd",
    "(domestic OR border) AND health": "cd",
    "domestic AND (work OR worker) AND NOT nurses": "ac",
    "domestic -nurses": "ac",
    "-domestic": "de",
    "NOT domestic AND NOT border": "e",
    "domestic OR NOT health": "abce",
    "NOT (domestic OR border)": "e",
    "-家政": "abcd",
    "migra*": "abd",
    "MIGRAT*": "d",
    "bo* OR nur*": "bd",
    "title:health": "c",
    "title:works": "ae",
    'title:"domestic work"': "a",
    "title:migra*": "d",
    "-title:work": "bcd",
    "country:PHL": "ac",
    "country:PHL,GHA": "abc",
    "-country:PHL": "bde",
    "domestic country:PHL": "ac",
    "country:PHL OR border": "acd",
    "year:2019..2020": "ab",
    "domestic year:2020..": "bc",
    "NOT year:2021 AND domestic": "ab",
    '"domestic workers" OR (border -nurses)': "cd",
    "photosynthesis AND domestic": "",
}


@pytest.mark.parametrize("text", FOUND)
def test_a_tree_finds_what_it_says(engine: SearchEngine, text: str) -> None:
    serve(engine, *DOCS)

    retrieved = engine.retrieve(query=typed(text), limit=10, facets=["country"])

    assert "".join(sorted(hit.id for hit in retrieved.keyword)) == FOUND[text]
    assert retrieved.total == len(FOUND[text])


def test_parts_of_no_parts(engine: SearchEngine) -> None:
    serve(engine, *DOCS)

    for tree, count in ((All(()), 5), (AnyOf(()), 0), (Words(()), 0), (Not(AnyOf(())), 5), (Not(All(())), 0)):
        assert engine.retrieve(query=tree, limit=10).total == count
    assert engine.retrieve(query=All((Phrase(("domestic",), Words(())), Not(Words(())))), limit=10).total == 3


def test_words_score_in_a_tree_as_they_do_alone_and_conditions_score_nothing(engine: SearchEngine) -> None:
    serve(engine, *DOCS)

    def scores(text: str) -> dict[str, float]:
        return {hit.id: hit.score for hit in engine.retrieve(query=typed(text), limit=10).keyword}

    alone = scores("domestic work")
    for text in ("domestic work -nurses", "domestic work country:PHL"):
        assert scores(text) == pytest.approx({each: alone[each] for each in scores(text)}, rel=1e-5)
        assert 1 < len(scores(text)) < len(alone)
    assert scores('"domestic work"')["a"] == pytest.approx(alone["a"], rel=1e-5)
    assert set(scores("country:PHL -nurses").values()) == {0.0}


def test_a_phrase_beside_loose_words_comes_first_and_hides_nothing(engine: SearchEngine) -> None:
    serve(engine, *DOCS)

    plain = engine.retrieve(query=typed("work domestic nurses"), limit=10).keyword
    quoted = engine.retrieve(query=typed('nurses "domestic work"'), limit=10).keyword
    gained = {hit.id: hit.score for hit in quoted}

    assert {hit.id for hit in plain} == set(gained)
    assert {hit.id for hit in plain if gained[hit.id] > hit.score + 0.1} == {"a"}


@pytest.mark.parametrize(("least", "ids"), [(1, "abcde"), (2, "ab"), (3, "ab"), (4, "b"), (5, "")])
def test_where_several_words_are_needed_fewer_find_nothing_and_scores_stay(
    engine: SearchEngine, least: int, ids: str
) -> None:
    serve(engine, *DOCS)
    words = parse("domestic work migrants nurses data", "en").tree
    assert isinstance(words, Words)
    whole = {hit.id: hit.score for hit in engine.retrieve(query=words, limit=10).keyword}

    some = engine.retrieve(query=replace(words, least=least), vector=vector(1, 1, 1), limit=10, facets=["country"])

    assert {hit.id: hit.score for hit in some.keyword} == pytest.approx({each: whole[each] for each in ids}, rel=1e-5)
    assert some.total == len(ids)
    assert {hit.id for hit in some.nearest if hit.matched} == set(ids)
    assert len(some.nearest) == len(DOCS)
    assert some.facets["country"].get("GHA", 0) == ids.count("b")


def test_what_is_compared_with_more_than_is_listed_says_what_is_and_carries_its_facets(engine: SearchEngine) -> None:
    serve(engine, *DOCS)
    wide = typed("domestic health")
    assert isinstance(wide, Words)
    asked: Any = {"filters": Filters({"country": ("PHL", "GHA")}), "limit": 10, "facets": ["country", "year"]}
    narrow = engine.retrieve(query=replace(wide, least=2), **asked)
    everything = engine.retrieve(query=wide, **asked)

    found = engine.retrieve(query=replace(wide, least=2), compared=wide, **asked)

    assert [(hit.id, hit.score) for hit in found.keyword] == [(hit.id, hit.score) for hit in everything.keyword]
    assert [hit.id for hit in found.keyword if hit.matched] == [hit.id for hit in narrow.keyword] == ["c"]
    assert {hit.id: hit.facets for hit in found.keyword} == {
        "a": {"country": ("PHL",), "year": ("2019",)},
        "b": {"country": ("GHA",), "year": ("2020",)},
        "c": {"country": ("PHL", "FRA"), "year": ("2021",)},
    }
    assert (found.total, found.facets) == (narrow.total, narrow.facets)
    assert not any(hit.facets for hit in everything.keyword)


def test_who_wants_the_hits_alone_gets_them_as_they_are_with_a_count(engine: SearchEngine) -> None:
    serve(engine, *DOCS)
    asked: Any = {"query": typed("domestic health"), "filters": Filters({"country": ("PHL", "GHA")}), "limit": 10}

    alone = engine.retrieve(**asked, counted=False)

    assert alone.keyword == engine.retrieve(**asked).keyword
    assert len(alone.keyword) == 3


def test_conditions_alone_list_in_order_of_id(engine: SearchEngine) -> None:
    serve(engine, *(doc(f"d{at:02}", "border", country="PHL") for at in reversed(range(15))), doc("x", "border"))

    retrieved = engine.retrieve(query=typed("country:PHL -school"), limit=5)

    assert [hit.id for hit in retrieved.keyword] == ["d00", "d01", "d02", "d03", "d04"]
    assert retrieved.total == 15


@pytest.mark.parametrize(
    ("text", "near"),
    [
        ("domestic border", "abcde"),  # words are a wish, not a condition: meaning may do without
        ("domestic OR border", "abcde"),
        ("domestic AND health", "c"),
        ("domestic -nurses", "acde"),
        ('schools AND "domestic workers"', ""),
        ('schools "domestic workers"', "abcde"),
        ('"domestic workers" -nurses', "c"),
        ("schools country:PHL", "ac"),
        ("schools migra*", "abd"),
        ("title:health", "c"),
    ],
)
def test_the_nearest_side_obeys_the_conditions(engine: SearchEngine, text: str, near: str) -> None:
    serve(engine, *DOCS)

    hits = engine.retrieve(query=typed(text), vector=vector(1, 1, 1), limit=10).nearest

    assert "".join(sorted(hit.id for hit in hits)) == near


def test_conditions_come_before_the_limit_of_the_nearest_side(engine: SearchEngine) -> None:
    serve(
        engine,
        *(doc(f"near{at:03}", "border", vectors=(vector(1, at / 1000),)) for at in range(200)),
        doc("far", "domestic work", vectors=(vector(-1, 0.5),)),
    )

    hits = engine.retrieve(query=typed('"domestic work" -health'), vector=vector(1, 0), limit=1).nearest

    assert [(hit.id, hit.matched) for hit in hits] == [("far", True)]


def test_a_condition_holds_for_the_version_that_is_shown(engine: SearchEngine) -> None:
    serve(
        engine,
        doc("w1-en", "GCM border", work="w1", language="en", vectors=(vector(1, 0),)),
        doc("w1-fr", "GCM frontière", work="w1", language="fr", vectors=(vector(1, 0.1),)),
    )

    retrieved = engine.retrieve(query=typed("GCM -border"), vector=vector(1, 0), limit=10)

    assert [hit.id for hit in retrieved.keyword] == ["w1-fr"]
    assert [hit.id for hit in retrieved.nearest] == ["w1-fr"]


def test_deleted_documents_do_not_come_back_by_what_they_have_not(engine: SearchEngine) -> None:
    serve(engine, *DOCS)
    engine.delete({"e": 1})
    engine.refresh()

    assert engine.retrieve(query=typed("-domestic"), limit=10).total == 1


def test_a_flood_of_prefixes_takes_bounded_time(engine: SearchEngine) -> None:
    serve(engine, *(doc(f"d{at}", " ".join(f"{chr(97 + at % 26)}{chr(97 + n % 26)}{n}x{at}" for n in range(60))) for at in range(300)))  # fmt: skip
    text = " OR ".join(f"{letter}{letter}*" for letter in "abcdefgh")

    started = time.perf_counter()
    assert engine.retrieve(query=typed(text), limit=10).total > 50
    assert time.perf_counter() - started < 2


leaves = st.sampled_from(
    ["domestic", "health work", '"domestic work"', "migra*", "title:work", "country:PHL", "year:2021", "家政"]
)
expressions = st.recursive(
    leaves,
    lambda parts: st.one_of(
        st.tuples(parts, parts).map(lambda each: f"({each[0]}) AND ({each[1]})"),
        st.tuples(parts, parts).map(lambda each: f"({each[0]}) OR ({each[1]})"),
        parts.map(lambda part: f"NOT ({part})"),
    ),
    max_leaves=10,
)


LEAVES = {  # each, and which of `DOCS` have it
    typed("domestic"): "abc",
    typed("health work"): "abcde",
    typed('"domestic work"'): "a",
    typed("migra*"): "abd",
    typed("title:work"): "ae",
    typed("country:PHL"): "ac",
    typed("year:2021"): "cd",
    typed("家政"): "e",
}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=expressions.filter(lambda text: not parse(text, "en").notes))
def test_any_tree_finds_what_it_means(engine: SearchEngine, text: str) -> None:
    if engine.status().generation is None:
        serve(engine, *DOCS)
    tree = typed(text)
    assume(tree in LEAVES or not isinstance(tree, Words))  # a text of capitals is words and nothing else

    found = {hit.id for hit in engine.retrieve(query=tree, limit=10).keyword}

    assert found == {one.id for one in DOCS if meant(tree, one)}


def meant(tree: Query, one: IndexDoc) -> bool:
    """Whether a tree over `LEAVES` holds of one of `DOCS`."""
    match tree:
        case All(parts):
            return all(meant(part, one) for part in parts)
        case AnyOf(parts):
            return any(meant(part, one) for part in parts)
        case Not(part):
            return not meant(part, one)
        case Words(words):
            return one.id in LEAVES[Words(words)]
        case leaf:
            return one.id in LEAVES[leaf]


signs = st.sampled_from(
    ['"', "(", ")", "-", "*", ":", " ", " AND ", " OR ", " NOT ", "title:", "country:", "year:2019..", "家政"]
)
anything = st.one_of(st.text(), st.lists(st.one_of(signs, st.text(max_size=4)), max_size=40).map("".join))


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=anything, language=st.sampled_from(["ar", "zh", "en", "fr", "ru", "es", None]))
def test_whatever_is_typed_is_answered_on_both_sides(engine: SearchEngine, text: str, language: str | None) -> None:
    if engine.status().generation is None:
        serve(engine, *DOCS)

    retrieved = engine.retrieve(query=parse(text, language).tree, vector=vector(1, 1, 1), limit=10, facets=["country"])

    assert len(retrieved.keyword) == retrieved.total
    assert engine.suggest(text, 5) == engine.suggest(text, 5)
    engine.correct(text.split(), language)
