"""Shell: real servers on a real kernel, in one namespace that is every serving host at once.

A packet that the box carries to such a host leaves through the port `servers`, and what that
namespace's kernel says, a segment, a reset from a closed port, comes back through it with the
host's address as its source.

Rules
- The process has the namespace's only sockets: one for each address and port that is served, so
  that two hosts of one namespace serve different things.
- It dies with the lab.
"""

import asyncio
import os
import resource
import socket
import ssl
import subprocess
import sys
from collections.abc import Sequence
from ipaddress import ip_address
from typing import NoReturn

import msgspec

from deploy.lab import certificate, kernel
from deploy.lab.errors import HostError
from deploy.lab.namespaces import Home
from deploy.lab.packets import SIX
from deploy.lab.resolver import Resolver
from deploy.lab.services import DNS_PORT, HTTPS_PORT, PORTS, answer_datagrams, talks
from deploy.lab.world import SERVERS

_BACKLOG = 128


class ServingHost(msgspec.Struct, frozen=True):
    """One host: its addresses of both families, what it serves, and its name where it has one."""

    addresses: tuple[str, ...]
    serves: tuple[str, ...]
    name: str | None = None


class Plan(msgspec.Struct, frozen=True):
    """What a scenario serves: its hosts, and the names that its DNS servers know."""

    hosts: tuple[ServingHost, ...]
    names: dict[str, str]
    only_reverse: tuple[str, ...] = ()

    def home(self) -> Home:
        """Return the namespace to open: every address of every host is local there."""
        return Home(SERVERS, tuple(address for host in self.hosts for address in host.addresses))


class Servers(msgspec.Struct, frozen=True):
    """The servers at work; `certificate` (PEM) is what a client of HTTPS must trust, or None."""

    certificate: str | None


def start(plan: Plan, namespace: int) -> Servers:
    """Start the servers of `plan` in the namespace that the descriptor holds; wait for them.

    Raises: HostError.
    """
    command = [sys.executable, "-m", "deploy.lab.servers", str(namespace), str(os.getpid())]
    child = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        pass_fds=(namespace,),
        start_new_session=True,
    )
    if child.stdin is None or child.stdout is None:
        raise AssertionError
    with child.stdin, child.stdout:
        child.stdin.write(msgspec.json.encode(plan))
        child.stdin.close()
        said = child.stdout.readline()
    if not said:
        message = f"the lab's servers ended with code {child.wait()} before they were ready"
        raise HostError(message)
    return msgspec.json.decode(said, type=Servers)


def main(arguments: Sequence[str]) -> NoReturn:
    """Serve the plan on stdin in the namespace of the descriptor given, until the parent ends."""
    namespace, parent = map(int, arguments)
    try:
        kernel.die_with_parent(parent)
        kernel.setns(namespace, kernel.CLONE_NEWNET)
        asyncio.run(_serve(msgspec.json.decode(sys.stdin.buffer.read(), type=Plan)))
    except (HostError, OSError) as error:
        sys.stderr.write(f"deploy.lab.servers: {error}\n")
        sys.exit(1)
    sys.exit(0)


async def _serve(plan: Plan) -> None:
    hosts = [host for host in plan.hosts if "https" in host.serves]
    made = None
    if hosts:
        names = [host.name for host in hosts if host.name is not None]
        made = certificate.make(names, [one for host in hosts for one in host.addresses])
    resolver = Resolver(plan.names, only_reverse=plan.only_reverse)
    _allow_many_sockets()
    await _listen(plan, resolver, None if made is None else certificate.context(made))
    said = msgspec.json.encode(Servers(None if made is None else made.certificate))
    sys.stdout.buffer.write(said + b"\n")
    sys.stdout.buffer.flush()
    await asyncio.Event().wait()


async def _listen(plan: Plan, resolver: Resolver, tls: ssl.SSLContext | None) -> None:
    loop = asyncio.get_running_loop()
    talk = talks(resolver)
    for host in plan.hosts:
        for address in host.addresses:
            for port in (port for service in host.serves for port in PORTS[service]):
                sock = _bound(address, port, socket.SOCK_STREAM)
                secure = tls if port == HTTPS_PORT else None
                await asyncio.start_server(talk[port], sock=sock, ssl=secure, backlog=_BACKLOG)
                if port == DNS_PORT:
                    box = _bound(address, port, socket.SOCK_DGRAM)
                    box.settimeout(0)
                    loop.add_reader(box, answer_datagrams, box, resolver)


def _bound(address: str, port: int, kind: socket.SocketKind) -> socket.socket:
    """Return a socket of its own for one address: its answers come from there."""
    six = ip_address(address).version == SIX
    sock = socket.socket(socket.AF_INET6 if six else socket.AF_INET, kind)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if six:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    sock.bind((address, port))
    return sock


def _allow_many_sockets() -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


if __name__ == "__main__":
    main(sys.argv[1:])
