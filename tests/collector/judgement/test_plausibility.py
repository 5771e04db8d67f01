"""Plausibility: what no traceroute could have given is told from what one could."""

from pathlib import Path as File

import msgspec
import pytest

from agent.records import Path
from collector import routes
from collector.chain import Chain
from collector.facts import knowledge
from collector.judgement.plausibility import MAX_NAME, MAX_REPLIES, plausible, shares
from tests.fakes.collector_durable import (
    NOW_NS,
    S_NS,
    ZONE,
    StoppedClock,
    batch,
    config,
    path,
    send,
    vantage,
)

replace = msgspec.structs.replace
LARGEST = (1 << 64) - 1
"""Of MessagePack."""


def changed(**fields: object) -> Path:
    """Return a path that differs from a good one in these fields."""
    return replace(path(NOW_NS, abroad=True), **fields)


def answered(**fields: object) -> Path:
    """Return a path whose first reply differs from a good one in these fields."""
    good = path(NOW_NS, abroad=True)
    first, *others = good.hops
    reply = replace(first.replies[0], **fields)
    return replace(good, hops=(replace(first, replies=(reply,)), *others))


IMPOSSIBLE = {
    "no time": changed(started_at="yesterday"),
    "before its time": changed(started_at="2019-12-31T23:59:59.000000000Z"),
    "long after its batch": changed(started_at="2026-11-24T16:02:31.000000000Z"),
    "no end": changed(target=None, address=None),
    "no address": changed(address="marseille"),
    "resolution below zero": changed(rtt_resolution_ns=-1),
    "resolution": changed(rtt_resolution_ns=LARGEST),
    "long target": changed(target="x" * (MAX_NAME + 1)),
    "long zone": changed(zone="x" * (MAX_NAME + 1)),
    "long id": changed(id="x" * (MAX_NAME + 1)),
    "long tool": changed(tool="x" * (MAX_NAME + 1)),
    "long link": changed(links=(("x" * (MAX_NAME + 1), "y"),)),
    "many links": changed(links=(("x", "y"),) * (MAX_REPLIES + 1)),
    "many hops": changed(hops=path(NOW_NS, abroad=True).hops * 128),
    "many replies": changed(
        hops=tuple(
            replace(hop, replies=hop.replies * (MAX_REPLIES // 2 + 1))
            for hop in path(NOW_NS, abroad=True).hops
        )
    ),
    "many flows": changed(
        hops=tuple(
            replace(hop, replies=tuple(replace(hop.replies[0], flow=n) for n in range(65)))
            for hop in path(NOW_NS, abroad=True).hops
        )
    ),
    "hop 0": changed(hops=(replace(path(NOW_NS, abroad=True).hops[0], ttl=0),)),
    "hop 256": changed(hops=(replace(path(NOW_NS, abroad=True).hops[0], ttl=256),)),
    "no reply's address": answered(address="62.115.137.256"),
    "long scope": answered(address="fe80::1%" + "x" * MAX_NAME),
    "time below zero": answered(rtt_ns=-1),
    "time": answered(rtt_ns=LARGEST),
    "flow below zero": answered(flow=-1),
    "flow beyond 16 bits": answered(flow=1 << 16),
    "flow": answered(flow=LARGEST),
    "long name": answered(name="x" * (MAX_NAME + 1)),
    "reply's TTL": answered(reply_ttl=256),
    "icmp": answered(icmp=(11, 256)),
    "icmp below zero": answered(icmp=(-1, 0)),
    "label": answered(mpls=((1 << 20, 0, 1, 1),)),
    "class": answered(mpls=((16, 8, 1, 1),)),
    "stack": answered(mpls=((16, 0, 0, 1),) * 17),
}


@pytest.mark.parametrize("bad", IMPOSSIBLE.values(), ids=IMPOSSIBLE.keys())
def test_what_no_traceroute_gives_is_none(bad: Path) -> None:
    """Each of these is refused for what its name says."""
    assert not plausible(bad, NOW_NS)


@pytest.mark.parametrize(
    "good",
    [
        path(NOW_NS, abroad=True),
        changed(started_at="2026-11-24T16:02:29.000000000Z"),
        changed(target=None),
        answered(reply_ttl=255, icmp=(11, 0), mpls=(((1 << 20) - 1, 7, 1, 255),), flow=1023),
        answered(name="x" * MAX_NAME, rtt_ns=0),
    ],
)
def test_what_a_traceroute_gives_is_one(good: Path) -> None:
    """The largest of each that there is passes."""
    assert plausible(good, NOW_NS)


def test_a_batch_has_so_many_paths_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is beyond is counted; the first of them are judged."""
    monkeypatch.setattr(routes, "MAX_PATHS", 2)
    judged = routes.Routes(knowledge.load(), (ZONE,), None)
    given = [path(NOW_NS + n * S_NS, abroad=False) for n in range(5)]
    assert {"path": 3} == judged.add(vantage(0), given, NOW_NS, NOW_NS)
    assert 2 == len(judged.fresh)


@pytest.mark.parametrize("made", [answered(flow=LARGEST), answered(flow=1 << 31)])
async def test_a_path_that_no_column_holds_stops_no_checkpoint(tmp_path: File, made: Path) -> None:
    """It is left out and counted; the rest of its batch is stored, and so is what others sent."""
    settings, clock = config(tmp_path, grace_s=0), StoppedClock(NOW_NS + 600 * S_NS)
    async with Chain(settings, clock=clock) as chain:
        await send(chain, batch(0, paths=[made, path(NOW_NS, abroad=True)]))
        await send(chain, batch(0, agent=1))
        await chain.checkpoint()
        assert {"path": 1} == chain.counts.rejected_samples
        assert (1, {}) == (chain.counts.checkpoints, chain.counts.faults)


def test_the_largest_path_takes_the_room_of_a_hundred() -> None:
    """As what it takes in memory, within a third; an ordinary one takes its own."""
    one = path(NOW_NS, abroad=True)
    (reply,) = one.hops[0].replies
    largest = replace(
        one,
        links=(("x" * MAX_NAME, "y" * MAX_NAME),) * MAX_REPLIES,
        hops=tuple(
            replace(
                one.hops[0],
                ttl=ttl,
                replies=tuple(
                    replace(reply, address=f"2001:db8::{ttl:x}:{n:x}", name="x" * MAX_NAME)
                    for n in range(16)
                ),
            )
            for ttl in range(1, 256)
        ),
    )
    assert plausible(largest, NOW_NS)
    assert (1, True) == (shares(one), 150 < shares(largest) < 300)
