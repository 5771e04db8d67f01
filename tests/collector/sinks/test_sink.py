"""Sealed windows reach the database, and a database that is down harms nobody."""

import asyncio
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from collector.errors import CorruptError, GoneError, StoreError
from collector.sinks.sink import MOST_FAILURES
from collector.sinks.sinkclient import (
    SinkDownError,
    SinkGoneError,
    SinkLargeError,
    SinkRefusedError,
)
from tests.fakes.sinks import S_NS, START_S, Database, FakeBacklog, sealed, series, until

ROOT = Path(__file__).parents[3]


async def test_every_sealed_window_is_written_once() -> None:
    """Two windows of two series are four lines, whether they wait at the start or come later."""
    database, backlog = Database(), FakeBacklog()
    backlog.seal(sealed())
    async with database.sink(backlog) as sink:
        await until(lambda: sink.counts.rows == 2)
        assert sink.counts.up
        backlog.seal(sealed(START_S + 10))
        sink.stir()
        await until(lambda: sink.counts.rows == 4)
        assert (0, 0) == (sink.counts.waiting, sink.counts.resent)
    assert 4 == len(set(database.lines)) == len(database.lines)
    assert all(text.startswith(b"borne,agent=paris,") for text in database.lines)
    assert Counter() == sink.counts.dropped


async def test_what_waits_is_counted_with_the_time_since_when() -> None:
    """Depth and age are those of the segments that were not accepted; none: zero."""
    database, backlog = Database(), FakeBacklog()
    database.fails = [SinkDownError("no route")]
    database.may_wake.clear()
    for window in range(3):
        backlog.seal(sealed(START_S + 10 * window))
    async with database.sink(backlog) as sink:
        await until(lambda: bool(database.waits))
        assert (6, START_S * S_NS + 1) == (sink.counts.waiting, sink.counts.oldest_ns)
        database.may_wake.set()
        await until(lambda: sink.counts.rows == 6 and not sink.counts.oldest_ns)
        assert 0 == sink.counts.waiting


async def test_what_cannot_be_written_is_counted_and_costs_nothing_else() -> None:
    """A label that no two servers read alike is refused here; its neighbours are written."""
    database = Database()
    backlog = FakeBacklog(lambda row: series(row, "192.0.2.{}" if row else "bad\n{}"))
    backlog.seal(sealed())
    async with database.sink(backlog) as sink:
        await until(lambda: sink.counts.rows == 1)
    assert Counter(invalid=1) == sink.counts.dropped
    assert b"target=192.0.2.1," in database.lines[0]


async def test_a_database_that_is_down_is_waited_for(caplog: pytest.LogCaptureFixture) -> None:
    """Waits double to a minute, begin anew after success; said once each; nothing is lost."""
    caplog.set_level("INFO")
    database, backlog = Database(), FakeBacklog()
    database.fails = [SinkDownError("no route") for _ in range(8)]
    backlog.seal(sealed(rows=1))
    async with database.sink(backlog) as sink:
        await until(lambda: sink.counts.rows == 1)
        database.fails = [SinkDownError("again")]
        backlog.seal(sealed(START_S + 20))
        sink.stir()
        await until(lambda: sink.counts.rows == 3)
    assert [1, 2, 4, 8, 16, 32, 60, 60, 1] == database.waits
    said = [record.getMessage() for record in caplog.records]
    assert [
        "sink sink: down, http://127.0.0.1:1 does not take windows: no route",
        "sink sink: up, http://127.0.0.1:1 accepts windows",
        "sink sink: down, http://127.0.0.1:1 does not take windows: again",
        "sink sink: up, http://127.0.0.1:1 accepts windows",
    ] == said
    assert Counter() == sink.counts.dropped


async def test_refused_contents_are_given_up_and_the_next_are_sent() -> None:
    """What a database refuses once it refuses always: counted, and not in the way."""
    database, backlog = Database(), FakeBacklog()
    database.fails = [SinkRefusedError("HTTP 400")]
    backlog.seal(sealed())
    backlog.seal(sealed(START_S + 10))
    async with database.sink(backlog) as sink:
        await until(lambda: sink.counts.rows == 2)
    assert Counter(refused=2) == sink.counts.dropped
    assert [] == database.waits


