"""Quantiles keep their definition and their bound; merging is exact."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.records import Outcome
from collector.records import Quantiles
from collector.samples import quantiles
from collector.samples.columns import DTYPES
from collector.samples.windows import Windows
from tests.oracles import sketch as oracle

BASE_NS = 1_753_000_000_000_000_000
S_NS = 1_000_000_000
RANKS_PPM = (0, 1, 70_000, 500_000, 900_000, 990_000, 999_000, 1_000_000)


def columns_of(*series: list[float], row: int = 0) -> quantiles.Columns:
    """Return one window with these series as rows `row`, `row` + 1, ..."""
    windows = Windows()
    offsets = np.cumsum([0, *(len(values) for values in series)])
    samples = [value for values in series for value in values]
    numbers = np.arange(row, row + len(series))
    assert {} == windows.add(numbers, offsets, samples, np.zeros(len(samples)), BASE_NS)
    return windows.open()


def as_float32(values: np.ndarray) -> list[float]:
    """Return the values as the wire carries them."""
    return [float(x) for x in values.astype(np.float32)]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("spread", [0.01, 0.3, 2.0])
def test_relative_error_stays_below_the_bound(seed: int, spread: float) -> None:
    """Log-normal times with spikes: every quantile within 0.5416 % of the sorted samples."""
    random = np.random.default_rng(seed)
    values = as_float32(np.minimum(60.0, random.lognormal(np.log(0.012), spread, 1_500)))
    found = quantiles.quantiles(columns_of(values), RANKS_PPM)[0]
    exact = np.array([oracle.quantile(values, rank) for rank in RANKS_PPM])
    assert float(np.max(np.abs(found - exact) / exact)) <= quantiles.RELATIVE_ERROR


def test_the_bound_is_reached_and_no_smaller_one_holds() -> None:
    """A sample at a bound of its bucket, between others, has nearly the whole error."""
    bound = 2.0 ** (1 / 64) * (1 + 1e-7)
    found = quantiles.quantiles(columns_of([0.5, bound, 2.0]), [500_000])[0, 0]
    assert 0.0054150 < found / float(np.float32(bound)) - 1 < quantiles.RELATIVE_ERROR


def test_ranks_are_computed_in_integers() -> None:
    """The 7 % quantile of 100 samples is the 7th: in floats 0.07 * 100 > 7 would give the 8th."""
    values = as_float32(np.geomspace(0.001, 1.0, 100))
    found = quantiles.quantiles(columns_of(values), [70_000])[0, 0]
    assert abs(found / values[6] - 1) < quantiles.RELATIVE_ERROR


def test_equal_samples_have_no_error() -> None:
    """Clamping to [min, max] makes a constant series exact."""
    value = float(np.float32(0.0123))
    assert [[value] * 3] == quantiles.quantiles(columns_of([value] * 9)).tolist()


def test_bucket_indices_are_those_of_opentelemetry() -> None:
    """Powers of two are the upper bound of the bucket below: ceil(64 log2 x) - 1."""
    values = np.array([2.0**-19, 0.5, 1.0, np.nextafter(1.0, 2.0), 2.0, 64.0])
    assert [-1217, -65, -1, 0, 63, 383] == quantiles.buckets(values).tolist()


@pytest.mark.parametrize("value", [0.0, -1.0, float("nan"), 65.0])
def test_values_out_of_range_have_no_bucket(value: float) -> None:
    """A zero, a rejection or an absurd time is refused, not put into the nearest bucket."""
    with pytest.raises(ValueError, match="outside the sketch's range"):
        quantiles.buckets(np.array([0.01, value]))


@settings(deadline=None)
@given(st.lists(st.lists(st.floats(2.0**-20, 64.0, width=32), min_size=1), min_size=1, max_size=4))
def test_merged_parts_equal_the_whole(parts: list[list[float]]) -> None:
    """Late rows of one (row, start) add up to what one window would have held."""
    joined = quantiles.merge(quantiles.concat([columns_of(part) for part in parts]))
    whole = columns_of([value for part in parts for value in part])
    for name in DTYPES.keys() - {"sum_s"}:
        np.testing.assert_array_equal(getattr(joined, name), getattr(whole, name), name)
    np.testing.assert_allclose(joined.sum_s, whole.sum_s)
    assert quantiles.quantiles(whole).tolist() == quantiles.quantiles(joined).tolist()


def test_steps_are_aligned_to_the_epoch() -> None:
    """Windows of one step become one row, named by its begin, sorted by (row, start)."""
    windows = Windows()
    for second in (5, 25, 55, 65):
        windows.add([2, 1], [0, 1, 2], [0.01, 0.02], [0, 0], BASE_NS + second * S_NS)
    merged = quantiles.merge(windows.open(), 60 * S_NS)
    minute_ns = BASE_NS - BASE_NS % (60 * S_NS)
    assert [1, 1, 2, 2] == merged.row.tolist()
    assert [minute_ns, minute_ns + 60 * S_NS] * 2 == merged.start_ns.tolist()
    assert [1, 3, 1, 3] == merged.received.tolist()


def test_without_a_step_the_earliest_window_names_the_row() -> None:
    """The whole range of a series is one row, and of all series too without `by_row`."""
    parts = [columns_of([0.01], [0.02], row=4), columns_of([0.03], row=5)]
    merged = quantiles.merge(quantiles.concat(parts))
    assert [(4, BASE_NS, 1), (5, BASE_NS, 2)] == list(
        zip(merged.row.tolist(), merged.start_ns.tolist(), merged.received.tolist(), strict=True)
    )
    everything = quantiles.merge(merged, by_row=False)
    assert [(0, 3)] == [(int(everything.row[0]), int(everything.received[0]))]


def test_groups_join_several_series() -> None:
    """A zone is the merge of its series under one number."""
    columns = columns_of([0.01, 0.01], [0.02], [0.04])
    zones = quantiles.merge(columns.grouped(np.array([7, 7, 8], dtype=np.uint32)))
    assert [7, 8] == zones.row.tolist()
    assert [3, 1] == zones.received.tolist()


def test_nothing_merges_to_nothing() -> None:
    """No rows give no rows, no quantiles and no words."""
    nothing = quantiles.merge(quantiles.concat([quantiles.empty(), quantiles.empty()]), S_NS)
    assert 0 == len(nothing)
    assert (0, 3) == quantiles.quantiles(nothing).shape
    assert [] == quantiles.to_quantiles(nothing)


def test_words_of_a_row_with_replies_and_losses() -> None:
    """Loss is lost / (received + lost); only probes that left the host and got no reply count."""
    windows = Windows()
    windows.add([1], [0, 3], [0.5, 0.5, 0.5], [0, 0, 0], BASE_NS)
    outcomes = [outcome for outcome in Outcome if outcome is not Outcome.REPLY]
    windows.add_events([1] * 8, [0] * 8, outcomes, BASE_NS)
    assert [
        Quantiles(
            p50_s=0.5,
            p90_s=0.5,
            p99_s=0.5,
            min_s=0.5,
            max_s=0.5,
            mean_s=0.5,
            received=3,
            lost=4,
            loss_ratio=float(Fraction(4, 7)),
        )
    ] == quantiles.to_quantiles(windows.open())


@pytest.mark.parametrize(
    ("outcome", "lost", "loss_ratio"), [(Outcome.LOST, 1, 1.0), (Outcome.SKIPPED, 0, None)]
)
def test_words_of_a_row_without_replies(
    outcome: Outcome, lost: int, loss_ratio: float | None
) -> None:
    """No reply, no value; nothing sent, no ratio: silence is not reported as loss."""
    windows = Windows()
    windows.add_events([1], [0], [outcome], BASE_NS)
    (words,) = quantiles.to_quantiles(windows.open())
    assert (None, None, None) == (words.p50_s, words.p90_s, words.p99_s)
    assert (None, None, None) == (words.min_s, words.max_s, words.mean_s)
    assert (0, lost, loss_ratio) == (words.received, words.lost, words.loss_ratio)


def test_the_zero_bucket_counts_as_the_smallest_values() -> None:
    """Times of 0 are replies: they rank below every bucket and are never a loss."""
    columns = columns_of([0.0, 0.0, 0.0, 1.0])
    (words,) = quantiles.to_quantiles(columns)
    assert (0.0, 0.0, 4, 0) == (words.min_s, words.p50_s, words.received, words.lost)
    assert ([3], [-1], [1]) == (
        columns.zero.tolist(),
        columns.bucket.tolist(),
        columns.bucket_count.tolist(),
    )


def test_warm_makes_every_kernel_ready() -> None:
    """After `warm` the kernels are imported, and with them compiled."""
    quantiles.warm()
    assert callable(quantiles.kernels().fill)
    assert callable(quantiles._merging().query)
