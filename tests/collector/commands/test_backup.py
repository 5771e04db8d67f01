"""A backup holds what was acknowledged before it began, or does not exist."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import BinaryIO

import pytest

from collector.chain import Chain
from collector.commands import backup, restore
from collector.errors import ConfigError, CorruptError, StoreError
from collector.gate import journal
from collector.listed import HOUR_NS
from collector.recovery import Rooms
from collector.store import archive, checkpoints, copying, manifest
from tests.fakes import upkept
from tests.fakes.asked_store import filled
from tests.fakes.collector_days import DAY0_NS
from tests.fakes.collector_durable import (
    NOW_NS,
    S_NS,
    StoppedClock,
    batch,
    config,
    contents,
    send,
    totals,
)
from tests.fakes.upkept import Upkept

WHOLE = contents(range(60), range(2))


async def restored(tmp_path: Path) -> Chain:
    """Restore the backup and return the chain that opens it."""
    restore.run(tmp_path / "backup", tmp_path / "restored")
    return Chain(config(tmp_path / "restored"), clock=StoppedClock(NOW_NS + 120 * S_NS))


def make(tmp_path: Path, *, copies: bool = False) -> manifest.Manifest:
    """Back up the store of a test."""
    return backup.run(tmp_path / "store", tmp_path / "backup", copies=copies)


@pytest.mark.parametrize("copies", [False, True])
async def test_a_store_at_work_is_backed_up(tmp_path: Path, copies: bool) -> None:
    """Segments, open windows and the journal's end: all of it, while the collector goes on."""
    async with filled(tmp_path / "store") as chain:
        made = make(tmp_path, copies=copies)
        crossings = chain.reader.crossings()
        await send(chain, batch(60))
        await chain.checkpoint()
    segments = [row.path for row in made.files if row.path.startswith("segments/")]
    assert segments
    for name in segments:
        assert copies is not (tmp_path / "store" / name).samefile(tmp_path / "backup" / name)
    async with await restored(tmp_path) as chain:
        assert WHOLE == totals(chain)
        assert crossings == chain.reader.crossings()
        for crossing in crossings:
            assert chain.reader.evidence(crossing.evidence or "") is not None
        await send(chain, batch(59))
        assert WHOLE == totals(chain)


async def test_a_stopped_store_is_backed_up(tmp_path: Path) -> None:
    """And stays as it is, to the octet."""
    async with filled(tmp_path / "store"):
        """It ends with a checkpoint."""
    before = _files(tmp_path / "store")
    make(tmp_path)
    assert before == _files(tmp_path / "store")
    async with await restored(tmp_path) as chain:
        assert WHOLE == totals(chain)


def _files(directory: Path) -> dict[Path, bytes]:
    return {found: found.read_bytes() for found in directory.rglob("*") if found.is_file()}


async def test_a_store_before_its_first_checkpoint_is_its_journal(tmp_path: Path) -> None:
    """Nothing but a journal is a store, too."""
    async with Chain(config(tmp_path / "store"), clock=StoppedClock()) as chain:
        await send(chain, batch(0))
        made = make(tmp_path)
    assert ["catalog.sqlite", "journal/journal-000001.bin"] == [row.path for row in made.files]
    async with await restored(tmp_path) as chain:
        assert contents(range(1), range(1)) == totals(chain)


@pytest.mark.parametrize(
    ("step", "attempts"), [("_numbers", 2), ("_part", 2), ("_segment", 2), ("_journal", 1)]
)
async def test_what_is_replaced_meanwhile_is_begun_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, attempts: int
) -> None:
    """A checkpoint between two steps, and a segment that another one took the place of.

    A journal that was opened is whole, whatever became of its name.
    """
    async with filled(tmp_path / "store"):
        """It ends with a checkpoint."""
    real = getattr(backup.Backup, step)
    began = []

    def meddled(made: backup.Backup, *given: object) -> object:
        if not began:
            began.append(step)
            _replace(tmp_path / "store")
        return real(made, *given)

    monkeypatch.setattr(backup.Backup, step, meddled)
    made = backup.Backup(Rooms(tmp_path / "store"), Rooms(tmp_path / "backup"), copies=False)
    made.target.make()
    made.take()
    assert attempts == made.attempts
    kept = checkpoints.glance(made.target.home)
    assert made.floor == kept.floor
    listed = {row.name for row in kept.segments}
    assert listed == {found.name for found in made.target.segments.iterdir()}
    numbers = journal.numbers(made.target.journal)
    assert numbers == [row for row in numbers if row >= made.floor]


