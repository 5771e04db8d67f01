"""The kernels of look-ups equal the slow version; runs with numba's compiler and without."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.facts import rangetree, treekernels
from tests.oracles import ranges as oracle

pytestmark = pytest.mark.kernel

LOW = (1 << 64) - 1


def found(rows: Sequence[tuple[int, int]], asked: Sequence[int], bits: int) -> list[int]:
    """Return what the kernel of the family says."""
    root, pairs, runs = rangetree.grow(rows, bits)
    tree = (
        np.frombuffer(root, np.uint32),
        np.array(pairs, dtype=np.uint64),
        np.array(runs, dtype=np.uint32),
    )
    row = np.full(len(asked), 77, dtype=np.int32)
    if bits == 32:
        treekernels.find_4(*tree, np.array(asked, dtype=np.uint32), row)
    else:
        high = np.array([address >> 64 for address in asked], dtype=np.uint64)
        low = np.array([address & LOW for address in asked], dtype=np.uint64)
        treekernels.find_6(*tree, high, low, row)
    return row.tolist()


@pytest.mark.parametrize("bits", [32, 128])
@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_every_edge_is_found_on_its_side(bits: int, data: st.DataObject) -> None:
    """First, last, before and after of every row, and any address, in both families."""
    rows = data.draw(oracle.rows(bits))
    asked = [*oracle.edges(rows, bits), *oracle.beyond(rows, bits)]
    asked += data.draw(st.lists(oracle.points(bits), max_size=20))
    assert [oracle.find(rows, address) for address in asked] == found(rows, asked, bits)


@pytest.mark.parametrize("count", [0, 1, 255, 256, 257, 600])
def test_blocks_of_lanes_are_filled_and_left(count: int) -> None:
    """IPv6 goes down in blocks of 256: ends of blocks, addresses of every depth side by side."""
    base = 0x2A01 << 112
    rows = [(base + (1 << depth), base + (1 << depth)) for depth in range(0, 112, 5)]
    asked = [rows[n % len(rows)][0] + (n % 3 == 0) for n in range(count)]
    assert [oracle.find(rows, address) for address in asked] == found(rows, asked, 128)


def test_bits_are_counted_as_numpy_counts_them() -> None:
    """A full bitmap has 64 bits, an empty one none."""
    words = [0, 1, LOW, 1 << 63, 0x5555_5555_5555_5555]
    counted = [int(treekernels._ones(np.uint64(word))) for word in words]
    assert [word.bit_count() for word in words] == counted
