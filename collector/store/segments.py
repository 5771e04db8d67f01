"""Shell: sealed windows as segments: written series by series, read by series and by time.

Rules
- The files are those of `collector.store.segmentfile`, their columns those of
  `collector.store.windowtable`; what the release before wrote is read as well.
- Series stand in the order of their places (`samples.registry.ranks`): those of one agent and
  zone side by side, so that a question about a pair reads a few row groups.
- A row group ends with a series; the file's index says where each lies.
- A sealed file holds rows of one hour: it is compacted with that hour, whole. Where late rows of
  many hours come at once, those of most hours share one file: a checkpoint writes few.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from collector.listed import HOUR_NS, SEALED_S, Segment, Stage
from collector.samples import packing
from collector.samples.columns import Columns, Summaries, concat
from collector.store import segmentfile, seriesindex, windowtable, windowtable1
from collector.store.segmentfile import Draft, Form, Opened
from collector.store.windowtable import Named

FORM: Final = Form(
    kind="windows",
    version=windowtable.VERSION,
    schema=windowtable.SCHEMA,
    transforms=windowtable.TRANSFORMS,
    encodings=windowtable.ENCODINGS,
    measured=("row", "start"),
    compressed=windowtable.COMPRESSED,
)
SCHEMAS: Final = {
    windowtable1.VERSION: windowtable1.SCHEMA,
    windowtable.VERSION: windowtable.SCHEMA,
}
"""Columns of the files that are read, by version."""
APART: Final = 8
"""Hours that have a sealed file of their own at a checkpoint."""
ROWS_PER_GROUP: Final = {"sealed": 8192, "loose": 8192, "hour": 4096, "day": 16_384}
"""Small where many files are merged at once: a group of each is in memory then."""
_RAW_TIMES: Final = {"sealed": 1, "loose": 1, "hour": 4, "day": 4}
"""How much larger those of compacted raw windows are: there are six times as many windows, and what
a file says of each group takes as much memory as 250 of them."""


class WindowsWriter:
    """One file of windows in the making: `add` whole series in their order, then `finish`."""

    def __init__(
        self,
        directory: Path,
        named: Mapping[int, Named],
        *,
        level_s: int,
        stage: Stage,
        suffix: str,
    ) -> None:
        """Write into `directory`; `named` says whose each row is. Nothing is made before a row.

        `suffix` (letters and digits) tells apart files of the same span.
        """
        self.level_s = level_s
        self._directory, self._stage, self._suffix = directory, stage, suffix
        self._named = named
        self._most = ROWS_PER_GROUP[stage] * (_RAW_TIMES[stage] if level_s == SEALED_S else 1)
        self._waiting: list[Columns] = []
        self._draft: Draft | None = None
        self._series: list[tuple[NDArray[np.uint32], NDArray[np.int64]]] = []

    def add(self, columns: Columns) -> None:
        """Add windows of whole series, sorted by (place, start), each window once.

        Raises: StoreError; then `discard`.
        """
        if len(columns):
            self._waiting.append(columns)
        if sum(map(len, self._waiting)) >= self._most:
            self._flush(everything=False)

    def add_ordered(self, columns: Columns, order: NDArray[np.int64]) -> None:
        """Add the windows at `order`, as `add` wants them; none of them is copied before.

        Raises: StoreError; then `discard`.
        """
        self._flush(everything=True)
        for group in groups(columns.row[order], self._most):
            self._write(columns, order[group])

    def finish(self) -> Segment | None:
        """Put the file under its name, on the disk when this returns; None where nothing came.

        Raises: StoreError; nothing is left.
        """
        try:
            self._flush(everything=True)
        except BaseException:
            self.discard()
            raise
        if self._draft is None:
            return None
        rows, sizes = (np.concatenate(parts) for parts in zip(*self._series, strict=True))
        return self._draft.finish(seriesindex.encode(rows, sizes))

    def discard(self) -> None:
        """Leave nothing of the file."""
        if self._draft is not None:
            self._draft.discard()

    def _flush(self, *, everything: bool) -> None:
        """Write what waits in row groups; unless `everything`, the last one goes on waiting."""
        columns = concat(self._waiting)
        found = groups(columns.row, self._most)
        written = len(columns) if everything or not found else found[-1].start
        for group in found:
            if group.start < written:
                self._write(columns, np.arange(group.start, group.stop))
        self._waiting = [columns.slice(written, len(columns))]

    def _write(self, columns: Columns, places: NDArray[np.int64]) -> None:
        """Write the rows at `places` as a row group."""
        if self._draft is None:
            self._draft = Draft(
                *(self._directory, FORM),
                level_s=self.level_s,
                stage=self._stage,
                suffix=self._suffix,
            )
        told = packing.unsketched(columns, places)
        begins = np.flatnonzero(np.diff(told.row, prepend=told.row[:1] + np.uint32(1)))
        self._series.append((told.row[begins], np.diff(begins, append=places.size)))
        table = windowtable.table_of(told, packing.pack(columns, places), self._named)
        self._draft.write(table, (int(told.start_ns.min()), int(told.start_ns.max())))


def groups(key: NDArray[Any], most: int) -> list[slice]:
    """Return row groups of whole runs of a key, of `most` rows at most or of one run."""
    ends = np.append(np.flatnonzero(key[1:] != key[:-1]) + 1, key.size)
    found: list[slice] = []
    begin = 0
    while begin < key.size:
        last = np.searchsorted(ends, begin + most, side="right") - 1
        first = np.searchsorted(ends, begin, side="right")
        end = int(ends[max(first, last)])
        found.append(slice(begin, end))
        begin = end
    return found


def _files_of(hour: NDArray[np.int64], apart: int) -> NDArray[np.int64]:
    """Return the number of the file, from 0 on, for each row of an hour (n,)."""
    near: NDArray[np.int64] = hour - hour.min()
    if near.max() < apart:
        return near
    hours, place, sizes = np.unique(hour, return_inverse=True, return_counts=True)
    if hours.size <= apart:
        return place
    file = np.full(hours.size, apart)
    file[np.argsort(-sizes, kind="stable")[:apart]] = np.arange(apart)
    return file[place]


def write_windows(
    directory: Path,
    columns: Columns,
    named: Mapping[int, Named],
    suffix: str,
    *,
    places: NDArray[np.uint32] | None = None,
    stage: Stage = "sealed",
    apart: int = APART,
) -> list[Segment]:
    """Keep windows of 10 s, on disk when this returns: a file for each hour that they start in.

    Where these are more than `apart`, the hours with the fewest rows share one file.
    `named` says whose each of their rows is, `places` where each series stands (None: by number).

    Raises:
        StoreError: A file cannot be written; none is left under its final name.
    """
    if not len(columns):
        return []
    place = columns.row if places is None else places[columns.row]
    file = _files_of(columns.start_ns // HOUR_NS, apart)
    order = _order(file << 32 | place, columns.start_ns)
    begins = np.append(np.flatnonzero(np.diff(file[order], prepend=-1)), order.size)
    written: list[Segment] = []
    try:
        for begin, end in zip(begins[:-1].tolist(), begins[1:].tolist(), strict=True):
            writer = WindowsWriter(directory, named, level_s=SEALED_S, stage=stage, suffix=suffix)
            try:
                writer.add_ordered(columns, order[begin:end])
            except BaseException:
                writer.discard()
                raise
            written += filter(None, [writer.finish()])
    except BaseException:
        for segment in written:
            (directory / segment.name).unlink(missing_ok=True)
        raise
    return written


def _order(key: NDArray[np.int64], start_ns: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the order by (key, start): quickly where what shares a key comes in the order of time.

    So it does in windows that are given up, which are sorted by (row, start).
    """
    order = np.argsort(key, kind="stable")
    ordered, ordered_ns = key[order], start_ns[order]
    back = (ordered[1:] == ordered[:-1]) & (ordered_ns[1:] < ordered_ns[:-1])
    return np.lexsort((start_ns, key)) if back.any() else order


