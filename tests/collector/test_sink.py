"""Sealed windows reach the database, and a database that is down harms nobody."""

import asyncio
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from agent.records import Outcome, Protocol, Series, Stamp
from collector.quantiles import Columns, to_quantiles
from collector.sink import Post, Sink, SinkDownError, SinkRefusedError
from collector.sinkrows import SinkSettings
from collector.windows import Windows
from tests.fakes.timeseries import VictoriaMetrics, free_port, victoria_metrics

S_NS = 1_000_000_000
WIDTH_NS = 10 * S_NS
START_S = 1_795_532_550
ROOT = Path(__file__).parents[2]


def _settings(url: str = "http://127.0.0.1:1", token_file: Path | None = None) -> SinkSettings:
    return SinkSettings(
        kind="influx2", name="influx", url=url, org="o", bucket="b", token_file=token_file
    )


def _named(rows: int = 2, target: str = "192.0.2.{}") -> dict[int, tuple[str, Series]]:
    return {
        row: (
            "paris",
            Series(
                id=row,
                zone="aws/eu-west-3",
                target=target.format(row),
                family=4,
                protocol=Protocol.ICMP,
                stamp=Stamp.KERNEL,
            ),
        )
        for row in range(rows)
    }


def _sealed(start_s: int = START_S, rows: int = 2, *, lost: int = 1) -> Columns:
    """Return a window of each row: 20 replies of rising RTT, and `lost` losses."""
    windows = Windows(width_ns=WIDTH_NS, grace_ns=0)
    rtt_s = [0.001 * (1 + row) * (1 + place / 20) for row in range(rows) for place in range(20)]
    offsets = [20 * row for row in range(rows + 1)]
    windows.add(range(rows), offsets, rtt_s, [5] * len(rtt_s), start_s * S_NS)
    events = [row for row in range(rows) for _ in range(lost)]
    outcomes = [Outcome.LOST] * len(events)
    windows.add_events(events, [5] * len(events), outcomes, start_s * S_NS)
    return windows.seal(start_s * S_NS + 2 * WIDTH_NS)


class Database:
    """A database that fails as it is told, and keeps what it accepted."""

    def __init__(self) -> None:
        self.fails: list[Exception] = []
        self.lines: list[bytes] = []
        self.tries = 0
        self.waits: list[float] = []
        self.may_wake = asyncio.Event()
        self.may_wake.set()

    @asynccontextmanager
    async def connect(self, settings: SinkSettings) -> AsyncIterator[Post]:
        """Stand in for `collector.sink.influx`."""
        assert "influx" == settings.name
        yield self._post

    async def sleep(self, seconds: float) -> None:
        """Note a wait, and end it when the test lets it end."""
        self.waits.append(seconds)
        await asyncio.sleep(0)
        await self.may_wake.wait()

    async def _post(self, octets: bytes) -> None:
        self.tries += 1
        await asyncio.sleep(0)
        if self.fails:
            raise self.fails.pop(0)
        self.lines += octets.splitlines()

    def sink(self, **options: int) -> Sink:
        """Return a sink that writes here."""
        settings = _settings()
        return Sink(settings, width_ns=WIDTH_NS, connect=self.connect, sleep=self.sleep, **options)


async def _until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110 - nobody announces it
            await asyncio.sleep(0)


async def test_every_sealed_window_is_written_once() -> None:
    """Two windows of two series are four lines, in parts or whole."""
    database = Database()
    async with database.sink() as sink:
        assert not sink.counts.up
        await sink.take(_sealed(), _named())
        await sink.take(_sealed(START_S + 10), _named())
        await _until(lambda: sink.counts.rows == 4)
        assert sink.counts.up
    assert 4 == len(set(database.lines))
    assert all(text.startswith(b"borne,agent=paris,") for text in database.lines)
    assert Counter() == sink.counts.dropped


async def test_late_parts_of_a_window_are_counted_and_not_written() -> None:
    """A part that comes after its window was sealed would overwrite the whole."""
    database = Database()
    async with database.sink() as sink:
        await sink.take(_sealed(START_S + 10), _named())
        await sink.take(_sealed(START_S + 10, rows=1), _named())
        await sink.take(_sealed(START_S), _named())
        await _until(lambda: sink.counts.rows == 2)
    assert Counter(late=3) == sink.counts.dropped
    assert 2 == len(database.lines)


