"""Tables of windows hold exactly what columns hold."""

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.samples import packing, quantiles
from collector.samples.columns import DTYPES, Columns, concat, empty
from collector.store import windowtable
from tests.fakes.collector_samples import sealed_windows, windows_table

SKETCHES = st.lists(
    st.dictionaries(st.integers(-1280, 383), st.integers(1, 2**40), max_size=6), max_size=5
)


def columns_with(sketches: list[dict[int, int]]) -> Columns:
    """Return rows with these sketches and other numbers that fit."""
    rows = len(sketches)
    received = np.array([sum(sketch.values()) for sketch in sketches], dtype=np.int64)
    counts = np.zeros((rows, 9), dtype=np.int64)
    counts[:, 0], counts[:, 8] = received, 2**40
    some = received > 0
    return Columns(
        row=np.arange(rows, dtype=np.uint32) + np.uint32(2**32 - 9),
        start_ns=np.arange(rows, dtype=np.int64) * 10**10,
        counts=counts,
        zero=np.arange(rows, dtype=np.int64),
        sum_s=received * 0.1,
        min_s=np.where(some, 0.01, np.inf).astype(np.float32),
        max_s=np.where(some, 0.1, -np.inf).astype(np.float32),
        offsets=np.cumsum([0, *map(len, sketches)]),
        bucket=np.array([b for sketch in sketches for b in sorted(sketch)], dtype=np.int32),
        bucket_count=np.array(
            [sketch[b] for sketch in sketches for b in sorted(sketch)], dtype=np.int64
        ),
    )


def assert_same(expected: Columns, found: Columns) -> None:
    """Compare all columns, with their types."""
    for name, dtype in DTYPES.items():
        np.testing.assert_array_equal(getattr(expected, name), getattr(found, name), name)
        assert dtype == getattr(found, name).dtype


def columns_of(table: pa.Table) -> Columns:
    """Return the columns of a table as a reader makes them."""
    plain, sketch = windowtable.rows_of(table)
    octets, ends = windowtable.octets_of(sketch)
    offsets, bucket, bucket_count = packing.unpack(octets, ends, plain["min_s"])
    return Columns(**plain, offsets=offsets, bucket=bucket, bucket_count=bucket_count)


@settings(deadline=None)
@given(SKETCHES)
def test_windows_survive_the_table(sketches: list[dict[int, int]]) -> None:
    """Every column comes back exactly, empty sketches between full ones too."""
    columns = columns_with(sketches)
    assert_same(columns, columns_of(windows_table(columns)))


@settings(deadline=None)
@given(SKETCHES, st.data())
def test_a_part_of_a_table_is_that_part(
    sketches: list[dict[int, int]], data: st.DataObject
) -> None:
    """A slice of a table holds the rows of the slice alone."""
    columns = columns_with(sketches)
    begin = data.draw(st.integers(0, len(columns)))
    end = data.draw(st.integers(begin, len(columns)))
    part = columns_of(windows_table(columns).slice(begin, end - begin))
    assert_same(columns.take(np.arange(begin, end)), part)


def test_parts_of_tables_come_back_too() -> None:
    """Rows that follow one another in several chunks are one table."""
    columns = sealed_windows()
    table = pa.concat_tables([windows_table(columns), windows_table(columns)])
    assert_same(concat([columns, columns]), columns_of(table))


def test_nothing_is_a_table_without_rows() -> None:
    """No windows, no rows; and back."""
    assert_same(empty(), columns_of(windows_table(empty())))


def test_what_was_not_received_is_null() -> None:
    """Analysts find no infinity: extremes and quantiles of a row without replies are null."""
    row = windows_table(sealed_windows()).slice(0, 1).to_pylist()[0]
    assert (9, 0, 1, None, None, None, None, None, b"") == tuple(
        row[name]
        for name in (
            *("row", "received", "lost", "min_s", "max_s", "p50", "p90_above", "p99_below"),
            "sketch",
        )
    )


def test_lost_is_what_went_out_in_vain() -> None:
    """Probes without a reply are lost whatever the reason; those that never went out are not."""
    columns = columns_with([{}])
    columns.counts[0] = range(9)
    row = windows_table(columns).to_pylist()[0]
    assert 1 + 2 + 3 + 4 == row["lost"] == columns.lost[0]
    assert list(range(9)) == [row["received"], *(row[n] for n in row if n.startswith("outcome_"))]


def test_quantiles_without_sketches_are_those_of_the_sketches() -> None:
    """What a reader is told without decoding a sketch is, to the last bit, what the sketch says."""
    columns = sealed_windows(series=40, windows=6, seed=5)
    table = windows_table(columns)
    highest = packing.buckets(windowtable.largest_of(table, "max_s"))
    found = windowtable.summaries_of(table, highest)
    some = columns.received > 0
    expected = quantiles.quantiles(columns)[some]
    values = [
        packing.values_s(found.middle[:, place], found.min_s, found.max_s)[some]
        for place in range(3)
    ]
    np.testing.assert_array_equal(expected, np.column_stack(values))
    for name in ("row", "start_ns", "received", "lost", "sum_s", "min_s", "max_s"):
        np.testing.assert_array_equal(getattr(columns, name), getattr(found, name), name)


def test_names_stand_in_each_row() -> None:
    """Rows of several series, in any order, name their own."""
    columns = sealed_windows()
    shuffled = columns.take(np.random.default_rng(2).permutation(len(columns)))
    for row in windows_table(shuffled).to_pylist():
        assert (("paris", "lyon")[row["row"] % 2], f"target-{row['row']}", 4) == tuple(
            row[name] for name in ("agent", "target", "family")
        )
