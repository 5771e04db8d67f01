"""Shell: how the collector's process gets memory and gives it back.

Checkpoints and questions need large arrays for a moment. glibc raises its threshold for mapped
blocks with each one that is freed, up to 32 MiB, and then takes such arrays from its heaps, where
small neighbours keep the room for ever; pyarrow's own pool keeps what it once had. Measured with
10k series at 1/s, scraped every 4 s: 515 MiB resident after 135 s and rising; with both settled
283 to 351 MiB, 430 at most, for up to 3.9 % of a core instead of 2.8 % (fresh pages are mapped).

Python looks through all objects for cycles once a quarter more of them are there, and lets nobody
work meanwhile: with 15,000 agents connected that is most of a second. So what is imported by the
start is left out for ever, and it looks after 2,000,000 new objects that were not given back, not
after 70,000. Measured with a fleet that uploads once in 10 s: the 99th percentile of its
acknowledgements fell from 800 to 20 ms.
"""

import ctypes
import gc
from functools import cache
from typing import Any, Final

import pyarrow as pa

MAPPED_FROM_OCTETS: Final = 320 * 1024
"""Blocks of this size and more go back to the host when they are freed; smaller than this is what
asyncio reads from a connection at once (256 KiB): it comes and goes with every request."""
KEPT_OCTETS: Final = 4 * 1024 * 1024
"""What is free at the end of a heap is kept up to this: what one request gives back the next takes.
With glibc's 128 KiB each batch of 38 kB touched 18 pages anew, which cost 40 us of its 120 in the
HTTP server alone."""
COLLECTED_AFTER: Final = (5000, 20, 20)
"""New objects, and collections of younger ones, between two collections of each age."""
_M_TRIM_THRESHOLD: Final = -1
_M_MMAP_THRESHOLD: Final = -3


def settle() -> None:
    """Let large blocks be mapped each by itself, and cycles be sought less often.

    Call it once, when all is imported and before the work begins.
    """
    gc.freeze()
    gc.set_threshold(*COLLECTED_AFTER)
    mallopt = _of_libc("mallopt")  # musl has none, and maps from 128 KiB
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, MAPPED_FROM_OCTETS)
        mallopt(_M_TRIM_THRESHOLD, KEPT_OCTETS)
    pa.set_memory_pool(pa.system_memory_pool())


def give_back() -> None:
    """Give pages between small blocks back to the host, in the midst of long work.

    Compacting a day of 10k series reads and frees a million small blocks: without this the room
    between them grows by 120 MiB until the end.
    """
    trim = _of_libc("malloc_trim")
    if trim is not None:
        trim(0)


@cache
def _of_libc(name: str) -> Any:  # noqa: ANN401 - a function of the library, None if it has none
    return getattr(ctypes.CDLL(None), name, None)
