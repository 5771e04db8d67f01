"""The chain and its sinks: a database that is away costs neither a checkpoint nor a window."""

from collections import Counter
from pathlib import Path

import msgspec

from collector.chain import Chain
from collector.sinkrows import SinkSettings
from tests.fakes.collector_durable import (
    NOW_NS,
    S_NS,
    StoppedClock,
    config,
    contents,
    send_all,
    totals,
)


async def test_sealed_windows_are_handed_to_a_sink_that_is_down_and_kept_all_the_same(
    tmp_path: Path,
) -> None:
    """A database that nobody can reach costs a checkpoint nothing, and every window is counted."""
    clock = StoppedClock()
    sink = SinkSettings(kind="influx2", name="away", url="http://127.0.0.1:1", org="o", bucket="b")
    settings = msgspec.structs.replace(config(tmp_path), sinks=(sink,))
    async with Chain(settings, clock=clock) as chain:
        await send_all(chain, range(20))
        clock.at_ns = NOW_NS + 200 * S_NS
        await chain.checkpoint()
        windows = len({key[:3] for key in totals(chain)})
        assert 1 == chain.counts.checkpoints
        assert contents(range(20)) == totals(chain)
        counts = chain.counts.sinks["away"]
    assert (0, Counter(stopped=windows)) == (counts.rows, counts.dropped)
    assert Counter() == chain.counts.faults
