"""Shell: where packets enter and leave the box: a TUN descriptor or one end of a veth pair.

Rules
- A port gives each packet with the time it came, on the monotonic clock: the kernel's stamp
  where there is one (veth), the time of reading otherwise (TUN).
- Reading never blocks; a packet the kernel cannot take now is lost, as on a full wire.
"""

import contextlib
import os
import socket
import struct
from typing import Protocol

from deploy.lab import clock

OCTETS_MAX = 65_535
ETHERNET_OCTETS = 14
ETH_P_IP = 0x0800
_BATCH = 64
_TIMESPEC = struct.Struct("@ll")
_SO_TIMESTAMPNS = 35
_SOL_PACKET = 263
_PACKET_QDISC_BYPASS = 20
_RECEIVE_BUFFER_OCTETS = 4 << 20


class Port(Protocol):
    """One wire between an agent's namespace and the box."""

    name: str

    def fileno(self) -> int:
        """Return the descriptor that is readable when packets wait."""
        ...

    def receive(self) -> list[tuple[int, bytes]]:
        """Take the packets that wait, at most a batch, each with its arrival in ns."""
        ...

    def send(self, packet: bytes) -> None:
        """Hand `packet` to the agent's namespace."""
        ...

    def close(self) -> None:
        """Give the descriptor back; the device goes with it."""
        ...


class TunPort:
    """A TUN device without packet information; its descriptor lives in this process."""

    def __init__(self, name: str, descriptor: int) -> None:
        """Own `descriptor`, which must be non-blocking."""
        self.name = name
        self._descriptor = descriptor

    def fileno(self) -> int:
        """Return the TUN descriptor."""
        return self._descriptor

    def receive(self) -> list[tuple[int, bytes]]:
        """Read what waits; the arrival is the time of reading."""
        arrived: list[tuple[int, bytes]] = []
        with contextlib.suppress(BlockingIOError):
            while len(arrived) < _BATCH:
                packet = os.read(self._descriptor, OCTETS_MAX)
                arrived.append((clock.monotonic_ns(), packet))
        return arrived

    def send(self, packet: bytes) -> None:
        """Write one packet."""
        with contextlib.suppress(BlockingIOError):
            os.write(self._descriptor, packet)

    def close(self) -> None:
        """Close the descriptor; the kernel removes the device."""
        os.close(self._descriptor)


class VethPort:
    """The box's end of a veth pair, read and written through AF_PACKET."""

    def __init__(self, name: str, device: str, agent_mac: bytes) -> None:
        """Bind to `device` in the present network namespace; frames go to `agent_mac`."""
        self.name = name
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER_OCTETS)
        self._socket.setsockopt(_SOL_PACKET, _PACKET_QDISC_BYPASS, 1)
        self._socket.setblocking(False)
        self._socket.bind((device, ETH_P_IP))
        self._header = agent_mac + agent_mac + struct.pack("!H", ETH_P_IP)

    def fileno(self) -> int:
        """Return the descriptor of the packet socket."""
        return self._socket.fileno()

    def receive(self) -> list[tuple[int, bytes]]:
        """Read what waits; the arrival is the kernel's stamp."""
        offset_ns = clock.wall_minus_monotonic_ns()
        arrived: list[tuple[int, bytes]] = []
        with contextlib.suppress(BlockingIOError):
            while len(arrived) < _BATCH:
                frame, ancillary, _, _ = self._socket.recvmsg(OCTETS_MAX, 64)
                seconds, nanoseconds = _TIMESPEC.unpack(ancillary[0][2])
                stamp_ns = seconds * clock.NS_PER_S + nanoseconds - offset_ns
                arrived.append((stamp_ns, frame[ETHERNET_OCTETS:]))
        return arrived

    def send(self, packet: bytes) -> None:
        """Send one packet as an Ethernet frame."""
        with contextlib.suppress(BlockingIOError):
            self._socket.send(self._header + packet)

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()
