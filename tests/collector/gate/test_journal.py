"""The journal: groups, their order, disks that fail, files that follow one another."""

import asyncio
import os
import resource
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from collector.errors import StoreError
from collector.gate import frames, journal
from collector.gate.journal import Journal, file_name
from tests.fakes.journals import entry, nothing, replayed, write


async def test_what_was_appended_is_replayed_in_order(tmp_path: Path) -> None:
    """Delivery and replay have the order of the calls; a file follows a file."""
    delivered: list[int] = []
    for start in (0, 10):
        opened = Journal(tmp_path)
        calls = [
            opened.append(entry(number), lambda number=number: delivered.append(number))
            for number in range(start, start + 10)
        ]
        await asyncio.gather(*calls)
        await opened.close()
    assert list(range(20)) == delivered
    numbers, replay = replayed(tmp_path)
    assert list(range(20)) == numbers
    assert (20, 0, []) == (replay.frames, replay.cut_octets, replay.damage)
    assert [1, 2] == journal.numbers(tmp_path)


async def test_the_millionth_file_is_found_again(tmp_path: Path) -> None:
    """A checkpoint each minute gets there in two years: nothing of the next file may be lost."""
    opened = Journal(tmp_path, 999_999)
    await opened.append(entry(1), nothing)
    await opened.rotate(lambda number: number)
    await opened.append(entry(2), nothing)
    await opened.close()
    assert [999_999, 1_000_000] == journal.numbers(tmp_path)
    assert [1, 2] == replayed(tmp_path, 999_999)[0]
    assert 2 * len(frames.encode(entry(1))) == journal.octets(tmp_path)
    following = Journal(tmp_path)
    assert 1_000_001 == following.number
    await following.close()


def test_only_names_of_journal_files_count(tmp_path: Path) -> None:
    """A copy beside a file, or a number in another form, is no second file of that number."""
    for name in ("journal-000001.bin.bak", "journal-0000001.bin", "journal-1.bin", "000001.bin"):
        (tmp_path / name).touch()
    (tmp_path / file_name(1)).touch()
    assert [1] == journal.numbers(tmp_path)


