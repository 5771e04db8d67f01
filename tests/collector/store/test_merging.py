"""Sorted streams become one, exactly, whatever parts they come in."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.samples.columns import Columns, concat
from collector.samples.quantiles import merge
from collector.store import merging
from collector.store.merging import merged
from collector.store.streams import Plain
from tests.fakes.collector_days import S_NS, assert_same, spans, windows


def cut(columns: Columns, places: list[int]) -> list[Plain]:
    """Return columns sorted by (row, start), cut at some places."""
    ordered = columns.take(np.lexsort((columns.start_ns, columns.row)).astype(np.int64))
    edges = sorted({0, *(place % (len(ordered) + 1) for place in places), len(ordered)})
    parts = [ordered.slice(*pair) for pair in itertools.pairwise(edges)]
    return [Plain(part) for part in (ordered.slice(0, 0), *parts)]


@settings(deadline=None, max_examples=40)
@given(
    st.lists(
        st.tuples(
            st.lists(st.integers(0, 6), min_size=1, unique=True).map(sorted),
            st.lists(st.integers(0, 1000), max_size=5),
        ),
        min_size=1,
        max_size=4,
    ),
    st.sampled_from([10, 60, 3600]),
    st.sampled_from([1, 20, 1 << 20]),
)
def test_what_comes_out_is_the_sum(
    streams: list[tuple[list[int], list[int]]], width_s: int, rows: int
) -> None:
    """Equal to adding up everything at once, series by series, each of them in one piece."""
    parts = [
        windows(list(spans([0, 1], every_s=900)), series=series, seed=seed)
        for seed, (series, _) in enumerate(streams)
    ]
    cuts = [cut(part, places) for part, (_, places) in zip(parts, streams, strict=True)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(merging, "ROWS", rows)
        found = list(merged(cuts, width_s * S_NS))
    assert_same(merge(concat(parts), width_s * S_NS), concat(found))
    seen: set[int] = set()
    for columns in found:
        assert not seen & set(columns.row.tolist())
        seen |= set(columns.row.tolist())


def test_few_windows_are_in_memory_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """No piece is larger than the bound allows, however long the streams are."""
    monkeypatch.setattr(merging, "ROWS", 50)
    part = windows(list(spans([0], every_s=600)), series=range(100))
    sizes = [len(columns) for columns in merged([cut(part, [])] * 2, 10 * S_NS)]
    assert max(sizes) <= 50
    assert len(part) == sum(sizes)


def test_nothing_becomes_nothing() -> None:
    """No streams, or streams without windows."""
    assert [] == list(merged([], 10 * S_NS))
    assert [] == list(merged([cut(windows([]), [])], 10 * S_NS))
