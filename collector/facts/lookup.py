"""Decider: the rows that hold the addresses of an array, of a table of the atlas.

The kernels behind this face are imported at first use. For single addresses ask the table itself
(`collector.facts.atlas.Table.row`): it needs neither numpy nor numba.
"""

from functools import cache
from importlib import import_module
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from collector.facts.atlas import Family


@cache
def kernels() -> ModuleType:
    """Return `facts.treekernels`, which compiles its kernels (or loads them) at first use."""
    return import_module("collector.facts.treekernels")


def rows_4(family: Family, address: NDArray[np.uint32]) -> NDArray[np.int32]:
    """Return the row of each IPv4 address (as a number), -1 where no row holds it."""
    row = np.empty(address.size, dtype=np.int32)
    kernels().find_4(*_tree(family), np.ascontiguousarray(address), row)
    return row


def rows_6(family: Family, high: NDArray[np.uint64], low: NDArray[np.uint64]) -> NDArray[np.int32]:
    """Return the row of each IPv6 address, given as its two halves, -1 where no row holds it."""
    row = np.empty(high.size, dtype=np.int32)
    halves = (np.ascontiguousarray(high), np.ascontiguousarray(low))
    kernels().find_6(*_tree(family), *halves, row)
    return row


def labels(family: Family, row: NDArray[np.int32]) -> NDArray[np.int64]:
    """Return the label of each row, -1 where there is no row."""
    known = np.frombuffer(family.labels, dtype=np.uint32)
    if not known.size:
        return np.full(row.size, -1, dtype=np.int64)
    return np.where(row < 0, np.int64(-1), known[row])


def _tree(family: Family) -> tuple[NDArray[np.uint32], NDArray[np.uint64], NDArray[np.uint32]]:
    return (
        np.frombuffer(family.tree.root, dtype=np.uint32),
        np.frombuffer(family.tree.pairs, dtype=np.uint64),
        np.frombuffer(family.tree.runs, dtype=np.uint32),
    )
