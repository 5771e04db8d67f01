"""The catalogue: what a checkpoint wrote is what a start reads, whole or not at all."""

import sqlite3
from pathlib import Path

import msgspec
import pytest

from collector import routememory
from collector.errors import CorruptError, StoreError
from collector.listed import Segment
from collector.records import RowId
from collector.routememory import Kept
from collector.samples.registry import Alias, Registered
from collector.samples.windows import Windows
from collector.state import Checkpoint, Snapshot
from collector.store.catalog import Catalog
from tests.fakes.collector_durable import agent_id, series

HUGE = 2**64 - 1
SPOOL = b"s" * 16
SEGMENT = Segment(
    name="windows-a.parquet", kind="windows", level_s=10, rows=3, octets=99, first_ns=1, last_ns=2
)


def _named(name: str, **changes: object) -> Segment:
    return msgspec.structs.replace(SEGMENT, name=name, **changes)


def _registered(row: int) -> Registered:
    return Registered(
        row=RowId(row), agent_id=agent_id(0), agent="agent-0", series=series(row, f"target-{row}")
    )


def _alias(number: int, row: int) -> Alias:
    return Alias(agent_id=agent_id(0), spool_id=SPOOL, series=number, row=RowId(row))


MEMORY = Kept(crossings=b"routes", newest=(), rounds={})


def _snapshot(**changes: object) -> Snapshot:
    first = Snapshot(
        floor=2,
        marks={(agent_id(0), SPOOL): HUGE, (agent_id(1), SPOOL): 0},
        arrivals={agent_id(0): 5},
        rows=[_registered(0), _registered(1)],
        aliases=[_alias(7, 0), _alias(8, 1)],
        cut=Windows().cut(0),
        memory=MEMORY,
        fresh=(),
    )
    return msgspec.structs.replace(first, **changes)


def _loaded(directory: Path) -> Checkpoint:
    catalog = Catalog(directory)
    try:
        return catalog.load()
    finally:
        catalog.close()


def test_a_new_directory_has_no_checkpoint(tmp_path: Path) -> None:
    """The first start begins with nothing, at journal file 1."""
    assert Checkpoint() == _loaded(tmp_path)


def test_a_checkpoint_is_read_as_it_was_written(tmp_path: Path) -> None:
    """Every part comes back, sequences of 64 bits included."""
    catalog = Catalog(tmp_path)
    catalog.load()
    catalog.commit(_snapshot(), [SEGMENT])
    catalog.close()
    expected = Checkpoint(
        floor=2,
        marks={(agent_id(0), SPOOL): HUGE, (agent_id(1), SPOOL): 0},
        arrivals={agent_id(0): 5},
        rows=[_registered(0), _registered(1)],
        aliases=[_alias(7, 0), _alias(8, 1)],
        windows=Windows().dump(),
        routes=routememory.pack(MEMORY),
        segments=[msgspec.structs.replace(SEGMENT, serial=1)],
    )
    assert expected == _loaded(tmp_path)


def test_a_mark_that_is_forgotten_is_gone(tmp_path: Path) -> None:
    """A checkpoint's marks are those of its snapshot and no older ones."""
    catalog = Catalog(tmp_path)
    catalog.load()
    catalog.commit(_snapshot(), [])
    marks = {(agent_id(0), b"u" * 16): 3}
    catalog.commit(msgspec.structs.replace(_snapshot(), marks=marks), [])
    catalog.close()
    assert marks == _loaded(tmp_path).marks


def test_a_later_checkpoint_adds_rows_and_moves_aliases(tmp_path: Path) -> None:
    """Within one run and after a restart, only what is new is added."""
    catalog = Catalog(tmp_path)
    catalog.load()
    catalog.commit(_snapshot(), [SEGMENT])
    rows = [_registered(row) for row in range(3)]
    log = [_alias(7, 0), _alias(8, 1), _alias(7, 2)]
    catalog.commit(_snapshot(rows=rows, aliases=log, floor=3), [])
    catalog.close()
    again = Catalog(tmp_path)
    kept = again.load()
    assert (3, rows) == (kept.floor, kept.rows)
    assert {7: 2, 8: 1} == {alias.series: alias.row for alias in kept.aliases}
    rows = [*kept.rows, _registered(3)]
    again.commit(_snapshot(rows=rows, aliases=[*kept.aliases, _alias(9, 3)]), [_named("b")])
    assert ["windows-a.parquet", "b"] == [segment.name for segment in again.load().segments]
    assert rows == again.load().rows
    again.close()


def test_a_failed_commit_changes_nothing(tmp_path: Path) -> None:
    """A transaction that fails at its end leaves the checkpoint before, and can be repeated."""
    catalog = Catalog(tmp_path)
    catalog.load()
    catalog.commit(_snapshot(), [SEGMENT])
    later = _snapshot(floor=9, rows=[_registered(row) for row in range(3)])
    with pytest.raises(StoreError, match="UNIQUE constraint failed"):
        catalog.commit(later, [_named("b"), SEGMENT])
    kept = catalog.load()
    names = [segment.name for segment in kept.segments]
    assert (2, 2, ["windows-a.parquet"]) == (kept.floor, len(kept.rows), names)
    catalog.commit(later, [])
    assert (9, 3) == (catalog.load().floor, len(catalog.load().rows))
    catalog.close()


