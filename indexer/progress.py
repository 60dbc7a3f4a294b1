"""A bar on standard error for whatever takes more than two seconds."""

import sys
from typing import NoReturn

from tqdm import tqdm


def bar(what: str, total: int | None, unit: str, *, show: bool) -> "tqdm[NoReturn]":
    """On a terminal it moves; in a log it writes a line every ten seconds."""
    moving = sys.stderr.isatty()
    return tqdm(
        total=total,
        desc=what,
        unit=unit,
        unit_scale=unit == "B",
        disable=not show,
        delay=2.0,
        mininterval=0.2 if moving else 10.0,
        dynamic_ncols=moving,
    )
