"""The reviewed file of synonyms: its shape, and what it does to a query."""

import json
from pathlib import Path

import pytest

from hub.search import text
from hub.search.synonyms import widened
from hub.search.types import LANGUAGES

FILE = Path(__file__).resolve().parents[3] / "corpus" / "vocab" / "synonyms.json"


def test_the_file_holds_groups_of_forms_for_the_six_languages() -> None:
    held = json.loads(FILE.read_text(encoding="utf-8"))

    assert set(held) == {"note", *LANGUAGES}
    for language in LANGUAGES:
        for group in held[language]:
            assert len(group) >= 2
            assert len(set(group)) == len(group)
            for form in group:
                assert len(text.phrase_runs(form)) == 1, form


def test_words_without_synonyms_are_left_as_they_are() -> None:
    typed = "health at the border, border"

    assert widened(typed, "en") == text.query_weights(typed, "en")


@pytest.mark.parametrize("language", [*LANGUAGES, None])
def test_a_wider_query_is_still_bounded(language: str | None) -> None:
    held = json.loads(FILE.read_text(encoding="utf-8"))
    typed = " ".join(form for each in LANGUAGES for group in held[each] for form in group)

    weights = widened(typed, language)

    assert len(weights) <= text.QUERY_WORDS
    assert max(map(len, weights)) <= 32