def read_windows(
    directory: Path,
    names: Sequence[str],
    *,
    rows: Collection[int] | None = None,
    from_ns: int,
    to_ns: int,
) -> Columns:
    """Return the windows that start in [from_ns, to_ns), of `rows` only unless that is None.

    Rows come file by file in the file's order; one series-window may come several times
    (`quantiles.merge` adds it up).

    Raises: as `windows`.
    """
    return concat(list(windows(directory, names, rows=rows, from_ns=from_ns, to_ns=to_ns)))


def windows(
    directory: Path,
    names: Sequence[str],
    *,
    rows: Collection[int] | None = None,
    from_ns: int,
    to_ns: int,
) -> Iterator[Columns]:
    """Yield what `read_windows` returns, a row group at a time.

    Files and row groups outside are not read.

    Raises:
        CorruptError: A file is torn or changed; the message names it.
        GoneError: A file is not there.
        StoreError: A file cannot be read, or is of a later schema.
    """
    wanted = _wanted(rows)
    if wanted is not None and not wanted.size:
        return
    for name in _overlapping(names, from_ns, to_ns):
        with segmentfile.opened(directory / name, "windows", SCHEMAS) as found:
            yield from _windows(found, wanted, from_ns, to_ns)


def read_summaries(
    directory: Path,
    names: Sequence[str],
    *,
    rows: Collection[int] | None = None,
    from_ns: int,
    to_ns: int,
) -> list[Summaries]:
    """Return the same as `read_windows`, without sketches; nothing of a file of schema 1 may match.

    Raises: as `read_windows`.
    """
    return list(summaries(directory, names, rows=rows, from_ns=from_ns, to_ns=to_ns))


