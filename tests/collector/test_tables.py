"""Tables hold exactly what columns and records hold."""

import msgspec
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.columns import DTYPES, Columns, concat, empty
from collector.records import Verdict
from collector.store import tables
from tests.fakes.collector_samples import path_record, sealed_windows, windows_table

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


@settings(deadline=None)
@given(SKETCHES)
def test_windows_survive_the_table(sketches: list[dict[int, int]]) -> None:
    """Every column comes back exactly, empty sketches between full ones too."""
    columns = columns_with(sketches)
    assert_same(columns, tables.columns_of(windows_table(columns)))


def test_parts_of_tables_come_back_too() -> None:
    """Rows that follow one another in several chunks are one table."""
    columns = sealed_windows()
    table = pa.concat_tables([windows_table(columns), windows_table(columns)])
    assert_same(concat([columns, columns]), tables.columns_of(table))


def test_nothing_is_a_table_without_rows() -> None:
    """No windows, no rows; and back."""
    assert_same(empty(), tables.columns_of(windows_table(empty())))


def test_what_was_not_received_is_null() -> None:
    """Analysts find no infinity: extremes of a row without replies are null, its losses counted."""
    row = windows_table(sealed_windows()).slice(0, 1).to_pylist()[0]
    assert (9, 0, 1, None, None, []) == tuple(
        row[name] for name in ("row", "received", "lost", "min_s", "max_s", "bucket_gaps")
    )


def test_lost_is_what_went_out_in_vain() -> None:
    """Probes without a reply are lost whatever the reason; those that never went out are not."""
    columns = columns_with([{}])
    columns.counts[0] = range(9)
    row = windows_table(columns).to_pylist()[0]
    assert 1 + 2 + 3 + 4 == row["lost"] == columns.lost[0]
    assert list(range(9)) == [row["received"], *(row[n] for n in row if n.startswith("outcome_"))]


def test_gaps_are_the_first_bucket_and_the_steps() -> None:
    """Buckets -5, -2 and 60 are kept as -5, 3, 62."""
    table = windows_table(columns_with([{-5: 1, -2: 1, 60: 1}, {}, {7: 2}]))
    assert [[-5, 3, 62], [], [7]] == table["bucket_gaps"].to_pylist()


def test_paths_survive_the_table() -> None:
    """Path and judgement come back equal, names outside ASCII and lost replies too."""
    records = [path_record(), path_record(agent="london", verdicts=())]
    table = tables.paths_table(records)
    assert records == tables.path_records(table)
    assert ["paris", "london"] == table["agent"].to_pylist()


@pytest.mark.parametrize(
    ("verdicts", "worst"),
    [
        ([Verdict.SUPPORTED_INSIDE, Verdict.PROVEN_OUTSIDE], "PROVEN_OUTSIDE"),
        ([Verdict.PROVEN_INSIDE, Verdict.CONTRADICTORY], "CONTRADICTORY"),
        ([Verdict.PROVEN_INSIDE], "PROVEN_INSIDE"),
        ([], "UNDETERMINED"),
    ],
)
def test_the_worst_verdict_is_a_column(verdicts: list[Verdict], worst: str) -> None:
    """The column holds the worst of all jurisdictions; without any, nothing was determined."""
    table = tables.paths_table([path_record(verdicts=verdicts)])
    assert [worst] == table["verdict"].to_pylist()


@settings(deadline=None)
@given(st.text(max_size=20))
def test_text_that_is_no_record_raises_its_documented_error(text: str) -> None:
    """Garbage in the JSON columns is a decode error, never a half-filled word."""
    table = pa.table({"path": [text], "judgement": [text]})
    with pytest.raises(msgspec.DecodeError):
        tables.path_records(table)
