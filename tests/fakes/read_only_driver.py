"""A program whose disk turns read-only under a chain, in part and then as a whole.

`python read_only_driver.py DIRECTORY` on a small file system of its own, in a mount namespace of
its own. The journal's file is open, so that the kernel refuses to make its file system read-only:
the segments get one of their own that is. Ends with 0 and says on stdout what happened.
"""

import asyncio
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from collector.chain import Chain
from collector.errors import StoreError
from tests.fakes.collector_durable import (
    S_NS,
    StoppedClock,
    Totals,
    batch,
    config,
    content,
    send,
    totals,
)


def _tell(word: str) -> None:
    os.write(1, f"{word}\n".encode())


def _mount(directory: Path) -> None:
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(directory)], check=True)


def _remount(directory: Path, how: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{how}", str(directory)], check=True)


async def _take(chain: Chain, held: Totals, sequences: range) -> None:
    for sequence in sequences:
        await send(chain, batch(sequence))
        held.update(content(batch(sequence)))


async def _play(directory: Path) -> None:
    held: Totals = Counter()
    clock = StoppedClock()
    store = directory / "store"
    segments = store / "segments"
    segments.mkdir(parents=True)
    _mount(segments)
    async with Chain(config(store, grace_s=0), clock=clock) as chain:
        await _take(chain, held, range(10))
        _remount(segments, "ro")
        clock.at_ns += 3600 * S_NS
        with pytest.raises(StoreError, match="Read-only file system"):
            await chain.checkpoint()
        _tell("no-checkpoint")
        await _take(chain, held, range(10, 20))
        assert held == totals(chain)
        _tell("goes-on")
        _remount(segments, "rw")
        await chain.checkpoint()
        assert held == totals(chain)
        _tell("healed")
    _remount(directory, "ro")
    with pytest.raises(StoreError):
        await Chain(config(store), clock=clock).__aenter__()
    _tell("no-start")
    _remount(directory, "rw")
    async with Chain(config(store), clock=clock) as chain:
        assert () == chain.recovered.damage
        await _take(chain, held, range(20, 25))
        assert held == totals(chain)
    _tell("exact")


if __name__ == "__main__":
    asyncio.run(_play(Path(sys.argv[1])))