def summaries(
    directory: Path,
    names: Sequence[str],
    *,
    rows: Collection[int] | None = None,
    from_ns: int,
    to_ns: int,
) -> Iterator[Summaries]:
    """Yield what `read_summaries` returns, a row group at a time.

    Raises: as `read_windows`.
    """
    for name in _overlapping(names, from_ns, to_ns):
        with segmentfile.opened(directory / name, "windows", {"2": windowtable.SCHEMA}) as found:
            for table in _tables(found, windowtable.SUMMARY, _wanted(rows), from_ns, to_ns):
                highest = packing.buckets(windowtable.largest_of(table, "max_s"))
                yield windowtable.summaries_of(table, highest)


def decoded(table: pa.Table) -> Columns:
    """Return the windows of a table of schema 2 that has the columns `windowtable.WHOLE`.

    Raises:
        ValueError: A sketch is not what a collector writes.
    """
    plain, sketch = windowtable.rows_of(table)
    octets, ends = windowtable.octets_of(sketch)
    offsets, bucket, bucket_count = packing.unpack(octets, ends, plain["min_s"])
    return Columns(**plain, offsets=offsets, bucket=bucket, bucket_count=bucket_count)


def _wanted(rows: Collection[int] | None) -> NDArray[np.uint32] | None:
    return None if rows is None else np.unique(np.fromiter(rows, np.uint32, len(rows)))


def _overlapping(names: Sequence[str], from_ns: int, to_ns: int) -> Iterator[str]:
    for name in names:
        begin_ns, end_ns = segmentfile.span_ns(name)
        if begin_ns < to_ns and from_ns < end_ns:
            yield name


def _windows(
    found: Opened, wanted: NDArray[np.uint32] | None, from_ns: int, to_ns: int
) -> Iterator[Columns]:
    """Yield the matching windows of each row group that can hold some."""
    if found.version == windowtable1.VERSION:
        yield from _windows_1(found, wanted, from_ns, to_ns)
        return
    for table in _tables(found, windowtable.WHOLE, wanted, from_ns, to_ns):
        yield decoded(table)


def _tables(
    found: Opened,
    columns: Sequence[str],
    wanted: NDArray[np.uint32] | None,
    from_ns: int,
    to_ns: int,
) -> Iterator[pa.Table]:
    """Yield the matching rows of each row group of a file of schema 2."""
    if found.series is None:
        raise ValueError("it has no index of its series")
    for group, places in found.series.where(wanted):
        table = found.file.read_row_group(group, columns=list(columns), use_threads=False)
        start_ns = windowtable.numbers(table["start"].cast(pa.int64()))[places]
        matching = places[(start_ns >= from_ns) & (start_ns < to_ns)]
        if matching.size == table.num_rows:
            yield table
        elif matching.size and matching[-1] - matching[0] == matching.size - 1:
            yield table.slice(int(matching[0]), matching.size)
        elif matching.size:
            yield table.take(pa.array(matching))


def _windows_1(
    found: Opened, wanted: NDArray[np.uint32] | None, from_ns: int, to_ns: int
) -> Iterator[Columns]:
    """Yield the matching windows of a file of schema 1."""
    for group in range(found.file.num_row_groups):
        table = found.file.read_row_group(group, columns=windowtable1.COLUMNS, use_threads=False)
        columns = windowtable1.columns_of(table)
        matching = (columns.start_ns >= from_ns) & (columns.start_ns < to_ns)
        if wanted is not None:
            matching &= np.isin(columns.row, wanted)
        yield columns.take(np.flatnonzero(matching))
