"""Real packets on loopback, in a network namespace of the test's own, on every rung.

The child process of each test becomes root of a new user and network namespace, brings its
loopback up, and then gives up the capability where the test is about doing without it.
"""

import errno
import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from agent import sockets
from agent.ports import Rung
from agent.records import Family, Protocol

ROOT = Path(__file__).resolve().parents[2]
LOOPBACK_UP = """
import fcntl, os, socket, struct, sys
control = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
fcntl.ioctl(control, 0x8914, struct.pack("16sh", b"lo", 0x1 | 0x8 | 0x40))
if sys.argv[1] != "1 0":  # which is what a new network namespace has
    with open("/proc/sys/net/ipv4/ping_group_range", "w") as setting:
        setting.write(sys.argv[1])
if sys.argv[2] == "without":
    drop = ["setpriv", "--bounding-set=-net_raw", "--inh-caps=-net_raw"]
    os.execvp("setpriv", [*drop, sys.executable, "-c", sys.argv[3]])
os.execv(sys.executable, [sys.executable, "-c", sys.argv[3]])
"""
RUNGS = [
    pytest.param(Rung.RAW, "1 0", "with", id="raw"),
    pytest.param(Rung.PING, "0 0", "without", id="ping"),
]
SEND_AND_READ = """
import json, select, socket, time
from agent import icmp, ports, records, sockets
from agent.errors import WireError

family, protocol = {}, records.Protocol("{}")

def drained(port):
    found, until = [], time.monotonic() + 0.5
    while time.monotonic() < until:
        select.select([port.fileno()], [], [], 0.05)
        while (entry := port.receive()) is not None:
            found.append(entry)
        while (entry := port.receive_error()) is not None:
            found.append(entry)
        if len(found) >= 2 * sent:
            break
    return found

port = sockets.open_port(4711, family, protocol)
sent = 0
HERE = "127.0.0.1" if family == 4 else "::1"
NOWHERE = "203.0.113.1" if family == 4 else "2001:db8::1"
def send(address=HERE, ttl=None):
    global sent
    octets = icmp.echo_request(port.identifier, sent, b"tokentok", family=family)
    number = port.send(octets, address, ttl)
    sent += 1
    return number
"""


def run(script: str, group_range: str, capability: str) -> subprocess.CompletedProcess[str]:
    """Run a script in namespaces of its own."""
    return subprocess.run(
        ["unshare", "-Urn", sys.executable, "-c", LOOPBACK_UP, group_range, capability, script],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )


def said(
    script: str,
    group_range: str,
    capability: str,
    family: Family = 4,
    protocol: Protocol = Protocol.ICMP,
) -> object:
    """Run a script and return the JSON that it printed."""
    done = run(SEND_AND_READ.format(family, protocol) + script, group_range, capability)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize(("rung", "group_range", "capability"), RUNGS)
def test_echo_with_both_kernel_stamps(
    rung: Rung, group_range: str, capability: str, family: Family
) -> None:
    """Numbers count from 0; stamps lie between sending and reading; TTL and source are known."""
    script = """
time.sleep(0.05)  # the kernel begins to stamp a moment after it is asked
before = time.time_ns()
numbers = [send(), send(), send(ttl=3)]
found = drained(port)
after = time.time_ns()
replies = [entry for entry in found if isinstance(entry, ports.Datagram)]
stamps = {entry.number: entry.stamp_ns for entry in found if entry not in replies}
messages = [icmp.parse(reply.octets, family) for reply in replies]
print(json.dumps({
    "rung": port.rung, "numbers": numbers, "sources": sorted({r.source for r in replies}),
    "sequences": [m.sequence for m in messages], "ttls": sorted({r.ttl for r in replies}),
    "identifiers": sorted({m.identifier == port.identifier for m in messages}),
    "ordered": all(before <= stamps[m.sequence] <= r.stamp_ns <= after
                   for m, r in zip(messages, replies)),
}))
"""
    assert said(script, group_range, capability, family) == {
        "rung": rung.value,
        "numbers": [0, 1, 2],
        "sources": [{4: "127.0.0.1", 6: "::1"}[family]],
        "sequences": [0, 1, 2],
        "ttls": [64],
        "identifiers": [True],
        "ordered": True,
    }


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize(("rung", "group_range", "capability"), RUNGS)
def test_a_failed_send_starts_the_count_of_stamps_anew(
    rung: Rung, group_range: str, capability: str, family: Family
) -> None:
    """The next packet's number is the one that its stamp carries: 0."""
    script = """
send()
drained(port)
failed = 0
for _ in range(3):
    try:
        send(NOWHERE)
    except OSError:
        failed += 1
numbers = [send(), send()]
sent = 2
stamps = [e.number for e in drained(port) if isinstance(e, ports.TransmitStamp)]
print(json.dumps({"rung": port.rung, "failed": failed, "numbers": numbers, "stamps": stamps}))
"""
    expected = {"rung": rung.value, "failed": 3, "numbers": [0, 1], "stamps": [0, 1]}
    assert expected == said(script, group_range, capability, family)


