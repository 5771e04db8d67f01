"""Decider: the open windows of 10 s, by the time of the samples and not of their arrival.

Rules
- A window is aligned to the epoch; a reply or event belongs to the window of its own time,
  `base_ns + dt_ms`. Several windows may be open for one series, as agents catch up.
- No clock: `seal` is told the time. What it returns is forgotten; data that comes later makes
  another row of the same (row, start), and rows are additive (`collector.samples.quantiles`).
- The same batches in the same order give the same octets of `dump`, with or without a restart
  between them, and with or without numba's compiler.
- NaN, infinity, negative and absurd times are counted by reason and open no window.

    event         | before                  | after
    add, tally    | window closed or absent | open
    add           | open                    | open, counts and sketch grown
    seal          | end + grace <= now      | gone, returned
    seal          | end + grace > now       | open
"""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from agent.records import Outcome
from collector.samples import arena, dumping
from collector.samples.columns import Columns
from collector.samples.cut import Cut, exported
from collector.samples.quantiles import arena_kernels, kernels
from collector.samples.sketch import FREE, NEXT, OPEN, REASONS, ROW_BITS, SLOTS

WIDTH_NS: Final = 10_000_000_000
GRACE_NS: Final = 30_000_000_000
"""How long a window stays open after its end by default: uplink interval and a retry or two."""

_NUMBERS: Final = 1 << 31
"""Window numbers that fit in a key beside a row."""
_OUTCOME_WORD: Final = "outcome"
_TIME_WORD: Final = "time"


