"""The glossary of the field: its file, and a question's words in other languages."""

import csv
import time
from pathlib import Path

import pytest

from hub.search.glossary import GLOSSED, translated
from hub.search.query import asked_words, constraint, parse
from hub.search.types import LANGUAGES, All, AnyOf, Having, Words

FILE = Path(__file__).resolve().parents[3] / "corpus" / "vocab" / "glossary.csv"


def rows() -> list[dict[str, str]]:
    with FILE.open(encoding="utf-8") as lines:
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


def test_every_row_of_the_file_has_an_id_of_its_own_and_is_written_in_six_languages() -> None:
    held = rows()

    assert len({row["id"] for row in held}) == len(held) > 500
    for row in held:
        assert set(row) == {"id", *LANGUAGES, "reviewed"}
        for language in LANGUAGES:
            forms = row[language].split("|")
            assert all(form == form.strip() != "" for form in forms), (row["id"], language)
            assert len(set(forms)) == len(forms), (row["id"], language)


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
    assert translated("移民汇款", "zh").gloss == "migrant migration remittances"


@pytest.mark.parametrize(
    ("text", "language"), [("remittances", None), ("photosynthesis", "en"), ("", "en"), ("?!", "zh")]
)
def test_nothing_comes_of_unknown_words_or_languages(text: str, language: str | None) -> None:
    assert translated(text, language) == ((), 0.0, "")


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
