"""The spool: no sequence twice, nothing lost without being counted, foreign files refused."""

import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from agent import wire
from agent.errors import SpoolError
from agent.records import AgentId, Batch
from agent.spool import FILE_NAME, KEPT_REFUSALS, Spool, SpoolThread
from tests.fakes.agent_edges import series, small_batch

AGENT = AgentId(b"a" * 16)


def opened(directory: Path, limit: int = 100) -> Spool:
    """Return the spool in `directory`."""
    return Spool(directory, agent_id=AGENT, limit=limit)


def decoded(body: bytes) -> Batch:
    """Return the batch in a stored body."""
    return wire.decode(wire.inflate(body, 1 << 20))


def drained(spool: Spool) -> list[tuple[int, int, int]]:
    """Acknowledge everything; return (sequence, mark, dropped) of each batch."""
    found = []
    while (waiting := spool.oldest()) is not None:
        batch = decoded(waiting.body)
        assert waiting.sequence == batch.sequence
        mark = batch.base_ns - small_batch().base_ns
        found.append((batch.sequence, mark, batch.descriptors.dropped_batches))
        spool.acknowledge(waiting.sequence)
    return found


def test_batches_come_out_in_order_with_their_sequences(tmp_path: Path) -> None:
    """What is stored first leaves first, its sequence inside its octets."""
    spool = opened(tmp_path)
    given = [spool.store(small_batch(mark)) for mark in (5, 6, 7)]
    assert (given, spool.waiting, drained(spool), spool.waiting) == (
        [1, 2, 3],
        3,
        [(1, 5, 0), (2, 6, 0), (3, 7, 0)],
        0,
    )
    spool.close()


def test_a_sequence_is_never_given_twice(tmp_path: Path) -> None:
    """Sequences go on where they were, also when the spool was emptied and opened again."""
    found = []
    for _ in range(3):
        spool = opened(tmp_path)
        found.append((spool.store(small_batch()), spool.spool_id))
        drained(spool)
        spool.close()
    assert [sequence for sequence, _ in found] == [1, 2, 3]
    assert len({spool_id for _, spool_id in found}) == 1


def test_power_safety_is_asked_for(tmp_path: Path) -> None:
    """The file is written ahead, and each commit waits for the disk (2 is FULL)."""
    spool = opened(tmp_path)
    pragmas = [
        spool._database.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("journal_mode", "synchronous")
    ]
    spool.close()
    assert pragmas == ["wal", 2]


def test_the_oldest_gives_way_and_is_reported(tmp_path: Path) -> None:
    """Beyond the bound the oldest is dropped; the next batch says so, once."""
    spool = opened(tmp_path, limit=2)
    for mark in range(5):
        spool.store(small_batch(mark))
    assert (spool.waiting, spool.total_dropped) == (2, 3)
    assert drained(spool) == [(4, 3, 1), (5, 4, 2)]
    spool.close()


def test_a_report_that_is_dropped_is_made_again(tmp_path: Path) -> None:
    """Every drop is reported by exactly one batch that survives."""
    spool = opened(tmp_path, limit=1)
    for mark in range(10):
        spool.store(small_batch(mark))
    assert drained(spool) == [(10, 9, 9)]
    spool.close()


def test_the_batch_on_its_way_is_not_dropped(tmp_path: Path) -> None:
    """A batch that may be at the collector already is never counted as dropped."""
    spool = opened(tmp_path, limit=2)
    spool.store(small_batch(0))
    spool.oldest()
    for mark in (1, 2, 3):
        spool.store(small_batch(mark))
    assert drained(spool) == [(1, 0, 0), (4, 3, 2)]
    spool.close()


def test_batches_lost_before_the_disk_are_counted(tmp_path: Path) -> None:
    """Batches that were given up in memory are reported like dropped ones."""
    spool = opened(tmp_path)
    spool.store(small_batch(), 3)
    assert (spool.total_dropped, drained(spool)) == (3, [(1, 0, 3)])
    spool.close()


def test_series_are_kept_with_the_spool(tmp_path: Path) -> None:
    """Descriptors of stored batches are there after a restart; the first one given stands."""
    spool = opened(tmp_path)
    spool.store(small_batch(described=(series(1), series(2, "b.example"))))
    spool.store(small_batch(described=(series(2, "c.example"),)))
    spool.close()
    spool = opened(tmp_path)
    found = spool.series(), spool.described([2, 99])
    spool.close()
    assert found == ((series(1), series(2, "b.example")), (series(2, "b.example"),))


def test_refused_batches_are_set_aside(tmp_path: Path) -> None:
    """A refused batch no longer waits, is kept with its reason, and its report is made again."""
    spool = opened(tmp_path)
    spool.store(small_batch(), 2)
    spool.refuse(1, "422 clock")
    spool.store(small_batch())
    kept = spool._database.execute("SELECT sequence, reason FROM refused").fetchall()
    assert (kept, drained(spool)) == ([(1, "422 clock")], [(2, 0, 2)])
    spool.close()


def test_refused_batches_are_bounded(tmp_path: Path) -> None:
    """Only the last hundred refused batches are kept."""
    spool = opened(tmp_path)
    for _ in range(KEPT_REFUSALS + 5):
        spool.refuse(spool.store(small_batch()), "400")
    kept = spool._database.execute("SELECT min(sequence), count(*) FROM refused").fetchone()
    spool.close()
    assert kept == (6, KEPT_REFUSALS)


