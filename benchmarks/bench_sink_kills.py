"""Shell: points that a database killed six times ends with, against a writer that forgets at a 204.

Both write the same windows at the same time, each to a VictoriaMetrics of its own (Debian's), and
both try again until they have a 204. Both servers are killed at the same six moments, and started
again at once. Ours keeps what was accepted for `lag_s` and reads it from the store's segments
again; the other has done with it. In the end each server is asked how many points it has: a
point that is there twice would show as well. The kills come more often than any server dies.
"""

import asyncio
import shutil
import socket
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import aiohttp
import numpy as np

from agent.records import Protocol, Series, Stamp
from benchmarks.results import Result
from collector.gate.intake import SinkCounts
from collector.samples.columns import Columns
from collector.samples.windows import Windows
from collector.settings.sinkrows import SinkSettings
from collector.sinks.backlog import Backlog
from collector.sinks.lineprotocol import Lines
from collector.sinks.sink import Sink
from collector.sinks.sinkclient import SinkDownError, connect
from collector.store import segments
from collector.store.catalog import Catalog

KILLS: Final = 6
KILL_EACH_S: Final = 4.0
SEAL_EACH_S: Final = 0.25
SERIES: Final = 600
LAG_S: Final = 15
GIVE_UP_S: Final = 120.0
S_NS: Final = 1_000_000_000
WIDTH_NS: Final = 10 * S_NS
BACK_S: Final = 3600
"""The first window lies so far in the past: an hour of windows fits."""

Named = Mapping[int, tuple[str, Series]]


