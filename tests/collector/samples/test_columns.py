"""Columns carry each sketch with its row, whatever is done to the rows."""

import numpy as np

from agent.records import Outcome
from collector.samples.columns import DTYPES, UNANSWERED, Columns, concat, empty
from tests.fakes.collector_samples import sealed_windows


def sketch_of(columns: Columns, place: int) -> list[tuple[int, int]]:
    """Return the (bucket, count) pairs of one row."""
    part = slice(columns.offsets[place], columns.offsets[place + 1])
    return list(zip(columns.bucket[part], columns.bucket_count[part], strict=True))


def test_take_keeps_each_sketch_with_its_row() -> None:
    """Any order and any repetition of rows carries the sketches along."""
    columns = sealed_windows()
    places = [3, 0, 3, 12]
    taken = columns.take(np.array(places))
    assert columns.row[places].tolist() == taken.row.tolist()
    assert [sketch_of(columns, i) for i in places] == [sketch_of(taken, i) for i in range(4)]


def test_concat_puts_one_part_behind_the_other() -> None:
    """Rows and sketches of all parts come in order; empty parts change nothing."""
    first, second = sealed_windows(seed=1), sealed_windows(seed=2)
    joined = concat([empty(), first, empty(), second])
    places = range(len(joined))
    assert [sketch_of(joined, place) for place in places] == [
        *(sketch_of(first, place) for place in range(len(first))),
        *(sketch_of(second, place) for place in range(len(second))),
    ]
    for name in DTYPES.keys() - {"offsets"}:
        parts = [getattr(first, name), getattr(second, name)]
        np.testing.assert_array_equal(np.concatenate(parts), getattr(joined, name), name)


def test_nothing_has_the_types_of_something() -> None:
    """Empty columns have every column, of its type, and offsets that end at 0."""
    assert {name: dtype.newbyteorder("=") for name, dtype in DTYPES.items()} == {
        name: getattr(empty(), name).dtype for name in DTYPES
    }
    assert [0] == concat([]).offsets.tolist()
    assert (0, len(Outcome)) == empty().counts.shape


def test_groups_replace_the_row_alone() -> None:
    """Other numbers for the rows; what they hold stays."""
    columns = sealed_windows()
    grouped = columns.grouped(np.full(len(columns), 7, dtype=np.uint32))
    assert {7} == set(grouped.row.tolist())
    assert columns.received.tolist() == grouped.received.tolist()


def test_lost_counts_what_was_sent_and_not_answered() -> None:
    """A probe that never left the host, or was answered absurdly, is no loss."""
    columns = sealed_windows(series=1, windows=1)
    columns.counts[0] = 1
    assert [len(UNANSWERED), 0] == columns.lost.tolist()
    assert Outcome.SKIPPED not in UNANSWERED
