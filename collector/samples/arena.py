"""Decider: the memory of open series-windows: arrays that are used again, and given back.

Rules
- Arrays are allotted far longer than most collectors need. What no window has used is address
  space and no memory, so that growing up to there neither copies nor takes memory twice.
- Slots and pages that windows give back are used again: a steady collector takes no new memory.
- After a peak most of it would lie idle for ever: where a seal found less than a quarter of the
  pages in use that ever were, or leaves nothing open, the arrays are to be made anew.
"""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from collector.samples.quantiles import arena_kernels
from collector.samples.sketch import (
    BLOCK,
    CELLS,
    FREE_PAGES,
    OPEN,
    OUTCOMES,
    PAGES,
    PER_OCTAVE,
    REASONS,
    SLOTS,
    Live,
)

_SLOTS: Final = 1 << 19
_PAGES: Final = 1 << 20
"""As many open windows as 10k series have in nearly nine minutes: 320 MB of address space."""
_FIRST_INDEX: Final = 2048
_SMALL: Final = 4096
"""Pages that are not worth giving back: 1 MiB."""
_SPARE: Final = 4
_GROWTH: Final = 4
"""A power of two."""


def allot(slots: int = _SLOTS, pages: int = _PAGES) -> Live:
    """Return empty arrays for `slots` series-windows (a power of two) and `pages` pages."""
    room = np.empty((pages, PER_OCTAVE), np.uint32)
    return Live(
        slot_of=np.zeros(min(_FIRST_INDEX, 2 * slots), np.int32),
        keys=np.empty(slots, np.int64),
        counts=np.empty((slots, OUTCOMES + 1), np.uint32),
        stats_s=np.empty((slots, 3)),
        heads=np.empty((slots, 3), np.int32),
        pages=room,
        cells=room.view(np.uint16),
        state=np.array([0, 0, 1, 0, 0, 0, 0], np.int64),
        rejected=np.zeros(len(REASONS), np.int64),
        exact=np.empty(BLOCK),
        block=np.empty(BLOCK, np.uint16),
        dense=np.zeros(CELLS, np.uint32),
    )


def grown(live: Live) -> Live:
    """Return the same windows with whatever ran out four times as long: index, slots or pages."""
    full, used = 2 * live.state[OPEN] >= live.slot_of.size, int(live.state[SLOTS])
    if live.state[OPEN] == live.keys.size:
        live = live._replace(
            keys=_longer(live.keys, used),
            counts=_longer(live.counts, used),
            stats_s=_longer(live.stats_s, used),
            heads=_longer(live.heads, used),
        )
    elif not full:
        pages = _longer(live.pages, int(live.state[PAGES]))
        live = live._replace(pages=pages, cells=pages.view(np.uint16))
    if full:
        live = live._replace(slot_of=np.zeros(_GROWTH * live.slot_of.size, np.int32))
        arena_kernels().rehash(live)
    return live


def copied(live: Live) -> Live:
    """Return a copy of what windows use, to be read: it has no index."""
    slots, pages = int(live.state[SLOTS]), live.pages[: live.state[PAGES]].copy()
    return live._replace(
        slot_of=live.slot_of[:0],
        keys=live.keys[:slots].copy(),
        counts=live.counts[:slots].copy(),
        stats_s=live.stats_s[:slots].copy(),
        heads=live.heads[:slots].copy(),
        pages=pages,
        cells=pages.view(np.uint16),
    )


def _longer(array: NDArray[Any], used: int) -> NDArray[Any]:
    """Return a longer array that begins with what is used of this one."""
    longer = np.empty((_GROWTH * len(array), *array.shape[1:]), array.dtype)
    longer[:used] = array[:used]
    return longer


def pages_in_use(live: Live) -> int:
    """Return how many pages windows hold, page 0 included."""
    return int(live.state[PAGES] - live.state[FREE_PAGES])


def is_outgrown(live: Live, *, open_after: int) -> bool:
    """Return whether a seal that leaves so many windows open shows that the arrays are too long."""
    most = int(live.state[PAGES])
    return most > _SMALL and (most > _SPARE * pages_in_use(live) or not open_after)
