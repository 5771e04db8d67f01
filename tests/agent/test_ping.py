"""The command `ping` on a network without packets: its lines, its summary, its exit code."""

import asyncio
import json
import os
import signal
import time

import pytest

from agent import ping
from agent.errors import PrivilegeError
from agent.ping import Options
from agent.ports import DatagramPort
from agent.records import Family
from tests.fakes.agent_probing import FakePort, garbage, until

NEAR, FAR, SILENT = "192.0.2.1", "203.0.113.9", "192.0.2.77"
ROUTES = {NEAR: (NEAR,), FAR: ("198.51.100.1", FAR)}


def port(**differences: object) -> FakePort:
    """Make a network."""
    return FakePort(ROUTES, time.time_ns, **differences)  # type: ignore[arg-type]  # by its name


def options(*targets: str, count: int | None = 2, as_json: bool = True) -> Options:
    """Ask for a few quick probes."""
    return Options(targets=targets, count=count, interval_s=0.02, timeout_s=0.06, json=as_json)


async def test_json_lines_and_summary(capsys: pytest.CaptureFixture[str]) -> None:
    """One object for each probe with exactly the contract's keys, and the summary last."""
    assert await ping.run(options(NEAR, SILENT), open_socket=port().opened) == 0
    *lines, last = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    answered = {"target": NEAR, "address": NEAR, "protocol": "icmp", "outcome": "reply"}
    lost = {"target": SILENT, "address": SILENT, "protocol": "icmp", "outcome": "lost"}
    expected = [
        {**answered, "seq": 0, "rtt_ns": 2000, "stamp": "kernel"},
        {**answered, "seq": 1, "rtt_ns": 2000, "stamp": "kernel"},
        {**lost, "seq": 0, "rtt_ns": None, "stamp": None},
        {**lost, "seq": 1, "rtt_ns": None, "stamp": None},
    ]
    assert expected == sorted(lines, key=lambda line: (line["target"], line["seq"]))
    times = {"min_ns": 2000, "p50_ns": 2000, "p99_ns": 2000, "max_ns": 2000}
    assert last == {
        "summary": {
            "sent": 4,
            "answered": 2,
            "late": 0,
            "duplicate": 0,
            "foreign": 0,
            "targets": [
                {
                    "target": NEAR,
                    "address": NEAR,
                    "sent": 2,
                    "answered": 2,
                    "loss_ratio": 0.0,
                    **times,
                },
                {
                    "target": SILENT,
                    "address": SILENT,
                    "sent": 2,
                    "answered": 0,
                    "loss_ratio": 1.0,
                    **dict.fromkeys(times),
                },
            ],
        }
    }


async def test_lines_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    """A reply, a refusal with its author, and a summary for each target."""
    way = port(unreachable_from="198.51.100.1")
    way._routes = {NEAR: (NEAR,), FAR: ("198.51.100.1",)}
    assert await ping.run(options(NEAR, FAR, count=1, as_json=False), open_socket=way.opened) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"{NEAR}: seq=0 ttl=60 time=0.002 ms (kernel)",
        f"{FAR}: seq=0 administratively prohibited (from 198.51.100.1)",
        "",
        f"--- {NEAR}",
        "1 sent, 1 answered, 0.0% loss",
        "rtt min/p50/p99/max = 0.002/0.002/0.002/0.002 ms",
        "",
        f"--- {FAR}",
        "1 sent, 0 answered, 100.0% loss",
    ]


