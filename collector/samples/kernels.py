"""Decider: the numba kernels that fill the sketches of open windows and export them.

Rules
- Arrays in, arrays out; errors are return codes (`OK`, `FULL`); no clock, no state of their own.
- Every kernel has an explicit signature, so importing this module compiles everything (or loads
  it from numba's cache). Import it through `collector.samples.quantiles`, which does so lazily.
- `nogil`, one thread, no fast math: results do not depend on the machine, and they are the same
  with `NUMBA_DISABLE_JIT=1`.
- Index arithmetic is unsigned: signed indices cost numba a wrap-around test each.

The cell of x comes from the bits of x without a logarithm: the bits minus one make the bounds
upper-inclusive, the exponent gives the octave, and a table entry per 1/128 of the mantissa holds
the cells below it and the one bound inside it, so that adding the mantissa carries where the
bound is passed. The bounds are integer roots, exact to the last bit.
"""

from typing import Final

import numba as nb
import numpy as np
from numpy.typing import NDArray

from collector.jit import kernel, readonly
from collector.samples.sketch import (
    ABSURD,
    CARRIES,
    FIRST_BUCKET,
    INFINITE,
    LIMIT_S,
    LOWEST_EXPONENT,
    MANTISSA_BITS,
    MAX,
    MIN,
    NAN,
    NEGATIVE,
    NEXT,
    OCTAVES,
    PAGES,
    PER_OCTAVE,
    ROW_BITS,
    SCALE,
    SLOTS,
    SUM,
    TABLE_BITS,
    ZERO,
    ZERO_LIMIT_S,
    ZEROS,
    Live,
)

OK: Final = 0
FULL: Final = 1

_BLOCK: Final = 256
_MS_NS: Final = 1_000_000

# Unsigned constants: a signed literal beside a uint64 would make numba compute in float64.
_ONE: Final = np.uint64(1)
_SHIFT_MANTISSA: Final = np.uint64(MANTISSA_BITS)
_SHIFT_TABLE: Final = np.uint64(MANTISSA_BITS - TABLE_BITS)
_SHIFT_SCALE: Final = np.uint64(SCALE)
_MASK_MANTISSA: Final = np.uint64((1 << MANTISSA_BITS) - 1)
_MASK_CELL: Final = np.uint64(PER_OCTAVE - 1)
_ORIGIN: Final = np.uint64((1023 + LOWEST_EXPONENT) << SCALE)
_ROW_MASK: Final = (1 << ROW_BITS) - 1
# Odd factors of 32 bits: the sum of both products stays below 2**64, so nothing ever overflows.
_ROW_FACTOR: Final = np.uint64(0x9E3779B1)
_NUMBER_FACTOR: Final = np.uint64(0x85EBCA6B)
_SHIFT_HASH: Final = np.uint64(29)

_F32 = NDArray[np.float32]
_F64 = NDArray[np.float64]
_I32 = NDArray[np.int32]
_I64 = NDArray[np.int64]
_U8 = NDArray[np.uint8]
_U16 = NDArray[np.uint16]
_U32 = NDArray[np.uint32]


_LIVE = nb.types.NamedTuple(  # type: ignore[no-untyped-call]
    [
        nb.int32[::1],
        nb.int64[::1],
        nb.uint32[:, ::1],
        nb.float64[:, ::1],
        nb.int32[:, ::1],
        nb.uint32[:, ::1],
        nb.int64[::1],
        nb.int64[::1],
    ],
    Live,
)
_READ_F32 = readonly(nb.float32)
_READ_I32 = readonly(nb.int32)
_READ_I64 = readonly(nb.int64)
_READ_U8 = readonly(nb.uint8)
_READ_U16 = readonly(nb.uint16)
_READ_U32 = readonly(nb.uint32)


@kernel(nb.void(nb.float64[::1], nb.int64, nb.uint16[::1]))
def cells_of(value_s: _F64, size: int, cells: _U16) -> None:
    """Write the cell of each of the first `size` values (seconds)."""
    bits = value_s.view(np.uint64)
    for i in range(size):
        value = value_s[i]
        if value > ZERO_LIMIT_S and value <= LIMIT_S:
            below = bits[i] - _ONE
            mantissa = below & _MASK_MANTISSA
            sub = (CARRIES[mantissa >> _SHIFT_TABLE] + mantissa) >> _SHIFT_MANTISSA
            cells[i] = ((below >> _SHIFT_MANTISSA) << _SHIFT_SCALE) + sub - _ORIGIN
        elif value >= 0.0 and value <= ZERO_LIMIT_S:
            cells[i] = ZERO
        elif value != value:  # noqa: PLR0124 (only NaN differs from itself)
            cells[i] = NAN
        elif np.isinf(value):
            cells[i] = INFINITE
        else:
            cells[i] = NEGATIVE if value < 0.0 else ABSURD


