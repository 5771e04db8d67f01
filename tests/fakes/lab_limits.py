"""How many ICMP errors this machine's own kernel sends: the original of the lab's token buckets."""

import json
import subprocess
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from tests.fakes.lab_process import require, somebody

_KERNEL = """
import json, select, sys, time
from ipaddress import ip_address
from pathlib import Path
from deploy.lab import kernel, packets, transport
from deploy.lab.namespaces import Home, open_sites

settings, schedule_s = json.loads(sys.argv[1])
host = ip_address("192.0.2.10").packed
(site,) = open_sites([Home("host", ("192.0.2.10",))], "veth")
kernel.setns(site.descriptor, kernel.CLONE_NEWNET)
for name, value in settings.items():
    Path("/proc/sys/net/ipv4", name).write_text(str(value))

def ports_of_errors(patience_s):
    while select.select([site.port], [], [], patience_s)[0]:
        for _, packet in site.port.receive():
            if packets.parse(packet).protocol == packets.ICMP:
                yield int.from_bytes(packet[48:50], "big")

asked, answered, began_s = [], set(), time.monotonic()
for number, (at_s, peer) in enumerate(schedule_s):
    time.sleep(max(0, began_s + at_s - time.monotonic()))
    words = transport.Datagram(1000 + number, 9, b"")
    asked.append(time.monotonic_ns())
    site.port.send(transport.udp(ip_address(peer).packed, host, 64, words))
    answered |= set(ports_of_errors(0))
answered |= set(ports_of_errors(0.2))
print(json.dumps([[at_ns, 1000 + n in answered] for n, at_ns in enumerate(asked)]))
"""


class Asked(NamedTuple):
    """A datagram to a closed port: when it was sent, and whether the kernel answered."""

    at_ns: int
    answered: bool


def ask_the_kernel(
    settings: Mapping[str, int], schedule_s: Sequence[tuple[float, str]]
) -> list[Asked]:
    """Send datagrams to a kernel of its own, each at its second and from its peer.

    `settings` are those of `/proc/sys/net/ipv4` in that kernel's namespace.
    """
    with somebody(nobody=True) as user:
        inside = [*user.python[:-1], require("unshare", "util-linux"), "-Urn", user.python[-1]]
        ended = subprocess.run(
            [*inside, "-c", _KERNEL, json.dumps([settings, schedule_s])],
            cwd=user.folder,
            capture_output=True,
            text=True,
            timeout=30,
        )
        assert ended.returncode == 0, ended.stderr
    return [Asked(at_ns, answered) for at_ns, answered in json.loads(ended.stdout)]
