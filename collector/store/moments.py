"""Shell: the companion of an hour of windows of 60 s: who is worst now.

A question about all series at one time would read a day's file, which is sorted by series, whole.
The companion of each hour holds what such a question asks, a row for each window, by (row, start):

    row          uint32             the collector's number of the series; dictionary
    start        timestamp ns UTC   DELTA_BINARY_PACKED
    p50_step     int16              bucket of the median (`collector.store.windowtable`), less that
                                    of the row before in the row group; 0 without samples; in zigzag
                                    (0, -1, 1, -2 ... as 0, 1, 2, 3 ...): no octet is spent on signs
    p99_above    int16              bucket of the quantile 0.99, less that of the median; null
                                    without samples

The file's metadata hold the highest bucket of the quantile 0.99 of each series in the whole hour
(`borne.worst`, encoded as `collector.store.seriesindex` does, each bucket less -32768): whole hours
are told from there, without a row being read.

Both buckets are BYTE_STREAM_SPLIT: as steps they take half the octets. A bucket says a quantile
within 0.55 %; the exact extremes are in the windows themselves.
"""

from collections.abc import Iterator, Sequence
from dataclasses import fields
from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from collector.listed import Segment
from collector.samples import packing
from collector.samples.columns import Summaries
from collector.store import segmentfile, segments, seriesindex, windowtable
from collector.store.segmentfile import Draft, Form

LEVEL_S: Final = 60
"""Width of the windows that have a companion."""
_SPLIT: Final = "BYTE_STREAM_SPLIT"
_DELTA: Final = "DELTA_BINARY_PACKED"
SCHEMA: Final = pa.schema(
    [
        pa.field("row", pa.uint32(), nullable=False),
        pa.field("start", pa.timestamp("ns", "UTC"), nullable=False),
        pa.field("p50_step", pa.int16(), nullable=False),
        pa.field("p99_above", pa.int16()),
    ]
)
FORM: Final = Form(
    kind="moments",
    version="1",
    schema=SCHEMA,
    encodings={"start": _DELTA, "p50_step": _SPLIT, "p99_above": _SPLIT},
)
_START: Final = SCHEMA.get_field_index("start")
_ROWS_PER_GROUP: Final = 65_536
_REMEMBERED: Final = 100
"""Hours whose worst stay in memory: a day and its like, at some 80 kB for 10,000 series."""


def write(
    directory: Path,
    minutes: Sequence[Segment],
    suffix: str,
    span_ns: tuple[int, int] = (-(1 << 62), 1 << 62),
) -> list[Segment]:
    """Keep the companion of the windows of 60 s in `minutes` that start within [begin, end).

    No windows, no file.

    Raises:
        StoreError: It cannot be read or written; nothing is left.
    """
    parts = segments.read_summaries(
        directory, [s.name for s in minutes], from_ns=span_ns[0], to_ns=span_ns[1]
    )
    if not parts:
        return []
    told = _sorted(parts)
    draft = Draft(directory, FORM, level_s=LEVEL_S, stage="hour", suffix=suffix)
    try:
        for begin in range(0, len(told), _ROWS_PER_GROUP):
            places = np.arange(begin, min(begin + _ROWS_PER_GROUP, len(told)))
            group = told.take(places)
            draft.write(_table(group), (int(group.start_ns.min()), int(group.start_ns.max())))
    except BaseException:
        draft.discard()
        raise
    return [draft.finish(worst=_worst(told))]


def read(
    directory: Path, companions: Sequence[Segment], from_ns: int, to_ns: int
) -> tuple[NDArray[np.uint32], NDArray[np.int32]]:
    """Return rows and buckets: for each series the highest p99 of a minute in [from_ns, to_ns).

    A series may stand there several times, with what it had in parts of the range. The bucket is
    `packing.NOTHING` where there were no samples.

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
    with segmentfile.opened(path, "moments", {FORM.version: SCHEMA}) as found:
        row, above = seriesindex.decode(found.file.metadata.metadata.get(b"borne.worst", b""))
    return row, above.astype(np.int32) + packing.NOTHING


def _worst(told: Summaries) -> bytes:
    bucket = np.where(told.received == 0, packing.NOTHING, told.middle[:, 2])
    begins = np.flatnonzero(np.diff(told.row, prepend=told.row[:1] + np.uint32(1)))
    highest = np.maximum.reduceat(bucket, begins)
    return seriesindex.encode(told.row[begins], highest - packing.NOTHING)


def _sorted(parts: Sequence[Summaries]) -> Summaries:
    together = Summaries(
        **{
            field.name: np.concatenate([getattr(part, field.name) for part in parts])
            for field in fields(Summaries)
        }
    )
    return together.take(np.lexsort((together.start_ns, together.row)).astype(np.int64))


def _table(told: Summaries) -> pa.Table:
    """Return the table of one row group."""
    silent = told.received == 0
    last = np.maximum.accumulate(np.where(silent, 0, np.arange(len(told))))
    median = np.where(silent[last], 0, told.middle[last, 0])
    arrays = [
        pa.array(told.row),
        pa.array(told.start_ns).cast(SCHEMA.field("start").type),
        pa.array(_zigzag(np.diff(median, prepend=0)).astype(np.int16)),
        pa.array((told.middle[:, 2] - median).astype(np.int16), mask=silent),
    ]
    return pa.table(arrays, schema=SCHEMA)


def _read(
    path: Path, from_ns: int, to_ns: int
) -> Iterator[tuple[NDArray[np.uint32], NDArray[np.int32]]]:
    with segmentfile.opened(path, "moments", {FORM.version: SCHEMA}) as found:
        for group in range(found.file.num_row_groups):
            statistics = found.file.metadata.row_group(group).column(_START).statistics
            if statistics.max_raw < from_ns or statistics.min_raw >= to_ns:
                continue
            inside = from_ns <= statistics.min_raw and statistics.max_raw < to_ns
            columns = ["row", "p50_step", "p99_above", *(() if inside else ("start",))]
            table = found.file.read_row_group(group, columns=columns, use_threads=False)
            above = table["p99_above"]
            step = windowtable.numbers(table["p50_step"])
            median = np.cumsum((step >> 1) ^ -(step & 1), dtype=np.int32)
            bucket = median + windowtable.numbers(above.fill_null(0))
            if above.null_count:
                bucket[windowtable.numbers(above.is_null())] = packing.NOTHING
            row = windowtable.numbers(table["row"])
            if not inside:
                starts_ns = windowtable.numbers(table["start"].cast(pa.int64()))
                within = (starts_ns >= from_ns) & (starts_ns < to_ns)
                row, bucket = row[within], bucket[within]
            yield row, bucket


def _zigzag(step: NDArray[np.int32]) -> NDArray[np.int32]:
    return (step << 1) ^ (step >> 31)