class Windows:
    """The open windows of all series.

    A series-window takes some 350 octets while it has no more than 128 samples (`samples.sketch`),
    so that 10k series with six windows open take some 20 MB.
    """

    def __init__(self, *, width_ns: int = WIDTH_NS, grace_ns: int = GRACE_NS) -> None:
        self.width_ns = width_ns
        self.grace_ns = grace_ns
        self._live = arena.allot()

    def __len__(self) -> int:
        """Return how many series-windows are open."""
        return int(self._live.state[OPEN])

    def add(
        self, rows: ArrayLike, offsets: ArrayLike, rtt_s: ArrayLike, dt_ms: ArrayLike, base_ns: int
    ) -> Mapping[str, int]:
        """Count the replies of one batch; return how many were rejected, by reason.

        `rows` (k,) is the collector's number of each series, `offsets` (k + 1,) where its samples
        lie in `rtt_s` and `dt_ms` (CSR, as in `agent.records.Batch`). Reasons are `nan`,
        `infinite`, `negative`, `absurd` (over 64 s), and `time` where the base time is no time.
        """
        batch = (
            _typed(rows, np.uint32),
            _typed(offsets, np.uint32),
            _typed(rtt_s, np.float32),
            _typed(dt_ms, np.uint16),
        )
        _check_shapes(*batch)
        if not self._datable(base_ns):
            return {_TIME_WORD: batch[2].size} if batch[2].size else {}
        self._live.rejected[:] = 0
        self._live.state[NEXT] = 0
        while kernels().fill(*batch, base_ns, self.width_ns, self._live):
            self._live = arena.grown(self._live)
        counted = zip(REASONS, self._live.rejected.tolist(), strict=True)
        return {reason: count for reason, count in counted if count}

    def add_events(
        self, rows: ArrayLike, dt_ms: ArrayLike, outcomes: ArrayLike, base_ns: int
    ) -> Mapping[str, int]:
        """Count probes without a reply; `rows`, `dt_ms` and `outcomes` are (n,).

        Returns how many were rejected, by reason: `outcome` where it is `REPLY` or unknown,
        `time` where the base time is no time.
        """
        row, at_ms = _typed(rows, np.uint32), _typed(dt_ms, np.uint16)
        outcome = _typed(outcomes, np.uint8)
        if not self._datable(base_ns):
            return {_TIME_WORD: row.size} if row.size else {}
        known = (outcome != Outcome.REPLY) & (outcome < len(Outcome))
        batch = (row[known], at_ms[known], outcome[known])
        self._live.state[NEXT] = 0
        while kernels().tally(*batch, base_ns, self.width_ns, self._live):
            self._live = arena.grown(self._live)
        unknown = int(row.size - np.count_nonzero(known))
        return {_OUTCOME_WORD: unknown} if unknown else {}

    def seal(self, now_ns: int) -> Columns:
        """Return and forget the windows whose end and grace have passed at `now_ns`."""
        return self.cut(now_ns).sealed()

    def cut(self, now_ns: int) -> Cut:
        """Seal what is due at `now_ns`, and return that and what is open as they are now.

        A copy of memory and no more, for who holds a lock: what takes time is done by the cut.
        """
        live, width_ns = self._live, self.width_ns
        last = (now_ns - self.grace_ns) // width_ns - 1
        keys = live.keys[: live.state[SLOTS]]
        is_due = (keys != FREE) & (keys >> ROW_BITS <= last)
        due, rest = np.flatnonzero(is_due), np.flatnonzero((keys != FREE) & ~is_due)
        cut = Cut(arena.copied(live), due, rest, width_ns)
        if arena.is_outgrown(live, open_after=rest.size):
            fresh = Windows(width_ns=width_ns, grace_ns=self.grace_ns)
            fresh._absorb(cut.opened())
            self._live = fresh._live  # not before: where memory runs out nothing is sealed
        else:
            arena_kernels().release(due, live)
        return cut

    def standing(self) -> Cut:
        """Return what is open as it is now, sealing nothing; a copy of memory as well."""
        keys = self._live.keys[: self._live.state[SLOTS]]
        nothing = np.zeros(0, np.int64)
        return Cut(arena.copied(self._live), nothing, np.flatnonzero(keys != FREE), self.width_ns)

    def open(self) -> Columns:
        """Return all open windows, sorted by (row, start)."""
        keys = self._live.keys[: self._live.state[SLOTS]]
        return exported(self._live, np.flatnonzero(keys != FREE), self.width_ns)

    def dump(self) -> bytes:
        """Return all open windows as octets for a checkpoint; `load` gives the same back."""
        return dumping.encode(self.open())

    @classmethod
    def load(cls, blob: bytes, *, width_ns: int = WIDTH_NS, grace_ns: int = GRACE_NS) -> "Windows":
        """Return the windows that `dump` wrote.

        Raises:
            CorruptError: The octets are not what `dump` wrote.
        """
        windows = cls(width_ns=width_ns, grace_ns=grace_ns)
        windows._absorb(dumping.decode(blob))
        return windows

    def _absorb(self, columns: Columns) -> None:
        """Add closed windows to the open ones."""
        number = columns.start_ns // self.width_ns
        stats_s = np.stack([columns.sum_s, columns.min_s, columns.max_s], axis=1, dtype=np.float64)
        closed = (
            (number << ROW_BITS) | columns.row,
            np.column_stack([columns.counts, columns.zero]),
            stats_s,
            *(columns.offsets, columns.bucket, columns.bucket_count),
        )
        self._live.state[NEXT] = 0
        while kernels().absorb(*closed, self._live):
            self._live = arena.grown(self._live)

    def _datable(self, base_ns: int) -> bool:
        """Return whether samples after `base_ns` have a window."""
        return 0 <= base_ns < min(1 << 62, self.width_ns * (_NUMBERS - 66))


def _typed(values: ArrayLike, dtype: type[np.generic]) -> NDArray[Any]:
    """Return a contiguous, aligned array of `dtype`, without a copy where it is one already."""
    found = np.ascontiguousarray(values, dtype)
    return found if found.flags.aligned else found.copy()


def _check_shapes(
    rows: NDArray[Any], offsets: NDArray[Any], rtt_s: NDArray[Any], dt_ms: NDArray[Any]
) -> None:
    """Refuse columns that would make a kernel read beyond their ends."""
    ends = (offsets.size - 1, int(offsets[-1]), dt_ms.size)
    if ends != (rows.size, rtt_s.size, rtt_s.size):
        raise AssertionError(
            f"add replies: {rows.size} series and {rtt_s.size} samples do not fit {ends}"
        )
