"""A start: what the disk holds is what the collector holds, whichever release wrote it."""

import shutil
from collections import Counter
from pathlib import Path

import msgspec
import pytest

from agent import wire
from collector.chain import Chain
from collector.errors import CorruptError, RefusedError, StoreError
from collector.gate.frames import Entry
from collector.gate.journal import Journal
from collector.routes import Routes
from tests.fakes.collector_durable import (
    NOW_NS,
    PARIS,
    S_NS,
    StoppedClock,
    batch,
    config,
    content,
    contents,
    send,
    totals,
    vantage,
)
from tests.fakes.journals import nothing

KEPT = Path(__file__).parent / "kept" / "store-1"


async def test_a_store_of_the_release_before_is_opened(tmp_path: Path) -> None:
    """Windows, series, crossing and evidence that version 1 kept are there, to the sample."""
    shutil.copytree(KEPT, tmp_path / "store")
    sent = [batch(20), batch(30), batch(7, spool=b"t" * 16)]
    expected = sum(map(content, sent), contents(range(20)) + contents(range(31, 50)))
    clock = StoppedClock(NOW_NS + 62 * S_NS)
    for _ in range(2):
        async with Chain(config(tmp_path / "store"), clock=clock) as chain:
            assert ((), 0) == (chain.recovered.damage, chain.recovered.removed_segments)
            assert expected - Counter() == totals(chain)
            (crossing,) = chain.reader.crossings()
            statement = chain.reader.evidence(crossing.evidence or "")
            assert statement is not None
            assert 2 == statement.count(b'"tool":"borne-agent"')
            assert 2 == len(chain.reader.paths(None, None, 9))


async def test_a_batch_of_another_release_in_the_journal_is_refused(tmp_path: Path) -> None:
    """It was acknowledged: a start that cannot read it says so, and the next one finds it."""
    (tmp_path / "journal").mkdir()
    opened = Journal(tmp_path / "journal")
    body = bytearray(wire.encode(batch(0)))
    body[4] = 9
    await opened.append(Entry(received_ns=1, vantage=vantage(0), body=bytes(body)), nothing)
    await opened.close()
    for _ in range(2):
        with pytest.raises(StoreError, match=r"not 9/0; .* release that wrote it"):
            await Chain(config(tmp_path), clock=StoppedClock()).__aenter__()


@pytest.mark.parametrize("crash", [True, False])
async def test_a_clone_is_found_after_a_start_too(tmp_path: Path, *, crash: bool) -> None:
    """What is stored is known by the journal after a crash, and by what the last end kept."""
    store, left = tmp_path / "store", tmp_path / "left"
    async with Chain(config(store), clock=StoppedClock()) as chain:
        for sequence in range(3):
            await send(chain, batch(sequence))
        if crash:
            shutil.copytree(store, left)
    cloned = msgspec.structs.replace(batch(1), rtt_s=[0.5] * len(batch(1).rtt_s))
    async with Chain(config(left if crash else store), clock=StoppedClock()) as chain:
        assert (3 if crash else 0) == chain.recovered.frames
        with pytest.raises(RefusedError, match="copies of one state directory"):
            await send(chain, cloned)
        await send(chain, batch(1))
        assert Counter({"agent-0": 1}) == chain.counts.duplicates


async def test_what_was_known_of_twins_and_is_damaged_is_done_without(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It is said, and no batch is refused for it."""
    async with Chain(config(tmp_path), clock=StoppedClock()) as chain:
        await send(chain, batch(0))
    (tmp_path / "twins.bin").write_bytes(b"changed")
    async with Chain(config(tmp_path), clock=StoppedClock()) as chain:
        assert "twins.bin" in caplog.text
        await send(chain, batch(0))
        assert Counter({"agent-0": 1}) == chain.counts.duplicates


async def test_a_batch_that_breaks_a_replay_is_no_twin_of_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its agent may not know that it is stored: it comes again, and is answered as stored."""
    async with Chain(config(tmp_path / "store"), clock=StoppedClock()) as chain:
        for sequence in range(2):
            await send(chain, batch(sequence))
        shutil.copytree(tmp_path / "store", tmp_path / "left")
    given: list[int] = []

    def breaks_the_second(*_: object) -> dict[str, int]:
        given.append(1)
        return {} if len(given) == 1 else {"path": 1 // 0}

    monkeypatch.setattr(Routes, "add", breaks_the_second)
    async with Chain(config(tmp_path / "left"), clock=StoppedClock()) as chain:
        assert Counter(apply=1) == chain.counts.faults
        await send(chain, batch(1))
        assert Counter({"agent-0": 1}) == chain.counts.duplicates


async def test_an_older_catalogue_removes_no_segment(tmp_path: Path) -> None:
    """Put back alone, without the rest of its backup, it lists less: that start refuses."""
    clock, catalogue = StoppedClock(NOW_NS + 3600 * S_NS), tmp_path / "catalog.sqlite"
    for sequence in (0, 20):
        async with Chain(config(tmp_path), clock=clock) as chain:
            await send(chain, batch(sequence))
        if not sequence:
            older = catalogue.read_bytes()
    newer = catalogue.read_bytes()
    there = sorted((tmp_path / "segments").iterdir())
    catalogue.write_bytes(older)
    with pytest.raises(CorruptError, match="the whole directory from a backup"):
        await Chain(config(tmp_path), clock=clock).__aenter__()
    assert there == sorted((tmp_path / "segments").iterdir())
    catalogue.write_bytes(newer)
    async with Chain(config(tmp_path), clock=clock) as chain:
        assert content(batch(0)) + content(batch(20)) == totals(chain)


async def test_a_new_store_is_its_owners_alone(tmp_path: Path) -> None:
    """Names of agents and targets are nobody else's: others do not get into the directory."""
    home = tmp_path / "made" / "store"
    async with Chain(config(home), clock=StoppedClock()):
        shut = (home, home / "journal", home / "segments", home / "evidence")
        assert [0o700] * 4 == [path.stat().st_mode & 0o777 for path in shut]


async def test_a_start_says_which_positions_cannot_be(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """And starts: settings are the operator's word."""
    berlin = msgspec.structs.replace(PARIS, latitude=52.52, longitude=13.405)
    agents = (msgspec.structs.replace(vantage(0), place=berlin), vantage(1))
    settings = msgspec.structs.replace(config(tmp_path), agents=agents)
    async with Chain(settings, clock=StoppedClock()) as chain:
        assert chain.ready
    assert 1 == caplog.text.count("mend the coordinates or the territory")
