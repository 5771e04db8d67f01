"""A namespace of the lab has one way out, and that leads into the emulator."""

import json
import socket
import subprocess
from collections.abc import Iterator

import pytest
from pyroute2 import IPRoute

from tests.fakes.lab_mirror import Mirror, mirror
from tests.fakes.lab_process import NOBODY, Lab, can_tun, require, running

MODES = ("tun", "veth") if can_tun() else ("veth",)
CONNECT = """
import socket, sys
for address in sys.argv[2:]:
    with socket.socket() as door:
        door.settimeout(3)
        try:
            door.connect((address, int(sys.argv[1])))
            print(address, "connected")
        except OSError as error:
            print(address, type(error).__name__, error.errno)
"""


@pytest.fixture(params=MODES, scope="module")
def lab(request: pytest.FixtureRequest) -> Iterator[Lab]:
    """The scenario `inside` in one of the two modes."""
    with running("inside", "--mode", request.param, nobody=request.param == "veth") as ready:
        yield ready


@pytest.fixture(params=MODES)
def wire(request: pytest.FixtureRequest) -> Iterator[Mirror]:
    """A home of each family and one of both, without routers."""
    homes = [
        ("both", ["192.0.2.10", "2001:db8::10"]),
        ("six", ["2001:db8::66", "2001:db8::67"]),
        ("four", ["192.0.2.44"]),
    ]
    with mirror(homes, request.param, nobody=request.param == "veth") as ready:
        yield ready


def ip(lab: Lab, *words: str, home: str = "paris") -> list[dict[str, object]]:
    """Ask iproute2 inside a namespace, the Paris agent's by default."""
    ended = lab.run(home, require("ip", "iproute2"), "-json", *words)
    rows: list[dict[str, object]] = json.loads(ended.stdout or "[]")
    return rows


def test_devices_and_routes_are_exactly_these(lab: Lab) -> None:
    """Loopback and `borne0`, one default route without a neighbour, no IPv6."""
    assert [link["ifname"] for link in ip(lab, "link")] == ["lo", "borne0"]
    routes = [(row["dst"], row["dev"]) for row in ip(lab, "route", "show", "table", "main")]
    assert routes == [("default", "borne0")]
    local = {(row["dst"], row["dev"]) for row in ip(lab, "route", "show", "table", "local")}
    assert local == {
        ("127.0.0.0/8", "lo"),
        ("127.0.0.1", "lo"),
        ("127.255.255.255", "lo"),
        ("192.0.2.10", "borne0"),
    }
    assert ip(lab, "-6", "route", "show", "table", "all") == []


def test_each_family_has_its_addresses_and_its_way_out(wire: Mirror) -> None:
    """An address is alone in its prefix, no link-local one stands beside it, nothing is missing."""
    addresses = {
        home: sorted(
            (row["local"], row["prefixlen"])
            for row in ip(wire, "address", "show", "dev", "borne0", home=home)[0]["addr_info"]
        )
        for home in ("both", "six", "four")
    }
    assert {
        "both": [("192.0.2.10", 32), ("2001:db8::10", 128)],
        "six": [("2001:db8::66", 128), ("2001:db8::67", 128)],
        "four": [("192.0.2.44", 32)],
    } == addresses
    ways = {
        home: [
            [row["dst"] for row in ip(wire, family, "route", home=home) if "gateway" not in row]
            for family in ("-4", "-6")
        ]
        for home in ("both", "six", "four")
    }
    assert {
        "both": [["default"], ["2001:db8::10", "default"]],
        "six": [[], ["2001:db8::66", "2001:db8::67", "default"]],
        "four": [["default"], []],
    } == ways


@pytest.mark.slow
def test_both_families_work_and_the_kernel_is_silent(wire: Mirror) -> None:
    """Pings of both families are answered; within 5 s nothing else is said, nor said again."""
    ping = require("ping", "iputils-ping")
    for destination in ("192.0.2.99", "2001:db8::99"):
        ended = wire.run("both", ping, "-n", "-c", "4", "-i", "0.9", destination)
        assert "4 received, 0% packet loss" in ended.stdout, ended.stdout + ended.stderr
    assert [] == wire.others()


def host_addresses() -> list[str]:
    """Every IPv4 address of the machine but loopback."""
    with IPRoute() as route:
        found = [row.get("address") for row in route.get_addr(family=socket.AF_INET)]
    return [address for address in found if not address.startswith("127.")]


def test_the_machine_cannot_be_reached(lab: Lab) -> None:
    """A service on every address of the machine is refused or unreachable from inside."""
    with socket.create_server(("0.0.0.0", 0)) as server:
        port = server.getsockname()[1]
        server.settimeout(0.1)
        command = ("/usr/bin/python3", "-c", CONNECT, str(port), "127.0.0.1", *host_addresses())
        lines = lab.run("paris", *command).stdout.splitlines()
        with pytest.raises(TimeoutError):
            server.accept()
    assert len(lines) == len(host_addresses()) + 1
    assert not [line for line in lines if line.endswith("connected")]


def test_ping_sockets_are_open_to_everybody(lab: Lab) -> None:
    """The unprivileged ping socket works for the group that processes inside have."""
    code = "import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM, 1); print('open')"
    options = ("--uid", str(NOBODY)) if lab.ready["mode"] == "tun" else ()
    ended = lab.run("paris", "/usr/bin/python3", "-c", code, options=options)
    assert ended.stdout == "open\n", ended.stderr


@pytest.mark.slow
def test_udp_and_tcp_between_agents_are_whole(lab: Lab) -> None:
    """Checksums survive the box: a datagram and a stream arrive at the other agent unharmed."""
    serve = """
import socket
with socket.create_server(("0.0.0.0", 7000)) as door, \\
     socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as box:
    box.bind(("0.0.0.0", 7000))
    print("ready", flush=True)
    box.settimeout(8)
    data, peer = box.recvfrom(2000)
    box.sendto(data[::-1], peer)
    stream, _ = door.accept()
    with stream:
        got = b""
        while len(got) < 200_000:
            got += stream.recv(65536)
        stream.sendall(b"%d" % sum(got))
"""
    ask = """
import socket
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as box:
    box.settimeout(5)
    box.sendto(b"enrob", ("203.0.113.10", 7000))
    print(box.recv(100).decode())
with socket.create_connection(("203.0.113.10", 7000), 5) as stream:
    stream.sendall(bytes(range(200)) * 1000)
    print(stream.recv(100).decode())
"""
    server = subprocess.Popen(
        lab.enter("london", "/usr/bin/python3", "-c", serve),
        cwd=lab.user.folder,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert server.stdout is not None
        assert server.stdout.readline() == "ready\n"
        ended = lab.run("paris", "/usr/bin/python3", "-c", ask)
        assert ended.stdout.split() == ["borne", str(sum(range(200)) * 1000)], ended.stderr
    finally:
        server.kill()
        server.communicate()


def test_the_lab_adds_nothing_to_the_machine(lab: Lab) -> None:
    """No device of the lab stands in the namespace of the caller."""
    assert lab.ready["scenario"] == "inside"
    names = {name for _, name in socket.if_nameindex()}
    assert not {name for name in names if name.startswith(("borne", "port"))}
