"""Windows that the first release wrote are read as it wrote them."""

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from collector.samples.columns import Columns
from collector.store import windowtable1

KEPT = Path(__file__).parents[1] / "kept" / "store-1" / "segments"


def kept() -> Columns:
    """Return the windows of the kept store."""
    (file,) = sorted(KEPT.glob("windows-*.parquet"))[:1]
    return windowtable1.columns_of(pq.read_table(file, columns=list(windowtable1.COLUMNS)))


def test_the_kept_file_has_the_columns_of_its_schema() -> None:
    """Names and types."""
    (file,) = sorted(KEPT.glob("windows-*.parquet"))[:1]
    assert pq.read_schema(file).equals(windowtable1.SCHEMA)


def test_every_reply_is_in_a_bucket() -> None:
    """The counts of a row's buckets and of its zero bucket are its replies."""
    columns = kept()
    assert len(columns) > 0
    within = np.add.reduceat(columns.bucket_count, columns.offsets[:-1])
    assert columns.received.tolist() == (within + columns.zero).tolist()


def test_buckets_rise_within_a_row() -> None:
    """The steps between them were added up from the first of each row."""
    columns = kept()
    for begin, end in zip(columns.offsets[:-1], columns.offsets[1:], strict=True):
        assert (np.diff(columns.bucket[begin:end]) > 0).all()
