"""Shell: the loop that takes packets, waits until they are due, and hands them on.

Rules
- It sleeps until shortly before the next deadline and polls its ports the last stretch: a kernel
  wakes late by some tens of microseconds. With nothing due it sleeps until something comes.
- Lateness is measured for every packet: the time it was handed on less its deadline.
- The loop makes no reference cycles, so that garbage collection may be off while it runs.
"""

import heapq
import select
from collections import deque
from collections.abc import Callable

from deploy.lab import clock
from deploy.lab.forwarding import Departure, Forwarding
from deploy.lab.ports import Port
from deploy.lab.story import Event
from deploy.lab.topology import Topology
from deploy.lab.world import NS_PER_MS, NS_PER_S, NS_PER_US

_SPIN_NS = 50_000
_LATENESS_KEPT = 200_000
_LATE_NS = NS_PER_MS
_P99_RATIO = 0.99


class Emulator:
    """A scenario at work between its ports."""

    def __init__(
        self,
        forwarding: Forwarding,
        topology: Topology,
        ports: list[Port],
        timeline: list[tuple[int, Event]],
        announce: Callable[[Event], None],
    ) -> None:
        """Join the parts; `timeline` holds (deadline in ns, event) in order.

        `announce` is told each event when it has happened.
        """
        self._forwarding = forwarding
        self._topology = topology
        self._ports = {port.fileno(): port for port in ports}
        self._senders = {port.name: port.send for port in ports}
        self._timeline = deque(timeline)
        self._announce = announce
        self._due: list[tuple[int, int, Departure]] = []
        self._serial = 0
        self._lateness_ns: deque[int] = deque(maxlen=_LATENESS_KEPT)

    def run(self, stop: int) -> None:
        """Run until the descriptor `stop` becomes readable."""
        watched = [stop, *self._ports]
        while True:
            self._hand_on()
            self._change()
            readable, _, _ = select.select(watched, (), (), self._pause_s())
            if stop in readable:
                return
            for descriptor in readable:
                self._take(self._ports[descriptor])

    def statistics(self) -> dict[str, float | dict[str, int]]:
        """Return what was carried, dropped and how late it was, ready for JSON."""
        late = sorted(self._lateness_ns)
        counts = dict(self._forwarding.counts)
        return {
            "packets": counts.pop("packets", 0),
            "handed_on": self._serial - len(self._due),
            "dropped": counts,
            "late_p50_us": late[len(late) // 2] / NS_PER_US if late else 0.0,
            "late_p99_us": late[int(len(late) * _P99_RATIO)] / NS_PER_US if late else 0.0,
            "late_ratio": sum(ns > _LATE_NS for ns in late) / len(late) if late else 0.0,
        }

    def _take(self, port: Port) -> None:
        """Take a batch of packets; what is due in the meantime is not kept waiting."""
        for arrival_ns, packet in port.receive():
            for departure in self._forwarding.accept(port.name, packet, arrival_ns):
                self._serial += 1
                heapq.heappush(self._due, (departure.deadline_ns, self._serial, departure))
            self._hand_on()

    def _hand_on(self) -> None:
        """Send everything that is due."""
        due = self._due
        while due and due[0][0] <= (now_ns := clock.monotonic_ns()):
            deadline_ns, _, departure = heapq.heappop(due)
            self._senders[departure.port](departure.packet)
            self._lateness_ns.append(now_ns - deadline_ns)

    def _change(self) -> None:
        """Play the events whose time has come."""
        while self._timeline and self._timeline[0][0] <= clock.monotonic_ns():
            _, event = self._timeline.popleft()
            self._topology.play(event)
            self._announce(event)

    def _pause_s(self) -> float | None:
        """Return how long to sleep in seconds, None for as long as nothing comes.

        Shortly before a deadline it is 0: the loop then polls, and hands on in time.
        """
        wakes_ns = []
        if self._due:
            wakes_ns.append(self._due[0][0] - _SPIN_NS)
        if self._timeline:
            wakes_ns.append(self._timeline[0][0])
        if not wakes_ns:
            return None
        return max(0, min(wakes_ns) - clock.monotonic_ns()) / NS_PER_S
