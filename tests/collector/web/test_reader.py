"""The reader: one answer from memory and segments, by any thread, exact at the borders."""

import asyncio
import dataclasses
import itertools
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import msgspec
import numpy as np
import pytest

from agent.records import Outcome
from collector.chain import Chain
from collector.errors import GoneError, RefusedError
from collector.listed import DAY_NS, Segment
from collector.records import SeriesQuery
from collector.samples import sums
from collector.samples.columns import Columns
from collector.store import segments
from collector.web.reader import StoreReader
from tests.fakes.collector_durable import (
    NOW_NS,
    S_NS,
    StoppedClock,
    batch,
    config,
    path,
    send,
    until,
    vantage,
)
from tests.fakes.collector_samples import sealed_windows

ALL = SeriesQuery(from_ns=0, to_ns=1 << 62, step_ns=60 * S_NS)


@pytest.fixture
async def chain(tmp_path: Path) -> AsyncIterator[Chain]:
    """Two agents' batches of 60 s: the first 20 s in a segment, the rest in memory."""
    clock = StoppedClock()
    async with Chain(config(tmp_path), clock=clock) as opened:
        for sequence in range(60):
            paths = [path(NOW_NS + sequence * S_NS, abroad=False)] if sequence % 10 == 0 else []
            for agent in range(2):
                await send(opened, batch(sequence, agent=agent, paths=paths))
            if sequence == 29:
                clock.at_ns = NOW_NS + 61 * S_NS
                await opened.checkpoint()
        yield opened


def _sent(*sequences: int) -> tuple[int, int]:
    """Return replies and losses of one agent's batches."""
    batches = [batch(sequence) for sequence in sequences]
    return sum(len(b.rtt_s) for b in batches), sum(len(b.event_series) for b in batches)


async def test_zones_merge_series_memory_and_segments(chain: Chain) -> None:
    """A row per agent and zone, with the distribution of all its samples in the range."""
    rows = chain.reader.zones(0, 1 << 62)
    assert [("ovh", "mrs", "agent-0"), ("ovh", "mrs", "agent-1")] == [
        (row.provider, row.region, row.agent) for row in rows
    ]
    replies, losses = _sent(*range(60))
    for row in rows:
        assert (replies, losses) == (row.quantiles.received, row.quantiles.lost)
        assert losses / (replies + losses) == row.quantiles.loss_ratio
        assert row.quantiles.p50_s is not None
        assert 0.010 <= row.quantiles.p50_s <= 0.018


