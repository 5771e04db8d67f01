"""The companion of an hour tells the p99 of each minute, and is a fraction of its windows."""

from pathlib import Path

import numpy as np

from collector.listed import HOUR_NS, Segment
from collector.samples import packing
from collector.samples.quantiles import merge
from collector.store import moments
from collector.store.segments import WindowsWriter
from tests.fakes.collector_days import (
    DAY0_NS,
    S_NS,
    SERIES,
    chosen,
    named,
    registered,
    spans,
    windows,
)

MINUTE_NS = 60 * S_NS


def minutes(directory: Path, hours: tuple[int, ...]) -> list[Segment]:
    """Write minutes of some hours, with silent ones among them."""
    columns = merge(windows(list(spans(hours, every_s=120))), MINUTE_NS)
    writer = WindowsWriter(directory, named(registered()), level_s=60, stage="hour", suffix="m")
    writer.add(columns)
    segment = writer.finish()
    assert segment is not None
    return [segment]


def test_what_is_read_is_what_the_windows_say(tmp_path: Path) -> None:
    """Row by row in a part of an hour, series by series for all of it: the bucket of p99."""
    written = moments.write(tmp_path, minutes(tmp_path, (0, 1)), "c1")
    assert [("moments", 60, "hour")] == [(s.kind, s.level_s, s.stage) for s in written]
    columns = windows(list(spans((0, 1), every_s=120)))
    for span_ns in (
        (0, 1 << 62),
        (DAY0_NS + 240 * S_NS, DAY0_NS + 4000 * S_NS),
        (DAY0_NS - 9, DAY0_NS),
    ):
        expected = chosen(columns, *span_ns, MINUTE_NS)
        bucket = packing.middle(expected)[:, -1]
        bucket[expected.received == 0] = packing.NOTHING
        row, found = moments.read(tmp_path, written, *span_ns)
        if span_ns == (0, 1 << 62):
            bucket = packing.worst(expected.row, bucket)
            assert list(range(SERIES)) == row.tolist()
        else:
            assert expected.row.tolist() == row.tolist()
        assert bucket.tolist() == found.tolist()


def test_a_part_of_the_minutes_is_written(tmp_path: Path) -> None:
    """Of a day's file the hour that is asked for; of an hour without minutes, nothing."""
    whole = minutes(tmp_path, (0, 1))
    second = (DAY0_NS + HOUR_NS, DAY0_NS + 2 * HOUR_NS)
    (written,) = moments.write(tmp_path, whole, "c1", second)
    assert (second[0], second[1] - 120 * S_NS) == (written.first_ns, written.last_ns)
    assert [] == moments.write(tmp_path, whole, "c2", (0, 1))


def test_silent_series_take_no_place_among_the_worst(tmp_path: Path) -> None:
    """Row groups begin anew: a silent first row, silent rows between, and several groups."""
    columns = merge(windows(list(spans((0,), every_s=60)), seed=8), MINUTE_NS)
    silent = columns.received == 0
    assert silent.any()
    writer = WindowsWriter(tmp_path, named(registered()), level_s=60, stage="hour", suffix="m")
    writer.add(columns)
    made = writer.finish()
    assert made is not None
    moments._ROWS_PER_GROUP, before = 7, moments._ROWS_PER_GROUP
    try:
        (written,) = moments.write(tmp_path, [made], "c1")
    finally:
        moments._ROWS_PER_GROUP = before
    row, bucket = moments.read(tmp_path, [written], 0, written.last_ns)
    within = columns.start_ns < written.last_ns
    columns, silent = columns.take(np.flatnonzero(within)), silent[within]
    np.testing.assert_array_equal(columns.row, row)
    np.testing.assert_array_equal(silent, bucket == packing.NOTHING)
    np.testing.assert_array_equal(packing.middle(columns)[~silent, -1], bucket[~silent])
