"""Homes of the lab on a wire that answers every echo request at once: no routers, no delay."""

import contextlib
import json
import subprocess
from collections.abc import Iterator

from tests.fakes.lab_process import Lab, require, somebody

_MIRROR = """
import json, os, select, sys
from deploy.lab import icmp, packets
from deploy.lab.namespaces import Home, open_sites

sites = open_sites([Home(name, tuple(own)) for name, own in json.loads(sys.argv[2])], sys.argv[1])
process = f"/proc/{os.getpid()}"
user = f"{process}/ns/user" if sys.argv[3] else None
print(json.dumps({"mode": sys.argv[1], "namespaces": {
    site.home.name: {"netns": f"{process}/fd/{site.descriptor}", "userns": user} for site in sites
}}), flush=True)
others = []
ports = [site.port for site in sites]
while sys.stdin not in (readable := select.select([sys.stdin, *ports], [], [])[0]):
    for port in readable:
        for _, packet in port.receive():
            header = packets.parse(packet)
            if icmp.is_echo_request(packet, header):
                port.send(icmp.echo_reply(packet, header, 64))
            else:
                others.append(packet.hex())
print(json.dumps(others))
"""


class Mirror(Lab):
    """A wire that is ready."""

    def others(self) -> list[str]:
        """End the wire; return in hexadecimal every packet that was no echo request."""
        out, _ = self.child.communicate("\n", timeout=10)
        found: list[str] = json.loads(out)
        return found


@contextlib.contextmanager
def mirror(
    homes: list[tuple[str, list[str]]], mode: str, *, nobody: bool = False
) -> Iterator[Mirror]:
    """Open `homes` (name, addresses); as nobody within a user namespace where `nobody`."""
    with somebody(nobody=nobody) as user:
        inside = [require("unshare", "util-linux"), "-Urn"] if nobody else []
        python = [*user.python[:-1], *inside, user.python[-1]]
        own_namespace = "yes" if nobody else ""
        child = subprocess.Popen(
            [*python, "-c", _MIRROR, mode, json.dumps(homes), own_namespace],
            cwd=user.folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            yield Mirror(child, user)
        finally:
            child.kill()
            child.communicate()