@pytest.mark.parametrize(("first", "last"), [(0, 10), (10, 30), (20, 60), (0, 60), (50, 60)])
async def test_ranges_hold_the_windows_that_start_in_them(
    chain: Chain, first: int, last: int
) -> None:
    """The begin belongs to a range, the end does not, in segments and in memory."""
    begin_ns, end_ns = NOW_NS + first * S_NS, NOW_NS + last * S_NS
    replies, losses = _sent(*range(first, last))
    row, _ = chain.reader.zones(begin_ns, end_ns)
    assert (replies, losses) == (row.quantiles.received, row.quantiles.lost)
    query = msgspec.structs.replace(ALL, from_ns=begin_ns, to_ns=end_ns, step_ns=10 * S_NS)
    series = chain.reader.series(msgspec.structs.replace(query, agent="agent-1"))
    assert (2, replies) == (
        len(series),
        sum(window.quantiles.received for row in series for window in row.windows),
    )
    starts = [begin_ns + place * 10 * S_NS for place in range((last - first) // 10)]
    assert starts == [window.start_ns for window in series[0].windows]


async def test_series_are_chosen_and_windows_merged_to_the_step(chain: Chain) -> None:
    """Agent, zone and target choose; the step is aligned to the epoch."""
    for choice, count in [
        ({}, 4),
        ({"agent": "agent-0"}, 2),
        ({"target": "second"}, 2),
        ({"zone": "ovh/mrs", "agent": "agent-1", "target": "second"}, 1),
        ({"agent": "nobody"}, 0),
        ({"zone": "ovh"}, 0),
    ]:
        assert count == len(chain.reader.series(msgspec.structs.replace(ALL, **choice)))
    (row,) = chain.reader.series(
        msgspec.structs.replace(ALL, agent="agent-0", target="marseille", step_ns=60 * S_NS)
    )
    minute_ns = NOW_NS // (60 * S_NS) * 60 * S_NS
    assert [minute_ns, minute_ns + 60 * S_NS] == [window.start_ns for window in row.windows]
    assert ("agent-0", "ovh/mrs", "marseille") == (row.agent, row.zone, row.series.target)


async def test_protocol_and_family_choose_too(chain: Chain) -> None:
    """A filter that nothing passes is answered with nothing."""
    for choice, count in [
        ({"protocol": "icmp"}, 4),
        ({"protocol": "stamp"}, 0),
        ({"family": 4, "protocol": "icmp"}, 4),
        ({"family": 6}, 0),
    ]:
        assert count == len(chain.reader.series(msgspec.structs.replace(ALL, **choice)))


async def test_any_quantiles_come_from_the_merged_sketches(chain: Chain) -> None:
    """They are those of the merged window: the median the usual one, the ends near its extremes."""
    query = msgspec.structs.replace(ALL, ranks_ppm=(0, 500_000, 999_000, 1_000_000))
    windows = [window for row in chain.reader.series(query) for window in row.windows]
    assert 8 == len(windows)
    for window in windows:
        first, middle, late, last = window.ranks_s
        assert window.quantiles.p50_s == middle
        assert last == pytest.approx(window.quantiles.max_s, rel=0.0055)
        assert first is not None
        assert first == pytest.approx(window.quantiles.min_s, rel=0.0055)
        assert late is not None
        assert late >= (window.quantiles.p99_s or 0)


async def test_too_many_windows_are_refused(chain: Chain) -> None:
    """An answer past the limit is refused before it is made, and says how to ask for less."""
    query = msgspec.structs.replace(ALL, most_windows=8)
    assert 4 == len(chain.reader.series(query))
    with pytest.raises(RefusedError) as caught:
        chain.reader.series(msgspec.structs.replace(query, most_windows=7))
    assert str(caught.value) == (
        "4 series match with 8 windows at least, and an answer holds at most 7 ([limits] "
        "answer_points): name an agent, a zone or a target, or ask for a larger step_s"
    )


async def test_too_many_are_refused_before_all_is_read(
    chain: Chain, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is read beyond the limit is not waited for: here there is no end of it."""
    read = []

    def endless(*_: object, **__: object) -> Iterator[Columns]:
        for place in itertools.count():
            read.append(place)
            start_ns = NOW_NS + 60 * S_NS * place
            yield _moved(sealed, start_ns)

    sealed = sealed_windows(1, 1)
    monkeypatch.setattr(segments, "windows", endless)
    monkeypatch.setattr(sums, "ENOUGH", 1)
    with pytest.raises(RefusedError, match="an answer holds at most 50"):
        chain.reader.series(msgspec.structs.replace(ALL, most_windows=50))
    assert len(read) < 100


def _moved(columns: Columns, start_ns: int) -> Columns:
    """Return the windows of row 0 alone, at another time."""
    first = columns.take(np.array([len(columns) - 1]))
    moved = dataclasses.replace(first, start_ns=np.array([start_ns]))
    return moved.grouped(np.zeros(1, np.uint32))


async def test_paths_come_newest_first_from_memory_and_segments(chain: Chain) -> None:
    """A limit cuts the oldest; the filter counts before the limit."""
    seconds = [50, 40, 30, 20, 10, 0]
    for limit in (0, 1, 3, 6, 100):
        found = chain.reader.paths("agent-1", "marseille", limit)
        assert seconds[:limit] == [
            (record.judgement.started_ns - NOW_NS) // S_NS for record in found
        ]
        assert {"agent-1"} >= {record.judgement.agent for record in found}
    assert 12 == len(chain.reader.paths(None, None, 100))
    assert [] == chain.reader.paths(None, "nowhere", 100)
    for before in (0, 1, 30, 31, 60):
        found = chain.reader.paths("agent-1", None, 2, NOW_NS + before * S_NS)
        assert [second for second in seconds if second < before][:2] == [
            (record.judgement.started_ns - NOW_NS) // S_NS for record in found
        ]
    latest = [(r.judgement.agent, r.judgement.started_ns) for r in chain.reader.latest_paths()]
    assert [("agent-0", NOW_NS + 50 * S_NS), ("agent-1", NOW_NS + 50 * S_NS)] == latest


async def test_every_configured_agent_is_listed(chain: Chain) -> None:
    """An agent that never delivered stands at zero, so that its absence can be alerted on."""
    arrived_ns = NOW_NS + 61 * S_NS
    expected = {"agent-0": arrived_ns, "agent-1": arrived_ns, "agent-2": 0}
    assert expected == chain.reader.last_batch_ns()


async def test_an_agent_goes_by_its_present_name(tmp_path: Path) -> None:
    """After a change of name in the settings, old and new samples are one series."""
    clock = StoppedClock()
    async with Chain(config(tmp_path), clock=clock) as chain:
        await send(chain, batch(0))
    renamed = msgspec.structs.replace(vantage(0), name="renamed")
    settings = msgspec.structs.replace(config(tmp_path), agents=(renamed,))
    async with Chain(settings, clock=clock) as chain:
        await send(chain, batch(1))
        (row,) = chain.reader.zones(0, 1 << 62)
        assert ("renamed", _sent(0, 1)[0]) == (row.agent, row.quantiles.received)


async def test_losses_alone_make_a_row(tmp_path: Path) -> None:
    """A zone that never answered is shown, with a loss of one and no quantile."""
    async with Chain(config(tmp_path), clock=StoppedClock()) as chain:
        silent = msgspec.structs.replace(
            batch(0),
            series_ids=(),
            offsets=(0,),
            rtt_s=(),
            reply_dt_ms=(),
            event_series=[1],
            event_dt_ms=[0],
            event_outcome=[Outcome.LOST],
        )
        await send(chain, silent)
        (row,) = chain.reader.zones(0, 1 << 62)
        assert (None, 1.0) == (row.quantiles.p50_s, row.quantiles.loss_ratio)


async def test_questions_from_threads_see_every_sample_once(tmp_path: Path) -> None:
    """While batches come and checkpoints move windows, no answer counts less or double."""
    clock = StoppedClock()
    async with Chain(config(tmp_path, grace_s=0), clock=clock) as chain:
        for sequence in range(100):
            before = sum(_sent(*range(sequence)))
            clock.at_ns = NOW_NS + sequence * S_NS
            asked = [asyncio.to_thread(chain.reader.zones, 0, 1 << 62) for _ in range(2)]
            working = [send(chain, batch(sequence))]
            if sequence % 5 == 0:
                working.append(chain.checkpoint())
            results = await asyncio.gather(*asked, *working)
            for answer in results[:2]:
                total = sum(row.quantiles.received + row.quantiles.lost for row in answer or ())
                assert total in {before, before + sum(_sent(sequence))}


async def test_the_worst_series_come_first(chain: Chain) -> None:
    """From segments and from memory; no more than were asked for."""
    rows = chain.reader.worst(0, 1 << 62, 3)
    assert 3 == len(rows)
    assert sorted((row.p99_s for row in rows), reverse=True) == [row.p99_s for row in rows]
    assert 0.010 <= rows[0].p99_s <= 0.018
    assert {"agent-0", "agent-1"} >= {row.agent for row in rows}
    assert [] == chain.reader.worst(0, NOW_NS - 60 * S_NS, 3)


async def test_a_question_begins_again_where_its_files_were_replaced(
    chain: Chain, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the new list; where the list is the same, the file is missing, and that is said."""
    listed, whole = chain.reader._listed, chain.reader.series(ALL)
    paths, kept = chain.reader.paths(None, None, 99), listed[:]
    listed[:] = [msgspec.structs.replace(s, name=s.name.replace("-00", "-99")) for s in kept]
    with pytest.raises(GoneError, match="No such file"):
        chain.reader.series(ALL)
    with pytest.raises(GoneError, match="No such file"):
        chain.reader.paths(None, None, 99)
    gone, stands = listed[:], StoreReader._stands

    def replaced(reader: StoreReader, asked: list[Segment]) -> bool:
        listed[:] = kept
        return stands(reader, asked)

    monkeypatch.setattr(StoreReader, "_stands", replaced)
    assert whole == chain.reader.series(ALL)
    listed[:] = gone
    assert paths == chain.reader.paths(None, None, 99)


async def test_evidence_is_found_in_files_and_in_segments(tmp_path: Path) -> None:
    """Before and after upkeep moved it: the same octets by the same digest."""
    clock = StoppedClock()
    async with Chain(config(tmp_path), clock=clock) as chain:
        for second in (0, 10):
            abroad = path(NOW_NS + second * S_NS, abroad=True)
            await send(chain, batch(second, paths=[abroad]))
        await until(lambda: bool(chain.reader.crossings()))
        (crossing,) = chain.reader.crossings()
        digest = crossing.evidence or ""
        statement = chain.reader.evidence(digest)
        file = tmp_path / "evidence" / f"{digest}.json"
        os.utime(file, ns=(NOW_NS - 2 * DAY_NS, NOW_NS - 2 * DAY_NS))
        await chain.checkpoint()
        await chain._upkeep.turn(NOW_NS)
        assert not file.exists()
        assert statement == chain.reader.evidence(digest)
        assert None is chain.reader.evidence("0" * 64)
        assert None is chain.reader.evidence("no digest")
    async with Chain(config(tmp_path), clock=clock) as chain:
        assert statement == chain.reader.evidence(digest)
