"""Which countries results come from, as dots on a map. The facet `country` says the same in words."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from hub.web.places import PLACES

LARGEST, SMALLEST = 24.0, 6.0
"""Radius of a dot in units of the picture, which is 1,000 wide."""


@dataclass(frozen=True, slots=True)
class Dot:
    """`address`: the search narrowed to this country, or without it where it is `chosen`."""

    label: str
    count: int
    x: int
    y: int
    radius: float
    chosen: bool
    address: str


def dots(
    counts: Mapping[str, int], names: Mapping[str, str], chosen: tuple[str, ...], address: Callable[[str], str]
) -> list[Dot]:
    """Largest first, so that none hides another; their areas are as the counts, down to a size that can be hit."""
    shown = {code: count for code, count in counts.items() if count and code in PLACES}
    most = max(shown.values(), default=1)
    return [
        Dot(
            label=names.get(code, code),
            count=count,
            x=PLACES[code][0],
            y=PLACES[code][1],
            radius=round(max(LARGEST * math.sqrt(count / most), SMALLEST), 1),
            chosen=code in chosen,
            address=address(code),
        )
        for code, count in sorted(shown.items(), key=lambda item: (-item[1], item[0]))
    ]
