"""Strangers at the door: slow ones, many, endless bodies, wrong types, paths that climb."""

import asyncio
import contextlib
import resource
import time
import zlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiohttp
import pytest
from aiohttp.test_utils import TestClient, TestServer

from agent import wire
from collector import server
from collector.chain import Chain
from collector.live import Live
from collector.web import handlers, openapi
from tests.fakes import repetitions
from tests.fakes.collector_durable import StoppedClock, batch, config, token
from tests.fakes.collector_face import CONFIG
from tests.fakes.collector_ports import FakeClock, FakeIntake

IDLE = 10_000
CLIMBS = ("../../etc/passwd", "..%2f..%2fetc%2fpasswd", "/etc/passwd", "....//etc/passwd", "\x00")
JUNK = ("", "-1", "1e999", "NaN", "' OR 1=1 --", "\x00", "x" * 5000, "☃")

pytestmark = [pytest.mark.fault, pytest.mark.timeout(repetitions.NOW.timeout_s)]


@pytest.fixture
async def client() -> AsyncIterator[TestClient]:
    """A client of the application, served as the collector serves it."""
    found = TestServer(handlers.application(FakeIntake(), CONFIG, FakeClock()))
    await found.start_server(auto_decompress=False)
    async with TestClient(found) as one:
        yield one


def parameters() -> Iterator[tuple[str, str, str]]:
    """Give (path, parameter, where it stands) for all that the collector describes."""
    for path, methods in openapi.document()["paths"].items():
        for row in methods.get("get", {}).get("parameters", ()):
            yield path, row["name"], row["in"]


@pytest.mark.parametrize(("path", "name", "where"), list(parameters()))
async def test_no_parameter_climbs_or_breaks(
    client: TestClient, path: str, name: str, where: str
) -> None:
    """Whatever stands in a parameter: an answer, no file of the host, and never a bug."""
    for text in CLIMBS + JUNK:
        if where == "query":
            answer = await client.get(path, params={name: text})
        elif where == "path":
            quoted = text.replace("\x00", "%00")
            answer = await client.get(path.replace(f"{{{name}}}", quoted or "-"))
        else:
            continue
        body = await answer.read()
        assert b"root:" not in body
        assert answer.status < 500, (text, body)


async def test_paths_that_climb_lead_nowhere(client: TestClient) -> None:
    """A path is what is listed, or nothing."""
    reader, writer = await asyncio.open_connection(client.host, client.port)
    for path in ("/static/../../etc/passwd", "/../etc/passwd", "//etc/passwd", "/static/..%2fx"):
        writer.write(f"GET {path} HTTP/1.1\r\nHost: c\r\n\r\n".encode())
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
        assert head.split()[1] in {b"404", b"400"}, head
        length = next(
            int(line.split()[1]) for line in head.splitlines() if b"Content-Length" in line
        )
        assert b"root:" not in await reader.readexactly(length)
    writer.close()


@pytest.mark.parametrize("kind", ["text/html", "application/json", "multipart/form-data", ""])
async def test_wrong_types_are_no_batches(tmp_path: Path, kind: str) -> None:
    """What is no batch is refused by what it is, whatever it calls itself; a batch is one."""
    async with serving(tmp_path) as (session, chain):
        headers = {"Authorization": f"Bearer {token(0)}", "Content-Type": kind}
        for body, expected in ((b"<html>" * 40, 400), (wire.encode(batch(0)), 204)):
            async with session.post("/v1/batches", data=body, headers=headers) as answer:
                assert expected == answer.status
        assert {"magic": 1} == chain.counts.rejected


@contextlib.asynccontextmanager
async def serving(directory: Path) -> AsyncIterator[tuple[aiohttp.ClientSession, Live]]:
    """Serve a real chain on a Unix socket and on loopback; gives a session and the chain."""
    found = config(directory / "store")
    path = directory / "s"
    listen = (f"unix:{path}",)
    live = Live(found, lambda one: Chain(one, clock=StoppedClock()))
    runner = server.web.AppRunner(
        handlers.application(live, found, StoppedClock()),
        auto_decompress=False,
        keepalive_timeout=server.KEEPALIVE_S,
    )
    await runner.setup()
    listening = server.Listening(runner)
    await listening.open(listen, None)
    connector = aiohttp.UnixConnector(str(path))
    try:
        async with live, aiohttp.ClientSession("http://c", connector=connector) as session:
            yield session, live
    finally:
        await runner.cleanup()
        listening.close()


async def test_slow_ones_are_let_go_and_hold_nobody_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who sends headers octet by octet is closed after a while; batches pass meanwhile."""
    monkeypatch.setattr(server, "KEEPALIVE_S", 0.5)
    async with serving(tmp_path) as (session, _):
        closed: list[float] = []

        async def drip() -> None:
            began = time.monotonic()
            reader, writer = await asyncio.open_unix_connection(tmp_path / "s")
            with contextlib.suppress(ConnectionError):
                for octet in b"POST /v1/batches HTTP/1.1\r\nX-Slow: " + b"x" * 400:
                    writer.write(bytes([octet]))
                    await writer.drain()
                    if reader.at_eof():
                        break
                    await asyncio.sleep(0.02)
            closed.append(time.monotonic() - began)
            writer.close()

        dripping = [asyncio.create_task(drip()) for _ in range(50)]
        headers = {"Authorization": f"Bearer {token(0)}"}
        for sequence in range(20):
            body = wire.encode(batch(sequence))
            async with session.post("/v1/batches", data=body, headers=headers) as answer:
                assert 204 == answer.status
        await asyncio.gather(*dripping)
        assert 50 == len(closed)
        assert max(closed) < 6


async def test_bombs_and_endless_bodies_cost_little(tmp_path: Path) -> None:
    """A bomb is refused at its ratio, an endless body at the limit; memory stays where it was."""
    async with serving(tmp_path) as (session, live):
        headers = {"Authorization": f"Bearer {token(0)}", "Content-Encoding": "deflate"}
        bomb = zlib.compress(b"\0" * 90_000_000, 9)[:99_000]
        before_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

        async def send() -> int:
            async with session.post("/v1/batches", data=bomb, headers=headers) as answer:
                return answer.status

        assert {413} == set(await asyncio.gather(*(send() for _ in range(20))))
        grown_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kib
        assert grown_kib < 50_000
        assert {"inflated": 20} == live.counts.rejected


@pytest.mark.slow
async def test_ten_thousand_idle_connections_hold_nobody_up(tmp_path: Path) -> None:
    """They are kept, they cost little, and a batch is acknowledged as if nobody else were there."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2 * IDLE + 500
    idle = min(IDLE, (hard - 500) // 2)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, wanted), hard))
    try:
        async with serving(tmp_path) as (session, live):
            writers = []
            for _ in range(idle):
                _, writer = await asyncio.open_unix_connection(tmp_path / "s")
                writers.append(writer)
            headers = {"Authorization": f"Bearer {token(0)}"}
            waits = []
            for sequence in range(20):
                began = time.monotonic()
                body = wire.encode(batch(sequence))
                async with session.post("/v1/batches", data=body, headers=headers) as answer:
                    assert 204 == answer.status
                waits.append(time.monotonic() - began)
            assert sorted(waits)[10] < 1.0
            assert 20 == live.counts.accepted["agent-0"]
            for writer in writers:
                writer.close()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