async def test_too_many_at_once_are_sent_in_halves() -> None:
    """A limit of the server costs requests and no window, but for one that alone is too large."""
    database, backlog = (
        Database(),
        FakeBacklog(lambda row: series(row, "t{}" + "x" * 1000 * (row == 3))),
    )
    database.largest, database.too_large = 1000, SinkLargeError
    backlog.seal(sealed(rows=8))
    async with database.sink(backlog) as sink:
        await until(lambda: sink.counts.rows == 7)
    assert Counter(refused=1) == sink.counts.dropped
    assert 7 == len(set(database.lines))


async def test_distributions_are_sent_beside_windows_and_count_with_them() -> None:
    """Each window's line, and two for each range that it has samples in; two windows in all."""
    database, backlog = Database(), FakeBacklog()
    backlog.seal(sealed())
    async with database.sink(backlog, vmrange=True) as sink:
        await until(lambda: sink.counts.rows == 2)
    names = Counter(line.partition(b",")[0] for line in database.lines)
    ranges = {line.partition(b" ")[0] for line in database.lines if b"vmrange" in line}
    assert Counter({b"borne": 2, b"borne_rtt_seconds": 2 * len(ranges)}) == names
    ends = [line for line in database.lines if b"vmrange" in line][1::2]
    assert 40 == sum(int(line.partition(b" bucket=")[2].partition(b"i ")[0]) for line in ends)


async def test_a_bug_costs_one_segment(caplog: pytest.LogCaptureFixture) -> None:
    """It is logged with its traceback and counted; the sink works on."""
    database, backlog = Database(), FakeBacklog()
    database.fails = [ZeroDivisionError("a bug")]
    backlog.seal(sealed())
    backlog.seal(sealed(START_S + 10))
    async with database.sink(backlog) as sink:
        await until(lambda: sink.counts.rows == 2)
    assert Counter(bug=2) == sink.counts.dropped
    assert "ZeroDivisionError" in caplog.text


async def test_a_segment_that_cannot_be_read_is_tried_again_and_given_up_when_it_is_damaged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A disk may come back, what upkeep took is listed no more; a checksum does not mend."""
    caplog.set_level("INFO")
    database, backlog = Database(), FakeBacklog()
    damaged = backlog.seal(CorruptError("read segment windows-1: its checksum"))
    late = backlog.seal(sealed())
    backlog.fails_first[late] = StoreError("read segment windows-2: Input/output error")
    gone = backlog.seal(GoneError("read segment windows-3: it is not there"))
    async with database.sink(backlog) as sink:
        await until(lambda: sink._outbox.sent == gone)
    assert 2 + MOST_FAILURES == len(database.waits)
    assert (2, Counter(unreadable=4)) == (sink.counts.rows, sink.counts.dropped)
    assert [1, 1, MOST_FAILURES] == [
        caplog.text.count(f"windows-{serial}:") for serial in (damaged, late, gone)
    ]


async def test_a_catalogue_that_cannot_be_read_is_waited_for() -> None:
    """Nothing is given up for it."""
    database, backlog = Database(), FakeBacklog()
    backlog.seal(sealed())
    backlog.listing.fails = [StoreError("read the catalogue: disk I/O error")] * MOST_FAILURES
    async with database.sink(backlog) as sink:
        await until(lambda: sink.counts.rows == 2)
    assert Counter() == sink.counts.dropped


async def test_a_catalogue_that_fails_after_an_interruption_costs_no_segment() -> None:
    """What was being sent when the database went is not what could not be read."""
    database, backlog = Database(), FakeBacklog()
    backlog.seal(sealed())
    database.fails = [SinkDownError("no route")]
    database.may_wake.clear()
    async with database.sink(backlog) as sink:
        await until(lambda: bool(database.waits))
        backlog.listing.fails = [StoreError("read the catalogue: disk I/O error")] * MOST_FAILURES
        database.may_wake.set()
        await until(lambda: sink.counts.rows == 2)
    assert Counter() == sink.counts.dropped
    assert 1 + MOST_FAILURES == len(database.waits)


async def test_what_upkeep_took_away_is_counted() -> None:
    """Past its bound a sink is owed nothing: what went shows since this start."""
    database, backlog = Database(), FakeBacklog()
    backlog.listing.overflows["sink"] = 100
    async with database.sink(backlog) as sink:
        backlog.listing.overflows["sink"] = 142
        sink.stir()
        await until(lambda: bool(sink.counts.dropped))
    assert Counter(overflow=42) == sink.counts.dropped


async def test_a_cursor_moves_after_the_lag_alone() -> None:
    """What was accepted is released once the server was met again, later than the lag."""
    database, backlog = Database(), FakeBacklog()
    backlog.seal(sealed())
    async with database.sink(backlog, lag_s=15) as sink:
        await until(lambda: sink.counts.rows == 2)
        database.now_ns += 14 * S_NS
        sink.stir()
        await asyncio.wait_for(sink._idle.wait(), 5)
        assert {"sink": 0} == backlog.listing.cursors
        database.now_ns += S_NS
        sink.stir()
        await until(lambda: backlog.listing.cursors["sink"] == 1)


@pytest.mark.parametrize("starts", [1000.0, None], ids=["told", "not told"])
async def test_a_server_that_started_again_gets_what_it_may_have_lost(
    starts: float | None, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing is missing in the end, and each window counts once."""
    database, backlog = Database(), FakeBacklog()
    database.starts = starts
    for window in range(3):
        backlog.seal(sealed(START_S + 10 * window))
    async with database.sink(backlog) as sink:
        await until(lambda: sink.counts.rows == 6)
        database.kill(lost=5)
        database.now_ns += S_NS
        if starts is None:
            database.fails = [SinkGoneError("Connection reset by peer")]
        backlog.seal(sealed(START_S + 30))
        sink.stir()
        await until(lambda: len(set(database.lines)) == 8)
    assert (8, 6, 1) == (sink.counts.rows, sink.counts.resent, sink.counts.rewinds)
    assert "started again: what it may have lost is sent again" in caplog.text


