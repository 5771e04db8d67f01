"""The whole agent as a real process on loopback, with a collector that the test plays."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from agent import config
from agent.daemon import Daemon, Options
from agent.errors import ConfigError, PrivilegeError
from agent.http import Client, Place
from agent.ports import Rung
from agent.records import Batch
from agent.spool import FILE_NAME, Spool
from tests.fakes.agent_edges import TOKEN, FakeCollector

ROOT = Path(__file__).resolve().parents[2]
AGENT_ID = "000102030405060708090a0b0c0d0e0f"
MODULES = """
import sys
from agent.cli import main
code = main(sys.argv[2:])
open(sys.argv[1], "w").write(" ".join(sys.modules))
sys.exit(code)
"""


def configure(directory: Path, *, collector: bool = True) -> Path:
    """Write a configuration with two targets on loopback, one of them traced."""
    (directory / "token").write_text(TOKEN)
    (directory / "token").chmod(0o600)
    upload = '[collector]\nurl = "unix:c.sock"\ntoken_file = "token"\n' if collector else ""
    text = f"""
[agent]
name = "here"
id = "{AGENT_ID}"
latitude = 48.85
longitude = 2.35
radius_km = 30
state_directory = "state"
{upload}
[uplink]
interval_s = 0.2
[resolver]
names = false
[limits]
per_target_per_s = 100
per_prefix_per_s = 1000
[[targets]]
target = "127.0.0.1"
zone = "lo/one"
interval_s = 0.05
trace_interval_s = 1
[[targets]]
target = "127.0.0.2"
zone = "lo/two"
interval_s = 0.05
"""
    (directory / "agent.toml").write_text(text)
    return directory / "agent.toml"


async def started(
    directory: Path, *arguments: str, command: Sequence[str] = ("-m", "agent.cli"), fd: int = -1
) -> asyncio.subprocess.Process:
    """Start `borne-agent run` on the configuration in `directory`."""
    return await asyncio.create_subprocess_exec(
        sys.executable,
        *command,
        "run",
        "--config.file",
        str(directory / "agent.toml"),
        *arguments,
        cwd=directory,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        pass_fds=() if fd < 0 else (fd,),
    )


async def ended(
    agent: asyncio.subprocess.Process, number: int = signal.SIGTERM
) -> tuple[int | None, str, list[str]]:
    """Ask an agent to end; return its exit code, its output and the lines of its log.

    With `number` 0 it is not asked: it must end by itself.
    """
    agent.send_signal(number)
    async with asyncio.timeout(20):
        out, log = await agent.communicate()
    return agent.returncode, out.decode(), log.decode().splitlines()


@contextlib.asynccontextmanager
async def running(
    directory: Path, *arguments: str, **more: object
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run an agent that is dead afterwards, whatever the test does."""
    agent = await started(directory, *arguments, **more)
    try:
        yield agent
    finally:
        if agent.returncode is None:
            agent.kill()
            await agent.communicate()


def rtts(batches: Sequence[Batch]) -> list[float]:
    """Return all round-trip times."""
    return [rtt_s for batch in batches for rtt_s in batch.rtt_s]


@pytest.mark.slow
async def test_it_measures_uploads_and_drains(tmp_path: Path) -> None:
    """Replies and paths arrive; at SIGTERM the last batch is delivered and the spool is empty."""
    configure(tmp_path)
    async with FakeCollector(tmp_path / "c.sock", strict=True) as collector:
        async with running(tmp_path) as agent:
            await collector.holds(4)
            await collector.holds_a_path()
            code, _, log = await ended(agent)
        batches = list(collector.held.values())
        sequences = [sequence for _, sequence in collector.held]
        described = [row for batch in batches for row in batch.descriptors.series]
        paths = [path for batch in batches for path in batch.descriptors.paths]
        assert (code, collector.repeats) == (0, [])
        assert sequences == list(range(1, len(sequences) + 1))
        assert {(row.zone, row.target) for row in described} == {
            ("lo/one", "127.0.0.1"),
            ("lo/two", "127.0.0.2"),
        }
        assert len(rtts(batches)) > 10
        assert all(0 < rtt_s < 1 for rtt_s in rtts(batches))
        assert {(path.target, path.reached, path.hops[0].replies[0].address) for path in paths} == {
            ("127.0.0.1", True, "127.0.0.1")
        }
        assert [line.partition("level=")[2].partition(" ")[0] for line in log] == ["info"] * 3
    spool = Spool(tmp_path / "state", agent_id=bytes.fromhex(AGENT_ID), limit=10)
    assert spool.waiting == 0
    spool.close()


