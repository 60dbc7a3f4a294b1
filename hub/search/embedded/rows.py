"""The vectors of a generation, and how a query is compared with many of them at once."""

from pathlib import Path
from typing import Any

import numpy as np
from numkong import cdist
from numpy.typing import NDArray

ERROR = 0.001
"""No score of `Rows.about` is further than this from the true one. Vectors of length 1 rounded to 16 bits, eleven of them
significant, on both sides: at most 2 * 2**-11 by the Cauchy-Schwarz inequality, and the rounding of the sum."""
_GATHER = 4
"""Comparing a row out of order costs about as much as comparing so many in order."""


class Rows:
    """Row by row, one per passage, in order of writing. `exact` is a memory map, float32.

    A copy of half the size in memory is what queries are compared with: 100,000 rows of 384 take 77 MB and 4 ms of one core,
    the map 154 MB and 13 ms. What comes near is then compared exactly, so nothing is lost.
    """

    def __init__(self, path: Path, count: int, dim: int, before: "Rows | None" = None) -> None:
        """`before`: of the same file, whose rows never change, read earlier."""
        self.exact: NDArray[np.float32] = (
            np.asarray(np.memmap(path, dtype="<f4", mode="r", shape=(count, dim)))
            if count
            else np.empty((0, dim), np.float32)
        )
        self.half = np.empty((count, dim), np.float16)
        known = 0
        if before is not None and len(before):
            known = min(count, len(before))
            self.half[:known] = before.half[:known]
        self.half[known:] = self.exact[known:]

    def __len__(self) -> int:
        return len(self.exact)

    def about(self, query: NDArray[np.float32], rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """Cosines of the query and these rows, in their order, right within `ERROR`. `rows`: ascending, one at least."""
        asked = query.astype(np.float16)[np.newaxis]
        if _GATHER * len(rows) < len(self.half):
            return _cosines(asked, self.half[rows])
        every = _cosines(asked, self.half)
        return every if len(rows) == len(every) else every[rows]

    def exactly(self, query: NDArray[np.float32], rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """Summed in double precision, row by row: equal vectors tie, wherever they stand."""
        return np.vecdot(self.exact[rows].astype(np.float64), query.astype(np.float64))


def _cosines(query: NDArray[np.float16], rows: NDArray[np.float16]) -> NDArray[np.float64]:
    compared: Any = cdist(query, rows, metric="dot")
    return np.asarray(compared)[0]
