"""A program that fills the disk under a chain: refused with 503, nothing lost, healed by room.

`python full_disk_driver.py DIRECTORY` on a small file system of its own. Ends with 0 and says on
stdout what happened, one word a line; a broken promise is a traceback.
"""

import asyncio
import os
import sys
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pytest

from collector.chain import Chain
from collector.errors import RefusedError, StoreError
from tests.fakes.collector_durable import (
    NOW_NS,
    S_NS,
    StoppedClock,
    Totals,
    batch,
    config,
    content,
    path,
    send,
    totals,
)


def _fill(ballast: Path) -> None:
    """Take all room that is left."""
    with ballast.open("wb", buffering=0) as file:
        for octets in (65_536, 4096, 1):
            with suppress(OSError):
                while file.write(b"\0" * octets):
                    pass


async def _send_until_refused(chain: Chain, held: Totals, following: int) -> int:
    """Return the first sequence that is refused; what is left of a block holds some more."""
    while True:
        try:
            await send(chain, batch(following))
        except RefusedError as error:
            _tell(f"{error.status}-{error.reason}")
            return following
        held.update(content(batch(following)))
        following += 1


def _tell(word: str) -> None:
    os.write(1, f"{word}\n".encode())


async def _play(directory: Path) -> None:
    held: Totals = Counter()
    clock = StoppedClock()
    ballast = directory / "ballast"
    ballast.touch()
    async with Chain(config(directory / "store", grace_s=0), clock=clock) as chain:
        for sequence in range(20):
            sent = batch(sequence, paths=[path(NOW_NS + sequence * S_NS, abroad=sequence < 9)])
            await send(chain, sent)
            held.update(content(sent))
        _fill(ballast)
        following = await _send_until_refused(chain, held, 20)
        assert 1 == chain.counts.faults["journal"]
        clock.at_ns += 3600 * S_NS
        with pytest.raises(StoreError):
            await chain.checkpoint()
        _tell("no-checkpoint")
        assert held == totals(chain)
        ballast.unlink()
        await send(chain, batch(following))
        held.update(content(batch(following)))
        _tell("healed")
        await chain.checkpoint()
        assert held == totals(chain)
    async with Chain(config(directory / "store"), clock=clock) as chain:
        assert () == chain.recovered.damage
        assert held == totals(chain)
        assert 1 == len(chain.reader.crossings())
        _tell("exact")


if __name__ == "__main__":
    asyncio.run(_play(Path(sys.argv[1])))
