"""A program to be killed: a chain with a sink that stores the batches of one agent.

`python sink_driver.py DIRECTORY URL NEXT`: the next sequence. Prints "ready", then the sequence of
each acknowledged batch. It checkpoints without a pause, and its clock is that of the batches.
"""

import asyncio
import os
import sys
from pathlib import Path

import msgspec

from collector.chain import Chain
from collector.settings.sinkrows import SinkSettings
from tests.fakes.collector_durable import NOW_NS, S_NS, StoppedClock, batch, config, send

LAG_S = 1


def settings(directory: Path, url: str) -> object:
    """Return settings with one sink."""
    sink = SinkSettings(kind="victoriametrics", name="database", url=url, lag_s=LAG_S)
    return msgspec.structs.replace(config(directory, grace_s=5), sinks=(sink,))


async def _run(directory: Path, url: str, sequence: int) -> None:
    clock = StoppedClock(NOW_NS + sequence * S_NS)
    async with Chain(settings(directory, url), clock=clock) as chain:
        os.write(1, b"ready\n")
        while True:
            await send(chain, batch(sequence))
            os.write(1, b"%d\n" % sequence)
            clock.at_ns = NOW_NS + sequence * S_NS
            sequence += 1
            if sequence % 10 == 0:
                await chain.checkpoint()


if __name__ == "__main__":
    asyncio.run(_run(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])))
