"""The chain as a whole: what was acknowledged is there, once, in memory, on disk, after a start."""

import asyncio
import threading
from collections import Counter
from pathlib import Path

import msgspec
import pyarrow.parquet as pq
import pytest

from collector import recovery
from collector.chain import Chain
from collector.errors import CorruptError, StoreError
from collector.gate import journal
from collector.gate.frames import Entry
from collector.gate.intake import UnknownSeriesError
from collector.routes import Routes
from collector.store import judged
from tests.fakes.collector_durable import (
    N_AGENTS,
    NOW_NS,
    PARIS,
    S_NS,
    ZONE,
    StoppedClock,
    Totals,
    batch,
    config,
    content,
    contents,
    path,
    send,
    send_all,
    totals,
    until,
    vantage,
)


async def test_batches_are_readable_at_once_and_after_a_clean_restart(tmp_path: Path) -> None:
    """What was accepted is read back to the sample, before and after a stop."""
    clock = StoppedClock()
    async with Chain(config(tmp_path), clock=clock) as chain:
        await send_all(chain, range(20))
        assert contents(range(20)) == totals(chain)
        assert Counter({f"agent-{n}": 20 for n in range(N_AGENTS)}) == chain.counts.accepted
    async with Chain(config(tmp_path), clock=clock) as chain:
        assert contents(range(20)) == totals(chain)
        assert 0 == chain.recovered.frames


async def test_a_checkpoint_seals_into_segments_and_late_data_adds_up(tmp_path: Path) -> None:
    """Windows in a segment and late samples for the same windows are one window to a reader."""
    clock = StoppedClock()
    async with Chain(config(tmp_path), clock=clock) as chain:
        await send_all(chain, range(0, 40, 2))
        clock.at_ns = NOW_NS + 45 * S_NS
        await chain.checkpoint()
        listed = list((tmp_path / "segments").glob("windows-*.parquet"))
        assert 1 == len(listed)
        await send_all(chain, range(101, 102))
        spool = b"t" * 16
        for sequence in range(1, 40, 2):
            for agent in range(N_AGENTS):
                await send(chain, batch(sequence, agent=agent, spool=spool))
        expected = contents(range(40)) + contents(range(101, 102))
        assert expected == totals(chain)
        clock.at_ns = NOW_NS + 200 * S_NS
        await chain.checkpoint()
        assert expected == totals(chain)
    async with Chain(config(tmp_path), clock=clock) as chain:
        assert expected == totals(chain)
        assert {"agent-0": 0, "agent-1": 0, "agent-2": 0}.keys() == (
            chain.reader.last_batch_ns().keys()
        )
        assert all(chain.reader.last_batch_ns().values())


async def test_a_crossing_survives_restarts_with_the_same_evidence(tmp_path: Path) -> None:
    """One round before a stop and one after it make one episode, whose Statement is readable."""
    clock = StoppedClock()
    async with Chain(config(tmp_path), clock=clock) as chain:
        await send(chain, batch(0, paths=[path(NOW_NS, abroad=True)]))
        assert [] == chain.reader.crossings()
    later_ns = NOW_NS + 10 * S_NS
    async with Chain(config(tmp_path), clock=clock) as chain:
        await send(chain, batch(10, paths=[path(later_ns, abroad=True)]))
        await until(lambda: bool(chain.reader.crossings()))
        (crossing,) = chain.reader.crossings()
        assert ("FX", NOW_NS, later_ns) == (
            crossing.jurisdiction,
            crossing.first_seen_ns,
            crossing.confirmed_ns,
        )
        statement = chain.reader.evidence(crossing.evidence or "")
        assert statement is not None
        assert 2 == statement.count(b'"tool":"borne-agent"')
    async with Chain(config(tmp_path), clock=clock) as chain:
        assert [crossing] == chain.reader.crossings()
        assert statement == chain.reader.evidence(crossing.evidence or "")
        assert [later_ns, NOW_NS] == [
            record.judgement.started_ns for record in chain.reader.paths("agent-0", None, 10)
        ]
        assert [later_ns] == [record.judgement.started_ns for record in chain.reader.latest_paths()]


