"""`kill -9` at any step of compaction, rollup and retention; and readers beside it.

The victim is a program of its own. After each kill the old list stands or the new one, and
everything that was sealed is found, once, at every level.
"""

import contextlib
import os
import random
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from collector.errors import GoneError
from collector.listed import HOUR_NS
from collector.samples.columns import Columns, concat
from collector.samples.registry import ranks
from collector.store import checkpoints, compaction
from collector.store.compaction import Bench
from tests.fakes import full_store_driver, upkeep_driver
from tests.fakes.collector_days import (
    DAY0_NS,
    S_NS,
    answer,
    assert_same,
    chosen,
    named,
    spans,
    windows,
)
from tests.fakes.repetitions import NOW
from tests.fakes.upkept import RANGES_NS, STEPS_NS, Upkept, filled

ROOT = Path(__file__).resolve().parents[3]
NOW_NS = DAY0_NS + 26 * HOUR_NS
HOURS = (0, 1, 23)

pytestmark = [pytest.mark.slow, pytest.mark.fault, pytest.mark.timeout(NOW.timeout_s)]


def prepared(directory: Path) -> Columns:
    """Make a store whose hours and whose day are due, with late rows; return what it holds."""
    directory.mkdir()
    store = Upkept(directory)
    held = filled(store, HOURS)
    store.work(DAY0_NS + 2 * HOUR_NS + 300 * S_NS)
    late = windows(list(spans([0])), series=[2, 4], seed=99)
    store.seal(late, "late")
    store.catalog.close()
    return concat([held, late])


def run(directory: Path, step: int) -> tuple[int, bytes]:
    """Let the victim work up to a step; return its exit status and what it said."""
    found = subprocess.run(
        [sys.executable, str(Path(upkeep_driver.__file__)), str(directory), str(NOW_NS), str(step)],
        capture_output=True,
        check=False,
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)},
    )
    assert b"Traceback" not in found.stderr, found.stderr.decode()
    return found.returncode, found.stdout


def test_a_kill_at_any_step_leaves_the_old_files_or_the_new_ones(tmp_path: Path) -> None:
    """Whatever step it dies at, all is found at every level, and the next run comes to the end."""
    held = prepared(tmp_path / "first")
    shutil.copytree(tmp_path / "first", tmp_path / "whole")
    status, said = run(tmp_path / "whole", 0)
    steps = int(said.split()[1])
    assert (0, True) == (status, steps > 30)
    dice = random.Random(6)
    chosen_steps = dice.sample(range(1, steps + 1), min(NOW.kills, steps))
    for step in chosen_steps:
        directory = tmp_path / f"killed-{step}"
        shutil.copytree(tmp_path / "first", directory)
        assert (-9, b"") == run(directory, step)
        store = Upkept(directory)
        store.assert_holds(held)
        store.tidy()
        store.assert_holds(held)
        store.work(NOW_NS)
        store.assert_holds(held)
        assert ["day 10", "day 3600", "day 60", "day 86400"] == [
            stage for stage in store.stages() if stage != "moments"
        ]
        store.catalog.close()
        shutil.rmtree(directory)


def test_kills_one_after_the_other_lose_nothing(tmp_path: Path) -> None:
    """A program that dies again and again, a step further each time, gets there in the end."""
    held = prepared(tmp_path / "store")
    for step in range(7, 7 + 9 * NOW.kills, 9):
        status, _ = run(tmp_path / "store", step)
        if status == 0:
            break
    store = Upkept(tmp_path / "store")
    store.tidy()
    store.work(NOW_NS)
    store.assert_holds(held)
    store.catalog.close()


def test_others_read_meanwhile(tmp_path: Path) -> None:
    """Whoever reads without the lock finds everything, however often files are replaced."""
    held = prepared(tmp_path / "store")
    store, done, wrong = Upkept(tmp_path / "store"), threading.Event(), []

    def read() -> None:
        while not done.is_set():
            try:
                look(tmp_path / "store", held)
            except BaseException as error:  # noqa: BLE001 - shown by the test below
                wrong.append(error)
                return

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    store.work(NOW_NS)
    for number in range(NOW.kills):
        day = [segment for segment in store.listed if segment.stage == "day"]
        store.upkeep._replace(day, compaction.day(bench(store, number), day))
    done.set()
    for reader in readers:
        reader.join()
    assert [] == wrong
    store.catalog.close()


def bench(store: Upkept, number: int) -> Bench:
    """Return what the day is written anew with, under other names."""
    return Bench(
        directory=store.segments,
        named=named(store.rows),
        places=ranks(store.rows),
        suffix=f"again{number}",
        watch=lambda: None,
    )


def look(directory: Path, held: Columns) -> None:
    """Read as another program does: the list, then the files; again where one is gone."""
    for step_ns in STEPS_NS:
        for from_ns, to_ns in RANGES_NS:
            expected = chosen(held, from_ns, to_ns, step_ns)
            assert_same(expected, _found(directory, from_ns, to_ns, step_ns))


def _found(directory: Path, from_ns: int, to_ns: int, step_ns: int) -> Columns:
    for _ in range(99):
        with checkpoints.peek(directory) as database:
            listed = checkpoints.segments(database, "TRUE")
        with contextlib.suppress(GoneError):
            return answer(directory / "segments", listed, from_ns, to_ns, step_ns)
    raise AssertionError("its files were replaced 99 times")


def test_a_full_disk_stops_upkeep_and_heals(tmp_path: Path) -> None:
    """On a disk without room nothing changes and nothing is left over; with room it is done."""
    script = f'mount -t tmpfs -o size=2m none "$1" && exec "$2" {full_store_driver.__file__} "$1"'
    found = subprocess.run(
        ["unshare", "-Urm", "sh", "-c", script, "sh", str(tmp_path), sys.executable],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)},
    )
    assert ["refused", "as-before", "healed"] == found.stdout.split(), found.stderr
