"""Journal files of numbered entries, written by the journal and read back by a replay."""

from pathlib import Path

import msgspec

from collector.gate.frames import Entry
from collector.gate.journal import Journal
from collector.gate.replay import Replay
from tests.fakes.collector_durable import vantage


def entry(number: int, octets: int = 20) -> Entry:
    """Return an entry as a replay gives it back."""
    bare = msgspec.structs.replace(vantage(0), token_sha256="")
    return Entry(received_ns=number, vantage=bare, body=b"%020d" % number * (octets // 20))


def nothing() -> None:
    """Deliver to nobody."""


def replayed(directory: Path, floor: int = 1) -> tuple[list[int], Replay]:
    """Return the numbers of the entries of a replay, and the replay."""
    replay = Replay(directory, floor)
    return [found.received_ns for found in replay], replay


async def write(directory: Path, numbers: range) -> None:
    """Write a journal file with these entries."""
    opened = Journal(directory)
    for number in numbers:
        await opened.append(entry(number), nothing)
    await opened.close()
