"""Shell: hands sealed windows to a time-series database that speaks InfluxDB's API.

Rules
- A database that is down slows neither ingest nor sealing: `take` encodes in a thread and never
  waits for the network. What waits is bounded in octets; beyond, the oldest is dropped and counted.
- Bytes go through `InfluxDBClientAsync`, never through the batching `WriteApi`: that one drops
  without a word. The library (40 MB) is imported by the first sink that runs.
- A window is sent once, complete as it was sealed. Samples that come after that are in the store
  and not in the database: their rows are counted as `late`, because a second point of the same
  time would overwrite a whole window with a part of one.
- Refused contents (HTTP 400, 413, 422) will be refused again: dropped and counted. Everything else
  is tried again after 1, 2, 4 ... 60 s. It is said once when it goes down and once when it is up.
- What waits lies in memory alone: what a stop finds undelivered is counted and lost.
"""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from importlib import import_module
from typing import Final, NamedTuple, Self

import aiohttp
import numpy as np

from agent.records import Series
from collector.intake import SinkCounts
from collector.lineprotocol import Lines
from collector.quantiles import Columns, merge
from collector.sinkrows import SinkSettings

QUEUE_OCTETS: Final = 64 * 1024 * 1024
"""Most that waits: some 200,000 windows."""
CHUNK_ROWS: Final = 5000
FIRST_WAIT_S: Final = 1.0
LONGEST_WAIT_S: Final = 60.0
DRAIN_S: Final = 2.0
"""Longest time that a stop waits for a database that is up."""
REQUEST_MS: Final = 10_000
_REFUSED: Final = frozenset({400, 413, 422})
_LOG: Final = logging.getLogger(__name__)

Post = Callable[[bytes], Awaitable[None]]
"""Writes lines. Raises `SinkRefusedError` or `SinkDownError`."""
Connect = Callable[[SinkSettings], AbstractAsyncContextManager[Post]]


class SinkRefusedError(Exception):
    """The database understood the request and refuses what it holds."""


class SinkDownError(Exception):
    """The database cannot be reached, or not now, or not with this token."""


class Chunk(NamedTuple):
    """Lines that are sent together."""

    rows: int
    octets: bytes


