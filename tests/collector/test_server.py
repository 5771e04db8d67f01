"""The collector as a process: it listens early, never steals an address, and ends in order."""

import asyncio
import contextlib
import hashlib
import os
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Self

import aiohttp
import msgspec
import pytest

from agent import wire
from agent.records import AgentId, Batch, Descriptors, Protocol, Series, SpoolId, Stamp
from collector import server
from collector.errors import ConfigError, StoreError
from collector.gate.callers import Caller
from collector.settings.config import Config
from tests.fakes.collector_face import (
    CONFIG,
)
from tests.fakes.collector_ports import FakeClock, FakeIntake


class FakeChain(FakeIntake):
    """An intake whose opening and closing wait for the test."""

    def __init__(self) -> None:
        super().__init__()
        self.ready = False
        self.may_open = asyncio.Event()
        self.may_close = asyncio.Event()
        self.may_accept = asyncio.Event()
        for event in (self.may_open, self.may_close, self.may_accept):
            event.set()
        self.entered = asyncio.Event()
        self.accepting = asyncio.Event()
        self.error: Exception | None = None
        self.story: list[str] = []
        self.told = False

    def tell(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Tell this process to end."""
        self.told = True
        os.kill(os.getpid(), number)

    async def __aenter__(self) -> Self:
        """Open once the test lets it."""
        self.entered.set()
        await self.may_open.wait()
        if self.error is not None:
            raise self.error
        self.ready = True
        self.story.append("opened")
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close once the test lets it."""
        await self.may_close.wait()
        self.ready = False
        self.story.append("closed")

    async def accept(self, body: bytes, encoding: str, caller: Caller) -> None:
        """Take a batch once the test lets it."""
        self.accepting.set()
        await self.may_accept.wait()
        await super().accept(body, encoding, caller)
        self.story.append("stored")


def on(*listen: str) -> Config:
    """Return the settings of a collector that listens on these addresses."""
    return msgspec.structs.replace(CONFIG, listen=listen)


@contextlib.asynccontextmanager
async def serving(chain: FakeChain, *listen: str) -> AsyncIterator["asyncio.Task[None]"]:
    """Serve; a test that does not end the server itself has it ended by SIGTERM."""
    task = asyncio.create_task(server.serve(on(*listen), chain, FakeClock()))
    entered = asyncio.create_task(chain.entered.wait())
    await asyncio.wait({task, entered}, return_when=asyncio.FIRST_COMPLETED)
    try:
        yield task
    finally:
        entered.cancel()
        if not task.done() and not chain.told:
            chain.tell()
        await asyncio.wait_for(task, 5)


@contextlib.asynccontextmanager
async def client(path: Path) -> AsyncIterator[aiohttp.ClientSession]:
    """Give a session through a Unix socket."""
    connector = aiohttp.UnixConnector(str(path))
    async with aiohttp.ClientSession("http://collector", connector=connector) as session:
        yield session


async def status(session: aiohttp.ClientSession, address: str) -> int:
    """Return the status of an answer."""
    async with session.get(address) as answer:
        return answer.status


async def becomes_ready(session: aiohttp.ClientSession) -> None:
    """Wait until `/-/ready` says so."""
    async with asyncio.timeout(5):
        while await status(session, "/-/ready") != 200:
            pass


async def test_listens_before_the_store_is_open(tmp_path: Path) -> None:
    """While the journal is replayed the process is healthy and not ready; then it is ready."""
    chain, path = FakeChain(), tmp_path / "s"
    chain.may_open.clear()
    async with serving(chain, f"unix:{path}"), client(path) as session:
        assert await status(session, "/-/healthy") == 200
        assert await status(session, "/-/ready") == 503
        chain.may_open.set()
        await becomes_ready(session)
    assert chain.story == ["opened", "closed"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_ends_in_order(tmp_path: Path, number: signal.Signals) -> None:
    """A batch that was begun is stored and acknowledged before the store is closed."""
    chain, path = FakeChain(), tmp_path / "s"
    chain.may_accept.clear()
    async with serving(chain, f"unix:{path}") as task, client(path) as session:
        await becomes_ready(session)
        sending = asyncio.create_task(session.post("/v1/batches", data=b"batch"))
        await chain.accepting.wait()
        chain.tell(number)
        await asyncio.sleep(0.05)
        assert not task.done()
        chain.may_accept.set()
        answer = await sending
        assert answer.status == 204
        await asyncio.wait_for(task, 5)
    assert chain.story == ["opened", "stored", "closed"]


async def test_new_connections_are_refused_while_it_drains(tmp_path: Path) -> None:
    """Who comes after the signal finds nobody listening, and an agent then keeps its batch."""
    chain, path = FakeChain(), tmp_path / "s"
    chain.may_close.clear()
    async with serving(chain, f"unix:{path}"), client(path) as session:
        await becomes_ready(session)
        chain.tell()
        await asyncio.sleep(0.05)
        with pytest.raises(aiohttp.ClientConnectorError):
            await status(session, "/-/healthy")
        chain.may_close.set()


async def test_end_while_it_opens(tmp_path: Path) -> None:
    """A signal during the replay ends it in order as well."""
    chain, path = FakeChain(), tmp_path / "s"
    chain.may_open.clear()
    async with serving(chain, f"unix:{path}"):
        chain.tell()
        await asyncio.sleep(0.02)
        chain.may_open.set()
    assert chain.story == ["opened", "closed"]


@pytest.mark.parametrize("signals", [1, 2])
async def test_end_has_a_deadline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, signals: int
) -> None:
    """What does not close within the deadline, or until a second signal, is abandoned."""
    reasons: list[str] = []
    monkeypatch.setattr(server, "_abandon", reasons.append)
    monkeypatch.setattr(server, "DRAIN_S", 0.1 if signals == 1 else 60.0)
    chain, path = FakeChain(), tmp_path / "s"
    chain.may_close.clear()
    async with serving(chain, f"unix:{path}"), client(path) as session:
        await becomes_ready(session)
        for _ in range(signals):
            chain.tell()
            await asyncio.sleep(0.2)
        chain.may_close.set()
    assert reasons == (["0.1 s are over"] if signals == 1 else ["a second signal"])


async def test_listens_on_several_addresses(tmp_path: Path) -> None:
    """TCP, a Unix socket and an inherited socket answer at the same time."""
    with socket.create_server(("127.0.0.1", 0)) as inherited:
        port = inherited.getsockname()[1]
        path = tmp_path / "s"
        addresses = (f"fd:{os.dup(inherited.fileno())}", f"unix:{path}", "127.0.0.1:0")
        async with serving(FakeChain(), *addresses), client(path) as session:
            assert await status(session, "/-/healthy") == 200
            async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as other:
                assert await status(other, "/-/healthy") == 200


async def test_what_is_no_http_costs_one_line(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A stranger's octets are refused and leave no traceback in the log."""
    path = tmp_path / "s"
    with caplog.at_level("INFO"):
        async with serving(FakeChain(), f"unix:{path}"):
            reader, writer = await asyncio.open_unix_connection(path)
            writer.write(b"GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n")
            assert (await reader.read()).startswith(b"HTTP/1.0 400 ")
            writer.close()
    (record,) = [one for one in caplog.records if one.name == "collector.server.requests"]
    assert ("INFO", None) == (record.levelname, record.exc_info)
    assert "no_http" == record.__dict__["event"]
    assert record.getMessage().startswith("refuses what is no HTTP: ")


async def test_taken_port_is_named() -> None:
    """A port that another program has is a mistake of the settings, in one line."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(ConfigError) as caught:
            await server.serve(on(address), FakeChain(), FakeClock())
    assert str(caught.value) == f"cannot listen on {address}: Address already in use"


async def test_socket_of_another_program_is_left_to_it(tmp_path: Path) -> None:
    """A Unix socket that answers is never taken nor removed."""
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(path))
        other.listen()
        with pytest.raises(ConfigError, match="another program answers there"):
            await server.serve(on(f"unix:{path}"), FakeChain(), FakeClock())
        assert path.exists()


async def test_socket_left_by_a_crash_is_taken_and_removed(tmp_path: Path) -> None:
    """A file on which nobody listens is in nobody's way, and none is left at the end."""
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    async with serving(FakeChain(), f"unix:{path}"), client(path) as session:
        assert await status(session, "/-/healthy") == 200
    assert not path.exists()


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("fd:999", "cannot listen on fd:999: Bad file descriptor"),
        ("unix:/nowhere/at/all/s", "cannot listen on unix:/nowhere/at/all/s: No such file"),
    ],
)
async def test_impossible_addresses(address: str, expected: str) -> None:
    """What cannot be listened on is named with the system's reason."""
    with pytest.raises(ConfigError) as caught:
        await server.serve(on(address), FakeChain(), FakeClock())
    assert str(caught.value).startswith(expected)


