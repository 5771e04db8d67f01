"""Bytes: sealed windows and judged paths as Arrow tables and back, exactly.

`windows`, sorted by (row, start), row groups of 16,384 so that a series is found by statistics:

    column            type               transform (all lossless)
    row               uint32             dictionary
    start             timestamp ns UTC   deltas (DELTA_BINARY_PACKED)
    received, lost, unreachable, ...     int64, a column per outcome, dictionary
    zero              int64              dictionary
    sum_s             float64            BYTE_STREAM_SPLIT
    min_s, max_s      float32            BYTE_STREAM_SPLIT; null where nothing was received
    bucket_gaps       list<int16>        first bucket index (scale 6), then the steps to the next
    bucket_counts     list<int64>        beside each bucket

`paths`, sorted by start: agent, target, zone, started, reached, verdict (the worst of all
jurisdictions), and the whole `path` and `judgement` as JSON with sorted keys.
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from agent.records import Outcome, Path
from collector.columns import Columns
from collector.records import SEVERITY, Judgement, PathRecord, Verdict

TRANSFORMS: Final = (
    b"bucket_gaps: OpenTelemetry bucket index at scale 6 over seconds, the first absolute, "
    b"then differences; zero: samples of 0 to 2^-20 s; min_s, max_s: null without replies"
)

_OUTCOMES: Final = ("received", *(outcome.name.lower() for outcome in Outcome if outcome))
_MOMENT: Final = pa.timestamp("ns", "UTC")
_WINDOWS: Final = pa.schema(
    [
        pa.field("row", pa.uint32(), nullable=False),
        pa.field("start", _MOMENT, nullable=False),
        *(pa.field(name, pa.int64(), nullable=False) for name in _OUTCOMES),
        pa.field("zero", pa.int64(), nullable=False),
        pa.field("sum_s", pa.float64(), nullable=False),
        pa.field("min_s", pa.float32()),
        pa.field("max_s", pa.float32()),
        pa.field("bucket_gaps", pa.list_(pa.int16()), nullable=False),
        pa.field("bucket_counts", pa.list_(pa.int64()), nullable=False),
    ]
)
_PATHS: Final = pa.schema(
    [
        pa.field("agent", pa.string(), nullable=False),
        pa.field("target", pa.string(), nullable=False),
        pa.field("zone", pa.string(), nullable=False),
        pa.field("started", _MOMENT, nullable=False),
        pa.field("reached", pa.bool_(), nullable=False),
        pa.field("verdict", pa.string(), nullable=False),
        pa.field("path", pa.string(), nullable=False),
        pa.field("judgement", pa.string(), nullable=False),
    ]
)
SCHEMAS: Final = {"windows": _WINDOWS, "paths": _PATHS}
ENCODINGS: Final = {
    "start": "DELTA_BINARY_PACKED",
    "started": "DELTA_BINARY_PACKED",
    "sum_s": "BYTE_STREAM_SPLIT",
    "min_s": "BYTE_STREAM_SPLIT",
    "max_s": "BYTE_STREAM_SPLIT",
    "path": "PLAIN",
    "judgement": "PLAIN",
}


def windows_table(columns: Columns) -> pa.Table:
    """Return the table of `windows`."""
    silent = columns.received == 0
    offsets = pa.array(columns.offsets.astype(np.int32))
    arrays = {
        "row": pa.array(columns.row),
        "start": pa.array(columns.start_ns).cast(_MOMENT),
        **{name: pa.array(columns.counts[:, place]) for place, name in enumerate(_OUTCOMES)},
        "zero": pa.array(columns.zero),
        "sum_s": pa.array(columns.sum_s),
        "min_s": pa.array(columns.min_s, mask=silent),
        "max_s": pa.array(columns.max_s, mask=silent),
        "bucket_gaps": pa.ListArray.from_arrays(offsets, pa.array(_gaps(columns))),
        "bucket_counts": pa.ListArray.from_arrays(offsets, pa.array(columns.bucket_count)),
    }
    return pa.table(arrays, schema=_WINDOWS)


def _gaps(columns: Columns) -> NDArray[np.int16]:
    """Return each sketch's first bucket and then the steps to the next."""
    gaps = np.diff(columns.bucket, prepend=0)
    first = columns.offsets[:-1][np.diff(columns.offsets) > 0]
    gaps[first] = columns.bucket[first]
    return gaps.astype(np.int16)


def paths_table(records: Sequence[PathRecord]) -> pa.Table:
    """Return the table of `paths`."""
    judgements = [record.judgement for record in records]
    arrays = {
        "agent": [judgement.agent for judgement in judgements],
        "target": [judgement.target for judgement in judgements],
        "zone": [judgement.zone for judgement in judgements],
        "started": pa.array([judgement.started_ns for judgement in judgements]).cast(_MOMENT),
        "reached": [judgement.reached for judgement in judgements],
        "verdict": [_worst(judgement) for judgement in judgements],
        "path": [_json(record.path) for record in records],
        "judgement": [_json(judgement) for judgement in judgements],
    }
    return pa.table(arrays, schema=_PATHS)


def _worst(judgement: Judgement) -> str:
    """Return the worst verdict of all jurisdictions."""
    verdicts = [found.verdict for found in judgement.verdicts]
    return min(verdicts, key=SEVERITY.__getitem__, default=Verdict.UNDETERMINED).value


def _json(word: Path | Judgement) -> str:
    return msgspec.json.encode(word, order="deterministic").decode()


def columns_of(table: pa.Table) -> Columns:
    """Return the columns of a table of `windows`."""
    gaps, counts = (table[name].combine_chunks() for name in ("bucket_gaps", "bucket_counts"))
    offsets = np.zeros(table.num_rows + 1, dtype=np.int64)
    np.cumsum(gaps.value_lengths().to_numpy(), out=offsets[1:])
    return Columns(
        row=_numbers(table["row"]),
        start_ns=_numbers(table["start"].cast(pa.int64())),
        counts=np.column_stack([_numbers(table[name]) for name in _OUTCOMES]),
        zero=_numbers(table["zero"]),
        sum_s=_numbers(table["sum_s"]),
        min_s=_numbers(table["min_s"].fill_null(float("inf"))),
        max_s=_numbers(table["max_s"].fill_null(float("-inf"))),
        offsets=offsets,
        bucket=_unsplit(gaps.flatten().to_numpy(), offsets),
        bucket_count=_numbers(counts.flatten()),
    )


def _numbers(column: pa.ChunkedArray | pa.Array) -> NDArray[Any]:
    """Return a column without nulls as a numpy array that may be read only."""
    numbers: NDArray[Any] = column.to_numpy()
    return numbers


def _unsplit(gaps: NDArray[np.int16], offsets: NDArray[np.int64]) -> NDArray[np.int32]:
    """Return the buckets of which `_gaps` kept the steps."""
    total = np.cumsum(gaps, dtype=np.int64)
    before = np.append(0, total)[offsets[:-1]]
    buckets: NDArray[np.int32] = (total - np.repeat(before, np.diff(offsets))).astype(np.int32)
    return buckets


def path_records(table: pa.Table) -> list[PathRecord]:
    """Return the records of a table with the columns `path` and `judgement`.

    Raises:
        msgspec.DecodeError: A text is not the JSON of its word.
    """
    pairs = zip(table["path"].to_pylist(), table["judgement"].to_pylist(), strict=True)
    return [
        PathRecord(
            path=msgspec.json.decode(path, type=Path),
            judgement=msgspec.json.decode(judgement, type=Judgement),
        )
        for path, judgement in pairs
    ]
