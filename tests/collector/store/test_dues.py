"""What is due is decided by what is listed and by the newest data, one thing at a time."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec
import pytest

from collector.listed import DAY_NS, HOUR_NS, LEVELS_S, Kind, Segment, Stage
from collector.settings.retention import Retention
from collector.store import dues
from tests.fakes.collector_days import DAY0_NS, S_NS

SETTLE_NS = 300 * S_NS
KEEP = Retention()
LATER_NS = DAY0_NS + 30 * HOUR_NS
HOURLY = LEVELS_S[:3]


def segment(
    hour: float, serial: int, *, kind: Kind = "windows", stage: Stage = "sealed", level_s: int = 10
) -> Segment:
    """Return a file of one minute, some hours after the first midnight."""
    first_ns = DAY0_NS + int(hour * HOUR_NS)
    return Segment(
        name=f"{kind}-{serial}",
        kind=kind,
        level_s=level_s if kind == "windows" else 0,
        stage=stage,
        rows=1,
        octets=1,
        first_ns=first_ns,
        last_ns=first_ns + 50 * S_NS,
        serial=serial,
    )


class Held(NamedTuple):
    """Serials of what is left alone."""

    of_sinks: Sequence[int] = ()
    of_today: Sequence[int] = ()
    unreadable: Sequence[int] = ()

    def owed(self, segment: Segment) -> bool:
        """Return whether a sink is owed it."""
        return segment.serial in self.of_sinks

    def fresh(self, segment: Segment) -> bool:
        """Return whether it was just written."""
        return segment.serial in self.of_today

    def left(self, segment: Segment) -> bool:
        """Return whether it cannot be read."""
        return segment.serial in self.unreadable


def what(
    segments: Iterable[Segment],
    now_ns: int = LATER_NS,
    held: Sequence[int] = (),
    fresh: Sequence[int] = (),
    left: Sequence[int] = (),
) -> tuple[str, list[int]] | None:
    """Return what is due and the serials of what it is about."""
    found = dues.due(list(segments), now_ns, SETTLE_NS, KEEP, Held(held, fresh, left))
    return None if found is None else (found.what, [s.serial for s in found.segments])


def wide(serial: int, *, stage: Stage = "sealed", rows: int = 1) -> Segment:
    """Return a file of late rows of the ten days before."""
    return msgspec.structs.replace(
        segment(-240, serial, stage=stage), last_ns=DAY0_NS - HOUR_NS, rows=rows
    )


def days(*numbers: int) -> list[Segment]:
    """Return files of episodes of these days: data that make them steady."""
    return [segment(24 * n + 23.9, 5000 + n, kind="crossings") for n in numbers]


NOW = segment(29.9, 900)
"""So that the data reach up to now."""
DAY = [segment(0, 100 + n, stage="day", level_s=level_s) for n, level_s in enumerate(LEVELS_S)]
HOUR = [segment(0, 10 + n, stage="hour", level_s=level_s) for n, level_s in enumerate(HOURLY)]


def test_nothing_is_due_in_an_empty_store() -> None:
    """And nothing in one whose hours go on."""
    assert None is what([])
    assert None is what([NOW])


def test_an_hour_is_compacted_once_it_is_settled() -> None:
    """Its windows may be open for a while after its end."""
    files = [segment(28.1, 1), segment(28.5, 2), NOW]
    end_ns = DAY0_NS + 29 * HOUR_NS
    assert None is what(files, end_ns + SETTLE_NS - 1)
    assert ("hour", [1, 2]) == what(files, end_ns + SETTLE_NS)


def test_hours_of_a_day_come_before_the_day() -> None:
    """Oldest first; late files of a compacted hour wait for the day."""
    late = segment(0.3, 20)
    assert ("hour", [1]) == what([segment(1, 1), segment(2, 2), NOW])
    assert ("day", [10, 11, 12, 20]) == what([*HOUR, late, NOW])
    assert None is what([*HOUR, late, NOW], DAY0_NS + 24 * HOUR_NS + SETTLE_NS)


def test_late_rows_of_a_compacted_day_wait_for_the_next_compaction() -> None:
    """Until another day is compacted they are additive; then they are merged, in one go."""
    late = [segment(5, 200), segment(6, 201)]
    assert None is what([*DAY, *late, NOW])
    another = segment(-20, 300, stage="day")
    assert ("day", [100, 101, 102, 103, 200, 201]) == what([*DAY, *late, another, NOW])


def test_many_late_files_do_not_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """An agent that replays a week makes no thousands of files."""
    monkeypatch.setattr(dues, "MANY", 3)
    late = [segment(5, 200 + n) for n in range(3)]
    assert None is what([*DAY, *late[:2], NOW])
    assert ("day", [100, 101, 102, 103, 200, 201, 202]) == what([*DAY, *late, NOW])


def test_more_files_than_are_read_at_once_are_gathered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of the fullest hour become one, until few enough are left for their hour or day."""
    monkeypatch.setattr(dues, "AT_ONCE", 2)
    hour = [segment(1 + n / 10, n) for n in range(3)]
    assert ("gathered", [0, 1]) == what([*hour, NOW])
    assert ("hour", [2, 9]) == what([hour[2], segment(1, 9, stage="loose"), NOW])
    late = [segment(0.1, 20), segment(5, 21), segment(5.1, 22)]
    hours = [*HOUR, *(segment(5, 30 + n, stage="hour", level_s=s) for n, s in enumerate(HOURLY))]
    assert ("gathered", [21, 22]) == what([*hours, *late, NOW])
    alone = [segment(h, 20 + h) for h in (0, 5, 6)]
    six = [segment(6, 40 + n, stage="hour", level_s=s) for n, s in enumerate(HOURLY)]
    found = what([*hours, *six, *alone, NOW])
    assert found is not None
    assert "day" == found[0]