async def test_inherited_datagram_socket_is_refused() -> None:
    """A socket that cannot be listened on is refused and stays the parent's."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as found:
        with pytest.raises(ConfigError, match="it is no stream socket"):
            await server.serve(on(f"fd:{found.fileno()}"), FakeChain(), FakeClock())
        assert found.getsockname() is not None


async def test_unusable_store_ends_the_process(tmp_path: Path) -> None:
    """A store that cannot be opened is told; the socket's file is gone."""
    chain, path = FakeChain(), tmp_path / "s"
    chain.error = StoreError("open the catalogue: no space")
    with pytest.raises(StoreError, match="no space"):
        await server.serve(on(f"unix:{path}"), chain, FakeClock())
    assert not path.exists()


TOML = """
[store]
directory = "store"

[[agents]]
name = "paris"
id = "{agent}"
token_sha256 = "{digest}"
city = "Paris"
territory = "FR"
latitude = 48.8566
longitude = 2.3522
radius_km = 15
"""
AGENT = bytes(range(16))
TOKEN = "a token of a test"  # noqa: S105 - known to this test alone


def batch(sequence: int, base_ns: int) -> bytes:
    """Return a batch with one reply of 12.5 ms."""
    series = Series(
        id=1, zone="a/b", target="t", family=4, protocol=Protocol.ICMP, stamp=Stamp.USER
    )
    return wire.encode(
        Batch(
            agent_id=AgentId(AGENT),
            boot_id=bytes(16),
            spool_id=SpoolId(bytes(16)),
            sequence=sequence,
            base_ns=base_ns,
            clock_error_ns=-1,
            series_ids=[1],
            offsets=[0, 1],
            rtt_s=[0.0125],
            reply_dt_ms=[0],
            event_series=[],
            event_dt_ms=[],
            event_outcome=[],
            descriptors=Descriptors(series=(series,)),
        )
    )


