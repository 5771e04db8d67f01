"""Shell: the agents' network namespaces and their one device each.

Rules
- A namespace has no name and no mount: it lives while a descriptor or a process holds it, so
  that it vanishes with this process, however that ends.
- Each holds `lo`, one device `borne0` with the agent's address, and a default route on it;
  nothing else, so that there is no other way out.
- In mode `tun` the device's far end is a descriptor of this process; in mode `veth` it lies in
  one more unnamed namespace, the box's own.
"""

import contextlib
import fcntl
import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple

from pyroute2 import IPRoute
from pyroute2.ethtool.ioctl import IoctlEthtool

from deploy.lab import kernel
from deploy.lab.errors import HostError
from deploy.lab.ports import Port, TunPort, VethPort
from deploy.lab.world import Agent

Mode = Literal["tun", "veth"]
DEVICE = "borne0"
_TUNSETIFF = 0x400454CA
_IFF_TUN_NO_PI = 0x0001 | 0x1000
_OFFLOADS = ("tx-checksumming", "tcp-segmentation-offload", "generic-segmentation-offload")
_OWN_NAMESPACE = "/proc/self/ns/net"
_EVERY_GROUP = "0 2147483647"
_ONLY_ROOT_GROUP = "0 0"


class Site(NamedTuple):
    """One agent's namespace, held open by `descriptor`, and the port into the box."""

    agent: Agent
    descriptor: int
    port: Port


def open_sites(agents: tuple[Agent, ...], mode: Mode) -> list[Site]:
    """Make a namespace with its device for every agent.

    Call it in the main thread, before any other thread exists. The process ends up in the
    namespace it came from; the descriptors close with the process.

    Raises: HostError.
    """
    with _elsewhere(_fresh()) as box:
        opener = _open_tun if mode == "tun" else _open_veth
        return [opener(agent, index, box) for index, agent in enumerate(agents)]


def _fresh() -> int:
    """Make a network namespace and return a descriptor that holds it."""
    home = os.open(_OWN_NAMESPACE, os.O_RDONLY | os.O_CLOEXEC)
    kernel.unshare(kernel.CLONE_NEWNET)
    made = os.open(_OWN_NAMESPACE, os.O_RDONLY | os.O_CLOEXEC)
    kernel.setns(home, kernel.CLONE_NEWNET)
    os.close(home)
    return made


@contextlib.contextmanager
def _elsewhere(namespace: int) -> Iterator[int]:
    """Be in `namespace` for a while."""
    home = os.open(_OWN_NAMESPACE, os.O_RDONLY | os.O_CLOEXEC)
    kernel.setns(namespace, kernel.CLONE_NEWNET)
    try:
        yield namespace
    finally:
        kernel.setns(home, kernel.CLONE_NEWNET)
        os.close(home)


def _open_tun(agent: Agent, _: int, __: int) -> Site:
    namespace = _fresh()
    with _elsewhere(namespace):
        descriptor = _tun_device()
        _furnish(agent)
        # A packet socket on a device that is down stays in error, and for ever readable.
        port = TunPort(agent.name, DEVICE, descriptor)
    return Site(agent, namespace, port)


def _tun_device() -> int:
    try:
        descriptor = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        fcntl.ioctl(descriptor, _TUNSETIFF, struct.pack("16sH22x", DEVICE.encode(), _IFF_TUN_NO_PI))
    except OSError as error:
        message = f"cannot make a TUN device: {error}; be root, or use --mode veth"
        raise HostError(message) from error
    return descriptor


def _open_veth(agent: Agent, index: int, box: int) -> Site:
    namespace, far_end = _fresh(), f"port{index}"
    with _elsewhere(namespace):
        with IPRoute() as route:
            peer = {"ifname": far_end, "net_ns_fd": box}
            route.link("add", kind="veth", ifname=DEVICE, peer=peer)
            mac = route.link("get", ifname=DEVICE)[0].get("address")
            # Without ARP a frame goes to the device's own address: nobody need be asked.
            route.link("set", ifname=DEVICE, arp=False)
        _without_offload()
        _furnish(agent)
    with IPRoute() as route:
        _no_ipv6()
        route.link("set", ifname=far_end, state="up")
    return Site(
        agent, namespace, VethPort(agent.name, far_end, bytes.fromhex(mac.replace(":", "")))
    )


def _without_offload() -> None:
    """Have the kernel finish checksums and segments itself: nothing behind a veth would."""
    tool = IoctlEthtool(DEVICE)
    try:
        for offload in _OFFLOADS:
            tool.set_offload_flag(offload, 0)
    finally:
        tool.close()


def _furnish(agent: Agent) -> None:
    """Configure the present namespace: loopback, address, default route, ping sockets."""
    _no_ipv6()
    with IPRoute() as route:
        route.link("set", ifname="lo", state="up")
        index = route.link_lookup(ifname=DEVICE)[0]
        route.addr("add", index=index, address=agent.address, prefixlen=32)
        route.link("set", index=index, state="up")
        route.route("add", dst="0.0.0.0/0", oif=index)
    _allow_ping_sockets()


def _no_ipv6() -> None:
    for scope in ("all", "default"):
        switch = Path(f"/proc/sys/net/ipv6/conf/{scope}/disable_ipv6")
        if switch.exists():
            switch.write_text("1")


def _allow_ping_sockets() -> None:
    """Let every group open ping sockets; in a user namespace only the mapped one exists."""
    groups = Path("/proc/sys/net/ipv4/ping_group_range")
    try:
        groups.write_text(_EVERY_GROUP)
    except OSError:
        groups.write_text(_ONLY_ROOT_GROUP)
