"""A reload: what is in force after it, what it refuses, and that it says so."""

import asyncio
import contextlib
import errno
import hashlib
import logging
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from types import ModuleType
from typing import Self

import aiohttp
import pytest

from agent import wire
from collector import server
from collector.chain import Chain
from collector.errors import StoreError
from collector.live import Live
from collector.settings.config import Config, load
from collector.sinks import lineprotocol, sinkclient
from tests.fakes.collector_durable import StoppedClock, batch, token

AGENT = """
[[agents]]
name = "agent-{number}"
id = "{ident}"
token_sha256 = "{digest}"
city = "Paris"
territory = "FR"
latitude = 48.85
longitude = 2.35
radius_km = 10
"""
OPERATOR = "an operator's token"


def sha256(text: str) -> str:
    """Return the hex digest of a text."""
    return hashlib.sha256(text.encode()).hexdigest()


class Room:
    """A settings file and the server that goes by it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.file = directory / "c.toml"
        self.socket = directory / "s"
        (directory / "tokens").write_text(f"operator alice {sha256(OPERATOR)}\n")
        self.write(agents=1)

    def write(self, *, agents: int, web: str = "", store: str = "store", rest: str = "") -> None:
        """Write the settings of some agents."""
        tables = [
            AGENT.format(number=n, ident=bytes([n] * 16).hex(), digest=sha256(token(n)))
            for n in range(agents)
        ]
        tokens = f'tokens_file = "{self.directory / "tokens"}"'
        head = f'[web]\nlisten = ["unix:{self.socket}"]\n{tokens}\n{web}\n'
        store = f'[store]\ndirectory = "{self.directory / store}"\n'
        self.file.write_text(head + store + "".join(tables) + rest)

    def load(self) -> Config:
        """Read the settings."""
        return load(self.file)


@contextlib.asynccontextmanager
async def serving(
    room: Room, kind: type[Chain] = Chain
) -> AsyncIterator[tuple[aiohttp.ClientSession, "asyncio.Task[None]"]]:
    """Serve, and give a session through the one connection that is ever made."""
    config = room.load()
    live = Live(config, lambda settings: kind(settings, clock=StoppedClock()))
    task = asyncio.create_task(server.serve(config, live, StoppedClock(), room.load))
    connector = aiohttp.UnixConnector(str(room.socket), limit=1)
    async with aiohttp.ClientSession("http://c", connector=connector) as session:
        async with asyncio.timeout(20):
            while not live.ready:  # noqa: ASYNC110 - a start tells nobody
                await asyncio.sleep(0.01)
        yield session, task
    if not task.done():
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.wait_for(task, 10)


async def deliver(session: aiohttp.ClientSession, agent: int, sequence: int = 0) -> int:
    """Return the answer to a batch of an agent."""
    headers = {"Authorization": f"Bearer {token(agent)}"}
    body = wire.encode(batch(sequence, agent=agent))
    async with session.post("/v1/batches", data=body, headers=headers) as answer:
        return answer.status


async def reload(session: aiohttp.ClientSession, by: str = OPERATOR) -> tuple[int, str]:
    """Ask for a reload; return status and body."""
    headers = {"Authorization": f"Bearer {by}"}
    async with session.post("/-/reload", headers=headers) as answer:
        return answer.status, await answer.text()


async def metric(session: aiohttp.ClientSession, name: str) -> float:
    """Return a metric without labels."""
    headers = {"Authorization": aiohttp.encode_basic_auth("any", OPERATOR)}
    async with session.get("/metrics", headers=headers) as answer:
        lines = (await answer.text()).splitlines()
    (value,) = [line.split()[1] for line in lines if line.startswith(f"{name} ")]
    return float(value)


@pytest.fixture
def room(tmp_path: Path) -> Room:
    """A directory with settings."""
    return Room(tmp_path)


async def test_another_agent_is_let_in_without_a_connection_lost(room: Room) -> None:
    """The same connection brings batches before and after, and nothing counts twice."""
    async with serving(room) as (session, _):
        assert (204, 401) == (await deliver(session, 0), await deliver(session, 1))
        room.write(agents=2)
        assert (200, "Borne collector has read its settings again.\n") == await reload(session)
        assert (204, 204) == (await deliver(session, 0), await deliver(session, 1))
        assert 1 == await metric(session, "borne_batches_duplicate_total")
        assert 1 == await metric(session, "borne_config_last_reload_successful")


WRONG = {
    "no TOML": ("[web", "not TOML"),
    "an unknown key": ({"rest": "\n[limits]\nbody = 1\n"}, "[limits] unknown key"),
    "another directory": ({"store": "other"}, "[store] directory changes with a restart alone"),
    "no such certificate": (
        {"web": '[web.tls]\ncertificate_file = "absent"\nkey_file = "absent"\n'},
        "[web.tls] cannot use the certificate in absent and absent",
    ),
    "no such tables": ({"rest": '\n[atlas]\ndirectory = "/nowhere"\n'}, "/nowhere"),
}


@pytest.mark.parametrize("case", WRONG)
async def test_what_cannot_be_used_changes_nothing(room: Room, case: str) -> None:
    """The answer says why, the metric is 0, the settings before hold; a good file mends it."""
    wrong, expected = WRONG[case]
    async with serving(room) as (session, _):
        if isinstance(wrong, str):
            room.file.write_text(wrong)
        else:
            room.write(agents=2, **wrong)
        status, text = await reload(session)
        assert 500 == status
        assert expected in text
        assert (204, 401) == (await deliver(session, 0), await deliver(session, 1))
        assert 0 == await metric(session, "borne_config_last_reload_successful")
        room.write(agents=2)
        assert 200 == (await reload(session))[0]
        assert (204, 204) == (await deliver(session, 0), await deliver(session, 1))
        assert 1 == await metric(session, "borne_config_last_reload_successful")


async def test_sighup_reloads(room: Room, caplog: pytest.LogCaptureFixture) -> None:
    """The signal does what the address does; a failure is in the log with its event."""
    async with serving(room) as (session, _), asyncio.timeout(20):
        assert 401 == await deliver(session, 1)
        room.write(agents=2)
        os.kill(os.getpid(), signal.SIGHUP)
        while await deliver(session, 1) != 204:  # noqa: ASYNC110 - a signal has no answer
            await asyncio.sleep(0.01)
        room.file.write_text("[web")
        os.kill(os.getpid(), signal.SIGHUP)
        name = "borne_config_last_reload_successful"
        while await metric(session, name):  # noqa: ASYNC110 - a signal has no answer
            await asyncio.sleep(0.01)
        assert 204 == await deliver(session, 1)
    assert "reload_failed" in [getattr(row, "event", None) for row in caplog.records]


async def test_only_an_operator_reloads(room: Room) -> None:
    """An agent's token, or none, reloads nothing and reads nothing; tokens are read again too."""
    async with serving(room) as (session, _):
        assert 401 == (await reload(session, token(0)))[0]
        async with session.get("/v1/zones") as answer:
            assert 401 == answer.status
            assert any("Basic" in way for way in answer.headers.getall("WWW-Authenticate"))
        async with session.get("/-/ready") as answer:
            assert 200 == answer.status
        (room.directory / "tokens").write_text(f"reader alice {sha256(OPERATOR)}\n")
        assert 200 == (await reload(session))[0]
        assert 403 == (await reload(session))[0]
        headers = {"Authorization": f"Bearer {OPERATOR}"}
        async with session.get("/v1/zones", headers=headers) as answer:
            assert 200 == answer.status
        async with session.get("/v1/evidence", headers=headers) as answer:
            assert 403 == answer.status


