"""The command `trace` on a network without packets: borne-path/1, plain lines, live lines."""

import asyncio
import errno
import json
import os
import signal
import sys
import time
from typing import Literal

import pytest

from agent import trace
from agent.errors import PrivilegeError
from agent.ports import DatagramPort
from agent.records import Family, Protocol
from agent.trace import Options
from tests.fakes.agent_probing import FakePort, until

FAR, SILENT = "203.0.113.9", "192.0.2.77"
ROUTES = {FAR: ("198.51.100.1", None, FAR), SILENT: ("198.51.100.1", None)}
NAMES = {"198.51.100.1": ("r1.example", True), FAR: ("far.example", False)}


async def name_of(address: str) -> tuple[str | None, bool | None]:
    """Know some names."""
    await asyncio.sleep(0.001)
    return NAMES.get(address, (None, None))


async def resolve(name: str, _family: Family) -> str | None:
    """Know one name."""
    await asyncio.sleep(0)
    return {"far.example": FAR}.get(name)


def port() -> FakePort:
    """Make a network."""
    return FakePort(ROUTES, time.time_ns)


async def test_json_is_one_borne_path(capsys: pytest.CaptureFixture[str]) -> None:
    """Every key of the contract; a silent hop is three losses; names with their confirmation."""
    wanted = Options(target="far.example", timeout_s=0.1, json=True)
    code = await trace.run(wanted, resolve=resolve, name_of=name_of, open_socket=port().opened)
    found = json.loads(capsys.readouterr().out)
    times = [hop["replies"][0].pop("rtt_ns", None) for hop in found["hops"]]
    started_at = found.pop("started_at")
    answer = {"reply_ttl": 60, "stamp": "kernel"}
    assert code == 0
    assert [2000, None, 6000] == times
    assert found == {
        "format": "borne-path/1",
        "id": f"far.example@{started_at}",
        "tool": "borne-agent",
        "origin": None,
        "rtt_resolution_ns": 1,
        "target": "far.example",
        "address": FAR,
        "zone": None,
        "family": 4,
        "protocol": "icmp",
        "reached": True,
        "links": [],
        "hops": [
            {
                "ttl": 1,
                "replies": [
                    {
                        "address": "198.51.100.1",
                        "name": "r1.example",
                        "name_confirmed": True,
                        "flow": 0,
                        "icmp": [11, 0],
                        **answer,
                    }
                ],
            },
            {"ttl": 2, "replies": [{"lost": True, "flow": 0}] * 3},
            {
                "ttl": 3,
                "replies": [
                    {
                        "address": FAR,
                        "name": "far.example",
                        "name_confirmed": False,
                        "flow": 0,
                        "icmp": [0, 0],
                        **answer,
                    }
                ],
            },
        ],
    }


async def test_plain_lines_where_there_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """A heading and one line a hop."""
    wanted = Options(target="far.example", timeout_s=0.1, max_ttl=9)
    code = await trace.run(wanted, resolve=resolve, name_of=name_of, open_socket=port().opened)
    assert code == 0
    assert capsys.readouterr().out.splitlines() == [
        f"trace to far.example ({FAR}), at most 9 hops",
        "  1  r1.example (198.51.100.1)  0.002 ms",
        "  2  *  *  *",
        f"  3  far.example ({FAR})  0.006 ms",
    ]


async def test_live_lines_on_a_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Frames that cover one another; the last one is the plain result."""
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    wanted = Options(target=FAR, timeout_s=0.1)
    assert await trace.run(wanted, open_socket=port().opened) == 0
    written = capsys.readouterr().out
    frames = written.split("\x1b[J")
    assert 3 <= len(frames) <= 6
    expected = ["  1  198.51.100.1  0.002 ms", "  2  *  *  *", f"  3  {FAR}  0.006 ms"]
    assert expected == frames[-1].splitlines()
    assert all(frame.endswith(("\x1b[3F", "\x1b[1F", "\n")) for frame in frames)


async def test_a_target_that_keeps_silent_was_not_reached(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A router answered, so the exit code is 0; the last line says that the target did not."""
    wanted = Options(target=SILENT, timeout_s=0.05, max_ttl=3)
    assert await trace.run(wanted, open_socket=port().opened) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "the target did not answer"