async def _left_behind(directory: Path, sequences: range) -> None:
    """Leave a directory as a crash does: batches in the journal, and no checkpoint."""

    async def none() -> None:
        """Take no checkpoint."""

    async with Chain(config(directory), clock=StoppedClock()) as chain:
        await send_all(chain, sequences)
        chain.checkpoint = none  # type: ignore[method-assign]


async def test_a_start_replays_what_no_checkpoint_has(tmp_path: Path) -> None:
    """After a crash the totals are those of before, and a repeated batch is a duplicate."""
    await _left_behind(tmp_path, range(10))
    async with Chain(config(tmp_path), clock=StoppedClock()) as chain:
        assert N_AGENTS * 10 == chain.recovered.frames
        await send(chain, batch(9, agent=1))
        assert Counter({"agent-1": 1}) == chain.counts.duplicates
        assert contents(range(10)) == totals(chain)


async def test_a_damaged_journal_is_reported_and_the_rest_is_used(tmp_path: Path) -> None:
    """One flipped bit costs one batch; the start says which file, and other agents lose nothing."""
    await _left_behind(tmp_path, range(10))
    path = tmp_path / "journal" / "journal-000001.bin"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    async with Chain(config(tmp_path), clock=StoppedClock()) as chain:
        (sentence,) = chain.recovered.damage
        assert str(path) in sentence
        assert N_AGENTS * 10 - 1 == chain.recovered.frames
        missing = contents(range(10)) - totals(chain)
        assert missing in [content_of(9, agent) for agent in range(N_AGENTS)]
        assert Counter() == totals(chain) - contents(range(10))


def content_of(sequence: int, agent: int) -> Totals:
    """Return what a chain holds of one batch."""
    return +content(batch(sequence, agent=agent))


async def test_lost_descriptors_are_asked_for_again(tmp_path: Path) -> None:
    """Where damage took a spool's descriptors, its next samples are refused, not guessed."""
    await _left_behind(tmp_path, range(1))
    path = tmp_path / "journal" / "journal-000001.bin"
    content = bytearray(path.read_bytes())
    content[0] ^= 1
    path.write_bytes(content)
    async with Chain(config(tmp_path), clock=StoppedClock()) as chain:
        assert Counter() == totals(chain)
        with pytest.raises(UnknownSeriesError) as caught:
            await send(chain, batch(1, described=False))
        assert (1, 2) == caught.value.ids
        await send(chain, batch(1))
        assert content_of(1, 0) == totals(chain)


async def test_a_directory_has_one_collector(tmp_path: Path) -> None:
    """A second one is told so, and the first is not disturbed."""
    async with Chain(config(tmp_path), clock=StoppedClock()) as chain:
        with pytest.raises(StoreError, match="another collector uses this directory"):
            await Chain(config(tmp_path), clock=StoppedClock()).__aenter__()
        await send(chain, batch(0))
        assert content_of(0, 0) == totals(chain)


async def test_a_lost_catalogue_is_no_new_begin(tmp_path: Path) -> None:
    """Segments without a catalogue are not removed: the start refuses and says what to do."""
    clock = StoppedClock()
    async with Chain(config(tmp_path), clock=clock) as chain:
        await send(chain, batch(0))
        clock.at_ns += 100 * S_NS
    for name in ("catalog.sqlite", "catalog.sqlite-wal", "catalog.sqlite-shm"):
        (tmp_path / name).unlink(missing_ok=True)
    with pytest.raises(CorruptError, match="restore the whole directory from a backup"):
        await Chain(config(tmp_path), clock=clock).__aenter__()
    assert 1 == len(list((tmp_path / "segments").iterdir()))


