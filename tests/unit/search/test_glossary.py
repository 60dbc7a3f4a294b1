"""The glossary of the field and the ordinary words: their files, and a question's words in other languages."""

import csv
import time
from collections.abc import Sequence
from pathlib import Path
from typing import cast

import numpy as np
import pytest
from numpy.typing import NDArray

from hub.search import glossary
from hub.search.embedding import Embedder
from hub.search.glossary import GLOSSED, translated
from hub.search.query import asked_words, constraint, parse
from hub.search.types import LANGUAGES, All, AnyOf, Having, Words
from indexer import align

FOLDER = Path(__file__).resolve().parents[3] / "corpus" / "vocab"


def rows(name: str = "glossary") -> list[dict[str, str]]:
    with (FOLDER / f"{name}.csv").open(encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


def languages_of(text: str, language: str | None) -> dict[str, set[str]]:
    """Language -> the stems that are sought there."""
    found: dict[str, set[str]] = {}
    for part in translated(text, language).parts:
        assert isinstance(part, All)
        having, words = part.parts
        assert isinstance(having, Having)
        assert isinstance(words, Words)
        found[having.codes[0]] = {stem for alternatives, _ in words.words for stem in alternatives}
    return found


@pytest.mark.parametrize(("name", "least"), [("glossary", 500), ("words", 1_900)])
def test_every_row_of_a_file_has_an_id_of_its_own_and_is_written_in_six_languages(name: str, least: int) -> None:
    held = rows(name)

    assert len({row["id"] for row in held}) == len(held) > least
    for row in held:
        assert set(row) == {"id", *LANGUAGES, "reviewed"}
        for language in LANGUAGES:
            forms = row[language].split("|")
            assert all(form == form.strip() != "" for form in forms), (row["id"], language)
            assert len(set(forms)) == len(forms), (row["id"], language)


def test_no_ordinary_word_has_the_id_of_a_notion_of_the_field() -> None:
    assert not {row["id"] for row in rows()} & {row["id"] for row in rows("words")}


def test_the_english_of_a_form_stands_in_a_row_that_has_the_form() -> None:
    pairs = {
        (language, form, english)
        for row in [*glossary.rows("glossary.csv"), *glossary.named(), *glossary.rows("words.csv")]
        for language in GLOSSED
        for form in row.get(language, ())
        for english in row.get("en", ())
    }

    aligned = [(row["language"], row["form"], row["english"]) for row in rows("glosses")]

    assert len(set(aligned)) == len(aligned) > 5_000
    assert not set(aligned) - pairs


def test_an_ordinary_word_is_sought_too_but_the_field_wins_and_tells_its_share_alone() -> None:
    assert "wildfir" in languages_of("лесные пожары", "ru")["en"]
    fires = translated("лесные пожары и переводы мигрантов", "ru")
    assert fires.covered == 1
    assert fires.of_field == pytest.approx(0.5)


def test_a_word_is_what_was_typed_before_it_is_another_word_of_the_same_stem() -> None:
    assert translated("بطاقة", "ar").gloss == "card"  # طاقة, energy, has the same stem
    assert translated("طاقة", "ar").gloss == "energy"


@pytest.mark.parametrize("text", ["المخاطر", "والمخاطر", "بالمخاطر", "ومخاطر", "للمخاطر"])
def test_an_arabic_word_is_known_behind_what_is_written_before_it(text: str) -> None:
    assert "risk" in languages_of(text, "ar")["en"]


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Денежные переводы мигрантов", "ru"),
        ("envoyer des fonds : les transferts de fonds", "fr"),
        ("تحويلات المهاجرين", "ar"),
        ("移民汇款", "zh"),
        ("las remesas de los migrantes", "es"),
    ],
)
def test_an_inflected_word_of_a_question_is_sought_in_english_too(text: str, language: str) -> None:
    found = languages_of(text, language)

    assert "remitt" in found["en"]
    assert set(found) == set(LANGUAGES) - {language}


def test_the_longest_form_is_meant() -> None:
    assert not languages_of("domestic workers", "en")["ru"] & {"трудя", "трудящ"}  # a worker of any kind
    assert languages_of("accord bilatéral de travail", "fr")["en"] == {"bilater", "labour", "agreement"}
    assert "domest" in languages_of("travailleuses domestiques", "fr")["en"]


def test_countries_and_regions_are_known_by_name() -> None:
    assert "philippin" in languages_of("菲律宾", "zh")["en"]
    assert "западн" in languages_of("Western Africa", "en")["ru"]


def test_the_share_of_known_words_is_told_and_only_weakly_read_languages_are_glossed() -> None:
    assert translated("remittances", "en").covered == 1
    assert translated("photosynthesis of remittances", "en").covered == pytest.approx(0.5)
    assert {each for each in LANGUAGES if translated(" ".join(row[each] for row in rows()[60:70]), each).gloss} == {
        *GLOSSED
    }
    assert translated("移民汇款", "zh").gloss == "immigrant money transfer"
    assert translated("IOM 的培训", "zh").gloss == "iom training"


@pytest.mark.parametrize(
    ("text", "language"), [("remittances", None), ("photosynthesis", "en"), ("", "en"), ("?!", "zh")]
)
def test_nothing_comes_of_unknown_words_or_languages(text: str, language: str | None) -> None:
    assert translated(text, language) == ((), 0.0, "", 0.0)


def test_only_loose_words_are_sought_in_other_languages() -> None:
    loose = parse("remittances country:PHL", "en")
    assert loose.tree == All((parse("remittances", "en").tree, Having("country", ("PHL",))))
    assert loose.sought("hybrid") == All((AnyOf((loose.tree.parts[0], *loose.elsewhere)), Having("country", ("PHL",))))
    assert any("汇款" in alternatives for alternatives in asked_words(loose.sought("hybrid")))
    assert constraint(loose.sought("hybrid")) == Having("country", ("PHL",))
    for typed in ('"remittances"', "remittances AND migrants", "title:remittances", "-remittances", "country:PHL"):
        parsed = parse(typed, "en")
        assert parsed.sought("hybrid") == parsed.tree, typed


def test_a_flood_of_known_words_stays_bounded() -> None:
    text = " ".join(form for row in rows() for form in row["zh"].split("|"))

    started = time.perf_counter()
    found = translated(text, "zh")

    assert time.perf_counter() - started < 1
    assert sum(len(stems) for stems in languages_of(text, "zh").values()) < 500
    assert found.covered <= 1


class Pairs:
    """An embedder that puts 预警 beside "early warning" and 防灾 as near to that as to "adaptation"."""

    def queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        points = {"预警": (1, 0), "early warning": (1, 0), "适应": (0, 1), "adaptation": (0, 1), "防灾": (2, 2)}
        return np.array([points[text] for text in texts], np.float32)


def test_a_form_is_aligned_with_the_nearest_english_form_and_else_with_the_first() -> None:
    row = {"en": ["adaptation", "early warning"], "zh": ["适应", "预警", "防灾"]}

    aligned = align.aligned(cast("Embedder", Pairs()), ([row], []), "zh")

    assert aligned == {"适应": "adaptation", "预警": "early warning", "防灾": "adaptation"}
    assert glossary.first_gloss(([row], []), "预警", "zh") == "adaptation"
