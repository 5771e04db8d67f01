"""Decider: the numba kernels that fill the sketches of open windows and export them.

Rules
- Arrays in, arrays out; errors are return codes (`OK`, `FULL`); no clock, no state of their own.
- Every kernel has an explicit signature, so importing this module compiles everything (or loads
  it from numba's cache). Import it through `collector.samples.quantiles`, which does so lazily.
- `nogil`, one thread, no fast math: results do not depend on the machine, and they are the same
  with `NUMBA_DISABLE_JIT=1`.
- Indices count up from zero within a slice, or are unsigned: others cost numba a test each for
  wrapping around, and no loop with one becomes a loop of vectors.

The cell of x comes from the bits of x without a logarithm: the bits minus one make the bounds
upper-inclusive, the exponent gives the octave, and a table entry per 1/128 of the mantissa holds
the cells below it and the one bound inside it, so that adding the mantissa carries where the
bound is passed. The bounds are integer roots, exact to the last bit.
"""

from typing import Final

import numba as nb
import numpy as np
from numpy.typing import NDArray

from collector.jit import kernel, part, readonly
from collector.samples.arenakernels import (
    LIVE,
    count,
    has_log,
    has_pages,
    table_of,
    taken_page,
    taken_slot,
)
from collector.samples.sketch import (
    ABSURD,
    BLOCK,
    CARRIES,
    CELLS,
    FIRST_BUCKET,
    INFINITE,
    LIMIT_S,
    LOG,
    LOG_CELLS,
    LOGGED,
    LOWEST_EXPONENT,
    MANTISSA_BITS,
    MAX,
    MIN,
    NAN,
    NEGATIVE,
    NEXT,
    OCTAVES,
    PER_OCTAVE,
    ROW_BITS,
    SCALE,
    SUM,
    TABLE,
    TABLE_BITS,
    ZERO,
    ZERO_LIMIT_S,
    ZEROS,
    Live,
)

OK: Final = 0
FULL: Final = 1

_MS_NS: Final = 1_000_000

# Unsigned constants: a signed literal beside a uint64 would make numba compute in float64.
_ONE: Final = np.uint64(1)
_SHIFT_MANTISSA: Final = np.uint64(MANTISSA_BITS)
_SHIFT_TABLE: Final = np.uint64(MANTISSA_BITS - TABLE_BITS)
_SHIFT_SCALE: Final = np.uint64(SCALE)
_MASK_MANTISSA: Final = np.uint64((1 << MANTISSA_BITS) - 1)
_ORIGIN: Final = np.uint64((1023 + LOWEST_EXPONENT) << SCALE)

_F32 = NDArray[np.float32]
_F64 = NDArray[np.float64]
_I32 = NDArray[np.int32]
_I64 = NDArray[np.int64]
_U8 = NDArray[np.uint8]
_U16 = NDArray[np.uint16]
_U32 = NDArray[np.uint32]
_READ_F32 = readonly(nb.float32)
_READ_I32 = readonly(nb.int32)
_READ_I64 = readonly(nb.int64)
_READ_U8 = readonly(nb.uint8)
_READ_U16 = readonly(nb.uint16)
_READ_U32 = readonly(nb.uint32)


@kernel(nb.void(nb.float64[::1], nb.int64, nb.uint16[::1]), allocates=False)
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


@part
def _run_end(dt_ms: _U16, begin: int, end: int, from_ns: int, to_ns: int) -> int:
    """Return where the samples from `begin` on leave the times from `from_ns` to `to_ns`.

    Most never do, which the earliest and the latest of them tell.
    """
    run_ms = dt_ms[begin:end]
    early, late = run_ms[0], run_ms[0]
    for i in range(run_ms.size):
        early = min(early, run_ms[i])
        late = max(late, run_ms[i])
    found = end
    if int(early) * _MS_NS < from_ns or int(late) * _MS_NS >= to_ns:
        found = begin
        while found < end and from_ns <= int(dt_ms[found]) * _MS_NS < to_ns:
            found += 1
    return found


