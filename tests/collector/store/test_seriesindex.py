"""The index of a file finds the windows of series, whatever their order, and refuses garbage."""

import base64
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.store import seriesindex
from collector.store.seriesindex import SeriesIndex


@settings(deadline=None)
@given(
    st.dictionaries(st.integers(0, 2**32 - 1), st.integers(1, 9), max_size=20),
    st.lists(st.integers(0, 2**32 - 1), max_size=6),
    st.data(),
)
def test_where_finds_what_a_search_finds(
    sizes: dict[int, int], others: list[int], data: st.DataObject
) -> None:
    """Groups and places are those of a walk over all windows, for any cut into row groups."""
    rows = [row for row, size in sizes.items() for _ in range(size)]
    cuts = data.draw(st.lists(st.integers(0, len(rows)), max_size=5))
    edges = sorted({0, *cuts, len(rows)})
    groups = np.diff(edges).tolist()
    text = seriesindex.encode(
        np.array(list(sizes), dtype=np.uint32), np.array(list(sizes.values()), dtype=np.int64)
    )
    index = SeriesIndex.decode(text, groups)
    wanted = np.unique(np.array([*list(sizes)[::2], *others], dtype=np.uint32))
    expected = {
        group: [
            place
            for place, row in enumerate(rows[edges[group] : edges[group + 1]])
            if row in wanted.tolist()
        ]
        for group in range(len(groups))
    }
    found = {group: places.tolist() for group, places in index.where(wanted)}
    assert {group: places for group, places in expected.items() if places} == found
    every = {group: places.tolist() for group, places in index.where(None)}
    assert {group: list(range(size)) for group, size in enumerate(groups)} == every


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b"%%%", "base64"),
        (base64.b64encode(b"no zlib"), "header check"),
        (base64.b64encode(zlib.compress(b"123")), "multiple of element size"),
        (base64.b64encode(zlib.compress(b"\1\0\0\0\2\0\0\0")), "does not cover"),
    ],
)
def test_what_is_no_index_is_refused(text: bytes, says: str) -> None:
    """Nothing but what `encode` wrote for this file is used."""
    with pytest.raises(ValueError, match=says):
        SeriesIndex.decode(text, [3])
