"""Spelling: what a word that no document holds is meant for."""

import pytest

from hub.search.engine import SearchEngine
from tests.contract.documents import doc, serve

DOCS = [
    doc("a", "Migration of domestic workers", title="Regularisation"),
    doc("b", "Migration and migrants, a border"),
    doc("c", "Éducation et migrations", language="fr"),
    doc("d", "Защита работников", language="ru"),
    doc("e", "حماية العمال", language="ar"),
    doc("f", "保护家政工人", language="zh"),
]


@pytest.mark.parametrize(
    ("word", "language", "meant"),
    [
        ("migartion", "en", "migration"),
        ("migratoin", "en", "migration"),
        ("migations", "en", "migration"),
        ("migations", "fr", "migrations"),
        ("regularization", "en", "regularisation"),
        ("bordr", "en", "border"),
        ("educatoin", "fr", "education"),
        ("работникв", "ru", "работников"),
        ("حمايه", "ar", "حماية"),
        ("migartion", None, "migration"),
    ],
)
def test_a_slip_is_corrected_in_its_language(engine: SearchEngine, word: str, language: str | None, meant: str) -> None:
    serve(engine, *DOCS)

    assert engine.correct([word, "workers"], language) == {word: meant}


@pytest.mark.parametrize(
    "word",
    [
        "migration",
        "education",
        "bor",
        "xylophone",
        "ordre",
        "brdo",
        "migr4tion",
        "家政",
        "",
        "*",
        "a" * 3_000,
        "\ud800ab",
    ],
)
def test_what_is_known_short_or_like_nothing_is_left_alone(engine: SearchEngine, word: str) -> None:
    serve(engine, *DOCS)

    assert engine.correct([word], "en") == {}


def test_the_more_frequent_of_two_as_near_is_meant(engine: SearchEngine) -> None:
    serve(engine, doc("a", "return"), doc("b", "retire retire retire"), doc("c", "returned return"))

    assert engine.correct(["retirn"], "en") == {"retirn": "return"}
    assert engine.correct([], "en") == {}
