"""What a sink is owed is read whole from the segments of a real chain."""

from pathlib import Path

import numpy as np
import pytest

from collector.chain import Chain
from collector.errors import CorruptError, StoreError
from collector.samples.columns import Columns
from collector.sinks.backlog import Backlog
from tests.fakes.collector_durable import (
    NOW_NS,
    S_NS,
    StoppedClock,
    config,
    contents,
    send_all,
    totals,
)


async def _stored(chain: Chain, clock: StoppedClock, *parts: range) -> Backlog:
    """Store batches in parts, a checkpoint after each, all windows sealed."""
    clock.at_ns = NOW_NS + 200 * S_NS
    for part in parts:
        await send_all(chain, part)
        await chain.checkpoint()
    return Backlog(chain._catalog, chain._rooms.segments, chain._name_of)


def _whole(columns: Columns) -> dict[tuple[int, int], tuple[int, int]]:
    """Return replies and losses by row and begin; a window stands once."""
    keys = list(zip(columns.row.tolist(), columns.start_ns.tolist(), strict=True))
    assert len(set(keys)) == len(keys)
    return dict(
        zip(keys, zip(columns.received.tolist(), columns.lost.tolist(), strict=True), strict=True)
    )


def _received(columns: Columns) -> int:
    return int(columns.received.sum())


async def test_each_segment_holds_what_was_sealed_then(tmp_path: Path) -> None:
    """A segment alone is read as it is, with the names of its rows and the time of its making."""
    clock = StoppedClock()
    async with Chain(config(tmp_path), clock=clock) as chain:
        backlog = await _stored(chain, clock, range(20))
        (segment,) = backlog.listing.segments_after(0)
        whole = backlog.windows(segment)
        stored = totals(chain)
        assert sum(n for key, n in stored.items() if key[3] == "received") == _received(whole)
        named = {backlog.named(row)[0] for row in whole.row.tolist()}
        assert {key[0] for key in stored} == named
        written = (tmp_path / "segments" / segment.name).stat().st_mtime_ns
        assert written == backlog.sealed_ns(segment)


async def test_a_window_that_came_in_parts_is_read_whole(tmp_path: Path) -> None:
    """The later part's segment gives the windows that it touches, with what came before."""
    clock = StoppedClock()
    async with Chain(config(tmp_path), clock=clock) as chain:
        backlog = await _stored(chain, clock, range(7), range(7, 20))
        first, second = backlog.listing.segments_after(0)
        assert contents(range(20)) == totals(chain)
        everything: dict[tuple[int, int], tuple[int, int]] = {}
        for segment in (first, second):
            everything |= _whole(backlog.windows(segment))
        stored = totals(chain)
        for place, kind in enumerate(("received", "lost")):
            expected = sum(n for key, n in stored.items() if key[3] == kind)
            assert expected == sum(pair[place] for pair in everything.values()), kind
        alone = _whole(backlog._read(second, None, 0, 1 << 62))
        assert alone.keys() == _whole(backlog.windows(second)).keys()
        assert alone != _whole(backlog.windows(second))


async def test_a_damaged_neighbour_costs_its_own_part(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The segment itself is read; damaged itself it is reported, and so is one that is gone."""
    clock = StoppedClock()
    async with Chain(config(tmp_path), clock=clock) as chain:
        backlog = await _stored(chain, clock, range(7), range(7, 20))
        first, second = backlog.listing.segments_after(0)
        _flip(tmp_path / "segments" / first.name)
        alone = backlog._read(second, None, 0, 1 << 62)
        assert _received(alone) == _received(backlog.windows(second))
        assert "what it held is missing from windows that are sent" in caplog.text
        with pytest.raises(CorruptError):
            backlog.windows(first)
        (tmp_path / "segments" / second.name).unlink()
        for asked in (backlog.windows, backlog.sealed_ns):
            with pytest.raises(StoreError, match=second.name):
                asked(second)
        (tmp_path / "segments" / first.name).unlink()


def _flip(path: Path) -> None:
    octets = np.fromfile(path, dtype=np.uint8)
    octets[len(octets) // 2] ^= 1
    octets.tofile(path)


async def test_places_of_sinks_outlive_the_collector(tmp_path: Path) -> None:
    """The catalogue keeps the cursor; what lies before it is owed no more."""
    clock = StoppedClock()
    async with Chain(config(tmp_path), clock=clock) as chain:
        backlog = await _stored(chain, clock, range(7), range(7, 20))
        listed = backlog.listing.segments_after(0)
        backlog.listing.advance("one", listed[0].serial)
    async with Chain(config(tmp_path), clock=clock) as chain:
        backlog = await _stored(chain, clock)
        assert (listed[0].serial, 0) == (backlog.listing.cursor("one"), backlog.listing.cursor("x"))
        assert listed[1:] == backlog.listing.segments_after(backlog.listing.cursor("one"))