class Server:
    """A VictoriaMetrics that can be killed."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self._port = int(listener.getsockname()[1])
        self.url = f"http://127.0.0.1:{self._port}"
        self._child: asyncio.subprocess.Process

    async def start(self) -> None:
        """Run it, and wait until it answers."""
        program = shutil.which("victoria-metrics")
        if program is None:
            raise SystemExit(
                "bench: victoria-metrics is missing:"
                " apt-get install --no-install-recommends victoria-metrics"
            )
        self._child = await asyncio.create_subprocess_exec(
            *(program, f"-httpListenAddr=127.0.0.1:{self._port}", "-search.latencyOffset=0s"),
            *(f"-storageDataPath={self._directory}", "-retentionPeriod=100y"),
            "-dedup.minScrapeInterval=1ms",
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        async with asyncio.timeout(GIVE_UP_S):
            while await self.asked("/health") is None:  # noqa: ASYNC110 - nobody announces it
                await asyncio.sleep(0.05)

    async def kill(self) -> None:
        """End it as a crash does."""
        self._child.kill()
        await self._child.wait()

    async def asked(self, path: str, **params: str) -> bytes | None:
        """Return what it answers, None where it does not."""
        try:
            async with (
                aiohttp.ClientSession() as http,
                http.get(self.url + path, params=params) as answer,
            ):
                return await answer.read() if answer.ok else None
        except aiohttp.ClientError:
            return None

    async def points(self, at_s: int) -> int:
        """Return how many points of one name it has."""
        await self.asked("/internal/force_flush")
        query = f"sum(count_over_time(borne_probes_received[{BACK_S}s]))"
        found = await self.asked("/api/v1/query", query=query, time=str(at_s), nocache="1")
        value = (found or b"").rpartition(b',"')[2].partition(b'"')[0]
        return int(value) if value.isdigit() else 0


class Forgetting:
    """Writes each window once, tries again until there is a 204, and has done with it."""

    def __init__(self, url: str, named: Named) -> None:
        self._settings = SinkSettings(kind="victoriametrics", name="peer", url=url)
        self._lines = Lines(named.__getitem__)
        self.queue: asyncio.Queue[Columns] = asyncio.Queue()

    async def run(self) -> None:
        """Write until the end."""
        while True:
            octets = self._lines.of(await self.queue.get()).octets
            while not await self._written(octets):  # noqa: ASYNC110 - the same
                await asyncio.sleep(0.2)
            self.queue.task_done()

    async def _written(self, octets: bytes) -> bool:
        try:
            async with connect(self._settings) as server:
                await server.write(octets)
        except SinkDownError:
            return False
        return True


def measure() -> list[Result]:
    """Return how many points are missing at the end, ours and theirs."""
    with tempfile.TemporaryDirectory() as directory:
        sent, ours, theirs = asyncio.run(_played(Path(directory)))
    lost, forgotten = sent - ours, sent - theirs
    return [
        Result(
            claim="sink_points_lost",
            unit=f"points of {sent}",
            ours=lost,
            peer=forgotten,
            peer_name="InfluxDBClientAsync, forgotten at the 204",
            ratio=None,
            goal=f"= 0 after {KILLS} kills",
            holds=lost == 0,
            spread=f"{lost} to {lost}",
        )
    ]


async def _played(home: Path) -> tuple[int, int, int]:
    """Return how many points were sent, and how many each server has in the end."""
    named = {row: ("paris-1", series(row)) for row in range(SERIES)}
    servers = Server(home / "ours"), Server(home / "theirs")
    for server in servers:
        await server.start()
    (home / "segments").mkdir()
    catalog = Catalog(home)
    backlog = Backlog(catalog, home / "segments", named.__getitem__)
    settings = SinkSettings(kind="victoriametrics", name="ours", url=servers[0].url, lag_s=LAG_S)
    peer = Forgetting(servers[1].url, named)
    writing = asyncio.create_task(peer.run())
    try:
        async with Sink(settings, backlog, SinkCounts()) as sink:
            killing = asyncio.create_task(_killed(servers))
            end_s, windows = await _sealed(home, catalog, sink, peer, named, killing)
            await asyncio.wait_for(peer.queue.join(), GIVE_UP_S)
            async with asyncio.timeout(GIVE_UP_S):
                while catalog.segments_after(catalog.cursor("ours")):  # noqa: ASYNC110 - the same
                    await asyncio.sleep(0.2)
        found = [await server.points(end_s) for server in servers]
    finally:
        writing.cancel()
        for server in servers:
            await server.kill()
        catalog.close()
    return windows * SERIES, found[0], found[1]


async def _killed(servers: tuple[Server, Server]) -> None:
    for _ in range(KILLS):
        await asyncio.sleep(KILL_EACH_S)
        for server in servers:
            await server.kill()
        for server in servers:
            await server.start()


async def _sealed(
    home: Path,
    catalog: Catalog,
    sink: Sink,
    peer: Forgetting,
    named: Named,
    killing: asyncio.Task[None],
) -> tuple[int, int]:
    """Seal a window of each series again and again while servers are killed.

    Returns the end of the last window (Unix time), and how many windows each series has.
    """
    start_s = int(time.time()) // 10 * 10 - BACK_S
    windows = 0
    while not killing.done():
        columns = _window(start_s + 10 * windows)
        made = segments.write_windows(home / "segments", columns, named, f"{windows:06d}")
        catalog.replace([], made)
        sink.stir()
        peer.queue.put_nowait(columns)
        windows += 1
        await asyncio.sleep(SEAL_EACH_S)
    await killing
    return start_s + 10 * windows, windows


def _window(start_s: int) -> Columns:
    """Return a sealed window of each series, one reply in each."""
    windows = Windows(width_ns=WIDTH_NS, grace_ns=0)
    rtt_s = np.full(SERIES, 0.0125, dtype=np.float32)
    offsets = np.arange(SERIES + 1, dtype=np.uint32)
    dt_ms = np.zeros(SERIES, dtype=np.uint16)
    windows.add(np.arange(SERIES, dtype=np.uint32), offsets, rtt_s, dt_ms, start_s * S_NS)
    return windows.seal(start_s * S_NS + 2 * WIDTH_NS)


def series(row: int) -> Series:
    """Return the descriptor of a row."""
    return Series(
        id=row,
        zone="aws/eu-west-3",
        target=f"192.0.{row >> 8}.{row & 255}",
        family=4,
        protocol=Protocol.ICMP,
        stamp=Stamp.KERNEL,
    )