@pytest.mark.slow
async def test_a_collector_that_is_away_is_said_once(tmp_path: Path) -> None:
    """The agent probes and spools meanwhile, says so once, and catches up."""
    configure(tmp_path)
    async with running(tmp_path) as agent:
        await asyncio.sleep(2)
        async with FakeCollector(tmp_path / "c.sock") as collector:
            await collector.holds(6)
            code, _, log = await ended(agent)
            sequences = [sequence for _, sequence in collector.held]
    warnings = [line for line in log if "level=warning" in line]
    assert (code, len(warnings), collector.repeats) == (0, 1, [])
    assert "unreachable" in warnings[0]
    assert sequences == list(range(1, len(sequences) + 1))
    assert any("is back after" in line for line in log)


@pytest.mark.slow
async def test_a_dead_resolver_does_not_slow_the_traces_down(tmp_path: Path) -> None:
    """Paths come without names, a patience later, but are measured once a second as before."""
    text = configure(tmp_path).read_text()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mute:
        mute.bind(("127.0.0.1", 0))
        place = f'address = "127.0.0.1:{mute.getsockname()[1]}"'
        (tmp_path / "agent.toml").write_text(text.replace("names = false", place))
        async with FakeCollector(tmp_path / "c.sock") as collector, running(tmp_path) as agent:
            await asyncio.sleep(5.5)
            code, _, log = await ended(agent)
        asked, _ = mute.recvfrom(512)
    batches = collector.held.values()
    paths = [path for batch in batches for path in batch.descriptors.paths]
    names = {reply.name for path in paths for hop in path.hops for reply in hop.replies}
    assert (code, names, b"in-addr" in asked) == (0, {None}, True)
    assert 4 <= len({path.started_at for path in paths}) <= 7
    assert not any("level=error" in line for line in log)


@pytest.mark.slow
async def test_kill_nine_loses_and_repeats_nothing(tmp_path: Path) -> None:
    """Five kills in full work: no sequence is given twice, nothing that was spooled is lost.

    A batch whose acknowledgement died with the agent comes again, the same to the octet: the
    collector's replay key is made for that. So at most one repeat per kill, and no other.
    """
    configure(tmp_path)
    async with FakeCollector(tmp_path / "c.sock", strict=True) as collector:
        for turn in range(5):
            async with running(tmp_path) as agent:
                collector.script.extend(["drop", 503])
                before = len(collector.held)
                await collector.holds(before + 2)
                await asyncio.sleep(0.05 * turn)
                agent.kill()
                await agent.communicate()
        async with running(tmp_path) as agent:
            await collector.holds(len(collector.held) + 1)
            code, _, _ = await ended(agent)
        bodies: dict[int, set[tuple[int, ...]]] = {}
        for sequence, body in collector.received:
            bodies.setdefault(sequence, set()).add(tuple(body[56:96]))
        sequences = [sequence for _, sequence in collector.held]
        assert code == 0
        assert {spool_id for spool_id, _ in collector.held} == {
            next(iter(collector.held.values())).spool_id
        }
        assert sequences == list(range(1, len(sequences) + 1))
        assert len(collector.repeats) == len(set(collector.repeats)) <= 5
        # Sequence, base time and counts of one sequence are the same however often it came; only
        # the size of the descriptors (the last four octets) differs after a 409.
        assert all(len({octets[:36] for octets in seen}) == 1 for seen in bodies.values())
        waiting = Spool(tmp_path / "state", agent_id=bytes.fromhex(AGENT_ID), limit=10)
        assert waiting.waiting == 0
        waiting.close()