class Sink:
    """One `[[sinks]]` table at work: `async with Sink(...) as sink`, then `sink.take(...)`."""

    def __init__(
        self,
        settings: SinkSettings,
        *,
        width_ns: int,
        connect: Connect | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        queue_octets: int = QUEUE_OCTETS,
    ) -> None:
        """Prepare; nothing is imported or opened before `async with`."""
        self.name = settings.name
        self.counts = SinkCounts()
        self._settings = settings
        self._width_ns = width_ns
        self._connect = connect or influx
        self._sleep = sleep
        self._queue_octets = queue_octets
        self._queue: deque[Chunk] = deque()
        self._waiting = 0
        self._sent_to: dict[int, int] = {}
        self._said_down = False
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._task: asyncio.Task[None]

    async def __aenter__(self) -> Self:
        """Begin to send what will come."""
        self._task = asyncio.create_task(self._run(), name=f"sink {self.name}")
        return self

    async def __aexit__(self, *_: object) -> None:
        """Give a database that is up `DRAIN_S`; count and say what stays undelivered."""
        if self.counts.up:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._idle.wait(), DRAIN_S)
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task
        left = sum(chunk.rows for chunk in self._queue)
        if left:
            self.counts.dropped["stopped"] += left
            _LOG.warning("sink %s: stops with %d windows undelivered", self.name, left)

    async def take(self, sealed: Columns, named: Mapping[int, tuple[str, Series]]) -> None:
        """Queue sealed windows; `named` gives agent and series of each of their rows."""
        for chunk in await asyncio.to_thread(lambda: list(self._encoded(sealed, named))):
            self._queue.append(chunk)
            self._waiting += len(chunk.octets)
        while self._waiting > self._queue_octets:
            self._drop("overflow", self._next())
        if self._queue:
            self._idle.clear()
            self._wake.set()

    def _encoded(self, sealed: Columns, named: Mapping[int, tuple[str, Series]]) -> Iterator[Chunk]:
        """Yield the lines of windows that were not sent before, a chunk at a time."""
        merged = merge(sealed, self._width_ns)
        rows = zip(merged.row.tolist(), merged.start_ns.tolist(), strict=True)
        fresh = np.flatnonzero([self._is_fresh(row, start_ns) for row, start_ns in rows])
        if late := len(merged) - fresh.size:
            self.counts.dropped["late"] += late
        lines = Lines(named.__getitem__)
        for begin in range(0, fresh.size, CHUNK_ROWS):
            written = lines.of(merged.take(fresh[begin : begin + CHUNK_ROWS]))
            if written.invalid:
                self.counts.dropped["invalid"] += written.invalid
            if written.rows:
                yield Chunk(written.rows, written.octets)

    def _is_fresh(self, row: int, start_ns: int) -> bool:
        """Return whether this series-window is later than all that were sent; note it."""
        fresh = start_ns > self._sent_to.get(row, -1)
        if fresh:
            self._sent_to[row] = start_ns
        return fresh

    async def _run(self) -> None:
        """Keep a connection, also after a bug: it costs the chunk that met it."""
        wait_s = FIRST_WAIT_S
        while True:
            accepted = self.counts.rows
            try:
                async with self._connect(self._settings) as post:
                    await self._send_on(post)
            except SinkDownError as error:
                self._down(str(error))
            except Exception:  # noqa: BLE001 - the top of this shell: counted, logged, gone on
                _LOG.exception("sink %s: a bug", self.name)
                self._down("a bug, see above")
                if self._queue:
                    self._drop("bug", self._next())
            wait_s = FIRST_WAIT_S if self.counts.rows > accepted else wait_s
            await self._sleep(wait_s)
            wait_s = min(2 * wait_s, LONGEST_WAIT_S)

    async def _send_on(self, post: Post) -> None:
        """Send what waits, oldest first; what could not be sent waits again, first of all."""
        while True:
            while not self._queue:
                self._idle.set()
                self._wake.clear()
                await self._wake.wait()
            chunk = self._next()
            try:
                await post(chunk.octets)
            except SinkRefusedError as error:
                self._drop("refused", chunk)
                _LOG.warning("sink %s: refused %d windows: %s", self.name, chunk.rows, error)
            except BaseException:
                self._queue.appendleft(chunk)
                self._waiting += len(chunk.octets)
                raise
            else:
                self.counts.rows += chunk.rows
                self._up()

    def _next(self) -> Chunk:
        chunk = self._queue.popleft()
        self._waiting -= len(chunk.octets)
        return chunk

    def _drop(self, reason: str, chunk: Chunk) -> None:
        self.counts.dropped[reason] += chunk.rows

    def _up(self) -> None:
        if not self.counts.up:
            _LOG.info("sink %s: up, %s accepts windows", self.name, self._settings.url)
        self.counts.up, self._said_down = True, False

    def _down(self, why: str) -> None:
        if not self._said_down:
            url = self._settings.url
            _LOG.warning("sink %s: down, %s does not take windows: %s", self.name, url, why)
        self.counts.up, self._said_down = False, True


@asynccontextmanager
async def influx(settings: SinkSettings) -> AsyncIterator[Post]:
    """Connect through influxdb-client; the token is read again at each connection.

    Raises:
        SinkDownError: The token file cannot be read.
    """
    library = await asyncio.to_thread(import_module, "influxdb_client.client.influxdb_client_async")
    errors = await asyncio.to_thread(import_module, "influxdb_client.client.exceptions")
    token = await asyncio.to_thread(_token, settings)
    async with library.InfluxDBClientAsync(
        settings.url, token, settings.org, timeout=REQUEST_MS, allow_redirects=False
    ) as client:
        api = client.write_api()

        async def post(octets: bytes) -> None:
            try:
                accepted = await api.write(settings.bucket, record=octets)
            except errors.InfluxDBError as error:
                status = getattr(error, "status", None)
                said = f"HTTP {status}: {str(error.message)[:200]}"
                raise (SinkRefusedError if status in _REFUSED else SinkDownError)(said) from error
            except (aiohttp.ClientError, OSError) as error:
                raise SinkDownError(str(error) or type(error).__name__) from error
            if not accepted:
                raise SinkDownError("it answers, but not as a database that stores lines")

        yield post


def _token(settings: SinkSettings) -> str | None:
    """Return what the token file holds, None where none is configured."""
    if settings.token_file is None:
        return None
    try:
        return settings.token_file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeError) as error:
        raise SinkDownError(f"cannot read the token in {settings.token_file}: {error}") from error
