"""Shell: sends the echo requests of all targets through one socket a family, for ever.

Targets given by name are resolved beside the work, each at its own period. A name that fails is
an event of its target, never an end; once resolved, the last known address stays in use. A name
that is asked for in both families and has an address in one alone is no failure of the other.

Sending and reading happen on ticks of 30 ms, a tenth of the shortest interval where that is less:
the kernel keeps the time, so waking for every packet would only cost. All echo requests to a
target are of one flow: another one might take another way.

A name that resolves into a prefix of `limits.opt_out` has no address to probe: it is said once, and
the address that it had before is no longer used.

A target whose probes are administratively prohibited is probed ever less often (`schedule`).
"""

import asyncio
import logging
from collections.abc import Sequence

from agent import icmp
from agent.clock import Clock
from agent.errors import BorneError
from agent.faults import Faults
from agent.flight import Doubt, Landing
from agent.ports import OpenPort, Rung
from agent.records import IPV4, Outcome
from agent.schedule import Budget, Due, Entry, Schedule
from agent.sender import Sender
from agent.senders import Purpose, Senders
from agent.sockets import open_port
from agent.targets import ProbeTarget, Resolve, Sink, opted_out

_NS_PER_S = 1_000_000_000
_RETRY_UNRESOLVED_S = 10.0
_SKIPPED_EVENTS_MAX = 60
_TICK_MAX_NS = 30_000_000
_TICK_DIVISOR = 10
_log = logging.getLogger(__name__)


