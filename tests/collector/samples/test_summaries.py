"""Summaries say what sketches say, and know when they cannot."""

import numpy as np

from collector.samples import summaries
from collector.samples.columns import empty
from collector.samples.quantiles import to_quantiles
from tests.fakes.collector_samples import sealed_windows


def test_summaries_say_what_sketches_say() -> None:
    """All that people read, to the last bit, of windows without replies as well."""
    columns = sealed_windows(series=20)
    assert to_quantiles(columns) == summaries.to_quantiles(summaries.summarised(columns))


def test_parts_are_joined_in_order() -> None:
    """Sorted by (row, start), whatever part they come in."""
    columns = sealed_windows()
    halves = [columns.take(np.arange(place, len(columns), 2)) for place in (1, 0)]
    found = summaries.joined([summaries.summarised(half) for half in halves])
    assert found is not None
    expected = summaries.summarised(columns)
    for name in ("row", "start_ns", "sum_s", "middle"):
        np.testing.assert_array_equal(getattr(expected, name), getattr(found, name))


def test_a_window_in_two_parts_needs_its_sketches() -> None:
    """Quantiles cannot be added up."""
    part = summaries.summarised(sealed_windows())
    assert summaries.joined([part, part]) is None
    nothing = summaries.summarised(empty())
    assert 0 == len(summaries.joined([nothing, nothing]) or ())