def test_what_a_sink_is_owed_is_left_alone() -> None:
    """Its hour and its day wait for it; others do not."""
    files = [segment(1, 1), segment(1.5, 2), segment(2, 3), NOW]
    assert ("hour", [3]) == what(files, held=[2])
    assert None is what([segment(1, 1), NOW], held=[1])
    assert None is what([*HOUR, segment(0.2, 20), NOW], held=[20])


def test_a_file_of_several_days_is_spread_when_no_more_come() -> None:
    """It belongs to none of them; sealed it waits for the sinks, large it waits no longer."""
    assert ("spread", [1]) == what([wide(1), segment(1, 2), NOW])
    assert ("hour", [2]) == what([wide(1), segment(1, 2), NOW], fresh=[1])
    assert ("hour", [2]) == what([wide(1), segment(1, 2), NOW], held=[1])
    assert ("spread", [1]) == what([wide(1, rows=dues.WIDE_ROWS), NOW], fresh=[1])
    assert None is what([wide(1, rows=dues.WIDE_ROWS), NOW], held=[1])
    assert ("spread", [1]) == what([wide(1, stage="loose"), NOW], held=[1])


def test_many_files_of_several_days_become_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """While late rows keep coming they are spread once an hour, not at each checkpoint."""
    monkeypatch.setattr(dues, "WIDE", 3)
    late = [wide(n) for n in range(3)]
    assert None is what([*late[:2], NOW], fresh=range(3))
    assert ("gathered", [0, 1, 2]) == what([*late, NOW], fresh=range(3))
    large = wide(9, stage="loose", rows=dues.WIDE_ROWS)
    assert ("spread", [9]) == what([*late[:2], large, NOW], fresh=range(10))


def test_a_file_of_several_hours_goes_with_its_day() -> None:
    """It is of no hour."""
    both = msgspec.structs.replace(segment(1.9, 1, stage="loose"), last_ns=DAY0_NS + 2 * HOUR_NS)
    assert ("hour", [2]) == what([both, segment(1, 2), NOW])
    assert ("day", [10, 11, 12, 1]) == what([*HOUR, both, NOW])
    assert None is what([*HOUR, both, NOW], DAY0_NS + 20 * HOUR_NS)


def test_hours_that_can_be_read_again_are_taken_into_their_day() -> None:
    """Their level was not made, or lacks them; while they cannot be read the day stands."""
    hours = [segment(5, 30, stage="hour", level_s=60), segment(6, 31, stage="hour", level_s=60)]
    there = [*DAY[:1], *DAY[2:], *hours, NOW]
    assert None is what(there, left=[30, 31])
    assert ("day", [100, 102, 103, 31]) == what(there, left=[30])
    assert ("day", [100, 102, 103, 30, 31]) == what(there)
    assert LEVELS_S == dues.levels_left(DAY, there)
    hourly = segment(5, 32, stage="hour", level_s=3600)
    assert (10, 3600, 86_400) == dues.levels_left(DAY, [DAY[0], hourly])


