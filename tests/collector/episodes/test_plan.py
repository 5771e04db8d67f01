"""Plans: a change is handed out at once, no change after a while, and nobody holds up the end."""

import asyncio
import threading

from agent.records import Plan
from collector.episodes.plan import Plans
from tests.fakes.agent_probing import until
from tests.fakes.collector_durable import NOW_NS, StoppedClock
from tests.fakes.witnesses import CITIES, FX, LONDON, LONDON_HOP, Asked, hops


class Room:
    """The plans of a decider with agents in London and Frankfurt."""

    def __init__(self, patience_s: float = 5.0) -> None:
        self.witness = Asked("london", "frankfurt").witness
        self.lock = threading.Lock()
        self.plans = Plans(self.witness, self.lock, StoppedClock(), patience_s)
        self.empty = self.witness.plan("london", NOW_NS).version

    async def waiting(self, agent: str = "london") -> "asyncio.Task[Plan | None]":
        """Let an agent ask that knows that its plan is empty; it looks once, then waits."""
        task = asyncio.create_task(self.plans.fetch(agent, self.empty))
        await until(lambda: agent in self.plans._changed)
        await asyncio.to_thread(self.lock.acquire)  # it looks under the lock, in a thread
        self.lock.release()
        return task

    def ask(self) -> None:
        """Let both be asked about a hop in London."""
        self.witness.doubt(hops(LONDON), CITIES["paris"], FX, NOW_NS)
        self.plans.stir()


async def test_another_plan_is_handed_out_at_once() -> None:
    """Whoever knows none, or another one, does not wait."""
    room = Room()
    assert await room.plans.fetch("london", None) == Plan(version=room.empty)
    room.ask()
    found = await room.plans.fetch("london", room.empty)
    assert found is not None
    assert [LONDON_HOP] == [task.address for task in found.witness]


async def test_a_change_ends_the_wait() -> None:
    """The agent that is asked something hears it while it waits; also one that came first."""
    room = Room()
    waits = [await room.waiting("london"), await room.waiting("london")]
    room.ask()
    async with asyncio.timeout(2):
        found = [await task for task in waits]
    assert [1, 1] == [len(plan.witness) for plan in found if plan is not None]


async def test_a_change_of_another_is_none() -> None:
    """Who is not asked waits on."""
    room = Room(patience_s=0.3)
    task = await room.waiting("geneva")
    room.ask()
    assert (None, set()) == (await task, room.witness.news())


async def test_no_change_ends_in_nothing() -> None:
    """After a while the agent is to ask again."""
    assert await Room(patience_s=0.01).plans.fetch("london", Room().empty) is None


async def test_the_end_lets_nobody_wait() -> None:
    """Who waits gets nothing, and so does who comes later."""
    room = Room()
    task = await room.waiting()
    room.plans.close()
    async with asyncio.timeout(2):
        assert (None, None) == (await task, await room.plans.fetch("london", room.empty))


async def test_who_asks_here_listens() -> None:
    """An agent is asked to ping once it has fetched a plan, and never before."""
    room = Room()
    silent = Asked("london", "slough")
    silent.witness._heard_ns.clear()
    plans = Plans(silent.witness, room.lock, StoppedClock(), 0.01)
    await plans.fetch("slough", None)
    assert {"slough": [LONDON_HOP]} == silent.doubt(hops(LONDON))
