"""Decider: the distribution of windows as VictoriaMetrics' `vmrange` buckets.

    borne_rtt_seconds,agent=A,...,vmrange=1.000e-02...1.136e-02,zone=Z bucket=0i START_NS
    borne_rtt_seconds,agent=A,...,vmrange=1.000e-02...1.136e-02,zone=Z bucket=7i END_NS

Rules
- The grid is VictoriaMetrics' own, 18 ranges to a decade. A bucket of the sketch (0.54 %) counts in
  the range of its middle, the zero bucket in a range of its own. Ranges are disjoint: one that
  held nothing is not written.
- A counter begins anew with each window: 0 at its begin, the window's count a millisecond before
  its end. `increase` and `rate` add up counters that begin anew, exactly; so a window that is
  sent twice, or again after a restart of either program, counts once. Sent again with late
  samples it has two points of one time: which of them counts is the database's choice
  (`deploy/docs/sinks.md`). One counter over all time would need a memory, and windows in order.
"""

from itertools import pairwise
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from collector.samples.columns import Columns
from collector.samples.sketch import FIRST_BUCKET, MIDDLES_S, ZERO_LIMIT_S

PER_DECADE: Final = 18
_LOWEST_DECADE: Final = -7
_DECADES: Final = 9
_MS_NS: Final = 1_000_000

_BOUNDS_S: Final = [
    10.0 ** (_LOWEST_DECADE + place / PER_DECADE) for place in range(_DECADES * PER_DECADE + 1)
]
NAMES: Final = (
    *(f"{low:.3e}...{high:.3e}" for low, high in pairwise(_BOUNDS_S)),
    f"0...{ZERO_LIMIT_S:.3e}",
)
"""The ranges from 100 ns to 100 s, and the zero bucket's."""
_OF_CELL: Final = np.searchsorted(_BOUNDS_S, MIDDLES_S) - 1
"""Range of each bucket of the sketch."""


class Counters(NamedTuple):
    """Occupied ranges of windows, two rows for each: its begin and its end."""

    head: NDArray[np.int64]
    """(c,) place in `ranges` of each row."""
    value: NDArray[np.float64]
    """(c, 1) 0, then how many samples."""
    at_ns: NDArray[np.int64]
    ranges: list[tuple[int, int]]
    """Row of a series and place in `NAMES`, each once."""


def counters(columns: Columns, width_ns: int) -> Counters:
    """Return the counters of windows that are `width_ns` wide."""
    windows = np.arange(len(columns))
    zero = np.flatnonzero(columns.zero)
    window = np.concatenate([np.repeat(windows, np.diff(columns.offsets)), zero])
    place = np.concatenate(
        [_OF_CELL[columns.bucket - FIRST_BUCKET], np.full(zero.size, len(NAMES) - 1)]
    )
    samples = np.concatenate([columns.bucket_count, columns.zero[zero]])
    found, which = np.unique(window * len(NAMES) + place, return_inverse=True)
    count = np.bincount(which, weights=samples, minlength=found.size)
    window, place = found // len(NAMES), found % len(NAMES)
    series = columns.row[window].astype(np.int64) * len(NAMES) + place
    ranges, head = np.unique(series, return_inverse=True)
    start_ns = columns.start_ns[window]
    return Counters(
        head=np.repeat(head, 2),
        value=np.column_stack([np.zeros(found.size), count]).reshape(-1, 1),
        at_ns=np.column_stack([start_ns, start_ns + width_ns - _MS_NS]).ravel(),
        ranges=[divmod(each, len(NAMES)) for each in ranges.tolist()],
    )
