"""Shell: opens the sockets of probing; the only file that sets socket options.

The ladder of privilege for echo requests, tried from the top at every opening:

    raw     SOCK_RAW, ICMP; needs CAP_NET_RAW. Delivers whole ICMP messages, over IPv4 with their
            IP header; a filter in the kernel keeps other programs' ICMP away from us.
    ping    SOCK_DGRAM, ICMP; needs a group in net.ipv4.ping_group_range (which holds for IPv6 as
            well). The kernel chooses the identifier (it is the local port) and delivers ICMP
            errors on the error queue.
    none    PrivilegeError, which names both fixes.

    udp     SOCK_DGRAM, UDP, for traces by datagrams; needs nothing. Errors on the error queue.

Beside it stands `open_stream`, for pings by a TCP handshake, which need no privilege either.

Rules
- Transmit stamps arrive on the error queue of every kind, numbered by the kernel from 0 for each
  packet sent (OPT_ID). Who does not read that queue makes the event loop spin.
- An older kernel may refuse a flow label that nobody leased: then all flows have the kernel's own.
- A failed send may or may not have used up a number: the count is then started anew.
"""

import array
import contextlib
import errno
import os
import socket
import struct
from collections.abc import Mapping
from typing import NamedTuple

from agent import ancillary, filters, icmp, udp
from agent.errors import PrivilegeError
from agent.ports import Datagram, DatagramPort, Notice, Rung, TransmitStamp
from agent.records import IPV6, Family
from agent.records import Protocol as ProbeProtocol

_SO_TIMESTAMPING = 37
_SO_ATTACH_FILTER = 26
_TX_SOFTWARE, _RX_SOFTWARE, _SOFTWARE = 1 << 1, 1 << 3, 1 << 4
_OPT_ID, _OPT_CMSG, _OPT_TSONLY = 1 << 7, 1 << 10, 1 << 11
_STAMPS = _TX_SOFTWARE | _RX_SOFTWARE | _SOFTWARE | _OPT_CMSG | _OPT_TSONLY
_RECEIVE_BUFFER_OCTETS = 4 << 20
_DATAGRAM_OCTETS = 2048
_ANCILLARY_OCTETS = 512
_ID_MASK = 0xFFFFFFFF
_ORIGINS_ICMP = frozenset({ancillary.ORIGIN_ICMP, ancillary.ORIGIN_ICMP6})


_Place = tuple[str, int] | tuple[str, int, int, int]
_PLAIN_PLACE = 2


class _Numbers(NamedTuple):
    """What the kernel calls the options of one family (linux/in.h, linux/in6.h)."""

    kind: socket.AddressFamily
    icmp: int
    level: int
    errors: int
    """IP_RECVERR."""
    extensions: int
    """IP_RECVERR_RFC4884."""
    ttls: int
    """IP_RECVTTL, IPV6_RECVHOPLIMIT."""
    any: str


_NUMBERS: Mapping[Family, _Numbers] = {
    4: _Numbers(socket.AF_INET, socket.IPPROTO_ICMP, ancillary.SOL_IP, 11, 26, 12, "0.0.0.0"),  # noqa: S104 - the kernel chooses
    6: _Numbers(socket.AF_INET6, socket.IPPROTO_ICMPV6, ancillary.SOL_IPV6, 25, 31, 51, "::"),
}
_IPV6_V6ONLY = 26
_IPV6_FLOWINFO_SEND = 33
_RESET_AT_ONCE = struct.pack("@ii", 1, 0)
"""SO_LINGER of no seconds."""
_TCP_INFO_OCTETS = 256


def open_port(
    identifier: int,
    family: Family = 4,
    protocol: ProbeProtocol = ProbeProtocol.ICMP,
) -> DatagramPort:
    """Open the highest rung that the kernel allows for echo requests, or a port for datagrams.

    A raw socket carries `identifier` (1 to 65535); for a ping socket the kernel chooses one, and
    for datagrams the source port. A family that this kernel does not have opens a port on which
    every sending fails.

    Raises:
        PrivilegeError: neither rung is allowed.
    """
    try:
        if protocol is ProbeProtocol.UDP:
            return _Port(Rung.UDP, family, 0)
        return _open_echoes(identifier, family)
    except OSError as error:
        if error.errno != errno.EAFNOSUPPORT:
            raise
        return _Absent(Rung.UDP if protocol is ProbeProtocol.UDP else Rung.PING, identifier)


