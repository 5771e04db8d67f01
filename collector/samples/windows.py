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
from collector.samples.columns import DTYPES, Columns
from collector.samples.quantiles import kernels
from collector.samples.sketch import (
    MAX,
    MIN,
    NEXT,
    OCTAVES,
    OUTCOMES,
    PAGES,
    PER_OCTAVE,
    REASONS,
    ROW_BITS,
    SLOTS,
    SUM,
    ZEROS,
    Live,
)

WIDTH_NS: Final = 10_000_000_000
GRACE_NS: Final = 30_000_000_000
"""How long a window stays open after its end by default: uplink interval and a retry or two."""

_NUMBERS: Final = 1 << 31
"""Window numbers that fit in a key beside a row."""
_FIRST_SLOTS: Final = 1024
_GROWTH: Final = 4
"""A power of two. Copying takes memory twice; zeros beyond what is used take none."""
_OUTCOME_WORD: Final = "outcome"
_TIME_WORD: Final = "time"

_HEADER: Final = struct.Struct("<4sII")
_SIZES: Final = struct.Struct("<QQ")
_MAGIC: Final = b"BWIN"
_VERSION: Final = 1


class Windows:
    """The open windows of all series.

    Sketches are paged (`samples.sketch`): half to one kB a series-window, so that 10k series with
    six windows open take some 60 MB.
    """

    def __init__(self, *, width_ns: int = WIDTH_NS, grace_ns: int = GRACE_NS) -> None:
        self.width_ns = width_ns
        self.grace_ns = grace_ns
        self._live = _allot(_FIRST_SLOTS, 2 * _FIRST_SLOTS)

    def __len__(self) -> int:
        """Return how many series-windows are open."""
        return int(self._live.state[SLOTS])

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
            self._live = _grown(self._live)
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
            self._live = _grown(self._live)
        unknown = int(row.size - np.count_nonzero(known))
        return {_OUTCOME_WORD: unknown} if unknown else {}

    def seal(self, now_ns: int) -> Columns:
        """Return and forget the windows whose end and grace have passed at `now_ns`."""
        everything = self.open()
        due = everything.start_ns + (self.width_ns + self.grace_ns) <= now_ns
        sealed = everything.take(np.flatnonzero(due))
        if len(sealed):
            self._live = _absorbed(everything.take(np.flatnonzero(~due)), self.width_ns)
        return sealed

    def open(self) -> Columns:
        """Return all open windows, sorted by (row, start)."""
        live, kernel = self._live, kernels()
        used = int(live.state[SLOTS])
        keys = live.keys[:used]
        row = (keys & ((1 << ROW_BITS) - 1)).astype(np.uint32)
        slots = np.lexsort((keys, row)).astype(np.int64)
        offsets = np.zeros(used + 1, dtype=np.int64)
        kernel.lengths(slots, live, offsets)
        bucket = np.empty(offsets[-1], dtype=np.int32)
        bucket_count = np.empty(offsets[-1], dtype=np.int64)
        kernel.export(slots, live, bucket, bucket_count)
        counts = live.counts[slots].astype(np.int64)
        stats_s = live.stats_s[slots]
        return Columns(
            row=row[slots],
            start_ns=(keys[slots] >> ROW_BITS) * self.width_ns,
            counts=np.ascontiguousarray(counts[:, :OUTCOMES]),
            zero=np.ascontiguousarray(counts[:, ZEROS]),
            sum_s=np.ascontiguousarray(stats_s[:, SUM]),
            min_s=stats_s[:, MIN].astype(np.float32),
            max_s=stats_s[:, MAX].astype(np.float32),
            offsets=offsets,
            bucket=bucket,
            bucket_count=bucket_count,
        )

    def dump(self) -> bytes:
        """Return all open windows as octets for a checkpoint.

             0 magic "BWIN" |  4 version u32          |  8 CRC-32 of the rest u32
            12 rows n u64   | 20 sketch entries m u64 | 28 the columns of `Columns` in order

        Little-endian; `load` gives exactly the same windows back.
        """
        columns = self.open()
        parts = [_SIZES.pack(len(columns), columns.bucket.size)]
        for field in fields(Columns):
            column = np.ascontiguousarray(getattr(columns, field.name), DTYPES[field.name])
            parts.append(column.tobytes())
        body = b"".join(parts)
        return _HEADER.pack(_MAGIC, _VERSION, zlib.crc32(body)) + body

    @classmethod
    def load(cls, blob: bytes, *, width_ns: int = WIDTH_NS, grace_ns: int = GRACE_NS) -> "Windows":
        """Return the windows that `dump` wrote.

        Raises:
            CorruptError: The octets are not what `dump` wrote.
        """
        windows = cls(width_ns=width_ns, grace_ns=grace_ns)
        columns = _decoded(blob)
        if len(columns):
            windows._live = _absorbed(columns, width_ns)
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


def _allot(slots: int, pages: int) -> Live:
    """Return empty arrays for `slots` series-windows (a power of two) and `pages` pages."""
    return Live(
        slot_of=np.zeros(2 * slots, np.int32),
        keys=np.zeros(slots, np.int64),
        counts=np.zeros((slots, OUTCOMES + 1), np.uint32),
        stats_s=np.zeros((slots, 3)),
        page_of=np.zeros((slots, OCTAVES), np.int32),
        pages=np.zeros((pages, PER_OCTAVE), np.uint32),
        state=np.array([0, 0, 1], np.int64),
        rejected=np.zeros(len(REASONS), np.int64),
    )


def _grown(live: Live) -> Live:
    """Return the same windows in longer arrays, whichever of them ran out."""
    if live.state[PAGES] == live.pages.shape[0]:
        return live._replace(pages=_longer(live.pages))
    grown = live._replace(
        slot_of=np.zeros(_GROWTH * live.slot_of.size, np.int32),
        keys=_longer(live.keys),
        counts=_longer(live.counts),
        stats_s=_longer(live.stats_s),
        page_of=_longer(live.page_of),
    )
    kernels().rehash(grown)
    return grown


def _longer(array: NDArray[Any]) -> NDArray[Any]:
    """Return the array followed by zeros, which take no memory before they are used."""
    grown = np.zeros((_GROWTH * len(array), *array.shape[1:]), array.dtype)
    grown[: len(array)] = array
    return grown


def _absorbed(columns: Columns, width_ns: int) -> Live:
    """Return arrays that hold exactly these windows."""
    live = _allot(max(_FIRST_SLOTS, 1 << len(columns).bit_length()), 1 + columns.bucket.size)
    number = columns.start_ns // width_ns
    stats_s = np.stack([columns.sum_s, columns.min_s, columns.max_s], axis=1, dtype=np.float64)
    full = kernels().absorb(
        (number << ROW_BITS) | columns.row,
        np.column_stack([columns.counts, columns.zero]),
        stats_s,
        columns.offsets,
        columns.bucket,
        columns.bucket_count,
        live,
    )
    if full:
        raise AssertionError("absorb windows: the arrays were allotted too small")
    return live


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
