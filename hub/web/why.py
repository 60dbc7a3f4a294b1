"""Why a hit is where it is: what it gained by words and by meaning, and which words it shares with the question."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from flask_babel import LazyString, lazy_gettext

from hub.search.types import Hit, Marked, Page

LABELS: Mapping[str, LazyString] = {
    "keyword": lazy_gettext("Words in common"),
    "meaning": lazy_gettext("Closeness in meaning"),
}
"""Of `Hit.contributions`. One that is not listed goes by its own name."""
ESTIMATED = lazy_gettext("Words, estimated: the record is in another language")
"""A record cannot share words with a question in another language; ranking takes them as somewhat below its meaning."""
STRONG, SOME = 0.6, 0.25
"""From which share of the highest contribution on the page it is called strong, or some."""
MOST_WORDS = 8


@dataclass(frozen=True, slots=True)
class Part:
    """`share`: of the highest contribution on the page, from 0 to 1, for a bar. `value`: as it counts in the score."""

    label: LazyString | str
    strength: LazyString
    share: float
    value: float


@dataclass(frozen=True, slots=True)
class Why:
    """`words`: as they stand in the record, at most `MOST_WORDS`. `parts` sum to `score`; those of nothing are left out.

    `close`: it was found by its meaning, or that counts for it too. `objectives`: of the record, those that were chosen.
    """

    words: tuple[str, ...]
    parts: tuple[Part, ...]
    score: float
    close: bool
    objectives: tuple[int, ...]


def why(page: Page) -> dict[str, Why]:
    """Id of each hit of a page -> why it is there."""
    most = max((value for hit in page.hits for value in hit.contributions.values()), default=0.0)
    chosen = {int(number) for number in page.query.filters.values.get("objective", ())}
    return {hit.id: _why(hit, most, page.language, chosen) for hit in page.hits}


def _why(hit: Hit, most: float, asked_in: str | None, chosen: Collection[int]) -> Why:
    words = tuple(_words(hit.title, hit.passage))[:MOST_WORDS]
    estimated = not words and hit.language != asked_in
    labels = {**LABELS, "keyword": ESTIMATED} if estimated else LABELS
    parts = [_part(labels.get(name, name), value, most) for name, value in hit.contributions.items() if value]
    return Why(
        words,
        tuple(parts),
        hit.score,
        close=_is_close(hit.contributions.get("meaning", 0.0), most, found_by_words=bool(words)),
        objectives=tuple(number for number in hit.objectives if number in chosen),
    )


def _is_close(meaning: float, most: float, *, found_by_words: bool) -> bool:
    return meaning / most >= SOME if found_by_words and most > 0 else bool(meaning)


def _part(label: LazyString | str, value: float, most: float) -> Part:
    share = max(value, 0.0) / most if most > 0 else 0.0
    if share >= STRONG:
        strength = lazy_gettext("strong")
    elif share >= SOME:
        strength = lazy_gettext("some")
    elif value > 0:
        strength = lazy_gettext("little")
    else:
        strength = lazy_gettext("less than most")
    return Part(label, strength, round(share, 3), value)


def _words(*excerpts: Marked) -> Iterator[str]:
    """What is marked, once each, whatever its case."""
    seen: set[str] = set()
    for excerpt in excerpts:
        for start, end in excerpt.marks:
            word = excerpt.text[start:end]
            if word.casefold() not in seen:
                seen.add(word.casefold())
                yield word
