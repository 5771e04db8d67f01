"""Shell: sends probes through one socket and tells what became of each.

Reading late does no harm, for the kernel keeps the time. Who needs answers at once lets the event
loop read both queues whenever something waits, a bounded number of entries at a time (an unread
error queue would make it spin); who sends all the time reads by `turn`, which wakes the process
less often. Losses are told at their deadline, after everything that waits was read.
"""

import asyncio
import secrets
from collections.abc import Callable

from agent import icmp, udp
from agent.clock import Clock
from agent.errors import WireError
from agent.flight import Answer, Doubt, Flight, Landing, Probe
from agent.ports import DatagramPort, Dialect, Message, Notice, OpenPort, Rung, TransmitStamp
from agent.records import Family, Outcome, Protocol
from agent.sockets import open_port
from agent.targets import Instant

Land = Callable[[Landing | Doubt], None]

_BATCH = 64
_BEFORE_SETTLING = 4096
_SETTLE_EVERY_S = 0.02
_NS_PER_S = 1_000_000_000


def random_identifier() -> int:
    """Choose the identifier of a new socket: 1 to 65535."""
    return secrets.randbelow(0xFFFF) + 1


class Sender:
    """One socket and its probes in the air."""

    def __init__(
        self,
        clock: Clock,
        land: Land,
        open_socket: OpenPort = open_port,
        *,
        family: Family = 4,
        protocol: Protocol = Protocol.ICMP,
        reading: bool = True,
        text: bytes = icmp.TEXT,
    ) -> None:
        """Open the socket; where `reading`, let the running event loop read it. Then call `close`.

        `text` is in each packet, for whoever looks at it (`icmp.text_with`).
        `land` takes every landing, from the event loop or from inside `send` and `turn`. Of
        datagrams, and of them alone, it is told the doubts as well.

        Raises:
            PrivilegeError: the kernel refuses both kinds of ICMP socket.
        """
        self.garbage = 0
        self._clock = clock
        self._land = land
        self._port = open_socket(random_identifier(), family, protocol)
        token = secrets.token_bytes(icmp.TOKEN_OCTETS)
        self._dialect = _dialect(self._port, family, protocol, token, text)
        self._flight = Flight(self._dialect.identifier, token, family)
        self._loop = asyncio.get_running_loop()
        self._failure: asyncio.Future[None] = self._loop.create_future()
        self._timer: asyncio.TimerHandle | None = None
        self._timer_ns = 0
        self._reading = reading
        if reading:
            self._loop.add_reader(self._port.fileno(), self._guarded, self._read)

    @property
    def rung(self) -> Rung:
        """Return what the kernel allowed."""
        return self._port.rung

    @property
    def in_air(self) -> int:
        """Count the probes that have not landed."""
        return len(self._flight)

    @property
    def strays(self) -> tuple[int, int, int]:
        """Return how many answers were (late, duplicate, foreign) so far."""
        return self._flight.late, self._flight.duplicate, self._flight.foreign

    def send(
        self,
        handle: object,
        address: str,
        timeout_ns: int,
        *,
        ttl: int | None = None,
        flow: int = 0,
    ) -> None:
        """Send one probe; `land` is told what became of it, with `handle`.

        Echo requests of one socket may belong to several flows; datagrams are of the socket's.
        """
        sequence = self._flight.sequence()
        octets = self._dialect.request(sequence, flow)
        sent = self._clock.instant()
        try:
            number = self._port.send(octets, address, ttl, self._dialect.label(flow))
        except OSError:
            self._land(_unsent(handle, address, sent))
            return
        self._flight.launch(
            Probe(
                handle=handle,
                address=address,
                sequence=sequence,
                number=number,
                sent=sent,
                timeout_ns=timeout_ns,
            )
        )
        if self._reading:
            self._read_errors()
            self._arm()

    def turn(self) -> None:
        """Read all that waits, then land what has waited long enough."""
        self._read_errors(_BEFORE_SETTLING)
        self._read_answers(_BEFORE_SETTLING)
        for landing in self._flight.settle(self._clock.monotonic_ns()):
            self._land(landing)

    async def watch(self) -> None:
        """Wait for ever; raise what went wrong while reading."""
        await self._failure

    def close(self) -> None:
        """Stop reading and close the socket; what is in the air never lands."""
        if self._reading:
            self._loop.remove_reader(self._port.fileno())
        if self._timer is not None:
            self._timer.cancel()
        self._failure.cancel()
        self._port.close()

    def _guarded(self, callback: Callable[..., None], *arguments: object) -> None:
        """Run a callback of the event loop; `watch` raises what it raises."""
        try:
            callback(*arguments)
        except Exception as error:  # noqa: BLE001 - handed to `watch`, whose caller logs it
            if not self._failure.done():
                self._failure.set_exception(error)

    def _read(self) -> None:
        """Read a bounded number of entries; the event loop calls again while more wait."""
        self._read_errors()
        self._read_answers(_BATCH)
        self._arm()

    def _read_answers(self, most: int) -> None:
        for _ in range(most):
            try:
                datagram = self._port.receive()
                if datagram is None:
                    return
                message = self._dialect.answer(datagram.octets)
            except WireError:
                self.garbage += 1
                continue
            self._take(message, datagram.source, datagram.stamp_ns, datagram.ttl)

    def _read_errors(self, most: int = _BATCH) -> None:
        for _ in range(most):
            try:
                entry = self._port.receive_error()
                match entry:
                    case None:
                        return
                    case TransmitStamp():
                        self._tell(self._flight.stamped(entry.number, entry.stamp_ns))
                    case Notice():
                        self._take_notice(entry)
            except WireError:
                self.garbage += 1

    def _take_notice(self, notice: Notice) -> None:
        message = self._dialect.notice(notice)
        if message is not None:
            self._take(message, notice.source, notice.stamp_ns, notice.ttl)

    def _take(self, message: Message, source: str, stamp_ns: int | None, ttl: int | None) -> None:
        read = self._clock.instant()
        answer = Answer(message=message, source=source, stamp_ns=stamp_ns, ttl=ttl, read=read)
        self._tell(self._flight.answered(answer))

    def _tell(self, landing: Landing | Doubt | None) -> None:
        if landing is not None:
            self._land(landing)

    def _arm(self) -> None:
        """Set the timer for the next deadline, unless it is set for that one or an earlier."""
        next_ns = self._flight.next_ns()
        if next_ns is None or (self._timer is not None and self._timer_ns <= next_ns):
            return
        if self._timer is not None:
            self._timer.cancel()
        delay_s = (next_ns - self._clock.monotonic_ns()) / _NS_PER_S
        self._timer_ns = next_ns
        self._timer = self._loop.call_later(
            max(delay_s, _SETTLE_EVERY_S), self._guarded, self._settle
        )

    def _settle(self) -> None:
        self._timer = None
        self.turn()
        self._arm()


def _dialect(
    port: DatagramPort, family: Family, protocol: Protocol, token: bytes, text: bytes
) -> Dialect:
    if protocol is Protocol.UDP:
        return udp.UdpDialect(family=family, token=token, text=text)
    return icmp.EchoDialect(family=family, identifier=port.identifier, token=token, text=text)


def _unsent(handle: object, address: str, at: Instant) -> Landing:
    return Landing(
        handle=handle, address=address, outcome=Outcome.SEND_FAILED, sent_wall_ns=at.wall_ns
    )
