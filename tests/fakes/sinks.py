"""What sinks are owed, and databases that fail as they are told."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import msgspec

from agent.records import Outcome, Protocol, Series, Stamp
from collector.errors import StoreError
from collector.gate.intake import SinkCounts
from collector.listed import Segment
from collector.samples.quantiles import Columns
from collector.samples.windows import Windows
from collector.settings.sinkrows import SinkSettings
from collector.sinks.sink import Sink

S_NS = 1_000_000_000
WIDTH_NS = 10 * S_NS
START_S = 1_795_532_550
SETTINGS = SinkSettings(kind="victoriametrics", name="sink", url="http://127.0.0.1:1")


def series(row: int, target: str = "192.0.2.{}") -> Series:
    """Return the series of a row."""
    return Series(
        id=row,
        zone="aws/eu-west-3",
        target=target.format(row),
        family=4,
        protocol=Protocol.ICMP,
        stamp=Stamp.KERNEL,
    )


def sealed(start_s: int = START_S, rows: int = 2, *, lost: int = 1) -> Columns:
    """Return a window of each row: 20 replies of rising RTT, and `lost` losses."""
    windows = Windows(width_ns=WIDTH_NS, grace_ns=0)
    rtt_s = [0.001 * (1 + row) * (1 + place / 20) for row in range(rows) for place in range(20)]
    offsets = [20 * row for row in range(rows + 1)]
    windows.add(range(rows), offsets, rtt_s, [5] * len(rtt_s), start_s * S_NS)
    events = [row for row in range(rows) for _ in range(lost)]
    windows.add_events(events, [5] * len(events), [Outcome.LOST] * len(events), start_s * S_NS)
    return windows.seal(start_s * S_NS + 2 * WIDTH_NS)


class FakeListing:
    """A catalogue in memory."""

    def __init__(self) -> None:
        self.segments: list[Segment] = []
        self.cursors: dict[str, int] = {}
        self.overflows: dict[str, int] = {}
        self.fails: list[Exception] = []

    def cursor(self, sink: str) -> int:
        """Return a place."""
        return self.cursors.get(sink, 0)

    def overflow(self, sink: str) -> int:
        """Return what was taken away."""
        return self.overflows.get(sink, 0)

    def advance(self, sink: str, serial: int) -> None:
        """Note a place."""
        assert serial >= self.cursor(sink)
        self.cursors[sink] = serial

    def segments_after(self, serial: int) -> list[Segment]:
        """Return what waits."""
        if self.fails:
            raise self.fails.pop(0)
        return [segment for segment in self.segments if segment.serial > serial]

    def overlapping(self, from_ns: int, to_ns: int) -> list[Segment]:
        """Return those with rows in the range."""
        return [s for s in self.segments if s.first_ns < to_ns and s.last_ns >= from_ns]


class FakeBacklog:
    """Sealed windows in memory; stands in for `collector.sinks.backlog.Backlog`."""

    def __init__(self, named: Callable[[int], Series] = series) -> None:
        self.listing = FakeListing()
        self.windows_of: dict[int, Columns | Exception] = {}
        self.fails_first: dict[int, Exception] = {}
        self._series = named

    def seal(self, columns: Columns | Exception) -> int:
        """List a segment of these windows; return its serial."""
        serial = len(self.listing.segments) + 1
        rows = len(columns) if isinstance(columns, Columns) else 2
        self.listing.segments.append(
            Segment(
                name=f"windows-{serial}",
                kind="windows",
                level_s=10,
                rows=rows,
                octets=1,
                first_ns=0,
                last_ns=0,
                serial=serial,
            )
        )
        self.windows_of[serial] = columns
        return serial

    def named(self, row: int) -> tuple[str, Series]:
        """Return agent and series of a row."""
        return "paris", self._series(row)

    def sealed_ns(self, segment: Segment) -> int:
        """Return when it was written."""
        return START_S * S_NS + segment.serial

    def windows(self, segment: Segment) -> Columns:
        """Return its windows."""
        if segment.serial in self.fails_first:
            raise self.fails_first.pop(segment.serial)
        found = self.windows_of[segment.serial]
        if isinstance(found, Exception):
            raise found
        return found


class Database:
    """A database that fails as it is told, and keeps what it accepted until it is killed."""

    def __init__(self) -> None:
        self.fails: list[Exception] = []
        self.lines: list[bytes] = []
        self.starts: float | None = 1000.0
        self.largest = 1 << 30
        self.waits: list[float] = []
        self.now_ns = 10**15
        self.tries = 0
        self.may_wake = asyncio.Event()
        self.may_wake.set()
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.too_large: type[Exception] = StoreError

    @asynccontextmanager
    async def connect(self, _: SinkSettings) -> AsyncIterator["Database"]:
        """Stand in for `collector.sinks.sinkclient.connect`."""
        yield self

    async def write(self, octets: bytes) -> None:
        """Accept lines, or fail."""
        self.tries += 1
        await asyncio.sleep(0)
        await self.may_answer.wait()
        if self.fails:
            raise self.fails.pop(0)
        if len(octets) > self.largest:
            raise self.too_large("HTTP 413")
        self.lines += octets.splitlines()

    async def started_s(self) -> float | None:
        """Return what it says of its start."""
        await asyncio.sleep(0)
        return self.starts

    async def sleep(self, seconds: float) -> None:
        """Note a wait, and end it when the test lets it end."""
        self.waits.append(seconds)
        await asyncio.sleep(0)
        await self.may_wake.wait()

    def kill(self, *, lost: int) -> None:
        """Lose the last lines that were accepted, and start again."""
        del self.lines[len(self.lines) - lost :]
        if self.starts is not None:
            self.starts += 7

    def sink(self, backlog: FakeBacklog, **changes: object) -> Sink:
        """Return a sink that writes here."""
        return Sink(
            msgspec.structs.replace(SETTINGS, **changes),
            backlog,
            SinkCounts(),
            now_ns=lambda: self.now_ns,
            connect=self.connect,
            sleep=self.sleep,
        )


async def until(holds: Callable[[], bool]) -> None:
    """Return once `holds` does."""
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110 - nobody announces it
            await asyncio.sleep(0.001)
