"""Decider: windows added up while they are read, so that a question holds its answer alone.

An hour of ten thousand series are millions of windows and gigabytes of sketches; their sum by zone,
or by series and step, is a few megabytes.

    event    | before                         | after
    add      | fewer than enough wait         | they wait
    add      | enough wait                    | added up, nothing waits
    result   | any                            | added up, nothing waits

Adding up raises `TooManyError` as soon as the sums are more than they may be.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from collector.samples.columns import Columns, concat, empty
from collector.samples.quantiles import merge

ENOUGH: Final = 100_000
"""Windows that may wait: about 50 MB of sketches."""


class TooManyError(Exception):
    """There are more sums than a question may have; so many were found of so many series."""

    def __init__(self, series: int, windows: int) -> None:
        """Keep both counts: there may be more of both."""
        super().__init__(f"{windows} windows of {series} series")
        self.series = series
        self.windows = windows


class Sums:
    """The sum of all windows by row, or by group of rows, and by step."""

    def __init__(
        self,
        step_ns: int | None = None,
        *,
        group_of: NDArray[np.uint32] | None = None,
        most: int | None = None,
    ) -> None:
        """Add up rows that share a row and a step, as `quantiles.merge` does.

        `group_of` says which number stands in the place of each row, `most` how many sums there
        may be.
        """
        self.step_ns = step_ns
        self._group_of = group_of
        self._most = most
        self._merged = empty()
        self._waiting: list[Columns] = []
        self._size = 0

    def add(self, columns: Columns) -> None:
        """Take more windows.

        Raises: TooManyError.
        """
        if not len(columns):
            return
        if self._group_of is not None:
            columns = columns.grouped(self._group_of[columns.row])
        self._waiting.append(columns)
        self._size += len(columns)
        if self._size >= max(ENOUGH, len(self._merged)):
            self._fold()

    def result(self) -> Columns:
        """Return the sums of all that was added, sorted by (row, start).

        Raises: TooManyError.
        """
        self._fold()
        return self._merged

    def _fold(self) -> None:
        if self._waiting:
            self._merged = merge(concat([self._merged, *self._waiting]), self.step_ns)
            self._waiting, self._size = [], 0
        if self._most is not None and len(self._merged) > self._most:
            raise TooManyError(np.unique(self._merged.row).size, len(self._merged))
