"""The chain as a whole: what was acknowledged is there, once, in memory, segments and after a start."""

import asyncio
from collections import Counter
from pathlib import Path

import pytest

from collector.chain import Chain
from collector.errors import CorruptError, RefusedError, StoreError
from collector.store import segments
from tests.fakes.collector_durable import (
    N_AGENTS,
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


def _expected(sequences: range, agents: range = range(N_AGENTS)) -> Totals:
    total: Totals = Counter()
    for agent in agents:
        for sequence in sequences:
            total.update(content(batch(sequence, agent=agent)))
    return total


async def _send_all(chain: Chain, sequences: range) -> None:
    """Send the batches of all agents, side by side, those of one agent in order."""

    async def one(agent: int) -> None:
        for sequence in sequences:
            await send(chain, batch(sequence, agent=agent))

    await asyncio.gather(*(one(agent) for agent in range(N_AGENTS)))


async def test_batches_are_readable_at_once_and_after_a_clean_restart(tmp_path: Path) -> None:
    """What was accepted is read back to the sample, before and after a stop."""
    clock = StoppedClock()
    async with Chain(config(tmp_path), clock=clock) as chain:
        await _send_all(chain, range(20))
        assert _expected(range(20)) == totals(chain)
        assert Counter({f"agent-{n}": 20 for n in range(N_AGENTS)}) == chain.counts.accepted
    async with Chain(config(tmp_path), clock=clock) as chain:
        assert _expected(range(20)) == totals(chain)
        assert 0 == chain.recovered.frames


async def test_a_checkpoint_seals_into_segments_and_late_data_adds_up(tmp_path: Path) -> None:
    """Windows in a segment and late samples for the same windows are one window to a reader."""
    clock = StoppedClock()
    async with Chain(config(tmp_path), clock=clock) as chain:
        await _send_all(chain, range(0, 40, 2))
        clock.at_ns = NOW_NS + 45 * S_NS
        await chain.checkpoint()
        listed = list((tmp_path / "segments").glob("windows-*.parquet"))
        assert 1 == len(listed)
        await _send_all(chain, range(101, 102))
        spool = b"t" * 16
        for sequence in range(1, 40, 2):
            for agent in range(N_AGENTS):
                await send(chain, batch(sequence, agent=agent, spool=spool))
        expected = _expected(range(40)) + _expected(range(101, 102))
        assert expected == totals(chain)
        clock.at_ns = NOW_NS + 200 * S_NS
        await chain.checkpoint()
        assert expected == totals(chain)
    async with Chain(config(tmp_path), clock=clock) as chain:
        assert expected == totals(chain)
        assert {"agent-0": 0, "agent-1": 0, "agent-2": 0}.keys() == (
            chain.reader.last_batch_ns().keys()
        )
        assert all(chain.reader.last_batch_ns().values())


async def test_a_crossing_survives_restarts_with_the_same_evidence(tmp_path: Path) -> None:
    """One round before a stop and one after it make one episode, whose Statement is readable."""
    clock = StoppedClock()
    async with Chain(config(tmp_path), clock=clock) as chain:
        await send(chain, batch(0, paths=[path(NOW_NS, abroad=True)]))
        assert [] == chain.reader.crossings()
    later_ns = NOW_NS + 10 * S_NS
    async with Chain(config(tmp_path), clock=clock) as chain:
        await send(chain, batch(10, paths=[path(later_ns, abroad=True)]))
        (crossing,) = chain.reader.crossings()
        assert ("FX", NOW_NS, later_ns) == (
            crossing.jurisdiction,
            crossing.first_seen_ns,
            crossing.confirmed_ns,
        )
        statement = chain.reader.evidence(crossing.evidence or "")
        assert statement is not None
        assert 2 == statement.count(b'"tool":"borne-agent"')
    async with Chain(config(tmp_path), clock=clock) as chain:
        assert [crossing] == chain.reader.crossings()
        assert statement == chain.reader.evidence(crossing.evidence or "")
        assert [later_ns, NOW_NS] == [
            record.judgement.started_ns for record in chain.reader.paths("agent-0", None, 10)
        ]
        assert [later_ns] == [
            record.judgement.started_ns for record in chain.reader.latest_paths()
        ]
