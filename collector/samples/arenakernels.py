"""Decider: the numba kernels by which series-windows take slots and pages, and give them back.

Rules
- Those of `collector.samples.kernels`: arrays in, arrays out, explicit signatures, no fast math.
- Slots and pages that came back are handed out again, the last one first, before new ones.
- What is handed out is prepared then: memory that nothing used costs nothing.
- Whether pages suffice is asked before anything changes: a window is never left half counted.
"""

from typing import Final

import numba as nb
import numpy as np
from numpy.typing import NDArray

from collector.jit import kernel, part, readonly
from collector.samples.sketch import (
    FREE,
    FREE_PAGE,
    FREE_PAGES,
    FREE_SLOT,
    LOG,
    LOG_CELLS,
    LOGGED,
    MAX,
    MIN,
    OCTAVES,
    OPEN,
    PAGES,
    PER_OCTAVE,
    ROW_BITS,
    SCALE,
    SLOTS,
    SUM,
    TABLE,
    Live,
)

# Unsigned constants: a signed literal beside a uint64 would make numba compute in float64.
_ONE: Final = np.uint64(1)
_SHIFT_SCALE: Final = np.uint64(SCALE)
_MASK_CELL: Final = np.uint64(PER_OCTAVE - 1)
_ROW_MASK: Final = (1 << ROW_BITS) - 1
# Odd factors of 32 bits: the sum of both products stays below 2**64, so nothing ever overflows.
_ROW_FACTOR: Final = np.uint64(0x9E3779B1)
_NUMBER_FACTOR: Final = np.uint64(0x85EBCA6B)
_SHIFT_HASH: Final = np.uint64(29)

_I64 = NDArray[np.int64]

LIVE: Final = nb.types.NamedTuple(  # type: ignore[no-untyped-call]
    [
        nb.int32[::1],
        nb.int64[::1],
        nb.uint32[:, ::1],
        nb.float64[:, ::1],
        nb.int32[:, ::1],
        nb.uint32[:, ::1],
        nb.uint16[:, ::1],
        nb.int64[::1],
        nb.int64[::1],
        nb.float64[::1],
        nb.uint16[::1],
        nb.uint32[::1],
    ],
    Live,
)


@part
def place_of(key: int, mask: np.uint64) -> np.uint64:
    """Return where in the index the search for `key` begins."""
    row = np.uint64(key & _ROW_MASK)
    number = np.uint64(key >> ROW_BITS)
    mixed = row * _ROW_FACTOR + number * _NUMBER_FACTOR
    return (mixed ^ (mixed >> _SHIFT_HASH)) & mask


@part
def found(key: int, live: Live) -> np.uint64:
    """Return the place of `key` in the index, or the empty one that it would take."""
    mask = np.uint64(live.slot_of.size - 1)
    place = place_of(key, mask)
    while live.slot_of[place] != 0 and live.keys[live.slot_of[place] - 1] != key:
        place = (place + _ONE) & mask
    return place


@part
def taken_slot(key: int, live: Live) -> int:
    """Return the slot of `key`, a fresh one where it is unknown; -1 where none is left.

    None is where the index is half full: searches would become long.
    """
    place = found(key, live)
    slot = int(live.slot_of[place]) - 1
    if slot < 0 and 2 * live.state[OPEN] < live.slot_of.size:
        slot = int(live.state[FREE_SLOT]) - 1
        if slot >= 0:
            live.state[FREE_SLOT] = live.heads[slot, 0]
        elif live.state[SLOTS] < live.keys.size:
            slot = int(live.state[SLOTS])
            live.state[SLOTS] = slot + 1
        if slot >= 0:
            live.state[OPEN] += 1
            live.slot_of[place] = slot + 1
            live.keys[slot] = key
            live.counts[slot, :] = 0
            live.heads[slot, :] = 0
            live.stats_s[slot, SUM] = 0.0
            live.stats_s[slot, MIN] = np.inf
            live.stats_s[slot, MAX] = -np.inf
    return slot


@part
def has_pages(needed: int, live: Live) -> bool:
    """Return whether so many pages can be handed out."""
    return bool(live.pages.shape[0] - live.state[PAGES] + live.state[FREE_PAGES] >= needed)


