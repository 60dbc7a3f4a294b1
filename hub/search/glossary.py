"""Words of a question in the other languages, by `corpus/vocab/glossary.csv` and the names of countries and regions.

A record in another language shares names and numbers with a question at most, so that only its meaning could be compared.
With the glossary its words count as well. Beside the reviewed synonyms (`synonyms.py`), which are equal within a language,
a row holds what belongs to one notion in six: for ordering what is found, never for correcting what was typed.
"""

import csv
import json
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import NamedTuple

from hub.search import text as analyser
from hub.search.types import LANGUAGES, All, Having, Query, Words

NOTIONS = 16
"""Most notions of a question that are put into other languages: a sentence has about six."""
ALTERNATIVES = 8
"""Most ways to say one of them in one word."""
ALONE = 0.5
"""What a translated word counts of a word that was asked, where no meaning is compared: then nothing evens out how rare the
words of a language are (`ranking.levelled`). nDCG@10 of queries_dev by keyword .47 at .5, .33 at 1, .40 without any."""


GLOSSED = ("ar", "zh")
"""Languages in which the default encoder is the weakest of the six (questions to other languages: nDCG@10 .68 and .72,
Russian .80, Spanish .82). nDCG@10 of Arabic questions .433 to .473, of Chinese .404 to .452 by half of each of the judged
forty; French, Russian and Spanish lose .01 to .03. Costs the encoding of a few words more."""


class Translation(NamedTuple):
    """`parts`: one for each other language, to be found in documents of that language alone. `covered`: share of the words of

    the question, in [0, 1], that the glossary has; function words are not counted. `gloss`: the notions in English,
    of a question in one of `GLOSSED`.
    """

    parts: tuple[Query, ...] = ()
    covered: float = 0.0
    gloss: str = ""


_Wanted = tuple[tuple[str, ...], ...]
"""Words sought for a notion in a language, each with its alternatives."""


class _Glossary(NamedTuple):
    """`notions`: language -> stems side by side -> numbers of notions. `wanted`: of a notion, by language."""

    notions: Mapping[str, Mapping[tuple[str, ...], tuple[int, ...]]]
    longest: Mapping[str, int]
    wanted: Sequence[Mapping[str, _Wanted]]
    english: Sequence[str]


def translated(text: str, language: str | None) -> Translation:
    """The notions of a text, longest forms first, in all other languages. Nothing for a language that is not known."""
    if language not in LANGUAGES:
        return Translation()
    glossary = _read()
    notions = glossary.notions[language]
    stems = _stems(text[: analyser.QUERY_CHARACTERS], language)
    found: dict[int, None] = {}  # in order
    at = covered = 0
    while at < len(stems):
        longest = min(glossary.longest[language], len(stems) - at)
        size = next((size for size in range(longest, 0, -1) if stems[at : at + size] in notions), 0)
        if size:
            found |= dict.fromkeys(notions[stems[at : at + size]])
            covered += size
        at += max(size, 1)
    found = dict.fromkeys(list(found)[:NOTIONS])
    parts: list[Query] = []
    for other in LANGUAGES:
        words = dict.fromkeys(
            word
            for notion in list(found)[:NOTIONS]
            for word in glossary.wanted[notion].get(other, ())
            if other != language
        )
        if words:
            bag = Words(tuple((word, 1.0) for word in words))
            parts.append(All((Having("language", (other,)), bag)))
    if not parts:
        return Translation()
    english = (glossary.english[notion] for notion in found) if language in GLOSSED else ()
    return Translation(tuple(parts), covered / len(stems), " ".join(dict.fromkeys(filter(None, english))))


@cache
def _read() -> _Glossary:
    """When the first question is asked: 0.1 s."""
    rows = [*_terms(), *_names()]
    notions: dict[str, dict[tuple[str, ...], dict[int, None]]] = {language: {} for language in LANGUAGES}
    wanted: list[dict[str, _Wanted]] = []
    for number, row in enumerate(rows):
        wanted.append({})
        for language, forms in row.items():
            wanted[-1][language] = _sought(forms, language)
            for form in forms:
                if stems := _stems(form, language):
                    notions[language].setdefault(stems, {})[number] = None
    return _Glossary(
        {language: {stems: tuple(found) for stems, found in of.items()} for language, of in notions.items()},
        {language: max(map(len, of)) for language, of in notions.items()},
        wanted,
        [next(iter(row.get("en", ())), "") for row in rows],
    )


def _terms() -> list[dict[str, list[str]]]:
    with (files("corpus") / "vocab" / "glossary.csv").open(encoding="utf-8") as lines:
        return [
            {language: [form.strip() for form in row[language].split("|") if form.strip()] for language in LANGUAGES}
            for row in csv.DictReader(lines)
        ]


def _names() -> list[dict[str, list[str]]]:
    """Countries and regions, as they stand in their own files."""
    vocab = files("corpus") / "vocab"
    countries = json.loads((vocab / "countries.json").read_text(encoding="utf-8"))["countries"]
    rows = [{language: [name] for language, name in country["names"].items()} for country in countries]
    regions: dict[str, dict[str, list[str]]] = {}
    for block in json.loads((vocab / "labels.json").read_text(encoding="utf-8"))["blocks"]:
        if block["scheme"] == "region":
            for code, names in block["labels"].items():
                known = regions.setdefault(code, {"en": [code]})
                known.update({language: [name] for language, name in names.items()})
    return rows + list(regions.values())


def _stems(text: str, language: str) -> tuple[str, ...]:
    """Of the words of a text in order, function words left out; CJK signs each for itself."""
    terms = (token.term for token in analyser.analyse(text, language))
    return tuple(term for term in terms if len(term) == 1 or not analyser.is_sign(term))


def _sought(forms: Sequence[str], language: str) -> _Wanted:
    """A notion that is one word: any of its forms of one word. One of several: the words of its first form, each.

    Chinese is sought by pairs of signs, for single signs are in everything.
    """
    terms = [list(dict.fromkeys(analyser.terms(form, language))) for form in forms]
    if language == "zh":
        terms = [[term for term in each if len(term) > 1] or each for each in terms]
    if not terms or not terms[0]:
        return ()
    if len(terms[0]) > 1:
        return tuple((term,) for term in terms[0])
    return (tuple(dict.fromkeys(each[0] for each in terms if len(each) == 1))[:ALTERNATIVES],)
