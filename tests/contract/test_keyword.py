"""The keyword side: words in, works out."""

import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.errors import HubError
from hub.search.engine import SearchEngine
from hub.search.query import words
from hub.search.types import EVERYTHING, Filters
from tests.contract.documents import doc, found, serve

SIX_LANGUAGES = {
    "ar": ("حماية العمال المهاجرين في الخارج", "العامل المهاجر"),
    "en": ("Protecting domestic workers abroad", "protection of a domestic worker"),
    "es": ("Protección de las trabajadoras domésticas", "trabajadora doméstica"),
    "fr": ("Protéger les travailleuses domestiques", "travailleuse domestique"),
    "ru": ("Защита домашних работников за рубежом", "домашний работник"),
    "zh": ("我们在海外保护家政工人的权利", "家政工人"),
}

HOSTILE = [
    '"',
    "a-b",
    "NEAR(",
    "50%",
    "*",
    "title:",
    "facet_kind:practice",
    "(",
    ")))((",
    "AND OR NOT",
    "+ - && || !",
    "\\",
    "\x00",
    "'; drop table documents; --",
    "{}[]^~",
    "/.*/",
    "<script>",
    "\ud800",
    "\u202e\u200b",
    "=the",
    "é" * 3_000,
    "\N{COMBINING ACUTE ACCENT}" * 500,
    "a" * 40_000,
]


@pytest.mark.parametrize("language", SIX_LANGUAGES)
def test_a_document_is_found_by_other_forms_of_its_words_in_each_language(engine: SearchEngine, language: str) -> None:
    serve(engine, *(doc(code, body, language=code) for code, (body, _) in SIX_LANGUAGES.items()))

    assert found(engine, SIX_LANGUAGES[language][1], language=language)[0] == language


@pytest.mark.parametrize("text", ["حِمَايَةُ العُمَّالِ", "حماية العمال", "حمـــاية العمال"])
def test_arabic_is_found_with_and_without_vowel_signs_and_tatweel(engine: SearchEngine, text: str) -> None:
    serve(engine, doc("plain", "حماية العمال", language="ar"), doc("voweled", "حِمَايَةُ العُمَّالِ", language="ar"))

    assert found(engine, text, language="ar") == ["plain", "voweled"]


@pytest.mark.parametrize("text", ["educación", "educacion", "EDUCACIÓN"])
def test_latin_accents_and_case_may_be_typed_or_left_out(engine: SearchEngine, text: str) -> None:
    serve(engine, doc("a", "La educación de los niños", language="es"), doc("b", "Otra cosa", language="es"))

    assert found(engine, text, language="es") == ["a"]


def test_a_chinese_pair_outranks_its_signs_apart(engine: SearchEngine) -> None:
    serve(engine, doc("apart", "工厂的人", language="zh"), doc("pair", "家政工人", language="zh"))

    assert found(engine, "工人", language="zh") == ["pair", "apart"]


def test_without_a_language_words_are_read_in_every_language_of_their_script(engine: SearchEngine) -> None:
    serve(
        engine, doc("en", "migrations", language="en"), doc("es", "migraciones", language="es"), doc("ru", "миграции")
    )

    assert found(engine, "migration", language=None) == ["en"]
    assert found(engine, "migración", language=None) == ["es"]


def test_the_title_outranks_the_body(engine: SearchEngine) -> None:
    serve(engine, doc("a", "remittances and banks"), doc("b", "and banks", title="remittances"))

    assert found(engine, "remittances") == ["b", "a"]


def test_more_of_the_words_rank_higher(engine: SearchEngine) -> None:
    serve(engine, doc("a", "border health"), doc("b", "border police"), doc("c", "schools"))

    assert found(engine, "health at the border") == ["a", "b"]


def test_a_word_asked_twice_weighs_more(engine: SearchEngine) -> None:
    serve(engine, doc("a", "border"), doc("b", "health"))

    assert found(engine, "health border health") == ["b", "a"]
    assert found(engine, "border health border") == ["a", "b"]


def test_function_words_do_not_match_beside_others(engine: SearchEngine) -> None:
    serve(engine, doc("a", "the border of the land"), doc("b", "the health of the people"))

    assert found(engine, "the health of the migrants") == ["b"]


def test_a_query_of_function_words_alone_is_answered_by_them(engine: SearchEngine) -> None:
    serve(engine, doc("a", "those who are not here"), doc("b", "nothing of that kind"))

    assert found(engine, "who are not here") == ["a"]


def test_empty_text_lists_everything_in_order_of_id(engine: SearchEngine) -> None:
    serve(engine, doc("c", "x"), doc("a", "y"), doc("b", "z"))

    retrieved = engine.retrieve(query=EVERYTHING, limit=2)

    assert [hit.id for hit in retrieved.keyword] == ["a", "b"]
    assert retrieved.total == 3