@part
def _sifted(slot: int, cells: _U16, value_s: _F64, live: Live) -> tuple[int, int]:
    """Move to the front the cells for the log and the accepted values; return how many there are.

    Rejections and the zero bucket are counted; most runs have neither.
    """
    logged, accepted = cells.size, cells.size
    highest = cells[0]
    for i in range(cells.size):
        highest = max(highest, cells[i])
    if highest >= ZERO:
        logged, accepted = 0, 0
        for i in range(cells.size):
            cell = cells[i]
            if cell > ZERO:
                live.rejected[cell - NAN] += 1
                continue
            value_s[accepted] = value_s[i]
            accepted += 1
            if cell == ZERO:
                live.counts[slot, ZEROS] += np.uint32(1)
            else:
                cells[logged] = cell
                logged += 1
    return logged, accepted


@part
def _log(slot: int, cells: _U16, value_s: _F64, live: Live) -> None:
    """Write to the log of a slot, which has room; sum up in the order of the samples."""
    logged, accepted = _sifted(slot, cells, value_s, live)
    held = int(live.heads[slot, LOGGED])
    room = live.cells[live.heads[slot, LOG], held : held + logged]
    for i in range(room.size):
        room[i] = cells[i]
    live.heads[slot, LOGGED] = held + logged
    live.counts[slot, 0] += np.uint32(accepted)
    sum_s = live.stats_s[slot, SUM]
    low_s, high_s = live.stats_s[slot, MIN], live.stats_s[slot, MAX]
    for value in value_s[:accepted]:
        sum_s += value
        low_s = min(low_s, value)
        high_s = max(high_s, value)
    live.stats_s[slot, SUM] = sum_s
    live.stats_s[slot, MIN] = low_s
    live.stats_s[slot, MAX] = high_s


@part
def _run(slot: int, cells: _U16, exact: _F64, begin: int, end: int, live: Live) -> int:
    """Count samples of one series-window; return `end`, or where pages ran out."""
    i = begin
    while i < end and has_log(slot, live):
        to = min(end, i + LOG_CELLS - int(live.heads[slot, LOGGED]))
        _log(slot, cells[i:to], exact[i:to], live)
        i = to
    return i


@kernel(
    nb.int64(_READ_U32, _READ_U32, _READ_F32, _READ_U16, nb.int64, nb.int64, LIVE), allocates=False
)
def fill(
    rows: _U32, offsets: _U32, rtt_s: _F32, dt_ms: _U16, base_ns: int, width_ns: int, live: Live
) -> int:
    """Count the replies of a batch (CSR by series) from sample `state[NEXT]` on.

    Two phases a block: all cells, then run by run of one series-window. Returns `FULL` where slots
    or pages ran out: grow them and call again. Rejected samples are counted by reason and open no
    window.
    """
    exact, cells = live.exact, live.block
    begin = live.state[NEXT]
    series = 0
    while begin < rtt_s.size:
        size = min(BLOCK, rtt_s.size - begin)
        taken_s = rtt_s[begin : begin + size]
        for i in range(size):
            exact[i] = taken_s[i]
        cells_of(exact, size, cells)
        i = 0
        while i < size:
            if cells[i] > ZERO:
                live.rejected[cells[i] - NAN] += 1
                i += 1
                continue
            while begin + i >= offsets[series + 1]:
                series += 1
            number = (base_ns + int(dt_ms[begin + i]) * _MS_NS) // width_ns
            end = min(begin + size, int(offsets[series + 1]))
            from_ns = number * width_ns - base_ns
            end = _run_end(dt_ms, begin + i, end, from_ns, from_ns + width_ns) - begin
            slot = taken_slot((number << ROW_BITS) | int(rows[series]), live)
            if slot >= 0:
                i = _run(slot, cells, exact, i, end, live)
            if slot < 0 or i < end:
                live.state[NEXT] = begin + i
                return FULL
        begin += size
        live.state[NEXT] = begin
    return OK


@kernel(nb.int64(_READ_U32, _READ_U16, _READ_U8, nb.int64, nb.int64, LIVE), allocates=False)
def tally(rows: _U32, dt_ms: _U16, outcomes: _U8, base_ns: int, width_ns: int, live: Live) -> int:
    """Count the events of a batch from event `state[NEXT]` on; outcomes lie in 1 to OUTCOMES - 1.

    Returns `FULL` where slots ran out: grow them and call again.
    """
    for event in range(live.state[NEXT], rows.size):
        number = (base_ns + int(dt_ms[event]) * _MS_NS) // width_ns
        slot = taken_slot((number << ROW_BITS) | int(rows[event]), live)
        if slot < 0:
            live.state[NEXT] = event
            return FULL
        live.counts[slot, outcomes[event]] += np.uint32(1)
    return OK


