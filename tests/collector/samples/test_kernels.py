"""The kernels equal their oracle; this file runs with numba's compiler and without."""

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from collector.samples import arena, kernels, sketch, windows
from tests.oracles import sketch as oracle

pytestmark = pytest.mark.kernel

IN_RANGE = st.floats(2.0**-20, 64.0, exclude_min=True)
CODES = {
    "zero": sketch.ZERO,
    "nan": sketch.NAN,
    "infinite": sketch.INFINITE,
    "negative": sketch.NEGATIVE,
    "absurd": sketch.ABSURD,
}


def cells(values_s: Sequence[float]) -> list[int]:
    """Return what the kernel says of the values."""
    exact = np.array(values_s, dtype=np.float64)
    found = np.empty(exact.size, dtype=np.uint16)
    kernels.cells_of(exact, exact.size, found)
    return [int(cell) for cell in found]


def expected_cell(value_s: float) -> int:
    """Return what the oracle says of one value."""
    word = oracle.kind(value_s)
    return oracle.bucket(value_s) - sketch.FIRST_BUCKET if word == "bucket" else CODES[word]


def live(slots: int = 8, pages: int = 64) -> sketch.Live:
    """Return empty arrays for a kernel."""
    return arena.allot(slots, pages)


def exported(arrays: sketch.Live, slot: int) -> dict[int, int]:
    """Return how many samples each bucket of a slot holds."""
    offsets = np.zeros(2, np.int64)
    bucket, counts = np.empty(sketch.CELLS + 1, np.int32), np.empty(sketch.CELLS + 1, np.int64)
    kernels.export(np.array([slot]), arrays, offsets, bucket, counts)
    return dict(zip(bucket[: offsets[1]].tolist(), counts[: offsets[1]].tolist(), strict=True))


def u32(*values: int) -> NDArray[np.uint32]:
    """Return a column of unsigned numbers."""
    return np.array(values, dtype=np.uint32)


