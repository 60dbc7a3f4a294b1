"""Words of a question in the other languages, by two files of `corpus/vocab/` and the names of countries and regions.

A record in another language shares names and numbers with a question at most, so that only its meaning could be compared.
With the glossary its words count as well. Beside the reviewed synonyms (`synonyms.py`), which are equal within a language,
a row holds what belongs to one notion in six: for ordering what is found, never for correcting what was typed.
`glossary.csv`: notions of the field, which win; `words.csv`: ordinary words; `glosses.csv`: what their forms are in English.
"""

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import NamedTuple

from hub.search import text as analyser
from hub.search.types import LANGUAGES, All, Having, Query, Words

NOTIONS = 16
"""Most notions of a question that are put into other languages, of the field and of ordinary words each: a sentence has six."""
SENSES = 2
"""Most notions of the field that one form is taken for; of ordinary words it is one."""
ALTERNATIVES = 8
"""Most ways to say one of them in one word."""
ALONE = 0.5
"""What a translated word counts of a word that was asked, where no meaning is compared: then nothing evens out how rare the
words of a language are (`ranking.levelled`). nDCG@10 of queries_dev by keyword .47 at .5, .33 at 1, .40 without any."""


GLOSSED = ("ar", "zh")
"""Languages in which the default encoder is the weakest of the six (questions to other languages: nDCG@10 .68 and .72,
Russian .80, Spanish .82): their words are encoded in English too. French, Russian and Spanish lose .01 to .03 by it."""

_ARTICLES = ("وبال", "وال", "فال", "بال", "كال", "ولل", "لل", "ال")
_PREFIXES = ("و", "ف", "ب", "ل", "ك", "وب", "ول", "س", "وس")
"""Arabic: the article with what may stand before it; and what may stand before a word."""


class Translation(NamedTuple):
    """`parts`: one for each other language, to be found in documents of that language alone. `covered`, `of_field`: share

    of the words of the question, in [0, 1], that both files have, and the glossary of the field alone; function words are
    not counted. `gloss`: its words in English, in their order, of a question in one of `GLOSSED`.
    """

    parts: tuple[Query, ...] = ()
    covered: float = 0.0
    gloss: str = ""
    of_field: float = 0.0


Row = Mapping[str, Sequence[str]]
"""Language -> forms, the usual one first."""
_Wanted = tuple[tuple[str, ...], ...]
"""Words sought for a notion in a language, each with its alternatives."""


class _Word(NamedTuple):
    """Of a question or a form. `typed`: folded, an Arabic one without its article; `stem`."""

    typed: str
    stem: str


class _Meant(NamedTuple):
    """What a form stands for: numbers of notions, and English ("" in most languages)."""

    notions: tuple[int, ...]
    english: str


class _Forms(NamedTuple):
    """Of a language: words side by side -> what they stand for. `longest`: words of a form."""

    typed: Mapping[tuple[str, ...], _Meant]
    stems: Mapping[tuple[str, ...], _Meant]
    longest: int

    def meant(self, words: Sequence[_Word]) -> _Meant | None:
        """As it was typed before any other form of the word: stems of different words may be one."""
        return self.typed.get(tuple(word.typed for word in words)) or self.stems.get(tuple(word.stem for word in words))


def translated(text: str, language: str | None) -> Translation:
    """The notions of a text, longest forms first, in all other languages. Nothing for a language that is not known."""
    if language not in LANGUAGES:
        return Translation()
    ordinary = _rows()[1]
    words = _words(text[: analyser.QUERY_CHARACTERS], language)
    notions: dict[int, None] = {}  # in order
    english: dict[str, None] = {}
    counted = covered = of_field = 0
    for size, meant in _found(words, language):
        counted += size
        if meant.notions:
            covered += size
            of_field += size if meant.notions[0] < ordinary else 0
            notions |= dict.fromkeys(meant.notions)
        english[meant.english] = None
    found = [
        *[notion for notion in notions if notion < ordinary][:NOTIONS],
        *[notion for notion in notions if notion >= ordinary][:NOTIONS],
    ]
    parts: list[Query] = []
    for other in LANGUAGES:
        sought = dict.fromkeys(word for notion in found for word in _wanted(notion, other) if other != language)
        if sought:
            parts.append(All((Having("language", (other,)), Words(tuple((word, 1.0) for word in sought)))))
    if not parts:
        return Translation()
    gloss = " ".join(list(filter(None, english))[: 2 * NOTIONS]) if language in GLOSSED else ""
    return Translation(tuple(parts), covered / counted, gloss, of_field / counted)


def _found(words: Sequence[_Word], language: str) -> Iterator[tuple[int, _Meant]]:
    """The words of a question, each run of them with what it stands for; of what nothing is known, names in Latin script."""
    forms = _forms(language)
    at = 0
    while at < len(words):
        size, meant = 1, None
        for size in range(min(forms.longest, len(words) - at), 0, -1):
            if meant := forms.meant(words[at : at + size]):
                break
        if meant is None and language == "ar":
            bare = _bare(words[at].typed)
            meant = next((found for word in bare if (found := forms.meant((word,)))), None)
            if meant is None and any(not word.stem for word in bare):
                at += 1  # a function word behind "and"
                continue
        typed = words[at].typed
        yield size, meant or _Meant((), typed if typed.isascii() and len(typed) > 2 else "")
        at += size