@part
def _add_sketch(
    slot: int, begin: int, end: int, bucket: _I32, bucket_count: _I64, live: Live
) -> None:
    """Add sketch entries to a slot: to its log where they fit, else to its counts."""
    total = int(live.heads[slot, LOGGED])
    for entry in range(begin, end):
        total += bucket_count[entry]
    if begin < end and total <= LOG_CELLS:
        if live.heads[slot, LOG] == 0:
            live.heads[slot, LOG] = taken_page(live)
        log, held = int(live.heads[slot, LOG]), int(live.heads[slot, LOGGED])
        for entry in range(begin, end):
            for _ in range(bucket_count[entry]):
                live.cells[log, held] = bucket[entry] - FIRST_BUCKET
                held += 1
        live.heads[slot, LOGGED] = held
    elif begin < end:
        table = table_of(slot, live)
        for entry in range(begin, end):
            cell = np.uint64(bucket[entry] - FIRST_BUCKET)
            count(table, cell, np.uint32(bucket_count[entry]), live)


@kernel(
    nb.int64(
        _READ_I64,
        readonly(nb.int64, 2),
        readonly(nb.float64, 2),
        _READ_I64,
        _READ_I32,
        _READ_I64,
        LIVE,
    ),
    allocates=False,
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
    """Add closed series-windows to the open ones, from window `state[NEXT]` on.

    What fits in a log goes there. Returns `FULL` where slots or pages ran out: grow them and call
    again.
    """
    for i in range(live.state[NEXT], keys.size):
        live.state[NEXT] = i
        if not has_pages(2 + OCTAVES, live):
            return FULL
        slot = taken_slot(keys[i], live)
        if slot < 0:
            return FULL
        for column in range(counts.shape[1]):
            live.counts[slot, column] += np.uint32(counts[i, column])
        live.stats_s[slot, SUM] += stats_s[i, SUM]
        live.stats_s[slot, MIN] = min(live.stats_s[slot, MIN], stats_s[i, MIN])
        live.stats_s[slot, MAX] = max(live.stats_s[slot, MAX], stats_s[i, MAX])
        _add_sketch(slot, offsets[i], offsets[i + 1], bucket, bucket_count, live)
    live.state[NEXT] = keys.size
    return OK


@part
def _gather(slot: int, live: Live, dense: _U32) -> tuple[int, int]:
    """Add the sketch of a slot to the zeros in `dense`; return the cells it lies within."""
    low, high = CELLS, 0
    log, table = int(live.heads[slot, LOG]), int(live.heads[slot, TABLE])
    for i in range(live.heads[slot, LOGGED]):
        cell = int(live.cells[log, i])
        dense[cell] += np.uint32(1)
        low = min(low, cell)
        high = max(high, cell + 1)
    if table != 0:
        for octave in range(OCTAVES):
            page = int(live.pages[table, octave])
            if page != 0:
                first = octave * PER_OCTAVE
                for cell in range(PER_OCTAVE):
                    dense[first + cell] += live.pages[page, cell]
                low = min(low, first)
                high = max(high, first + PER_OCTAVE)
    return low, high


@kernel(nb.void(_READ_I64, LIVE, nb.int64[::1], nb.int32[::1], nb.int64[::1]), allocates=False)
def export(slots: _I64, live: Live, offsets: _I64, bucket: _I32, bucket_count: _I64) -> None:
    """Write the sketches of `slots` as (bucket, count) pairs, rising within each, and their ends.

    The last two have room for one pair more than there can be.
    """
    dense = live.dense
    entry = 0
    for i in range(slots.size):
        low, high = _gather(slots[i], live, dense)
        for cell in range(low, high):
            bucket[entry] = FIRST_BUCKET + cell
            bucket_count[entry] = dense[cell]
            entry += dense[cell] != 0
            dense[cell] = 0
        offsets[i + 1] = entry
