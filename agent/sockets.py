"""Shell: opens the sockets of probing; the only file that sets socket options.

The ladder of privilege, tried from the top at every opening:

    raw     SOCK_RAW, ICMP; needs CAP_NET_RAW. Delivers IPv4 headers; a filter in the kernel
            keeps other programs' ICMP away from us.
    ping    SOCK_DGRAM, ICMP; needs a group in net.ipv4.ping_group_range. The kernel chooses the
            identifier (it is the local port) and delivers ICMP errors on the error queue.
    none    PrivilegeError, which names both fixes.

Rules
- Transmit stamps arrive on the error queue of both kinds, numbered by the kernel from 0 for each
  packet sent (OPT_ID). Who does not read that queue makes the event loop spin.
- A failed send may or may not have used up a number: the count is then started anew.
"""

import array
import contextlib
import socket
import struct
from enum import StrEnum
from typing import Protocol

import msgspec

from agent import ancillary, icmp
from agent.errors import PrivilegeError

_SO_TIMESTAMPING = 37
_SO_ATTACH_FILTER = 26
_IP_RECVERR = 11
_IP_RECVTTL = 12
_TX_SOFTWARE, _RX_SOFTWARE, _SOFTWARE = 1 << 1, 1 << 3, 1 << 4
_OPT_ID, _OPT_CMSG, _OPT_TSONLY = 1 << 7, 1 << 10, 1 << 11
_STAMPS = _TX_SOFTWARE | _RX_SOFTWARE | _SOFTWARE | _OPT_CMSG | _OPT_TSONLY
_RECEIVE_BUFFER_OCTETS = 4 << 20
_DATAGRAM_OCTETS = 2048
_ANCILLARY_OCTETS = 512
_ID_MASK = 0xFFFFFFFF


class Rung(StrEnum):
    """What the kernel allowed."""

    RAW = "raw"
    PING = "ping"


class Datagram(msgspec.Struct, frozen=True, kw_only=True):
    """An ICMP message that came in, without its IPv4 header."""

    octets: bytes
    source: str
    stamp_ns: int | None
    """Kernel receive stamp, nanoseconds since the epoch."""
    ttl: int | None


class TransmitStamp(msgspec.Struct, frozen=True, kw_only=True):
    """The moment at which packet number `number` left the kernel."""

    number: int
    stamp_ns: int


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """An ICMP error about a probe, as the error queue of a ping socket shows it."""

    type: int
    code: int
    source: str
    destination: str
    quote: bytes
    """The probe from its ICMP header on, as far as the error quoted it."""
    stamp_ns: int | None
    ttl: int | None


class DatagramPort(Protocol):
    """A non-blocking ICMP socket whose packets are stamped by the kernel."""

    @property
    def rung(self) -> Rung:
        """Return which rung of the ladder this is."""

    @property
    def identifier(self) -> int:
        """Return the identifier that every echo request of this socket must carry."""

    def fileno(self) -> int:
        """Return the descriptor to wait on."""

    def send(self, octets: bytes, address: str, ttl: int | None) -> int:
        """Send one ICMP message and return the number of its transmit stamp.

        Raises:
            OSError: the host did not send it; all earlier numbers are void from now on.
        """

    def receive(self) -> Datagram | None:
        """Take one message; None where none waits. Raises: WireError for garbage."""

    def receive_error(self) -> TransmitStamp | Notice | None:
        """Take one entry of the error queue; None where none waits. Raises: WireError."""

    def close(self) -> None:
        """Close the socket."""


def open_port(identifier: int) -> DatagramPort:
    """Open the highest rung that the kernel allows.

    A raw socket carries `identifier` (1 to 65535); for a ping socket the kernel chooses one.

    Raises:
        PrivilegeError: neither rung is allowed.
    """
    with contextlib.suppress(PermissionError):
        return _Port(Rung.RAW, socket.SOCK_RAW, identifier)
    try:
        return _Port(Rung.PING, socket.SOCK_DGRAM, identifier)
    except PermissionError as error:
        raise PrivilegeError(
            "open an ICMP socket: the kernel allows neither a raw socket nor a ping socket; "
            "grant CAP_NET_RAW (systemd: AmbientCapabilities=CAP_NET_RAW; a program file: "
            "setcap cap_net_raw+ep FILE) or allow ping sockets: "
            'sysctl net.ipv4.ping_group_range="0 2147483647"'
        ) from error


