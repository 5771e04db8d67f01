"""Upkeep within a chain at work: hours are compacted by themselves, answers stay exact."""

import asyncio
from pathlib import Path

from collector.chain import Chain
from tests.fakes.collector_durable import (
    NOW_NS,
    S_NS,
    StoppedClock,
    batch,
    config,
    content,
    contents,
    path,
    send,
    send_all,
    totals,
)

HOURS_NS = 3 * 3600 * S_NS


async def test_hours_are_compacted_by_themselves(tmp_path: Path) -> None:
    """Beside checkpoints and late batches, before a stop and after it: nothing lost or twice."""
    clock = StoppedClock()
    settings = config(tmp_path, checkpoint_interval_s=0, grace_s=0)
    late = batch(30, base_ns=NOW_NS + HOURS_NS)
    expected = contents(range(20)) + content(late)
    async with Chain(settings, clock=clock) as chain:
        await send_all(chain, range(20))
        clock.at_ns = NOW_NS + HOURS_NS
        await send(chain, late)
        for _ in range(2000):
            stages = {s.stage for s in chain._start.segments if s.kind == "windows"}
            if stages in ({"hour", "sealed"}, {"hour"}):
                break
            await asyncio.sleep(0.01)
        assert "hour" in stages
        assert expected == totals(chain)
        again = batch(31, base_ns=NOW_NS, paths=[path(NOW_NS + S_NS, abroad=False)])
        await send(chain, again)
        expected += content(again)
        assert expected == totals(chain)
        assert 0 == chain.counts.faults["upkeep"]
    async with Chain(settings, clock=clock) as chain:
        assert ((), 0) == (chain.recovered.damage, chain.recovered.removed_segments)
        assert expected == totals(chain)
