"""The companion of an hour tells the p99 of each minute, and is a fraction of its windows."""

import tracemalloc
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from collector.listed import HOUR_NS, Segment
from collector.samples import packing
from collector.samples.columns import Columns, Summaries
from collector.samples.quantiles import merge
from collector.store import moments, segments
from collector.store.segments import WindowsWriter
from tests.fakes.collector_days import (
    DAY0_NS,
    S_NS,
    chosen,
    named,
    registered,
    spans,
    windows,
)

MINUTE_NS = 60 * S_NS
RANGES_NS = [
    (0, 1 << 62),
    (DAY0_NS + 240 * S_NS, DAY0_NS + 4000 * S_NS),
    (DAY0_NS + 241 * S_NS, DAY0_NS + 242 * S_NS),
    (DAY0_NS + 3000 * S_NS, DAY0_NS + 7200 * S_NS),
    (DAY0_NS - 9, DAY0_NS),
]


def minutes(directory: Path, hours: tuple[int, ...]) -> list[Segment]:
    """Write minutes of some hours, with silent ones among them."""
    columns = merge(windows(list(spans(hours, every_s=120))), MINUTE_NS)
    writer = WindowsWriter(directory, named(registered()), level_s=60, stage="hour", suffix="m")
    writer.add(columns)
    segment = writer.finish()
    assert segment is not None
    return [segment]


def by_row(row: np.ndarray, bucket: np.ndarray) -> list[int]:
    """Return the highest bucket of each series."""
    return packing.worst(row, bucket).tolist()


def expected_of(columns: Columns, span_ns: tuple[int, int]) -> Columns:
    """Return the minutes with samples that start in a range."""
    inside = chosen(columns, *span_ns, MINUTE_NS)
    return inside.take(np.flatnonzero(inside.received))


@pytest.mark.parametrize("rows_per_group", [7, 1 << 15])
@pytest.mark.parametrize("span_ns", RANGES_NS)
def test_what_is_read_is_what_the_windows_say(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    span_ns: tuple[int, int],
    rows_per_group: int,
) -> None:
    """The highest bucket of p99 by series: of whole hours and parts, of few row groups and many."""
    monkeypatch.setattr(moments, "_ROWS_PER_GROUP", rows_per_group)
    written = moments.write(tmp_path, minutes(tmp_path, (0, 1)), "c1")
    assert [("moments", 60, "hour")] == [(s.kind, s.level_s, s.stage) for s in written]
    expected = expected_of(windows(list(spans((0, 1), every_s=120))), span_ns)
    found = moments.read(tmp_path, written, *span_ns)
    assert by_row(expected.row, packing.middle(expected)[:, -1]) == by_row(*found)


def test_minutes_outside_the_range_are_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a part of an hour, row by row, what that part has, sorted by time."""
    monkeypatch.setattr(moments, "_ROWS_PER_GROUP", 10)
    written = moments.write(tmp_path, minutes(tmp_path, (0,)), "c1")
    span_ns = (DAY0_NS + 240 * S_NS, DAY0_NS + 1200 * S_NS)
    expected = expected_of(windows(list(spans((0, 1), every_s=120))), span_ns)
    row, found = moments.read(tmp_path, written, *span_ns)
    assert sorted(zip(expected.row, packing.middle(expected)[:, -1], strict=True)) == sorted(
        zip(row, found, strict=True)
    )
    read = pq.read_metadata(tmp_path / written[0].name)
    assert len(expected) < read.num_rows / 2


def test_a_part_of_the_minutes_is_written(tmp_path: Path) -> None:
    """Of a day's file the hour that is asked for; of an hour without minutes, nothing."""
    whole = minutes(tmp_path, (0, 1))
    second = (DAY0_NS + HOUR_NS, DAY0_NS + 2 * HOUR_NS)
    (written,) = moments.write(tmp_path, whole, "c1", second)
    assert (second[0], second[1] - 120 * S_NS) == (written.first_ns, written.last_ns)
    assert [] == moments.write(tmp_path, whole, "c2", (0, 1))


def test_silent_windows_take_no_room(tmp_path: Path) -> None:
    """A window without samples is in no row; where all are silent there is no file."""
    columns = merge(windows(list(spans((0,), every_s=60)), seed=8), MINUTE_NS)
    silent = columns.received == 0
    assert silent.any()
    for number, some in enumerate((columns, columns.take(np.flatnonzero(silent)))):
        writer = WindowsWriter(
            tmp_path, named(registered()), level_s=60, stage="hour", suffix=f"m{number}"
        )
        writer.add(some)
        made = writer.finish()
        assert made is not None
        written = moments.write(tmp_path, [made], f"c{number}")
        assert (some.received > 0).sum() == sum(segment.rows for segment in written)
        assert len(written) == (0 if number else 1)


def test_an_hour_is_written_without_its_summaries_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are read a row group at a time, and a quarter of each is kept."""
    (minute,) = minutes(tmp_path, (0,))
    names = [minute.name]
    (part,) = segments.read_summaries(tmp_path, names, from_ns=0, to_ns=1 << 62)
    many = part.take(np.arange(200_000) % len(part))
    octets = 30 * sum(getattr(many, field.name).nbytes for field in fields(many))

    def read(*_: object, **__: object) -> Iterator[Summaries]:
        for _ in range(30):
            yield many.take(np.arange(200_000))

    monkeypatch.setattr(segments, "summaries", read)
    tracemalloc.start()
    (written,) = moments.write(tmp_path, [minute], "n")
    _, highest = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert 30 * np.count_nonzero(many.received) == written.rows
    assert highest < octets * 0.9
