"""Forms that mean the same (`corpus/vocab/synonyms.json`, reviewed and edited there): more ways to write a word of a query."""

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from itertools import islice
from typing import NamedTuple

from hub.search import text as analyser
from hub.search.types import LANGUAGES

MOST = 8
"""Further ways to write one word."""

Form = tuple[str, ...]
"""Folded words side by side, CJK signs each for itself."""


class _Synonyms(NamedTuple):
    """Form -> the others of its groups."""

    others: Mapping[Form, tuple[Form, ...]]
    longest: int


@cache
def _read() -> dict[str, list[list[str]]]:
    return json.loads((files("corpus") / "vocab" / "synonyms.json").read_text(encoding="utf-8"))


@cache
def _synonyms(language: str | None) -> _Synonyms:
    """Of a language; of all for None."""
    others: dict[Form, dict[Form, None]] = {}
    for each in LANGUAGES if language is None else (language,):
        for group in _read().get(each, []):
            forms = [runs[0] for written in group if len(runs := analyser.phrase_runs(written)) == 1]
            for form in forms:
                others.setdefault(form, {}).update(dict.fromkeys(other for other in forms if other != form))
    return _Synonyms({form: tuple(found) for form, found in others.items()}, max(map(len, others), default=0))


def widened(text: str, language: str | None) -> dict[tuple[str, ...], int]:
    """`query_weights` of a text, each word with the stems of its synonyms too, and a further word for every longer form in it.

    A form of several words stands as one alternative, behind `VERBATIM`, with spaces: they are sought side by side.
    """
    weights = analyser.query_weights(text, language)
    known = _synonyms(language)
    more: dict[tuple[str, ...], int] = {}
    for run in analyser.phrase_runs(text[: analyser.QUERY_CHARACTERS]) if known.others else ():
        for at in range(len(run)):
            for size in range(1, min(known.longest, len(run) - at) + 1):
                others = known.others.get(run[at : at + size], ())[:MOST]
                if not others:
                    continue
                terms = tuple(dict.fromkeys(term for other in others for term in _terms(other, language)))
                word = next(iter(analyser.query_weights(run[at], language)), None) if size == 1 else None
                if word is not None and word in weights:
                    wider = tuple(dict.fromkeys((*word, *terms)))
                    weights = {(wider if one == word else one): times for one, times in weights.items()}
                else:
                    more[terms] = 1
    return dict(islice((weights | more).items(), analyser.QUERY_WORDS))


def _terms(form: Form, language: str | None) -> tuple[str, ...]:
    if len(form) > 1:
        return (analyser.VERBATIM + " ".join(form),)
    return next(iter(analyser.query_weights(" ".join(form), language)), ())