class _Port:
    """Both rungs: they differ in what they deliver, not in how they are used."""

    def __init__(self, rung: Rung, kind: int, identifier: int) -> None:
        self._rung = rung
        self._socket = socket.socket(
            socket.AF_INET, kind | socket.SOCK_NONBLOCK, socket.IPPROTO_ICMP
        )
        try:
            self._identifier = self._claim(identifier)
            self._number = 0
            self._set_options()
        except BaseException:
            self._socket.close()
            raise

    def _claim(self, identifier: int) -> int:
        """Make the kernel deliver what carries our identifier, and nothing else."""
        if self._rung is Rung.RAW:
            _attach_filter(self._socket, identifier)
            return identifier
        # Ping sockets share an identifier unless told otherwise, and one of them gets all answers.
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
        self._socket.bind(("0.0.0.0", 0))  # noqa: S104 - the kernel chooses a free identifier
        return int(self._socket.getsockname()[1])

    def _set_options(self) -> None:
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER_OCTETS)
        self._socket.setsockopt(socket.SOL_IP, _IP_RECVTTL, 1)
        if self._rung is Rung.PING:
            # A raw socket gets ICMP errors as ordinary messages, with their IPv4 header.
            self._socket.setsockopt(socket.SOL_IP, _IP_RECVERR, 1)
        self._count_from_zero()

    def _count_from_zero(self) -> None:
        """Switch OPT_ID off and on: the kernel then numbers the next packet 0."""
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPING, _STAMPS)
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPING, _STAMPS | _OPT_ID)
        self._number = 0

    @property
    def rung(self) -> Rung:
        """Return which rung of the ladder this is."""
        return self._rung

    @property
    def identifier(self) -> int:
        """Return the identifier that every echo request of this socket must carry."""
        return self._identifier

    def fileno(self) -> int:
        """Return the descriptor to wait on."""
        return self._socket.fileno()

    def send(self, octets: bytes, address: str, ttl: int | None) -> int:
        """Send one ICMP message and return the number of its transmit stamp.

        A ping socket reports an ICMP error that came in as the failure of the next call, once:
        it is taken off before, and where one came in between, the packet is sent again.
        """
        beside = [] if ttl is None else [ancillary.ttl_message(ttl)]
        if self._rung is Rung.PING:
            self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        try:
            self._socket.sendmsg([octets], beside, 0, (address, 0))
        except OSError:
            self._count_from_zero()
            if self._rung is Rung.RAW:
                raise
            self._send_again(octets, address, beside)
        number = self._number
        self._number = (number + 1) & _ID_MASK
        return number

    def _send_again(
        self, octets: bytes, address: str, beside: list[ancillary.ControlMessage]
    ) -> None:
        try:
            self._socket.sendmsg([octets], beside, 0, (address, 0))
        except OSError:
            self._count_from_zero()
            raise

    def receive(self) -> Datagram | None:
        """Take one message; None where none waits. Raises: WireError for garbage."""
        if self._rung is Rung.PING:
            # An ICMP error would fail this call as well; the error queue tells it in full.
            self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        try:
            octets, messages, _, sender = self._socket.recvmsg(_DATAGRAM_OCTETS, _ANCILLARY_OCTETS)
        except OSError:
            # Nothing waits; or an error came in just now: it is taken off, the caller asks again.
            return None
        beside = ancillary.parse(messages)
        if self._rung is Rung.PING:
            return Datagram(
                octets=octets, source=str(sender[0]), stamp_ns=beside.stamp_ns, ttl=beside.ttl
            )
        source, ttl, message = icmp.strip_ipv4(octets)
        return Datagram(octets=message, source=source, stamp_ns=beside.stamp_ns, ttl=ttl)

    def receive_error(self) -> TransmitStamp | Notice | None:
        """Take one entry of the error queue; entries of no interest are passed over."""
        while True:
            try:
                octets, messages, _, sender = self._socket.recvmsg(
                    _DATAGRAM_OCTETS, _ANCILLARY_OCTETS, socket.MSG_ERRQUEUE
                )
            except BlockingIOError:
                return None
            beside = ancillary.parse(messages)
            found = _entry(octets, beside, "" if sender is None else str(sender[0]))
            if found is not None:
                return found

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()


def _entry(
    octets: bytes, beside: ancillary.Ancillary, destination: str
) -> TransmitStamp | Notice | None:
    """Say what an entry of the error queue is; None for what is neither of the two."""
    error = beside.error
    if error is None:
        return None
    if error.origin == ancillary.ORIGIN_TIMESTAMPING and beside.stamp_ns is not None:
        return TransmitStamp(number=error.data, stamp_ns=beside.stamp_ns)
    if error.origin == ancillary.ORIGIN_ICMP and error.offender is not None:
        return Notice(
            type=error.type,
            code=error.code,
            source=error.offender,
            destination=destination,
            quote=octets,
            stamp_ns=beside.stamp_ns,
            ttl=beside.ttl,
        )
    return None


def _attach_filter(raw: socket.socket, identifier: int) -> None:
    """Let through echo replies with our identifier, and errors that quote it.

    Classic BPF over the packet from its IPv4 header on; (code, jump if true, jump if false, k).
    Without it every ICMP packet of the host would wake this process.
    """
    code = (
        (0xB1, 0, 0, 0),  # 0: x = octets of the outer header
        (0x50, 0, 0, 0),  # 1: a = ICMP type
        (0x15, 8, 0, icmp.ECHO_REPLY),  # 2: -> 11
        (0x15, 1, 0, icmp.UNREACHABLE),  # 3: -> 5
        (0x15, 0, 8, icmp.TIME_EXCEEDED),  # 4: neither -> 13
        (0x50, 0, 0, 8),  # 5: a = first octet of the quoted header
        (0x54, 0, 0, 0x0F),  # 6: a = its length in words
        (0x64, 0, 0, 2),  # 7: a = its octets
        (0x0C, 0, 0, 0),  # 8: a += x
        (0x04, 0, 0, 8),  # 9: a += the eight octets of the error
        (0x07, 0, 0, 0),  # 10: x = a: where the quoted ICMP header begins
        (0x48, 0, 0, 4),  # 11: a = identifier
        (0x15, 1, 0, identifier),  # 12: ours -> 14
        (0x06, 0, 0, 0),  # 13: drop
        (0x06, 0, 0, 0xFFFFFFFF),  # 14: keep
    )
    octets = b"".join(struct.pack("@HBBI", *instruction) for instruction in code)
    kept = array.array("B", octets)
    program_header = struct.pack("@HP", len(code), kept.buffer_info()[0])
    raw.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, program_header)
