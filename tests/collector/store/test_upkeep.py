"""Upkeep changes how data are kept, never what is found."""

import os
import shutil
from pathlib import Path

import pytest

from collector.errors import StoreError
from collector.listed import DAY_NS, HOUR_NS, Segment
from collector.samples.columns import concat
from collector.samples.registry import Registered
from collector.settings.retention import Retention
from collector.settings.sinkrows import SinkSettings
from collector.store import compaction, dues
from collector.store.catalog import Catalog
from collector.store.upkeep import StoppedError
from tests.fakes.collector_days import (
    DAY0_NS,
    S_NS,
    answer,
    assert_same,
    chosen,
    spans,
    windows,
)
from tests.fakes.upkept import HOURS, Upkept, filled

NOW_NS = DAY0_NS + 28 * HOUR_NS + 300 * S_NS


def test_hours_become_a_day_and_answers_stay(tmp_path: Path) -> None:
    """A day and three hours of sealed files: at every step, the same before and after."""
    store = Upkept(tmp_path)
    held = filled(store)
    store.assert_holds(held)
    assert len(HOURS) + 1 == store.work(NOW_NS)
    store.assert_holds(held)
    hourly = [f"hour {level_s}" for level_s in (10, 60, 3600)] * 3
    daily = [f"day {level_s}" for level_s in (10, 60, 3600, 86400)]
    assert sorted([*hourly, *daily, *["moments"] * len(HOURS)]) == store.stages()
    assert {s.name for s in store.listed} == {path.name for path in store.segments.iterdir()}
    assert 0 == store.work(NOW_NS)
    assert store.listed == store.catalog.listed()
    store.catalog.close()


def test_late_rows_are_found_at_once_and_merged_with_the_next_day(tmp_path: Path) -> None:
    """Of an hour that is compacted, of a day that is; then nothing raw is left of either."""
    store = Upkept(tmp_path)
    held = filled(store)
    store.work(NOW_NS)
    for number, hour in enumerate((3, 26)):
        late = windows(list(spans([hour])), series=[1, 2], seed=70 + number)
        store.seal(late, f"late{number}")
        held = concat([held, late])
    store.assert_holds(held)
    assert 0 == store.work(NOW_NS)
    more = filled(store, (28, 47, 48))
    held = concat([held, more])
    assert 3 + 2 == store.work(DAY0_NS + 49 * HOUR_NS + 300 * S_NS)
    store.assert_holds(held)
    assert [] == [stage for stage in store.stages() if "sealed" in stage]
    store.catalog.close()


