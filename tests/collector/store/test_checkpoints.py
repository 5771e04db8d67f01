"""The last checkpoint, read by somebody else: whole, without a lock, and nothing is written."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from collector.chain import Chain
from collector.errors import CorruptError, StoreError
from collector.store import checkpoints
from tests.fakes.collector_durable import NOW_NS, S_NS, StoppedClock, batch, config, send

KEPT = Path(__file__).parents[1] / "kept" / "store-1"


async def test_a_collector_at_work_is_read(tmp_path: Path) -> None:
    """Beside a collector that holds the lock, what the last checkpoint said is found."""
    clock = StoppedClock()
    async with Chain(config(tmp_path), clock=clock) as chain:
        await send(chain, batch(0))
        assert checkpoints.glance(tmp_path).segments == ()
        clock.at_ns = NOW_NS + 120 * S_NS
        await chain.checkpoint()
        found = checkpoints.glance(tmp_path)
        await send(chain, batch(1))
        assert found == checkpoints.glance(tmp_path)
    assert ["windows"] == [segment.kind for segment in found.segments]
    assert 2 == len(found.rows)


async def test_what_is_read_is_of_one_moment(tmp_path: Path) -> None:
    """A checkpoint that is taken meanwhile shows neither in part nor at all."""
    clock = StoppedClock()
    async with Chain(config(tmp_path), clock=clock) as chain:
        await send(chain, batch(0))
        await chain.checkpoint()
        before = checkpoints.glance(tmp_path)
        with checkpoints.peek(tmp_path) as database:
            await send(chain, batch(1, agent=1))
            clock.at_ns = NOW_NS + 120 * S_NS
            await chain.checkpoint()
            assert before == checkpoints.load(database)
        assert before != checkpoints.glance(tmp_path)


async def test_a_stopped_store_stays_as_it_is(tmp_path: Path) -> None:
    """Reading makes no file and changes none, also where this user may write."""
    async with Chain(config(tmp_path), clock=StoppedClock()) as chain:
        await send(chain, batch(0))
    before = _files(tmp_path)
    assert 2 == len(checkpoints.glance(tmp_path).rows)
    assert before == _files(tmp_path)


def _files(directory: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in directory.rglob("*") if path.is_file()}


async def test_a_killed_collector_is_read(tmp_path: Path) -> None:
    """What its last transactions wrote beside the file is found without it."""
    async with Chain(config(tmp_path / "first"), clock=StoppedClock()) as chain:
        await send(chain, batch(0))
        await chain.checkpoint()
        expected = checkpoints.glance(tmp_path / "first")
        shutil.copytree(tmp_path / "first", tmp_path / "second")
    assert 0 < (tmp_path / "second" / f"{checkpoints.FILE_NAME}-wal").stat().st_size
    assert expected == checkpoints.glance(tmp_path / "second")


async def test_a_collector_that_starts_meanwhile_is_told(tmp_path: Path) -> None:
    """What was read as nobody's could be half of one checkpoint and half of another."""
    async with Chain(config(tmp_path), clock=StoppedClock()) as chain:
        await send(chain, batch(0))
    with (
        pytest.raises(StoreError, match="a collector started meanwhile; try again"),
        checkpoints.peek(tmp_path),
    ):
        (tmp_path / f"{checkpoints.FILE_NAME}-wal").write_bytes(b"")


def test_where_nothing_is(tmp_path: Path) -> None:
    """A directory that is no store is named as such, and stays empty."""
    with pytest.raises(StoreError, match=r"catalog\.sqlite: there is none; name the directory"):
        checkpoints.glance(tmp_path)
    assert [] == list(tmp_path.iterdir())


def test_an_older_catalogue_is_not_guessed_at(tmp_path: Path) -> None:
    """It says who brings it up, and is left as it is."""
    shutil.copytree(KEPT, tmp_path / "store")
    with pytest.raises(StoreError, match="its version is 1, not 2; a start of this release"):
        checkpoints.glance(tmp_path / "store")


def test_a_later_catalogue_is_refused(tmp_path: Path) -> None:
    """It says which release is needed."""
    with closing(sqlite3.connect(tmp_path / checkpoints.FILE_NAME)) as database:
        database.execute("PRAGMA user_version = 99")
    with pytest.raises(StoreError, match="its version is 99, this program's is 2"):
        checkpoints.glance(tmp_path)


def test_garbage_is_no_catalogue(tmp_path: Path) -> None:
    """A file of other octets raises what its caller catches."""
    (tmp_path / checkpoints.FILE_NAME).write_bytes(b"no database at all" * 100)
    with pytest.raises(CorruptError, match="read the catalogue"):
        checkpoints.glance(tmp_path)
