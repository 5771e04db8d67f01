"""Real clients meet the real servers of the box over a wire without routers, in both modes."""

import json
import signal
from collections.abc import Iterator
from pathlib import Path

import dns.flags
import dns.message
import pytest

from deploy.lab.servers import Plan, ServingHost
from tests.fakes.lab_mirror import Mirror, mirror
from tests.fakes.lab_process import DEBIAN_PYTHON, can_tun, wait_until_gone

MODES = ("tun", "veth") if can_tun() else ("veth",)
WEB, NAMES = ("192.0.2.80", "2001:db8::80"), ("192.0.2.53", "2001:db8::53")
PLAN = Plan(
    hosts=(
        ServingHost(addresses=WEB, serves=("tcp", "http", "https"), name="web.example.net"),
        ServingHost(addresses=NAMES, serves=("dns",)),
    ),
    names={f"198.51.100.{last}": "many.example.net" for last in range(100)},
)
CLIENT = """
import http.client, json, socket, ssl, struct, sys

def connect(address, port, octets=b""):
    try:
        with socket.create_connection((address, port), 5) as stream:
            stream.sendall(octets)
            stream.shutdown(socket.SHUT_WR)
            return stream.makefile("rb").read().hex()
    except OSError as error:
        return type(error).__name__

def udp(address, octets):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as box:
        box.settimeout(5)
        box.connect((address, 53))
        box.send(octets)
        return box.recv(2000).hex()

def get(address, certificate=None):
    if certificate:
        trusted = ssl.create_default_context(cadata=certificate)
        client = http.client.HTTPSConnection(address, 443, timeout=5, context=trusted)
    else:
        client = http.client.HTTPConnection(address, 80, timeout=5)
    client.request("GET", "/")
    answer = client.getresponse()
    return [answer.status, answer.read().decode()]

names, words = json.loads(sys.argv[1])
words = [bytes.fromhex(word[4:]) if str(word).startswith("hex:") else word for word in words]
print(json.dumps({"connect": connect, "udp": udp, "get": get}[names](*words)))
"""


@pytest.fixture(params=MODES, scope="module")
def wire(request: pytest.FixtureRequest) -> Iterator[Mirror]:
    """One client of both families and the servers."""
    homes = [("client", ["192.0.2.10", "2001:db8::10"])]
    with mirror(homes, request.param, PLAN, nobody=request.param == "veth") as ready:
        yield ready


def ask(wire: Mirror, what: str, *words: object) -> object:
    """Let the client do something; return what came of it."""
    sent = [f"hex:{word.hex()}" if isinstance(word, bytes) else word for word in words]
    ended = wire.run("client", DEBIAN_PYTHON, "-c", CLIENT, json.dumps([what, sent]))
    assert ended.returncode == 0, ended.stderr
    found: object = json.loads(ended.stdout)
    return found


@pytest.mark.parametrize("address", WEB)
def test_tcp_is_echoed(wire: Mirror, address: str) -> None:
    """A stream of many segments comes back as it went."""
    octets = bytes(range(256)) * 40
    assert octets.hex() == ask(wire, "connect", address, 7, octets)
    assert "" == ask(wire, "connect", address, 9, octets)


@pytest.mark.parametrize(("address", "port"), [*((a, 81) for a in WEB), *((a, 80) for a in NAMES)])
def test_a_closed_port_is_refused(wire: Mirror, address: str, port: int) -> None:
    """The kernel resets; what one host serves, another of the same namespace does not."""
    assert "ConnectionRefusedError" == ask(wire, "connect", address, port)


@pytest.mark.parametrize("address", WEB)
def test_http_and_https(wire: Mirror, address: str) -> None:
    """Both answer with the address that was asked; a strict client trusts the certificate."""
    expected = [200, f"{address} of the lab\n"]
    assert expected == ask(wire, "get", address)
    assert expected == ask(wire, "get", address, wire.ready["certificate"])


@pytest.mark.parametrize("address", NAMES)
def test_dns_falls_back_to_tcp(wire: Mirror, address: str) -> None:
    """A datagram says that it is cut; the stream brings a hundred addresses."""
    query = dns.message.make_query("many.example.net", "A").to_wire()
    cut = dns.message.from_wire(bytes.fromhex(str(ask(wire, "udp", address, query))))
    assert (True, []) == (bool(cut.flags & dns.flags.TC), cut.answer)
    framed = len(query).to_bytes(2, "big") + query
    whole = bytes.fromhex(str(ask(wire, "connect", address, 53, framed)))
    assert 100 == len(dns.message.from_wire(whole[2:]).answer[0])


@pytest.mark.slow
def test_the_servers_die_with_the_lab() -> None:
    """However the lab ends, no server is left."""
    with mirror([("client", ["192.0.2.10"])], "veth", PLAN, nobody=True) as wire:
        children = Path(f"/proc/{wire.child.pid}/task/{wire.child.pid}/children")
        (servers,) = map(int, children.read_text().split())
        wire.child.send_signal(signal.SIGKILL)
        wait_until_gone(servers)


@pytest.mark.slow
def test_servers_that_cannot_start() -> None:
    """Two hosts at one address cannot both have the port, and the lab says so and ends."""
    twice = Plan(hosts=(*PLAN.hosts, ServingHost(addresses=WEB[:1], serves=("http",))), names={})
    with pytest.raises(json.JSONDecodeError), mirror([], "veth", twice, nobody=True):
        pass