def _replace(store: Path) -> None:
    """Do what a compaction and a checkpoint do: another name, another floor, files that go."""
    rooms = Rooms(store)
    (first, *_) = sorted(rooms.segments.glob("windows-*"))
    other = first.with_name(first.name.replace("-000002-", "-000099-"))
    other.write_bytes(first.read_bytes())
    last = journal.numbers(rooms.journal)[-1]
    (rooms.journal / journal.file_name(last + 1)).write_bytes(b"")
    with closing(sqlite3.connect(store / checkpoints.FILE_NAME)) as database:
        database.execute("UPDATE segment SET name = ? WHERE name = ?", (other.name, first.name))
        database.execute("UPDATE checkpoint SET floor = ?", (last + 1,))
        database.commit()
    first.unlink()
    (rooms.journal / journal.file_name(last)).unlink()


@pytest.mark.parametrize("after", [1, 5, 9])
def test_upkeep_at_work_is_no_gap(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    """While files are taken over, hours and days take their places: all windows are in it."""
    (tmp_path / "store" / "journal").mkdir(parents=True)
    (tmp_path / "store" / "journal" / journal.file_name(1)).touch()
    store = Upkept(tmp_path / "store")
    held = upkept.filled(store)
    real, taken = copying.link, []

    def linked(source: Path, target: Path, name: str) -> manifest.File:
        taken.append(name)
        if len(taken) == after:
            assert store.work(DAY0_NS + 28 * HOUR_NS + 300 * S_NS)
        return real(source, target, name)

    monkeypatch.setattr(copying, "link", linked)
    made = backup.Backup(Rooms(store.home), Rooms(tmp_path / "backup"), copies=False)
    made.target.make()
    made.take()
    store.catalog.close()
    assert 2 == made.attempts
    again = Upkept(tmp_path / "backup", store.rows)
    assert (0, 1) == (again.tidy(), len(journal.numbers(made.target.journal)))
    again.assert_holds(held)
    again.catalog.close()


def test_statements_that_move_meanwhile_are_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From files of their own into a segment, after the catalogue was taken."""
    (tmp_path / "store" / "journal").mkdir(parents=True)
    (tmp_path / "store" / "journal" / journal.file_name(1)).touch()
    store = Upkept(tmp_path / "store")
    upkept.filled(store, (24,))
    digest = store.bundles.store(b"{}")
    os.utime(store.evidence / f"{digest}.json", ns=(DAY0_NS, DAY0_NS))
    once = backup.Backup._segment

    def meddled(made: backup.Backup, name: str) -> None:
        store.work(DAY0_NS + 24 * HOUR_NS + S_NS)
        once(made, name)

    monkeypatch.setattr(backup.Backup, "_segment", meddled)
    make(tmp_path)
    store.catalog.close()
    held = Upkept(tmp_path / "backup")
    names = [segment.name for segment in held.listed if segment.kind == "evidence"]
    assert b"{}" == archive.read(held.segments, names, digest)
    held.catalog.close()


async def test_what_changes_without_end_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After twenty attempts it says so, and leaves nothing."""
    async with filled(tmp_path / "store"):
        """It ends with a checkpoint."""

    def replaced(*_: object) -> None:
        raise backup._ReplacedError("x was replaced")

    monkeypatch.setattr(backup.Backup, "_take_once", replaced)
    with pytest.raises(StoreError, match=r"faster than it could be copied, 20 times \(x was rep"):
        make(tmp_path)
    assert [] == list((tmp_path / "backup").iterdir())


@pytest.mark.parametrize(
    ("room", "expected"),
    [
        ("segments", "the catalogue lists it and it is missing"),
        ("journal", "journal files from 3 on are missing"),
    ],
)
async def test_what_is_missing_is_named(tmp_path: Path, room: str, expected: str) -> None:
    """A backup without it would look whole."""
    async with filled(tmp_path / "store"):
        """It ends with a checkpoint."""
    next((tmp_path / "store" / room).iterdir()).unlink()
    with pytest.raises(StoreError, match=expected):
        make(tmp_path)
    assert [] == list((tmp_path / "backup").iterdir())


@pytest.mark.parametrize("room", ["segments", "evidence"])
async def test_what_is_damaged_is_named(tmp_path: Path, room: str) -> None:
    """It is not taken over as if it were whole."""
    async with filled(tmp_path / "store"):
        """It ends with a checkpoint."""
    victim = next((tmp_path / "store" / room).iterdir())
    octets = bytearray(victim.read_bytes())
    octets[len(octets) // 2] ^= 1
    victim.write_bytes(octets)
    with pytest.raises(CorruptError, match=victim.name):
        make(tmp_path)
    assert [] == list((tmp_path / "backup").iterdir())


async def test_a_write_that_is_taken_back_meanwhile_is_copied_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half of what failed and half of what followed is in no backup."""
    async with filled(tmp_path / "store"):
        real, torn = copying.copy_opened, []

        def tearing(read: BinaryIO, target: Path, name: str) -> manifest.File:
            found = real(read, target, name)
            if not torn:
                torn.append(name)
                octets = bytearray(target.read_bytes())
                octets[1000] ^= 1
                target.write_bytes(octets)
            return found

        monkeypatch.setattr(copying, "copy_opened", tearing)
        make(tmp_path)
    assert torn
    async with await restored(tmp_path) as chain:
        assert WHOLE == totals(chain)
        assert () == chain.recovered.damage


async def test_targets_are_new(tmp_path: Path) -> None:
    """Nothing that is there is mixed with a backup, and none is made within the store."""
    async with filled(tmp_path / "store"):
        """It ends with a checkpoint."""
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").write_bytes(b"x")
    for target, expected in (
        (tmp_path / "full", "it is not empty; name a new directory"),
        (tmp_path / "full" / "mine", "it is not empty; name a new directory"),
        (tmp_path / "store" / "backup", "that is within the store"),
    ):
        with pytest.raises(ConfigError, match=expected):
            backup.run(tmp_path / "store", target, copies=False)
    assert [tmp_path / "full" / "mine"] == list((tmp_path / "full").iterdir())
    with pytest.raises(ConfigError, match="that is no store"):
        backup.run(tmp_path / "full", tmp_path / "new", copies=False)


async def test_a_disk_that_is_full_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was begun is removed, and the reason said."""
    async with filled(tmp_path / "store"):
        """It ends with a checkpoint."""

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(copying, "copy_opened", full)
    with pytest.raises(StoreError, match="No space left on device; nothing of it is left"):
        make(tmp_path)
    assert [] == list((tmp_path / "backup").iterdir())


async def test_the_salt_goes_along(tmp_path: Path) -> None:
    """What was shown under a hash is shown under the same one."""
    async with filled(tmp_path / "store"):
        (tmp_path / "store" / "redaction.salt").write_bytes(b"salt" * 8)
    make(tmp_path)
    restore.run(tmp_path / "backup", tmp_path / "restored")
    assert b"salt" * 8 == (tmp_path / "restored" / "redaction.salt").read_bytes()


async def test_the_catalogue_is_that_of_one_moment(tmp_path: Path) -> None:
    """A backup is read like a store, and says what the store said then."""
    async with filled(tmp_path / "store") as chain:
        make(tmp_path)
        then = checkpoints.glance(tmp_path / "store")
        await chain.checkpoint()
        assert then != checkpoints.glance(tmp_path / "store")
    assert then == checkpoints.glance(tmp_path / "backup")