async def test_a_stop_loses_nothing() -> None:
    """What no database took is taken after the next start, from the durable cursor on."""
    database, backlog = Database(), FakeBacklog()
    backlog.seal(sealed())
    async with database.sink(backlog, lag_s=0) as sink:
        await until(lambda: sink.counts.rows == 2)
        database.now_ns += S_NS
        sink.stir()
        await until(lambda: backlog.listing.cursors["sink"] == 1)
        database.fails = [SinkDownError("no route")] * 2
        database.may_wake.clear()
        backlog.seal(sealed(START_S + 10))
        sink.stir()
        await until(lambda: bool(database.waits))
    database.may_wake.set()
    backlog.seal(sealed(START_S + 20))
    async with database.sink(backlog, lag_s=0) as again:
        await until(lambda: again.counts.rows == 4)
    assert 6 == len(set(database.lines)) == len(database.lines)


async def test_a_stop_waits_a_moment_for_a_database_that_is_up() -> None:
    """The last checkpoint's windows arrive before the end."""
    database, backlog = Database(), FakeBacklog()
    backlog.seal(sealed())
    async with database.sink(backlog) as sink:
        await until(lambda: sink.counts.rows == 2)
        backlog.seal(sealed(START_S + 10))
        sink.stir()
        await sink.drain()
    assert 4 == sink.counts.rows


async def test_a_database_that_is_slow_or_down_slows_no_other() -> None:
    """One never answers, one cannot be reached: the third has everything; the end comes soon."""
    slow, away, good = Database(), Database(), Database()
    backlog = FakeBacklog()
    slow.may_answer.clear()
    away.fails = [SinkDownError("no route")] * 1000
    away.may_wake.clear()
    sinks = [
        database.sink(backlog, name=name)
        for database, name in ((slow, "slow"), (away, "away"), (good, "good"))
    ]
    async with sinks[0], sinks[1], sinks[2]:
        for window in range(20):
            backlog.seal(sealed(START_S + 10 * window))
            for sink in sinks:
                sink.stir()
        await until(lambda: sinks[2].counts.rows == 40)
        await until(lambda: sinks[1].counts.waiting == 40)
    assert [0, 0, 40] == [sink.counts.rows for sink in sinks]
    assert {"slow": 0, "away": 0, "good": 0} == backlog.listing.cursors


def test_a_collector_without_a_sink_does_not_import_the_library() -> None:
    """The library's 40 MB are for those who use it."""
    program = (
        "import sys, collector.cli, collector.chain, collector.server, collector.sinks.sink;"
        "print([name for name in sys.modules if name.partition('.')[0] == 'influxdb_client'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "[]" == done.stdout.strip()
