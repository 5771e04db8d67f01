"""Truncated and flipped segments of every kind are reported, and never returned as data."""

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from collector.errors import CorruptError
from collector.listed import Kind, Segment
from collector.records import Crossing, Verdict
from collector.samples.registry import ranks
from collector.store import archive, compaction, judged, moments, segmentfile, segments
from collector.store import judgementtable as tables
from collector.store.archive import Loose
from collector.store.compaction import Bench
from tests.fakes.collector_days import named, registered, spans, windows
from tests.fakes.collector_samples import BASE_NS, S_NS, path_record
from tests.fakes.repetitions import NOW

pytestmark = [pytest.mark.fault, pytest.mark.timeout(NOW.timeout_s)]

Read = Callable[[Path, str], object]
EVER = {"from_ns": 0, "to_ns": 1 << 62}
EPISODE = Crossing(
    id="c1",
    agent="paris",
    target="marseille",
    zone="cloud/south",
    jurisdiction="FX",
    verdict=Verdict.SUPPORTED_OUTSIDE,
    wider={},
    countries=("FR", "DE"),
    first_seen_ns=BASE_NS,
    confirmed_ns=BASE_NS + S_NS,
    ended_ns=None,
    rounds=2,
    evidence="0" * 64,
)


def every_kind(directory: Path) -> list[Segment]:
    """Write a segment of each kind, and windows at each stage and level."""
    rows = registered()
    bench = Bench(
        directory=directory,
        named=named(rows),
        places=ranks(rows),
        suffix="c1",
        watch=lambda: None,
    )
    sealed = segments.write_windows(
        directory, windows(list(spans([0]))), named(rows), "1", places=ranks(rows)
    )
    hour = compaction.hour(bench, sealed)
    day = compaction.day(bench, [s for s in hour if s.kind == "windows"])
    paths = judged.write_paths(directory, [path_record()] * 3, "1")
    crossings = judged.write_crossings(directory, [EPISODE], "1")
    digest = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
    evidence = archive.write(directory, [Loose(digest, BASE_NS)], lambda _: b"{}", "c1")
    return [*sealed, *hour, *day, *paths, *crossings, evidence]


def _table(kind: Kind) -> Read:
    def read(directory: Path, name: str) -> object:
        schemas = {"verdicts": tables.VERDICTS, "crossings": tables.CROSSINGS}[kind]
        with segmentfile.opened(directory / name, kind, schemas) as found:
            return found.file.read()

    return read


def _moments(directory: Path, name: str) -> object:
    whole = segmentfile.describe(directory, name)
    return moments.read(directory, [whole], whole.first_ns, whole.last_ns)


READS: dict[Kind, Read] = {
    "windows": lambda directory, name: segments.read_windows(directory, [name], **EVER),
    "moments": _moments,
    "paths": lambda directory, name: judged.read_paths(directory, [name], limit=9),
    "verdicts": _table("verdicts"),
    "crossings": _table("crossings"),
    "evidence": lambda directory, name: archive.read(
        directory, [name], "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
    ),
}


def test_damage_is_reported_and_never_returned(tmp_path: Path) -> None:
    """Cuts at any octet and single flipped bits, over all kinds: `CorruptError` names the file."""
    dice = random.Random(20261126)
    written = every_kind(tmp_path)
    assert READS.keys() == {segment.kind for segment in written}
    for turn in range(NOW.damages):
        segment = written[turn % len(written)]
        path = tmp_path / segment.name
        whole = path.read_bytes()
        place = dice.randrange(len(whole))
        damaged = bytearray(whole)
        if dice.random() < 0.5:
            damaged[place] ^= 1 << dice.randrange(8)
        else:
            del damaged[place:]
        path.write_bytes(damaged)
        with pytest.raises(CorruptError, match=segment.name):
            READS[segment.kind](tmp_path, segment.name)
        with pytest.raises(CorruptError, match=segment.name):
            segmentfile.describe(tmp_path, segment.name)
        path.write_bytes(whole)
        READS[segment.kind](tmp_path, segment.name)


def test_rot_after_the_proof_is_found_or_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the checksum of the file was proved before, those of the pages are left: no wrong row.

    The footer has no checksum of its own within a process; Parquet's reader refuses what it cannot
    parse, and schema, kind and index of series are compared.
    """
    dice = random.Random(7)
    rows = registered()
    (segment,) = segments.write_windows(
        tmp_path, windows(list(spans([0]))), named(rows), "1", places=ranks(rows)
    )
    path = tmp_path / segment.name
    whole = path.read_bytes()
    footer = int.from_bytes(whole[-8:-4], "little") + 8
    monkeypatch.setattr(segmentfile, "prove", lambda *_: None)
    expected = segments.read_windows(tmp_path, [segment.name], **EVER)
    found = 0
    for _ in range(NOW.damages // 4):
        damaged = bytearray(whole)
        damaged[dice.randrange(4, len(whole) - footer)] ^= 1 << dice.randrange(8)
        path.write_bytes(damaged)
        try:
            read = segments.read_windows(tmp_path, [segment.name], **EVER)
        except CorruptError:
            found += 1
        else:
            for name in ("row", "start_ns", "counts", "sum_s", "bucket", "bucket_count"):
                assert getattr(expected, name).tolist() == getattr(read, name).tolist()
    assert found > NOW.damages // 16
