"""A journal that grows fast is cut by a checkpoint before its time."""

import asyncio
from pathlib import Path

import msgspec

from collector.chain import Chain
from tests.fakes.agent_probing import until
from tests.fakes.collector_durable import (
    NOW_NS,
    S_NS,
    StoppedClock,
    batch,
    config,
    contents,
    send,
    totals,
)


async def test_a_long_journal_is_cut_before_the_interval(tmp_path: Path) -> None:
    """Past the length a checkpoint is taken at once, with nothing lost; below it none is."""
    settings = config(tmp_path, grace_s=0)
    limits = msgspec.structs.replace(settings.limits, journal_octets=3000)
    settings = msgspec.structs.replace(settings, limits=limits)
    clock = StoppedClock(NOW_NS + 3600 * S_NS)
    async with Chain(settings, clock=clock) as chain:
        await send(chain, batch(0))
        await asyncio.sleep(0.05)
        assert 0 == chain.counts.checkpoints
        for sequence in range(1, 40):
            await send(chain, batch(sequence))
        await until(lambda: chain.counts.checkpoints > 0 and chain._journal.octets < 3000)
        assert contents(range(40), range(1)) == totals(chain)
