"""Every window that starts in a range is found once, at the coarsest level that fits."""

from itertools import pairwise, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.listed import DAY_NS, HOUR_NS, LEVELS_S, Segment, Stage
from collector.store.levels import Piece, pieces
from tests.fakes.collector_days import DAY0_NS, S_NS

HOURLY = LEVELS_S[:3]


def segment(level_s: int, stage: Stage, begin_h: float, end_h: float) -> Segment:
    """Return windows of some hours after the first midnight."""
    return Segment(
        name=f"{level_s}-{stage}-{begin_h:g}",
        kind="windows",
        level_s=level_s,
        stage=stage,
        rows=1,
        octets=1,
        first_ns=DAY0_NS + int(begin_h * HOUR_NS),
        last_ns=DAY0_NS + int(end_h * HOUR_NS) - level_s * S_NS,
    )


STORE = [
    *(segment(level_s, "day", 0, 24) for level_s in LEVELS_S),
    *(segment(level_s, "hour", h, h + 1) for level_s, h in product(HOURLY, (24, 25))),
    segment(10, "sealed", 26, 26.1),
    segment(10, "loose", 3, 3.1),
]


def asked(
    from_h: float, to_h: float, step_s: int | None, store: list[Segment] = STORE
) -> list[tuple[list[str], float, float]]:
    """Return the pieces in hours after the first midnight."""
    found = pieces(
        store,
        DAY0_NS + int(from_h * HOUR_NS),
        DAY0_NS + int(to_h * HOUR_NS),
        None if step_s is None else step_s * S_NS,
    )
    return [
        (sorted(p.names), (p.from_ns - DAY0_NS) / HOUR_NS, (p.to_ns - DAY0_NS) / HOUR_NS)
        for p in found
    ]


def test_the_coarsest_level_that_divides_the_step_is_taken() -> None:
    """A day in steps of an hour reads hourly windows, and what came late beside them."""
    assert [(["10-loose-3"], 0, 24), (["3600-day-0"], 0, 24)] == asked(0, 24, 3600)
    assert [(["10-loose-3"], 0, 24), (["60-day-0"], 0, 24)] == asked(0, 24, 300)
    assert [(["10-loose-3"], 0, 24), (["10-day-0"], 0, 24)] == asked(0, 24, 90)
    assert [(["10-loose-3"], 0, 24), (["86400-day-0"], 0, 24)] == asked(0, 24, None)


def test_edges_come_from_finer_levels() -> None:
    """A range that begins within an hour takes its minutes, then its hours."""
    assert [
        (["10-loose-3"], 2.5, 5),
        (["60-day-0"], 2.5, 3),
        (["3600-day-0"], 3, 5),
    ] == asked(2.5, 5, 3600)
    assert [(["3600-day-0"], 4, 24), (["3600-hour-24", "3600-hour-25"], 24, 26)] == asked(
        4, 26, 7200
    )


def test_what_is_not_rolled_up_yet_is_added() -> None:
    """Hours that are not compacted come from what was sealed."""
    assert [
        (["10-sealed-26"], 24, 48),
        (["3600-hour-24", "3600-hour-25"], 24, 48),
    ] == asked(24, 48, 86_400)


def test_where_fine_levels_are_gone_the_finest_is_taken() -> None:
    """After retention a question for steps of 10 s gets the minutes that are left."""
    left = [row for row in STORE if (row.stage, row.level_s) != ("day", 10)]
    assert [(["10-loose-3"], 0.505, 4), (["60-day-0"], 0.505, 4)] == asked(0.505, 4, 10, left)


def test_a_coarse_window_with_samples_after_the_range_is_not_taken() -> None:
    """A day's samples that begin after a range's end are not in it, whatever the day's window."""
    late = [segment(10, "day", 15.04, 16), segment(60, "day", 15.03, 16)]
    late += [segment(3600, "day", 15, 16), segment(86_400, "day", 0, 24)]
    for step_s in (None, 86_400, 604_800):
        assert [] == asked(-9, 7.9, step_s, late)
    for step_s in (None, 3600):
        assert [] == asked(15, 15.02, step_s, late)
        assert [(["60-day-15.03"], 15, 15.05)] == asked(15, 15.05, step_s, late)


@settings(deadline=None)
@given(
    st.integers(-3600, 30 * 3600),
    st.integers(0, 30 * 3600),
    st.sampled_from([None, 10, 30, 60, 600, 3600, 7200, 86_400]),
)
def test_each_moment_of_compacted_time_is_asked_of_one_level(
    from_s: int, length_s: int, step_s: int | None
) -> None:
    """Pieces of hours and days neither overlap nor leave a gap within the range."""
    from_ns, to_ns = DAY0_NS + from_s * S_NS, DAY0_NS + (from_s + length_s) * S_NS
    found = pieces(STORE, from_ns, to_ns, None if step_s is None else step_s * S_NS)
    compacted = sorted(
        (piece for piece in found if not {"10-sealed-26", "10-loose-3"} & set(piece.names)),
        key=lambda piece: piece.from_ns,
    )
    covered = [(piece.from_ns, piece.to_ns) for piece in compacted]
    assert all(end <= begin for (_, end), (begin, _) in pairwise(covered))
    for day, of_day in ((0, "day"), (1, "hour")):
        begin_ns = max(from_ns, DAY0_NS + day * DAY_NS)
        end_ns = min(to_ns, DAY0_NS + (day + 1) * DAY_NS)
        last_ns = min(end_ns, DAY0_NS + (24 if day == 0 else 26) * HOUR_NS)
        here = [p for p in compacted if all(of_day in name for name in p.names)]
        seconds = sum(max(0, min(p.to_ns, last_ns) - max(p.from_ns, begin_ns)) for p in here)
        assert max(0, last_ns - begin_ns) == seconds


@pytest.mark.parametrize("step_s", [None, 10])
def test_outside_there_is_nothing(step_s: int | None) -> None:
    """A range before or behind all segments asks none."""
    assert [] == asked(-30, -1, step_s) == asked(60, 90, step_s)
    assert [Piece((), 10, 0, 0)][1:] == pieces([], 0, 1, None)
