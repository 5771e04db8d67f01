"""Statements of days that are over move into segments, and stay retrievable with their proof."""

import hashlib
import os
from pathlib import Path

import pytest

from collector.errors import CorruptError, StoreError
from collector.listed import DAY_NS, HOUR_NS, Segment
from collector.store import archive
from tests.fakes.collector_days import DAY0_NS
from tests.fakes.upkept import Upkept, filled

NOW_NS = DAY0_NS + DAY_NS + HOUR_NS // 2


def stored(store: Upkept, number: int, written_ns: int) -> str:
    """Keep a Statement as if it had been written at a moment; return its digest."""
    digest = store.bundles.store(b'{"statement":%d}' % number)
    os.utime(store.evidence / f"{digest}.json", ns=(written_ns, written_ns))
    return digest


def found(store: Upkept, digest: str) -> bytes | None:
    """Return a Statement from wherever it is."""
    names = [segment.name for segment in store.listed if segment.kind == "evidence"]
    return store.bundles.read(digest) or archive.read(store.segments, names, digest)


@pytest.fixture
def store(tmp_path: Path) -> Upkept:
    """A store with Statements of two days before and of today, and windows up to now."""
    made = Upkept(tmp_path)
    filled(made, (24,))
    return made


def test_statements_of_days_that_are_over_become_segments(store: Upkept) -> None:
    """A segment a day; those of today stay files; all are found to the octet."""
    days = [(n, DAY0_NS + (n % 3 - 1) * DAY_NS + n) for n in range(9)]
    digests = [stored(store, n, at_ns) for n, at_ns in days]
    assert 2 == store.work(NOW_NS)
    assert 3 == len(list(store.evidence.glob("*.json")))
    assert [3, 3] == [s.rows for s in store.listed if s.kind == "evidence"]
    for number, digest in enumerate(digests):
        octets = found(store, digest)
        assert b'{"statement":%d}' % number == octets
        assert hashlib.sha256(octets).hexdigest() == digest
    assert 0 == store.work(NOW_NS)
    store.catalog.close()


def test_a_crash_before_the_files_go_is_made_good(
    store: Upkept, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is in a segment already is removed, not kept twice."""
    digest = stored(store, 1, DAY0_NS)
    with monkeypatch.context() as patch:
        patch.setattr(store.bundles, "remove", lambda _: None)
        assert store.upkeep.step(NOW_NS)
    assert [1] == [s.rows for s in store.listed if s.kind == "evidence"]
    assert 1 == store.work(NOW_NS)
    assert [1] == [s.rows for s in store.listed if s.kind == "evidence"]
    assert not list(store.evidence.glob("*.json"))
    assert b'{"statement":1}' == found(store, digest)
    store.catalog.close()


def test_a_damaged_statement_is_left_where_it_is(
    store: Upkept, caplog: pytest.LogCaptureFixture
) -> None:
    """Its octets are not carried over under a name that they do not match; the others go."""
    bad, good = (stored(store, n, DAY0_NS) for n in (1, 2))
    path = store.evidence / f"{bad}.json"
    path.write_bytes(b"changed")
    os.utime(path, ns=(DAY0_NS, DAY0_NS))
    assert 2 == store.work(NOW_NS)
    assert [f"{bad}.json"] == [path.name for path in store.evidence.glob("*.json")]
    assert b'{"statement":2}' == found(store, good)
    with pytest.raises(CorruptError, match="do not match its name"):
        found(store, bad)
    assert "it is left as it is" in caplog.text
    store.catalog.close()


@pytest.mark.parametrize("gone", [False, True])
def test_a_day_that_cannot_be_read_stops_no_other(
    store: Upkept, caplog: pytest.LogCaptureFixture, gone: bool
) -> None:
    """It stays listed and is said once; other days' Statements move and are found."""
    first, second = (stored(store, n, DAY0_NS - n * DAY_NS) for n in (2, 1))
    assert 2 == store.work(NOW_NS)
    spoiled = max((s for s in store.listed if s.kind == "evidence"), key=lambda s: s.serial)
    path = store.segments / spoiled.name
    path.unlink()
    if not gone:
        path.write_bytes(b"PAR1 no more")
    third = stored(store, 3, DAY0_NS)
    turns = [store.upkeep.step(NOW_NS) for _ in range(4)]
    assert [True, True, False, False] == turns
    assert 1 == sum(spoiled.name in line for line in caplog.text.splitlines())
    assert b'{"statement":3}' == found(store, third)
    assert b'{"statement":2}' == found(store, first)
    with pytest.raises(StoreError, match=spoiled.name):
        found(store, second)
    store.catalog.close()


def test_evidence_goes_with_its_time(store: Upkept) -> None:
    """Not before ten years are over by default."""
    stored(store, 1, DAY0_NS)
    store.work(NOW_NS)
    (segment,) = [s for s in store.listed if s.kind == "evidence"]
    assert isinstance(segment, Segment)
    late_ns = segment.last_ns + store.upkeep._config.retention.kept_ns(segment)
    filled(store, [(late_ns - DAY0_NS) // HOUR_NS + 1 - 24 * day for day in range(3)])
    store.work(late_ns + 2 * HOUR_NS)
    assert [] == [s for s in store.listed if s.kind == "evidence"]
    store.catalog.close()