def test_what_cannot_be_read_goes_when_it_is_too_old() -> None:
    """Hours with their level; raw files with the level that is kept longest."""
    hour = segment(5, 30, stage="hour", level_s=60)
    raw = segment(5, 31)

    def gone(age: int, left: Sequence[int]) -> tuple[str, list[int]] | None:
        return what([DAY[3], hour, raw, *days(age - 2, age - 1, age)], 1 << 62, left=left)

    assert "expired" != (gone(59, [30, 31]) or ("",))[0]
    assert ("expired", [30]) == gone(62, [30, 31])
    assert ("expired", [103, 30, 31]) == gone(3662, [30, 31])
    assert ("expired", [103, 30]) == gone(3662, [30])


@pytest.mark.parametrize("kind", ["paths", "verdicts", "crossings"])
def test_other_kinds_are_joined_by_the_hour_and_by_the_day(kind: Kind) -> None:
    """A single file stays; the stage says what it became."""
    one, two, three = (segment(h, n, kind=kind) for n, h in enumerate((1, 1.5, 2), 1))
    hour = segment(1, 9, kind=kind, stage="hour")
    assert None is what([one, NOW])
    assert ("joined", [1, 2]) == what([one, two, three, NOW])
    assert ("joined", [3, 9]) == what([three, hour, NOW])
    assert ("hour", "day") == (dues.stage_of([one, two]), dues.stage_of([three, hour]))


def test_what_is_too_old_goes_by_level() -> None:
    """Raw windows first, rollups later, evidence and episodes last; open days never."""
    files = [
        *DAY,
        segment(1, 1),
        segment(1, 2, kind="paths"),
        segment(1, 3, kind="verdicts"),
        msgspec.structs.replace(segment(1, 4, kind="moments"), level_s=60),
        segment(1, 5, kind="crossings"),
    ]

    def gone(age: int) -> tuple[str, list[int]] | None:
        return what([*files, *days(age - 2, age - 1, age)], DAY0_NS + age * DAY_NS)

    assert ("expired", [100]) == gone(16)
    assert ("expired", [100, 101, 4]) == gone(62)
    assert ("expired", [100, 101, 2, 4]) == gone(92)
    assert ("expired", [100, 101, 102, 2, 3, 4]) == gone(802)
    assert ("expired", [100, 101, 102, 103, 2, 3, 4, 5]) == gone(3662)


def test_a_clock_that_runs_ahead_closes_a_day_early_at_worst() -> None:
    """Time goes on with the data: a year ahead is a day behind the newest row."""
    year_ns = LATER_NS + 365 * DAY_NS
    assert None is what([*DAY, NOW], DAY0_NS + 30 * HOUR_NS)
    assert ("hour", [900]) == what([*DAY, NOW], year_ns)
    assert ("day", [900]) == what([*DAY, segment(29.9, 900, stage="hour")], year_ns)
    assert None is what([*DAY, segment(29.9, 900, stage="day")], year_ns)


def test_a_clock_that_runs_ahead_removes_nothing() -> None:
    """With data of its time, too: not before the third day, on which it may be right."""
    fortnight = [*DAY, *days(*range(1, 14))]
    year_ns = DAY0_NS + 380 * DAY_NS
    assert None is what(fortnight, year_ns)
    assert None is what([*fortnight, *days(380, 381)], year_ns + DAY_NS)
    assert ("expired", [100]) == what([*fortnight, *days(14)], year_ns)
    expected = [100, 101]
    assert ("expired", expected) == what([*fortnight, *days(380, 381, 382)], year_ns + 3 * DAY_NS)
    assert ("expired", [100]) == what([*fortnight, *days(14, 380)], DAY0_NS + 16 * DAY_NS)


def test_days_without_data_are_no_steady_ones() -> None:
    """Three days within thirty are: weekdays, or one a week."""
    assert dues.steady_ns(days(1, 2)) < 0
    for numbers, steady in (((1, 2, 3), 3), ((1, 8, 15), 15), ((1, 2, 3, 40), 3), ((1, 2, 33), -1)):
        rows = days(*numbers)
        expected = next((row.last_ns for row in rows if row.serial == 5000 + steady), -(1 << 62))
        assert expected == dues.steady_ns(reversed(rows))


def test_levels_that_went_are_not_left() -> None:
    """Of a day that is compacted those that are listed, be it as hours; all of one that is not."""
    assert LEVELS_S == dues.levels_left(HOUR, HOUR)
    assert LEVELS_S == dues.levels_left([segment(30, 1)], DAY)
    assert LEVELS_S[2:] == dues.levels_left([segment(5, 1)], [*DAY[2:], segment(5, 2)])
    assert LEVELS_S[1:] == dues.levels_left([segment(5, 1)], [*DAY[2:], HOUR[1]])
