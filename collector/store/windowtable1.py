"""Bytes: windows of schema 1, which the release before wrote, read as they are.

Its sketches are two lists, `bucket_gaps` (the first bucket, then the steps to the next) and
`bucket_counts`; the rest of what is read is in columns of the same names as in schema 2. Rows are
sorted by (row, start), and nothing says where a series lies but the statistics of `row`.
"""

from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from agent.records import Outcome
from collector.samples.columns import Columns

VERSION: Final = "1"

_OUTCOMES: Final = ("received", *(f"outcome_{kind.name.lower()}" for kind in Outcome if kind))
_NAME: Final = pa.dictionary(pa.int32(), pa.string())
SCHEMA: Final = pa.schema(
    [
        *(pa.field(name, _NAME, nullable=False) for name in ("agent", "zone", "target")),
        pa.field("family", pa.uint8(), nullable=False),
        *(pa.field(name, _NAME, nullable=False) for name in ("protocol", "stamp")),
        pa.field("start", pa.timestamp("ns", "UTC"), nullable=False),
        *(pa.field(name, pa.float32()) for name in ("p50_s", "p90_s", "p99_s", "min_s", "max_s")),
        pa.field("sum_s", pa.float64(), nullable=False),
        *(pa.field(n, pa.int64(), nullable=False) for n in ("received", "lost", *_OUTCOMES[1:])),
        pa.field("row", pa.uint32(), nullable=False),
        pa.field("zero", pa.int64(), nullable=False),
        pa.field("bucket_gaps", pa.list_(pa.int16()), nullable=False),
        pa.field("bucket_counts", pa.list_(pa.int64()), nullable=False),
    ]
)
COLUMNS: Final = (
    *("row", "start", *_OUTCOMES, "zero", "sum_s", "min_s", "max_s"),
    *("bucket_gaps", "bucket_counts"),
)
"""Columns that `columns_of` needs."""


def columns_of(table: pa.Table) -> Columns:
    """Return the columns of a table, which has the columns `COLUMNS` at least."""
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
    """Return the buckets from the steps between them."""
    total = np.cumsum(gaps, dtype=np.int64)
    before = np.append(0, total)[offsets[:-1]]
    buckets: NDArray[np.int32] = (total - np.repeat(before, np.diff(offsets))).astype(np.int32)
    return buckets