def test_without_text_there_is_no_keyword_side(engine: SearchEngine) -> None:
    serve(engine, doc("a", "border", kind="practice"))

    retrieved = engine.retrieve(limit=10, facets=["kind"])

    assert (retrieved.keyword, retrieved.total, retrieved.facets) == ((), 0, {"kind": {}})


def test_text_without_a_word_finds_nothing(engine: SearchEngine) -> None:
    serve(engine, doc("a", "border", kind="practice"))

    retrieved = engine.retrieve(query=words("?! ...", None), limit=10, facets=["kind"])

    assert (retrieved.keyword, retrieved.total, retrieved.facets) == ((), 0, {"kind": {}})


def test_a_word_that_no_document_has_finds_nothing(engine: SearchEngine) -> None:
    serve(engine, doc("a", "border"))

    assert found(engine, "photosynthesis") == []


def test_total_counts_all_that_match_whatever_the_limit(engine: SearchEngine) -> None:
    serve(engine, *(doc(f"d{at:02}", "border " * (at + 1)) for at in range(12)), doc("other", "school"))

    retrieved = engine.retrieve(query=words("border", "en"), limit=3)

    assert (len(retrieved.keyword), retrieved.total) == (3, 12)


def test_a_limit_beyond_everything_brings_everything(engine: SearchEngine) -> None:
    serve(engine, *(doc(f"d{at}", "border") for at in range(5)))

    assert len(engine.retrieve(query=words("border", "en"), limit=1_000_000_000_000).keyword) == 5


def test_a_limit_below_one_is_a_mistake_of_the_caller(engine: SearchEngine) -> None:
    serve(engine, doc("a", "border"))

    with pytest.raises(ValueError, match="limit"):
        engine.retrieve(query=words("border", None), limit=0)


@pytest.mark.parametrize("limit", [1, 3, 7])
def test_ties_are_broken_by_id_also_where_the_limit_cuts_them(engine: SearchEngine, limit: int) -> None:
    ids = [f"d{at:02}" for at in range(20)]
    serve(engine, *(doc(doc_id, "border") for doc_id in reversed(ids)))

    assert found(engine, "border", limit=limit) == ids[:limit]


def test_an_empty_generation_answers_with_nothing(engine: SearchEngine) -> None:
    serve(engine)

    retrieved = engine.retrieve(query=words("border", None), limit=10, facets=["kind"])

    assert (retrieved.keyword, retrieved.nearest, retrieved.total) == ((), (), 0)
    assert engine.retrieve(query=EVERYTHING, limit=10).total == 0


def test_words_inside_signs_are_found(engine: SearchEngine) -> None:
    serve(engine, doc("a", "near the a-b line, 50% done"), doc("b", "far"))

    assert found(engine, 'NEAR("line') == ["a"]
    assert found(engine, "50%") == ["a"]
    assert found(engine, "x) OR (far") == ["b"]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_only_text(engine: SearchEngine, text: str) -> None:
    serve(engine, doc("a", "border", kind="practice"))

    for language in ("en", "zh", None):
        retrieved = engine.retrieve(query=words(text, language), limit=10, facets=["kind"])
        assert retrieved.total == len(retrieved.keyword)


@pytest.mark.parametrize("value", [text for text in HOSTILE if text != "\ud800"])  # no code is half a sign
def test_hostile_filters_match_nothing(engine: SearchEngine, value: str) -> None:
    serve(engine, doc("a", "border", kind="practice"))
    filters = Filters({"kind": (value,)})

    assert engine.retrieve(query=words("border", "en"), filters=filters, limit=10).total == 0


def test_hostile_text_is_stored_and_found(engine: SearchEngine) -> None:
    serve(engine, *(doc(f"d{at:02}", f"{text} border", title=text) for at, text in enumerate(HOSTILE)))

    assert len(found(engine, "border", limit=100)) == len(HOSTILE)


def test_a_huge_query_takes_bounded_time(engine: SearchEngine) -> None:
    serve(engine, *(doc(f"d{at}", f"word{at} border") for at in range(50)))
    text = "border " + " ".join(f"word{at}" for at in range(100_000))

    started = time.perf_counter()
    retrieved = engine.retrieve(query=words(text, None), limit=10)

    assert retrieved.total == 50
    assert time.perf_counter() - started < 2


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(), language=st.sampled_from(["ar", "zh", "en", "fr", "ru", "es", None]))
def test_any_text_is_safe(engine: SearchEngine, text: str, language: str | None) -> None:
    if engine.status().generation is None:
        serve(engine, doc("a", "border"), doc("b", "保护家政工人", language="zh"))
    try:
        retrieved = engine.retrieve(query=words(text, language), limit=10)
    except HubError as error:
        pytest.fail(f"refused: {error}")

    assert len(retrieved.keyword) == retrieved.total
