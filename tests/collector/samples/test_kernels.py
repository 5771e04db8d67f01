"""The kernels equal their oracle; this file runs with numba's compiler and without."""

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from collector.samples import kernels, sketch, windows
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
    return windows._allot(slots, pages)


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
    arrays = windows._grown(arrays)
    assert kernels.OK == kernels.fill(*batch, 0, 10**10, arrays)
    assert [2, 2, 2] == arrays.counts[:3, 0].tolist()


def test_fill_stops_where_pages_run_out() -> None:
    """With room for one page the second octave makes it return FULL; grown, nothing is lost."""
    rtt_s = np.array([0.01, 0.02, 0.01], dtype=np.float32)
    batch = (u32(1), u32(0, 3), rtt_s, np.zeros(3, dtype=np.uint16))
    arrays = live(pages=2)
    assert kernels.FULL == kernels.fill(*batch, 0, 10**10, arrays)
    arrays = windows._grown(arrays)
    assert kernels.OK == kernels.fill(*batch, 0, 10**10, arrays)
    assert arrays.counts[0, 0] == 3
    assert arrays.pages.sum() == 3


def test_tally_stops_where_slots_run_out() -> None:
    """Events of a third series make it return FULL at that event."""
    batch = (u32(1, 2, 1, 3), np.zeros(4, dtype=np.uint16), np.full(4, 1, dtype=np.uint8))
    arrays = live(slots=2)
    assert kernels.FULL == kernels.tally(*batch, 0, 10**10, arrays)
    arrays = windows._grown(arrays)
    assert kernels.OK == kernels.tally(*batch, 0, 10**10, arrays)
    assert [2, 1, 1] == arrays.counts[:3, 1].tolist()


@pytest.mark.parametrize(("slots", "pages"), [(1, 8), (2, 2)])
def test_absorb_says_when_its_arrays_are_too_small(slots: int, pages: int) -> None:
    """Two windows with a page each need two slots and two pages beside page 0."""
    code = kernels.absorb(
        np.array([1, 2]),
        np.ones((2, 10), dtype=np.int64),
        np.ones((2, 3)),
        np.array([0, 1, 2]),
        np.array([-5, 70], dtype=np.int32),
        np.array([1, 1]),
        live(slots, pages),
    )
    assert code == kernels.FULL


@settings(deadline=None)
@given(st.lists(st.integers(0, 2**31 - 1), unique=True, max_size=60))
def test_every_key_keeps_its_slot_when_the_index_grows(numbers: list[int]) -> None:
    """Slots are given in order of arrival; growing moves none, and a second search finds it."""
    arrays = live(slots=1)
    keys = [(number << 32) | (number % 7) for number in numbers]
    for slot, key in enumerate(keys):
        while (found := kernels._slot(key, arrays)) < 0:
            arrays = windows._grown(arrays)
        assert slot == found
    assert list(range(len(keys))) == [kernels._slot(key, arrays) for key in keys]


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
    open_windows._live = live(slots=1, pages=2)
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