class Once(Chain):
    """A chain that opens once."""

    opened = 0

    async def __aenter__(self) -> Self:
        """Open, the first time."""
        if Once.opened:
            raise StoreError("the disk is gone")
        Once.opened += 1
        await super().__aenter__()
        return self


async def test_a_store_that_never_opens_again_ends_the_program(room: Room) -> None:
    """Neither settings can be used: the program ends with the error, and says so to the caller."""
    async with serving(room, Once) as (session, task):
        room.write(agents=2)
        assert 500 == (await reload(session))[0]
        with pytest.raises(StoreError, match="the disk is gone"):
            await asyncio.wait_for(task, 10)


async def test_a_full_disk_keeps_the_settings_and_closes_nothing(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Batches and questions go on as before, and once there is room the settings are read."""

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    async with serving(room) as (session, _):
        room.write(agents=2)
        with monkeypatch.context() as patched:
            patched.setattr("collector.reload.publish", full)
            status, says = await reload(session)
            assert (500, True) == (status, "No space left on device" in says)
            assert (204, 401) == (await deliver(session, 0), await deliver(session, 1))
            assert 0 == await metric(session, "borne_config_last_reload_successful")
        assert 200 == (await reload(session))[0]
        assert 204 == await deliver(session, 1)
        assert not (room.directory / "store" / "reload").exists()


async def test_what_a_sink_needs_is_there_before_the_door_is_shut(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Kernels and library of the first sink take seconds: agents are answered meanwhile."""
    done, renew = list[str](), Live.renew

    async def renewed(live: Live, config: Config) -> None:
        done.append("renew")
        await renew(live, config)

    def imported() -> tuple[ModuleType, ModuleType]:
        done.append("library")
        return influx()

    influx = sinkclient.imported
    monkeypatch.setattr(Live, "renew", renewed)
    monkeypatch.setattr(sinkclient, "imported", imported)
    monkeypatch.setattr(lineprotocol, "warm", lambda: done.append("kernels"))
    async with serving(room) as (session, _):
        room.write(agents=1, rest=SINK)
        assert 200 == (await reload(session))[0]
        assert ["kernels", "library", "renew"] == done[:3]


SINK = """
[[sinks]]
name = "nobody"
kind = "victoriametrics"
url = "http://127.0.0.1:9"
"""
FEED = """
[[imports]]
kind = "geofeed"
name = "ours"
path = "{path}"
author = "me"
date = "2026-11-26"
"""


async def test_a_newer_file_of_an_import_is_read(room: Room) -> None:
    """The settings are the same, the file is not."""
    feed = room.directory / "feed.csv"
    feed.write_text("198.51.100.0/24,FR\n")
    room.write(agents=1, rest=FEED.format(path=feed))
    before = room.load()
    assert before == room.load()
    async with serving(room) as (session, _):
        feed.write_text("198.51.100.0/24,FR\n203.0.113.0/24,DE\n")
        assert before != room.load()
        assert 200 == (await reload(session))[0]
        assert 204 == await deliver(session, 0)


async def test_an_import_that_broke_changes_nothing(room: Room) -> None:
    """What was read of the file before holds; the caller is told why."""
    feed = room.directory / "feed.csv"
    feed.write_text("198.51.100.0/24,FR\n")
    room.write(agents=1, rest=FEED.format(path=feed))
    async with serving(room) as (session, _):
        feed.write_text("")
        status, text = await reload(session)
        assert (500, True) == (status, "has no line of a geofeed (RFC 8805)" in text)
        assert 204 == await deliver(session, 0)
        assert 0 == await metric(session, "borne_config_last_reload_successful")


async def test_a_reload_after_the_end_began_opens_nothing(
    room: Room, caplog: pytest.LogCaptureFixture
) -> None:
    """SIGHUP behind SIGTERM: the program ends in order, and nobody holds its store."""
    caplog.set_level(logging.INFO)
    async with serving(room) as (session, task):
        assert 204 == await deliver(session, 0)
        room.write(agents=2)
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGHUP):
            os.kill(os.getpid(), number)
        await asyncio.wait_for(task, 10)
    events = {getattr(row, "event", row.getMessage()) for row in caplog.records}
    assert {"drained"} == events & {"drained", "reloaded", "reload_bug", "reload_failed"}
    async with Chain(room.load(), clock=StoppedClock()) as after:
        assert after.ready


async def test_a_bug_in_a_reload_is_told(room: Room, caplog: pytest.LogCaptureFixture) -> None:
    """The answer is 500, the metric 0, the log has it; the settings before hold."""

    class Buggy(Chain):
        async def __aenter__(self) -> Self:
            if len(self._config.agents) > 1:
                raise AssertionError("a bug")
            return await super().__aenter__()

    async with serving(room, Buggy) as (session, _):
        room.write(agents=2)
        assert 500 == (await reload(session))[0]
        os.kill(os.getpid(), signal.SIGHUP)
        async with asyncio.timeout(20):
            while "reload_bug" not in {  # noqa: ASYNC110 - a signal has no answer
                getattr(row, "event", "") for row in caplog.records
            }:
                await asyncio.sleep(0.01)
        assert 204 == await deliver(session, 0)
        assert 0 == await metric(session, "borne_config_last_reload_successful")
        assert 2 == await metric(session, 'borne_collector_faults_total{place="reload"}')
