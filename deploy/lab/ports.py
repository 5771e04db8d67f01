"""Shell: where packets enter and leave the box: a TUN device or one end of a veth pair.

Rules
- A port gives each packet with the kernel's stamp of when the agent's host sent it: an emulator
  that takes its own reading for it adds its wake-up time to every RTT (measured: 0.08 ms).
- A TUN descriptor has no stamps, so that a packet socket on the same device gives the packets
  and the descriptor is read only to empty it.
- Nothing blocks; a packet the kernel cannot take now is lost, as on a full wire or one cut off:
  the agent's host may take its device down and up again.
"""

import contextlib
import errno
import os
import socket
import struct
from typing import Protocol

from deploy.lab.packets import SIX
from deploy.lab.ring import Ring

ETH_P_IP = 0x0800
ETH_P_IPV6 = 0x86DD
ETH_P_ALL = 0x0003
_OCTETS_MAX = 65_535
_SOL_PACKET = 263
_PACKET_QDISC_BYPASS = 20
_LOST = {errno.EAGAIN, errno.ENOBUFS, errno.ENETDOWN, errno.EIO}
"""What the kernel answers where a queue is full or a device is down."""


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


class TunPort:
    """A TUN device without packet information, watched by a packet socket."""

    def __init__(self, name: str, device: str, descriptor: int) -> None:
        """Own the non-blocking `descriptor` of `device`, a device of the present namespace."""
        self.name = name
        self._descriptor = descriptor
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        self._ring = Ring(self._socket, outgoing=True)
        self._socket.bind((device, ETH_P_ALL))

    def fileno(self) -> int:
        """Return the descriptor of the packet socket."""
        return self._socket.fileno()

    def receive(self) -> list[tuple[int, bytes]]:
        """Take what the host sent; empty the device's queue of the same."""
        arrived = self._ring.receive()
        with contextlib.suppress(BlockingIOError):
            while os.read(self._descriptor, _OCTETS_MAX):
                pass
        return arrived

    def send(self, packet: bytes) -> None:
        """Write one packet to the device."""
        try:
            os.write(self._descriptor, packet)
        except OSError as error:
            if error.errno not in _LOST:
                raise


class VethPort:
    """The box's end of a veth pair, read and written through AF_PACKET."""

    def __init__(self, name: str, device: str, agent_mac: bytes) -> None:
        """Bind to `device` of the present network namespace; frames go to `agent_mac`."""
        self.name = name
        self._header_4, self._header_6 = (
            agent_mac + agent_mac + struct.pack("!H", kind) for kind in (ETH_P_IP, ETH_P_IPV6)
        )
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        self._ring = Ring(self._socket, outgoing=False)
        self._socket.setsockopt(_SOL_PACKET, _PACKET_QDISC_BYPASS, 1)
        self._socket.settimeout(0)
        self._socket.bind((device, ETH_P_ALL))

    def fileno(self) -> int:
        """Return the descriptor of the packet socket."""
        return self._socket.fileno()

    def receive(self) -> list[tuple[int, bytes]]:
        """Take what came over the pair."""
        return self._ring.receive()

    def send(self, packet: bytes) -> None:
        """Send one packet as an Ethernet frame of its version."""
        header = self._header_6 if packet[0] >> 4 == SIX else self._header_4
        try:
            self._socket.send(header + packet)
        except OSError as error:
            if error.errno not in _LOST:
                raise
