"""Decider: several streams of windows, each sorted by (place, start), as one, series by series.

Rules
- What comes out holds whole series, sorted by (place, start), each window once: rows of one window
  in several streams are added up, and finer windows to the width that was asked for.
- A part of each stream is in memory, and `ROWS` windows at most beside it, or one series.

In here a row's number is its place, so that the order of the files is the order of numbers.
"""

from collections.abc import Iterable, Iterator
from typing import Final

import numpy as np

from collector.samples.columns import Columns, concat, empty
from collector.samples.quantiles import merge

ROWS: Final = 65_536
"""Windows that are added up at once, some 20 MB."""


class _Head:
    """The part of a stream that is in memory."""

    def __init__(self, stream: Iterable[Columns]) -> None:
        self._stream = iter(stream)
        self.columns = empty()
        self.ended = False
        self.fill()

    def fill(self) -> None:
        """Take the next part in, behind what is there; empty ones are passed over."""
        for part in self._stream:
            if len(part):
                self.columns = concat([self.columns, part])
                return
        self.ended = True

    def cut(self, bound: int) -> Columns:
        """Take the rows out whose place is below `bound`."""
        end = int(np.searchsorted(self.columns.row, bound))
        part = self.columns.slice(0, end)
        self.columns = self.columns.slice(end, len(self.columns))
        return part


def merged(streams: Iterable[Iterable[Columns]], width_ns: int) -> Iterator[Columns]:
    """Yield all windows of the streams as windows of `width_ns`, whole series at a time."""
    heads = [_Head(stream) for stream in streams]
    while True:
        for head in heads:
            if not len(head.columns) and not head.ended:
                head.fill()
        heads = [head for head in heads if len(head.columns)]
        if not heads:
            return
        bound = _bound(heads)
        parts = [head.cut(bound) for head in heads]
        if any(map(len, parts)):
            yield merge(concat(parts), width_ns)
        else:
            _fill_last(heads)


def _bound(heads: list[_Head]) -> int:
    """Return the place below which every series is whole, some `ROWS` windows at most below it."""
    last = min((int(head.columns.row[-1]) for head in heads if not head.ended), default=1 << 40)
    share = max(1, ROWS // len(heads))
    lowest = min(int(head.columns.row[0]) for head in heads)
    near = min(int(head.columns.row[min(share, len(head.columns) - 1)]) for head in heads)
    return min(last, max(near, lowest + 1))


def _fill_last(heads: list[_Head]) -> None:
    """Read on where a series that comes next may go on."""
    lowest = min(int(head.columns.row[0]) for head in heads)
    for head in heads:
        if not head.ended and int(head.columns.row[-1]) == lowest:
            head.fill()
