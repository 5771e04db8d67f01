"""Words: the sketch of round-trip times, its buckets, its range and the arrays it lives in.

The sketch is a base-2 exponential histogram of scale 6 over float64 seconds, with upper-inclusive
bounds as OpenTelemetry defines them (metrics data model, "ExponentialHistogram"):

    bucket i holds  2**(i / 64) < x <= 2**((i + 1) / 64)      i = ceil(64 log2 x) - 1

Prometheus' native histograms of schema 6 have the same buckets, numbered i + 1. The range is
2**-20 s < x <= 2**6 s (0.95 us to 64 s): buckets -1280 to 383. What lies in 0 <= x <= 2**-20 s
counts in the zero bucket; everything else is rejected with a reason and is never a value.

A *cell* is a bucket's place in that range (i + 1280) or, from `ZERO` on, the zero bucket or the
reason of a rejection. An open series-window owns *pages* of 256 octets, each of one of three kinds:

    log     the cells of its last samples as they came, 128 of them
    counts  one counter for each of the 64 cells of an octave
    table   the page of counts of each octave, 0 where there is none

Samples go to the log; when it is full they are counted, and it begins anew. Most windows hold
fewer samples than that: a log is all they have, and nothing of it has to be zeroed beforehand.
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
FREE_SLOT: Final = 3
FREE_PAGE: Final = 4
FREE_PAGES: Final = 5
OPEN: Final = 6
"""Places in the state: next sample to take, slots and pages ever handed out (with page 0), the
last slot (plus 1) and page that came back, 0 for none, how many pages came back and are free, and
how many series-windows are open."""
BLOCK: Final = 1024
"""Samples that are taken in one step."""
LOG: Final = 0
LOGGED: Final = 1
TABLE: Final = 2
"""Columns of a slot's heads."""
LOG_CELLS: Final = 2 * PER_OCTAVE
"""Cells that fit in a page that is a log."""
ROW_BITS: Final = 32
"""Bits of a row in a key."""
FREE: Final = -1
"""The key of a slot that came back."""

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
    """The arrays of all open series-windows; `samples.arena` makes them and lets them grow.

    Nothing in them is zero before it is handed out, but for `slot_of`. Slots and pages that come
    back are chained: a slot by its first head, a page by its first counter.
    """

    slot_of: NDArray[np.int32]
    """Open-addressing table of slot + 1, 0 where empty; a power of two long, at most half full."""
    keys: NDArray[np.int64]
    """(window number << 32) | row, `FREE` where the slot is not in use."""
    counts: NDArray[np.uint32]
    """A column per outcome and one for the zero bucket."""
    stats_s: NDArray[np.float64]
    heads: NDArray[np.int32]
    """The pages of a slot's log and table, 0 for none, and how many cells the log holds."""
    pages: NDArray[np.uint32]
    cells: NDArray[np.uint16]
    """The same pages as logs."""
    state: NDArray[np.int64]
    rejected: NDArray[np.int64]
    exact: NDArray[np.float64]
    """(BLOCK,) where a kernel puts the values of a block of samples,"""
    block: NDArray[np.uint16]
    """(BLOCK,) and their cells."""
    dense: NDArray[np.uint32]
    """(CELLS,) where it adds up one sketch; zeros between two."""
