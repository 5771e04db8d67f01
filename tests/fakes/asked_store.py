"""A store with a minute of two agents in it: half in segments, half in memory and the journal."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from collector.chain import Chain
from tests.fakes.collector_durable import NOW_NS, S_NS, StoppedClock, batch, config, path, send


@asynccontextmanager
async def filled(directory: Path) -> AsyncIterator[Chain]:
    """Give the open chain; the first half minute is in a checkpoint."""
    clock = StoppedClock()
    async with Chain(config(directory), clock=clock) as chain:
        for sequence in range(60):
            paths = [path(NOW_NS + sequence * S_NS, abroad=True)] if sequence % 10 == 0 else []
            for agent in range(2):
                await send(chain, batch(sequence, agent=agent, paths=paths))
            if sequence == 29:
                clock.at_ns = NOW_NS + 61 * S_NS
                await chain.checkpoint()
        yield chain
