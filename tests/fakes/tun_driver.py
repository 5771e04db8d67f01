"""A program: a network of two routers and a target behind a TUN device, for one command.

    python -m tests.fakes.tun_driver FORM LABEL... -- COMMAND...

Where `BORNE_TUN_LOG` names a file, flow label, protocol and the payload's first octets of each
packet over IPv6 are written there, as hex, one packet a line.

Run it in user and network namespaces of its own. It answers whatever `COMMAND` sends to the
targets with the bytes of the lab's routers; the second router adds a label stack in one FORM:

    announced  the error says where its extension begins, behind 144 octets, and the extension
               has no checksum (RFC 4884 sections 4 and 7)
    implied    the extension stands behind 128 octets and nothing says so (section 5.5)
    short      no extension, and a quote that ends 8 octets behind the IP header (RFC 792)
"""

import fcntl
import os
import struct
import subprocess
import sys
import threading
from pathlib import Path

from deploy.lab import icmp, packets
from tests.fakes.agent_probing import extension, packed

TARGETS = {4: "203.0.113.9", 6: "2001:db8:9::9"}
ROUTERS = {4: ("198.51.100.1", "198.51.100.2"), 6: ("2001:db8:1::1", "2001:db8:1::2")}
OWN = {4: "192.0.2.1", 6: "2001:db8::1"}
_TUNSETIFF, _TUN, _PLAIN = 0x400454CA, 0x0001, 0x1000
_SET_UP = (
    "ip link set lo up",
    "ip link set box up",
    f"ip addr add {OWN[4]}/32 dev box",
    f"ip -6 addr add {OWN[6]}/128 dev box nodad",
    f"ip route add default dev box src {OWN[4]}",
    f"ip -6 route add default dev box src {OWN[6]}",
    "sysctl -qw net.ipv4.ping_group_range=0 0",
)


def opened() -> int:
    """Make the device and its addresses."""
    descriptor = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(descriptor, _TUNSETIFF, struct.pack("16sH22x", b"box", _TUN | _PLAIN))
    for line in _SET_UP:
        words = line.split(maxsplit=2 if line.startswith("sysctl") else -1)
        subprocess.run(words, check=True, env={"PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"})
    return descriptor


def error(form: str, packet: bytes, family: int, labels: list[tuple[int, int, int]]) -> bytes:
    """Build the answer of the second router."""
    router = packed(ROUTERS[family][1])
    what = {4: (11, 0), 6: (3, 0)}[family]
    last = len(labels) - 1
    entries = [(label, tc, int(n == last), ttl) for n, (label, tc, ttl) in enumerate(labels)]
    rest = bytes(4)
    if form == "announced":
        quote = packet.ljust(144, b"\0") + extension(*entries, checksum=False)
        rest = {4: bytes((0, 144 // 4, 0, 0)), 6: bytes((144 // 8, 0, 0, 0))}[family]
    elif form == "implied":
        quote = packet[:128].ljust(128, b"\0") + extension(*entries)
    else:
        quote = packet[: {4: 28, 6: 48}[family]]
    return icmp.icmp(router, packed(OWN[family]), 60, what, rest, quote)


def answer(form: str, packet: bytes, labels: list[tuple[int, int, int]]) -> bytes | None:
    """Say what comes back for a packet."""
    header = packets.parse(packet)
    if header.destination not in map(packed, TARGETS.values()):
        return None
    family = header.version
    if header.ttl == 1:
        router = packed(ROUTERS[family][0])
        return icmp.icmp_error(icmp.IcmpError.TTL_EXCEEDED, router, packet, 61)
    if header.ttl == 2:
        return error(form, packet, family, labels)
    if icmp.is_echo_request(packet, header):
        return icmp.echo_reply(packet, header, 59)
    kind = icmp.IcmpError.PORT_UNREACHABLE
    return icmp.icmp_error(kind, header.destination, packet, 59)


def answer_for_ever(descriptor: int, form: str, labels: list[tuple[int, int, int]]) -> None:
    """Answer until the program ends."""
    log = os.environ.get("BORNE_TUN_LOG")
    while True:
        packet = os.read(descriptor, 2048)
        if log and packet[0] >> 4 == 6:
            with Path(log).open("a", encoding="ascii") as file:
                file.write(f"{packet[1:4].hex()[1:]} {packet[6]} {packet[40:44].hex()}\n")
        found = answer(form, packet, labels)
        if found is not None:
            os.write(descriptor, found)


def main() -> int:
    """Play the network while the command runs; return its exit code."""
    at = sys.argv.index("--")
    labels = [(int(a), int(b), int(c)) for a, b, c in (x.split("/") for x in sys.argv[2:at])]
    arguments = (opened(), sys.argv[1], labels)
    threading.Thread(target=answer_for_ever, args=arguments, daemon=True).start()
    return subprocess.run(sys.argv[at + 1 :]).returncode


if __name__ == "__main__":
    sys.exit(main())
