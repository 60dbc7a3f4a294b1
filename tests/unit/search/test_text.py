"""The analyser: words, marks, languages, passages."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.search import text
from hub.search.types import LANGUAGES, Marked


def marked(found: Marked) -> list[str]:
    return [found.text[start:end] for start, end in found.marks]


@pytest.mark.parametrize(
    ("language", "one", "other"),
    [
        ("en", "migrants' rights", "Migrant RIGHT"),
        ("fr", "l’accès aux soins", "acces soin"),
        ("es", "niñas y niños", "nina nino"),
        ("es", "protección", "proteccion"),
        ("ru", "трудящиеся-мигранты", "трудящийся мигрант"),
        ("ru", "ещё ёлка", "елка"),
        ("ru", "за́мок", "замок"),
        ("ar", "حِمَايَةُ العُمَّالِ", "حماية العمال"),
        ("ar", "إلى الأسرة والأُسَر", "الاسرة والاسر"),
        ("ar", "هجـــرة", "هجرة"),
        ("ar", "عام ٢٠١٩", "عام 2019"),
        ("en", "ﬁnancial", "financial"),
        ("fr", "œuvre", "oeuvre"),
        ("en", "Ｇｌｏｂａｌ", "global"),
        ("zh", "保护，家政", "保护 家政"),
    ],
)
def test_different_spellings_are_one_term(language: str, one: str, other: str) -> None:
    assert text.terms(one, language) == text.terms(other, language) != []


def test_letters_that_only_look_accented_stay_apart() -> None:
    assert text.folded_words("район") != text.folded_words("раион")


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", "the of and don't it's"),
        ("fr", "le la les des l'on qu'il"),
        ("es", "el la los está también"),
        ("ru", "и в не что ещё"),
        ("ar", "من في على إلى أن"),
    ],
)
def test_function_words_are_dropped(language: str, words: str) -> None:
    assert set(text.terms(words, language)) <= {"don"}


def test_a_word_of_another_script_is_read_in_the_language_of_its_script() -> None:
    assert text.terms("мигранты and migrants", "ru") == ["мигрант", "migrant"]
    assert text.terms("العمال workers", "ar") == [*text.terms("العمال", "ar"), "worker"]


def test_tokens_say_where_they_stand() -> None:
    body = "Les travailleuses, à l’étranger: 家政工人."

    tokens = text.analyse(body, "fr")

    assert [body[token.start : token.end] for token in tokens] == [
        "travailleuses",
        "étranger",
        *"家政工人",
        "家政",
        "政工",
        "工人",
    ]


def test_a_chinese_run_gives_its_signs_then_its_pairs() -> None:
    assert text.terms("家政工", "zh") == ["家", "政", "工", "家政", "政工"]
    assert text.terms("人", "zh") == ["人"]


def test_folded_words_keep_function_words_and_endings() -> None:
    assert text.folded_words("The Migrants of Côte d'Ivoire") == ["the", "migrants", "of", "cote", "d", "ivoire"]


def test_query_words_are_distinct_and_in_order() -> None:
    assert text.query_words("border health, borders and the BORDER", "en") == (("border",), ("health",))
    assert text.query_weights("border health, borders and the BORDER", "en") == {("border",): 3, ("health",): 1}


def test_without_a_language_a_word_has_a_stem_for_each_language_of_its_script() -> None:
    (stems,) = text.query_words("trabajadores", None)

    assert set(stems) == {stem for code in ("en", "fr", "es") for stem in text.terms("trabajadores", code)}
    assert len(stems) > 1
    assert text.query_words("мигранты", None) == (("мигрант",),)


def test_without_a_language_a_function_word_of_any_is_left_out() -> None:
    assert text.query_words("los derechos of migrants", None) == tuple(
        tuple(dict.fromkeys(stem for code in ("en", "fr", "es") for stem in text.terms(word, code)))
        for word in ("derechos", "migrants")
    )


def test_a_query_of_function_words_alone_keeps_them_unstemmed() -> None:
    assert text.query_words("To be or not to be", "en") == (("=to",), ("=be",), ("=or",), ("=not",))


@pytest.mark.parametrize("nothing", ["", " ", "?!", "\u200b", "\ud800", "🙂"])
def test_text_without_words_has_none(nothing: str) -> None:
    assert text.query_words(nothing, None) == ()
    assert text.terms(nothing, "en") == []


def test_a_huge_query_is_cut_in_little_time() -> None:
    huge = " ".join(f"word{at}" for at in range(1_000_000))
    started = time.perf_counter()
    words = text.query_words(huge, None)

    assert len(words) == text.QUERY_WORDS
    assert time.perf_counter() - started < 0.5


@given(body=st.text(), language=st.sampled_from(LANGUAGES))
def test_terms_are_safe_to_join_by_spaces(body: str, language: str) -> None:
    for terms in (text.terms(body, language), text.folded_words(body)):
        assert " ".join(terms).split() == terms
        assert all(0 < len(term) <= 100 and not term.startswith(text.VERBATIM) for term in terms)


@given(body=st.text() | st.text(st.sampled_from("ab .家政العُé한ｱ")), language=st.sampled_from(LANGUAGES))
def test_terms_are_those_of_the_tokens(body: str, language: str) -> None:
    assert text.terms(body, language) == [token.term for token in text.analyse(body, language)]


@given(body=st.text(), language=st.sampled_from(LANGUAGES))
def test_a_document_is_found_by_its_own_text(body: str, language: str) -> None:
    words = text.query_words(body, language)
    terms = set(text.terms(body, language)) | {text.VERBATIM + word for word in text.folded_words(body)}

    assert {term for word in words for term in word} <= terms


LONG = (
    "The first sentence says nothing. " * 20
    + "Domestic workers abroad need protection from abuse. Another sentence follows. "
    + "The end comes later on. " * 20
)


def test_an_excerpt_is_taken_where_most_words_are_and_starts_at_a_sentence() -> None:
    found = text.mark(LONG, text.query_words("protect domestic workers abroad", "en"), "en", length=120)

    assert marked(found) == ["Domestic", "workers", "abroad", "protection"]
    assert len(found.text) <= 124
    assert found.text.startswith(("… Domestic", "… The first sentence"))
    assert found.text.endswith(" …")


def test_without_a_match_the_excerpt_is_the_beginning() -> None:
    found = text.mark(LONG, text.query_words("photosynthesis", "en"), "en", length=40)

    assert found == Marked("The first sentence says nothing. The …")


def test_around_confines_the_excerpt() -> None:
    start = LONG.index("Another")

    found = text.mark(LONG, text.query_words("domestic sentence", "en"), "en", around=(start, start + 25))

    assert (found.text, marked(found)) == ("… Another sentence follows. …", ["sentence"])


def test_a_short_text_comes_whole() -> None:
    found = text.mark("Ends of migration", text.query_words("migrations", "en"), "en")

    assert found == Marked("Ends of migration", ((8, 17),))


def test_chinese_hits_are_merged_into_one_mark() -> None:
    found = text.mark("我们保护家政工人的权利", text.query_words("家政工人", "zh"), "zh")

    assert marked(found) == ["家政工人"]


def test_arabic_marks_cover_the_vowel_signs() -> None:
    found = text.mark("حِمَايَةُ العُمَّالِ", text.query_words("العمال", "ar"), "ar")

    assert marked(found) == ["العُمَّالِ"]


def test_function_words_are_marked_when_nothing_else_was_asked() -> None:
    assert marked(text.mark("those who are here", text.query_words("who are", "en"), "en")) == ["who", "are"]


def test_an_empty_text_has_an_empty_excerpt() -> None:
    assert text.mark("", text.query_words("border", "en"), "en", length=0) == Marked("")


@given(
    body=st.text(st.sampled_from("ab .。\n家政工人العُé"), max_size=300),
    query=st.text(st.sampled_from("ab 家政工人العé"), max_size=20),
    language=st.sampled_from(LANGUAGES),
    length=st.integers(1, 80),
    around=st.none() | st.tuples(st.integers(-5, 310), st.integers(-5, 310)),
)
def test_marks_are_in_order_apart_and_inside(
    body: str, query: str, language: str, length: int, around: tuple[int, int] | None
) -> None:
    found = text.mark(body, text.query_words(query, language), language, around=around, length=length)

    edges = [0, *(edge for mark in found.marks for edge in mark), len(found.text)]
    assert edges == sorted(edges)
    assert all(start < end for start, end in found.marks)
    assert found.text.removeprefix("… ").removesuffix(" …") in body
    longest_word = max((len(word) for word in body.split()), default=0)
    assert len(found.text) <= max(length, longest_word) + 4


@pytest.mark.parametrize(
    ("sentence", "language"),
    [
        ("protect domestic workers abroad", "en"),
        ("protection des travailleuses domestiques", "fr"),
        ("trabajadoras domésticas en el extranjero", "es"),
        ("защита домашних работников", "ru"),
        ("حماية العمال", "ar"),
        ("保护家政工人", "zh"),
        ("GCM 第6条 保护移民工人", "zh"),
        ("移民", "zh"),
        ("", None),
        ("123", None),
        ("日本の移民", None),
        ("GCM", None),
    ],
)
def test_the_language_is_told_by_script_then_by_words(sentence: str, language: str | None) -> None:
    assert text.detect(sentence) == language


@given(body=st.text())
def test_any_text_has_one_of_the_six_languages_or_none(body: str) -> None:
    assert text.detect(body) in {*LANGUAGES, None}


def test_passages_end_at_sentences() -> None:
    body = "One sentence. Two sentences here. Three."

    assert [body[start:end] for start, end in text.passages(body, "en", 35)] == [
        "One sentence. Two sentences here. ",
        "Three.",
    ]


def test_a_body_that_fits_is_one_passage() -> None:
    assert text.passages("x" * 50, "en", 50) == [(0, 50)]
    assert text.passages("", "en", 50) == [(0, 0)]


def test_chinese_passages_are_a_third_as_long() -> None:
    assert text.passages("一句。二句。三句。", "zh", 18) == [(0, 6), (6, 9)]


@given(body=st.text(max_size=300), language=st.sampled_from(LANGUAGES), max_chars=st.integers(1, 60))
def test_passages_cover_the_body_in_order(body: str, language: str, max_chars: int) -> None:
    ranges = text.passages(body, language, max_chars)

    assert "".join(body[start:end] for start, end in ranges) == body
    assert all(end - start <= max_chars for start, end in ranges)
    assert [start for start, _ in ranges[1:]] == [end for _, end in ranges[:-1]]


def test_of_a_chinese_word_pairs_are_marked_and_no_sign_alone() -> None:
    marked = text.mark("家长和移民工人、人口", text.query_words("移民工人", "zh"), "zh")

    assert [marked.text[start:end] for start, end in marked.marks] == ["移民工人"]
    alone = text.mark("家长和移民工人、人口", text.query_words("人", "zh"), "zh")
    assert [alone.text[start:end] for start, end in alone.marks] == ["人", "人"]
