"""What upkeep leaves alone: what sinks are owed, what is fresh, what cannot be read."""

import os
from pathlib import Path

import msgspec
import pytest

from collector.listed import Segment
from collector.settings.sinkrows import SinkSettings
from collector.store.catalog import Catalog
from collector.store.holding import FRESH_NS, Holding
from tests.fakes.collector_durable import config
from tests.fakes.collector_samples import BASE_NS

S_NS = 1_000_000_000
SINK = SinkSettings(name="db", kind="victoriametrics", url="http://x", backlog_s=100)


def segment(name: str, serial: int = 1) -> Segment:
    """Return a listed file."""
    return Segment(
        name=name, kind="windows", level_s=10, rows=1, octets=1, first_ns=BASE_NS, last_ns=BASE_NS,
        serial=serial,
    )  # fmt: skip


@pytest.fixture
def held(tmp_path: Path) -> Holding:
    """Return what holds files back in a directory of one file that was written at BASE_NS."""
    catalog = Catalog(tmp_path)
    catalog.advance("db", 4)
    settings = msgspec.structs.replace(config(tmp_path), sinks=(SINK,))
    path = tmp_path / "a"
    path.write_bytes(b"a")
    os.utime(path, ns=(BASE_NS, BASE_NS))
    return Holding(settings, catalog, tmp_path)


def test_a_sink_is_owed_what_comes_after_its_place(held: Holding) -> None:
    """Until its bound is passed, counted from when the file was written."""
    held.look(BASE_NS + 100 * S_NS)
    assert [False, True] == [held.owed(segment("a", serial)) for serial in (4, 5)]
    held.look(BASE_NS + 101 * S_NS)
    assert not held.owed(segment("a", 5))


def test_a_file_is_fresh_for_an_hour(held: Holding) -> None:
    """One from the future is not, nor one that is gone."""
    for now_ns, fresh in ((BASE_NS, True), (BASE_NS + FRESH_NS, False), (BASE_NS - 1, False)):
        held.look(now_ns)
        assert fresh == held.fresh(segment("a"))
    assert not held.fresh(segment("gone"))


def test_what_cannot_be_read_is_left_until_it_is_another_file(
    held: Holding, tmp_path: Path
) -> None:
    """Changed, put in its place, or come back."""
    names = ("a", "gone")
    held.leave([tmp_path / name for name in names])
    held.look(BASE_NS)
    assert [True, True] == [held.left(segment(name)) for name in names]
    (tmp_path / "copy").write_bytes(b"a")
    os.utime(tmp_path / "copy", ns=(BASE_NS, BASE_NS))
    (tmp_path / "copy").replace(tmp_path / "a")
    held.look(BASE_NS)
    assert [False, True] == [held.left(segment(name)) for name in names]
    (tmp_path / "gone").write_bytes(b"b")
    held.look(BASE_NS)
    assert not held.is_left(tmp_path / "gone")