def test_what_a_sink_is_owed_is_compacted_when_its_bound_is_passed(tmp_path: Path) -> None:
    """Until then its hours wait; what is taken from it is counted as its overflow."""
    sink = SinkSettings(name="db", kind="victoriametrics", url="http://x", backlog_s=3 * 3600)
    store = Upkept(tmp_path, sinks=(sink,))
    filled(store, range(6))
    store.catalog.advance("db", 4)
    late_ns = DAY0_NS + 6 * HOUR_NS + 300 * S_NS
    assert 3 == store.work(late_ns)
    assert [3, 4, 5] == sorted(
        {(s.first_ns - DAY0_NS) // HOUR_NS for s in store.listed if s.stage == "sealed"}
    )
    taken = sum(s.rows for s in store.listed if s.stage == "hour" and s.level_s == 10)
    assert 0 < store.catalog.overflow("db") < taken
    before = store.catalog.overflow("db")
    store.catalog.advance("db", 99)
    assert 3 == store.work(late_ns)
    assert before == store.catalog.overflow("db")
    store.catalog.close()


def test_a_sink_is_owed_from_the_time_of_the_sealing_on(tmp_path: Path) -> None:
    """What an agent kept for days is not past a bound of hours when it comes."""
    sink = SinkSettings(name="db", kind="victoriametrics", url="http://x", backlog_s=3 * 3600)
    store = Upkept(tmp_path, sinks=(sink,))
    filled(store, range(3))
    store.catalog.advance("db", 0)
    come_ns = DAY0_NS + 40 * HOUR_NS
    for path in store.segments.iterdir():
        os.utime(path, ns=(come_ns, come_ns))
    assert 0 == store.work(come_ns + 3 * HOUR_NS)
    assert 0 == store.catalog.overflow("db")
    assert 0 < store.work(come_ns + 3 * HOUR_NS + S_NS)
    assert 0 < store.catalog.overflow("db")
    store.catalog.close()


def test_many_small_files_are_gathered_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many files an hour has, few are open at once, and nothing is lost."""
    monkeypatch.setattr(dues, "AT_ONCE", 3)
    store = Upkept(tmp_path)
    parts = [windows([DAY0_NS + n * 10 * S_NS], seed=n) for n in range(7)]
    for number, part in enumerate(parts):
        store.seal(part, f"{number}")
    assert 2 + 1 == store.work(DAY0_NS + HOUR_NS + 300 * S_NS)
    store.assert_holds(concat(parts))
    assert ["hour 10", "hour 3600", "hour 60", "moments"] == store.stages()
    store.catalog.close()


def test_a_level_goes_when_it_is_too_old(tmp_path: Path) -> None:
    """Files of raw windows are removed; coarser levels answer in their place."""
    keep = Retention(windows_10s_days=2, windows_60s_days=4)
    store = Upkept(tmp_path, retention=keep)
    held = filled(store, range(5))
    for day in (2, 3, 4):
        recent = windows([DAY0_NS + day * DAY_NS - 10 * S_NS])
        store.seal(recent, f"recent{day}")
    store.work(DAY0_NS + 4 * DAY_NS)
    old = [(s.kind, s.level_s) for s in store.listed if s.first_ns < DAY0_NS + DAY_NS]
    assert [("windows", 60), ("windows", 3600), ("windows", 86_400)] == old[-3:]
    assert ("windows", 10) not in old
    store.seal(windows([DAY0_NS + 5 * DAY_NS - 10 * S_NS]), "recent5")
    store.work(DAY0_NS + 5 * DAY_NS)
    old = [(s.kind, s.level_s) for s in store.listed if s.first_ns < DAY0_NS + DAY_NS]
    assert [("windows", 3600), ("windows", 86_400)] == old
    end_ns = DAY0_NS + DAY_NS
    for step_ns in (10 * S_NS, 3600 * S_NS):
        found = answer(store.segments, store.listed, DAY0_NS, end_ns, step_ns)
        assert_same(chosen(held, DAY0_NS, end_ns, 3600 * S_NS), found)
    store.catalog.close()


def test_late_rows_do_not_begin_a_level_that_went_again(tmp_path: Path) -> None:
    """It would hold them alone, and a question for its steps would find nothing else."""
    store = Upkept(tmp_path, retention=Retention(windows_10s_days=2))
    held = filled(store, range(5))
    now_ns = DAY0_NS + 2 * DAY_NS + 6 * HOUR_NS
    for hours in (72, 0):
        store.seal(windows([now_ns - hours * HOUR_NS - 600 * S_NS], series=[1]), f"recent{hours}")
    store.work(now_ns)
    assert 10 not in {s.level_s for s in store.listed if s.last_ns < DAY0_NS + DAY_NS}
    for hour in (20, 30):
        late = windows(list(spans([hour])), series=[1, 2], seed=hour)
        store.seal(late, f"late{hour}")
        held = concat([held, late])
    store.work(now_ns)
    day = DAY0_NS // DAY_NS
    of_day = [s for s in store.listed if s.last_ns // DAY_NS == day and s.kind == "windows"]
    assert [60, 3600, 86_400] == [s.level_s for s in of_day]
    found = answer(store.segments, store.listed, DAY0_NS, DAY0_NS + DAY_NS, 10 * S_NS)
    assert_same(chosen(held, DAY0_NS, DAY0_NS + DAY_NS, 60 * S_NS), found)
    store.catalog.close()


def test_a_damaged_file_is_left_and_the_rest_goes_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It stays listed, so that questions say so; its hour is compacted without it."""
    store = Upkept(tmp_path)
    filled(store, range(3))
    (bad, _, missing) = store.listed[:3]
    octets = bytearray((store.segments / bad.name).read_bytes())
    octets[len(octets) // 2] ^= 1
    (store.segments / bad.name).write_bytes(octets)
    (store.segments / missing.name).unlink()
    assert 3 + 2 == store.work(DAY0_NS + 3 * HOUR_NS + 300 * S_NS)
    assert [bad, missing] == [s for s in store.listed if s.stage == "sealed"]
    assert 9 == sum(s.stage == "hour" and s.kind == "windows" for s in store.listed)
    assert f"{bad.name}: its checksum" in caplog.text
    assert f"{missing.name}: No such file" in caplog.text
    assert 0 == store.work(NOW_NS - 20 * HOUR_NS)
    store.catalog.close()


@pytest.mark.parametrize("fails", ["fsync", "replace", "rename"])
def test_a_disk_that_fails_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: str
) -> None:
    """Without room for a file or the transaction all is as before; then it heals."""
    store = Upkept(tmp_path)
    held = filled(store, range(2))
    now_ns = DAY0_NS + 2 * HOUR_NS + 300 * S_NS
    there = {path.name for path in store.segments.iterdir()}

    def full(*_: object) -> None:
        raise (StoreError if fails == "replace" else OSError)(28, "No space left on device")

    with monkeypatch.context() as patch:
        if fails == "replace":
            patch.setattr(store.catalog, "replace", full)
        else:
            patch.setattr(os, "fsync", full) if fails == "fsync" else patch.setattr(
                Path, "replace", full
            )
        for _ in range(2):
            with pytest.raises(StoreError, match="No space left"):
                store.work(now_ns)
        left = {path.name for path in store.segments.iterdir()} - there
        assert 4 * (fails == "replace") == len(left)
        store.assert_holds(held)
    assert 2 == store.work(now_ns)
    store.assert_holds(held)
    assert {s.name for s in store.listed} == {path.name for path in store.segments.iterdir()}
    store.catalog.close()


def test_a_stop_ends_what_is_being_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The end of the program waits for no day to be compacted, and finds no part of one."""
    store = Upkept(tmp_path)
    held = filled(store, range(2))
    there = sorted(store.segments.iterdir())
    whole = compaction.hour

    def stopped(bench: compaction.Bench, inputs: list[Segment]) -> list[Segment]:
        store.upkeep.stop()
        return whole(bench, inputs)

    monkeypatch.setattr(compaction, "hour", stopped)
    assert not store.upkeep.step(NOW_NS)
    assert there == sorted(store.segments.iterdir())
    with pytest.raises(StoppedError):
        store.upkeep._watch()
    store.assert_holds(held)
    store.catalog.close()


def test_what_the_release_before_left_is_compacted(tmp_path: Path) -> None:
    """A store of version 1: its loose windows become hours of this version, all there."""
    kept = Path(__file__).parents[1] / "kept" / "store-1"
    shutil.copytree(kept, tmp_path / "store")
    store = Upkept(tmp_path / "store", _rows(tmp_path / "store"))
    before = [s for s in store.listed if s.kind == "windows"]
    held = concat(
        [
            compaction.segments.read_windows(store.segments, [s.name], from_ns=0, to_ns=1 << 62)
            for s in before
        ]
    )
    end_ns = max(s.last_ns for s in before) + 2 * HOUR_NS
    assert 1 == store.work(end_ns)
    assert ["hour 10", "hour 3600", "hour 60", "moments", "paths"] == store.stages()
    found = compaction.segments.read_windows(
        *(store.segments, [s.name for s in store.listed if s.level_s == 10 and s.rows]),
        from_ns=0,
        to_ns=1 << 62,
    )
    assert held.received.sum() == found.received.sum()
    store.catalog.close()


def _rows(directory: Path) -> list[Registered]:
    catalog = Catalog(directory)
    rows = catalog.load().rows
    catalog.close()
    return list(rows)
