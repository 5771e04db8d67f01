"""Shell: hands sealed windows to a time-series database that speaks InfluxDB's API.

Rules
- A database that is down, slow or wrong slows neither ingest nor sealing nor another database:
  each has a task and a place in the list of segments (`collector.sinks.outbox`), and no queue.
- What was accepted is sent again to a server that started again. What a stop or a crash finds
  undelivered is sent after the next start.
- Each window is sent whole; when late samples came, again.
- Contents that are refused are counted and given up; too many of them at once are sent in halves.
  Everything else is tried again after 1, 2, 4 ... 60 s. It is said once when a database goes
  down and once when it is up.
- Memory holds the windows of one segment, and one piece of lines.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, suppress
from typing import Final, Self

import numpy as np

from collector import clock
from collector.errors import CorruptError, GoneError, StoreError
from collector.gate.intake import SinkCounts
from collector.listed import SEALED_S, Segment
from collector.samples.columns import Columns
from collector.settings.sinkrows import SinkSettings
from collector.sinks import lineprotocol
from collector.sinks.backlog import Backlog
from collector.sinks.lineprotocol import Lines
from collector.sinks.outbox import Outbox
from collector.sinks.sinkclient import (
    Server,
    SinkDownError,
    SinkGoneError,
    SinkLargeError,
    SinkRefusedError,
    connect,
)

PIECE_ROWS: Final = 5000
FIRST_WAIT_S: Final = 1.0
LONGEST_WAIT_S: Final = 60.0
DRAIN_S: Final = 2.0
"""Longest time that a stop waits for a database that is up."""
MOST_FAILURES: Final = 6
"""A segment that cannot be read is given up at this one: after about half a minute."""
MEET_S: Final = 1.0
"""How often a server is asked since when it runs, while there is something to send or to keep."""
_S_NS: Final = 1_000_000_000
_LOG: Final = logging.getLogger(__name__)

Connect = Callable[[SinkSettings], AbstractAsyncContextManager[Server]]


class Sink:
    """One `[[sinks]]` table at work: `async with Sink(...) as sink`, then `sink.stir()`."""

    def __init__(
        self,
        settings: SinkSettings,
        backlog: Backlog,
        counts: SinkCounts,
        *,
        now_ns: Callable[[], int] = clock.monotonic_ns,
        connect: Connect = connect,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Prepare; nothing is imported or opened before `async with`."""
        self.name = settings.name
        self.counts = counts
        self._settings = settings
        self._backlog = backlog
        self._now_ns = now_ns
        self._connect = connect
        self._sleep = sleep
        self._lines = Lines(backlog.named)
        self._said_down = False
        self._met_ns = 0
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._overflow = 0
        self._sending: Segment | None = None
        self._failures = 0
        self._outbox: Outbox
        self._task: asyncio.Task[None]

    async def __aenter__(self) -> Self:
        """Begin to send what is owed.

        Raises:
            StoreError: The catalogue cannot be read or written.
        """
        cursor = await asyncio.to_thread(self._begin)
        self._outbox = Outbox(cursor, self._settings.lag_s * _S_NS)
        self._task = asyncio.create_task(self._run(), name=f"sink {self.name}")
        return self

    async def __aexit__(self, *_: object) -> None:
        """End; what is left is sent after the next start."""
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task

    async def drain(self) -> None:
        """Give a database that is up `DRAIN_S` for what waits; then end."""
        if self.counts.up:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._idle.wait(), DRAIN_S)

    def stir(self) -> None:
        """Say that more segments may be listed."""
        self._idle.clear()
        self._wake.set()

    def _begin(self) -> int:
        listing = self._backlog.listing
        cursor = listing.cursor(self.name)
        listing.advance(self.name, cursor)
        self._overflow = listing.overflow(self.name)
        lineprotocol.warm()
        return cursor

    async def _run(self) -> None:
        """Keep a connection, also after a bug: it costs the segment that met it."""
        wait_s = FIRST_WAIT_S
        while True:
            sent, self._sending = self._outbox.sent, None
            try:
                await self._look()
                async with self._connect(self._settings) as server:
                    await self._serve(server)
            except SinkDownError as error:
                if isinstance(error, SinkGoneError):
                    self._outbox.broken()
                self._down(str(error))
            except StoreError as error:
                self._unreadable(error)
            except Exception:  # noqa: BLE001 - the top of this shell: counted, logged, gone on
                _LOG.exception("sink %s: a bug", self.name, extra={"event": "sink_bug"})
                self._give_up("bug")
            wait_s = FIRST_WAIT_S if self._outbox.sent > sent else wait_s
            await self._sleep(wait_s)
            wait_s = min(2 * wait_s, LONGEST_WAIT_S)

    async def _serve(self, server: Server) -> None:
        """Send what is owed, oldest first, and release what was kept long enough."""
        self._met_ns = 0
        while True:
            self._wake.clear()
            waiting = await self._look()
            for segment in waiting:
                if await self._met(server):
                    break
                await self._send(server, segment)
            else:
                if not waiting:
                    await self._rest(server)

    async def _rest(self, server: Server) -> None:
        """Wait for more; meanwhile look after what is kept."""
        while not self._wake.is_set():
            self._idle.set()
            seconds = MEET_S if self._outbox.keeps else None
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), seconds)
            if await self._met(server):
                return

    async def _met(self, server: Server) -> bool:
        """Ask the server since when it runs; return whether all that is kept is sent again."""
        now_ns = self._now_ns()
        if 0 <= now_ns - self._met_ns < MEET_S * _S_NS:
            return False
        started_s = await server.started_s()
        self._met_ns = now_ns
        if self._outbox.meet(started_s):
            self.counts.rewinds += 1
            _LOG.warning(
                "sink %s: %s started again: what it may have lost is sent again",
                *(self.name, self._settings.url),
                extra={"event": "sink_rewound"},
            )
            return True
        released = self._outbox.release(now_ns)
        if released is not None:
            await asyncio.to_thread(self._backlog.listing.advance, self.name, released)
        return False

    async def _send(self, server: Server, segment: Segment) -> None:
        """Send the windows of a segment, a piece at a time."""
        self._sending = segment
        windows = await asyncio.to_thread(self._read, segment)
        done: Counter[str] = Counter()
        for begin in range(0, len(windows), PIECE_ROWS):
            places = np.arange(begin, min(begin + PIECE_ROWS, len(windows)))
            piece = windows.take(places)
            written = await asyncio.to_thread(self._lines.of, piece)
            done["invalid"] += written.invalid
            if written.rows:
                done += await self._posted(server, written.octets)
            if self._settings.vmrange:
                await self._distribute(server, piece)
        self._done(segment, done)

    async def _distribute(self, server: Server, piece: Columns) -> None:
        """Send the distributions of windows; they count with their windows, not beside them."""
        width_ns = SEALED_S * _S_NS
        written = await asyncio.to_thread(self._lines.distribution_of, piece, width_ns)
        if written.rows:
            await self._posted(server, written.octets)

    def _read(self, segment: Segment) -> Columns:
        self.counts.oldest_ns = self._backlog.sealed_ns(segment)
        return self._backlog.windows(segment)

    async def _posted(self, server: Server, octets: bytes) -> Counter[str]:
        """Write lines; return how many were accepted and how many refused."""
        lines = octets.count(b"\n")
        try:
            await server.write(octets)
        except SinkLargeError as error:
            if lines == 1:
                return self._refused(1, error)
            done: Counter[str] = Counter()
            for half in _halves(octets):
                done += await self._posted(server, half)
            return done
        except SinkRefusedError as error:
            return self._refused(lines, error)
        self._up()
        return Counter(rows=lines)

    def _refused(self, lines: int, error: SinkRefusedError) -> Counter[str]:
        _LOG.warning(
            "sink %s: refused %d lines: %s",
            *(self.name, lines, error),
            extra={"event": "sink_refused"},
        )
        return Counter(refused=lines)

    def _done(self, segment: Segment, done: Counter[str]) -> None:
        """Count a segment that is done with, once."""
        rows = done.pop("rows", 0)
        if self._outbox.done(segment.serial, self._now_ns()):
            self.counts.rows += rows
            self.counts.dropped += done
        else:
            self.counts.resent += rows
        self.counts.waiting -= segment.rows
        self._sending, self._failures = None, 0

    def _unreadable(self, error: StoreError) -> None:
        """Try a segment again that cannot be read, or give it up."""
        self._failures += self._sending is not None
        level = logging.INFO if isinstance(error, GoneError) else logging.ERROR
        _LOG.log(level, "sink %s: %s", self.name, error, extra={"event": "sink_unreadable"})
        if self._failures == MOST_FAILURES or isinstance(error, CorruptError):
            self._give_up("unreadable")

    def _give_up(self, reason: str) -> None:
        if self._sending is not None:
            self._done(self._sending, Counter({reason: self._sending.rows}))

    async def _look(self) -> list[Segment]:
        """Return what waits, and tell the metrics how much and since when."""
        waiting = await asyncio.to_thread(self._waiting)
        self.counts.waiting = sum(segment.rows for segment in waiting)
        return waiting

    def _waiting(self) -> list[Segment]:
        listing = self._backlog.listing
        waiting = listing.segments_after(self._outbox.sent)
        overflow = listing.overflow(self.name)
        if overflow > self._overflow:
            self.counts.dropped["overflow"] += overflow - self._overflow
            self._overflow = overflow
        self.counts.oldest_ns = self._backlog.sealed_ns(waiting[0]) if waiting else 0
        return waiting

    def _up(self) -> None:
        if not self.counts.up:
            _LOG.info(
                "sink %s: up, %s accepts windows",
                *(self.name, self._settings.url),
                extra={"event": "sink_up"},
            )
        self.counts.up, self._said_down = True, False

    def _down(self, why: str) -> None:
        if not self._said_down:
            _LOG.warning(
                "sink %s: down, %s does not take windows: %s",
                *(self.name, self._settings.url, why),
                extra={"event": "sink_down"},
            )
        self.counts.up, self._said_down = False, True


def _halves(octets: bytes) -> Iterator[bytes]:
    """Yield the lines in two parts of much the same size."""
    middle = octets.find(b"\n", len(octets) // 2) + 1
    if middle == len(octets):
        middle = octets.rfind(b"\n", 0, len(octets) // 2) + 1
    yield octets[:middle]
    yield octets[middle:]
