"""What the limits of this host leave of probing: per target, per prefix, and nothing where no."""

import asyncio
import ipaddress
import time

import msgspec
import pytest

from agent.records import Family, Outcome
from agent.targets import Limits
from tests.fakes.agent_prober import FAR, NEAR, PLENTY, ROUTES, prober, target
from tests.fakes.agent_probing import FakePort, FakeSink, play


async def test_a_probe_beyond_the_limits_is_skipped() -> None:
    """Two a second are allowed, fifty are asked for."""
    port, sink = FakePort(ROUTES, time.time_ns), FakeSink()
    limits = Limits(packets_per_s=100, per_target_per_s=2)
    await play(
        prober([target(NEAR)], port, sink, limits=limits).run(), lambda: len(sink.events) >= 5
    )
    assert {(0, Outcome.SKIPPED)} == {(index, outcome) for index, _, outcome in sink.events}
    assert 1 <= len(port.sent) <= 3


async def test_a_probe_beyond_the_limit_of_its_prefix_is_skipped() -> None:
    """Two a second to two neighbours together; another network has its own two."""
    routes = {NEAR: (NEAR,), FAR: (FAR,), "203.0.113.10": ("203.0.113.10",)}
    port, sink = FakePort(routes, time.time_ns), FakeSink()
    limits = msgspec.structs.replace(PLENTY, per_prefix_per_s=2)
    targets = [target(each) for each in routes]
    await play(prober(targets, port, sink, limits=limits).run(), lambda: len(sink.events) >= 12)
    assert {Outcome.SKIPPED} == {outcome for _, _, outcome in sink.events}
    prefixes = [address.rpartition(".")[0] for address, _ in port.sent]
    assert {"192.0.2", "203.0.113"} == set(prefixes)
    assert max(prefixes.count(each) for each in set(prefixes)) <= 3


async def test_a_name_in_the_opt_out_list_is_not_probed(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Nor is the address it had before; it is said once, and told as a target without address."""
    monkeypatch.setattr("agent.prober._RETRY_UNRESOLVED_S", 0.005)
    answers = iter([NEAR])
    asked = 0

    async def resolve(_name: str, _family: Family) -> str | None:
        nonlocal asked
        await asyncio.sleep(0)
        asked += 1
        return next(answers, FAR)

    limits = msgspec.structs.replace(PLENTY, opt_out=(ipaddress.ip_network("203.0.113.0/24"),))
    port, sink = FakePort(ROUTES, time.time_ns), FakeSink()
    probing = prober([target(None)], port, sink, resolve, limits)

    def unresolved() -> bool:
        return any(outcome is Outcome.UNRESOLVED for _, _, outcome in sink.events)

    await play(probing.run(), lambda: asked >= 3 and unresolved())
    assert probing.address_of(0) is None
    assert {NEAR} >= {address for address, _ in port.sent}
    says = f"a.example is {FAR}, in 203.0.113.0/24 of [limits] opt_out: not probed"
    assert ([says], [(0, NEAR)]) == (caplog.messages, sink.addresses)


async def test_a_name_that_leaves_the_opt_out_list_is_probed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is asked for as one that failed."""
    monkeypatch.setattr("agent.prober._RETRY_UNRESOLVED_S", 0.005)
    answers = iter([FAR, NEAR])

    async def resolve(_name: str, _family: Family) -> str | None:
        await asyncio.sleep(0)
        return next(answers, NEAR)

    limits = msgspec.structs.replace(PLENTY, opt_out=(ipaddress.ip_network(FAR),))
    port, sink = FakePort(ROUTES, time.time_ns), FakeSink()
    await play(
        prober([target(None)], port, sink, resolve, limits).run(), lambda: len(sink.replies) >= 2
    )
    assert {(NEAR, None)} == set(port.sent)