def test_one_catalogue_at_a_time(tmp_path: Path) -> None:
    """The lock keeps a second one out until the first is closed."""
    first = Catalog(tmp_path)
    with pytest.raises(StoreError, match="another collector uses this directory"):
        Catalog(tmp_path)
    first.close()
    Catalog(tmp_path).close()


def test_another_file_is_no_catalogue(tmp_path: Path) -> None:
    """A file of other content is reported, not replaced, and the lock is let go."""
    path = tmp_path / "catalog.sqlite"
    path.write_bytes(b"not a database, " * 100)
    for _ in range(2):
        with pytest.raises(CorruptError, match="no catalogue"):
            Catalog(tmp_path)
    assert b"not a database, " * 100 == path.read_bytes()


def test_a_later_version_is_refused(tmp_path: Path) -> None:
    """A catalogue of a later program is left to that program."""
    Catalog(tmp_path).close()
    database = sqlite3.connect(tmp_path / "catalog.sqlite")
    database.execute("PRAGMA user_version = 3")
    database.close()
    with pytest.raises(StoreError, match="its version is 3, this program's is 2"):
        Catalog(tmp_path)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("DELETE FROM series WHERE row = 0", "the rows of the series have gaps"),
        ("UPDATE series SET protocol = 'carrier pigeon'", "carrier pigeon"),
        ("UPDATE mark SET sequence = 'x'", "invalid literal"),
    ],
)
def test_changed_content_is_reported(tmp_path: Path, change: str, says: str) -> None:
    """What no checkpoint wrote is never taken for one."""
    catalog = Catalog(tmp_path)
    catalog.load()
    catalog.commit(_snapshot(), [])
    catalog.close()
    database = sqlite3.connect(tmp_path / "catalog.sqlite", isolation_level=None)
    database.execute(change)
    database.close()
    with pytest.raises(CorruptError, match=says):
        _loaded(tmp_path)


def test_a_directory_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    """The message names the file and what to check."""
    with pytest.raises(StoreError, match="check the directory's owner"):
        Catalog(tmp_path / "absent")


@pytest.mark.parametrize("code", [sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR])
def test_a_disk_that_fails_is_not_called_damage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    """Without room nothing is damaged: the operator is not sent to a copy."""

    def fail(*_: object, **__: object) -> None:
        raise sqlite3.OperationalError(str(code))

    class Failing(sqlite3.Connection):
        execute = fail

    connect = sqlite3.connect
    monkeypatch.setattr(
        sqlite3, "connect", lambda *args, **options: connect(*args, **options, factory=Failing)
    )
    with pytest.raises(StoreError, match=f"{code}; make room") as raised:
        Catalog(tmp_path)
    assert StoreError is type(raised.value)
    monkeypatch.undo()
    Catalog(tmp_path).close()


def test_a_serial_is_never_used_again(tmp_path: Path) -> None:
    """Though the last segment is struck out, the next one gets a later serial."""
    catalog = Catalog(tmp_path)
    (first,) = catalog.replace([], [SEGMENT])
    (second,) = catalog.replace([first], [_named("b")])
    assert [] == catalog.replace([second], [])
    (third,) = catalog.replace([], [_named("c")])
    assert [1, 2, 3] == [segment.serial for segment in (first, second, third)]
    assert [third] == catalog.listed()
    catalog.close()


def test_a_failed_replacement_changes_nothing(tmp_path: Path) -> None:
    """Old and new change places in one transaction or not at all."""
    catalog = Catalog(tmp_path)
    old, other = catalog.replace([], [SEGMENT, _named("other")])
    with pytest.raises(CorruptError, match="UNIQUE constraint failed"):
        catalog.replace([old], [_named("new"), _named("other")])
    assert [old, other] == catalog.listed()
    catalog.close()


def test_a_sink_is_owed_what_was_sealed_after_its_cursor(tmp_path: Path) -> None:
    """Compacted, loose and other segments are owed to nobody; a cursor never goes back."""
    catalog = Catalog(tmp_path)
    others = [
        _named("p", kind="paths", level_s=0),
        _named("h", stage="hour"),
        _named("m", stage="hour", level_s=60),
        _named("l", stage="loose"),
    ]
    listed = catalog.replace([], [SEGMENT, *others, _named("z")])
    assert [listed[0], listed[-1]] == catalog.segments_after(catalog.cursor("sink"))
    catalog.advance("sink", 1)
    catalog.advance("sink", 0)
    assert 1 == catalog.cursor("sink")
    catalog.close()
    again = Catalog(tmp_path)
    assert [listed[-1]] == again.segments_after(again.cursor("sink"))
    assert [listed[1]] == again.segments_after(0, "paths", 0)
    again.close()


def test_what_is_taken_from_a_sink_is_counted(tmp_path: Path) -> None:
    """Rows of a sealed segment that is replaced before a sink had it are that sink's overflow."""
    catalog = Catalog(tmp_path)
    first, second, path = catalog.replace(
        [], [SEGMENT, _named("b", rows=5), _named("p", kind="paths", level_s=0)]
    )
    for sink, serial in (("slow", 0), ("half", first.serial), ("done", second.serial)):
        catalog.advance(sink, serial)
    catalog.replace([first, second, path], [_named("hour", stage="hour")])
    assert [8, 5, 0, 0] == [catalog.overflow(s) for s in ("slow", "half", "done", "unknown")]
    catalog.close()
