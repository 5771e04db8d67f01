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

import struct
import zlib
from collections.abc import Mapping
from dataclasses import fields
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from agent.records import Outcome
from collector.errors import CorruptError
from collector.samples import arena
from collector.samples.columns import DTYPES, Columns
from collector.samples.quantiles import arena_kernels, kernels
from collector.samples.sketch import (
    CELLS,
    FREE,
    MAX,
    MIN,
    NEXT,
    OPEN,
    OUTCOMES,
    REASONS,
    ROW_BITS,
    SLOTS,
    SUM,
    ZEROS,
)

WIDTH_NS: Final = 10_000_000_000
GRACE_NS: Final = 30_000_000_000
"""How long a window stays open after its end by default: uplink interval and a retry or two."""

_NUMBERS: Final = 1 << 31
"""Window numbers that fit in a key beside a row."""
_OUTCOME_WORD: Final = "outcome"
_TIME_WORD: Final = "time"

_HEADER: Final = struct.Struct("<4sII")
_SIZES: Final = struct.Struct("<QQ")
_MAGIC: Final = b"BWIN"
_VERSION: Final = 1


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
        live = self._live
        last = (now_ns - self.grace_ns) // self.width_ns - 1
        keys = live.keys[: live.state[SLOTS]]
        slots = self._ordered(np.flatnonzero((keys != FREE) & (keys >> ROW_BITS <= last)))
        sealed = self._exported(slots)
        in_use = arena.pages_in_use(live)
        arena_kernels().release(slots, live)
        if arena.is_outgrown(live, in_use):
            left = self.open()
            self._live = arena.allot()
            self._absorb(left)
        return sealed

    def open(self) -> Columns:
        """Return all open windows, sorted by (row, start)."""
        keys = self._live.keys[: self._live.state[SLOTS]]
        return self._exported(self._ordered(np.flatnonzero(keys != FREE)))

    def _ordered(self, slots: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return `slots` in the order of their (row, start)."""
        keys = self._live.keys[slots].view(np.uint64)
        return slots[np.argsort((keys << ROW_BITS) | (keys >> ROW_BITS))]

    def _exported(self, slots: NDArray[np.int64]) -> Columns:
        """Return the windows of `slots`, in that order."""
        live = self._live
        keys, stats_s = live.keys[slots], live.stats_s[slots]
        counts = live.counts[slots].astype(np.int64)
        sketched = np.minimum(counts[:, Outcome.REPLY] - counts[:, ZEROS], CELLS)
        room = int(sketched.sum()) + 1
        bucket, bucket_count = np.empty(room, np.int32), np.empty(room, np.int64)
        offsets = np.zeros(slots.size + 1, np.int64)
        kernels().export(slots, live, offsets, bucket, bucket_count)
        return Columns(
            row=keys.astype(np.uint32),
            start_ns=(keys >> ROW_BITS) * self.width_ns,
            counts=np.ascontiguousarray(counts[:, :OUTCOMES]),
            zero=np.ascontiguousarray(counts[:, ZEROS]),
            sum_s=np.ascontiguousarray(stats_s[:, SUM]),
            min_s=stats_s[:, MIN].astype(np.float32),
            max_s=stats_s[:, MAX].astype(np.float32),
            offsets=offsets,
            bucket=bucket[: offsets[-1]],
            bucket_count=bucket_count[: offsets[-1]],
        )

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

    def dump(self) -> bytes:
        """Return all open windows as octets for a checkpoint.

             0 magic "BWIN" |  4 version u32          |  8 CRC-32 of the rest u32
            12 rows n u64   | 20 sketch entries m u64 | 28 the columns of `Columns` in order

        Little-endian; `load` gives exactly the same windows back.
        """
        columns = self.open()
        sizes = _SIZES.pack(len(columns), columns.bucket.size)
        arrays = (
            np.ascontiguousarray(getattr(columns, field.name), DTYPES[field.name])
            for field in fields(Columns)
        )
        parts = [memoryview(sizes), *(array.data for array in arrays)]
        checksum = 0
        for part in parts:
            checksum = zlib.crc32(part, checksum)
        return b"".join((_HEADER.pack(_MAGIC, _VERSION, checksum), *parts))

    @classmethod
    def load(cls, blob: bytes, *, width_ns: int = WIDTH_NS, grace_ns: int = GRACE_NS) -> "Windows":
        """Return the windows that `dump` wrote.

        Raises:
            CorruptError: The octets are not what `dump` wrote.
        """
        windows = cls(width_ns=width_ns, grace_ns=grace_ns)
        windows._absorb(_decoded(blob))
        return windows

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


def _decoded(blob: bytes) -> Columns:
    """Return the columns of a dump, checked."""
    start = _HEADER.size + _SIZES.size
    if len(blob) < start:
        raise CorruptError(f"read open windows: {len(blob)} octets are too few for a header")
    magic, version, checksum = _HEADER.unpack_from(blob)
    if (magic, version) != (_MAGIC, _VERSION):
        raise CorruptError(f"read open windows: magic {magic!r} version {version} is not known")
    if zlib.crc32(memoryview(blob)[_HEADER.size :]) != checksum:
        raise CorruptError("read open windows: the checksum does not hold")
    rows, entries = _SIZES.unpack_from(blob, _HEADER.size)
    sizes = {"counts": rows * len(Outcome), "offsets": rows + 1}
    sizes |= dict.fromkeys(("bucket", "bucket_count"), entries)
    columns, position = {}, start
    for name, dtype in DTYPES.items():
        size = sizes.get(name, rows)
        if position + size * dtype.itemsize > len(blob):
            raise CorruptError(f"read open windows: column {name} is cut off")
        columns[name] = np.frombuffer(blob, dtype, size, position).copy()
        position += size * dtype.itemsize
    columns["counts"] = columns["counts"].reshape(rows, len(Outcome))
    return Columns(**columns)
