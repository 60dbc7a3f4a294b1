"""From candidates to matches: a score is the exact sum of its terms, the best first, ties by id. Pure."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from hub.matching.types import Gain, Match, Reason, ReasonParam


class Term(NamedTuple):
    """A reason in the making: most of what is scored is not listed. `rows`: the records that it rests on, named when it is."""

    code: str
    params: Mapping[str, ReasonParam]
    weight: float
    evidence: tuple[str, ...]
    rows: Sequence[int] = ()


def _loss(term: Term) -> float:
    return -term.weight


def _no_gains() -> Iterable[Gain]:
    return ()


class Candidate(NamedTuple):
    """A match in the making; the first four as in `Match`.

    `lost`: how much the score changes without the evidence of a term; `gains`: what would raise it. Both are asked of those
    that are listed alone.
    """

    id: str
    name: str
    verified: bool
    url_id: str
    terms: Sequence[Term]
    lost: Callable[[Term], float] = _loss
    gains: Callable[[], Iterable[Gain]] = _no_gains
    kin: str = ""


def score(terms: Iterable[Term]) -> float:
    return math.fsum(term.weight for term in terms)


def best_first(listed: Iterable[Candidate]) -> list[Candidate]:
    """Ties by id. A difference in the tenth decimal is one of rounding."""
    return sorted(listed, key=lambda one: (-round(score(one.terms), 9), one.id))


def matches(ranked: Iterable[Candidate]) -> tuple[Match, ...]:
    """In the order given, the heaviest reason first."""
    return tuple(_match(one, rank) for rank, one in enumerate(ranked, start=1))


def _match(one: Candidate, rank: int) -> Match:
    total = score(one.terms)
    return Match(
        id=one.id,
        name=one.name,
        rank=rank,
        score=total,
        reasons=tuple(
            Reason(term.code, term.params, term.weight, term.evidence, total + one.lost(term))
            for term in sorted(one.terms, key=lambda term: (-abs(term.weight), term.code))
            if term.weight
        ),
        verified=one.verified,
        url_id=one.url_id,
        gains=tuple(gain for gain in one.gains() if gain.weight > 0),
        kin=one.kin,
    )


def spread(kins: Sequence[str], per_kin: int, top: int) -> list[int]:
    """Positions, those of a kin that has `per_kin` among the first `top` already after them, if there are so many. "": no kin."""
    seen: dict[str, int] = {}
    first: list[int] = []
    later: list[int] = []
    for position, kin in enumerate(kins):
        if len(first) < top and (not kin or seen.get(kin, 0) < per_kin):
            seen[kin] = seen.get(kin, 0) + 1
            first.append(position)
        else:
            later.append(position)
    return [*first, *later] if len(first) == top else list(range(len(kins)))