async def test_what_cannot_be_written_is_counted_and_costs_nothing_else() -> None:
    """A label that no two servers read alike is refused here; its neighbours are written."""
    database = Database()
    named = _named() | {0: _named(target="bad\n{}")[0]}
    async with database.sink() as sink:
        await sink.take(_sealed(), named)
        await _until(lambda: sink.counts.rows == 1)
    assert Counter(invalid=1) == sink.counts.dropped
    assert b"target=192.0.2.1," in database.lines[0]


async def test_a_database_that_is_down_is_waited_for(caplog: pytest.LogCaptureFixture) -> None:
    """Waits double to a minute, begin anew after success; said once each; nothing is lost."""
    caplog.set_level("INFO")
    database = Database()
    database.fails = [SinkDownError("no route") for _ in range(8)]
    async with database.sink() as sink:
        await sink.take(_sealed(rows=1), _named())
        await sink.take(_sealed(START_S + 10, rows=1), _named())
        await _until(lambda: sink.counts.rows == 2)
        database.fails = [SinkDownError("again")]
        await sink.take(_sealed(START_S + 20), _named())
        await _until(lambda: sink.counts.rows == 4)
    assert [1, 2, 4, 8, 16, 32, 60, 60, 1] == database.waits
    said = [record.getMessage() for record in caplog.records]
    assert [
        "sink influx: down, http://127.0.0.1:1 does not take windows: no route",
        "sink influx: up, http://127.0.0.1:1 accepts windows",
        "sink influx: down, http://127.0.0.1:1 does not take windows: again",
        "sink influx: up, http://127.0.0.1:1 accepts windows",
    ] == said
    assert Counter() == sink.counts.dropped
    written_ns = [int(text.rpartition(b" ")[2]) for text in database.lines]
    assert sorted(written_ns) == written_ns


async def test_a_full_queue_drops_the_oldest_and_says_how_much() -> None:
    """While it is down, `take` returns at once and memory is bounded; the newest survive."""
    database = Database()
    database.fails = [SinkDownError("no route")]
    database.may_wake.clear()
    async with database.sink(queue_octets=1000) as sink:
        for window in range(20):
            await asyncio.wait_for(sink.take(_sealed(START_S + 10 * window), _named()), 5)
        assert 1000 >= sink._waiting
        database.may_wake.set()
        await _until(lambda: sink.counts.rows + sink.counts.dropped["overflow"] == 40)
    assert 36 <= sink.counts.dropped["overflow"]
    assert str((START_S + 190) * S_NS).encode() in database.lines[-1]


async def test_refused_contents_are_dropped_and_the_next_are_sent() -> None:
    """What a database refuses once it refuses always: counted, and not in the way."""
    database = Database()
    database.fails = [SinkRefusedError("HTTP 400")]
    async with database.sink() as sink:
        await sink.take(_sealed(), _named())
        await sink.take(_sealed(START_S + 10), _named())
        await _until(lambda: sink.counts.rows == 2)
    assert Counter(refused=2) == sink.counts.dropped


async def test_a_bug_costs_one_chunk(caplog: pytest.LogCaptureFixture) -> None:
    """It is logged with its traceback and counted; the sink works on."""
    database = Database()
    database.fails = [ZeroDivisionError("a bug")]
    async with database.sink() as sink:
        await sink.take(_sealed(), _named())
        await sink.take(_sealed(START_S + 10), _named())
        await _until(lambda: sink.counts.rows + sink.counts.dropped["bug"] == 4)
    assert Counter(bug=2) == sink.counts.dropped
    assert "ZeroDivisionError" in caplog.text


async def test_a_stop_counts_what_it_leaves() -> None:
    """What no database took is counted as such: nothing vanishes."""
    database = Database()
    database.fails = [SinkDownError("no route")]
    database.may_wake.clear()
    async with database.sink() as sink:
        await sink.take(_sealed(), _named())
        await _until(lambda: bool(database.waits))
    assert Counter(stopped=2) == sink.counts.dropped


