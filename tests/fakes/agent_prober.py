"""A prober on a fake socket, for tests: its targets, a resolver that nobody may ask, no limits."""

import asyncio
from collections.abc import Sequence

from agent.clock import SystemClock
from agent.prober import Prober
from agent.records import Family
from agent.schedule import Budget
from agent.targets import Limits, ProbeTarget, Resolve
from tests.fakes.agent_probing import FakePort, FakeSink

MS = 1_000_000
NEAR, FAR = "192.0.2.1", "203.0.113.9"
ROUTES = {NEAR: (NEAR,), FAR: ("198.51.100.1", FAR)}
PLENTY = Limits(packets_per_s=10_000, per_target_per_s=10_000, per_prefix_per_s=10_000)


def target(address: str | None, name: str = "a.example", interval_ns: int = 20 * MS) -> ProbeTarget:
    """Make a target that is probed often."""
    return ProbeTarget(
        target=address or name,
        zone="ovh/rbx",
        address=address,
        interval_ns=interval_ns,
        timeout_ns=100 * MS,
    )


async def nowhere(name: str, family: Family) -> str | None:
    """Resolve nothing."""
    await asyncio.sleep(0)
    raise AssertionError(f"nobody asked to resolve {name} in {family}")


def prober(
    targets: Sequence[ProbeTarget],
    port: FakePort,
    sink: FakeSink,
    resolve: Resolve = nowhere,
    limits: Limits = PLENTY,
) -> Prober:
    """Make a prober on a fake socket."""
    clock = SystemClock()
    return Prober(
        targets,
        sink,
        clock,
        budget=Budget(limits, clock.monotonic_ns()),
        resolve=resolve,
        resolve_interval_s=0.02,
        open_socket=port.opened,
    )