@kernel(nb.uint64(nb.int64, nb.uint64))
def _place(key: int, mask: np.uint64) -> np.uint64:
    """Return where in the index the search for `key` begins."""
    row = np.uint64(key & _ROW_MASK)
    number = np.uint64(key >> ROW_BITS)
    mixed = row * _ROW_FACTOR + number * _NUMBER_FACTOR
    return (mixed ^ (mixed >> _SHIFT_HASH)) & mask


@kernel(nb.void(_LIVE))
def rehash(live: Live) -> None:
    """Fill the empty `slot_of` from the keys in use."""
    mask = np.uint64(live.slot_of.size - 1)
    for slot in range(live.state[SLOTS]):
        place = _place(live.keys[slot], mask)
        while live.slot_of[place] != 0:
            place = (place + _ONE) & mask
        live.slot_of[place] = slot + 1


@kernel(nb.int64(nb.int64, _LIVE))
def _slot(key: int, live: Live) -> int:
    """Return the slot of `key`, taking a new one where it is unknown; -1 where none is left."""
    mask = np.uint64(live.slot_of.size - 1)
    place = _place(key, mask)
    while live.slot_of[place] != 0:
        slot = live.slot_of[place] - 1
        if live.keys[slot] == key:
            return int(slot)
        place = (place + _ONE) & mask
    slot = live.state[SLOTS]
    if slot == live.keys.size:
        return -1
    live.state[SLOTS] = slot + 1
    live.slot_of[place] = slot + 1
    live.keys[slot] = key
    live.stats_s[slot, MIN] = np.inf
    live.stats_s[slot, MAX] = -np.inf
    return int(slot)


@kernel(nb.boolean(nb.int64, nb.uint64, nb.uint32, _LIVE))
def _count(slot: int, cell: np.uint64, count: np.uint32, live: Live) -> bool:
    """Add `count` to a cell below `CELLS` of a slot; False where a page is needed and none left."""
    octave = cell >> _SHIFT_SCALE
    page = live.page_of[slot, octave]
    if page == 0:
        page = live.state[PAGES]
        if page == live.pages.shape[0]:
            return False
        live.state[PAGES] = page + 1
        live.page_of[slot, octave] = page
    live.pages[page, cell & _MASK_CELL] += count
    return True


@kernel(nb.int64(_READ_U16, nb.int64, nb.int64, nb.int64, nb.int64))
def _run_end(dt_ms: _U16, begin: int, end: int, from_ns: int, to_ns: int) -> int:
    """Return where the samples from `begin` on leave the times from `from_ns` to `to_ns`."""
    for i in range(begin, end):
        at_ns = np.int64(dt_ms[i]) * _MS_NS
        if at_ns < from_ns or at_ns >= to_ns:
            return i
    return end


@kernel(nb.int64(nb.int64, nb.uint16[::1], nb.float64[::1], nb.int64, nb.int64, _LIVE))
def _run(slot: int, cells: _U16, exact: _F64, begin: int, end: int, live: Live) -> int:
    """Count samples of one series-window; return `end`, or where a page was needed and none left.

    The statistics are held in registers meanwhile, and summed in the order of the samples.
    """
    received = np.uint32(0)
    sum_s, low_s = live.stats_s[slot, SUM], live.stats_s[slot, MIN]
    high_s = live.stats_s[slot, MAX]
    i = begin
    while i < end:
        cell = np.uint64(cells[i])
        if cell > ZERO:
            live.rejected[cell - np.uint64(NAN)] += 1
            i += 1
            continue
        if cell == ZERO:
            live.counts[slot, ZEROS] += 1
        elif not _count(slot, cell, np.uint32(1), live):
            break
        received += np.uint32(1)
        sum_s += exact[i]
        low_s = min(low_s, exact[i])
        high_s = max(high_s, exact[i])
        i += 1
    live.counts[slot, 0] += received
    live.stats_s[slot, SUM] = sum_s
    live.stats_s[slot, MIN] = low_s
    live.stats_s[slot, MAX] = high_s
    return i


