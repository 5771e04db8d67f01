"""The door counts what it leaves out of a batch that it stores, and says each kind of it once."""

from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from agent.records import SpoolId
from collector.chain import Chain
from collector.samples.marks import SPOOLS
from tests.fakes.collector_durable import (
    NOW_NS,
    S_NS,
    StoppedClock,
    batch,
    config,
    path,
    send,
    totals,
)


@pytest.fixture
async def chain(tmp_path: Path) -> AsyncIterator[Chain]:
    """A chain of which nothing is known yet."""
    async with Chain(config(tmp_path), clock=StoppedClock()) as opened:
        yield opened


async def test_one_bad_sample_does_not_spoil_its_batch(chain: Chain) -> None:
    """NaN, negative and absurd times and impossible paths are counted; the rest is stored."""
    good = batch(4)
    bad_s = [*good.rtt_s[:3], float("nan"), -1.0, float("inf"), 100.0]
    paths = [
        msgspec.structs.replace(path(NOW_NS, abroad=False), started_at=text)
        for text in ("soon", "9999-01-01T00:00:00Z")
    ]
    mixed = msgspec.structs.replace(
        good,
        rtt_s=bad_s,
        offsets=(0, 5, 7),
        reply_dt_ms=[0] * 7,
        descriptors=msgspec.structs.replace(good.descriptors, paths=tuple(paths)),
    )
    await send(chain, mixed)
    expected = {"nan": 1, "negative": 1, "infinite": 1, "absurd": 1, "path": 2}
    assert Counter(expected) == chain.counts.rejected_samples
    assert 3 == sum(n for key, n in totals(chain).items() if key[-1] == "received")


async def test_a_full_registry_is_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """What is beyond is counted each time, and said the first time: which key to raise."""
    plain = config(tmp_path)
    limits = msgspec.structs.replace(plain.limits, series=1, targets=1)
    small = msgspec.structs.replace(plain, limits=limits)
    async with Chain(small, clock=StoppedClock()) as chain:
        for sequence in range(3):
            at_ns = NOW_NS + sequence * S_NS
            ways = [
                msgspec.structs.replace(path(at_ns, abroad=False), target=target)
                for target in ("marseille", "invented")
            ]
            await send(chain, batch(sequence, base_ns=at_ns, paths=ways))
        counted = chain.counts.rejected_samples
    told = [line for line in caplog.messages if "are all used" in line]
    assert ["[limits] series" in told[0], "[limits] targets" in told[1]] == [True, True]
    assert (2, 3, True) == (len(told), counted["target_limit"], counted["series_limit"] > 3)


async def test_whose_samples_were_left_out_is_said_once(
    chain: Chain, caplog: pytest.LogCaptureFixture
) -> None:
    """The log names agent and reason the first time; a metric counts on."""
    bad = [float("nan")] * len(batch(4).rtt_s)
    for sequence in (4, 5):
        one = msgspec.structs.replace(batch(4), sequence=sequence, rtt_s=bad)
        await send(chain, one)
    said = [row for row in caplog.records if getattr(row, "event", "") == "samples_left_out"]
    assert 1 == len(said)
    assert f"{len(bad)} samples of agent-0 were left out (nan)" in said[0].getMessage()
    assert 2 * len(bad) == chain.counts.rejected_samples["nan"]


async def test_batches_an_agent_gave_up_are_counted(chain: Chain) -> None:
    """What a bounded spool dropped is known here, by agent."""
    lossy = msgspec.structs.replace(batch(0).descriptors, dropped_batches=4)
    await send(chain, msgspec.structs.replace(batch(0), descriptors=lossy))
    assert Counter({"agent-0": 4}) == chain.counts.dropped_batches


async def test_a_spool_for_each_start_has_the_quietest_forgotten(
    chain: Chain, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing is refused; beyond 64 it is counted for each, and said once."""
    for number in range(SPOOLS + 2):
        await send(chain, batch(0, spool=SpoolId(bytes([number]) * 16)))
    assert Counter({"agent-0": 2}) == chain.counts.forgotten_spools
    assert Counter({"agent-0": SPOOLS + 2}) == chain.counts.accepted
    assert 1 == caplog.text.count("the quietest is forgotten")
    assert SPOOLS == len(chain._state.marks.all())
