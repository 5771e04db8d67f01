"""Shell: the windows of one file after the other as parts of a stream, in the order of its places.

Rules
- A part is a few row groups as they were read: packed, they take a third of the memory. Between two
  parts the file is closed: what it says of its row groups takes more than the rows of a part.
- A file in another order (of schema 1) comes as a whole, decoded.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from collector.samples.columns import Columns
from collector.store import segmentfile, segments, windowtable
from collector.store.merging import Part


class Packed:
    """Windows as they lie in a file; a `collector.store.merging.Part`."""

    def __init__(self, table: pa.Table, places: NDArray[np.uint32]) -> None:
        """Keep a table of the columns `windowtable.WHOLE`; `places` says where each row stands."""
        self.place = places[windowtable.numbers(table["row"])]
        self._table = table

    def decoded(self, begin: int, end: int) -> Columns:
        """Return the windows `begin:end`, numbered by place."""
        part = self._table.slice(begin, end - begin)
        return segments.decoded(part).grouped(self.place[begin:end])


class Plain:
    """Windows that are decoded already; a `collector.store.merging.Part`."""

    def __init__(self, columns: Columns) -> None:
        """Keep windows that are numbered by place, and sorted by it."""
        self.place = columns.row
        self._columns = columns

    def decoded(self, begin: int, end: int) -> Columns:
        """Return the windows `begin:end`, numbered by place."""
        return self._columns.slice(begin, end)


def parts(directory: Path, name: str, places: NDArray[np.uint32], most: int) -> Iterator[Part]:
    """Yield all windows of a file in the order of (place, start), some `most` at a time.

    Raises: as `segments.read_windows`.
    """
    table, begin, groups = _read(directory / name, 0, places, most)
    if table is None:
        yield _whole(directory, name, places)
    while table is not None:
        yield Packed(table, places)
        table = None
        if begin < groups:
            table, begin, groups = _read(directory / name, begin, places, most)


def _read(
    path: Path, begin: int, places: NDArray[np.uint32], most: int
) -> tuple[pa.Table | None, int, int]:
    """Return row groups from `begin` on, the number after the last of them, and how many there are.

    None in the place of those of a file in another order. Nothing is left open.
    """
    with segmentfile.opened(path, "windows", segments.SCHEMAS, remember=False) as found:
        groups, end = found.file.num_row_groups, begin + 1
        if found.series is None or not _rise(places[found.series.rows]):
            return None, 0, groups
        sizes = [found.file.metadata.row_group(group).num_rows for group in range(begin, groups)]
        while end < groups and sum(sizes[: end + 1 - begin]) <= most:
            end += 1
        chosen, columns = list(range(begin, end)), list(windowtable.WHOLE)
        return found.file.read_row_groups(chosen, columns=columns, use_threads=False), end, groups


def _whole(directory: Path, name: str, places: NDArray[np.uint32]) -> Plain:
    columns = segments.read_windows(directory, [name], from_ns=-(1 << 62), to_ns=1 << 62)
    ordered = columns.take(np.lexsort((columns.start_ns, places[columns.row])).astype(np.int64))
    return Plain(ordered.grouped(places[ordered.row]))


def _rise(places: NDArray[np.uint32]) -> bool:
    return bool(np.all(places[1:] > places[:-1]))