def open_stream(family: Family) -> socket.socket:
    """Open a non-blocking TCP socket that resets its connection when it is closed.

    So nothing is left open at the other end, and no socket lingers in TIME_WAIT here.

    Raises:
        OSError: this kernel lacks the family, or has no descriptor left.
    """
    stream = socket.socket(_NUMBERS[family].kind, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_AT_ONCE)
    return stream


def tcp_info(stream: socket.socket) -> bytes:
    """Return what the kernel tells of a TCP socket, to read with `agent.tcp`."""
    return stream.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO_OCTETS)


def _open_echoes(identifier: int, family: Family) -> DatagramPort:
    with contextlib.suppress(PermissionError):
        return _Port(Rung.RAW, family, identifier)
    try:
        return _Port(Rung.PING, family, identifier)
    except PermissionError as error:
        raise PrivilegeError(
            "open an ICMP socket: the kernel allows neither a raw socket nor a ping socket; "
            "grant CAP_NET_RAW (systemd: AmbientCapabilities=CAP_NET_RAW; a program file: "
            "setcap cap_net_raw+ep FILE) or allow ping sockets: "
            'sysctl net.ipv4.ping_group_range="0 2147483647"'
        ) from error


class _Absent:
    """A port of a family that this kernel does not have: nothing can be sent or comes in."""

    def __init__(self, rung: Rung, identifier: int) -> None:
        self.rung = rung
        self.identifier = identifier
        self._event = os.eventfd(0, os.EFD_NONBLOCK)

    def fileno(self) -> int:
        """Return the descriptor to wait on."""
        return self._event

    def send(self, _octets: bytes, address: str, _ttl: int | None, _label: int = 0) -> int:
        """Fail."""
        raise OSError(errno.EAFNOSUPPORT, f"send to {address}: this kernel lacks its family")

    def receive(self) -> Datagram | None:
        """Take one message; None where none waits."""
        return None

    def receive_error(self) -> TransmitStamp | Notice | None:
        """Take one entry of the error queue."""
        return None

    def close(self) -> None:
        """Close the socket."""
        os.close(self._event)


