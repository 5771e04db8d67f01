"""Agents that come late, or twice: a week at once, one identity on two machines."""

import asyncio
from collections import Counter
from pathlib import Path

import msgspec
import pytest

from agent.records import Batch, SpoolId
from collector.chain import Chain
from collector.errors import RefusedError
from tests.fakes import repetitions
from tests.fakes.collector_durable import (
    NOW_NS,
    S_NS,
    StoppedClock,
    Totals,
    batch,
    config,
    content,
    send,
    totals,
)

WEEK_S = 7 * 86_400
STEP_S = 1200

pytestmark = [pytest.mark.slow, pytest.mark.fault, pytest.mark.timeout(repetitions.NOW.timeout_s)]


async def test_a_week_of_one_agent_comes_while_the_others_go_on(tmp_path: Path) -> None:
    """Each sample lands in the window of its own time, once, whatever was sealed meanwhile.

    In the middle the chain is closed and opened again, and the agent repeats its last batch.
    """
    clock = StoppedClock(NOW_NS)
    expected: Totals = Counter()
    steps = range(WEEK_S // STEP_S)
    settings = config(tmp_path, grace_s=0)

    async def take(chain: Chain, one: Batch, *, again: bool = False) -> None:
        await send(chain, one)
        if not again:
            expected.update(content(one))

    for half in (steps[: len(steps) // 2], steps[len(steps) // 2 :]):
        async with Chain(settings, clock=clock) as chain:
            for step in half:
                old_ns = NOW_NS - WEEK_S * S_NS + step * STEP_S * S_NS
                await take(chain, batch(step, base_ns=old_ns))
                await take(chain, batch(step, agent=1, base_ns=clock.at_ns))
                clock.at_ns += S_NS
                if step % 20 == 0:
                    await chain.checkpoint()
                    await take(chain, batch(step, base_ns=old_ns), again=True)
    async with Chain(settings, clock=clock) as chain:
        last = steps[-1]
        await take(
            chain,
            batch(last, base_ns=NOW_NS - WEEK_S * S_NS + last * STEP_S * S_NS),
            again=True,
        )
        assert +expected == totals(chain)
        assert 1 == chain.counts.duplicates["agent-0"]


async def test_two_machines_with_one_identity_and_spools_of_their_own(tmp_path: Path) -> None:
    """Both are heard, side by side, and their samples add up: a spool has a count of its own."""
    expected: Totals = Counter()
    async with Chain(config(tmp_path), clock=StoppedClock()) as chain:

        async def machine(spool: SpoolId) -> None:
            for sequence in range(50):
                one = batch(sequence, spool=spool)
                await send(chain, one)
                expected.update(content(one))

        await asyncio.gather(*(machine(SpoolId(bytes([n]) * 16)) for n in range(2)))
        assert +expected == totals(chain)
        assert (100, Counter()) == (chain.counts.accepted["agent-0"], chain.counts.duplicates)


async def test_a_clone_of_a_spool_is_refused_and_keeps_what_it_has(tmp_path: Path) -> None:
    """What was acknowledged is stored, once; what a clone brings beside it is not acknowledged."""
    expected: Totals = Counter()
    acknowledged: Counter[str] = Counter()
    async with Chain(config(tmp_path), clock=StoppedClock()) as chain:
        for sequence in range(50):
            own = batch(sequence)
            clone = msgspec.structs.replace(own, rtt_s=[0.3] * len(own.rtt_s), boot_id=b"c" * 16)
            order = (("own", own), ("clone", clone))
            for name, one in order if sequence % 2 else reversed(order):
                try:
                    await send(chain, one)
                except RefusedError as error:
                    assert "twin" == error.reason  # noqa: PT017 - any other refusal is wrong
                else:
                    acknowledged[name] += 1
                    expected.update(content(one))
        assert {"own": 25, "clone": 25} == acknowledged
        assert +expected == totals(chain)
        assert {"twin": 50} == chain.counts.rejected
