"""Shell: replies to percentiles by series, against polars' grouped quantiles, in turn.

Ours is the way that a batch takes in the collector: columns into open windows, then p50, p90 and
p99 of every series. polars gets the same columns as a frame and its own best: all its threads. In
each run ours must stay within the sketch's bound of the exact values that polars finds.
"""

import time

import numpy as np
import polars as pl
from numpy.typing import NDArray

from benchmarks.results import Result, faster
from collector.samples import quantiles
from collector.samples.windows import Windows

SAMPLES = 5_000_000
SERIES = 1_000
BATCHES = 50
RUNS = 5
BOUND = 0.00542
QUANTILES = (0.5, 0.9, 0.99)
BASE_NS = 1_700_000_000_000_000_000
GOAL = 1.0


def measure() -> list[Result]:
    """Return millions of samples per second of both, and their ratio."""
    quantiles.warm()
    generator = np.random.default_rng(7)
    rtt_s = (0.01 + generator.lognormal(-6.5, 0.7, SAMPLES)).astype(np.float32)
    per_batch = rtt_s.reshape(BATCHES, -1)
    frame = _frame(rtt_s)
    ours, theirs = [], []
    for _ in range(RUNS):
        began = time.perf_counter()
        mine = _ours(per_batch)
        middle = time.perf_counter()
        exact = _polars(frame)
        ended = time.perf_counter()
        ours.append(SAMPLES / (middle - began) / 1e6)
        theirs.append(SAMPLES / (ended - middle) / 1e6)
        error = float(np.max(np.abs(mine / exact - 1)))
        if error > BOUND:
            raise AssertionError(f"relative error {error} is over the bound {BOUND}")
    return [faster("percentiles", "M samples/s", ours, theirs, "polars group_by", GOAL)]


def _ours(per_batch: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return (SERIES, 3) quantiles in seconds through the collector's windows."""
    windows = Windows()
    rows = np.arange(SERIES, dtype=np.uint32)
    offsets = np.arange(0, per_batch.shape[1] + 1, per_batch.shape[1] // SERIES, dtype=np.uint32)
    dt_ms = np.zeros(per_batch.shape[1], dtype=np.uint16)
    for values in per_batch:
        windows.add(rows, offsets, values, dt_ms, BASE_NS)
    found = quantiles.to_quantiles(windows.open())
    return np.array([[row.p50_s, row.p90_s, row.p99_s] for row in found], dtype=np.float64)


def _frame(rtt_s: NDArray[np.float32]) -> pl.DataFrame:
    per_series = SAMPLES // BATCHES // SERIES
    series = np.tile(np.repeat(np.arange(SERIES, dtype=np.uint32), per_series), BATCHES)
    return pl.DataFrame({"series": series, "rtt_s": rtt_s})


def _polars(frame: pl.DataFrame) -> NDArray[np.float64]:
    """Return (SERIES, 3) exact quantiles, nearest rank from above as the sketch defines them."""
    found = (
        frame.lazy()
        .group_by("series")
        .agg(
            pl.col("rtt_s").quantile(share, interpolation="nearest").alias(str(share))
            for share in QUANTILES
        )
        .sort("series")
        .collect()
    )
    return found.select(str(share) for share in QUANTILES).to_numpy().astype(np.float64)
