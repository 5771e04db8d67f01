"""The replay: what is damaged is said, torn tails are cut, and what no start needs is dropped."""

import os
import random
import zlib
from pathlib import Path

import pytest

from collector.errors import StoreError
from collector.gate import replay as reading
from collector.gate.journal import Journal, file_name, numbers
from collector.gate.replay import drop, whole
from tests.fakes.journals import replayed, write


async def test_files_below_the_floor_are_dropped_and_numbers_never_reused(tmp_path: Path) -> None:
    """After a drop the next journal still gets a number above all before it."""
    await write(tmp_path, range(3))
    drop(tmp_path, 2)
    assert [] == numbers(tmp_path)
    opened = Journal(tmp_path, floor=2)
    assert 2 == opened.number
    await opened.close()


async def test_a_torn_tail_is_cut_and_counted(tmp_path: Path) -> None:
    """A last frame without its end is removed from the file; a second replay finds none."""
    await write(tmp_path, range(3))
    path = tmp_path / file_name(1)
    length = path.stat().st_size
    os.truncate(path, length - 5)
    found, replay = replayed(tmp_path)
    assert [0, 1] == found
    assert (length // 3 - 5, []) == (replay.cut_octets, replay.damage)
    assert length // 3 * 2 == path.stat().st_size
    assert 0 == replayed(tmp_path)[1].cut_octets


async def test_damage_in_the_middle_is_said_with_file_and_offset(tmp_path: Path) -> None:
    """The message says where, how much, and what to do; the file outlives its checkpoint."""
    await write(tmp_path, range(3))
    await write(tmp_path, range(3, 6))
    path = tmp_path / file_name(1)
    frame = path.stat().st_size // 3
    content = bytearray(path.read_bytes())
    content[frame + 40] ^= 0x10
    path.write_bytes(content)
    found, replay = replayed(tmp_path)
    assert [0, 2, 3, 4, 5] == found
    (error,) = replay.damage
    assert str(error) == (
        f"replay {path}: from octet {frame} on, a frame does not match its checksum; {frame}"
        " octets are not used, all other batches are; the file is kept as *.damaged after the"
        " next checkpoint: check this disk and compare with a copy"
    )
    drop(tmp_path, 3)
    assert path.with_suffix(".damaged").read_bytes() == bytes(content)
    assert [] == numbers(tmp_path)


async def test_a_tail_before_another_file_and_a_missing_file_are_said(tmp_path: Path) -> None:
    """Only the last file may end within a frame, and no number may be left out."""
    for start in (0, 3, 6, 9):
        await write(tmp_path, range(start, start + 3))
    path = tmp_path / file_name(1)
    os.truncate(path, path.stat().st_size - 1)
    (tmp_path / file_name(3)).unlink()
    found, replay = replayed(tmp_path)
    assert [0, 1, 3, 4, 5, 9, 10, 11] == found
    tail, missing = map(str, replay.damage)
    assert "the file ends within a frame, and another file follows" in tail
    assert "journal-000003.bin to journal-000003.bin are missing" in missing


def test_a_journal_that_is_gone_altogether_is_said(tmp_path: Path) -> None:
    """A checkpoint leaves a file of its floor's number behind; before the first there is none."""
    assert [] == replayed(tmp_path)[1].damage
    (missing,) = map(str, replayed(tmp_path, 7)[1].damage)
    assert "journal-000007.bin is missing" in missing


async def test_a_file_of_another_release_is_refused_and_left(tmp_path: Path) -> None:
    """It is no damage: what it holds was acknowledged, and the release that wrote it reads it."""
    await write(tmp_path, range(2))
    path = tmp_path / file_name(1)
    content = bytearray(path.read_bytes())
    content[2] = 2
    content[12:16] = zlib.crc32(content[:12]).to_bytes(4, "little")
    path.write_bytes(content)
    with pytest.raises(StoreError, match=r"a frame has version 2, this program reads 1; .*release"):
        replayed(tmp_path)
    assert bytes(content) == path.read_bytes()


async def test_random_cuts_and_flips_give_a_prefix_or_a_report(tmp_path: Path) -> None:
    """Of 200 damaged copies none gives an entry that was not written, or loses one silently."""
    await write(tmp_path, range(30))
    path = tmp_path / file_name(1)
    original = path.read_bytes()
    dice = random.Random(7)
    for _ in range(200):
        content = bytearray(original)
        if dice.random() < 0.5:
            del content[dice.randrange(len(content)) :]
        else:
            content[dice.randrange(len(content))] ^= 1 << dice.randrange(8)
        path.write_bytes(content)
        found, replay = replayed(tmp_path)
        if replay.damage:
            assert sorted(set(found)) == found
            assert 30 > len(found)
        else:
            assert list(range(len(content) * 30 // len(original))) == found


async def test_a_file_is_whole_but_for_its_torn_tail(tmp_path: Path) -> None:
    """A prefix of a file is one; a flipped bit in it is not."""
    await write(tmp_path, range(3))
    path = tmp_path / file_name(1)
    octets = path.read_bytes()
    path.write_bytes(octets[:-5])
    assert whole(path)
    path.write_bytes(octets[:30] + bytes([octets[30] ^ 1]) + octets[31:])
    assert not whole(path)


async def test_a_disk_that_fails_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot be dropped or read is a `StoreError` that names it, and is left as it was."""
    await write(tmp_path, range(1))

    def fails(*_: object, **__: object) -> None:
        raise OSError(30, "Read-only file system")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", fails)
        with pytest.raises(StoreError, match="drop the journal"):
            drop(tmp_path, 2)
    with monkeypatch.context() as patch:
        patch.setattr(reading.mmap, "mmap", fails)
        with pytest.raises(StoreError, match="read the journal"):
            replayed(tmp_path)
    assert [1] == numbers(tmp_path)