@pytest.mark.slow
async def test_a_running_agent_imports_nothing_heavy(tmp_path: Path) -> None:
    """What would cost the host 10 MiB and more is never imported by `run`."""
    configure(tmp_path)
    listing = tmp_path / "modules"
    async with FakeCollector(tmp_path / "c.sock") as collector:
        address = ("--web.listen-address", "unix:web.sock", "--json")
        command = ("-c", MODULES, str(listing))
        async with running(tmp_path, *address, command=command) as agent:
            await collector.holds(2)
            client = Client(Place(path=tmp_path / "web.sock"))
            await client.post("/metrics", (), b"")
            await client.close()
            await ended(agent)
    modules = {name.partition(".")[0] for name in listing.read_text().split()}
    heavy = {"numpy", "numba", "aiohttp", "pydantic", "cryptography", "influxdb_client", "pyarrow"}
    assert set() == modules & (heavy | {"collector", "deploy"})
    assert {"agent", "h11", "msgspec", "prometheus_client", "sqlite3"} <= modules


async def fetched(listener: socket.socket, path: str) -> tuple[str, str]:
    """Return status line and body of one of the agent's pages."""
    reader, writer = await asyncio.open_connection(*listener.getsockname())
    writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    head, _, body = (await reader.read()).decode().partition("\r\n\r\n")
    writer.close()
    return head.splitlines()[0], body


@pytest.mark.slow
async def test_pages_and_json_on_an_inherited_socket(tmp_path: Path) -> None:
    """An agent alone serves its pages on `fd:N` and prints each result as a line of JSON."""
    configure(tmp_path, collector=False)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        number = listener.fileno()
        where = ("--web.listen-address", f"fd:{number}", "--json")
        async with running(tmp_path, *where, fd=number) as agent, asyncio.timeout(20):
            if agent.stdout is None:
                raise AssertionError
            lines = [json.loads(await agent.stdout.readline()) for _ in range(40)]
            ready = await fetched(listener, "/-/ready")
            healthy = await fetched(listener, "/-/healthy")
            _, metrics = await fetched(listener, "/metrics")
            code, _, _ = await ended(agent)
    probes = [line for line in lines if "outcome" in line]
    paths = [line for line in lines if line.get("format") == "borne-path/1"]
    assert (code, ready, healthy) == (
        0,
        ("HTTP/1.1 200 OK", "ready\n"),
        ("HTTP/1.1 200 OK", "healthy\n"),
    )
    assert {line["outcome"] for line in probes} == {"reply"}
    assert {line["address"] for line in probes} == {"127.0.0.1", "127.0.0.2"}
    assert [line["target"] for line in paths] == ["127.0.0.1"] * len(paths)
    rungs = [line for line in metrics.splitlines() if line.startswith("borne_agent_privilege{")]
    assert sorted(line.rpartition(" ")[2] for line in rungs) == ["0.0", "1.0"]
    assert "uplink" not in metrics


@pytest.mark.slow
async def test_errors_of_the_host_end_with_code_two(tmp_path: Path) -> None:
    """A taken spool, a damaged spool and an address that cannot be had are one line each."""
    configure(tmp_path)
    found = []
    async with running(tmp_path) as agent:
        while not (tmp_path / "state" / FILE_NAME).exists():  # noqa: ASYNC110 - a file
            await asyncio.sleep(0.05)
        found.append(await ended(await started(tmp_path), 0))
        await ended(agent)
    found.append(await ended(await started(tmp_path, "--web.listen-address", "fd:99"), 0))
    (tmp_path / "state" / FILE_NAME).write_bytes(b"garbage" * 1000)
    found.append(await ended(await started(tmp_path), 0))
    assert [code for code, _, _ in found] == [2, 2, 2]
    assert [log[-1].partition(": ")[2][:23] for _, _, log in found] == [
        "another process uses th",
        "cannot listen on fd:99:",
        "tried to open the spool",
    ]


