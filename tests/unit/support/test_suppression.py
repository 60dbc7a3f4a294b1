"""Nobody who knows everything that is shown, and the rule by which it is shown, can tell a count under five."""

import itertools
from collections import defaultdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.support.suppression import LEAST, alone, shown

Cells = tuple[int, ...]


def published(cells: Cells) -> tuple[int | None, ...]:
    return tuple(shown({str(at): count for at, count in enumerate(cells)}, sum(cells)).values())


@pytest.mark.parametrize(
    ("cells", "public"),
    [
        ((10, 20, 30), (10, 20, 30)),
        ((3, 20, 30), (None, None, 30)),  # one small cell: the total would reveal it
        (
            (30, 20, 3),
            (None, 20, None),
        ),  # the next in the order of the table, round to its beginning, whatever its size
        ((2, 2, 30), (None, None, 30)),  # together no more than one of them could be
        ((4, 4, 30), (None, None, None)),  # two that sum to eight are fours
        ((0, 0, 30), (None, None, None)),  # two that sum to none are noughts
        ((1, 3, 2, 9), (None, None, None, 9)),
        ((1, 2, 1), (None, None, None)),  # the total itself is small
        ((0, 0, 0), (None, None, None)),
    ],
)
def test_what_is_shown_of_a_table(cells: Cells, public: tuple[int | None, ...]) -> None:
    assert published(cells) == public


def test_a_count_of_its_own_is_shown_from_five_on() -> None:
    assert [alone(count) for count in (0, 4, 5, 60)] == [None, None, 5, 60]


def test_cells_that_are_not_the_whole_are_a_mistake() -> None:
    with pytest.raises(ValueError, match="sum"):
        shown({"a": 5}, 6)


@pytest.mark.parametrize(("columns", "largest"), [(2, 30), (3, 16), (4, 9), (5, 6)])
def test_among_all_tables_that_show_the_same_every_withheld_cell_has_several_values(columns: int, largest: int) -> None:
    """Exhaustive: the attacker knows the rule, the total and what is shown, and lists every table that would show it.

    Tables at the edge of what is listed look more certain than they are, so only those well inside are judged.
    """
    worlds: dict[tuple[int | None, tuple[int | None, ...]], list[Cells]] = defaultdict(list)
    for cells in itertools.product(range(largest + 1), repeat=columns):
        worlds[alone(sum(cells)), published(cells)].append(cells)
    judged = 0
    for (total, public), tables in worlds.items():
        if total is not None and total > largest:
            continue
        for at, count in enumerate(public):
            if count is None:
                assert len({cells[at] for cells in tables}) >= LEAST - 1, (total, public, tables[:3])
                judged += 1
    assert judged


tables = st.lists(st.one_of(st.integers(0, 4), st.integers(0, 60)), min_size=2, max_size=24).map(tuple)


@settings(max_examples=500, deadline=None)
@given(tables)
def test_of_any_table_each_withheld_cell_could_be_another(cells: Cells) -> None:
    """There is another table that shows exactly the same, in which some of this count is another cell's."""
    public = published(cells)
    withheld = [at for at, count in enumerate(public) if count is None]
    if sum(cells) < LEAST:
        return  # nothing at all is shown, so any table under five is as good
    for at in withheld:
        assert any(
            published(other) == public
            for partner in withheld
            if partner != at
            for step in range(-8, 9)
            if step and min(other := moved(cells, at, partner, step)) >= 0
        ), (cells, public, at)


def moved(cells: Cells, at: int, partner: int, step: int) -> Cells:
    changed = list(cells)
    changed[at] += step
    changed[partner] -= step
    return tuple(changed)


@settings(max_examples=300, deadline=None)
@given(tables)
def test_nothing_under_five_is_shown_nor_comes_out_by_subtraction(cells: Cells) -> None:
    public = published(cells)
    total = sum(cells)
    assert all(count is None or count >= LEAST for count in public)
    withheld = sum(count is None for count in public)
    if total >= LEAST and withheld:
        rest = total - sum(count for count in public if count is not None)
        assert withheld >= 2
        assert rest >= LEAST - 1
