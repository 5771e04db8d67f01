"""Shell: packets of one device, read from a memory ring shared with the kernel (TPACKET_V2).

One frame of the ring (Linux, Documentation/networking/packet_mmap):

 0 status     4 length    8 captured   12 offset of link header   14 offset of IP header
16 seconds   20 nanoseconds            24 VLAN, padding
32 sockaddr_ll: family, protocol, interface, hardware type, packet type (octet 10), ...

Rules
- A frame belongs to the kernel while its status is 0, and to this process until it says 0 again.
- Stamps are wall times of the kernel; the ring gives them back on the monotonic clock.
- A device that went down leaves an error in the socket, which then is readable for ever: who
  finds nothing in the ring takes the error away.
"""

import mmap
import socket
import struct

from deploy.lab import clock

FRAME_OCTETS = 2048
FRAMES = 1024
_BLOCK_OCTETS = 1 << 16
_BATCH = 64
_HEADER = struct.Struct("=IIIHHII")
_STATUS = struct.Struct("=I")
_ADDRESS_OFFSET = 32
_PACKET_TYPE_OFFSET = _ADDRESS_OFFSET + 10
_SOL_PACKET = 263
_PACKET_RX_RING = 5
_PACKET_VERSION = 10
_TPACKET_V2 = 1


class Ring:
    """The receiving ring of one packet socket."""

    def __init__(self, sock: socket.socket, *, outgoing: bool) -> None:
        """Attach a ring to `sock` before it is bound.

        `outgoing` selects the packets that this host sends through the device, otherwise those
        that it receives.
        """
        self._socket = sock
        self._outgoing = outgoing
        self._next = 0
        sock.setsockopt(_SOL_PACKET, _PACKET_VERSION, _TPACKET_V2)
        size = FRAMES * FRAME_OCTETS
        request = struct.pack("=IIII", _BLOCK_OCTETS, size // _BLOCK_OCTETS, FRAME_OCTETS, FRAMES)
        sock.setsockopt(_SOL_PACKET, _PACKET_RX_RING, request)
        self._memory = mmap.mmap(sock.fileno(), size)

    def receive(self) -> list[tuple[int, bytes]]:
        """Take the packets that wait, at most a batch: (arrival in ns, IP packet)."""
        offset_ns = clock.wall_minus_monotonic_ns()
        arrived: list[tuple[int, bytes]] = []
        memory = self._memory
        for _ in range(_BATCH):
            start = self._next * FRAME_OCTETS
            status, _, captured, link, network, seconds, nanoseconds = _HEADER.unpack_from(
                memory, start
            )
            if not status:
                break
            if (memory[start + _PACKET_TYPE_OFFSET] == socket.PACKET_OUTGOING) == self._outgoing:
                packet = memory[start + network : start + link + captured]
                stamp_ns = seconds * clock.NS_PER_S + nanoseconds - offset_ns
                arrived.append((stamp_ns, packet))
            _STATUS.pack_into(memory, start, 0)
            self._next = (self._next + 1) % FRAMES
        if not arrived:
            self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        return arrived
