"""Shell: traces every target that asks for it, one round per trace interval, for ever."""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from typing import Protocol
from weakref import WeakValueDictionary

from agent import icmp, rounds
from agent.clock import Clock, rfc3339
from agent.faults import Faults
from agent.flight import Doubt, Landing
from agent.hops import Shot
from agent.ports import OpenPort
from agent.records import Hop, Origin, Outcome
from agent.rounds import GAP_NS, Labels, Round
from agent.schedule import Budget, Due, Entry, Schedule, prefix_of
from agent.sender import Sender
from agent.senders import Senders, opener, purpose
from agent.sockets import open_port
from agent.targets import ProbeTarget, Sink

MAX_TTL = 32
_NS_PER_S = 1_000_000_000


class Plan(Protocol):
    """A decider that says which probe to send next: a round, or the search for all ways."""

    @property
    def done(self) -> bool:
        """Return whether it is over."""

    def next_shot(self, now_ns: int) -> Shot | None:
        """Take the probe to send now; None where none is due."""

    def next_ns(self) -> int:
        """Return when `next_shot` should be asked again, unless a landing comes first."""

    def landed(self, shot: Shot, landing: Landing) -> None:
        """Take what became of a probe."""

    def doubted(self, shot: Shot) -> None:
        """Take that an answer is about this probe or another one of its flow."""

    def hops(self) -> tuple[Hop, ...]:
        """List what is known now."""