class _Port:
    """Every rung: they differ in what they deliver, not in how they are used."""

    def __init__(self, rung: Rung, family: Family, identifier: int) -> None:
        self._rung = rung
        self._family = family
        self._numbers = numbers = _NUMBERS[family]
        kind = socket.SOCK_RAW if rung is Rung.RAW else socket.SOCK_DGRAM
        protocol = socket.IPPROTO_UDP if rung is Rung.UDP else numbers.icmp
        self._socket = socket.socket(numbers.kind, kind | socket.SOCK_NONBLOCK, protocol)
        try:
            self._identifier = self._claim(identifier)
            self._number = 0
            self._labels = family == IPV6
            self._set_options()
        except BaseException:
            self._socket.close()
            raise

    def _claim(self, identifier: int) -> int:
        """Make the kernel deliver what carries our identifier or port, and nothing else."""
        if self._rung is Rung.RAW:
            _attach_filter(self._socket, self._family, identifier)
            return identifier
        # Ping sockets share an identifier unless told otherwise, and one of them gets all answers.
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
        if self._family == IPV6:
            self._socket.setsockopt(ancillary.SOL_IPV6, _IPV6_V6ONLY, 1)
        self._socket.bind((self._numbers.any, 0))
        return int(self._socket.getsockname()[1])

    def _set_options(self) -> None:
        level = self._numbers.level
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER_OCTETS)
        self._socket.setsockopt(level, self._numbers.ttls, 1)
        if self._labels:
            self._socket.setsockopt(level, _IPV6_FLOWINFO_SEND, 1)
        if self._rung is not Rung.RAW:
            # A raw socket gets ICMP errors as ordinary messages, in full.
            self._socket.setsockopt(level, self._numbers.errors, 1)
            self._socket.setsockopt(level, self._numbers.extensions, 1)
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
        """Return the identifier of this socket's echoes, or its source port."""
        return self._identifier

    def fileno(self) -> int:
        """Return the descriptor to wait on."""
        return self._socket.fileno()

    def send(self, octets: bytes, address: str, ttl: int | None, label: int = 0) -> int:
        """Send one message and return the number of its transmit stamp.

        All but raw sockets report an ICMP error that came in as the failure of the next call,
        once: it is taken off before, and where one came in between, the packet is sent again.
        """
        beside = [] if ttl is None else [ancillary.ttl_message(ttl, self._family)]
        place = self._place(address, label)
        if self._rung is not Rung.RAW:
            self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        try:
            self._socket.sendmsg([octets], beside, 0, place)
        except OSError as error:
            self._count_from_zero()
            if error.errno == errno.EINVAL and len(place) > _PLAIN_PLACE:
                self._labels = False
            elif self._rung is Rung.RAW:
                raise
            self._send_again(octets, self._place(address, label), beside)
        number = self._number
        self._number = (number + 1) & _ID_MASK
        return number

    def _place(self, address: str, label: int) -> _Place:
        """Return where a packet goes, under which flow label."""
        if label and self._labels:
            return address, 0, label, 0
        return address, udp.DESTINATION_PORT if self._rung is Rung.UDP else 0

    def _send_again(
        self, octets: bytes, place: _Place, beside: list[ancillary.ControlMessage]
    ) -> None:
        try:
            self._socket.sendmsg([octets], beside, 0, place)
        except OSError:
            self._count_from_zero()
            raise

    def receive(self) -> Datagram | None:
        """Take one message; None where none waits. Raises: WireError for garbage."""
        if self._rung is not Rung.RAW:
            # An ICMP error would fail this call as well; the error queue tells it in full.
            self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        try:
            octets, messages, _, sender = self._socket.recvmsg(_DATAGRAM_OCTETS, _ANCILLARY_OCTETS)
        except OSError:
            # Nothing waits; or an error came in just now: it is taken off, the caller asks again.
            return None
        beside = ancillary.parse(messages)
        if self._rung is not Rung.RAW or self._family == IPV6:
            return Datagram(
                octets=octets, source=_plain(sender), stamp_ns=beside.stamp_ns, ttl=beside.ttl
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
            found = _entry(octets, beside, _plain(sender))
            if found is not None:
                return found

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()


def _plain(sender: tuple[object, ...] | None) -> str:
    """Return an address without the interface that Python adds to link-local ones."""
    return "" if not sender else str(sender[0]).partition("%")[0]


def _entry(
    octets: bytes, beside: ancillary.Ancillary, destination: str
) -> TransmitStamp | Notice | None:
    """Say what an entry of the error queue is; None for what is neither of the two."""
    error = beside.error
    if error is None:
        return None
    if error.origin == ancillary.ORIGIN_TIMESTAMPING and beside.stamp_ns is not None:
        return TransmitStamp(number=error.data, stamp_ns=beside.stamp_ns)
    if error.origin in _ORIGINS_ICMP and error.offender is not None:
        return Notice(
            type=error.type,
            code=error.code,
            source=error.offender,
            destination=destination,
            quote=octets,
            extension_at=error.data,
            stamp_ns=beside.stamp_ns,
            ttl=beside.ttl,
        )
    return None


def _attach_filter(raw: socket.socket, family: Family, identifier: int) -> None:
    """Keep other programs' ICMP away: without it every ICMP packet would wake this process."""
    octets = filters.answers(family, identifier)
    kept = array.array("B", octets)
    program = struct.pack("@HP", len(octets) // filters.INSTRUCTION_OCTETS, kept.buffer_info()[0])
    raw.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, program)