@part
def taken_page(live: Live) -> int:
    """Return a page of any content; ask `has_pages` before."""
    page = int(live.state[FREE_PAGE])
    if page == 0:
        page = int(live.state[PAGES])
        live.state[PAGES] = page + 1
    else:
        live.state[FREE_PAGE] = int(live.pages[page, 0])
        live.state[FREE_PAGES] -= 1
    return page


@part
def returned_page(page: int, live: Live) -> None:
    """Take a page back."""
    live.pages[page, 0] = live.state[FREE_PAGE]
    live.state[FREE_PAGE] = page
    live.state[FREE_PAGES] += 1


@part
def count(table: int, cell: np.uint64, times: np.uint32, live: Live) -> None:
    """Add to the counter of a cell below `CELLS`, taking the page of its octave if need be."""
    octave = cell >> _SHIFT_SCALE
    page = int(live.pages[table, octave])
    if page == 0:
        page = taken_page(live)
        live.pages[page, :] = 0
        live.pages[table, octave] = page
    live.pages[page, cell & _MASK_CELL] += times


@part
def table_of(slot: int, live: Live) -> int:
    """Return the page that is the table of a slot, an empty one where it had none."""
    table = int(live.heads[slot, TABLE])
    if table == 0:
        table = taken_page(live)
        live.pages[table, :] = 0
        live.heads[slot, TABLE] = table
    return table


@kernel(nb.void(nb.int64, LIVE), allocates=False)
def fold(slot: int, live: Live) -> None:
    """Count the cells in the log of a slot and empty it, unless pages might not suffice."""
    if has_pages(1 + OCTAVES, live):
        table, log = table_of(slot, live), live.heads[slot, LOG]
        for i in range(live.heads[slot, LOGGED]):
            count(table, np.uint64(live.cells[log, i]), np.uint32(1), live)
        live.heads[slot, LOGGED] = 0


@part
def has_log(slot: int, live: Live) -> bool:
    """Return whether the log of a slot has room, after making some; not where pages run out."""
    if live.heads[slot, LOG] == 0 and has_pages(1, live):
        live.heads[slot, LOG] = taken_page(live)
    elif live.heads[slot, LOGGED] == LOG_CELLS:
        fold(slot, live)
    return bool(live.heads[slot, LOG] != 0 and live.heads[slot, LOGGED] < LOG_CELLS)


@kernel(nb.void(LIVE), allocates=False)
def rehash(live: Live) -> None:
    """Fill the empty `slot_of` from the keys in use."""
    for slot in range(live.state[SLOTS]):
        if live.keys[slot] != FREE:
            live.slot_of[found(live.keys[slot], live)] = slot + 1


@part
def unlink(key: int, live: Live) -> None:
    """Take `key` out of the index, moving up what was placed behind it (Knuth 6.4, algorithm R)."""
    size = np.uint64(live.slot_of.size)
    mask = size - _ONE
    hole = found(key, live)
    place = (hole + _ONE) & mask
    while live.slot_of[place] != 0:
        home = place_of(live.keys[live.slot_of[place] - 1], mask)
        if (place + size - home) & mask >= (place + size - hole) & mask:
            live.slot_of[hole] = live.slot_of[place]
            hole = place
        place = (place + _ONE) & mask
    live.slot_of[hole] = 0


@kernel(nb.void(readonly(nb.int64), LIVE), allocates=False)
def release(slots: _I64, live: Live) -> None:
    """Take back `slots` and their pages; the first of them is the first to be handed out again."""
    for i in range(slots.size - 1, -1, -1):
        slot = slots[i]
        table = int(live.heads[slot, TABLE])
        if table != 0:
            for octave in range(OCTAVES):
                if live.pages[table, octave] != 0:
                    returned_page(int(live.pages[table, octave]), live)
            returned_page(table, live)
        if live.heads[slot, LOG] != 0:
            returned_page(int(live.heads[slot, LOG]), live)
        unlink(live.keys[slot], live)
        live.keys[slot] = FREE
        live.heads[slot, 0] = live.state[FREE_SLOT]
        live.state[FREE_SLOT] = slot + 1
        live.state[OPEN] -= 1