async def test_unlisted_segments_go_and_missing_ones_are_said(tmp_path: Path) -> None:
    """A start leaves exactly the segments that a checkpoint lists."""
    clock = StoppedClock()
    async with Chain(config(tmp_path), clock=clock) as chain:
        await send(chain, batch(0))
        clock.at_ns += 100 * S_NS
    (listed,) = (tmp_path / "segments").iterdir()
    stray = tmp_path / "segments" / "windows-left-by-a-crash.parquet.partial"
    stray.touch()
    async with Chain(config(tmp_path), clock=clock) as chain:
        assert 1 == chain.recovered.removed_segments
        assert [listed] == list((tmp_path / "segments").iterdir())
    listed.unlink()
    async with Chain(config(tmp_path), clock=clock) as chain:
        (sentence,) = chain.recovered.damage
        assert f"segment {listed.name} is missing" in sentence


async def test_a_failed_checkpoint_changes_nothing_and_is_tried_again(tmp_path: Path) -> None:
    """Whatever part of a checkpoint fails, answers stay exact and the next one succeeds."""
    clock = StoppedClock()
    expected = contents(range(5))
    async with Chain(config(tmp_path), clock=clock) as chain:
        await send_all(chain, range(5))
        clock.at_ns += 100 * S_NS
        await send(chain, batch(5, paths=[path(NOW_NS + S_NS, abroad=True)]))
        await send(chain, batch(6, paths=[path(NOW_NS + 2 * S_NS, abroad=True)]))
        for name, method in ((chain._catalog, "commit"), (judged, "write_paths")):
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(name, method, _fails)
                with pytest.raises(StoreError, match="the disk is gone"):
                    await chain.checkpoint()
            assert expected + content_of(5, 0) + content_of(6, 0) == totals(chain)
        await until(lambda: bool(chain.reader.crossings()))
        await chain.checkpoint()
        assert 1 == chain.counts.checkpoints
        assert expected + content_of(5, 0) + content_of(6, 0) == totals(chain)
        kinds = [path.name.partition("-")[0] for path in (tmp_path / "segments").iterdir()]
        assert ["crossings", "paths", "verdicts", "windows"] == sorted(kinds)
    async with Chain(config(tmp_path), clock=clock) as chain:
        assert expected + content_of(5, 0) + content_of(6, 0) == totals(chain)


def _fails(*_: object) -> None:
    raise StoreError("the disk is gone")


async def test_checkpoints_come_by_themselves(tmp_path: Path) -> None:
    """The interval of the settings takes checkpoints; one that fails is counted, not fatal."""
    async with Chain(config(tmp_path, checkpoint_interval_s=0), clock=StoppedClock()) as chain:
        await send(chain, batch(0))
        await until(lambda: chain.counts.checkpoints > 0)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(chain._catalog, "commit", _fails)
            await send(chain, batch(1))
            await until(lambda: chain.counts.faults["checkpoint"] > 0)
        assert content_of(0, 0) + content_of(1, 0) == totals(chain)
    assert not chain.ready


async def test_a_batch_that_breaks_or_no_longer_reads_does_not_stop_a_start(tmp_path: Path) -> None:
    """What cannot be replayed is said or counted as a fault; everything beside it is there."""
    await _left_behind(tmp_path, range(3))
    left = journal.Journal(tmp_path / "journal")
    old = Entry(received_ns=1, vantage=vantage(0), body=b"a batch of long ago")
    await left.append(old, lambda: None)
    await left.close()
    original = Routes.add

    def breaks_once(*_: object) -> None:
        patch.undo()
        raise ZeroDivisionError

    patch = pytest.MonkeyPatch()
    patch.setattr(Routes, "add", breaks_once)
    async with Chain(config(tmp_path), clock=StoppedClock()) as chain:
        assert original is Routes.add
        (sentence,) = chain.recovered.damage
        assert "a batch is not read any more" in sentence
        assert Counter(apply=1) == chain.counts.faults
        assert contents(range(3)) == totals(chain)