class Prober:
    """Probes every target at its interval."""

    def __init__(
        self,
        targets: Sequence[ProbeTarget],
        sink: Sink,
        clock: Clock,
        *,
        budget: Budget,
        resolve: Resolve,
        resolve_interval_s: float = 300.0,
        open_socket: OpenPort = open_port,
        text: bytes = icmp.TEXT,
    ) -> None:
        """Take what to probe; nothing is opened before `run`. Each packet carries `text`."""
        self.faults = Faults()
        self.sent = [0] * len(targets)
        """Echo requests sent to each target."""
        self.rung: Rung | None = None
        """What the kernel allowed; None before `run`."""
        self._targets = targets
        self._sink = sink
        self._clock = clock
        self._budget = budget
        self._resolve = resolve
        self._resolve_interval_s = resolve_interval_s
        self._open_socket = open_socket
        self._text = text
        self._schedule = Schedule((), 0)
        self._addresses: list[str | None] = [None] * len(targets)
        self._siblings = _siblings(targets)
        self._unresolved: set[int] = set()
        self._said: set[int] = set()
        self._said_out: set[int] = set()
        self._senders = Senders(self._opened)

    def address_of(self, target_index: int) -> str | None:
        """Return the address that the target has now; None while its name is unresolved."""
        return self._addresses[target_index]

    @property
    def strays(self) -> tuple[int, int, int]:
        """Return how many answers were (late, duplicate, foreign) on the sockets in use."""
        late, duplicate, foreign = (
            sum(each.strays[kind] for each in self._senders.current) for kind in range(3)
        )
        return late, duplicate, foreign

    async def run(self) -> None:
        """Probe until cancelled.

        Raises:
            PrivilegeError: the kernel refuses both kinds of ICMP socket.
        """
        for index, target in enumerate(self._targets):
            if target.address is not None:
                self._settle_on(index, target.address)
        await self.faults.keep("prober", self._probe_for_ever)

    async def _probe_for_ever(self) -> None:
        try:
            for family in sorted({target.family for target in self._targets} or {IPV4}):
                self.rung = self._senders.of(Purpose(family)).rung
            async with asyncio.TaskGroup() as group:
                group.create_task(self._send_for_ever())
                for index, target in enumerate(self._targets):
                    if target.address is None:
                        group.create_task(self._resolve_for_ever(index, target))
        finally:
            self._senders.close()

    def _opened(self, purpose: Purpose) -> Sender:
        return Sender(
            self._clock,
            self._land,
            self._open_socket,
            family=purpose.family,
            reading=False,
            text=self._text,
        )

    async def _send_for_ever(self) -> None:
        self._schedule = Schedule(_entries(self._targets), self._clock.monotonic_ns())
        tick_ns = _tick_ns(self._targets)
        while (next_ns := self._schedule.next_ns()) is not None:
            now_ns = self._clock.monotonic_ns()
            idle = not any(sender.in_air for sender in self._senders.all)
            delay_ns = max(next_ns - now_ns, tick_ns) if idle else tick_ns
            await asyncio.sleep(delay_ns / _NS_PER_S)
            self._read()
            for due in self._schedule.due(self._clock.monotonic_ns()):
                self._handle(due)

    def _read(self) -> None:
        """Read what waits; change the sockets when they are old, and close the old when empty."""
        for sender in self._senders.all:
            sender.turn()
        self._senders.retire([sender for sender in self._senders.all if sender.in_air])
        self._senders.renew(self._clock.monotonic_ns())

    def _handle(self, due: Due) -> None:
        """Send one echo request, or tell why not."""
        target = self._targets[due.index]
        if due.skipped:
            self._tell_skipped(due, target.interval_ns)
        if not due.send:
            return
        address = self._addresses[due.index]
        now = self._clock.instant()
        if address is None:
            # Until the first questions are answered there is nothing to tell.
            if self._is_unresolved(due.index):
                self._sink.event(due.index, now.wall_ns, Outcome.UNRESOLVED)
        elif not self._budget.allow_echo(due.index, address, now.monotonic_ns):
            self._sink.event(due.index, now.wall_ns, Outcome.SKIPPED)
        else:
            self.sent[due.index] += 1
            sender = self._senders.of(Purpose(target.family))
            sender.send(due.index, address, target.timeout_ns)

    def _tell_skipped(self, due: Due, interval_ns: int) -> None:
        """Tell the deadlines that were missed, each at its time; of a long stall the last 60."""
        now = self._clock.instant()
        last_ns = due.due_ns - (interval_ns if due.send else 0)
        last_wall_ns = now.wall_ns - (now.monotonic_ns - last_ns)
        for back in reversed(range(min(due.skipped, _SKIPPED_EVENTS_MAX))):
            self._sink.event(due.index, last_wall_ns - back * interval_ns, Outcome.SKIPPED)

    def _land(self, landing: Landing | Doubt) -> None:
        if isinstance(landing, Doubt) or not isinstance(landing.handle, int):
            raise AssertionError(f"no target sent what came of {landing!r}")  # noqa: TRY004 - a bug
        index = landing.handle
        if landing.outcome is not Outcome.REPLY:
            self._sink.event(index, landing.sent_wall_ns, landing.outcome)
        elif landing.rtt_ns is not None and landing.stamp is not None:
            self._schedule.restore(index)
            self._sink.reply(index, landing.sent_wall_ns, landing.rtt_ns, landing.stamp)
        if landing.outcome is Outcome.PROHIBITED and self._schedule.slow_down(index):
            target = self._targets[index].target
            _log.info("%s: %s prohibits probes; sent half as often", target, landing.source)

    async def _resolve_for_ever(self, index: int, target: ProbeTarget) -> None:
        while True:
            address = await self._ask(target)
            if address is not None and self._is_opted_out(index, address):
                self._addresses[index] = None
                self._unresolved.add(index)
            elif address is not None:
                self._settle_on(index, address)
            elif self._addresses[index] is None:
                self._unresolved.add(index)
            if address is None and self._is_unresolved(index):
                self._say_once(index)
            known = any(self._addresses[each] is not None for each in self._siblings[index])
            await asyncio.sleep(self._resolve_interval_s if known else _RETRY_UNRESOLVED_S)

    def _is_opted_out(self, index: int, address: str) -> bool:
        """Return whether nothing may be sent there, and say so unless that was said."""
        network = opted_out(address, self._budget.opt_out)
        if network is not None and index not in self._said_out:
            self._said_out.add(index)
            name = self._targets[index].target
            _log.warning("%s is %s, in %s of [limits] opt_out: not probed", name, address, network)
        return network is not None

    def _is_unresolved(self, index: int) -> bool:
        """Return whether the target's name has an address in none of the families asked for."""
        return all(each in self._unresolved for each in self._siblings[index])

    def _say_once(self, index: int) -> None:
        """Say that a name has no address, unless that was said and is still so."""
        first = self._siblings[index][0]
        if first not in self._said:
            self._said.add(first)
            name = self._targets[index].target
            _log.warning("%s has no address to probe, or nobody told; asked again", name)

    async def _ask(self, target: ProbeTarget) -> str | None:
        """Resolve a name; None for every way in which that fails."""
        try:
            return await self._resolve(target.target, target.family)
        except (BorneError, OSError) as error:
            _log.debug("resolve %s: %s", target.target, error)
            return None

    def _settle_on(self, index: int, address: str) -> None:
        """Use an address from now on, and tell it where it is new."""
        self._unresolved.discard(index)
        self._said_out.discard(index)
        self._said.discard(self._siblings[index][0])
        if address != self._addresses[index]:
            self._addresses[index] = address
            self._sink.address(index, self._clock.wall_ns(), address)


def _entries(targets: Sequence[ProbeTarget]) -> list[Entry]:
    return [
        Entry(index=i, key=f"echo {t.zone} {t.target} {t.family}", interval_ns=t.interval_ns)
        for i, t in enumerate(targets)
    ]


def _siblings(targets: Sequence[ProbeTarget]) -> list[list[int]]:
    """Return for each target those of the same zone and name, itself among them."""
    found: dict[tuple[str, str], list[int]] = {}
    for index, target in enumerate(targets):
        found.setdefault((target.zone, target.target), []).append(index)
    return [found[target.zone, target.target] for target in targets]


def _tick_ns(targets: Sequence[ProbeTarget]) -> int:
    """Return the time between two wake-ups while probes are in the air."""
    shortest_ns = min((target.interval_ns for target in targets), default=_NS_PER_S)
    return min(_TICK_MAX_NS, shortest_ns // _TICK_DIVISOR)
