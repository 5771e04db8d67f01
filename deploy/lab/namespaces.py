"""Shell: the network namespaces of those who live in the box, and their one device each.

Rules
- A namespace has no name and no mount: it lives while a descriptor or a process holds it, so
  that it vanishes with this process, however that ends.
- Each holds `lo`, one device `borne0` with the addresses of its home, and for each family of
  these a default route on it; nothing else, so that there is no other way out.
- The kernel says nothing by itself: the device has no ARP, so that no address is checked and no
  group of neighbours joined, and neither a link-local address nor a wish to know routers.
- In mode `tun` the device's far end is a descriptor of this process; in mode `veth` it lies in
  one more unnamed namespace, the box's own.
- IPv6 is off where no address of a home is of it.
"""

import contextlib
import fcntl
import os
import struct
from collections.abc import Iterator, Sequence
from ipaddress import ip_address
from pathlib import Path
from typing import Literal, NamedTuple

from pyroute2 import IPRoute
from pyroute2.ethtool.ioctl import IoctlEthtool

from deploy.lab import kernel
from deploy.lab.errors import HostError
from deploy.lab.packets import SIX
from deploy.lab.ports import Port, TunPort, VethPort

Mode = Literal["tun", "veth"]
DEVICE = "borne0"
_TUNSETIFF = 0x400454CA
_IFF_TUN_NO_PI = 0x0001 | 0x1000
_OFFLOADS = ("tx-checksumming", "tcp-segmentation-offload", "generic-segmentation-offload")
_OWN_NAMESPACE = "/proc/self/ns/net"
_EVERY_GROUP = "0 2147483647"
_ONLY_ROOT_GROUP = "0 0"
_EVERYWHERE = {4: "0.0.0.0/0", 6: "::/0"}
_QUIET = {"addr_gen_mode": "1", "accept_ra": "0", "router_solicitations": "0", "accept_dad": "0"}
"""No link-local address, no router, no question whether an address is another's."""


class Home(NamedTuple):
    """Who lives in a namespace: a name, and the addresses that are local there."""

    name: str
    addresses: tuple[str, ...]


class Site(NamedTuple):
    """The namespace of a home, held open by `descriptor`, and the port into the box."""

    home: Home
    descriptor: int
    port: Port


def open_sites(homes: Sequence[Home], mode: Mode) -> list[Site]:
    """Make a namespace with its device for every home.

    Call it in the main thread, before any other thread exists. The process ends up in the
    namespace it came from; the descriptors close with the process.

    Raises: HostError.
    """
    with _elsewhere(_fresh()) as box:
        opener = _open_tun if mode == "tun" else _open_veth
        return [opener(home, index, box) for index, home in enumerate(homes)]


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


def _open_tun(home: Home, _: int, __: int) -> Site:
    namespace = _fresh()
    with _elsewhere(namespace):
        descriptor = _tun_device()
        _furnish(home)
        # A packet socket on a device that is down stays in error, and for ever readable.
        port = TunPort(home.name, DEVICE, descriptor)
    return Site(home, namespace, port)


def _tun_device() -> int:
    try:
        descriptor = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        fcntl.ioctl(descriptor, _TUNSETIFF, struct.pack("16sH22x", DEVICE.encode(), _IFF_TUN_NO_PI))
    except OSError as error:
        message = f"cannot make a TUN device: {error}; be root, or use --mode veth"
        raise HostError(message) from error
    return descriptor


def _open_veth(home: Home, index: int, box: int) -> Site:
    namespace, far_end = _fresh(), f"port{index}"
    with _elsewhere(namespace):
        with IPRoute() as route:
            peer = {"ifname": far_end, "net_ns_fd": box}
            route.link("add", kind="veth", ifname=DEVICE, peer=peer)
            mac = route.link("get", ifname=DEVICE)[0].get("address")
            # Without ARP a frame goes to the device's own address: nobody need be asked.
            route.link("set", ifname=DEVICE, arp=False)
        _without_offload()
        _furnish(home)
    with IPRoute() as route:
        _no_ipv6()
        route.link("set", ifname=far_end, state="up")
    return Site(home, namespace, VethPort(home.name, far_end, bytes.fromhex(mac.replace(":", ""))))


def _without_offload() -> None:
    """Have the kernel finish checksums and segments itself: nothing behind a veth would."""
    tool = IoctlEthtool(DEVICE)
    try:
        for offload in _OFFLOADS:
            tool.set_offload_flag(offload, 0)
    finally:
        tool.close()


def _furnish(home: Home) -> None:
    """Configure the present namespace: loopback, addresses, default routes, ping sockets."""
    addresses = [ip_address(address) for address in home.addresses]
    families = {address.version for address in addresses}
    if SIX in families:
        _quiet_ipv6()
    else:
        _no_ipv6()
    with IPRoute() as route:
        route.link("set", ifname="lo", state="up")
        index = route.link_lookup(ifname=DEVICE)[0]
        for address in addresses:
            length = address.max_prefixlen
            route.addr("add", index=index, address=str(address), prefixlen=length)
        route.link("set", index=index, state="up")
        for version in sorted(families):
            route.route("add", dst=_EVERYWHERE[version], oif=index)
    _allow_ping_sockets()


def _no_ipv6() -> None:
    for scope in ("all", "default"):
        switch = Path(f"/proc/sys/net/ipv6/conf/{scope}/disable_ipv6")
        if switch.exists():
            switch.write_text("1")


def _quiet_ipv6() -> None:
    """Switch IPv6 on for the present namespace, without a word of its own on the wire."""
    settings = Path(f"/proc/sys/net/ipv6/conf/{DEVICE}")
    if not settings.exists():
        message = "this kernel has IPv6 switched off, and the scenario needs it (ipv6.disable=0)"
        raise HostError(message)
    Path("/proc/sys/net/ipv6/conf/all/disable_ipv6").write_text("0")
    for name, value in _QUIET.items():
        (settings / name).write_text(value)


def _allow_ping_sockets() -> None:
    """Let every group open ping sockets; in a user namespace only the mapped one exists."""
    groups = Path("/proc/sys/net/ipv4/ping_group_range")
    try:
        groups.write_text(_EVERY_GROUP)
    except OSError:
        groups.write_text(_ONLY_ROOT_GROUP)