async def test_nothing_answers(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 1, and no name is asked for."""
    wanted = Options(target="192.0.2.99", timeout_s=0.05, max_ttl=3, json=True)
    assert await trace.run(wanted, name_of=name_of, open_socket=port().opened) == 1
    assert json.loads(capsys.readouterr().out)["reached"] is False


async def test_a_name_without_address(capsys: pytest.CaptureFixture[str]) -> None:
    """Said on standard error; nothing is sent."""
    network = port()
    code = await trace.run(
        Options(target="no.example"), resolve=resolve, open_socket=network.opened
    )
    assert code == 1
    says = "trace no.example: no address: the name has none, or no resolver told\n"
    assert says == capsys.readouterr().err
    assert [] == network.sent


@pytest.mark.parametrize("json_wanted", [False, True])
async def test_an_interruption_shows_what_is_known(
    capsys: pytest.CaptureFixture[str], json_wanted: bool
) -> None:
    """A router has answered, nobody else for a minute: Ctrl-C ends it with that, exit code 0."""
    network = port()
    wanted = Options(target=SILENT, timeout_s=60, max_ttl=4, json=json_wanted)
    task = asyncio.create_task(trace.run(wanted, open_socket=network.opened))
    await until(lambda: len(network.sent) == 4)
    os.kill(os.getpid(), signal.SIGINT)
    assert await asyncio.wait_for(task, 2) == 0
    written = capsys.readouterr().out
    if json_wanted:
        assert json.loads(written)["hops"][0]["replies"][0]["address"] == "198.51.100.1"
    else:
        assert "198.51.100.1  0.002 ms" in written.splitlines()[1]
        assert written.splitlines()[-1] == "interrupted"
    assert network.closed
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


async def test_names_that_do_not_come_are_not_waited_for(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The path goes without them after its patience."""
    monkeypatch.setattr(trace, "_NAMES_PATIENCE_S", 0.02)

    async def never(_address: str) -> tuple[str | None, bool | None]:
        await asyncio.Event().wait()
        return None, None

    wanted = Options(target=FAR, timeout_s=0.1, json=True)
    assert await trace.run(wanted, name_of=never, open_socket=port().opened) == 0
    first = json.loads(capsys.readouterr().out)["hops"][0]["replies"][0]
    assert "name" not in first


@pytest.mark.parametrize("flows", [3, "auto"])
@pytest.mark.parametrize("protocol", list(Protocol))
async def test_several_flows(
    capsys: pytest.CaptureFixture[str], protocol: Protocol, flows: int | Literal["auto"]
) -> None:
    """One object with the flows of each reply and the links; `auto` takes six for one way."""
    way = ("198.51.100.1", "198.51.100.2", "2001:db8::9")
    wanted = Options(
        target=way[-1], timeout_s=0.3, json=True, flows=flows, protocol=protocol, family=6
    )

    opened: list[FakePort] = []

    def opening(*given: object) -> FakePort:
        opened.append(FakePort({way[-1]: way}, time.time_ns).opened(*given))
        return opened[-1]

    assert await trace.run(wanted, open_socket=opening) == 0
    found = json.loads(capsys.readouterr().out)
    expected = set(range(6 if flows == "auto" else 3))
    for hop, address in zip(found["hops"], way, strict=True):
        assert expected == {reply["flow"] for reply in hop["replies"]}
        assert {address} == {reply["address"] for reply in hop["replies"]}
    assert [list(way[:2]), list(way[1:])] == found["links"]
    assert (len(expected) if protocol is Protocol.UDP else 1) == len(opened)
    assert (True, 6, protocol) == (found["reached"], found["family"], found["protocol"])


async def test_a_name_without_address_of_the_family(capsys: pytest.CaptureFixture[str]) -> None:
    """The message says which was asked for."""
    wanted = Options(target="no.example", family=6)
    assert await trace.run(wanted, resolve=resolve, open_socket=port().opened) == 1
    assert "trace no.example: no IPv6 address: the name has none" in capsys.readouterr().err


async def test_a_refused_privilege_is_the_callers() -> None:
    """Not one of a group: the command line turns it into one line and code 2."""

    def refuse(*_: object) -> DatagramPort:
        raise PrivilegeError("open an ICMP socket: refused")

    with pytest.raises(PrivilegeError, match="refused"):
        await trace.run(Options(target=FAR), open_socket=refuse)


async def test_no_file_for_a_flow_is_said_with_what_helps() -> None:
    """Each flow of datagrams takes a file: where none is left it is no traceback."""
    ports = iter([FakePort({}).opened])

    def opening(*given: object) -> FakePort:
        for each in ports:
            return each(*given)
        raise OSError(errno.EMFILE, "Too many open files")

    wanted = Options(target=FAR, timeout_s=0.1, flows=2, protocol=Protocol.UDP)
    with pytest.RaisesGroup(
        pytest.RaisesExc(PrivilegeError, match="flow 1: Too many open files; .*ulimit -n")
    ):
        await trace.run(wanted, open_socket=opening)


async def test_a_host_without_a_way_there_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """No machine kept silent: nothing was sent; one failure among answers is not that."""
    lame = FakePort(ROUTES, time.time_ns, failures=1000)
    assert await trace.run(Options(target=FAR, timeout_s=0.05), open_socket=lame.opened) == 1
    last = capsys.readouterr().out.splitlines()[-1]
    assert f"this host could send nothing to {FAR}; see its route: ip route get {FAR}" == last
    once = FakePort(ROUTES, time.time_ns, failures=1)
    wanted = Options(target=SILENT, timeout_s=0.05, max_ttl=3)
    assert await trace.run(wanted, open_socket=once.opened) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "the target did not answer"
