"""Shell: `borne-agent run`: probing, names, spool, uplink and pages wired into one program.

SIGTERM or SIGINT    probing stops; paths get their names (2 s at most); what was gathered is
                     spooled; the uplink is tried for 5 s at most; exit 0
a bug in a task      counted, logged, the task restarted (`faults`); everything else goes on
an error of the host (no privilege, no spool, no address to listen on): exit 2
"""

import asyncio
import contextlib
import logging
import random
import signal
import sys
from collections.abc import Awaitable, Callable, Sequence

import msgspec

from agent import __version__, hosts, icmp, resolvconf
from agent.batches import Batches, Identity, SeriesBook
from agent.clock import Clock, SystemClock, boot_id
from agent.collectorsettings import Collector
from agent.config import Config
from agent.delivery import Backoff
from agent.errors import ConfigError
from agent.faults import Faults
from agent.http import Client, Place, Response, Server
from agent.lines import Lines
from agent.metrics import Condition, Metrics
from agent.namecache import NameCache
from agent.outbox import Outbox
from agent.pages import Pages
from agent.ping import system_resolve
from agent.ports import OpenPort
from agent.prober import Prober
from agent.resolver import Names, Resolver
from agent.results import Results
from agent.schedule import Budget, shortage
from agent.sockets import open_port
from agent.spool import Spool, SpoolThread
from agent.tracer import Tracer
from agent.uplink import Uplink
from agent.witness import PATIENCE_S, Witness, headers
from agent.witness import TARGET as PLAN

DRAIN_S = 5.0
NS_PER_S = 1_000_000_000

_log = logging.getLogger(__name__)


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What the command line adds to the configuration."""

    listen: tuple[str, ...] = ()
    """Addresses of the pages: `HOST:PORT`, `unix:PATH`, `fd:N`; none, no pages."""
    json: bool = False
    """Print every result on standard output, one JSON object a line."""


class _Upload:
    """The collector's side: from results to acknowledged batches."""

    def __init__(self, config: Config, collector: Collector, clock: Clock) -> None:
        self._thread = SpoolThread()
        self._clock, self._token = clock, collector.token
        self.spool = Spool(
            config.state_directory,
            agent_id=config.agent_id,
            limit=config.uplink.spool_batches,
        )
        place = Place(
            host=collector.host,
            port=collector.port,
            path=collector.socket,
            tls=None if collector.tls is None else collector.tls.context,
        )
        self.client = Client(place)
        self._waiting = Client(place, timeout_s=PATIENCE_S)
        self.uplink = Uplink(
            self.spool,
            self._thread,
            self.client.post,
            token=collector.token,
            place=collector.place,
            clock=clock,
            backoff=Backoff(random.random),
        )
        identity = Identity(
            agent_id=config.agent_id, boot_id=boot_id(), spool_id=self.spool.spool_id
        )
        self.batches = Batches(
            config.targets,
            identity,
            SeriesBook(self.spool.series()),
            interval_ns=round(config.uplink.interval_s * NS_PER_S),
            now_ns=clock.monotonic_ns(),
        )
        self.outbox = Outbox(self.batches, self.spool, self._thread, clock, self.uplink.notify)

    def witness(
        self, config: Config, results: Results, budget: Budget, open_socket: OpenPort
    ) -> Witness:
        """Make what pings hops for others, over a connection of its own."""
        return Witness(
            self._plan,
            results.witness,
            config.limits.witness,
            clock=self._clock,
            budget=budget,
            backoff=Backoff(random.random),
            open_socket=open_socket,
            text=icmp.text_with(config.contact),
        )

    async def _plan(self, version: str | None) -> Response:
        return await self._waiting.get(PLAN, headers(self._token, version))

    async def start(self) -> None:
        """Write once, so that a disk which refuses is known before the first batch."""
        await self._thread.call(self.spool.probe)

    async def drain(self) -> None:
        """Spool what was gathered; give the collector a last chance to take it."""
        await self.outbox.flush()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_S):
                await self.uplink.drained()

    async def close(self) -> None:
        """Close the connections and the spool."""
        await self.client.close()
        await self._waiting.close()
        self._thread.close()
        self.spool.close()


