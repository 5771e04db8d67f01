"""A program to be killed: a chain that stores the batches of all agents as fast as it can.

`python chain_driver.py DIRECTORY NEXT NEXT ...`: the next sequence of each agent. Prints "ready",
then one line "agent sequence" for each acknowledged batch. It checkpoints without a pause, and its
clock is that of the batches, so that windows are sealed all the time.
"""

import asyncio
import os
import sys
from pathlib import Path

from agent.records import Batch
from collector.chain import Chain
from tests.fakes.collector_durable import NOW_NS, S_NS, StoppedClock, batch, config, path, send


def batch_with_path(agent: int, sequence: int) -> Batch:
    """Return the batch that an agent always sends under this sequence; some bring a path."""
    paths = []
    if sequence % 4 == 0:
        abroad = (sequence // 40 + agent) % 2 == 0
        paths = [path(NOW_NS + sequence * S_NS, abroad=abroad)]
    return batch(sequence, agent=agent, paths=paths)


async def _run(directory: Path, following: list[int]) -> None:
    clock = StoppedClock(NOW_NS + max(following) * S_NS)
    settings = config(directory, grace_s=5)
    async with Chain(settings, clock=clock) as chain:
        os.write(1, b"ready\n")

        async def deliver(agent: int, sequence: int) -> None:
            while True:
                await send(chain, batch_with_path(agent, sequence))
                os.write(1, b"%d %d\n" % (agent, sequence))
                clock.at_ns = max(clock.at_ns, NOW_NS + sequence * S_NS)
                sequence += 1

        async def keep() -> None:
            while True:
                await chain.checkpoint()
                await asyncio.sleep(0.005)

        tasks = [deliver(agent, sequence) for agent, sequence in enumerate(following)]
        await asyncio.gather(keep(), *tasks)


if __name__ == "__main__":
    asyncio.run(_run(Path(sys.argv[1]), [int(text) for text in sys.argv[2:]]))
