"""Which counts of some tables may be published, so that none under five can be worked out. Pure.

Each table divides the same total into cells. Cells under `LEAST` are withheld, all alike, nought too, and so is the total where it
would say something of them. That may not be enough: a table without small cells gives the total away. Then more cells of the
others are withheld, until each small count can still be 0 and can still be 4 for somebody who knows everything that is shown
and this rule. What is added is taken in the order of the table, never by size: a choice by size would tell the size. Cf.
Hundepool et al., Statistical Disclosure Control (2012), chapter 4, on primary and secondary suppression.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

LEAST = 5
"""Counts under it are not shown."""
_MOST_SMALL = LEAST - 1


@dataclass(slots=True)
class _Table:
    """`small`: cells under five; `spare`: the others in the order in which they may be `added` to what is withheld."""

    cells: Mapping[str, int]
    small: list[str] = field(init=False)
    spare: list[str] = field(init=False)
    added: list[str] = field(default_factory=list[str])

    def __post_init__(self) -> None:
        names = list(self.cells)
        self.small = [name for name in names if self.cells[name] < LEAST]
        first = names.index(self.small[0]) if self.small else 0
        self.spare = [name for name in (*names[first:], *names[:first]) if self.cells[name] >= LEAST]

    @property
    def seen(self) -> int:
        """The sum of what is shown."""
        return sum(self.cells[name] for name in self.spare)

    @property
    def least_total(self) -> int:
        return self.seen + LEAST * len(self.added)

    @property
    def most_total(self) -> float:
        return float("inf") if self.added else self.seen + _MOST_SMALL * len(self.small)

    def safe(self, lowest: float, highest: float) -> bool:
        """Can each small cell be anything from 0 to 4 if the total is known to lie between these?"""
        if not self.small:
            return True
        if self.added:  # each at least 5, and otherwise anything
            return highest - self.seen >= LEAST * len(self.added) + _MOST_SMALL
        return highest - self.seen >= _MOST_SMALL and lowest - self.seen <= _MOST_SMALL * (len(self.small) - 1)

    def shown(self) -> dict[str, int | None]:
        return {name: count if name in self.spare else None for name, count in self.cells.items()}


def shown(
    tables: Sequence[Mapping[str, int]], total: int, *, at_least: int = 0, known: bool = False
) -> tuple[int | None, list[dict[str, int | None]]]:
    """Total and tables as they may be seen, None for what is withheld.

    `at_least`: what other public figures say of the total. `known`: they say it all.
    """
    if any(sum(cells.values()) != total for cells in tables):
        raise ValueError("the cells do not sum to the total")
    made = [_Table(cells) for cells in tables]
    open_ = known or (total >= LEAST and all(table.safe(total, total) for table in made))
    while True:
        lowest = total if open_ else max(at_least, *(table.least_total for table in made))
        highest = total if open_ else min(table.most_total for table in made)
        # A table of which nothing is left to see says nothing of its own.
        unsafe = next((table for table in made if table.spare and not table.safe(lowest, highest)), None)
        if unsafe is None:
            told = open_ or any(not table.small and not table.added for table in made)  # it can be added up
            return (total if told else None), [table.shown() for table in made]
        unsafe.added.append(unsafe.spare.pop(0))


def alone(count: int) -> int | None:
    """A count that is part of no sum, or None."""
    return count if count >= LEAST else None
