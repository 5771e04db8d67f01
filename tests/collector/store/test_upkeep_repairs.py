"""Copies of damaged files are taken in; weeks that come late make few files; clocks do no harm."""

import errno
from pathlib import Path

import pytest

from collector.errors import CorruptError, StoreError
from collector.listed import DAY_NS, HOUR_NS, LEVELS_S, Segment
from collector.samples.columns import Columns, concat
from collector.settings.retention import Retention
from collector.store import dues, holding, segmentfile, segments
from tests.fakes.collector_days import DAY0_NS, S_NS, spans, windows
from tests.fakes.upkept import Upkept, filled

DAY_OVER_NS = DAY0_NS + 26 * HOUR_NS
HOURS = (0, 1, 3)


def spoil(store: Upkept, segment: Segment) -> bytes:
    """Change one bit of a file; return what it was."""
    path = store.segments / segment.name
    octets = path.read_bytes()
    path.write_bytes(octets[:-20] + bytes([octets[-20] ^ 1]) + octets[-19:])
    return octets


def hourly(store: Upkept, level_s: int) -> list[Segment]:
    """Return the hours' files of a level."""
    return [s for s in store.listed if (s.kind, s.stage, s.level_s) == ("windows", "hour", level_s)]


def days(store: Upkept) -> list[int]:
    """Return the levels of the day."""
    return [s.level_s for s in store.listed if s.kind == "windows" and s.stage == "day"]


@pytest.mark.parametrize("level_s", LEVELS_S[:3])
@pytest.mark.parametrize("late", [False, True])
def test_a_level_that_was_unreadable_comes_back_with_its_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, level_s: int, *, late: bool
) -> None:
    """All hours of it are damaged as their day is compacted; the operator restores them later."""
    store = Upkept(tmp_path)
    held = filled(store, HOURS)
    store.work(DAY0_NS + 4 * HOUR_NS + 300 * S_NS)
    bad = hourly(store, level_s)
    copies = [spoil(store, segment) for segment in bad]
    assert 1 + len(HOURS) == store.work(DAY_OVER_NS)
    coarsest = {3600, LEVELS_S[-1]} if level_s == LEVELS_S[2] else {level_s}
    assert [one for one in LEVELS_S if one not in coarsest] == days(store)
    with pytest.raises(CorruptError, match="its checksum"):
        store.assert_holds(held)
    if late:
        monkeypatch.setattr(dues, "MANY", 2)
        held = concat([held, added(store)])
    assert late == store.work(DAY_OVER_NS)
    for segment, octets in zip(bad, copies, strict=True):
        (store.segments / segment.name).write_bytes(octets)
    assert 1 == store.work(DAY_OVER_NS)
    assert list(LEVELS_S) == sorted(days(store))
    assert [] == hourly(store, level_s)
    store.assert_holds(held)
    store.catalog.close()


def added(store: Upkept) -> Columns:
    """Seal late rows of the day that was compacted."""
    late = windows(list(spans([1, 5])), series=[1, 2], seed=50)
    store.seal(late, "late")
    return late


@pytest.mark.parametrize(("number", "blocks"), [(errno.EIO, False), (errno.EMFILE, True)])
def test_one_bad_sector_stops_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, *, blocks: bool
) -> None:
    """What the disk does not give is left like a damaged file; a host in need is waited for."""
    store = Upkept(tmp_path)
    filled(store, range(3))
    bad = store.listed[0]
    prove = segmentfile.prove

    def read(path: Path, size: int, modified_ns: int) -> None:
        if path.name == bad.name:
            raise OSError(number, "it fails")
        prove(path, size, modified_ns)

    monkeypatch.setattr(segmentfile, "prove", read)
    now_ns = DAY0_NS + 3 * HOUR_NS + 300 * S_NS
    if blocks:
        with pytest.raises(StoreError, match="it fails"):
            store.work(now_ns)
    else:
        assert 3 + 1 == store.work(now_ns)
        assert [bad] == [s for s in store.listed if s.stage == "sealed"]
    store.catalog.close()


def test_a_start_tries_again(tmp_path: Path) -> None:
    """A file that was restored while nothing ran is taken in like any other."""
    store = Upkept(tmp_path)
    held = filled(store, HOURS)
    store.work(DAY0_NS + 4 * HOUR_NS + 300 * S_NS)
    (bad, *_) = hourly(store, 60)
    octets = spoil(store, bad)
    store.work(DAY_OVER_NS)
    store.catalog.close()
    (store.segments / bad.name).write_bytes(octets)
    again = Upkept(tmp_path)
    assert 1 == again.work(DAY_OVER_NS)
    again.assert_holds(held)
    again.catalog.close()


def test_weeks_that_are_replayed_make_few_files(tmp_path: Path) -> None:
    """A thousand hours at each of forty checkpoints: some files each time, in the end the days."""
    store = Upkept(tmp_path, retention=Retention(windows_10s_days=99))
    hours = range(0, 1000, 20)
    now_ns = DAY0_NS + 1002 * HOUR_NS
    parts = []
    for number in range(40):
        part = windows(list(spans(hours, every_s=1800)), series=[number % 5], seed=number)
        before = len(store.listed)
        store.seal(part, f"{number}")
        assert segments.APART + 1 == len(store.listed) - before
        parts.append(part)
    written_ns = max(path.stat().st_mtime_ns for path in store.segments.iterdir())
    held = concat(parts)
    store.upkeep._holding.look(written_ns)
    assert all(store.upkeep._holding.fresh(s) for s in store.listed if dues._is_wide(s))
    store.work(max(written_ns + 2 * holding.FRESH_NS, now_ns))
    days = {hour // 24 for hour in hours}
    windows_left = [s for s in store.listed if s.kind == "windows"]
    assert {"day"} == {s.stage for s in windows_left}
    assert len(LEVELS_S) * len(days) == len(windows_left)
    store.assert_holds(held)
    store.catalog.close()


@pytest.mark.parametrize("with_data", [False, True])
def test_a_clock_a_year_ahead_and_back_takes_nothing_away(
    tmp_path: Path, *, with_data: bool
) -> None:
    """Whether agents share its error or not: all is there afterwards, and goes when it is old."""
    keep = Retention(windows_10s_days=4, windows_60s_days=4, windows_1h_days=4, windows_1d_days=4)
    store = Upkept(tmp_path, retention=keep)
    hours = [24 * day + 1 for day in range(4)]
    held = filled(store, hours)
    now_ns = DAY0_NS + 3 * DAY_NS + 4 * HOUR_NS
    store.work(now_ns)
    year_ns = now_ns + 365 * DAY_NS
    if with_data:
        future = windows([year_ns - 600 * S_NS, year_ns - 1200 * S_NS])
        store.seal(future, "future")
        held = concat([held, future])
    store.work(year_ns)
    store.work(now_ns)
    store.assert_holds(held)
    filled(store, [24 * 4 + 1, 24 * 5 + 1])
    store.work(DAY0_NS + 5 * DAY_NS + 4 * HOUR_NS)
    left = {s.first_ns // DAY_NS - DAY0_NS // DAY_NS for s in store.listed if s.kind == "windows"}
    assert [1, 2, 3, 4, 5] == sorted(left - {367, 368})
    store.catalog.close()
