"""Bytes: companions of schema 1, which the release before wrote, read as they are.

Their rows are sorted by (row, start), so that every row group holds all minutes. `p50_step` is the
bucket of the median, less that of the row before in the row group, 0 without samples, in zigzag;
`p99_above` the bucket of the quantile 0.99, less that of the median, null without samples.
"""

from collections.abc import Iterator
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from collector.store import windowtable

VERSION: Final = "1"
SCHEMA: Final = pa.schema(
    [
        pa.field("row", pa.uint32(), nullable=False),
        pa.field("start", pa.timestamp("ns", "UTC"), nullable=False),
        pa.field("p50_step", pa.int16(), nullable=False),
        pa.field("p99_above", pa.int16()),
    ]
)


def read(
    file: pq.ParquetFile, from_ns: int, to_ns: int
) -> Iterator[tuple[NDArray[np.uint32], NDArray[np.int32]]]:
    """Yield rows and buckets of the quantile 0.99 of the minutes in [from_ns, to_ns).

    Minutes without samples are left out.
    """
    for group in range(file.num_row_groups):
        table = file.read_row_group(group, use_threads=False)
        starts_ns = windowtable.numbers(table["start"].cast(pa.int64()))
        told = (starts_ns >= from_ns) & (starts_ns < to_ns)
        told &= windowtable.numbers(table["p99_above"].is_valid())
        step = windowtable.numbers(table["p50_step"])
        median = np.cumsum((step >> 1) ^ -(step & 1), dtype=np.int32)
        bucket = median + windowtable.numbers(table["p99_above"].fill_null(0))
        yield windowtable.numbers(table["row"])[told], bucket[told]