@kernel(nb.int64(_READ_U32, _READ_U32, _READ_F32, _READ_U16, nb.int64, nb.int64, _LIVE))
def fill(
    rows: _U32, offsets: _U32, rtt_s: _F32, dt_ms: _U16, base_ns: int, width_ns: int, live: Live
) -> int:
    """Count the replies of a batch (CSR by series) from sample `state[NEXT]` on.

    Two phases a block: all cells, then run by run of one series-window. Returns `FULL` where slots
    or pages ran out: grow them and call again. Rejected samples are counted by reason and open no
    window.
    """
    exact = np.empty(_BLOCK, dtype=np.float64)
    cells = np.empty(_BLOCK, dtype=np.uint16)
    begin = live.state[NEXT]
    series = 0
    while begin < rtt_s.size:
        size = min(_BLOCK, rtt_s.size - begin)
        for i in range(size):
            exact[i] = rtt_s[begin + i]
        cells_of(exact, size, cells)
        i = 0
        while i < size:
            if cells[i] > ZERO:
                live.rejected[cells[i] - NAN] += 1
                i += 1
                continue
            while begin + i >= offsets[series + 1]:
                series += 1
            number = (base_ns + np.int64(dt_ms[begin + i]) * _MS_NS) // width_ns
            end = min(begin + size, np.int64(offsets[series + 1]))
            from_ns = number * width_ns - base_ns
            end = _run_end(dt_ms, begin + i, end, from_ns, from_ns + width_ns) - begin
            slot = _slot((number << ROW_BITS) | np.int64(rows[series]), live)
            if slot >= 0:
                i = _run(slot, cells, exact, i, end, live)
            if slot < 0 or i < end:
                live.state[NEXT] = begin + i
                return FULL
        begin += size
        live.state[NEXT] = begin
    return OK


@kernel(nb.int64(_READ_U32, _READ_U16, _READ_U8, nb.int64, nb.int64, _LIVE))
def tally(rows: _U32, dt_ms: _U16, outcomes: _U8, base_ns: int, width_ns: int, live: Live) -> int:
    """Count the events of a batch from event `state[NEXT]` on; outcomes lie in 1 to OUTCOMES - 1.

    Returns `FULL` where slots ran out: grow them and call again.
    """
    for event in range(live.state[NEXT], rows.size):
        number = (base_ns + np.int64(dt_ms[event]) * _MS_NS) // width_ns
        slot = _slot((number << ROW_BITS) | np.int64(rows[event]), live)
        if slot < 0:
            live.state[NEXT] = event
            return FULL
        live.counts[slot, outcomes[event]] += 1
    return OK


@kernel(
    nb.int64(
        _READ_I64,
        readonly(nb.int64, 2),
        readonly(nb.float64, 2),
        _READ_I64,
        _READ_I32,
        _READ_I64,
        _LIVE,
    )
)
def absorb(
    keys: _I64,
    counts: _I64,
    stats_s: _F64,
    offsets: _I64,
    bucket: _I32,
    bucket_count: _I64,
    live: Live,
) -> int:
    """Add closed series-windows to the open ones. Returns `FULL` where the arrays were too small.

    Unlike `fill` it is not resumed: the caller sizes the arrays beforehand.
    """
    for i in range(keys.size):
        slot = _slot(keys[i], live)
        if slot < 0:
            return FULL
        for column in range(counts.shape[1]):
            live.counts[slot, column] += np.uint32(counts[i, column])
        live.stats_s[slot, SUM] += stats_s[i, SUM]
        live.stats_s[slot, MIN] = min(live.stats_s[slot, MIN], stats_s[i, MIN])
        live.stats_s[slot, MAX] = max(live.stats_s[slot, MAX], stats_s[i, MAX])
        for entry in range(offsets[i], offsets[i + 1]):
            cell = np.uint64(bucket[entry] - FIRST_BUCKET)
            if not _count(slot, cell, np.uint32(bucket_count[entry]), live):
                return FULL
    return OK


@kernel(nb.void(_READ_I64, _LIVE, nb.int64[::1]))
def lengths(slots: _I64, live: Live, offsets: _I64) -> None:
    """Write the CSR offsets of the sketches of `slots`: how many cells of each are not empty."""
    total = 0
    for i in range(slots.size):
        for octave in range(OCTAVES):
            page = live.page_of[slots[i], octave]
            if page != 0:
                for cell in range(PER_OCTAVE):
                    total += live.pages[page, cell] != 0
        offsets[i + 1] = total


@kernel(nb.void(_READ_I64, _LIVE, nb.int32[::1], nb.int64[::1]))
def export(slots: _I64, live: Live, bucket: _I32, bucket_count: _I64) -> None:
    """Write the sketches of `slots` as (bucket, count) pairs, rising within each sketch."""
    entry = 0
    for i in range(slots.size):
        for octave in range(OCTAVES):
            page = live.page_of[slots[i], octave]
            if page == 0:
                continue
            for cell in range(PER_OCTAVE):
                count = live.pages[page, cell]
                if count != 0:
                    bucket[entry] = FIRST_BUCKET + octave * PER_OCTAVE + cell
                    bucket_count[entry] = count
                    entry += 1