def refusal(directory: Path, agent: AgentId = AGENT) -> str:
    """Return why the spool in `directory` cannot be opened."""
    with pytest.raises(SpoolError) as caught:
        Spool(directory, agent_id=agent, limit=10)
    return str(caught.value)


def test_one_process_per_spool(tmp_path: Path) -> None:
    """A second opener is told that another process has it; after the first closes it is free."""
    spool = opened(tmp_path)
    says = refusal(tmp_path)
    spool.close()
    opened(tmp_path).close()
    assert says == (
        f"another process uses the spool in {tmp_path}: stop it,"
        " or give this one its own state_directory"
    )


def test_a_foreign_database_is_left_alone(tmp_path: Path) -> None:
    """An SQLite file of another program is refused and not changed."""
    with sqlite3.connect(tmp_path / FILE_NAME) as database:
        database.execute("CREATE TABLE theirs (x)")
    database.close()
    before = (tmp_path / FILE_NAME).read_bytes()
    says = refusal(tmp_path)
    assert "found a foreign SQLite file" in says
    assert (tmp_path / FILE_NAME).read_bytes() == before


def test_another_agents_spool_is_refused(tmp_path: Path) -> None:
    """A collector would refuse another agent's batches for ever: better not to start."""
    opened(tmp_path).close()
    says = refusal(tmp_path, AgentId(b"z" * 16))
    opened(tmp_path).close()
    assert "found the spool of another agent id" in says


def test_garbage_is_refused_with_what_to_do(tmp_path: Path) -> None:
    """A file that is no database at all is named, with the fix."""
    (tmp_path / FILE_NAME).write_bytes(b"garbage" * 1000)
    assert refusal(tmp_path) == (
        f"tried to open the spool {tmp_path / FILE_NAME}: file is not a database; if the disk is"
        " full make room, if the file is damaged move it away: a new one is made"
    )


def test_a_damaged_page_is_found_at_the_start(tmp_path: Path) -> None:
    """Damage inside the file is found when it is opened, not when it is needed."""
    spool = opened(tmp_path)
    for mark in range(200):
        spool.store(small_batch(mark))
    spool.close()
    body = bytearray((tmp_path / FILE_NAME).read_bytes())
    body[4096:8192] = b"\xff" * 4096
    (tmp_path / FILE_NAME).write_bytes(body)
    assert "if the file is damaged move it away" in refusal(tmp_path)


def test_a_directory_that_cannot_be_made(tmp_path: Path) -> None:
    """The message names the key to change."""
    (tmp_path / "file").write_text("")
    assert "as [agent] state_directory" in refusal(tmp_path / "file" / "below")


def test_a_full_disk_stores_nothing_and_recovers(tmp_path: Path) -> None:
    """Where the file cannot grow the batch is refused whole; with room again all goes on."""
    spool = opened(tmp_path)
    spool.store(small_batch())
    (pages,) = spool._database.execute("PRAGMA page_count").fetchone()
    spool._database.execute(f"PRAGMA max_page_count = {pages}")
    large = tuple(series(number, "x" * 200) for number in range(2, 200))
    with pytest.raises(SpoolError, match="database or disk is full"):
        spool.store(small_batch(1, described=large))
    assert (spool.waiting, spool.series()) == (1, ())
    spool._database.execute("PRAGMA max_page_count = 1000000")
    spool.probe()
    assert spool.store(small_batch(2, described=large)) == 2
    spool.close()


KILLED = """
import os, sys
from pathlib import Path
sys.path[:0] = sys.argv[2:]
from tests.fakes.agent_edges import small_batch
from agent.spool import Spool
spool = Spool(Path(sys.argv[1]), agent_id=b"a" * 16, limit=1_000_000)
while True:
    print(spool.store(small_batch(os.getpid())), flush=True)
"""


@pytest.mark.slow
def test_killed_writers_lose_nothing_they_had_stored(tmp_path: Path) -> None:
    """Five writers killed in the middle: what they said was stored is there, once each."""
    root = Path(__file__).resolve().parents[2]
    said = []
    for _ in range(5):
        writer = subprocess.Popen(
            [sys.executable, "-c", KILLED, str(tmp_path), str(root)],
            stdout=subprocess.PIPE,
            text=True,
        )
        if writer.stdout is None:
            raise AssertionError
        said += [int(writer.stdout.readline()) for _ in range(20)]
        os.kill(writer.pid, signal.SIGKILL)
        said += [int(line) for line in writer.stdout if line.endswith("\n")]
        writer.stdout.close()
        writer.wait()
    spool = opened(tmp_path)
    stored = [sequence for sequence, _, _ in drained(spool)]
    spool.close()
    assert len(said) == len(set(said))
    assert sorted(set(stored)) == stored
    assert set(said) <= set(stored)


async def test_the_thread_returns_results_and_errors(tmp_path: Path) -> None:
    """Calls run one after the other, away from the loop; errors arrive where they were called."""
    thread = SpoolThread()
    spool = await thread.call(opened, tmp_path, limit=10)
    assert await thread.call(spool.store, small_batch()) == 1
    with pytest.raises(SpoolError):
        await thread.call(opened, tmp_path)
    thread.close()
    spool.close()
