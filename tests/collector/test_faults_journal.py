"""Cuts and flipped bits of the journal: what is damaged is reported and never returned as data."""

import random
from pathlib import Path

import msgspec
import pytest

from agent import wire
from collector.chain import Chain
from collector.gate import frames, journal
from collector.gate.frames import Entry
from collector.gate.journal import file_name
from collector.gate.replay import Replay
from tests.fakes import repetitions
from tests.fakes.collector_durable import (
    NOW_NS,
    S_NS,
    StoppedClock,
    batch,
    config,
    contents,
    path,
    totals,
    vantage,
)

BATCHES = 12
DAMAGES = repetitions.NOW.damages

pytestmark = [pytest.mark.fault, pytest.mark.timeout(repetitions.NOW.timeout_s)]


def entry(sequence: int) -> Entry:
    """Return a batch as a journal gives it back; some bring a path."""
    bare = msgspec.structs.replace(vantage(0), token_sha256="")
    paths = [path(NOW_NS + sequence * S_NS, abroad=True)] if sequence % 3 == 0 else []
    sent = batch(sequence, paths=paths)
    return Entry(received_ns=sent.base_ns, vantage=bare, body=wire.encode(sent))


ENTRIES = [entry(sequence) for sequence in range(BATCHES)]
FRAMES = [frames.encode(one) for one in ENTRIES]
WHOLE = b"".join(FRAMES)


def replayed(directory: Path, octets: bytes) -> tuple[list[Entry], Replay]:
    """Return what a replay of one file with these octets gives."""
    (directory / file_name(1)).write_bytes(octets)
    replay = Replay(directory, 1)
    return list(replay), replay


def test_a_cut_gives_the_whole_batches_before_it(tmp_path: Path) -> None:
    """Wherever the file ends: every batch before, none after, and the rest of a frame is told."""
    dice = random.Random(20261126)
    ends = [sum(map(len, FRAMES[:count])) for count in range(BATCHES + 1)]
    for _ in range(DAMAGES):
        cut = dice.randrange(len(WHOLE) + 1)
        found, replay = replayed(tmp_path, WHOLE[:cut])
        count = max(number for number, end in enumerate(ends) if end <= cut)
        assert ENTRIES[:count] == found
        assert (cut - ends[count], []) == (replay.cut_octets, replay.damage)
        assert ends[count] == (tmp_path / file_name(1)).stat().st_size


def test_a_flipped_bit_is_reported_and_never_data(tmp_path: Path) -> None:
    """Whichever bit it is: what is returned was written, what is not returned is reported.

    A payload's damage costs its batch, a header's the rest of its file.
    """
    dice = random.Random(20261127)
    begins = [sum(map(len, FRAMES[:count])) for count in range(BATCHES)]
    for _ in range(DAMAGES):
        octets = bytearray(WHOLE)
        at = dice.randrange(len(octets))
        octets[at] ^= 1 << dice.randrange(8)
        found, replay = replayed(tmp_path, bytes(octets))
        hit = max(number for number, begin in enumerate(begins) if begin <= at)
        in_header = at - begins[hit] < frames.HEADER_OCTETS
        rest = [] if in_header else ENTRIES[hit + 1 :]
        assert ENTRIES[:hit] + rest == found
        assert 1 == len(replay.damage)
        assert f"from octet {begins[hit]} on" in str(replay.damage[0])
        assert bytes(octets) == (tmp_path / file_name(1)).read_bytes()


@pytest.mark.slow
async def test_a_chain_on_a_damaged_journal_goes_on_with_the_rest(tmp_path: Path) -> None:
    """It starts, says what is lost, shows exactly the rest, and takes the lost batches again."""
    dice = random.Random(20261128)
    for number in range(repetitions.NOW.kills):
        store = tmp_path / str(number)
        (store / "journal").mkdir(parents=True)
        octets = bytearray(WHOLE)
        hit = dice.randrange(BATCHES)
        begin = sum(map(len, FRAMES[:hit]))
        octets[begin + dice.randrange(frames.HEADER_OCTETS, len(FRAMES[hit]))] ^= 0x40
        (store / "journal" / file_name(1)).write_bytes(octets)
        clock = StoppedClock(NOW_NS + BATCHES * S_NS)
        expected = contents(range(BATCHES), range(1))
        async with Chain(config(store), clock=clock) as chain:
            assert (BATCHES - 1, 1) == (chain.recovered.frames, len(chain.recovered.damage))
            held = totals(chain)
            assert held + contents(range(hit, hit + 1), range(1)) == expected
        kept = [found.name for found in (store / "journal").iterdir() if "damaged" in found.name]
        assert [journal.file_name(1).replace(".bin", ".damaged")] == kept
