"""Decider: open windows as they stood when a checkpoint cut them off, some of them sealed.

Rules
- A cut is a copy of memory: whoever takes it holds a lock, and batches wait meanwhile. Sorting
  and exporting come afterwards. Two threads that ask at once both do it, and agree.
- A cut that could not be kept waits with its sealed windows alone: the next one has the rest.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from agent.records import Outcome
from collector.samples import dumping
from collector.samples.columns import Columns
from collector.samples.quantiles import kernels
from collector.samples.sketch import CELLS, MAX, MIN, OUTCOMES, ROW_BITS, SUM, ZEROS, Live


class Cut:
    """Windows that are sealed, and those that were open beside them."""

    def __init__(
        self, live: Live, due: NDArray[np.int64], rest: NDArray[np.int64], width_ns: int
    ) -> None:
        """Take over `live`, in which the slots `due` are sealed and `rest` were open."""
        self._live: Live | None = live
        self._due, self._rest = due, rest
        self._width_ns: Final = width_ns
        self._sealed: Columns | None = None

    def __len__(self) -> int:
        """Return how many windows are sealed."""
        return self._due.size

    def sealed(self) -> Columns:
        """Return the sealed windows, sorted by (row, start)."""
        live = self._live  # asked for before: whoever settles meanwhile has sealed by then
        if self._sealed is None:
            self._sealed = self._exported(live, self._due)
        return self._sealed

    def opened(self) -> Columns:
        """Return the windows that were open, sorted by (row, start); not after `settle`."""
        return self._exported(self._live, self._rest)

    def dump(self) -> bytes:
        """Return the windows that were open, for `Windows.load`; not after `settle`."""
        return dumping.encode(self.opened())

    def settle(self) -> None:
        """Forget all but the sealed windows."""
        self.sealed()
        self._live = None

    def _exported(self, live: Live | None, slots: NDArray[np.int64]) -> Columns:
        if live is None:
            raise AssertionError("export windows of a cut: it was settled")
        return exported(live._replace(dense=np.zeros_like(live.dense)), slots, self._width_ns)


def exported(live: Live, slots: NDArray[np.int64], width_ns: int) -> Columns:
    """Return the windows of `slots`, sorted by (row, start)."""
    key = live.keys[slots].view(np.uint64)
    slots = slots[np.argsort((key << ROW_BITS) | (key >> ROW_BITS))]
    keys, stats_s = live.keys[slots], live.stats_s[slots]
    counts = live.counts[slots].astype(np.int64)
    sketched = np.minimum(counts[:, Outcome.REPLY] - counts[:, ZEROS], CELLS)
    room = int(sketched.sum()) + 1
    bucket, bucket_count = np.empty(room, np.int32), np.empty(room, np.int64)
    offsets = np.zeros(slots.size + 1, np.int64)
    kernels().export(slots, live, offsets, bucket, bucket_count)
    return Columns(
        row=keys.astype(np.uint32),
        start_ns=(keys >> ROW_BITS) * width_ns,
        counts=np.ascontiguousarray(counts[:, :OUTCOMES]),
        zero=np.ascontiguousarray(counts[:, ZEROS]),
        sum_s=np.ascontiguousarray(stats_s[:, SUM]),
        min_s=stats_s[:, MIN].astype(np.float32),
        max_s=stats_s[:, MAX].astype(np.float32),
        offsets=offsets,
        bucket=bucket[: offsets[-1]],
        bucket_count=bucket_count[: offsets[-1]],
    )