def test_foreign_packets_do_not_reach_a_raw_socket() -> None:
    """The kernel's filter keeps away other identifiers, requests, and errors about others."""
    script = """
import struct
def seal(octets):
    checksum = icmp.checksum(octets[:2] + b"\\0\\0" + octets[4:])
    return octets[:2] + checksum.to_bytes(2, "big") + octets[4:]
def quoting(identifier, options=0):
    head = bytes([0x45 + options, 0]) + bytes(7) + b"\\x01" + bytes(2) + bytes([127, 0, 0, 1] * 2)
    probe = struct.pack("!BBHHH", 8, 0, 0, identifier, 77)
    return seal(b"\\x0b\\0" + bytes(6) + head + bytes(4 * options) + probe)
other = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
reply = lambda identifier: seal(struct.pack("!BBHHH", 0, 0, 0, identifier, 77))
foreign = (reply(4712), quoting(4712), quoting(4712, 2), seal(b"\\x05" + bytes(30)))
for octets in (*foreign, reply(4711), quoting(4711), quoting(4711, 5)):
    other.sendto(octets, ("127.0.0.1", 0))
time.sleep(0.1)
sent = 1
found = [icmp.parse(entry.octets) for entry in drained(port)]
print(json.dumps([[m.type, m.identifier, m.sequence] for m in found]))
"""
    expected = [[0, 4711, 77], [11, 4711, 77], [11, 4711, 77]]
    assert expected == said(script, "1 0", "with")


def test_foreign_packets_do_not_reach_a_raw_socket_over_ipv6() -> None:
    """The kernel's filter lets our replies and the errors about our probes through."""
    script = """
import struct
def quoting(identifier, header=58):
    head = b"\\x60" + bytes(5) + bytes([header, 1]) + (bytes(15) + b"\\x01") * 2
    return b"\\x03" + bytes(7) + head + struct.pack("!BBHHH", 128, 0, 0, identifier, 77)
other = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
reply = lambda identifier: struct.pack("!BBHHH", 129, 0, 0, identifier, 77)
foreign = (reply(4712), quoting(4712), quoting(4711, 17), b"\\x88" + bytes(30))
for octets in (*foreign, reply(4711), quoting(4711)):
    other.sendto(octets, ("::1", 0))
time.sleep(0.1)
sent = 1
found = [icmp.parse(entry.octets, 6) for entry in drained(port)]
print(json.dumps([[m.type, m.identifier, m.sequence, m.destination] for m in found]))
"""
    expected = [[129, 4711, 77, None], [3, 4711, 77, "::1"]]
    assert expected == said(script, "1 0", "with", 6)


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("capability", ["with", "without"])
def test_datagrams_to_a_closed_port(capability: str, family: Family) -> None:
    """Port unreachable on the error queue, with both stamps and the payload; no privilege."""
    script = """
twin = sockets.open_port(0, family, protocol)
time.sleep(0.05)
numbers = [port.send(b"payload", HERE, ttl) for ttl in (None, 3)]
sent = 2
found = drained(port)
stamps = {e.number: e.stamp_ns for e in found if isinstance(e, ports.TransmitStamp)}
errors = [e for e in found if isinstance(e, ports.Notice)]
print(json.dumps({
    "rung": port.rung, "numbers": numbers, "same port": port.identifier == twin.identifier,
    "errors": [[e.type, e.code, e.source, e.destination, e.quote.decode()] for e in errors],
    "ordered": [stamps[n] <= e.stamp_ns for n, e in enumerate(errors)],
}))
"""
    here, kind, code = {4: ("127.0.0.1", 3, 3), 6: ("::1", 1, 4)}[family]
    assert said(script, "1 0", capability, family, Protocol.UDP) == {
        "rung": "udp",
        "numbers": [0, 1],
        "same port": False,
        "errors": [[kind, code, here, here, "payload"]] * 2,
        "ordered": [True, True],
    }


def test_a_family_that_the_kernel_lacks_sends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every sending fails; opening does not, and nothing waits to be read."""

    def refused(*_: object) -> socket.socket:
        raise OSError(errno.EAFNOSUPPORT, "Address family not supported by protocol")

    monkeypatch.setattr(sockets.socket, "socket", refused)
    for protocol in Protocol:
        port = sockets.open_port(7, 6, protocol)
        with pytest.raises(OSError, match="this kernel lacks its family"):
            port.send(b"", "2001:db8::1", None)
        assert (None, None) == (port.receive(), port.receive_error())
        assert port.fileno() > 0
        port.close()


def test_other_errors_of_opening_are_the_callers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Too many open files is no missing family."""

    def refused(*_: object) -> socket.socket:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(sockets.socket, "socket", refused)
    with pytest.raises(OSError, match="Too many"):
        sockets.open_port(7, 4, Protocol.UDP)


