"""The chain and its sinks: a database that is away costs neither a checkpoint nor a window."""

import asyncio
from collections import Counter
from pathlib import Path

import msgspec

from collector.chain import Chain
from collector.settings.sinkrows import SinkSettings
from tests.fakes.collector_durable import (
    NOW_NS,
    S_NS,
    StoppedClock,
    config,
    contents,
    send_all,
    totals,
)
from tests.fakes.lineserver import LineServer
from tests.fakes.sinks import until
from tests.fakes.timeseries import free_port


async def test_what_a_database_missed_arrives_after_a_restart_of_both(tmp_path: Path) -> None:
    """Nobody can reach it: a checkpoint costs nothing more. Later every window is there, once."""
    clock, port = StoppedClock(), free_port()
    sinks = tuple(
        SinkSettings(kind="victoriametrics", name=name, url=f"http://127.0.0.1:{place}")
        for name, place in (("away", 1), ("late", port))
    )
    settings = msgspec.structs.replace(config(tmp_path), sinks=sinks)
    async with Chain(settings, clock=clock) as chain:
        await send_all(chain, range(20))
        clock.at_ns = NOW_NS + 200 * S_NS
        await chain.checkpoint()
        windows = len({key[:3] for key in totals(chain)})
        assert 1 == chain.counts.checkpoints
        assert contents(range(20)) == totals(chain)
        counts = chain.counts.sinks
        await until(lambda: [windows] * 2 == [counts[s].waiting for s in ("away", "late")])
    assert [(0, Counter())] * 2 == [(counts[s].rows, counts[s].dropped) for s in ("away", "late")]
    assert Counter() == chain.counts.faults
    async with LineServer(port) as database, Chain(settings, clock=clock) as chain:
        counts = chain.counts.sinks
        await until(lambda: counts["late"].rows == windows)
        assert (0, windows) == (counts["away"].rows, counts["away"].waiting)
        received = Counter(_read(line) for line in database.lines)
    expected = Counter(
        (*key[:3], n) for key, n in contents(range(20)).items() if key[3] == "received"
    )
    assert expected == received


async def test_a_database_that_never_answers_costs_no_checkpoint(tmp_path: Path) -> None:
    """It takes a write and stays silent: batches are acknowledged, kept, and owed to it."""
    clock = StoppedClock()
    async with LineServer(free_port()) as database:
        database.may_answer.clear()
        sink = SinkSettings(kind="influx2", name="slow", url=database.url, org="o", bucket="b")
        settings = msgspec.structs.replace(config(tmp_path), sinks=(sink,))
        async with Chain(settings, clock=clock) as chain:
            clock.at_ns = NOW_NS + 200 * S_NS
            for number in range(4):
                await send_all(chain, range(5 * number, 5 * number + 5))
                await asyncio.wait_for(chain.checkpoint(), 5)
            await until(lambda: bool(database.requests))
            assert contents(range(20)) == totals(chain)
            counts = chain.counts.sinks["slow"]
            assert (0, 4) == (counts.rows, chain.counts.checkpoints)
            await until(lambda: counts.waiting > 0)
        assert 0 < counts.waiting
        database.may_answer.set()


def _read(line: bytes) -> tuple[str, str, int, int]:
    """Return agent, target, begin and replies of a line without escapes."""
    tags, fields, start_ns = line.decode().split(" ")
    labels = dict(tag.split("=") for tag in tags.split(",")[1:])
    values = dict(field.split("=") for field in fields.split(","))
    received = int(values["probes_received"].removesuffix("i"))
    return labels["agent"], labels["target"], int(start_ns), received
