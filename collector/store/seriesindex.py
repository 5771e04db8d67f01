"""Bytes: where each series lies in a file of windows, as the file's metadata say it.

`borne.series` is the base64 of a zlib stream of little-endian u32: the rows of the file's series
in its order, then how many windows each has.
"""

import base64
import binascii
import zlib
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray


class SeriesIndex:
    """The series of one file in its order; `where` finds some of them."""

    def __init__(
        self, rows: NDArray[np.uint32], sizes: NDArray[np.int64], groups: Sequence[int]
    ) -> None:
        """Index series `rows` (k,) of `sizes` (k,) windows in row groups of `groups` windows."""
        self.rows = rows
        self.begins = np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)])
        self._groups = np.concatenate([[0], np.cumsum(np.asarray(groups, dtype=np.int64))])
        self._order = np.argsort(rows, kind="stable")
        self._sorted = rows[self._order]

    @classmethod
    def decode(cls, text: bytes, groups: Sequence[int]) -> "SeriesIndex":
        """Return what `encode` wrote, for a file of these row groups.

        Raises:
            ValueError: It is not that, or not of such a file.
        """
        rows, sizes = decode(text)
        if int(sizes.sum()) != sum(groups):
            raise ValueError("read the index of series: it does not cover the file")
        return cls(rows, sizes.astype(np.int64), groups)

    def where(self, wanted: NDArray[np.uint32] | None) -> Iterator[tuple[int, NDArray[np.int64]]]:
        """Yield (row group, places within it) of the windows of the sorted rows `wanted`.

        None stands for all of them.
        """
        if wanted is None:
            for group, size in enumerate(np.diff(self._groups).tolist()):
                yield group, np.arange(size)
            return
        series = self._order[np.flatnonzero(np.isin(self._sorted, wanted))]
        places = [np.arange(*self.begins[one : one + 2]) for one in np.sort(series).tolist()]
        if not places:
            return
        every = np.concatenate(places)
        of_group = np.searchsorted(self._groups, every, side="right") - 1
        for group in np.unique(of_group).tolist():
            yield group, every[of_group == group] - self._groups[group]


def encode(rows: NDArray[np.uint32], sizes: NDArray[np.int64]) -> bytes:
    """Return the index of a file whose series `rows` (k,) have `sizes` (k,) windows each."""
    octets = rows.astype("<u4").tobytes() + sizes.astype("<u4").tobytes()
    return base64.b64encode(zlib.compress(octets))


def decode(text: bytes) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    """Return the two columns that `encode` wrote.

    Raises:
        ValueError: It is not that.
    """
    try:
        octets = zlib.decompress(base64.b64decode(text, validate=True))
    except (binascii.Error, zlib.error) as error:
        raise ValueError(f"read the index of series: {error}") from error
    rows, numbers = np.frombuffer(octets, "<u4").reshape(2, -1)
    return rows, numbers
