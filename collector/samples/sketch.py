"""Words: the sketch of round-trip times, its buckets, its range and the arrays it lives in.

The sketch is a base-2 exponential histogram of scale 6 over float64 seconds, with upper-inclusive
bounds as OpenTelemetry defines them (metrics data model, "ExponentialHistogram"):

    bucket i holds  2**(i / 64) < x <= 2**((i + 1) / 64)      i = ceil(64 log2 x) - 1

Prometheus' native histograms of schema 6 have the same buckets, numbered i + 1. The range is
2**-20 s < x <= 2**6 s (0.95 us to 64 s): buckets -1280 to 383. What lies in 0 <= x <= 2**-20 s
counts in the zero bucket; everything else is rejected with a reason and is never a value.

A *cell* is a bucket's place in that range (i + 1280) or, from `ZERO` on, the zero bucket or the
reason of a rejection. A *page* is the 64 cells of one octave; an open series-window owns only the
pages it has samples in: half to one kB in all instead of 6.7 kB.
"""

from itertools import pairwise
from math import isqrt, ldexp
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

SCALE: Final = 6
PER_OCTAVE: Final = 1 << SCALE
LOWEST_EXPONENT: Final = -20
HIGHEST_EXPONENT: Final = 6
OCTAVES: Final = HIGHEST_EXPONENT - LOWEST_EXPONENT
CELLS: Final = OCTAVES * PER_OCTAVE
FIRST_BUCKET: Final = LOWEST_EXPONENT * PER_OCTAVE
ZERO_LIMIT_S: Final = 2.0**LOWEST_EXPONENT
LIMIT_S: Final = 2.0**HIGHEST_EXPONENT

ZERO: Final = CELLS
NAN: Final = CELLS + 1
INFINITE: Final = CELLS + 2
NEGATIVE: Final = CELLS + 3
ABSURD: Final = CELLS + 4
REASONS: Final = ("nan", "infinite", "negative", "absurd")
"""Words for the rejections, in the order of their cells from `NAN` on."""

OUTCOMES: Final = 9
"""Values of `agent.records.Outcome`; 0 counts the accepted replies."""
ZEROS: Final = OUTCOMES
"""Column of the counts that holds the zero bucket."""
SUM: Final = 0
MIN: Final = 1
MAX: Final = 2
"""Columns of the statistics."""
NEXT: Final = 0
SLOTS: Final = 1
PAGES: Final = 2
"""Places in the state: next sample to take, slots in use, pages in use (with page 0)."""
ROW_BITS: Final = 32
"""Bits of a row in a key."""

PPM: Final = 1_000_000

MANTISSA_BITS: Final = 52
TABLE_BITS: Final = 7


def _mantissa(sub: int) -> int:
    """Return the mantissa of the largest float64 <= 2**(sub / 64): an exact 64th root."""
    root = 1 << (sub + (MANTISSA_BITS << SCALE))
    for _ in range(SCALE):
        root = isqrt(root)
    return root - (1 << MANTISSA_BITS)


def _carries() -> NDArray[np.uint64]:
    """Return per 1/128 of the mantissa (cells below << 52) + 2**52 - (the bound inside it)."""
    bounds = [_mantissa(sub) for sub in range(1, PER_OCTAVE)]
    shift = MANTISSA_BITS - TABLE_BITS
    table = []
    for part in range(1 << TABLE_BITS):
        below = sum(bound < part << shift for bound in bounds)
        inside = [bound for bound in bounds if bound >> shift == part]
        carry = (1 << MANTISSA_BITS) - inside[0] if inside else 0
        table.append((below << MANTISSA_BITS) + carry)
    return np.array(table, dtype=np.uint64)


def _middles() -> NDArray[np.float64]:
    """Return the value that stands for each cell: 2 L U / (L + U) of its bounds, in seconds.

    Its relative distance to both bounds is the same, (g - 1) / (g + 1) with g = 2**(1 / 64).
    """
    edges = [
        ldexp((1 << MANTISSA_BITS) + _mantissa(cell % PER_OCTAVE), exponent - MANTISSA_BITS)
        for cell in range(CELLS + 1)
        for exponent in [LOWEST_EXPONENT + cell // PER_OCTAVE]
    ]
    return np.array([2.0 * low * (high / (low + high)) for low, high in pairwise(edges)])


CARRIES: Final = _carries()
MIDDLES_S: Final = _middles()


class Live(NamedTuple):
    """The arrays of all open series-windows; `collector.samples.windows` owns and grows them.

    `slot_of` is an open-addressing table of slot + 1, twice as long as `keys`, which is a power of
    two. A key is (window number << 32) | row. `counts` has a column per outcome and one for the
    zero bucket. `page_of` holds 0 where a slot has no samples in an octave; page 0 is never used.
    """

    slot_of: NDArray[np.int32]
    keys: NDArray[np.int64]
    counts: NDArray[np.uint32]
    stats_s: NDArray[np.float64]
    page_of: NDArray[np.int32]
    pages: NDArray[np.uint32]
    state: NDArray[np.int64]
    rejected: NDArray[np.int64]
