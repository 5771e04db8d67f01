"""Shell: traces every target that asks for it, one round per trace interval, for ever."""

import asyncio
import contextlib
from collections.abc import Callable, Sequence

from agent import icmp
from agent.clock import Clock, rfc3339
from agent.echoes import Echoes, OpenPort
from agent.faults import Faults
from agent.flight import Landing
from agent.hops import Labels, Shot, Trace
from agent.prober import SOCKET_LIFE_NS
from agent.records import Origin
from agent.schedule import Budget, Due, Entry, Schedule
from agent.sockets import open_port
from agent.targets import ProbeTarget, Sink

MAX_TTL = 32
_NS_PER_S = 1_000_000_000


class Route:
    """One trace under way: it hands the decider's shots to the socket, and the landings back."""

    def __init__(self, trace: Trace, address: str, timeout_ns: int) -> None:
        """Take a trace towards `address` that nobody else drives."""
        self._trace = trace
        self._address = address
        self._timeout_ns = timeout_ns
        self._wake = asyncio.Event()

    def landed(self, shot: Shot, landing: Landing) -> None:
        """Take what became of a shot."""
        self._trace.landed(shot, landing)
        self._wake.set()

    async def follow(self, echoes: Echoes, clock: Clock, budget: Budget | None) -> None:
        """Drive the trace to its end; without a token of `budget` a packet waits."""
        while not self._trace.done:
            self._wake.clear()
            shot = self._trace.next_shot(clock.monotonic_ns())
            if shot is not None:
                await _afford(budget, clock)
                echoes.send((self, shot), self._address, self._timeout_ns, ttl=shot.ttl)
            elif not self._trace.done:
                await self._sleep(self._trace.next_ns() - clock.monotonic_ns())

    async def _sleep(self, duration_ns: int) -> None:
        """Wait for this time or for a landing."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(duration_ns / _NS_PER_S):
                await self._wake.wait()


async def _afford(budget: Budget | None, clock: Clock) -> None:
    """Wait until the limits of this host allow one more packet."""
    while budget is not None and not budget.allow_packet(clock.monotonic_ns()):  # noqa: ASYNC110 - the wait is computed
        await asyncio.sleep(budget.wait_ns() / _NS_PER_S)


def land(landing: Landing) -> None:
    """Hand a landing to the route whose shot it was."""
    match landing.handle:
        case (Route() as route, Shot() as shot):
            route.landed(shot, landing)
        case handle:
            raise AssertionError(f"no route sent {handle!r}")


class Tracer:
    """Traces every target with a trace interval; several traces share one socket."""

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
        self._budget = budget
        self._address_of = address_of
        self._origin = origin
        self._open_socket = open_socket
        self._text = text
        self._schedule = Schedule((), 0)
        self._lengths: dict[str, int] = {}
        self._under_way: dict[int, Echoes] = {}
        self._sockets: list[Echoes] = []
        self._opened_ns = 0

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
                self._open(group)
                await self._start_rounds(group)
        finally:
            while self._sockets:
                self._sockets.pop().close()

    def _open(self, group: asyncio.TaskGroup) -> None:
        """Use a new socket from now on; rounds under way keep theirs."""
        self._sockets.insert(0, Echoes(self._clock, land, self._open_socket, text=self._text))
        self._opened_ns = self._clock.monotonic_ns()
        group.create_task(self._sockets[0].watch())

    def _retire(self) -> None:
        """Close the sockets that are neither in use nor needed by a round under way."""
        needed = {id(echoes) for echoes in (self._sockets[0], *self._under_way.values())}
        for echoes in [each for each in self._sockets if id(each) not in needed]:
            self._sockets.remove(echoes)
            echoes.close()

    async def _start_rounds(self, group: asyncio.TaskGroup) -> None:
        self._schedule = Schedule(_entries(self._targets), self._clock.monotonic_ns())
        while (next_ns := self._schedule.next_ns()) is not None:
            delay_ns = next_ns - self._clock.monotonic_ns()
            await asyncio.sleep(max(delay_ns, 0) / _NS_PER_S)
            now_ns = self._clock.monotonic_ns()
            if now_ns - self._opened_ns > SOCKET_LIFE_NS:
                self._open(group)
            for due in self._schedule.due(now_ns):
                self._start_round(due, group)

    def _start_round(self, due: Due, group: asyncio.TaskGroup) -> None:
        address = self._address_of(due.index)
        self.skipped += due.skipped
        if not due.send or due.index in self._under_way:
            self.skipped += due.send
        elif address is not None:
            echoes = self._under_way[due.index] = self._sockets[0]
            group.create_task(self._round(due.index, address, echoes))

    async def _round(self, index: int, address: str, echoes: Echoes) -> None:
        target = self._targets[index]
        now = self._clock.instant()
        trace = Trace(
            address,
            max_ttl=MAX_TTL,
            timeout_ns=target.timeout_ns,
            start_ns=now.monotonic_ns,
            last_length=self._lengths.get(address),
        )
        await Route(trace, address, target.timeout_ns).follow(echoes, self._clock, self._budget)
        del self._under_way[index]
        self._retire()
        self._remember(address, trace)
        if trace.prohibited:
            self._schedule.slow_down(index)
        else:
            self._schedule.restore(index)
        labels = Labels(
            target=target.target,
            zone=target.zone,
            origin=self._origin,
            started_at=rfc3339(now.wall_ns),
        )
        self._sink.path(trace.path(labels))

    def _remember(self, address: str, trace: Trace) -> None:
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
