"""Decider: windows told without their sketches: what stands in files beside them is enough.

Rules
- A summary says the same as the sketch that it comes from, to the last bit.
- Summaries cannot be added up: where one window comes in several parts, the sketches are needed.
"""

from collections.abc import Sequence
from dataclasses import fields

import numpy as np
from numpy.typing import NDArray

from collector.records import Quantiles
from collector.samples import packing
from collector.samples.columns import Columns, Summaries, empty
from collector.samples.quantiles import told


def summarised(columns: Columns) -> Summaries:
    """Return the summaries of windows, in the same order."""
    return Summaries(
        row=columns.row,
        start_ns=columns.start_ns,
        received=columns.received,
        lost=columns.lost,
        sum_s=columns.sum_s,
        min_s=columns.min_s,
        max_s=columns.max_s,
        middle=packing.middle(columns),
    )


def concat(parts: Sequence[Summaries]) -> Summaries:
    """Return the summaries of all parts, one part after the other."""
    parts = parts or [summarised(empty())]
    return Summaries(
        **{
            field.name: np.concatenate([getattr(part, field.name) for part in parts])
            for field in fields(Summaries)
        }
    )


def joined(parts: Sequence[Summaries]) -> Summaries | None:
    """Return all of them sorted by (row, start); None where a window comes in several parts."""
    together = concat(parts)
    order = np.lexsort((together.start_ns, together.row)).astype(np.int64)
    ordered = together.take(order)
    twice = np.diff(ordered.row.astype(np.int64)) == 0
    twice &= np.diff(ordered.start_ns) == 0
    return None if twice.any() else ordered


def to_quantiles(summaries: Summaries) -> list[Quantiles]:
    """Return what people read, one per row."""
    return told(
        values_s(summaries),
        *(summaries.received, summaries.lost, summaries.min_s, summaries.max_s, summaries.sum_s),
    )


def values_s(summaries: Summaries) -> NDArray[np.float64]:
    """Return (n, 3) p50, p90 and p99 in seconds, of no meaning where nothing was received."""
    extremes_s = (summaries.min_s, summaries.max_s)
    return np.column_stack(
        [packing.values_s(buckets, *extremes_s) for buckets in summaries.middle.T]
    )
