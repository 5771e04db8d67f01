"""Programs of two releases: what the first one sends is kept here, and read and written for good.

A release that changes the wire keeps the directory `kept/wire-1`, adds `kept/wire-2`, and lets its
collector read both: these tests then run for each.
"""

import json
from collections import Counter
from pathlib import Path

import msgspec
import pytest

from agent import wire
from agent.delivery import Meaning, meaning_of, unknown_series
from agent.records import Plan
from collector.chain import Chain
from collector.errors import RefusedError
from collector.gate.journal import file_name
from collector.gate.replay import Replay
from collector.web.api import encode
from tests.fakes import wire_sample
from tests.fakes.collector_durable import StoppedClock, caller, config, content, totals

KEPT = Path(__file__).parent / "kept" / "wire-1"
BODY = (KEPT / "batch.deflate").read_bytes()


async def test_the_present_collector_reads_what_the_first_agent_sent(tmp_path: Path) -> None:
    """Every sample, event, path and witness reply of the kept batch arrives."""
    async with Chain(config(tmp_path), clock=StoppedClock()) as chain:
        await chain.accept(BODY, "deflate", caller(0))
        held = totals(chain)
        expected = content(wire_sample.sample())
        received = {key: count for key, count in expected.items() if key[-1] == "received"}
        assert received == {key: count for key, count in held.items() if key[-1] == "received"}
        assert Counter() == chain.counts.rejected_samples
        (found,) = chain.reader.paths(None, None, 10)
        assert wire_sample.whole_path().hops == found.path.hops
        assert Counter({"agent-0": 2}) == chain.counts.dropped_batches


async def test_the_present_collector_replays_the_first_ones_journal(tmp_path: Path) -> None:
    """A frame of the first release is an entry of this one, to the octet."""
    (tmp_path / file_name(1)).write_bytes((KEPT / "journal.bin").read_bytes())
    replay = Replay(tmp_path, 1)
    assert [wire_sample.entry()] == list(replay)
    assert [] == replay.damage


def test_the_present_agent_writes_what_the_first_collector_reads() -> None:
    """The same measurements give the same octets: whoever read them goes on reading them.

    Where this fails, the wire has changed: it needs another version, and a collector of both.
    """
    assert wire.inflate(BODY, 1 << 20) == wire.encode(wire_sample.sample())
    assert wire_sample.sample().descriptors == wire.decode(wire.inflate(BODY, 1 << 20)).descriptors


def test_no_word_is_new() -> None:
    """A reader of version 1 refuses a batch with a word that it does not know: it would be lost.

    Where this fails, a protocol, a stamp or an outcome was added: it needs another version.
    """
    assert json.loads((KEPT / "words.json").read_text()) == wire_sample.vocabulary()


def test_the_present_agent_reads_the_first_collectors_plan() -> None:
    """The plan of the first release is understood, and what a later one adds is passed over."""
    kept = (KEPT / "plan.json").read_bytes()
    assert wire_sample.PLAN == msgspec.json.decode(kept, type=Plan)
    more = {**json.loads(kept), "targets": [], "later": {"x": 1}}
    assert wire_sample.PLAN == msgspec.json.decode(json.dumps(more), type=Plan)


async def test_a_later_agent_keeps_what_this_collector_cannot_read(tmp_path: Path) -> None:
    """Another version is refused by name, and an agent that hears that name keeps its batch."""
    later = wire.inflate(BODY, 1 << 20)
    later = later[:4] + (wire.VERSION + 1).to_bytes(2, "little") + later[6:]
    async with Chain(config(tmp_path), clock=StoppedClock()) as chain:
        with pytest.raises(RefusedError) as caught:
            await chain.accept(later, "identity", caller(0))
    said = encode({"error": str(caught.value), "reason": caught.value.reason})
    assert Meaning.LATER is meaning_of(caught.value.status, said)


def test_answers_mean_what_they_meant() -> None:
    """The statuses and bodies of the first collector keep their meaning for this agent."""
    table = {204: Meaning.ACCEPTED, 409: Meaning.UNKNOWN, 400: Meaning.REFUSED}
    table |= {401: Meaning.DENIED, 403: Meaning.DENIED, 413: Meaning.REFUSED, 503: Meaning.LATER}
    assert table == {status: meaning_of(status) for status in table}
    body = b'{"error":"...","reason":"unknown_series","unknown_series":[3,7]}'
    assert (3, 7) == unknown_series(body)
