"""Fakes of the world that probing sees: a clock that stands still, a network without packets.

`FakePort` answers at once from a table of routes; its descriptor is a real one, so that the
event loop's reader is exercised as with a socket.
"""

import asyncio
import contextlib
import ipaddress
import os
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence

from agent import icmp
from agent.errors import WireError
from agent.icmp import NUMBERS
from agent.ports import Datagram, Notice, Rung, TransmitStamp
from agent.records import Family, Outcome, Path, Protocol, Stamp
from agent.targets import Instant

EPOCH_NS = 1_700_000_000_000_000_000


class FakeClock:
    """Both clocks stand still until told to go on; the wall clock can be stepped."""

    def __init__(self, monotonic_ns: int = 1_000_000_000, wall_ns: int = EPOCH_NS) -> None:
        self._monotonic_ns = monotonic_ns
        self._wall_ns = wall_ns
        self.error_ns = -1

    def monotonic_ns(self) -> int:
        """Read the monotonic clock."""
        return self._monotonic_ns

    def wall_ns(self) -> int:
        """Read the time of day."""
        return self._wall_ns

    def instant(self) -> Instant:
        """Read both."""
        return Instant(self._monotonic_ns, self._wall_ns)

    def clock_error_ns(self) -> int:
        """Read the bound of the error."""
        return self.error_ns

    def advance(self, duration_ns: int) -> None:
        """Let time pass."""
        self._monotonic_ns += duration_ns
        self._wall_ns += duration_ns

    def step_wall(self, step_ns: int) -> None:
        """Set the time of day."""
        self._wall_ns += step_ns


def seal(octets: bytes) -> bytes:
    """Fill in the checksum of an ICMP message."""
    open_octets = octets[:2] + b"\0\0" + octets[4:]
    return octets[:2] + icmp.checksum(open_octets).to_bytes(2, "big") + octets[4:]


def echo_reply(request: bytes, family: Family = 4) -> bytes:
    """Answer an echo request."""
    return seal(bytes([NUMBERS[family].reply]) + request[1:])


def packed(address: str) -> bytes:
    """Turn an address into octets."""
    return ipaddress.ip_address(address).packed


