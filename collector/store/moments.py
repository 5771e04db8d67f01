"""Shell: the companion of an hour of windows of 60 s, sorted by time: who is worst now.

A question about all series at one time would read a file that is sorted by series whole. The
companion holds what such a question asks, a row for each window, sorted by (start, row):

    start        timestamp ns UTC   DELTA_BINARY_PACKED
    row          uint32             the collector's number of the series; DELTA_BINARY_PACKED
    p50, p99     int16              buckets of these quantiles (`collector.store.windowtable`),
                                    null without samples; BYTE_STREAM_SPLIT

A bucket says a quantile within 0.55 %; the exact extremes are in the windows themselves.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from collector.samples import packing
from collector.samples.columns import Summaries
from collector.store import segmentfile, segments, windowtable
from collector.store.listed import Segment
from collector.store.segmentfile import Draft, Form

LEVEL_S: Final = 60
"""Width of the windows that have a companion."""
_SPLIT: Final = "BYTE_STREAM_SPLIT"
_DELTA: Final = "DELTA_BINARY_PACKED"
SCHEMA: Final = pa.schema(
    [
        pa.field("start", pa.timestamp("ns", "UTC"), nullable=False),
        pa.field("row", pa.uint32(), nullable=False),
        pa.field("p50", pa.int16()),
        pa.field("p99", pa.int16()),
    ]
)
FORM: Final = Form(
    kind="moments",
    version="1",
    schema=SCHEMA,
    encodings={"start": _DELTA, "row": _DELTA, "p50": _SPLIT, "p99": _SPLIT},
)
_ROWS_PER_GROUP: Final = 65_536


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
    table = _table(parts)
    starts_ns = table["start"].cast(pa.int64())
    draft = Draft(directory, FORM, level_s=LEVEL_S, stage="hour", suffix=suffix)
    try:
        for begin in range(0, table.num_rows, _ROWS_PER_GROUP):
            group = table.slice(begin, _ROWS_PER_GROUP)
            last = begin + group.num_rows - 1
            draft.write(group, (starts_ns[begin].as_py(), starts_ns[last].as_py()))
    except BaseException:
        draft.discard()
        raise
    return [draft.finish()]


def read(
    directory: Path, names: Sequence[str], from_ns: int, to_ns: int
) -> tuple[NDArray[np.uint32], NDArray[np.int32]]:
    """Return row and bucket of p99 of each window of 60 s that starts in [from_ns, to_ns).

    The bucket is `packing.NOTHING` where there were no samples.

    Raises: as `segments.read_windows`.
    """
    rows: list[NDArray[np.uint32]] = [np.zeros(0, np.uint32)]
    found: list[NDArray[np.int32]] = [np.zeros(0, np.int32)]
    for name in names:
        begin_ns, end_ns = segmentfile.span_ns(name)
        if begin_ns < to_ns and from_ns < end_ns:
            for row, bucket in _read(directory / name, from_ns, to_ns):
                rows.append(row)
                found.append(bucket)
    return np.concatenate(rows), np.concatenate(found)


def _table(parts: Sequence[Summaries]) -> pa.Table:
    row, start_ns, received, middle = (
        np.concatenate([getattr(part, name) for part in parts])
        for name in ("row", "start_ns", "received", "middle")
    )
    order = np.lexsort((row, start_ns))
    silent = received[order] == 0
    arrays = [
        pa.array(start_ns[order]).cast(SCHEMA.field("start").type),
        pa.array(row[order]),
        *(pa.array(middle[order, k].astype(np.int16), mask=silent) for k in (0, 2)),
    ]
    return pa.table(arrays, schema=SCHEMA)


def _read(
    path: Path, from_ns: int, to_ns: int
) -> Iterator[tuple[NDArray[np.uint32], NDArray[np.int32]]]:
    with segmentfile.opened(path, "moments", {FORM.version: SCHEMA}) as found:
        for group in range(found.file.num_row_groups):
            statistics = found.file.metadata.row_group(group).column(0).statistics
            if statistics.max_raw < from_ns or statistics.min_raw >= to_ns:
                continue
            inside = from_ns <= statistics.min_raw and statistics.max_raw < to_ns
            columns = ["row", "p99"] if inside else ["row", "p99", "start"]
            table = found.file.read_row_group(group, columns=columns, use_threads=False)
            if not inside:
                starts_ns = windowtable.numbers(table["start"].cast(pa.int64()))
                begin, end = np.searchsorted(starts_ns, [from_ns, to_ns]).tolist()
                table = table.slice(begin, end - begin)
            p99 = windowtable.numbers(table["p99"].fill_null(packing.NOTHING))
            yield windowtable.numbers(table["row"]), p99.astype(np.int32)