@pytest.mark.parametrize("heard", [b"", b"HTTP/1.1 500 E\r\nContent-Length: 0\r\n\r\n"])
async def test_the_client_reports_silence_and_errors_as_down(heard: bytes) -> None:
    """A closed connection and a failing server are both waited for."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(heard)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        await _tried(f"http://127.0.0.1:{port}", Counter(stopped=2))


async def test_a_client_without_its_token_file_waits(tmp_path: Path) -> None:
    """A token file that is not there (yet) is a database that is down."""
    await _tried("http://127.0.0.1:1", Counter(stopped=2), tmp_path / "absent")


async def test_a_refusal_over_http_drops_what_it_is_about(tmp_path: Path) -> None:
    """400 of the real client is a refusal; the token goes along."""
    token = tmp_path / "token"
    token.write_text("s3cret\n", encoding="utf-8")
    seen = bytearray()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.extend(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 2\r\n\r\n{}")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        await _tried(f"http://127.0.0.1:{port}", Counter(refused=2), token)
    assert b"POST /api/v2/write?org=o&bucket=b&precision=ns " in seen
    assert b"authorization: token s3cret\r\n" in seen.lower()


async def _tried(url: str, expected: Counter[str], token_file: Path | None = None) -> None:
    """Let a real client meet what listens at `url` once; compare what was dropped at its end."""
    tried = asyncio.Event()

    async def sleep(_: float) -> None:
        tried.set()
        await asyncio.Event().wait()

    sink = Sink(_settings(url, token_file), width_ns=WIDTH_NS, sleep=sleep)
    async with sink:
        await sink.take(_sealed(), _named())
        await asyncio.wait_for(_either(tried.wait, lambda: bool(sink.counts.dropped)), 20)
    assert (0, expected) == (sink.counts.rows, sink.counts.dropped)


async def _either(event: Callable[[], Awaitable[object]], holds: Callable[[], bool]) -> None:
    """Return once the event came or `holds` does."""
    waiting = asyncio.ensure_future(event())
    while not waiting.done() and not holds():  # noqa: ASYNC110 - nobody announces it
        await asyncio.sleep(0.01)
    waiting.cancel()


def test_a_collector_without_a_sink_does_not_import_the_library() -> None:
    """The library's 40 MB are for those who use it."""
    program = (
        "import sys, collector.cli, collector.chain, collector.server, collector.sink;"
        "print([name for name in sys.modules if name.partition('.')[0] == 'influxdb_client'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "[]" == done.stdout.strip()


def _recent_s() -> int:
    """Return the begin of a window a minute ago: a database refuses the far future."""
    return int(time.time()) // 10 * 10 - 60


async def _shown(database: VictoriaMetrics, rows: int, at_s: int) -> dict[str, float]:
    """Return the medians once all rows show: new points take a second or two."""
    async with asyncio.timeout(30):
        while True:
            found = await database.query("borne_rtt_p50_seconds", at_s)
            if len(found) >= rows:
                return found
            await asyncio.sleep(0.1)


@pytest.mark.slow
async def test_promql_reads_back_what_was_sealed(tmp_path: Path) -> None:
    """All eight values of each series and window come back from a real VictoriaMetrics."""
    start_s, rows = _recent_s(), 3
    sealed = _sealed(start_s, rows)
    async with victoria_metrics(tmp_path, free_port()) as database:
        sink = Sink(_settings(database.url), width_ns=WIDTH_NS)
        async with sink:
            await sink.take(sealed, _named(rows))
            await sink.take(_sealed(start_s + 10, rows, lost=0), _named(rows))
            await _shown(database, rows, start_s)
            for row, expected in enumerate(to_quantiles(sealed)):
                target = f"192.0.2.{row}"
                values = {
                    "borne_rtt_p50_seconds": expected.p50_s,
                    "borne_rtt_p90_seconds": expected.p90_s,
                    "borne_rtt_p99_seconds": expected.p99_s,
                    "borne_rtt_min_seconds": expected.min_s,
                    "borne_rtt_max_seconds": expected.max_s,
                    "borne_probes_received": 20,
                    "borne_probes_lost": 1,
                    "borne_loss_ratio": 1 / 21,
                }
                for name, value in values.items():
                    found = (await database.query(name, start_s))[target]
                    assert pytest.approx(value, rel=1e-12) == found, name
            later = await database.query('borne_probes_lost{zone="aws/eu-west-3"}', start_s + 10)
            assert dict.fromkeys((f"192.0.2.{row}" for row in range(rows)), 0) == later
        assert (6, Counter()) == (sink.counts.rows, sink.counts.dropped)


@pytest.mark.slow
async def test_windows_sealed_while_the_database_is_away_arrive_later(tmp_path: Path) -> None:
    """A database that starts after the sink, on the same port, gets everything."""
    port, start_s = free_port(), _recent_s()
    sink = Sink(
        _settings(f"http://127.0.0.1:{port}"),
        width_ns=WIDTH_NS,
        sleep=lambda seconds: asyncio.sleep(seconds / 10),
    )
    async with sink:
        await sink.take(_sealed(start_s), _named())
        await _until(lambda: sink._said_down)
        async with victoria_metrics(tmp_path, port) as database:
            assert 2 == len(await _shown(database, 2, start_s))
            assert sink.counts.up
