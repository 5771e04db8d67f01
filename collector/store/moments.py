"""Shell: the companion of an hour of windows of 60 s: who is worst now.

A question about all series at one time would read a day's file, which is sorted by series, whole.
The companion of each hour holds what such a question asks, by (start, row), a row for each window
that has samples:

    row          uint32             the collector's number of the series; DELTA_BINARY_PACKED
    start        timestamp ns UTC   dictionary
    p99          int16              bucket of the quantile 0.99 (`collector.store.windowtable`);
                                    dictionary

A row group holds some whole minutes: a range reads those that it asks for. Nothing is compressed
with zstd: it would save a sixteenth, and take twice the time to read.

The file's metadata hold the highest bucket of each series in the whole hour (`borne.worst`, encoded
as `collector.store.seriesindex` does, each bucket less -32768): whole hours are told from there,
without a row being read.

A bucket says a quantile within 0.55 %; the exact extremes are in the windows themselves. What the
release before wrote (schema 1) is read as well: `collector.store.moments1`.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from collector.listed import Segment
from collector.samples import packing
from collector.samples.columns import Summaries
from collector.store import moments1, segmentfile, segments, seriesindex, windowtable
from collector.store.segmentfile import Draft, Form

LEVEL_S: Final = 60
"""Width of the windows that have a companion."""
SCHEMA: Final = pa.schema(
    [
        pa.field("row", pa.uint32(), nullable=False),
        pa.field("start", pa.timestamp("ns", "UTC"), nullable=False),
        pa.field("p99", pa.int16(), nullable=False),
    ]
)
FORM: Final = Form(
    kind="moments",
    version="2",
    schema=SCHEMA,
    encodings={"row": "DELTA_BINARY_PACKED"},
    measured=("start",),
    compressed=(),
)
_SCHEMAS: Final = {moments1.VERSION: moments1.SCHEMA, FORM.version: SCHEMA}
_START: Final = SCHEMA.get_field_index("start")
_ROWS_PER_GROUP: Final = 32_768
_REMEMBERED: Final = 100
"""Hours whose worst stay in memory: a day and its like, at some 80 kB for 10,000 series."""


class _Minutes(NamedTuple):
    """What a companion keeps of each window: a quarter of its summary, as an hour has many."""

    row: NDArray[np.uint32]
    start_ns: NDArray[np.int64]
    p99: NDArray[np.int16]


def write(
    directory: Path,
    minutes: Sequence[Segment],
    suffix: str,
    span_ns: tuple[int, int] = (-(1 << 62), 1 << 62),
) -> list[Segment]:
    """Keep the companion of the windows of 60 s in `minutes` that start within [begin, end).

    No samples, no file.

    Raises:
        StoreError: It cannot be read or written; nothing is left.
    """
    names = [segment.name for segment in minutes]
    told = _sorted(segments.summaries(directory, names, from_ns=span_ns[0], to_ns=span_ns[1]))
    if not told.row.size:
        return []
    draft = Draft(directory, FORM, level_s=LEVEL_S, stage="hour", suffix=suffix)
    try:
        for places in segments.groups(told.start_ns, _ROWS_PER_GROUP):
            starts_ns = told.start_ns[places]
            draft.write(_table(told, places), (int(starts_ns[0]), int(starts_ns[-1])))
    except BaseException:
        draft.discard()
        raise
    return [draft.finish(worst=_worst(told))]


def read(
    directory: Path, companions: Sequence[Segment], from_ns: int, to_ns: int
) -> tuple[NDArray[np.uint32], NDArray[np.int32]]:
    """Return rows and buckets: for each series the highest p99 of a minute in [from_ns, to_ns).

    A series may stand there several times, with what it had in parts of the range; one without
    samples may stand there with `packing.NOTHING`.

    Raises: as `segments.read_windows`.
    """
    rows: list[NDArray[np.uint32]] = [np.zeros(0, np.uint32)]
    found: list[NDArray[np.int32]] = [np.zeros(0, np.int32)]
    for segment in companions:
        path = directory / segment.name
        if from_ns <= segment.first_ns and segment.last_ns < to_ns:
            row, bucket = _whole(path)
            rows.append(row)
            found.append(bucket)
        elif segment.first_ns < to_ns and from_ns <= segment.last_ns:
            for row, bucket in _read(path, from_ns, to_ns):
                rows.append(row)
                found.append(bucket)
    return np.concatenate(rows), np.concatenate(found)


@lru_cache(maxsize=_REMEMBERED)
def _whole(path: Path) -> tuple[NDArray[np.uint32], NDArray[np.int32]]:
    """Return rows and buckets of the worst of each series in a file, which never changes."""
    with segmentfile.opened(path, "moments", _SCHEMAS) as found:
        row, above = seriesindex.decode(found.file.metadata.metadata.get(b"borne.worst", b""))
    return row, above.astype(np.int32) + packing.NOTHING


def _worst(told: _Minutes) -> bytes:
    row = np.unique(told.row)
    highest = packing.worst(told.row, told.p99.astype(np.int32))[row]
    return seriesindex.encode(row, highest.astype(np.int64) - packing.NOTHING)


def _sorted(parts: Iterable[Summaries]) -> _Minutes:
    """Return the windows with samples by (start, row)."""
    kept = [_Minutes(np.zeros(0, np.uint32), np.zeros(0, np.int64), np.zeros(0, np.int16))]
    for part in parts:
        heard = np.flatnonzero(part.received)
        p99 = part.middle[heard, 2].astype(np.int16)
        kept.append(_Minutes(part.row[heard], part.start_ns[heard], p99))
    row, start_ns, p99 = (
        np.concatenate([part.row for part in kept]),
        np.concatenate([part.start_ns for part in kept]),
        np.concatenate([part.p99 for part in kept]),
    )
    order = np.lexsort((row, start_ns))
    return _Minutes(row[order], start_ns[order], p99[order])


def _table(told: _Minutes, places: slice) -> pa.Table:
    """Return the table of one row group."""
    arrays = [
        pa.array(told.row[places]),
        pa.array(told.start_ns[places]).cast(SCHEMA.field("start").type),
        pa.array(told.p99[places]),
    ]
    return pa.table(arrays, schema=SCHEMA)


def _read(
    path: Path, from_ns: int, to_ns: int
) -> Iterator[tuple[NDArray[np.uint32], NDArray[np.int32]]]:
    with segmentfile.opened(path, "moments", _SCHEMAS) as found:
        if found.version == moments1.VERSION:
            yield from moments1.read(found.file, from_ns, to_ns)
            return
        inside: list[int] = []
        for group in range(found.file.num_row_groups):
            statistics = found.file.metadata.row_group(group).column(_START).statistics
            if from_ns <= statistics.min_raw and statistics.max_raw < to_ns:
                inside.append(group)
            elif statistics.min_raw < to_ns and from_ns <= statistics.max_raw:
                yield _told(found.file.read_row_group(group, use_threads=False), from_ns, to_ns)
        yield _told(found.file.read_row_groups(inside, ["row", "p99"], use_threads=False))


def _told(
    table: pa.Table, from_ns: int | None = None, to_ns: int = 0
) -> tuple[NDArray[np.uint32], NDArray[np.int32]]:
    """Return rows and buckets of a table; with `from_ns`, of the minutes in [from_ns, to_ns)."""
    row = windowtable.numbers(table["row"])
    bucket = windowtable.numbers(table["p99"]).astype(np.int32)
    if from_ns is None:
        return row, bucket
    starts_ns = windowtable.numbers(table["start"].cast(pa.int64()))
    within = (starts_ns >= from_ns) & (starts_ns < to_ns)
    return row[within], bucket[within]
