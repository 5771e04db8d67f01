"""The kernels of closed sketches equal their oracle, with numba's compiler and without."""

from itertools import chain, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.samples import mergekernels
from tests.oracles import sketch as oracle

pytestmark = pytest.mark.kernel

IN_RANGE = st.floats(2.0**-20, 64.0, exclude_min=True)


@settings(deadline=None)
@given(st.lists(st.lists(IN_RANGE, max_size=6), max_size=6), st.data())
def test_merge_equals_the_sketch_of_all_samples(
    parts: list[list[float]], data: st.DataObject
) -> None:
    """The sum of sketches is the sketch of the union, whatever the parts."""
    cut = data.draw(st.integers(0, len(parts)))
    sketches = [oracle.sketch(part) for part in parts]
    ends = np.cumsum([0, *(len(one) for one in sketches)])
    bucket = np.array([b for one in sketches for b in one], dtype=np.int32)
    count = np.array([n for one in sketches for n in one.values()], dtype=np.int64)
    offsets = np.zeros(3, dtype=np.int64)
    to_bucket, to_count = np.empty_like(bucket), np.empty_like(count)
    mergekernels.merge(ends[[0, cut, len(parts)]], bucket, count, offsets, to_bucket, to_count)
    merged = [
        dict(zip(to_bucket[a:b].tolist(), to_count[a:b].tolist(), strict=True))
        for a, b in pairwise(offsets)
    ]
    unions = [list(chain(*parts[:cut])), list(chain(*parts[cut:]))]
    assert [oracle.sketch(union) for union in unions] == merged


@settings(deadline=None)
@given(
    st.lists(st.floats(0.0, 64.0, width=32), min_size=1, max_size=80),
    st.lists(st.integers(0, 1_000_000), min_size=1, max_size=5),
)
def test_query_is_within_its_bound_of_the_sorted_samples(
    values: list[float], ranks: list[int]
) -> None:
    """Every quantile is within 0.5416 % of the exact one; in the zero bucket within its bound."""
    ranks.sort()
    counts = oracle.sketch(values)
    zero = sum(oracle.kind(x) == "zero" for x in values)
    found = np.empty((1, len(ranks)))
    mergekernels.query(
        np.array([0, len(counts)]),
        np.array(list(counts), dtype=np.int32),
        np.array(list(counts.values()), dtype=np.int64),
        np.array([zero]),
        np.array([min(values)], dtype=np.float32),
        np.array([max(values)], dtype=np.float32),
        np.array(ranks),
        found,
    )
    for rank, value in zip(ranks, found[0].tolist(), strict=True):
        exact = oracle.quantile(values, rank)
        assert abs(value - exact) <= max(0.005416 * exact, 2.0**-20 if exact <= 2.0**-20 else 0.0)


def test_an_empty_sketch_has_no_quantiles() -> None:
    """Without samples every rank is NaN, also between sketches that have some."""
    found = np.zeros((3, 2))
    mergekernels.query(
        np.array([0, 1, 1, 2]),
        np.array([-64, 0], dtype=np.int32),
        np.array([4, 4]),
        np.zeros(3, dtype=np.int64),
        np.array([0.0, np.inf, 0.0], dtype=np.float32),
        np.array([64.0, -np.inf, 64.0], dtype=np.float32),
        np.array([0, 1_000_000]),
        found,
    )
    assert [False, True, False] == np.isnan(found).all(axis=1).tolist()
    assert [False, True, False] == np.isnan(found).any(axis=1).tolist()