class Route:
    """One round under way: it hands the decider's shots to the sockets, and the landings back."""

    def __init__(self, plan: Plan, address: str, timeout_ns: int) -> None:
        """Take a plan towards `address` that nobody else drives."""
        self._plan = plan
        self._address = address
        self._timeout_ns = timeout_ns
        self._wake = asyncio.Event()
        self.unsent = False
        """Whether this host could send none of the shots so far."""
        self._sent = 0

    def landed(self, shot: Shot, landing: Landing) -> None:
        """Take what became of a shot."""
        failed = landing.outcome is Outcome.SEND_FAILED
        self._sent += not failed
        self.unsent = failed and not self._sent
        self._plan.landed(shot, landing)
        self._wake.set()

    def doubted(self, shot: Shot) -> None:
        """Take that an answer may be about this shot."""
        self._plan.doubted(shot)

    async def follow(
        self, sender_of: Callable[[int], Sender], clock: Clock, allowance: "Allowance | None"
    ) -> None:
        """Drive the plan to its end; `sender_of` gives the socket of a flow.

        The plan is asked when a packet may leave at once, for it counts time from its answer.
        """
        while not self._plan.done:
            self._wake.clear()
            if allowance is not None:
                await allowance.wait(self._address)
            shot = self._plan.next_shot(clock.monotonic_ns())
            if shot is not None:
                if allowance is not None:
                    allowance.take(self._address)
                sender = sender_of(shot.flow)
                handle = (self, shot)
                sender.send(handle, self._address, self._timeout_ns, ttl=shot.ttl, flow=shot.flow)
            elif not self._plan.done:
                await self._sleep(self._plan.next_ns() - clock.monotonic_ns())

    async def _sleep(self, duration_ns: int) -> None:
        """Wait for this time or for a landing."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(duration_ns / _NS_PER_S):
                await self._wake.wait()


class Allowance:
    """What the limits of this host leave to traces: their packets wait in one queue.

    Those of one prefix wait for its own limit in a queue before that one: they hold up no others.
    """

    def __init__(self, budget: Budget, clock: Clock) -> None:
        """Share `budget` with whoever else sends."""
        self._budget = budget
        self._clock = clock
        # Without it all rounds would wake for each token that one of them can have.
        self._queue = asyncio.Lock()
        # Kept alive by who waits in them.
        self._queues: WeakValueDictionary[bytes, asyncio.Lock] = WeakValueDictionary()

    async def wait(self, address: str) -> None:
        """Wait until one more packet may leave: until the caller waits again, `take` takes it."""
        queue = self._queues.setdefault(prefix_of(address), asyncio.Lock())
        async with queue:
            await self._turn()
            while wait_ns := self._budget.prefix_wait_ns(address, self._clock.monotonic_ns()):
                await asyncio.sleep(wait_ns / _NS_PER_S)
                await self._turn()

    async def _turn(self) -> None:
        """Wait until the limit of everything allows one more packet."""
        async with self._queue:
            while wait_ns := self._budget.packet_wait_ns(self._clock.monotonic_ns()):  # noqa: ASYNC110 - the wait is computed
                await asyncio.sleep(wait_ns / _NS_PER_S)

    def take(self, address: str) -> None:
        """Count the packet that leaves."""
        self._budget.take_packet(address, self._clock.monotonic_ns())


def land(landing: Landing | Doubt) -> None:
    """Hand a landing to the route whose shot it was, a doubt to every route concerned."""
    for handle in landing.handles if isinstance(landing, Doubt) else (landing.handle,):
        match handle:
            case (Route() as route, Shot() as shot) if isinstance(landing, Landing):
                route.landed(shot, landing)
            case (Route() as route, Shot() as shot):
                route.doubted(shot)
            case _:
                raise AssertionError(f"no route sent {handle!r}")


class Tracer:
    """Traces every target with a trace interval; all rounds share the sockets."""

    def __init__(
        self,
        targets: Sequence[ProbeTarget],
        sink: Sink,
        clock: Clock,
        *,
        budget: Budget,
        address_of: Callable[[int], str | None],
        origin: Origin | None = None,
        open_socket: OpenPort = open_port,
        text: bytes = icmp.TEXT,
    ) -> None:
        """Take what to trace; `address_of` is the prober's; nothing is opened before `run`.

        Each packet carries `text`.
        """
        self.faults = Faults()
        self.skipped = 0
        """Rounds that were due while the program was late or the last round still went on."""
        self._targets = targets
        self._sink = sink
        self._clock = clock
        self._allowance = Allowance(budget, clock)
        self._address_of = address_of
        self._origin = origin
        self._schedule = Schedule((), 0)
        self._lengths: dict[str, int] = {}
        self._under_way: dict[int, list[Sender]] = {}
        self._group: asyncio.TaskGroup | None = None
        self._senders = Senders(opener(clock, land, open_socket, text=text, watch=self._watch))

    async def run(self) -> None:
        """Trace until cancelled.

        Raises:
            PrivilegeError: the kernel refuses both kinds of ICMP socket.
        """
        if any(target.trace_interval_ns is not None for target in self._targets):
            await self.faults.keep("tracer", self._trace_for_ever)

    async def _trace_for_ever(self) -> None:
        self._under_way.clear()
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                await self._start_rounds(group)
        finally:
            self._senders.close()

    def _watch(self, sender: Sender) -> None:
        if self._group is not None:
            self._group.create_task(sender.watch())

    async def _start_rounds(self, group: asyncio.TaskGroup) -> None:
        self._schedule = Schedule(_entries(self._targets), self._clock.monotonic_ns())
        while (next_ns := self._schedule.next_ns()) is not None:
            delay_ns = next_ns - self._clock.monotonic_ns()
            await asyncio.sleep(max(delay_ns, 0) / _NS_PER_S)
            now_ns = self._clock.monotonic_ns()
            self._senders.renew(now_ns)
            for due in self._schedule.due(now_ns):
                self._start_round(due, group)

    def _start_round(self, due: Due, group: asyncio.TaskGroup) -> None:
        address = self._address_of(due.index)
        self.skipped += due.skipped
        if not due.send or due.index in self._under_way:
            self.skipped += due.send
        elif address is not None:
            target = self._targets[due.index]
            senders = self._under_way[due.index] = [
                self._senders.of(purpose(target.family, target.trace_protocol, flow))
                for flow in range(target.flows)
            ]
            group.create_task(self._round(due.index, address, senders))

    async def _round(self, index: int, address: str, senders: Sequence[Sender]) -> None:
        target = self._targets[index]
        now = self._clock.instant()
        interval_ns = target.trace_interval_ns or 0
        trace = Round(
            address,
            flows=target.flows,
            max_ttl=MAX_TTL,
            timeout_ns=target.timeout_ns,
            start_ns=now.monotonic_ns,
            last_length=self._lengths.get(address),
            gap_ns=min(GAP_NS, interval_ns // (2 * target.flows)),
        )
        route = Route(trace, address, target.timeout_ns)
        await route.follow(senders.__getitem__, self._clock, self._allowance)
        del self._under_way[index]
        self._senders.retire([each for used in self._under_way.values() for each in used])
        self._remember(address, trace)
        if trace.prohibited:
            self._schedule.slow_down(index)
        else:
            self._schedule.restore(index)
        labels = Labels(
            target=target.target,
            address=address,
            protocol=target.trace_protocol,
            zone=target.zone,
            origin=self._origin,
            started_at=rfc3339(now.wall_ns),
        )
        self._sink.path(rounds.path(labels, trace.hops(), reached=trace.reached))

    def _remember(self, address: str, trace: Round) -> None:
        """Keep the length of a path that was reached, for the next round's first phase."""
        if trace.reached and trace.length is not None:
            self._lengths[address] = trace.length
        else:
            self._lengths.pop(address, None)


def _entries(targets: Sequence[ProbeTarget]) -> list[Entry]:
    return [
        Entry(index=i, key=f"trace {t.zone} {t.target} {t.family}", interval_ns=t.trace_interval_ns)
        for i, t in enumerate(targets)
        if t.trace_interval_ns is not None
    ]