def test_ping_sockets_do_not_share_an_identifier() -> None:
    """If they did, one of them would get all answers; nobody may join later either."""
    script = """
second = sockets.open_port(4711)
third = socket.socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP)
try:
    third.bind(("127.0.0.1", port.identifier))
except OSError as error:
    print(json.dumps([port.identifier != second.identifier, error.strerror]))
"""
    assert [True, "Address already in use"] == said(script, "0 0", "without")


def test_without_any_privilege_both_fixes_are_named() -> None:
    """The error says what was tried and the two ways out."""
    script = """
from agent import errors, sockets
try:
    sockets.open_port(4711)
except errors.PrivilegeError as error:
    print(error)
"""
    done = run(script, "1 0", "without")
    assert done.stdout.strip() == (
        "open an ICMP socket: the kernel allows neither a raw socket nor a ping socket; "
        "grant CAP_NET_RAW (systemd: AmbientCapabilities=CAP_NET_RAW; a program file: "
        "setcap cap_net_raw+ep FILE) or allow ping sockets: "
        'sysctl net.ipv4.ping_group_range="0 2147483647"'
    )


@pytest.mark.parametrize("here", ["127.0.0.1", "::1"])
@pytest.mark.parametrize(("rung", "group_range", "capability"), RUNGS)
def test_commands_work_on_every_rung(
    rung: Rung, group_range: str, capability: str, here: str
) -> None:
    """Ping and trace end to end; hop 1 is the target, the times are the kernel's."""
    script = f"""
import asyncio
from agent import ping, records, trace
options = ping.Options(targets=("{here}",), count=3, interval_s=0.02, json=True)
codes = [asyncio.run(ping.run(options))]
for protocol in (records.Protocol.ICMP, records.Protocol.UDP):
    wanted = trace.Options(target="{here}", json=True, flows=2, protocol=protocol)
    codes.append(asyncio.run(trace.run(wanted)))
raise SystemExit(sum(codes))
"""
    done = run(script, group_range, capability)
    assert (0, "") == (done.returncode, done.stderr), rung
    *replies, summary, path, by_udp = [json.loads(line) for line in done.stdout.splitlines()]
    assert [("reply", "kernel")] * 3 == [(line["outcome"], line["stamp"]) for line in replies]
    assert summary["summary"]["answered"] == 3
    assert ([1], True) == ([hop["ttl"] for hop in path["hops"]], path["reached"])
    for each in (path, by_udp):
        assert ["kernel"] * 2 == [reply["stamp"] for reply in each["hops"][0]["replies"]]


def test_the_event_loop_does_not_spin() -> None:
    """Ten probes in half a second cost less than 0.2 s of CPU: both queues are drained."""
    script = """
import asyncio, resource
from agent.clock import SystemClock
from agent.sender import Sender

async def main():
    found = []
    sender = Sender(SystemClock(), found.append)
    before = sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
    for n in range(10):
        sender.send(n, "127.0.0.1", 1_000_000_000)
        await asyncio.sleep(0.05)
    spent = sum(resource.getrusage(resource.RUSAGE_SELF)[:2]) - before
    sender.close()
    print(len(found), spent < 0.2)

asyncio.run(main())
"""
    for rung in RUNGS:
        _, group_range, capability = rung.values
        done = run(script, str(group_range), str(capability))
        assert ("10 True\n", "") == (done.stdout, done.stderr)


def test_a_running_agent_imports_no_heavy_library() -> None:
    """None of them may come in by way of probing."""
    script = """
import sys
from agent import ping, prober, trace, tracer
heavy = {"numpy", "aiohttp", "cryptography", "pydantic", "prometheus_client"}
print(sorted(heavy & set(sys.modules)))
"""
    assert run(script, "1 0", "with").stdout == "[]\n"


class Refusing:
    """A socket of a kernel that wants flow labels leased before."""

    def __init__(self) -> None:
        self.places: list[tuple[object, ...]] = []

    def sendmsg(
        self, _octets: object, _beside: object, _flags: int, place: tuple[object, ...]
    ) -> None:
        """Refuse a label."""
        self.places.append(place)
        if len(place) > 2:
            raise OSError(errno.EINVAL, "Invalid argument")

    def setsockopt(self, *_: object) -> None:
        """Take everything."""

    def getsockopt(self, *_: object) -> int:
        """Know of no error."""
        return 0


@pytest.mark.parametrize("rung", [Rung.RAW, Rung.PING])
def test_a_refused_flow_label_is_tried_once(rung: Rung) -> None:
    """Then the kernel's own stands for all flows; no probe is lost by it."""
    port = object.__new__(sockets._Port)
    refusing = Refusing()
    port._rung, port._family, port._labels = rung, 6, True
    port._numbers, port._number = sockets._NUMBERS[6], 0
    port._socket = refusing  # type: ignore[assignment]  # what `send` asks of it
    assert [0, 1] == [port.send(b"", "2001:db8::1", None, 7) for _ in range(2)]
    plain = ("2001:db8::1", 0)
    assert [(*plain, 7, 0), plain, plain] == refusing.places
