"""The loop of the lab between two fake wires: packets and events at their time."""

import socket
import threading
import time
from collections import deque
from pathlib import Path

from deploy.lab import icmp
from deploy.lab.emulator import Emulator
from deploy.lab.forwarding import Forwarding
from deploy.lab.hosts import Hosts
from deploy.lab.scenario import load
from deploy.lab.story import Event
from deploy.lab.topology import Topology
from tests.fakes.lab_worlds import write_world

FAR_RTT_NS = 4_000_000
"""Both ways of agent one to the target: site 0.2, access 0.3, link 1.0, host 0.5 ms."""
ONE, TWO, TARGET = b"\xc0\x00\x02\x0a", b"\xc0\x00\x02\x14", b"\xc0\x00\x02\x50"


class Wire:
    """A port made of a socket pair; it keeps what it was given, with the time."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.sent: deque[tuple[int, bytes]] = deque()
        self.agent, self._box = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)

    def fileno(self) -> int:
        """Return the box's end."""
        return self._box.fileno()

    def receive(self) -> list[tuple[int, bytes]]:
        """Take one packet."""
        return [(time.monotonic_ns(), self._box.recv(2000))]

    def send(self, packet: bytes) -> None:
        """Keep the packet and the time."""
        self.sent.append((time.monotonic_ns(), packet))

    def close(self) -> None:
        """Close both ends."""
        self.agent.close()
        self._box.close()


def request(ttl: int, destination: bytes = TARGET) -> bytes:
    """An echo request of agent one."""
    return icmp.echo_request(ONE, destination, ttl, b"\0\1\0\2", b"x")


def play(
    tmp_path: Path, sent: list[bytes], timeline: list[tuple[float, Event]]
) -> tuple[Emulator, list[Wire], list[Event]]:
    """Run the small world for a third of a second over what agent one sent."""
    topology = Topology(load(write_world(tmp_path)))
    wires = [Wire("one"), Wire("two")]
    forwarding = Forwarding(topology, Hosts(lambda _: None, servers=False), lambda: 0.5)
    seen: list[Event] = []
    now_ns = time.monotonic_ns()
    plan = [(now_ns + round(after_s * 1e9), event) for after_s, event in timeline]
    emulator = Emulator(forwarding, topology, list(wires), plan, seen.append)
    stop, stopper = socket.socketpair()
    with stop, stopper:
        for packet in sent:
            wires[0].agent.send(packet)
        timer = threading.Timer(0.3, stopper.send, [b"x"])
        timer.start()
        emulator.run(stop.fileno())
        timer.join()
    for wire in wires:
        wire.close()
    return emulator, wires, seen


def test_packets_leave_in_the_order_of_their_deadlines(tmp_path: Path) -> None:
    """The far reply leaves after the near one, though its request came first; none is early."""
    began_ns = time.monotonic_ns()
    emulator, (one, two), _ = play(tmp_path, [request(64), request(1), request(64, TWO)], [])
    assert [packet[12:16] for _, packet in one.sent] == [b"\xc0\xa8\x01\x01", TARGET]
    (first_ns, _), (second_ns, _) = one.sent
    assert first_ns <= second_ns
    assert second_ns - began_ns > FAR_RTT_NS
    assert [packet[16:20] for _, packet in two.sent] == [TWO]
    statistics = emulator.statistics()
    assert (statistics["packets"], statistics["handed_on"], statistics["dropped"]) == (3, 3, {})
    late_us = statistics["late_p50_us"]
    assert isinstance(late_us, float)
    assert late_us > 0


def test_an_event_is_played_once(tmp_path: Path) -> None:
    """An event in the past of the loop happens at once, one in the future does not."""
    soon = Event(at_s=0.0, link=("a", "b"), up=False)
    never = Event(at_s=9.0, link=("a", "b"), up=True)
    _, (one, _), seen = play(tmp_path, [request(3)], [(0.0, soon), (9.0, never)])
    assert seen == [soon]
    assert [packet[12:16] for _, packet in one.sent] == [b"\xc6\x33\x64\x03"]


def test_nothing_carried_has_no_lateness(tmp_path: Path) -> None:
    """A loop that carried nothing says zero."""
    emulator, _, _ = play(tmp_path, [], [])
    assert emulator.statistics() == {
        "packets": 0,
        "handed_on": 0,
        "dropped": {},
        "late_p50_us": 0.0,
        "late_p99_us": 0.0,
        "late_ratio": 0.0,
    }
