"""A restored store is the one that was backed up, or there is none."""

import asyncio
import os
import random
import shutil
from pathlib import Path

import pytest

from collector.chain import Chain
from collector.commands import backup, restore
from collector.errors import ConfigError, CorruptError, StoreError
from collector.store import copying, lock, manifest
from tests.fakes import repetitions
from tests.fakes.asked_store import filled
from tests.fakes.collector_durable import StoppedClock, config

FLIPS = repetitions.NOW.damages


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A backup of a store at work."""
    directory = tmp_path_factory.mktemp("kept")

    async def fill() -> None:
        async with filled(directory / "store"):
            backup.run(directory / "store", directory / "backup", copies=True)

    asyncio.run(fill())
    return directory / "backup"


def test_the_store_is_the_backup(kept: Path, tmp_path: Path) -> None:
    """Every file, octet for octet, and its own: the backup can be restored again."""
    for name in ("first", "second"):
        made = restore.run(kept, tmp_path / name)
        for file in made.files:
            assert (kept / file.path).read_bytes() == (tmp_path / name / file.path).read_bytes()
            assert not (kept / file.path).samefile(tmp_path / name / file.path)
    there = {found.name for found in (tmp_path / "first").iterdir()}
    assert {"catalog.sqlite", "segments", "evidence", "journal", "lock"} == there


@pytest.mark.fault
@pytest.mark.timeout(repetitions.NOW.timeout_s)
def test_every_flipped_bit_is_found_before_there_is_a_store(kept: Path, tmp_path: Path) -> None:
    """In whichever file, the manifest included; the file is named and nothing is left."""
    dice = random.Random(20261124)
    shutil.copytree(kept, tmp_path / "backup")
    files = sorted(
        found
        for found in (tmp_path / "backup").rglob("*")
        if found.is_file() and found.stat().st_size
    )
    for _ in range(FLIPS):
        victim = dice.choice(files)
        whole = victim.read_bytes()
        octets = bytearray(whole)
        octets[dice.randrange(len(octets))] ^= 1 << dice.randrange(8)
        victim.write_bytes(octets)
        with pytest.raises(CorruptError, match=victim.name):
            restore.run(tmp_path / "backup", tmp_path / "store")
        assert [] == list((tmp_path / "store").glob("*"))
        victim.write_bytes(whole)
    restore.run(tmp_path / "backup", tmp_path / "store")


@pytest.mark.parametrize("change", ["cut", "grown", "gone"])
def test_a_file_of_another_size_is_found(kept: Path, tmp_path: Path, change: str) -> None:
    """Before an octet of it is copied."""
    shutil.copytree(kept, tmp_path / "backup")
    victim = next((tmp_path / "backup" / "segments").iterdir())
    octets = victim.read_bytes()
    victim.unlink()
    if change != "gone":
        victim.write_bytes(octets[:-1] if change == "cut" else octets + b"x")
    with pytest.raises(CorruptError, match=f"{victim.name}: .*take another backup"):
        restore.run(tmp_path / "backup", tmp_path / "store")
    assert [] == list((tmp_path / "store").iterdir())


def test_what_is_no_finished_backup_is_refused(kept: Path, tmp_path: Path) -> None:
    """A directory without a manifest, and one that is not there."""
    shutil.copytree(kept, tmp_path / "backup")
    (tmp_path / "backup" / manifest.FILE_NAME).unlink()
    for source in (tmp_path / "backup", tmp_path / "nowhere"):
        with pytest.raises(ConfigError, match="it is no backup, or one that was not finished"):
            restore.run(source, tmp_path / "store")
    assert not (tmp_path / "store").exists()


def test_what_is_there_is_not_touched(kept: Path, tmp_path: Path) -> None:
    """A directory with anything in it, and a file."""
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").write_bytes(b"x")
    for target in (tmp_path / "full", tmp_path / "full" / "mine"):
        with pytest.raises(ConfigError, match="it is not empty; name a new directory"):
            restore.run(kept, target)
    assert [tmp_path / "full" / "mine"] == list((tmp_path / "full").iterdir())


async def test_a_live_store_is_not_touched(kept: Path, tmp_path: Path) -> None:
    """The collector that uses it is what is named."""
    async with Chain(config(tmp_path), clock=StoppedClock()):
        with pytest.raises(StoreError, match="another collector uses this directory; stop it"):
            restore.run(kept, tmp_path)
    with pytest.raises(ConfigError, match="it is not empty"):
        restore.run(kept, tmp_path)


def test_no_collector_starts_from_half_of_it(
    kept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lock is held until the end, and the catalogue comes last."""
    real, order = copying.copy, []

    def watched(source: Path, target: Path, name: str) -> manifest.File:
        order.append(name)
        with pytest.raises(StoreError, match="another collector uses this directory"):
            lock.hold(tmp_path / "store")
        return real(source, target, name)

    monkeypatch.setattr(copying, "copy", watched)
    restore.run(kept, tmp_path / "store")
    assert "catalog.sqlite" == order[-1]
    os.close(lock.hold(tmp_path / "store"))


def test_a_disk_that_is_full_leaves_nothing(
    kept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was begun is removed, and the reason said."""

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(copying, "copy", full)
    with pytest.raises(StoreError, match="No space left on device; nothing of it is left"):
        restore.run(kept, tmp_path / "store")
    assert [] == list((tmp_path / "store").iterdir())