def ipv4(source: str, destination: str, ttl: int, payload: bytes, options: bytes = b"") -> bytes:
    """Put an IPv4 header in front of an ICMP message."""
    first = bytes([0x45 + len(options) // 4, 0])
    length = (20 + len(options) + len(payload)).to_bytes(2, "big")
    rest = b"\0\0\0\0" + bytes([ttl, 1]) + b"\0\0" + packed(source) + packed(destination)
    return first + length + rest + options + payload


def ipv6(source: str, destination: str, ttl: int, payload: bytes, header: int = 58) -> bytes:
    """Put an IPv6 header in front of an ICMPv6 message."""
    first = b"\x60\0\0\0" + len(payload).to_bytes(2, "big") + bytes([header, ttl])
    return first + packed(source) + packed(destination) + payload


def extension(*entries: tuple[int, int, int, int], checksum: bool = True) -> bytes:
    """Build the extension of an ICMP error that holds a label stack."""
    words = b"".join(
        (label << 12 | tc << 9 | bottom << 8 | ttl).to_bytes(4, "big")
        for label, tc, bottom, ttl in entries
    )
    open_octets = b"\x20\0\0\0" + (4 + len(words)).to_bytes(2, "big") + b"\x01\x01" + words
    value = icmp.checksum(open_octets) if checksum else 0
    return open_octets[:2] + value.to_bytes(2, "big") + open_octets[4:]


def icmp_error(kind: int, code: int, quoted: bytes) -> bytes:
    """Build an ICMP error around a quoted packet."""
    return seal(bytes([kind, code]) + bytes(6) + quoted)


class FakePort:
    """A socket to a network that is a table: target -> the addresses on the way to it.

    The last address of a route is the target. None is a machine that keeps silent. RTTs are
    2 us a hop. `failures` send attempts fail first; `garbage` is what `receive` finds first.
    """

    def __init__(
        self,
        routes: Mapping[str, Sequence[str | None]],
        clock_wall_ns: object = None,
        *,
        rung: Rung = Rung.RAW,
        failures: int = 0,
        garbage: Sequence[Exception] = (),
        unreachable_from: str | None = None,
        quoted_octets: int = 64,
    ) -> None:
        self.rung = rung
        self.family: Family = 4
        self.identifier = 0
        self.sent: list[tuple[str, int | None]] = []
        self.labels: list[int] = []
        self.last_octets = b""
        self.closed = False
        self._routes = routes
        self._failures = failures
        self._garbage = deque(garbage)
        self._unreachable_from = unreachable_from
        self._quoted_octets = quoted_octets
        self._number = 0
        self._answers: deque[Datagram] = deque()
        self._errors: deque[TransmitStamp | Notice] = deque()
        self._event = os.eventfd(0, os.EFD_NONBLOCK)
        self._wall_ns = clock_wall_ns

    def opened(
        self, identifier: int, family: Family = 4, protocol: Protocol = Protocol.ICMP
    ) -> "FakePort":
        """Stand in for `sockets.open_port`."""
        self.identifier = identifier
        self.family = family
        self.rung = Rung.UDP if protocol is Protocol.UDP else self.rung
        return self

    def fileno(self) -> int:
        """Return a descriptor that is readable while an answer waits."""
        return self._event

    def send(self, octets: bytes, address: str, ttl: int | None, label: int = 0) -> int:
        """Answer at once."""
        assert not self.closed, "sent on a closed socket"
        self.labels.append(label)
        if self._failures:
            self._failures -= 1
            raise OSError(101, "Network is unreachable")
        self.sent.append((address, ttl))
        self.last_octets = octets
        number, self._number = self._number, self._number + 1
        now_ns = self._wall_ns() if callable(self._wall_ns) else EPOCH_NS
        self._errors.append(TransmitStamp(number=number, stamp_ns=now_ns))
        route = self._routes.get(address, ())
        hops = min(ttl or 255, len(route))
        who = route[hops - 1] if hops else None
        if who is not None:
            self._answer(octets, address, who, now_ns + 2000 * hops, reached=hops == len(route))
            os.eventfd_write(self._event, 1)
        return number

    def _answer(
        self, octets: bytes, address: str, who: str, stamp_ns: int, *, reached: bool
    ) -> None:
        numbers = NUMBERS[self.family]
        kind, code = numbers.exceeded, 0
        if who == self._unreachable_from:
            kind, code = numbers.unreachable, min(numbers.administrative)
        elif reached and self.rung is Rung.UDP:
            kind, code = numbers.unreachable, {4: 3, 6: 4}[self.family]
        elif reached:
            kind = numbers.reply
        if self.rung is Rung.RAW or kind == numbers.reply:
            self._answers.append(
                Datagram(
                    octets=self._message(octets, address, kind, code),
                    source=who,
                    stamp_ns=stamp_ns,
                    ttl=60,
                )
            )
            return
        self._errors.append(
            Notice(
                type=kind,
                code=code,
                source=who,
                destination=address,
                quote=octets[: self._quoted_octets],
                stamp_ns=stamp_ns,
                ttl=60,
            )
        )

    def _message(self, octets: bytes, address: str, kind: int, code: int) -> bytes:
        """Build what a raw socket receives."""
        if kind == NUMBERS[self.family].reply:
            return echo_reply(octets, self.family)
        if self.family == 4:
            return icmp_error(kind, code, ipv4("198.51.100.1", address, 1, octets))
        return icmp_error(kind, code, ipv6("2001:db8::1", address, 1, octets))

    def receive(self) -> Datagram | None:
        """Take one answer."""
        if self._garbage:
            raise self._garbage.popleft()
        if self._answers:
            return self._answers.popleft()
        self._quiet()
        return None

    def receive_error(self) -> TransmitStamp | Notice | None:
        """Take one entry of the error queue."""
        return self._errors.popleft() if self._errors else None

    def _quiet(self) -> None:
        try:
            os.eventfd_read(self._event)
        except BlockingIOError:
            return

    def close(self) -> None:
        """Close the descriptor."""
        if not self.closed:
            os.close(self._event)
        self.closed = True


def garbage() -> WireError:
    """Make what a port raises for octets that are no answer."""
    return WireError("truncated", "read an ICMP message: it has 3 octets of 8")


class FakeSink:
    """Remembers everything it is told."""

    def __init__(self) -> None:
        self.replies: list[tuple[int, int, int, Stamp]] = []
        self.events: list[tuple[int, int, Outcome]] = []
        self.addresses: list[tuple[int, str]] = []
        self.paths: list[Path] = []

    def reply(self, target_index: int, sent_wall_ns: int, rtt_ns: int, stamp: Stamp) -> None:
        """Take a reply."""
        self.replies.append((target_index, sent_wall_ns, rtt_ns, stamp))

    def event(self, target_index: int, at_wall_ns: int, outcome: Outcome) -> None:
        """Take an event."""
        self.events.append((target_index, at_wall_ns, outcome))

    def address(self, target_index: int, at_wall_ns: int, address: str) -> None:
        """Take an address."""
        assert at_wall_ns > 0
        self.addresses.append((target_index, address))

    def path(self, path: Path) -> None:
        """Take a path."""
        self.paths.append(path)


async def until(ready: Callable[[], bool]) -> None:
    """Give the event loop its turns until something is so, four seconds at most."""
    async with asyncio.timeout(4):
        while not ready():  # noqa: ASYNC110 - what is waited for tells nobody
            await asyncio.sleep(0.002)


async def play(work: Awaitable[None], ready: Callable[[], bool]) -> None:
    """Run until something is so or the work ended, then cancel it."""
    task = asyncio.ensure_future(work)
    try:
        await until(lambda: ready() or task.done())
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