async def test_nothing_answers(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 1: a refusal is no reply, and neither is silence."""
    assert await ping.run(options(SILENT), open_socket=port().opened) == 1
    assert '"answered":0' in capsys.readouterr().out


async def test_a_name_without_address_is_an_outcome(capsys: pytest.CaptureFixture[str]) -> None:
    """The other target is pinged all the same."""

    async def resolve(name: str, _family: Family) -> str | None:
        await asyncio.sleep(0)
        return {"near.example": NEAR}.get(name)

    wanted = options("near.example", "no.example", count=1)
    assert await ping.run(wanted, resolve=resolve, open_socket=port().opened) == 0
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()][:-1]
    assert [
        ("near.example", NEAR, "reply"),
        ("no.example", None, "unresolved"),
    ] == [(line["target"], line["address"], line["outcome"]) for line in found]


async def test_people_read_that_a_name_has_no_address(capsys: pytest.CaptureFixture[str]) -> None:
    """In words."""

    async def resolve(_name: str, _family: Family) -> str | None:
        await asyncio.sleep(0)
        return None

    wanted = options("no.example", count=1, as_json=False)
    assert await ping.run(wanted, resolve=resolve, open_socket=port().opened) == 1
    first = capsys.readouterr().out.splitlines()[0]
    assert first == "no.example: seq=0 no address: the name has none, or no resolver told"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_an_interruption_ends_with_the_summary(
    capsys: pytest.CaptureFixture[str], number: signal.Signals
) -> None:
    """Without a count it goes on until then; the handlers are gone afterwards."""
    network = port()
    task = asyncio.create_task(
        ping.run(options(NEAR, SILENT, count=None), open_socket=network.opened)
    )
    await until(lambda: len(network.sent) >= 5)
    os.kill(os.getpid(), number)
    assert await asyncio.wait_for(task, 2) == 0
    assert "summary" in json.loads(capsys.readouterr().out.splitlines()[-1])
    assert network.closed
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


async def test_an_interruption_does_not_wait_for_the_tail() -> None:
    """A silent target with a long time-out: the user has decided."""
    network = port()
    wanted = Options(targets=(SILENT,), count=1, timeout_s=60, json=True)
    task = asyncio.create_task(ping.run(wanted, open_socket=network.opened))
    await until(lambda: len(network.sent) == 1)
    os.kill(os.getpid(), signal.SIGINT)
    assert await asyncio.wait_for(task, 2) == 1


async def test_a_refused_privilege_is_the_callers() -> None:
    """The command line makes it exit code 2."""

    def refuse(*_: object) -> DatagramPort:
        raise PrivilegeError("open an ICMP socket: refused")

    with pytest.raises(PrivilegeError, match="refused"):
        await ping.run(options(NEAR), open_socket=refuse)


async def test_garbage_does_not_matter(capsys: pytest.CaptureFixture[str]) -> None:
    """It is not an answer."""
    assert await ping.run(options(NEAR), open_socket=port(garbage=[garbage()]).opened) == 0
    assert '"answered":2' in capsys.readouterr().out


async def test_the_system_resolves_names() -> None:
    """An address is itself; localhost is known without any server; nonsense is None."""
    assert await ping.system_resolve("192.0.2.1", 4) == "192.0.2.1"
    assert await ping.system_resolve("localhost", 4) == "127.0.0.1"
    assert await ping.system_resolve("2001:db8::1", 6) == "2001:db8::1"
    assert await ping.system_resolve("192.0.2.1", 6) is None
    assert await ping.system_resolve("a..b", 4) is None


@pytest.mark.parametrize(
    ("family", "expected"), [(None, NEAR), (4, NEAR), (6, "2001:db8::1"), (None, "2001:db8::1")]
)
async def test_the_family_that_is_asked_for(
    capsys: pytest.CaptureFixture[str], family: Family | None, expected: str
) -> None:
    """IPv4 first where nothing is asked for; IPv6 where there is no other."""
    known = {4: NEAR, 6: "2001:db8::1"}

    async def resolve(_name: str, asked: Family) -> str | None:
        await asyncio.sleep(0)
        return known[asked] if expected in {NEAR, known[asked]} else None

    wanted = Options(targets=("a.example",), count=1, timeout_s=0.06, family=family, json=True)
    network = FakePort({expected: (expected,)}, time.time_ns)
    assert await ping.run(wanted, resolve=resolve, open_socket=network.opened) == 0
    first = json.loads(capsys.readouterr().out.splitlines()[0])
    assert (expected, "reply") == (first["address"], first["outcome"])
