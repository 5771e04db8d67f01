"""Compacted files hold exactly what the files before held, at every level."""

import resource
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from collector.errors import StoreError
from collector.listed import DAY_NS, HOUR_NS, LEVELS_S, Segment
from collector.samples.columns import Columns, concat
from collector.samples.registry import Registered, ranks
from collector.store import compaction, dues, judged, segmentfile, segments
from collector.store.compaction import Bench
from tests.fakes.collector_days import (
    DAY0_NS,
    S_NS,
    SERIES,
    answer,
    assert_same,
    chosen,
    named,
    registered,
    spans,
    windows,
)
from tests.fakes.collector_samples import BASE_NS, path_record

ROWS = registered()
STEPS_NS = [10 * S_NS, 60 * S_NS, 3600 * S_NS, DAY_NS, None]


def bench(directory: Path, suffix: str = "c1", rows: Sequence[Registered] = ROWS) -> Bench:
    """Return a bench for these series."""
    return Bench(
        directory=directory,
        named=named(rows),
        places=ranks(rows),
        suffix=suffix,
        watch=lambda: None,
    )


def sealed(directory: Path, columns: Columns, suffix: str) -> list[Segment]:
    """Write windows as a checkpoint does."""
    return segments.write_windows(directory, columns, named(ROWS), suffix, places=ranks(ROWS))


def assert_answers(directory: Path, listed: Sequence[Segment], columns: Columns) -> None:
    """What is listed answers for whole days, for parts of one, at each step."""
    for step_ns in STEPS_NS:
        for from_ns, to_ns in (
            (DAY0_NS, DAY0_NS + DAY_NS),
            (DAY0_NS + 1800 * S_NS, DAY0_NS + 5 * HOUR_NS + 70 * S_NS),
        ):
            found = answer(directory, listed, from_ns, to_ns, step_ns)
            expected = chosen(columns, from_ns, to_ns, step_ns)
            assert_same(expected, found, but=() if step_ns else ("start_ns",))


def test_an_hour_is_the_same_at_each_of_its_levels(tmp_path: Path) -> None:
    """Windows in several sealed files, some of them in parts, become a file a level."""
    parts = [windows(list(spans([3], every_s=90)), seed=seed) for seed in (1, 2)]
    before = [s for n, part in enumerate(parts) for s in sealed(tmp_path, part, f"{n}")]
    after = compaction.hour(bench(tmp_path), before)
    assert [("windows", 10), ("windows", 60), ("windows", 3600), ("moments", 60)] == [
        (segment.kind, segment.level_s) for segment in after
    ]
    assert {"hour"} == {segment.stage for segment in after}
    assert_answers(tmp_path, after, concat(parts))
    for segment in after[:3]:
        assert segment == segmentfile.describe(tmp_path, segment.name)
        found = segments.read_windows(tmp_path, [segment.name], from_ns=0, to_ns=1 << 62)
        step_ns = segment.level_s * S_NS
        assert_same(chosen(concat(parts), 0, 1 << 62, step_ns), _sorted(found))


def _sorted(columns: Columns) -> Columns:
    return columns.take(np.lexsort((columns.start_ns, columns.row)).astype(np.int64))