async def test_changed_settings_lose_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """With agents and zones renamed, moved or gone, all is kept, and what cannot end is named."""
    first, second = config(tmp_path), config(tmp_path, grace_s=0)
    sent = [
        batch(sequence, agent=agent, paths=[path(NOW_NS + sequence * S_NS, abroad=True)])
        for agent in range(N_AGENTS)
        for sequence in range(5)
    ]
    async with Chain(first, clock=StoppedClock()) as chain:
        for one in sent:
            await send(chain, one)
        await until(lambda: len(chain.reader.crossings()) == N_AGENTS)
    berlin = msgspec.structs.replace(PARIS, name="Berlin", territory="DE")
    renamed = msgspec.structs.replace(vantage(0), name="renamed", place=berlin)
    moved = msgspec.structs.replace(ZONE, provider="other", place=berlin, targets=("elsewhere",))
    changed = msgspec.structs.replace(second, agents=(renamed, vantage(1)), zones=(moved,))
    hour_later = StoppedClock(NOW_NS + 3600 * S_NS)
    async with Chain(changed, clock=hour_later) as chain:
        assert N_AGENTS == caplog.text.count("no longer name both")
        await send(chain, batch(5, paths=[path(NOW_NS + 60 * S_NS, abroad=True)]))
        await chain.checkpoint()
        names = {"agent-0": "renamed"}
        expected: Totals = Counter()
        for one in [*sent, batch(5)]:
            for (agent, *rest), count in content(one).items():
                expected[names.get(agent, agent), *rest] += count
        assert expected == totals(chain)
        assert N_AGENTS == len(chain.reader.crossings())
        (name,) = (tmp_path / "segments").glob("windows-*")
        agents = set(pq.read_table(name)["agent"].to_pylist())
        assert {"renamed", "agent-1", "agent-2"} == agents


async def test_the_event_loop_waits_for_no_lock(tmp_path: Path) -> None:
    """While a question holds the state for long, batches and checkpoints wait beside the loop."""
    async with Chain(config(tmp_path), clock=StoppedClock()) as chain:
        await send(chain, batch(0))
        chain._lock.acquire()
        release = threading.Timer(5, chain._lock.release)
        release.start()
        abroad = [path(NOW_NS + second * S_NS, abroad=True) for second in (1, 2)]
        tasks = [
            asyncio.create_task(send(chain, batch(1, paths=abroad))),
            asyncio.create_task(chain.checkpoint()),
        ]
        await asyncio.sleep(0.05)
        assert release.is_alive()
        assert [False, False] == [task.done() for task in tasks]
        release.cancel()
        chain._lock.release()
        await asyncio.gather(*tasks)
        assert content(batch(0)) + content(batch(1)) == totals(chain)
        await until(lambda: 1 == len(chain.reader.crossings()))


async def test_a_directory_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    """The message names the directory and the setting."""
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match=r"check \[store\] directory and its owner"):
        await Chain(config(tmp_path / "file"), clock=StoppedClock()).__aenter__()


async def test_a_start_that_fails_lets_the_next_one_in(tmp_path: Path) -> None:
    """Whatever stops a start, the lock is let go."""
    for place, fails in ((Chain, "_open"), (recovery, "recover")):
        chain = Chain(config(tmp_path), clock=StoppedClock())
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(place, fails, _fails)
            with pytest.raises(StoreError, match="the disk is gone"):
                await chain.__aenter__()
    async with Chain(config(tmp_path), clock=StoppedClock()) as chain:
        assert chain.ready


async def test_a_bug_in_a_checkpoint_is_counted_and_the_chain_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last checkpoint breaks; the batch is there after the next start all the same."""

    def breaks(*_: object) -> None:
        raise ZeroDivisionError

    async with Chain(config(tmp_path), clock=StoppedClock()) as chain:
        await send(chain, batch(0))
        monkeypatch.setattr(chain._catalog, "commit", breaks)
    assert Counter(checkpoint=1) == chain.counts.faults
    async with Chain(config(tmp_path), clock=StoppedClock()) as chain:
        assert 1 == chain.recovered.frames
        assert content_of(0, 0) == totals(chain)