async def test_a_group_is_what_came_during_the_last_sync(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hundred waiters share few syncs, and nobody is answered before one."""
    syncs: list[int] = []
    original = os.fdatasync

    def counted(descriptor: int) -> None:
        original(descriptor)
        syncs.append(os.fstat(descriptor).st_size)

    monkeypatch.setattr(journal.os, "fdatasync", counted)
    opened = Journal(tmp_path)
    ends: list[int] = []
    await asyncio.gather(
        *(
            opened.append(entry(number), lambda: ends.append(syncs[-1] if syncs else 0))
            for number in range(100)
        )
    )
    await opened.close()
    frame = len(frames.encode(entry(0)))
    assert len(syncs) <= 3
    assert all(synced >= frame * (place + 1) for place, synced in enumerate(ends))


async def test_a_cancelled_caller_changes_nothing(tmp_path: Path) -> None:
    """An entry that was handed over is written and delivered, whoever goes away."""
    opened, delivered = Journal(tmp_path), []
    task = asyncio.create_task(opened.append(entry(1), lambda: delivered.append(1)))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await opened.close()
    assert [1] == delivered
    assert [1] == replayed(tmp_path)[0]


async def test_a_cancelled_caller_is_told_once_it_is_delivered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until then he holds what he holds: his agent's turn, and his place in the queue."""
    may_sync, synced = threading.Event(), os.fdatasync

    def hangs(descriptor: int) -> None:
        may_sync.wait(10)
        synced(descriptor)

    opened, delivered = Journal(tmp_path), []
    monkeypatch.setattr(journal.os, "fdatasync", hangs)
    task = asyncio.create_task(opened.append(entry(1), lambda: delivered.append(1)))
    await asyncio.sleep(0)
    task.cancel()
    done, _ = await asyncio.wait({task}, timeout=0.05)
    assert (set(), []) == (done, delivered)
    may_sync.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [1] == delivered
    await opened.close()


async def test_a_small_group_needs_no_second_thread(tmp_path: Path) -> None:
    """The writer delivers it, a large one the thread beside it, and the order is the file's."""
    opened = Journal(tmp_path)
    delivered: list[tuple[int, str]] = []

    def deliver(number: int) -> None:
        delivered.append((number, threading.current_thread().name.partition("_")[0]))

    for numbers in (range(1), range(1, 50)):
        calls = [opened.append(entry(n), partial(deliver, n)) for n in numbers]
        await asyncio.gather(*calls)
    await opened.close()
    assert [(0, "journal"), *((n, "deliver") for n in range(1, 50))] == delivered


@pytest.mark.parametrize("most", [1, 40, 10_000])
async def test_a_write_that_ends_short_is_gone_on_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    """A kernel may take less than it is given, and no more than so many parts at once."""
    real = os.writev
    monkeypatch.setattr(journal.os, "writev", lambda to, parts: real(to, [b"".join(parts)[:most]]))
    monkeypatch.setattr(journal, "_PARTS_AT_ONCE", 3)
    opened = Journal(tmp_path)
    await asyncio.gather(*(opened.append(entry(number), nothing) for number in range(20)))
    assert journal.octets(tmp_path) == opened.octets
    await opened.close()
    numbers, replay = replayed(tmp_path)
    assert (list(range(20)), 0, []) == (numbers, replay.cut_octets, replay.damage)


async def test_a_group_may_have_more_parts_than_the_kernel_takes(tmp_path: Path) -> None:
    """Thousands of agents that come at once are one group all the same."""
    opened, count = Journal(tmp_path), os.sysconf("SC_IOV_MAX")
    await asyncio.gather(*(opened.append(entry(number), nothing) for number in range(count)))
    await opened.close()
    assert list(range(count)) == replayed(tmp_path)[0]


@contextmanager
def _full_disk(octets: int) -> Iterator[None]:
    """Let no file grow beyond `octets`: writes end short and then fail (EFBIG)."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (octets, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def test_a_full_disk_takes_the_group_back_and_heals(tmp_path: Path) -> None:
    """Every waiter of the failed group learns it, nothing of it stays, and later writes work."""
    opened, delivered = Journal(tmp_path), []
    await opened.append(entry(1), lambda: delivered.append(1))
    durable = (tmp_path / file_name(1)).stat().st_size
    with _full_disk(durable + 100):
        results = await asyncio.gather(
            *(opened.append(entry(n, 2000), lambda: delivered.append(0)) for n in (2, 3)),
            return_exceptions=True,
        )
        assert [StoreError, StoreError] == [type(result) for result in results]
        assert durable == (tmp_path / file_name(1)).stat().st_size
    await opened.append(entry(4), lambda: delivered.append(4))
    await opened.close()
    assert [1, 4] == delivered
    assert [1, 4] == replayed(tmp_path)[0]


async def test_a_failed_sync_is_cut_off_before_the_next_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where even cutting back fails at first, it is done before anything else is written."""
    opened = Journal(tmp_path)
    await opened.append(entry(1), nothing)

    def fails(*_: int) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(journal.os, "fdatasync", fails)
        patch.setattr(journal.os, "ftruncate", fails)
        for number in (2, 3):
            with pytest.raises(StoreError, match="Input/output error"):
                await opened.append(entry(number), nothing)
    await opened.append(entry(4), nothing)
    await opened.close()
    assert [1, 4] == replayed(tmp_path)[0]


async def test_rotation_stands_between_groups(tmp_path: Path) -> None:
    """What is delivered before a rotation is in older files, all else in the new one."""
    opened, delivered = Journal(tmp_path), []
    calls = [opened.append(entry(n), lambda n=n: delivered.append(n)) for n in range(5)]
    first = asyncio.gather(*calls)
    await asyncio.sleep(0)
    seen = asyncio.create_task(opened.rotate(lambda number: (number, delivered[:])))
    await asyncio.sleep(0)
    more = [opened.append(entry(n), lambda n=n: delivered.append(n)) for n in range(5, 9)]
    await asyncio.gather(first, seen, *more)
    number, before = seen.result()
    await opened.close()
    assert 2 == number
    assert list(range(9)) == before + replayed(tmp_path, floor=2)[0]


async def test_a_rotation_that_fails_keeps_the_old_file(tmp_path: Path) -> None:
    """The old file goes on where a new one cannot be made, and the next rotation may work."""
    opened = Journal(tmp_path)
    (tmp_path / file_name(2)).mkdir()
    with pytest.raises(StoreError, match="begin the journal"):
        await opened.rotate(lambda number: number)
    await opened.append(entry(1), nothing)
    (tmp_path / file_name(2)).rmdir()
    assert 2 == await opened.rotate(lambda number: number)
    await opened.close()
    assert [1] == replayed(tmp_path)[0]


async def test_a_directory_that_fails_leaves_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file whose name is not durable is no journal: it is said and removed."""
    await write(tmp_path, range(1))

    def fails(*_: object, **__: object) -> None:
        raise OSError(30, "Read-only file system")

    with monkeypatch.context() as patch:
        patch.setattr(journal.os, "fsync", fails)
        with pytest.raises(StoreError, match="begin the journal"):
            Journal(tmp_path)
    assert [1] == journal.numbers(tmp_path)


async def test_a_delivery_that_breaks_reaches_its_caller_alone(tmp_path: Path) -> None:
    """A bug in one delivery fails its own append; the others of the group are answered."""
    opened, delivered = Journal(tmp_path), []

    def breaks() -> None:
        raise ZeroDivisionError

    results = await asyncio.gather(
        opened.append(entry(1), lambda: delivered.append(1)),
        opened.append(entry(2), breaks),
        opened.append(entry(3), lambda: delivered.append(3)),
        return_exceptions=True,
    )
    await opened.close()
    assert [type(None), ZeroDivisionError, type(None)] == [type(result) for result in results]
    assert [1, 3] == delivered
