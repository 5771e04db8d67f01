"""Words: what the sockets of probing deliver, and the ports through which probing uses them."""

from enum import StrEnum
from typing import Protocol

import msgspec

from agent.records import Family, StackEntry
from agent.records import Protocol as ProbeProtocol


class Rung(StrEnum):
    """What the kernel allowed."""

    RAW = "raw"
    PING = "ping"
    UDP = "udp"
    """A UDP socket with its error queue, which needs no privilege."""


class Datagram(msgspec.Struct, frozen=True, kw_only=True):
    """A message that came in, without its IP header."""

    octets: bytes
    source: str
    stamp_ns: int | None
    """Kernel receive stamp, nanoseconds since the epoch."""
    ttl: int | None
    """TTL or hop limit."""


class TransmitStamp(msgspec.Struct, frozen=True, kw_only=True):
    """The moment at which packet number `number` left the kernel."""

    number: int
    stamp_ns: int


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """An ICMP error about a probe, as the error queue of a ping or UDP socket shows it."""

    type: int
    code: int
    source: str
    destination: str
    quote: bytes
    """The probe as far as the error quoted it: an echo request from its ICMP header on, a
    datagram from its payload on; and what the error carries behind it."""
    extension_at: int = 0
    """Where in `quote` the error says that its extension begins (RFC 4884); 0, it says nothing."""
    stamp_ns: int | None
    ttl: int | None


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """An answer: an echo reply, or an error that quotes the probe it answers.

    In an error, identifier, sequence, payload and destination are those of the quoted probe;
    an echo reply has no destination. A quote may be cut: its payload is then short or empty.
    """

    type: int
    code: int
    identifier: int
    sequence: int | None
    """None where a quote is too short to hold it."""
    payload: bytes
    destination: str | None = None
    mpls: tuple[StackEntry, ...] = ()
    """The label stack in the error's extension."""


class DatagramPort(Protocol):
    """A non-blocking socket whose packets are stamped by the kernel."""

    @property
    def rung(self) -> Rung:
        """Return which rung of the ladder this is."""

    @property
    def identifier(self) -> int:
        """Return what tells this socket's packets: the identifier of echoes, the source port."""

    def fileno(self) -> int:
        """Return the descriptor to wait on."""

    def send(self, octets: bytes, address: str, ttl: int | None, label: int = 0) -> int:
        """Send one message and return the number of its transmit stamp.

        `label` is its IPv6 flow label, 0: the kernel's own for the socket.

        Raises:
            OSError: the host did not send it; all earlier numbers are void from now on.
        """

    def receive(self) -> Datagram | None:
        """Take one message; None where none waits. Raises: WireError for garbage."""

    def receive_error(self) -> TransmitStamp | Notice | None:
        """Take one entry of the error queue; None where none waits. Raises: WireError."""

    def close(self) -> None:
        """Close the socket."""


class OpenPort(Protocol):
    """Opens a port: `sockets.open_port`, or a fake of it."""

    def __call__(
        self,
        identifier: int,
        family: Family = 4,
        protocol: ProbeProtocol = ProbeProtocol.ICMP,
    ) -> DatagramPort:
        """Open one; `identifier` is that of echoes where the caller may choose it."""


class Dialect(Protocol):
    """How the probes of one socket are written and their answers read."""

    @property
    def identifier(self) -> int:
        """Return what the messages about our probes name as identifier."""

    def request(self, sequence: int, flow: int) -> bytes:
        """Build one probe."""

    def label(self, flow: int) -> int:
        """Return the IPv6 flow label of a flow; 0 where the kernel tells flows apart by itself."""

    def answer(self, octets: bytes) -> Message:
        """Read what the socket received. Raises: WireError."""

    def notice(self, notice: Notice) -> Message | None:
        """Read an error from the queue; None where it answers no probe. Raises: WireError."""