class Daemon:
    """One running agent."""

    def __init__(
        self,
        config: Config,
        options: Options,
        *,
        clock: Clock | None = None,
        open_socket: OpenPort = open_port,
    ) -> None:
        """Open the spool and make the parts; nothing runs and no packet leaves before `run`.

        Raises: SpoolError, ConfigError.
        """
        self._config = config
        self._options = options
        self._stop = asyncio.Event()
        self._faults = Faults()
        clock = clock or SystemClock()
        resolver, self._names = _names(config, clock)
        self._metrics = Metrics(config.name, __version__, config.targets, self)
        self._lines = self._made_lines() if options.json else None
        self._results = Results(
            config.targets,
            clock,
            self._metrics,
            name_path=self._names.named if self._names else None,
            lines=self._lines,
        )
        self._upload = self._made_upload(clock)
        budget, text = _budget(config, clock), icmp.text_with(config.contact)
        self._prober = Prober(
            config.targets,
            self._results,
            clock,
            budget=budget,
            resolve=resolver.address if resolver else system_resolve,
            open_socket=open_socket,
            text=text,
        )
        self._tracer = Tracer(
            config.targets,
            self._results,
            clock,
            budget=budget,
            address_of=self._prober.address_of,
            origin=config.origin,
            open_socket=open_socket,
            text=text,
        )
        self._witness = self._made_witness(budget, open_socket)
        self.server = Server(self._pages().answer)

    def condition(self) -> Condition:
        """Return what the metrics say of the parts at this moment."""
        restarts = {
            **dict.fromkeys(("prober", "tracer", *(name for name, _ in self._tasks())), 0),
            **self._faults.by_task,
            **self._prober.faults.by_task,
            **self._tracer.faults.by_task,
        }
        rung = self._prober.rung
        if self._upload is None:
            return Condition(rung=rung, restarts=restarts)
        grant = self._witness.grant if self._witness else None
        return Condition(
            rung=rung,
            restarts=restarts,
            uplink="up" if self._upload.uplink.up else "down",
            waiting=self._upload.spool.waiting,
            dropped=self._upload.spool.total_dropped,
            delivered=self._upload.uplink.delivered,
            refused=self._upload.uplink.refused,
            witness=None if grant is None else (grant.sent, grant.refused),
        )

    def unready(self) -> str:
        """Return why the agent cannot do its work; an empty text where it can."""
        if self._prober.rung is None:
            return "no ICMP socket is open"
        if self._upload is not None and not self._upload.outbox.writes:
            return "the spool refuses batches"
        return ""

    def stop(self) -> None:
        """Ask a running daemon to drain and end."""
        self._stop.set()

    async def run(self) -> int:
        """Work until `stop`, SIGTERM or SIGINT; return the exit code.

        Raises: ConfigError, PrivilegeError, SpoolError: the host or the operator must act.
        """
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(self._unhandled)
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)
        try:
            if self._upload is not None:
                await self._upload.start()
            await self.server.listen(self._options.listen)
            _log.info("%s", self._greeting())
            await self._work()
        finally:
            await self.server.close()
            if self._names is not None:
                await self._names.close()
            if self._upload is not None:
                await self._upload.close()
            if self._lines is not None:
                self._lines.close()
        return 0

    async def _work(self) -> None:
        """Run the tasks until the daemon is stopped, then drain."""
        probing = [asyncio.create_task(self._prober.run()), asyncio.create_task(self._tracer.run())]
        if self._witness is not None:
            probing.append(asyncio.create_task(self._faults.keep("witness", self._witness.run)))
        beside = [
            asyncio.create_task(self._faults.keep(name, body)) for name, body in self._tasks()
        ]
        stopped = asyncio.create_task(self._stop.wait())
        try:
            await _first_end(stopped, [*probing, *beside])
            _log.info("stopping: what was measured is brought to the spool and the collector")
            await _cancel(probing)
            await self._results.settled()
            if self._upload is not None:
                await self._upload.drain()
        finally:
            await _cancel([*probing, *beside, stopped])

    def _tasks(self) -> list[tuple[str, Callable[[], Awaitable[None]]]]:
        """Return the tasks that run beside probing, by name."""
        if self._upload is None:
            return []
        return [("outbox", self._upload.outbox.run), ("uplink", self._upload.uplink.run)]

    def _made_upload(self, clock: Clock) -> _Upload | None:
        """Make the collector's side, where there is a collector, and have results go there."""
        if self._config.collector is None:
            return None
        upload = _Upload(self._config, self._config.collector, clock)
        self._results.upload(upload.batches, upload.outbox)
        return upload

    def _pages(self) -> Pages:
        return Pages(f"borne-agent {self._config.name}", self._metrics, self.unready)

    def _made_witness(self, budget: Budget, open_socket: OpenPort) -> Witness | None:
        """Make what pings hops for others, where there is a collector and the file allows it."""
        if self._upload is None or not self._config.limits.witness.enabled:
            return None
        return self._upload.witness(self._config, self._results, budget, open_socket)

    def _made_lines(self) -> Lines:
        loop = asyncio.get_running_loop()

        def gone() -> None:
            loop.call_soon_threadsafe(self.stop)

        return Lines(sys.stdout.buffer, gone)

    def _greeting(self) -> str:
        traced = sum(target.trace_interval_ns is not None for target in self._config.targets)
        place = self._config.collector.place if self._config.collector else "no collector"
        return (
            f"agent {self._config.name} {__version__}: {len(self._config.targets)} targets,"
            f" {traced} traced; {place}; pages on {', '.join(self._options.listen) or 'no address'}"
        )

    def _unhandled(self, _: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
        """Count and log what nobody waited for: a bug in a callback or a connection."""
        self._faults.by_task["loop"] = self._faults.by_task.get("loop", 0) + 1
        error = context.get("exception")
        trace = error if isinstance(error, BaseException) else None
        _log.error("unhandled: %s", context.get("message"), exc_info=trace)


def _budget(config: Config, clock: Clock) -> Budget:
    """Make the limits, and say where they cannot carry what the targets ask for."""
    if (told := shortage(config.targets, config.limits)) is not None:
        _log.warning("%s", told)
    return Budget(config.limits, clock.monotonic_ns())


def _names(config: Config, clock: Clock) -> tuple[Resolver | None, Names | None]:
    """Make the resolver and the names of hops; without a server names are left out, and said so."""
    try:
        conf = resolvconf.chosen(config.dns.server, config.dns.search)
    except ConfigError as error:
        if config.dns.names:
            _log.warning("%s; hops stay without names", error)
        return None, None
    resolver = Resolver(conf, hosts=hosts.read(), timeout_s=config.dns.timeout_s)
    cache = NameCache(floor_ns=config.dns.cache_s * NS_PER_S)
    return resolver, Names(resolver, cache, clock) if config.dns.names else None


async def _first_end(stopped: asyncio.Task[bool], tasks: list[asyncio.Task[None]]) -> None:
    """Wait until told to stop; raise what a task raises. A tracer without work just returns."""
    pending: set[asyncio.Task[None] | asyncio.Task[bool]] = {stopped, *tasks}
    while not stopped.done():
        done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()


async def _cancel(tasks: Sequence[asyncio.Task[None] | asyncio.Task[bool]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
