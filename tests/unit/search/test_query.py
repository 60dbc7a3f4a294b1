"""The query language: what a tree comes of, and that anything at all may be typed."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.search import query, text
from hub.search.query import MALFORMED, asked_words, constraint, parse
from hub.search.types import (
    EVERYTHING,
    All,
    AnyOf,
    Having,
    InTitle,
    Not,
    Phrase,
    Prefix,
    Query,
    Words,
)


def bag(typed: str, *, needed: bool = False) -> Words:
    return Words(tuple(text.query_weights(typed, "en").items()), needed)


def phrase(typed: str) -> Phrase:
    return Phrase(tuple(text.folded_words(typed)), bag(typed))


def wishing(typed: str, *phrases: str) -> Words:
    """The bag of what was typed, and phrases that count once more where their words stand side by side."""
    return Words((*bag(typed).words, *(((f"={phrase}",), 1) for phrase in phrases)))


def tree(typed: str) -> Query:
    parsed = parse(typed, "en")
    assert parsed.notes == ()
    return parsed.tree


PLAIN = [
    "domestic workers abroad",
    "Who protects domestic workers (and how)?",
    "well-being, self-employed - and more",
    "worker(s) rights",
    "Note: the meeting at 10:30",
    "and or not And Or Not",
    "50% * 3",
    "NEAR( border",
    "d'une « frontière »",
    "保护家政工人的权利",
    "",
]


@pytest.mark.parametrize("typed", PLAIN)
def test_text_without_signs_of_the_language_is_words_and_nothing_else(typed: str) -> None:
    parsed = parse(typed, "en")

    assert parsed.tree == query.words(typed, "en")
    assert (parsed.meaning, parsed.notes) == (typed.strip(), ())


def test_blank_text_is_everything() -> None:
    assert tree("") == tree(" \n ") == EVERYTHING


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ('"domestic work"', phrase("domestic work")),
        ("“domestic work”", phrase("domestic work")),
        ('"the rights of migrants"', phrase("the rights of migrants")),
        ('"domestic work" "health care"', All((phrase("domestic work"), phrase("health care")))),
        ('"domestic work" -health', All((phrase("domestic work"), Not(bag("health"))))),
        ('border "domestic work" health', wishing("border domestic work health", "domestic work")),
        ('border "domestic" health', bag("border domestic health")),
        (
            'border "domestic work" -health country:PHL',
            All((wishing("border domestic work", "domestic work"), Not(bag("health")), Having("country", ("PHL",)))),
        ),
        (
            'border AND "domestic work"',
            All((bag("border", needed=True), phrase("domestic work"))),
        ),
        (
            'border "domestic work" OR school',
            AnyOf((All((bag("border"), phrase("domestic work"))), bag("school"))),
        ),
        ("border AND health", All((bag("border", needed=True), bag("health", needed=True)))),
        ("border OR health", AnyOf((bag("border"), bag("health")))),
        ("border health OR school", AnyOf((bag("border health"), bag("school")))),
        (
            "border OR health AND school",
            AnyOf((bag("border"), All((bag("health", needed=True), bag("school", needed=True))))),
        ),
        (
            "(border OR health) AND school",
            All((AnyOf((bag("border", needed=True), bag("health", needed=True))), bag("school", needed=True))),
        ),
        ("border -health", All((bag("border"), Not(bag("health"))))),
        ("border NOT health", All((bag("border"), Not(bag("health"))))),
        ("border AND NOT health", All((bag("border", needed=True), Not(bag("health"))))),
        ("-health", Not(bag("health"))),
        ('-"domestic work" border', All((bag("border"), Not(phrase("domestic work"))))),
        ("-(health OR school)", Not(AnyOf((bag("health"), bag("school"))))),
        ("-self-employed", Not(phrase("self-employed"))),
        ("migra*", Prefix("migra")),
        ("MIGRA* border", All((bag("border"), Prefix("migra")))),
        ("educación*", Prefix("educacion")),
        ("title:border", InTitle(bag("border"))),
        ('title:"domestic work"', InTitle(phrase("domestic work"))),
        ("title: migra*", InTitle(Prefix("migra"))),
        ("border country:PHL", All((bag("border"), Having("country", ("PHL",))))),
        ("country:phl,GHA", Having("country", ("PHL", "GHA"))),
        ("objective:06", Having("objective", ("6",))),
        ('region:"Western Africa"', Having("region", ("Western Africa",))),
        ("language:AR", Having("language", ("ar",))),
        ("year:2019", Having("year", ("2019",))),
        ("year:2019..2021", Having("year", ("2019", "2020", "2021"))),
        ("year:..1901", Having("year", ("1900", "1901"))),
        ("-country:PHL", Not(Having("country", ("PHL",)))),
    ],
)
def test_signs_make_a_tree(typed: str, expected: Query) -> None:
    assert tree(typed) == expected


def test_a_chinese_word_between_signs_is_meant_whole() -> None:
    whole = Phrase(("家", "政"), Words((((("家"),), 1), (("政",), 1), (("家政",), 1))))

    assert parse("-家政", "zh").tree == Not(whole)
    assert parse('"家政"', "zh").tree == whole
    assert parse("家政 country:PHL", "zh").tree == All((whole.words, Having("country", ("PHL",))))


@pytest.mark.parametrize(
    "typed",
    [
        '"border',
        "border AND",
        "OR border",
        "AND OR NOT",
        "border NOT",
        "(border AND health",
        "border) OR health",
        "() AND border",
        'border ""',
        "border AND ?!",
        "a*",
        "country:",
        "country:Narnia",
        "objective:24",
        "language:tlh",
        "year:2022..2019",
        "year:soon",
        "title:(border OR health)",
        "(" * 30 + "border AND health" + ")" * 30,
        " OR ".join(f"word{at}" for at in range(100)),
        " ".join(f"wor{at}*" for at in range(10)),
    ],
)
def test_what_is_malformed_or_too_large_is_read_as_words_and_says_so(typed: str) -> None:
    parsed = parse(typed, "en")

    assert parsed.tree == query.words(typed, "en")
    assert (parsed.meaning, parsed.notes) == (typed, (MALFORMED,))


def test_a_pasted_paragraph_is_words_whatever_quotation_marks_it_has() -> None:
    typed = 'The "Global Compact" (adopted in 2018) asks States -among others- ' + "to cooperate with each other " * 8

    assert parse(typed, "en").tree == query.words(typed.strip(), "en")
    assert parse(typed + ' "', "en").notes == ()


def test_codes_may_be_found_by_name() -> None:
    def code(facet: str, value: str) -> str | None:
        return {("country", "Ghana"): "GHA", ("country", "Sri Lanka"): "LKA"}.get((facet, value))

    for typed in ('country:Ghana,"Sri Lanka"', 'country: "Sri Lanka", Ghana', 'country:"Ghana, Sri Lanka"'):
        assert sorted(parse(typed, "en", code).tree.codes) == ["GHA", "LKA"]
    assert parse("country:Narnia", "en", code).notes == (MALFORMED,)


@pytest.mark.parametrize(
    ("typed", "meaning"),
    [
        ('border "domestic work" -health', "border domestic work"),
        ("title:border AND NOT (health OR school)", "border"),
        ("country:PHL year:2019", ""),
        ("migra* -health", ""),
    ],
)
def test_what_is_encoded_is_what_is_asked_without_the_signs(typed: str, meaning: str) -> None:
    assert parse(typed, "en").meaning == meaning


@pytest.mark.parametrize(
    ("typed", "bound"),
    [
        ("border health", None),
        ("border OR health", None),
        ('border OR "health care"', None),
        ("border AND health", All((bag("border", needed=True), bag("health", needed=True)))),
        ('border "health care"', None),
        ('border AND "health care"', All((bag("border", needed=True), phrase("health care")))),
        ("border -health", Not(bag("health"))),
        ("border title:health country:PHL", All((InTitle(bag("health")), Having("country", ("PHL",))))),
        ('"health care" OR migra*', AnyOf((phrase("health care"), Prefix("migra")))),
        ("", None),
    ],
)
def test_meaning_makes_up_for_loose_words_and_for_nothing_else(typed: str, bound: Query | None) -> None:
    assert constraint(tree(typed)) == bound


def test_words_to_be_marked_are_those_that_a_hit_may_show() -> None:
    assert asked_words(tree('borders AND "domestic work" AND migra* -health')) == (
        ("border",),
        ("domest",),
        ("work",),
        ("=migra*",),
    )
    marked = text.mark("Migrants and migration", asked_words(tree("migra*")), "en")
    assert [marked.text[start:end] for start, end in marked.marks] == ["Migrants", "migration"]


STEMS = ("border", "health", "school", "work", "家政")
"""Words that stay as they are when they are analysed, so that a tree can be printed and read again."""
leaves = st.one_of(
    st.lists(st.sampled_from(STEMS[:4]), min_size=1, max_size=3).map(" ".join),
    st.lists(st.sampled_from(STEMS[:4]), min_size=2, max_size=3).map(lambda words: f'"{" ".join(words)}"'),
    st.sampled_from(["migra*", "title:border", 'title:"border health"', "country:PHL", "year:2019..2021"]),
)
expressions = st.recursive(
    leaves,
    lambda parts: st.one_of(
        st.lists(parts, min_size=2, max_size=3).map(lambda each: "(" + ") AND (".join(each) + ")"),
        st.lists(parts, min_size=2, max_size=3).map(lambda each: "(" + ") OR (".join(each) + ")"),
        parts.map(lambda part: f"NOT ({part})"),
    ),
    max_leaves=8,
)


def printed(part: Query) -> str:
    match part:
        case Words(words):
            return " ".join(alternatives[0] for alternatives, times in words for _ in range(times))
        case Phrase(terms):
            return f'"{" ".join(terms)}"'
        case Prefix(start):
            return f"{start}*"
        case InTitle(inner):
            return f"title:{printed(inner)}"
        case Having(facet, codes):
            return f"{facet}:{','.join(codes)}"
        case All(parts):
            return " AND ".join(f"({printed(each)})" for each in parts)
        case AnyOf(parts):
            return " OR ".join(f"({printed(each)})" for each in parts)
        case Not(inner):
            return f"NOT ({printed(inner)})"


@settings(max_examples=150, deadline=None)
@given(typed=expressions)
def test_a_printed_tree_is_read_as_the_same_tree(typed: str) -> None:
    parsed = parse(typed, "en")

    again = parse(printed(parsed.tree), "en")

    assert (parsed.notes, again.notes) == ((), ())
    assert again.tree == parsed.tree


signs = st.sampled_from(
    ['"', "“", "(", ")", "-", "*", ":", " ", " AND ", " OR ", " NOT ", "title:", "country:", "year:", "2019..", "家政"]
)
typed_anything = st.one_of(
    st.text(), st.lists(st.one_of(signs, st.text(max_size=3)), max_size=60).map("".join), signs.map(lambda s: s * 3_000)
)


def size(part: Query) -> int:
    match part:
        case All(parts) | AnyOf(parts):
            return 1 + sum(map(size, parts))
        case Not(inner) | InTitle(inner):
            return 1 + size(inner)
        case Words(words):
            return 1 + len(words)
        case _:
            return 1


@settings(max_examples=300, deadline=None)
@given(typed=typed_anything, language=st.sampled_from(["ar", "zh", "en", "fr", "ru", "es", None]))
def test_anything_is_parsed_in_bounded_time_to_a_small_tree(typed: str, language: str | None) -> None:
    started = time.perf_counter()
    parsed = parse(typed, language)

    assert time.perf_counter() - started < 1
    assert size(parsed.tree) < 600
    asked_words(parsed.tree)
    constraint(parsed.tree)
    if parsed.notes:
        assert parsed.tree == query.words(typed.strip(), language)


def test_connectives_in_a_text_of_capitals_are_words() -> None:
    shouted = "I WOULD LIKE TO RECEIVE INFORMATION ON NURSES AND DOCTORS, NOT STUDENTS"
    assert parse(shouted, "en").tree == query.words(shouted, "en")
    assert parse("IOM AND ILO", "en").tree != query.words("IOM AND ILO", "en")
    assert parse("移民 劳工 护士 医生 家政 学生 儿童 NOT 难民", "zh").tree != query.words(
        "移民 劳工 护士 医生 家政 学生 儿童 NOT 难民", "zh"
    )


def least(tree: Query) -> list[int]:
    match tree:
        case Words():
            return [tree.least]
        case All(parts) | AnyOf(parts):
            return [each for part in parts for each in least(part)]
        case _:
            return []


@pytest.mark.parametrize(
    ("typed", "needed"),
    [
        ("visas", [1]),
        ("nurses abroad", [1]),
        ("nurses abroad without visas", [2]),
        ("nurses doctors teachers farmers drivers cooks cleaners miners sailors", [4]),
        ("nurses doctors teachers country:PHL", [2]),
        ("nurses doctors AND teachers farmers drivers", [1, 1]),  # a condition of its own
        ('"domestic work" OR visas', [1]),
        ("", []),
    ],
)
def test_half_of_the_words_or_four_are_needed_to_be_listed_for_them(typed: str, needed: list[int]) -> None:
    parsed = parse(typed, None)

    assert least(parsed.listed("hybrid")) == needed
    assert parsed.listed("keyword") == parsed.sought("keyword")