def test_every_bucket_edge_falls_on_its_side() -> None:
    """At all 1,665 bounds the two doubles beside each fall where exact arithmetic says."""
    edges = [
        math.ldexp(2**52 + sketch._mantissa(cell % 64), cell // 64 - 20 - 52)
        for cell in range(sketch.CELLS + 1)
    ]
    values = [x for e in edges for x in (math.nextafter(e, 0), e, math.nextafter(e, math.inf))]
    assert [expected_cell(x) for x in values] == cells(values)


@settings(deadline=None)
@given(st.lists(IN_RANGE, max_size=50))
def test_bucket_equals_exact_arithmetic(values: list[float]) -> None:
    """Any double of the range lies in the bucket whose bounds enclose it."""
    assert [expected_cell(x) for x in values] == cells(values)


@settings(deadline=None)
@given(st.lists(st.floats(width=32), max_size=50))
def test_any_double_has_a_bucket_or_a_reason(values: list[float]) -> None:
    """Subnormals, infinities, NaN and negatives are told apart and never become a value."""
    assert [expected_cell(x) for x in values] == cells(values)


@pytest.mark.parametrize(
    ("value_s", "cell"),
    [
        (0.0, sketch.ZERO),
        (-0.0, sketch.ZERO),
        (5e-324, sketch.ZERO),
        (2.0**-20, sketch.ZERO),
        (math.nextafter(2.0**-20, 1), 0),
        (64.0, sketch.CELLS - 1),
        (math.nextafter(64.0, 65), sketch.ABSURD),
        (-5e-324, sketch.NEGATIVE),
        (math.inf, sketch.INFINITE),
        (-math.inf, sketch.INFINITE),
        (-math.nan, sketch.NAN),
    ],
)
def test_the_ends_of_the_range(value_s: float, cell: int) -> None:
    """Zero bucket below, `absurd` above, a reason for everything that is no time."""
    assert [cell] == cells([value_s])


def test_fill_stops_where_slots_run_out_and_goes_on_where_it_stopped() -> None:
    """With room for two series the third makes it return FULL; grown, nothing counts twice."""
    rtt_s = np.full(6, 0.01, dtype=np.float32)
    batch = (u32(1, 2, 3), u32(0, 2, 4, 6), rtt_s, np.zeros(6, dtype=np.uint16))
    arrays = live(slots=2)
    assert kernels.FULL == kernels.fill(*batch, 0, 10**10, arrays)
    assert arrays.state[sketch.NEXT] == 4
    arrays = arena.grown(arrays)
    assert kernels.OK == kernels.fill(*batch, 0, 10**10, arrays)
    assert [2, 2, 2] == arrays.counts[:3, 0].tolist()


def test_fill_stops_where_pages_run_out() -> None:
    """With room for one log the second series makes it return FULL; grown, nothing is lost."""
    rtt_s = np.array([0.01, 0.02, 0.01], dtype=np.float32)
    batch = (u32(1, 2), u32(0, 1, 3), rtt_s, np.zeros(3, dtype=np.uint16))
    arrays = live(pages=2)
    assert kernels.FULL == kernels.fill(*batch, 0, 10**10, arrays)
    assert arrays.state[sketch.NEXT] == 1
    arrays = arena.grown(arrays)
    assert kernels.OK == kernels.fill(*batch, 0, 10**10, arrays)
    assert [1, 2] == arrays.counts[:2, 0].tolist()
    assert [1, 2] == arrays.heads[:2, sketch.LOGGED].tolist()


def test_fill_stops_where_a_full_log_finds_no_pages() -> None:
    """The 129th sample needs pages to count the others in: all or none, and none is lost."""
    rtt_s = np.geomspace(2e-6, 60, 200, dtype=np.float32)
    batch = (u32(1), u32(0, 200), rtt_s, np.zeros(200, dtype=np.uint16))
    arrays = live(pages=28)
    assert kernels.FULL == kernels.fill(*batch, 0, 10**10, arrays)
    assert (sketch.LOG_CELLS, 2) == (arrays.state[sketch.NEXT], arrays.state[sketch.PAGES])
    arrays = arena.grown(arrays)
    assert kernels.OK == kernels.fill(*batch, 0, 10**10, arrays)
    assert [200 - sketch.LOG_CELLS] == arrays.heads[:1, sketch.LOGGED].tolist()
    assert exported(arrays, 0) == oracle.sketch(rtt_s.tolist())


def test_tally_stops_where_slots_run_out() -> None:
    """Events of a third series make it return FULL at that event."""
    batch = (u32(1, 2, 1, 3), np.zeros(4, dtype=np.uint16), np.full(4, 1, dtype=np.uint8))
    arrays = live(slots=2)
    assert kernels.FULL == kernels.tally(*batch, 0, 10**10, arrays)
    arrays = arena.grown(arrays)
    assert kernels.OK == kernels.tally(*batch, 0, 10**10, arrays)
    assert [2, 1, 1] == arrays.counts[:3, 1].tolist()


@pytest.mark.parametrize(("slots", "pages"), [(1, 64), (2, 28), (2, 29)])
def test_absorb_stops_where_its_arrays_are_too_small(slots: int, pages: int) -> None:
    """Without a slot, or pages for any sketch, it returns FULL; grown, nothing counts twice."""
    arrays = live(slots, pages)
    closed = (
        np.array([1, 2]),
        np.full((2, 10), 4, dtype=np.int64),
        np.ones((2, 3)),
        np.array([0, 1, 3]),
        np.array([-5, 70, 71], dtype=np.int32),
        np.array([4, 1, 3]),
    )
    calls = 1
    while kernels.absorb(*closed, arrays) == kernels.FULL:
        arrays = arena.grown(arrays)
        calls += 1
    assert calls > 1
    assert [4, 4] == arrays.counts[:2, 0].tolist()
    assert [{-5: 4}, {70: 1, 71: 3}] == [exported(arrays, 0), exported(arrays, 1)]


@pytest.mark.parametrize("times", [1, 128, 129, 10**6])
def test_absorbed_sketches_add_up_wherever_they_lie(times: int) -> None:
    """Few samples go to the log, many to counters; both are exported as one sketch."""
    arrays = live()
    entries = (np.array([0, 2]), np.array([-5, 70], dtype=np.int32), np.array([times, 1]))
    for _ in range(3):
        arrays.state[sketch.NEXT] = 0
        code = kernels.absorb(
            np.array([1]), np.full((1, 10), times + 1), np.ones((1, 3)), *entries, arrays
        )
        assert kernels.OK == code
    assert {-5: 3 * times, 70: 3} == exported(arrays, 0)
    assert not arrays.dense.any()


@settings(deadline=None)
@given(
    st.lists(st.floats(width=32), max_size=700),
    st.lists(st.integers(0, 0xFFFF), min_size=1, max_size=4),
    st.integers(1, 3),
)
def test_runs_are_summed_in_the_order_of_the_samples(
    values: list[float], times_ms: list[int], series: int
) -> None:
    """Counts and sums of each window are, to the last bit, those of one sample after the other.

    However windows change between samples, and wherever a block ends or an array has to grow.
    """
    dt_ms = [times_ms[place // 7 % len(times_ms)] for place in range(len(values))]
    cut = len(values) // series
    offsets = [cut * number for number in range(series)] + [len(values)]
    expected: dict[tuple[int, int], list[float]] = {}
    for number in range(series):
        for at in range(offsets[number], offsets[number + 1]):
            if oracle.kind(values[at]) in {"bucket", "zero"}:
                one = expected.setdefault((number, dt_ms[at] // 10_000), [0, 0.0, np.inf, -np.inf])
                one[:] = [
                    one[0] + 1,
                    one[1] + values[at],
                    min(one[2], values[at]),
                    max(one[3], values[at]),
                ]
    open_windows = windows.Windows()
    open_windows._live = live(slots=1, pages=29)
    open_windows.add(range(series), offsets, np.float32(values), dt_ms, 0)
    found = open_windows._live
    used = int(found.state[sketch.SLOTS])
    told = {
        (int(key & 0xFFFFFFFF), int(key >> 32)): [float(found.counts[slot, 0]), *stats]
        for slot, (key, stats) in enumerate(
            zip(found.keys[:used].tolist(), found.stats_s[:used].tolist(), strict=True)
        )
    }
    assert expected == told
