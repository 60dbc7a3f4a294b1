"""Nobody who knows everything that is shown, and the rule by which it is shown, can tell a count under five."""

import itertools
from collections import defaultdict
from collections.abc import Iterator

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from hub.support.suppression import LEAST, alone, shown

Cells = tuple[int, ...]
Public = tuple[int | None, tuple[tuple[int | None, ...], ...]]


def published(*tables: Cells, known: bool = False, at_least: int = 0) -> Public:
    named = [{str(at): count for at, count in enumerate(cells)} for cells in tables]
    total, found = shown(named, sum(tables[0]), known=known, at_least=at_least)
    return total, tuple(tuple(table.values()) for table in found)


@pytest.mark.parametrize(
    ("tables", "total", "public"),
    [
        (((10, 20, 30),), 60, ((10, 20, 30),)),
        (((3, 20, 30),), None, ((None, 20, 30),)),  # the total would reveal the small one
        (((0, 7, 0, 6, 0),), None, ((None, 7, None, 6, None),)),  # that three are nought too
        (((4, 4, 30),), None, ((None, None, 30),)),  # that two are fours too
        (((1, 3, 2, 9),), 15, ((None, None, None, 9),)),  # three that sum to six can be anything
        (((3, 20, 30), (23, 30)), 53, ((None, None, 30), (23, 30))),  # the other table gives the total away
        (((30, 20, 3), (23, 30)), 53, ((None, 20, None), (23, 30))),  # the next in order, whatever its size
        (((3, 20, 30), (5, 48, 0)), None, ((None, None, 30), (5, 48, None))),  # else 53 at least, so 3 or 4
        (((1, 2, 1),), None, ((None, None, None),)),
        (((0, 0, 0),), None, ((None, None, None),)),
    ],
)
def test_what_is_shown_of_tables(
    tables: tuple[Cells, ...], total: int | None, public: tuple[tuple[int | None, ...], ...]
) -> None:
    assert published(*tables) == (total, public)


def test_a_total_that_is_known_already_withholds_more() -> None:
    assert published((3, 20), known=True) == (23, ((None, None),))
    assert published((8, 12), known=True) == (20, ((8, 12),))


def test_another_figure_that_says_how_large_the_total_is_at_least_withholds_more() -> None:
    assert published((3, 20, 30), at_least=40) == (None, ((None, 20, 30),))
    assert published((3, 20, 30), at_least=50) == (None, ((None, 20, 30),))
    assert published((3, 20, 30), at_least=51) == (None, ((None, None, 30),))


def test_a_count_of_its_own_is_shown_from_five_on() -> None:
    assert [alone(count) for count in (0, 4, 5, 60)] == [None, None, 5, 60]


def test_cells_that_are_not_the_whole_are_a_mistake() -> None:
    with pytest.raises(ValueError, match="sum"):
        shown([{"a": 5}], 6)


def compositions(total: int, parts: int) -> list[Cells]:
    if parts == 1:
        return [(total,)]
    return [(first, *rest) for first in range(total + 1) for rest in compositions(total - first, parts - 1)]


@pytest.mark.parametrize(
    ("shape", "largest", "known"),
    [
        ((2,), 40, False),
        ((3,), 26, False),
        ((4,), 18, False),
        ((2, 2), 26, False),
        ((2, 3), 18, False),
        ((3,), 26, True),
    ],
)
def test_among_all_tables_that_show_the_same_every_withheld_cell_has_several_values(
    shape: tuple[int, ...], largest: int, known: bool
) -> None:
    """Exhaustive: the attacker knows the rule and what is shown, and lists every set of tables that would show the same.

    What touches the edge of the list looks more certain than it is, so it is not judged.
    """
    worlds: dict[Public, list[tuple[Cells, ...]]] = defaultdict(list)
    for total in range(largest + 1):
        for tables in itertools.product(*(compositions(total, parts) for parts in shape)):
            worlds[published(*tables, known=known)].append(tables)
    judged = 0
    for (_, public), found in worlds.items():
        if known and sum(found[0][0]) < LEAST:
            continue  # what is divided is itself never known to be small
        if max(sum(tables[0]) for tables in found) > largest - LEAST:
            continue
        for table, row in enumerate(public):
            for at, count in enumerate(row):
                if count is None:
                    values = {tables[table][at] for tables in found}
                    assert len(values) >= LEAST - 1, (public, sorted(values), found[:3])
                    judged += 1
    assert judged


cells = st.one_of(st.integers(0, 4), st.integers(0, 60))


@settings(max_examples=500, deadline=None)
@given(st.lists(cells, min_size=6, max_size=6).map(tuple), st.lists(cells, min_size=4, max_size=4).map(tuple))
def test_of_any_tables_each_small_cell_could_be_another(stages: Cells, first: Cells) -> None:
    """There are other tables that show exactly the same, in which this cell is another."""
    rest = sum(stages) - sum(first)
    assume(rest >= 0)
    regions = (*first, rest)
    total, public = published(stages, regions)
    for table, row in ((0, stages), (1, regions)):
        for at, count in enumerate(row):
            if public[table][at] is None and count < LEAST:
                assert any(published(*other) == (total, public) for other in variants(stages, regions, table, at)), (
                    stages,
                    regions,
                    total,
                    public,
                    table,
                    at,
                )


def variants(stages: Cells, regions: Cells, table: int, at: int) -> Iterator[tuple[Cells, Cells]]:
    """The cell another, and what that takes from, or gives to, one more cell of the table, or one of the other table."""
    tables = [list(stages), list(regions)]
    for value in range(LEAST):
        change = value - tables[table][at]
        if not change:
            continue
        for where, partner in itertools.product((0, 1), range(6)):
            if partner >= len(tables[where]) or (where, partner) == (table, at):
                continue
            other = [list(one) for one in tables]
            other[table][at] = value
            other[where][partner] += change if where != table else -change
            if other[where][partner] >= 0:
                yield tuple(other[0]), tuple(other[1])


@settings(max_examples=500, deadline=None)
@given(st.lists(cells, min_size=2, max_size=24).map(tuple))
def test_nothing_under_five_is_shown_and_no_total_beside_a_single_gap(row: Cells) -> None:
    total, (public,) = published(row)
    assert total is None or total >= LEAST
    assert all(count is None or count >= LEAST for count in public)
    gaps = sum(count is None for count in public)
    if total is not None and gaps:
        rest = total - sum(count for count in public if count is not None)
        assert gaps >= 2
        assert rest >= LEAST - 1
