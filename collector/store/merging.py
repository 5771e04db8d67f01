"""Decider: several streams of windows, each sorted by (place, start), as one, series by series.

Rules
- What comes out holds whole series, sorted by (place, start), each window once: rows of one window
  in several streams are added up, and finer windows to the width that was asked for.
- In memory is a part of each stream, as it was read, and of all of them together `ROWS` windows at
  most that are decoded, or one series.

In here a row's number is its place, so that the order of the files is the order of numbers.
"""

from collections.abc import Iterable, Iterator
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from collector.samples.columns import Columns, concat
from collector.samples.quantiles import merge

ROWS: Final = 16384
"""Windows that are added up at once, some 6 MB; what adds them up takes that four times."""


class Part(Protocol):
    """Windows that follow each other in a stream."""

    place: NDArray[np.uint32]
    """(n,) of each window, rising."""

    def decoded(self, begin: int, end: int) -> Columns:
        """Return the windows `begin:end`, numbered by place."""
        ...


class _Head:
    """What of a stream is in memory: one part, or more where a series goes on in the next."""

    def __init__(self, stream: Iterable[Part]) -> None:
        self._stream = iter(stream)
        self._parts: list[Part] = []
        self._begin = 0
        self.ended = False
        self.fill()

    def __bool__(self) -> bool:
        return bool(self._parts)

    @property
    def first(self) -> int:
        """Return the place of the next window."""
        return int(self._parts[0].place[self._begin])

    @property
    def last(self) -> int:
        """Return the place of the last window in memory."""
        return int(self._parts[-1].place[-1])

    def ahead(self, windows: int) -> int:
        """Return a place that so many windows are before at most, where series are shorter."""
        place = self._parts[0].place
        return int(place[min(self._begin + windows, place.size - 1)])

    def fill(self) -> None:
        """Take the next part in, behind what is there; empty ones are passed over."""
        for part in self._stream:
            if part.place.size:
                self._parts.append(part)
                return
        self.ended = True

    def cut(self, bound: int) -> Iterator[Columns]:
        """Take the windows out whose place is below `bound`."""
        while self._parts:
            part = self._parts[0]
            end = int(np.searchsorted(part.place, bound))
            if end > self._begin:
                yield part.decoded(self._begin, end)
            if end < part.place.size:
                self._begin = end
                return
            del self._parts[0]
            self._begin = 0


def merged(streams: Iterable[Iterable[Part]], width_ns: int) -> Iterator[Columns]:
    """Yield all windows of the streams as windows of `width_ns`, whole series at a time."""
    heads = [_Head(stream) for stream in streams]
    while True:
        for head in heads:
            if not head and not head.ended:
                head.fill()
        heads = [head for head in heads if head]
        if not heads:
            return
        bound = _bound(heads)
        parts = [columns for head in heads for columns in head.cut(bound)]
        if parts:
            yield merge(concat(parts), width_ns)
        else:
            _fill_last(heads)


def _bound(heads: list[_Head]) -> int:
    """Return the place below which every series is whole, some `ROWS` windows at most below it."""
    last = min((head.last for head in heads if not head.ended), default=1 << 40)
    lowest = min(head.first for head in heads)
    near = min(head.ahead(max(1, ROWS // len(heads))) for head in heads)
    return min(last, max(near, lowest + 1))


def _fill_last(heads: list[_Head]) -> None:
    """Read on where a series that comes next may go on."""
    lowest = min(head.first for head in heads)
    for head in heads:
        if not head.ended and head.last == lowest:
            head.fill()
