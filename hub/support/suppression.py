"""Which counts of a table may be published, so that none under five can be worked out. Pure.

A table divides a published total into cells. Cells under `LEAST` are withheld, all alike, zero too. Whoever subtracts what is
shown from the total learns the sum of what is withheld, so more is withheld until that sum says nothing: everybody may know the
rule, and each small count can still be any of 0 to 4 as far as the sum goes. What is added is taken in the order of the
table, never by size: a choice by size would tell the size. Cf. Hundepool et al., Statistical Disclosure Control (2012), chapter
4, on primary and secondary suppression.
"""

from collections.abc import Mapping

LEAST = 5
"""Counts under it are not shown."""
_MOST_SMALL = LEAST - 1


def shown(cells: Mapping[str, int], total: int) -> dict[str, int | None]:
    """The cells in their order, None for what is withheld. `cells` sum to `total`, which is shown itself if it is `LEAST`."""
    if sum(cells.values()) != total:
        raise ValueError("the cells do not sum to the total")
    if total < LEAST:
        return dict.fromkeys(cells)
    names = list(cells)
    small = [name for name in names if cells[name] < LEAST]
    withheld = set(small)
    if small:
        # From the cell after the first small one on, round to the beginning.
        first = names.index(small[0])
        more = [name for name in (*names[first + 1 :], *names[:first]) if cells[name] >= LEAST]
        added = 0
        while more and not _safe(sum(cells[name] for name in withheld), len(small), added):
            withheld.add(more.pop(0))
            added += 1
    return {name: None if name in withheld else count for name, count in cells.items()}


def _safe(rest: int, small: int, added: int) -> bool:
    """May `rest` be known to be the sum of so many small cells and so many added ones?

    Each small cell must be able to be 0 and to be 4 whatever the others are taken to be: without added cells, which are at
    least 5 each, the others must be able to make up the rest by themselves; with them, the rest must leave room for a 4.
    """
    if added == 0:
        return _MOST_SMALL <= rest <= _MOST_SMALL * (small - 1)
    return rest >= LEAST * added + _MOST_SMALL


def alone(count: int) -> int | None:
    """A count that is part of no sum, or None."""
    return count if count >= LEAST else None