def in_process(tmp_path: Path, **more: object) -> Daemon:
    """Return a daemon in this process."""
    configure(tmp_path)
    return Daemon(config.load(tmp_path / "agent.toml"), Options(), **more)


async def test_no_privilege_is_told_to_the_operator(tmp_path: Path) -> None:
    """Without any ICMP socket the daemon ends with the error that names both fixes."""

    def refused(*_: object) -> object:
        raise PrivilegeError("both fixes")

    daemon = in_process(tmp_path, open_socket=refused)
    with pytest.raises(PrivilegeError, match="both fixes"):
        await daemon.run()
    assert daemon.unready() == "no ICMP socket is open"


@pytest.mark.slow
async def test_a_bug_in_a_task_restarts_the_task(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A bug beside the probing is counted and logged with its traceback; batches go on."""
    daemon = in_process(tmp_path)
    outbox = daemon._upload.outbox
    sound, turns = outbox._close, iter([True])

    def close(*, force: bool) -> None:
        if next(turns, False):
            raise AssertionError("a bug")
        sound(force=force)

    monkeypatch.setattr(outbox, "_close", close)
    async with FakeCollector(tmp_path / "c.sock") as collector:
        task = asyncio.create_task(daemon.run())
        await collector.holds(2)
        restarts = daemon.condition().restarts
        daemon.stop()
        async with asyncio.timeout(10):
            assert await task == 0
    assert restarts == {"prober": 0, "tracer": 0, "outbox": 1, "uplink": 0}
    assert "the task outbox failed" in caplog.text
    assert "AssertionError: a bug" in caplog.text


async def test_a_spool_that_refuses_is_not_ready(tmp_path: Path) -> None:
    """Readiness follows the sockets and the disk."""
    daemon = in_process(tmp_path)
    found = [daemon.unready()]
    daemon._prober.rung = Rung.RAW
    found.append(daemon.unready())
    daemon._upload.outbox._trouble = "the disk is full"
    found.append(daemon.unready())
    await daemon._upload.close()
    assert found == ["no ICMP socket is open", "", "the spool refuses batches"]


async def test_what_nobody_waited_for_is_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A bug in a callback is counted and logged with its traceback."""
    daemon = in_process(tmp_path)
    loop = asyncio.get_running_loop()
    daemon._unhandled(loop, {"message": "a callback", "exception": AssertionError("a bug")})
    await daemon._upload.close()
    assert daemon.condition().restarts["loop"] == 1
    assert "unhandled: a callback" in caplog.text
    assert "AssertionError: a bug" in caplog.text


async def test_names_are_left_out_where_nobody_can_be_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A host without name server is traced without names, and that is said."""

    def absent(*_: object) -> None:
        raise ConfigError("no name server")

    configure(tmp_path)
    file = tmp_path / "agent.toml"
    file.write_text(file.read_text().replace("names = false", ""))
    monkeypatch.setattr("agent.resolvconf.chosen", absent)
    daemon = Daemon(config.load(file), Options())
    await daemon._upload.close()
    assert (None, ["no name server; hops stay without names"]) == (daemon._names, caplog.messages)


async def test_low_limits_are_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Two targets, 20 times a second each."""
    file = configure(tmp_path, collector=False)
    file.write_text(file.read_text().replace("[limits]", "[limits]\npackets_per_s = 39"))
    Daemon(config.load(file), Options())
    assert "ask for 40 echo requests a second and [limits] packets_per_s allows 39" in caplog.text