def test_a_day_adds_what_came_late_to_every_level(tmp_path: Path) -> None:
    """Hours, and sealed files of hours that were compacted or never were; then once more."""
    first = windows(list(spans(range(4))))
    hours = [
        segment
        for number in range(4)
        for segment in compaction.hour(
            bench(tmp_path, f"h{number}"), sealed(tmp_path, _of_hour(first, number), "1")
        )
    ]
    late = windows(list(spans([1, 7])), series=[0, 3], seed=9)
    raw = sealed(tmp_path, late, "late")
    inputs = [*(s for s in hours if s.kind == "windows"), *raw]
    companions = [s for s in hours if s.kind == "moments"]
    after = compaction.day(bench(tmp_path, "d1"), inputs)
    outdated = compaction.outdated(inputs, companions)
    assert [1] == [(s.first_ns - DAY0_NS) // HOUR_NS for s in outdated]
    assert list(LEVELS_S) == [s.level_s for s in after if s.kind == "windows"]
    assert [1, 7] == [(s.first_ns - DAY0_NS) // HOUR_NS for s in after if s.kind == "moments"]
    both = concat([first, late])
    assert_answers(tmp_path, after, both)
    later = windows(list(spans([1, 23])), series=[1], seed=10)
    again = compaction.day(
        bench(tmp_path, "d2"),
        [*(s for s in after if s.kind == "windows"), *sealed(tmp_path, later, "later")],
    )
    assert_answers(tmp_path, again, concat([both, later]))


def _of_hour(columns: Columns, number: int) -> Columns:
    inside = (columns.start_ns - DAY0_NS) // HOUR_NS == number
    return columns.take(np.flatnonzero(inside))


def test_a_day_whose_fine_levels_are_gone_keeps_what_the_coarse_ones_have(tmp_path: Path) -> None:
    """Late rows of a day of which retention has left windows of a day alone are added to those."""
    first, late = windows(list(spans([2]))), windows(list(spans([5])), seed=3)
    hours = compaction.hour(bench(tmp_path, "h"), sealed(tmp_path, first, "1"))
    inputs = [s for s in hours if s.kind == "windows"]
    day = compaction.day(bench(tmp_path, "d1"), inputs)
    left = [s for s in day if s.level_s == LEVELS_S[-1]]
    levels_s = dues.levels_left(left, left)
    again = compaction.day(bench(tmp_path, "d2"), [*left, *sealed(tmp_path, late, "2")], levels_s)
    assert [LEVELS_S[-1]] == [s.level_s for s in again]
    expected = chosen(concat([first, late]), DAY0_NS, DAY0_NS + DAY_NS, DAY_NS)
    assert_same(expected, answer(tmp_path, again, DAY0_NS, DAY0_NS + DAY_NS, DAY_NS))


def test_neighbours_share_row_groups(tmp_path: Path) -> None:
    """Series of one agent and zone follow each other; the file's metadata say where each lies."""
    (segment, *_) = compaction.hour(
        bench(tmp_path), sealed(tmp_path, windows(list(spans([0]))), "1")
    )
    table = pq.read_table(tmp_path / segment.name, columns=["agent", "zone", "row"]).to_pylist()
    pairs = list(dict.fromkeys((row["agent"], row["zone"]) for row in table))
    assert sorted(set(pairs)) == sorted(pairs)
    assert [0, 4, 2, 1, 3] == list(dict.fromkeys(row["row"] for row in table))
    assert SERIES == len({row["row"] for row in table})


def test_a_file_of_several_days_is_spread_over_them(tmp_path: Path) -> None:
    """What the release before wrote, and late rows of many hours: loose, owed to no sink."""
    folder = Path(__file__).parents[1] / "kept" / "store-1" / "segments"
    name = min(path.name for path in folder.glob("windows-*"))
    (tmp_path / name).write_bytes((folder / name).read_bytes())
    before = segmentfile.describe(tmp_path, name)
    (one,) = compaction.spread(bench(tmp_path, rows=registered(8)), before)
    assert ("loose", before.rows) == (one.stage, one.rows)
    columns = windows(list(spans([0, 1, 5, 24, 25, 80])))
    (wide,) = segments.write_windows(
        *(tmp_path, columns, named(ROWS), "x"), places=ranks(ROWS), apart=0
    )
    days = compaction.spread(bench(tmp_path), wide)
    assert ["loose"] * 3 == [s.stage for s in days]
    assert [0, 1, 3] == [(s.first_ns - DAY0_NS) // DAY_NS for s in days]
    assert [0, 1, 3] == [(s.last_ns - DAY0_NS) // DAY_NS for s in days]
    names = [s.name for s in days]
    found = segments.read_windows(tmp_path, names, from_ns=0, to_ns=1 << 62)
    assert_same(_sorted(columns), _sorted(found))


def test_what_fails_leaves_nothing(tmp_path: Path) -> None:
    """A stop between any two steps, and a disk that fails, leave the files that were there."""
    before = sealed(tmp_path, windows(list(spans([0]))), "1")
    hours = compaction.hour(bench(tmp_path, "h"), before)
    late = sealed(tmp_path, windows(list(spans([0])), seed=2), "2")
    inputs = [*(s for s in hours if s.kind == "windows"), *late]
    there = sorted(tmp_path.iterdir())
    for step in range(1, 20):
        calls = []

        def watch(calls: list[int] = calls, step: int = step) -> None:
            calls.append(1)
            if len(calls) == step:
                raise StoreError("the disk is gone")

        stopping = watched(bench(tmp_path, "d"), watch)
        try:
            written = compaction.day(stopping, inputs)
        except StoreError:
            assert there == sorted(tmp_path.iterdir())
        else:
            assert len(calls) < step
            for segment in written:
                (tmp_path / segment.name).unlink()
            break
    else:
        pytest.fail("the day has more steps than this test stops at")
    assert step > 4


def watched(made: Bench, watch: object) -> Bench:
    """Return the same bench under another eye."""
    fields = {name: getattr(made, name) for name in made.__dataclass_fields__}
    return Bench(**(fields | {"watch": watch}))


def test_paths_are_joined_in_the_order_of_their_starts(tmp_path: Path) -> None:
    """Files that overlap, and one of the schema before, become one; the newest come first."""
    folder = Path(__file__).parents[1] / "kept"
    (old,) = (path.name for path in folder.glob("paths-*.parquet"))
    (tmp_path / old).write_bytes((folder / old).read_bytes())
    inputs = [segmentfile.describe(tmp_path, old)]
    for suffix, seconds in (("1", (0, 5, 9)), ("2", (3, 7)), ("3", (20,))):
        records = [path_record(started_ns=BASE_NS + s * S_NS) for s in seconds]
        inputs.append(judged.write_paths(tmp_path, records, suffix)[0])
    expected = judged.read_paths(tmp_path, [s.name for s in inputs], limit=99)
    (after,) = compaction.joined(bench(tmp_path), inputs)
    assert ("day", 11) == (after.stage, after.rows)
    assert expected == judged.read_paths(tmp_path, [after.name], limit=99)
    assert expected[:3] == judged.read_paths(tmp_path, [after.name], limit=3)


def test_joined_files_are_read_a_row_group_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However large the files, also where they overlap; the row groups of the new one are full."""
    monkeypatch.setitem(judged.ROWS_PER_GROUP, "paths", 4)
    inputs = []
    for number in range(3):
        starts = [BASE_NS + (7 * s + number) * S_NS for s in range(number * 4, number * 4 + 21)]
        records = [path_record(started_ns=start_ns) for start_ns in starts]
        inputs.append(judged.write_paths(tmp_path, records, f"{number}")[0])
    sizes: list[int] = []
    groups_of = judged.groups_of

    def seen(table: pa.Table, kind: str) -> Iterator[tuple[pa.Table, tuple[int, int]]]:
        sizes.append(table.num_rows)
        return groups_of(table, kind)

    monkeypatch.setattr(judged, "groups_of", seen)
    expected = judged.read_paths(tmp_path, [s.name for s in inputs], limit=99)
    (after,) = compaction.joined(bench(tmp_path), inputs)
    assert expected == judged.read_paths(tmp_path, [after.name], limit=99)
    assert max(sizes) <= 3 * 4 + 3
    told = pq.read_metadata(tmp_path / after.name)
    rows = [told.row_group(group).num_rows for group in range(told.num_row_groups)]
    assert [4] * 15 + [3] == rows


def test_joined_verdicts_are_all_there(tmp_path: Path) -> None:
    """Rows are carried over as they are."""
    inputs = [
        judged.write_paths(tmp_path, [path_record(started_ns=BASE_NS + s * S_NS)], str(s))[1]
        for s in (2, 1, 3)
    ]
    (after,) = compaction.joined(bench(tmp_path), inputs)
    table = pq.read_table(tmp_path / after.name)
    starts = [int((row.timestamp() - BASE_NS / 1e9) + 0.5) for row in table["started"].to_pylist()]
    assert ([1, 2, 3], "hour") == (starts, after.stage)


@pytest.mark.slow
def test_memory_does_not_grow_with_the_day(tmp_path: Path) -> None:
    """A day of a million windows is compacted in less than 150 MB beside what there was."""
    rows = registered(500)
    hours: list[Segment] = []
    for hour in range(24):
        columns = windows(list(spans([hour], every_s=36)), series=range(500), seed=hour)
        raw = segments.write_windows(tmp_path, columns, named(rows), "1", places=ranks(rows))
        written = compaction.hour(bench(tmp_path, f"h{hour}", rows), raw)
        hours += [s for s in written if s.kind == "windows"]
    before_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    after = compaction.day(bench(tmp_path, "d", rows), hours)
    assert sum(s.rows for s in hours if s.level_s == 10) == after[0].rows > 1_000_000
    grown_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kib
    assert grown_kib < 150 * 1024
