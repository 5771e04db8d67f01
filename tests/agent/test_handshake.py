"""Pings by a handshake: real packets, in a network namespace of the test's own.

The child becomes an ordinary user of nothing: no capability is left when it shakes hands.
"""

import asyncio
import errno
import json
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any, Self

import pytest

from agent import handshake
from agent.flight import Landing
from agent.handshake import shake
from agent.records import Outcome, Stamp
from tests.fakes.agent_probing import FakeClock
from tests.fakes.tun_driver import TARGETS

ROOT = Path(__file__).resolve().parents[2]
NOTHING = ("setpriv", "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs")
SHAKE = """
import asyncio, json, resource, socket, sys
from agent.clock import SystemClock
from agent.handshake import shake

def listener(address):
    kind = socket.AF_INET6 if ":" in address else socket.AF_INET
    made = socket.create_server((address, 443), family=kind)
    made.setblocking(False)
    return made

async def main(addresses, open_at):
    servers = [listener(address) for address in open_at]
    found = [await shake(SystemClock(), address, 200_000_000) for address in addresses]
    with open("/proc/net/tcp") as four, open("/proc/net/tcp6") as six:
        rows = [line.split() for line in [*four, *six]]
    left = [row[3] for row in rows if row[3] not in ("st", "0A")]  # 0A: who listens
    def told(one):
        return [one.outcome.name, one.stamp, one.source, one.rtt_ns]
    print(json.dumps({"left": left, "found": [told(one) for one in found]}))

open_at = [each for each in sys.argv[2:] if each in ("127.0.0.2", "::1")]
asyncio.run(main(sys.argv[2:], open_at if sys.argv[1] == "open" else []))
"""
LOW_PORTS = "echo 0 > /proc/sys/net/ipv4/ip_unprivileged_port_start"


def shaken(world: str, mode: str, *addresses: str) -> dict[str, Any]:
    """Shake hands with addresses in a world of one's own; return what became of it."""
    child = (*NOTHING, sys.executable, "-c", SHAKE, mode, *addresses)
    loopback = ("sh", "-ec", f'ip link set lo up; {LOW_PORTS}; exec "$@"', "sh")
    tun = (sys.executable, "-m", "tests.fakes.tun_driver", "short", "--")
    done = subprocess.run(
        ("unshare", "-Urn", *(tun if world == "tun" else loopback), *child),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (0, "") == (done.returncode, done.stderr)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("address", ["127.0.0.2", "::1"])
@pytest.mark.parametrize(("mode", "stamp"), [("open", "tcp_info"), ("closed", "user")])
def test_syn_ack_and_rst_are_answers(mode: str, stamp: str, address: str) -> None:
    """The kernel's time for the one, the program's for the other; no connection is left over."""
    found = shaken("loopback", mode, address)
    ((outcome, by, source, rtt_ns),) = found["found"]
    assert ("REPLY", stamp, address, []) == (outcome, by, source, found["left"])
    assert 0 < rtt_ns < 200_000_000


@pytest.mark.parametrize("family", [4, 6])
def test_an_icmp_error_is_no_answer(family: int) -> None:
    """The kernel calls it a refusal as well: only the missing segment tells it from an RST."""
    found = shaken("tun", "closed", TARGETS[family])
    assert [["UNREACHABLE", None, None, None]] == found["found"]


def test_silence_is_lost_before_a_second_syn_leaves() -> None:
    """Behind the TUN nobody has this address; the socket is gone when the time is up."""
    found = shaken("tun", "closed", "198.51.100.77")
    assert ([["LOST", None, None, None]], []) == (found["found"], found["left"])
    assert handshake._PATIENCE_NS < handshake.FIRST_RETRY_NS


def test_where_no_way_leads_nothing_is_sent() -> None:
    """That is this host's fault, and nobody's silence."""
    found = shaken("loopback", "closed", "203.0.113.1", "2001:db8::1")
    assert [["SEND_FAILED", None, None, None]] * 2 == found["found"]


class Stream:
    """A socket whose handshake is over at once."""

    def __init__(self, error: int) -> None:
        self._error = error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def connect_ex(self, _: tuple[str, int]) -> int:
        """Say how it ended."""
        return self._error


def ended_at_once(error: int, info: bytes, monkeypatch: pytest.MonkeyPatch) -> Landing:
    """Shake hands with a kernel that has its answer before the call returns, in no time."""
    monkeypatch.setattr(handshake, "open_stream", lambda _: Stream(error))
    monkeypatch.setattr(handshake, "tcp_info", lambda _: info)
    return asyncio.run(shake(FakeClock(), "62.115.134.138", 1_000_000_000))


def test_a_refusal_may_be_there_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on loopback under some kernels."""
    info = bytes(140) + (1).to_bytes(4, sys.byteorder)
    landing = ended_at_once(errno.ECONNREFUSED, info, monkeypatch)
    assert (Outcome.REPLY, Stamp.USER, 0) == (landing.outcome, landing.stamp, landing.rtt_ns)


def test_a_time_longer_than_the_wait_is_absurd(monkeypatch: pytest.MonkeyPatch) -> None:
    """The monotonic clock brackets the kernel's."""
    info = bytearray(144)
    info[68:72] = (900).to_bytes(4, sys.byteorder)
    landing = ended_at_once(0, bytes(info), monkeypatch)
    assert (Outcome.REJECTED, None, None) == (landing.outcome, landing.rtt_ns, landing.source)


def test_a_kernel_without_the_family_cannot_send(monkeypatch: pytest.MonkeyPatch) -> None:
    """That is told like any other failure to send."""

    def absent(_: int) -> socket.socket:
        raise OSError(errno.EAFNOSUPPORT, "no IPv6")

    monkeypatch.setattr(handshake, "open_stream", absent)
    landing = asyncio.run(shake(FakeClock(), "2001:688::1", 1_000_000_000))
    assert Outcome.SEND_FAILED is landing.outcome
