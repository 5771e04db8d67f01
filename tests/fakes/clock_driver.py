"""A chain by the clock of its process, which a library may have moved.

`python clock_driver.py DIRECTORY BASE_NS FIRST`: ten batches from FIRST on, each dated BASE_NS and
a second for each sequence; prints for each "stored", or the reason of its refusal. It checkpoints
after every one, so that a wrong clock has every occasion to seal.
"""

import asyncio
import os
import sys
from pathlib import Path

from agent.records import Batch
from collector.chain import Chain
from collector.errors import RefusedError
from tests.fakes.collector_durable import S_NS, batch, config, send


def sent(base_ns: int, sequence: int) -> Batch:
    """Return the batch of a sequence, dated by an agent that knows the time."""
    return batch(sequence, base_ns=base_ns + sequence * S_NS)


async def _run(directory: Path, base_ns: int, first: int) -> None:
    async with Chain(config(directory)) as chain:
        for sequence in range(first, first + 10):
            word = "stored"
            try:
                await send(chain, sent(base_ns, sequence))
            except RefusedError as error:
                word = error.reason
            os.write(1, f"{word}\n".encode())
            await chain.checkpoint()


if __name__ == "__main__":
    asyncio.run(_run(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])))