@contextlib.asynccontextmanager
async def program(directory: Path) -> AsyncIterator[aiohttp.ClientSession]:
    """Run the real program; it must end with 0 within ten seconds of SIGTERM."""
    arguments = ["serve", "--config.file", "c.toml", "--web.listen-address", "unix:s"]
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "collector.cli", *arguments, cwd=directory
    )
    try:
        async with asyncio.timeout(60), client(directory / "s") as session:
            while True:
                with contextlib.suppress(aiohttp.ClientError):
                    if await status(session, "/-/ready") == 200:
                        break
                await asyncio.sleep(0.05)
            yield session
        child.terminate()
        assert await asyncio.wait_for(child.wait(), 10) == 0
    finally:
        with contextlib.suppress(ProcessLookupError):
            child.kill()
        await child.wait()


@pytest.mark.slow
async def test_real_program_keeps_what_it_acknowledged(tmp_path: Path) -> None:
    """A batch is taken, answered for, kept over a restart, and not counted twice."""
    digest = hashlib.sha256(TOKEN.encode()).hexdigest()
    text = TOML.format(agent=AGENT.hex(), digest=digest)
    (tmp_path / "c.toml").write_text(text, encoding="utf-8")
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Encoding": "deflate"}
    body = wire.deflate(batch(1, time.time_ns() - 5 * 10**9))
    for _ in range(2):
        async with program(tmp_path) as session:
            async with session.post("/v1/batches", data=body, headers=headers) as answer:
                assert answer.status == 204
            async with session.get("/v1/zones") as answer:
                zones = (await answer.json())["zones"]
            async with session.get("/") as answer:
                assert "a/b" in await answer.text()
        assert [(row["zone"], row["received"]) for row in zones] == [("a/b", 1)]
        assert zones[0]["p50_s"] == pytest.approx(0.0125, rel=0.0055)
    assert not (tmp_path / "s").exists()
