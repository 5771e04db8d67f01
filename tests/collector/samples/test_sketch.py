"""The tables of the sketch: bounds exact to the last bit, one bound at most per table entry."""

import math

import numpy as np

from agent.records import Outcome
from collector.samples import sketch
from tests.oracles import sketch as oracle


def test_table_entries_hold_the_bounds_of_the_buckets() -> None:
    """Entry m >> 45 plus m carries exactly at the 63 bounds inside an octave, and nowhere else."""
    bounds = [sketch._mantissa(sub) for sub in range(1, sketch.PER_OCTAVE)]
    found = [
        int(sketch.CARRIES[mantissa >> 45]) + mantissa >> 52
        for bound in bounds
        for mantissa in (bound - 1, bound)
    ]
    assert [sub for pair in zip(range(63), range(1, 64), strict=True) for sub in pair] == found
    assert int(sketch.CARRIES[0]) >> 52 == 0
    assert (int(sketch.CARRIES[127]) + 2**52 - 1) >> 52 == 63


def test_bounds_are_the_largest_doubles_that_do_not_exceed_the_roots() -> None:
    """2**(sub / 64) lies between a bound and the double after it."""
    for sub in range(1, sketch.PER_OCTAVE):
        bound = 1.0 + sketch._mantissa(sub) / 2**52
        assert sub - 1 == oracle.bucket(bound)
        assert sub == oracle.bucket(math.nextafter(bound, math.inf))


def test_the_middle_is_equally_far_from_both_bounds() -> None:
    """The middle's relative distance to either bound is (g - 1) / (g + 1), below 0.5416 %."""
    growth = 2.0 ** (1 / 64)
    bound = (growth - 1) / (growth + 1)
    assert bound < 0.005416
    lows = 2.0 ** ((np.arange(sketch.CELLS) + sketch.FIRST_BUCKET) / 64)
    np.testing.assert_allclose(sketch.MIDDLES_S / lows - 1, bound, rtol=1e-12)
    np.testing.assert_allclose(1 - sketch.MIDDLES_S / (lows * growth), bound, rtol=1e-12)


def test_the_range_is_stated_in_whole_octaves() -> None:
    """0.95 us to 64 s: 26 octaves of 64 buckets, from -1280 to 383, a column per outcome."""
    assert (2.0**-20, 64.0) == (sketch.ZERO_LIMIT_S, sketch.LIMIT_S)
    assert (1664, -1280) == (sketch.CELLS, sketch.FIRST_BUCKET)
    assert len(Outcome) == sketch.OUTCOMES
