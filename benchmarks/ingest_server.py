"""Shell: the collector's own server in a process of its own, for the benchmarks of its door.

Usage: `python -m benchmarks.ingest_server '{"form": ..., "journal": ..., ...}'`. It listens on a
free port of loopback, prints `PORT`, and serves until its input ends.

    GET /cpu    seconds of this process' CPU so far
    GET /held   replies that are counted: in memory and in segments
    GET /seal   take a checkpoint, say its number
    GET /kept   batches that are in the journal
    GET /rss    octets resident

Rules
- Server, identity, queues, registry, aggregator and checks are the collector's. A peer differs in
  what it is named after: in how a body becomes a batch, or in how it is made durable.
"""

import asyncio
import contextlib
import hashlib
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import cramjam
import msgspec
from aiohttp import web

from agent.records import Batch
from benchmarks.ingest_bodies import FORMS, agent_id
from collector import memory
from collector.chain import Chain
from collector.clock import WallClock
from collector.gate import bodies, frames, ingest, replay, tls
from collector.gate.frames import Entry
from collector.gate.twins import Print
from collector.records import Place, Vantage
from collector.settings.config import Config
from collector.settings.limits import Limits
from collector.settings.websettings import Tls
from collector.state import State
from collector.store import segments
from collector.web import handlers

PATIENCE_S = 600
"""How long a connection may idle: a fleet takes minutes to come together on one loopback."""
PARIS = Place(name="Paris", territory="FR", latitude=48.85, longitude=2.35, radius_km=20)


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be measured."""

    form: str = "csr"
    journal: str = "group"
    """`group` (ours), `threads` or `blocking`: one fdatasync a request."""
    aggregate: bool = True
    """Whether what is durable is applied; else it is only marked: the disk is what is measured."""
    agents: int = 50
    tls: tuple[str, str] | None = None
    """Certificate and key; None: plain."""
    settled: bool = True
    """Whether TLS buffers are those of the collector, or asyncio's own."""


class OneByOne:
    """A journal that makes each batch durable by itself: what the group is compared with."""

    def __init__(self, path: Path, *, threads: bool) -> None:
        """Write to `path`."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        self._descriptor = os.open(path, flags, 0o600)
        self._pool = ThreadPoolExecutor() if threads else None

    async def append(self, entry: Entry, deliver: Callable[[], None]) -> None:
        """Write, sync and deliver."""
        if self._pool is None:
            self._write(entry, deliver)
        else:
            loop = asyncio.get_running_loop()
            await loop.run_in_executor(self._pool, self._write, entry, deliver)

    def _write(self, entry: Entry, deliver: Callable[[], None]) -> None:
        os.write(self._descriptor, frames.encode(entry))
        os.fdatasync(self._descriptor)
        deliver()


def _reader(form: str) -> Callable[[bytes, str, Limits], tuple[bytes, Batch]]:
    """Return what reads a peer's body in place of `bodies.read`."""
    unpack = FORMS[form].unpack

    def read(body: bytes, encoding: str, _: Limits) -> tuple[bytes, Batch]:
        content = bytes(cramjam.snappy.decompress_raw(body)) if encoding == "snappy" else body
        return content, unpack(content)

    return read


@contextlib.contextmanager
def _instead(order: Order) -> Iterator[None]:
    """Let peers read bodies their own way for as long as the server runs."""
    if order.form in {"json", "remote"}:
        bodies.read = _reader(order.form)
        ingest.print_of = lambda *_: Print(0, 0, 0)
    if not order.aggregate:
        State.apply = _mark  # type: ignore[method-assign]
    yield


def _mark(state: State, vantage: Vantage, batch: Batch, _: int) -> Mapping[str, int]:
    """Note that a batch is stored and what it describes, and leave it at that."""
    described = batch.descriptors.series
    state.registry.describe(batch.agent_id, vantage.name, batch.spool_id, described)
    state.marks.move(batch.agent_id, batch.spool_id, batch.sequence)
    return {}


def configured(directory: Path, agents: int) -> Config:
    """Return the settings of so many agents, without a checkpoint that nobody asked for."""
    return Config(
        directory=directory,
        agents=tuple(
            Vantage(
                name=f"agent-{number}",
                agent_id=agent_id(number),
                token_sha256=hashlib.sha256(f"token-{number}".encode()).hexdigest(),
                place=PARIS,
            )
            for number in range(agents)
        ),
        limits=Limits(backlog_octets=1 << 30, series=1_000_000, journal_octets=1 << 40),
        checkpoint_interval_s=3600,
    )


def _kept(directory: Path) -> int:
    """Return how many batches the journal files below a directory hold."""
    files = directory.rglob("*.bin")
    return sum(isinstance(one, Entry) for file in files for one in replay.scanned(file))


def _held(chain: Chain, directory: Path) -> int:
    """Return how many replies are in windows: open, sealed, or in a segment."""
    written = [row.name for row in chain._start.segments if row.kind == "windows"]  # noqa: SLF001
    home = next(iter(directory.rglob("segments")))
    kept = segments.read_windows(home, written, from_ns=0, to_ns=time.time_ns())
    with chain._lock:  # noqa: SLF001 - to count what it holds
        fresh = chain._state.unsegmented()  # noqa: SLF001
    return int(kept.received.sum() + fresh.received.sum())


def _routes(chain: Chain, directory: Path) -> list[web.RouteDef]:
    async def cpu(_: web.Request) -> web.Response:
        return web.Response(text=str(time.process_time()))

    async def held(_: web.Request) -> web.Response:
        return web.Response(text=str(await asyncio.to_thread(_held, chain, directory)))

    async def seal(_: web.Request) -> web.Response:
        await chain.checkpoint()
        return web.Response(text=str(chain.counts.checkpoints))

    async def kept(_: web.Request) -> web.Response:
        return web.Response(text=str(await asyncio.to_thread(_kept, directory)))

    async def rss(_: web.Request) -> web.Response:
        pages = int(Path("/proc/self/statm").read_text().split()[1])  # noqa: ASYNC240 - a pipe
        return web.Response(text=str(pages * os.sysconf("SC_PAGESIZE")))

    return [
        web.get("/cpu", cpu),
        web.get("/held", held),
        web.get("/seal", seal),
        web.get("/kept", kept),
        web.get("/rss", rss),
    ]


async def _serve(order: Order, directory: Path) -> None:
    config = configured(directory / "store", order.agents)
    chain = Chain(config)
    application = handlers.application(chain, config, WallClock())
    application.add_routes(_routes(chain, directory))
    runner = web.AppRunner(
        application, access_log=None, auto_decompress=False, keepalive_timeout=PATIENCE_S
    )
    await runner.setup()
    context = None
    if order.tls is not None:
        if order.settled:
            tls.settle()
        files = [Path(name) for name in order.tls]
        context = tls.context(Tls(certificate_file=files[0], key_file=files[1]))
    async with chain:
        if order.journal != "group":
            path = directory / "one-by-one.bin"
            one: Any = OneByOne(path, threads=order.journal == "threads")
            chain._ingest._journal = one  # noqa: SLF001 - the peer stands in its place
        site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context, backlog=4096)
        await site.start()
        sys.stdout.write(f"{runner.addresses[0][1]}\n")
        sys.stdout.flush()
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
        await runner.cleanup()


def main() -> None:
    """Serve what the command line orders."""
    order = msgspec.json.decode(sys.argv[1], type=Order)
    memory.settle()
    with tempfile.TemporaryDirectory() as directory, _instead(order):
        asyncio.run(_serve(order, Path(directory)))


if __name__ == "__main__":
    main()