def _bare(typed: str) -> list[_Word]:
    """Arabic words that may stand in this one, which is not known: behind what is written before a word, and of a verb."""
    rests = [
        _without_article(typed.removeprefix(prefix))
        for prefix in _PREFIXES
        if typed.startswith(prefix) and len(typed) > len(prefix) + 2
    ]
    verbs = [start + rest[1:] for rest in (typed, *rests) if rest[0] in "يتن" and len(rest) > 3 for start in ("", "ا")]
    return [_Word(each, "".join(analyser.terms(each, "ar"))) for each in (*rests, *verbs)]


def _without_article(folded: str) -> str:
    article = next((each for each in _ARTICLES if folded.startswith(each) and len(folded) > len(each) + 1), "")
    return folded.removeprefix(article)


@cache
def _rows() -> tuple[Sequence[Row], int]:
    """All rows, and the number from which on they are ordinary words."""
    field = [*rows("glossary.csv"), *named()]
    return [*field, *rows("words.csv")], len(field)


@cache
def _forms(language: str) -> _Forms:
    """When the first question of a language is asked: 0.3 s."""
    both, ordinary = _rows()
    with (files("corpus") / "vocab" / "glosses.csv").open(encoding="utf-8") as lines:
        glosses = {row["form"]: row["english"] for row in csv.DictReader(lines) if row["language"] == language}
    # The usual forms of all rows first, so that a form is what it is most usual for.
    forms = sorted(
        (place, number, form) for number, row in enumerate(both) for place, form in enumerate(row.get(language, ()))
    )
    typed: dict[tuple[str, ...], list[tuple[int, str]]] = {}
    stems: dict[tuple[str, ...], list[tuple[int, str]]] = {}
    for _, number, form in forms:
        if words := _words(form, language):
            typed.setdefault(tuple(word.typed for word in words), []).append((number, form))
            stems.setdefault(tuple(word.stem for word in words), []).append((number, form))

    def meaning(found: Sequence[tuple[int, str]]) -> _Meant:
        """What the field has wins, then the row that holds the English form."""
        known = [one for one in found if one[0] < ordinary]
        best, english = known or found, ""
        if language in GLOSSED:
            number, form = best[0]
            english = glosses.get(form, next(iter(both[number].get("en", ())), ""))
            best = sorted(best, key=lambda one: english not in both[one[0]].get("en", ()))
        return _Meant(tuple(dict.fromkeys(number for number, _ in best))[: SENSES if known else 1], english)

    return _Forms(
        {key: meaning(found) for key, found in typed.items()},
        {key: meaning(found) for key, found in stems.items()},
        max(map(len, stems)),
    )


@cache
def _wanted(notion: int, language: str) -> _Wanted:
    both, ordinary = _rows()
    most = ALTERNATIVES if notion < ordinary or language == "en" else 1
    return _sought(both[notion].get(language, ()), language, most)


def first_gloss(known: Sequence[Sequence[Row]], form: str, language: str) -> str:
    """What a form is in English where nothing says otherwise: the first form of the row for which it is the most usual."""
    for part in known:
        held = [(list(row[language]).index(form), at) for at, row in enumerate(part) if form in row.get(language, ())]
        if held:
            return next(iter(part[min(held)[1]].get("en", ())), "")
    return ""


def rows(name: str) -> Sequence[Row]:
    """Of a file in `corpus/vocab/`."""
    with (files("corpus") / "vocab" / name).open(encoding="utf-8") as lines:
        return [
            {language: [form.strip() for form in row[language].split("|") if form.strip()] for language in LANGUAGES}
            for row in csv.DictReader(lines)
        ]


def named() -> Sequence[Row]:
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


def _words(text: str, language: str) -> tuple[_Word, ...]:
    """Of a text in order, function words left out; CJK signs each for itself."""
    words: list[_Word] = []
    for token in analyser.analyse(text, language):
        if len(token.term) == 1 or not analyser.is_sign(token.term):
            typed = "".join(analyser.folded_words(text[token.start : token.end]))
            words.append(_Word(_without_article(typed) if language == "ar" else typed, token.term))
    return tuple(words)


def _sought(forms: Sequence[str], language: str, most: int) -> _Wanted:
    """A notion that is one word: any of its forms of one word, `most` at most. One of several: the words of its first form.

    Chinese is sought by pairs of signs, for single signs are in everything.
    """
    terms = [list(dict.fromkeys(analyser.terms(form, language))) for form in forms]
    if language == "zh":
        terms = [[term for term in each if len(term) > 1] or each for each in terms]
    if not terms or not terms[0]:
        return ()
    if len(terms[0]) > 1:
        return tuple((term,) for term in terms[0])
    return (tuple(dict.fromkeys(each[0] for each in terms if len(each) == 1))[:most],)
