"""Homes of the lab on one wire that also answers echoes: no routers, no delay."""

import contextlib
import json
import subprocess
from collections.abc import Iterator

import msgspec

from deploy.lab.servers import Plan
from tests.fakes.lab_process import Lab, require, somebody

_MIRROR = """
import ipaddress, json, os, select, sys
import msgspec
from deploy.lab import icmp, packets, servers
from deploy.lab.namespaces import Home, open_sites

homes = [Home(name, tuple(own)) for name, own in json.loads(sys.argv[2])]
plan = msgspec.json.decode(sys.argv[4], type=servers.Plan) if sys.argv[4] else None
sites = open_sites([*homes, plan.home()] if plan else homes, sys.argv[1])
made = servers.start(plan, sites[-1].descriptor) if plan else None
owners = {
    ipaddress.ip_address(own).packed: site.port for site in sites for own in site.home.addresses
}
process = f"/proc/{os.getpid()}"
user = f"{process}/ns/user" if sys.argv[3] else None
print(json.dumps({"certificate": made and made.certificate, "namespaces": {
    site.home.name: {"netns": f"{process}/fd/{site.descriptor}", "userns": user} for site in sites
}}), flush=True)
others = []
ports = [site.port for site in sites]
while sys.stdin not in (readable := select.select([sys.stdin, *ports], [], [])[0]):
    for port in readable:
        for _, packet in port.receive():
            header = packets.parse(packet)
            if header.destination in owners:
                owners[header.destination].send(packet)
            elif icmp.is_echo_request(packet, header):
                port.send(icmp.echo_reply(packet, header, 64))
            else:
                others.append(packet.hex())
print(json.dumps(others))
"""


class Mirror(Lab):
    """A wire that is ready."""

    def others(self) -> list[str]:
        """End the wire; return in hexadecimal every packet to nobody that was no echo request."""
        out, _ = self.child.communicate("\n", timeout=10)
        found: list[str] = json.loads(out)
        return found


@contextlib.contextmanager
def mirror(
    homes: list[tuple[str, list[str]]], mode: str, plan: Plan | None = None, *, nobody: bool = False
) -> Iterator[Mirror]:
    """Open `homes` (name, addresses), and the servers of `plan` where there is one.

    As nobody within a user namespace where `nobody` says so.
    """
    with somebody(nobody=nobody) as user:
        inside = [require("unshare", "util-linux"), "-Urn"] if nobody else []
        python = [*user.python[:-1], *inside, user.python[-1]]
        own_namespace = "yes" if nobody else ""
        planned = "" if plan is None else msgspec.json.encode(plan).decode()
        child = subprocess.Popen(
            [*python, "-c", _MIRROR, mode, json.dumps(homes), own_namespace, planned],
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
