"""The door: each refusal with its status and reason, nothing stored; each batch stored once."""

import asyncio
import threading
import zlib
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
import zstandard

from agent import wire
from agent.records import Descriptors
from collector.chain import Chain
from collector.errors import RefusedError
from collector.gate import journal
from collector.gate.callers import Caller
from collector.gate.intake import UnknownSeriesError
from collector.settings.limits import Limits
from tests.fakes.collector_durable import (
    NOW_NS,
    S_NS,
    StoppedClock,
    batch,
    caller,
    config,
    content,
    redated,
    send,
    series,
    token,
    totals,
)

BODY = wire.encode(batch(0))
DAY_NS = 86_400 * S_NS


@pytest.fixture
async def chain(tmp_path: Path) -> AsyncIterator[Chain]:
    """A chain of which nothing is known yet."""
    async with Chain(config(tmp_path), clock=StoppedClock()) as opened:
        yield opened


def _other(**changes: object) -> bytes:
    return wire.encode(msgspec.structs.replace(batch(0), **changes))


REFUSED = {
    "no token": (BODY, "identity", None, 401, "token"),
    "an unknown token": (BODY, "identity", "guess", 401, "token"),
    "an empty token": (BODY, "identity", "", 401, "token"),
    "a token that is no text": (BODY, "identity", "\udc80", 401, "token"),
    "another agent's batch": (BODY, "identity", token(1), 403, "identity"),
    "a large body": (b"\0" * 100_001, "identity", token(0), 413, "too_large"),
    "a zlib bomb": (zlib.compress(b"\0" * 200_001), "deflate", token(0), 413, "inflated"),
    "a zstd bomb": (zstandard.compress(b"\0" * 200_001), "zstd", token(0), 413, "inflated"),
    "an unknown encoding": (BODY, "br", token(0), 415, "encoding"),
    "two encodings": (BODY, "deflate, deflate", token(0), 415, "encoding"),
    "no zlib": (BODY, "deflate", token(0), 400, "deflate"),
    "no zstd": (BODY, "zstd", token(0), 400, "zstd"),
    "an empty body": (b"", "identity", token(0), 400, "truncated"),
    "half a body": (BODY[: len(BODY) // 2], "identity", token(0), 400, "length"),
    "half a zlib stream": (wire.deflate(BODY)[:-9], "deflate", token(0), 400, "deflate"),
    "another format": (b"{" * 96, "identity", token(0), 400, "magic"),
    "another version": (BODY[:4] + b"\2\0" + BODY[6:], "identity", token(0), 400, "version"),
    "broken columns": (_other(offsets=(0, 3, 2)), "identity", token(0), 400, "columns"),
    "broken descriptors": (BODY[:-1] + b"\xc1", "identity", token(0), 400, "descriptors"),
    "a clock before 2020": (_other(base_ns=10 * DAY_NS), "identity", token(0), 422, "clock"),
    "a clock ahead": (_other(base_ns=NOW_NS + 301 * S_NS), "identity", token(0), 422, "clock"),
    "a series never described": (
        wire.encode(batch(0, described=False)),
        "identity",
        token(0),
        409,
        "unknown_series",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
async def test_what_is_refused_is_counted_and_not_stored(chain: Chain, case: str) -> None:
    """Each kind of bad batch gets its status and reason, and leaves no trace but a count."""
    body, encoding, secret, status, reason = REFUSED[case]
    with pytest.raises(RefusedError) as caught:
        await chain.accept(body, encoding, Caller(token=secret))
    assert (status, reason) == (caught.value.status, caught.value.reason)
    assert Counter({reason: 1}) == chain.counts.rejected
    assert (Counter(), Counter()) == (chain.counts.accepted, totals(chain))
    assert 0 == chain._journal.octets


async def test_another_version_is_told_which_is_read(chain: Chain) -> None:
    """The answer to a batch of another version names the version that is read."""
    with pytest.raises(RefusedError, match="reads batches of version 1"):
        await chain.accept(BODY[:4] + b"\2\0" + BODY[6:], "", caller(0))


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (BODY, ""),
        (BODY, "identity"),
        (wire.deflate(BODY), "deflate"),
        (wire.deflate(BODY), " Deflate "),
        (zstandard.compress(BODY), "zstd"),
        (zstandard.ZstdCompressor(write_content_size=False).compress(BODY), "zstd"),
    ],
)
async def test_each_announced_encoding_is_read(chain: Chain, body: bytes, encoding: str) -> None:
    """The same batch arrives the same under every encoding."""
    await chain.accept(body, encoding, caller(0))
    assert +content(batch(0)) == totals(chain)


async def test_a_large_body_is_read_like_a_small_one(chain: Chain) -> None:
    """What is read beside the event loop is stored, or refused, with the same words."""
    large = msgspec.structs.replace(
        batch(0), offsets=(0, 0, 12000), rtt_s=[0.01] * 12000, reply_dt_ms=[7] * 12000
    )
    body = wire.encode(large)
    with pytest.raises(RefusedError, match="promise") as refused:
        await chain.accept(body[:-1], "identity", caller(0))
    assert (400, "length", 1) == (
        refused.value.status,
        refused.value.reason,
        chain.counts.rejected["length"],
    )
    await chain.accept(body, "identity", caller(0))
    assert content(large) == totals(chain)


async def test_unknown_series_are_named(chain: Chain) -> None:
    """The ids of all series without descriptor are told, of replies, events and addresses."""
    await send(chain, batch(0))
    stranger = msgspec.structs.replace(
        batch(3, described=False), series_ids=(9, 1), event_series=[7, 2, 9]
    )
    with pytest.raises(UnknownSeriesError) as caught:
        await send(chain, stranger)
    assert (7, 9) == caught.value.ids
    with_descriptors = msgspec.structs.replace(
        stranger, descriptors=Descriptors(series=(series(7, "seven"), series(9, "nine")))
    )
    await send(chain, with_descriptors)
    assert Counter({"agent-0": 2}) == chain.counts.accepted


async def test_a_repeated_batch_is_answered_as_stored(chain: Chain) -> None:
    """At or below the mark of its spool nothing counts again; another spool counts for itself.

    What was never stored is not answered as stored.
    """
    for sequence in (3, 5, 5, 3):
        await send(chain, batch(sequence))
    assert Counter({"agent-0": 2}) == chain.counts.duplicates
    assert +content(batch(3)) + content(batch(5)) == totals(chain)
    with pytest.raises(RefusedError, match="batch 4 of agent-0 is not what its spool had"):
        await send(chain, batch(4))
    await send(chain, batch(4, spool=b"t" * 16))
    await send(chain, batch(4, agent=1))
    assert Counter({"agent-0": 3, "agent-1": 1}) == chain.counts.accepted


async def test_a_clone_is_not_told_that_it_is_stored(chain: Chain) -> None:
    """Another batch under a sequence that is taken is refused and kept by its agent.

    With more descriptors the same measurements are the same batch.
    """
    await send(chain, batch(3))
    cloned = msgspec.structs.replace(batch(3), rtt_s=[0.5] * len(batch(3).rtt_s))
    with pytest.raises(RefusedError) as caught:
        await send(chain, cloned)
    assert (403, "twin") == (caught.value.status, caught.value.reason)
    await send(chain, batch(3, described=False))
    assert Counter({"agent-0": 1}) == chain.counts.duplicates
    assert content(batch(3)) == totals(chain)


async def test_a_batch_twice_in_flight_counts_once(chain: Chain) -> None:
    """Ten connections that bring one batch at the same time are all answered, it counts once."""
    await asyncio.gather(*(send(chain, batch(1)) for _ in range(10)))
    assert +content(batch(1)) == totals(chain)
    assert (1, 9) == (chain.counts.accepted["agent-0"], chain.counts.duplicates["agent-0"])


async def test_a_duplicate_waits_for_the_disk(
    chain: Chain, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What may still be lost is not answered as stored; the log, on that disk, gets two lines."""
    caplog.set_level("INFO", "collector.gate.ingest")

    def fails(*_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(journal.os, "fdatasync", fails)
        results = await asyncio.gather(
            *(send(chain, batch(1)) for _ in range(3)), return_exceptions=True
        )
        refused = [result for result in results if isinstance(result, RefusedError)]
        assert [(503, "store")] * 3 == [(error.status, error.reason) for error in refused]
    assert Counter() == totals(chain)
    await send(chain, batch(1))
    assert +content(batch(1)) == totals(chain)
    assert Counter(journal=3) == chain.counts.faults
    assert ["journal_failed", "journal_healed"] == [row.event for row in caplog.records]  # type: ignore[attr-defined]


async def test_what_waits_for_the_disk_is_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the disk hangs so much waits and no more; the rest is told 503 and comes again."""
    synced = threading.Event()
    real = journal.os.fdatasync

    def hangs(descriptor: int) -> None:
        synced.wait(10)
        real(descriptor)

    limits = Limits(body_octets=1024, inflated_octets=1024, backlog_octets=3 * len(BODY))
    settings = msgspec.structs.replace(config(tmp_path), limits=limits)
    async with Chain(settings, clock=StoppedClock()) as chain:
        monkeypatch.setattr(journal.os, "fdatasync", hangs)
        waiting = [asyncio.create_task(send(chain, batch(0, agent=number))) for number in range(3)]
        await asyncio.sleep(0.05)
        queue = chain.counts.queues["journal"]
        assert (3, 3 * len(BODY)) == (len(queue), queue.size)
        with pytest.raises(RefusedError) as caught:
            await send(chain, batch(1))
        assert (503, "backlog") == (caught.value.status, caught.value.reason)
        synced.set()
        await asyncio.gather(*waiting)
        await send(chain, batch(1))
        assert (0, 0, 1) == (len(queue), queue.size, queue.refused)
        assert Counter({"agent-0": 2, "agent-1": 1, "agent-2": 1}) == chain.counts.accepted


async def test_a_certificate_is_an_identity(tmp_path: Path) -> None:
    """The name of a verified certificate is an agent's; another agent's token disagrees."""
    settings = config(tmp_path)
    agents = (
        msgspec.structs.replace(settings.agents[0], token_sha256="", certificate="zero.example"),
        msgspec.structs.replace(settings.agents[1], certificate="one.example"),
    )
    settings = msgspec.structs.replace(settings, agents=agents)
    zero, one = (Caller(names=frozenset({f"{name}.example", "x"})) for name in ("zero", "one"))
    async with Chain(settings, clock=StoppedClock()) as chain:
        await chain.accept(wire.encode(batch(0)), "", zero)
        await chain.accept(wire.encode(batch(0, agent=1)), "", one)
        await chain.accept(wire.encode(batch(1, agent=1)), "", caller(1))
        both = msgspec.structs.replace(one, token=token(1))
        await chain.accept(wire.encode(batch(2, agent=1)), "", both)
        mixed = msgspec.structs.replace(zero, token=token(1))
        stranger = Caller(names=frozenset({"two.example"}))
        for who, number, expected in (
            (zero, 1, (403, "identity")),
            (mixed, 1, (403, "identity")),
            (stranger, 0, (401, "token")),
            (Caller(token=""), 0, (401, "token")),
        ):
            with pytest.raises(RefusedError) as caught:
                await chain.accept(wire.encode(batch(9, agent=number)), "", who)
            assert expected == (caught.value.status, caught.value.reason)
            of_certificate = "no agent has a certificate of two.example" in str(caught.value)
            assert (who is stranger) == of_certificate
        assert Counter({"agent-0": 1, "agent-1": 3}) == chain.counts.accepted


async def test_a_client_that_goes_away_changes_nothing(chain: Chain) -> None:
    """What began to be stored is stored once, and its repetition is a duplicate."""
    task = asyncio.create_task(send(chain, batch(1)))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()
    await send(chain, batch(1))
    assert +content(batch(1)) == totals(chain)
    assert (1, 1) == (chain.counts.accepted["agent-0"], chain.counts.duplicates["agent-0"])


async def test_a_bug_while_applying_stops_nobody(
    chain: Chain, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A batch that breaks the program is counted as a fault, not again, and the next one works."""

    def breaks(*_: object) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr(chain._state.routes, "add", breaks)
        await send(chain, batch(0))
    assert Counter(apply=1) == chain.counts.faults
    await send(chain, batch(0))
    await send(chain, batch(1))
    assert +content(batch(0)) + content(batch(1)) == totals(chain)


async def test_old_batches_are_welcome(chain: Chain) -> None:
    """A spool that was cut off for a month delivers into the windows where its data belong."""
    old = redated(batch(2), NOW_NS - 30 * DAY_NS)
    await send(chain, old)
    assert +content(old) == totals(chain)


async def test_a_client_that_goes_away_keeps_its_turn(
    chain: Chain, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While its batch waits for the disk its repetition waits too, and so does an end."""
    may_sync, real = threading.Event(), journal.os.fdatasync

    def hangs(descriptor: int) -> None:
        may_sync.wait(10)
        real(descriptor)

    with monkeypatch.context() as patch:
        patch.setattr(journal.os, "fdatasync", hangs)
        gone = asyncio.create_task(send(chain, batch(1)))
        await asyncio.sleep(0.02)
        gone.cancel()
        again = asyncio.create_task(send(chain, batch(1)))
        drained = asyncio.create_task(chain._ingest.drain())
        done, _ = await asyncio.wait({gone, again, drained}, timeout=0.05)
        assert set() == done
        may_sync.set()
        await asyncio.gather(gone, again, drained, return_exceptions=True)
    assert +content(batch(1)) == totals(chain)
    assert (1, 1) == (chain.counts.accepted["agent-0"], chain.counts.duplicates["agent-0"])
