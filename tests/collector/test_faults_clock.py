"""A collector whose wall clock is an hour off: nothing acknowledged is lost or counted twice."""

import os
import shutil
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from collector.chain import Chain
from tests.fakes import clock_driver, repetitions
from tests.fakes.clock_driver import sent
from tests.fakes.collector_durable import Totals, config, content, totals

ROOT = Path(__file__).resolve().parents[2]
LIBRARY = "faketime/libfaketime.so.1"

pytestmark = [pytest.mark.slow, pytest.mark.fault, pytest.mark.timeout(repetitions.NOW.timeout_s)]


def library() -> str:
    """Return where the library is that moves the clock of a child."""
    found = sorted(Path("/usr/lib").glob(f"*/{LIBRARY}")) if shutil.which("faketime") else []
    assert found, "apt-get install -y --no-install-recommends faketime"
    return str(found[0])


def run(directory: Path, base_ns: int, first: int, off: str) -> list[str]:
    """Let a child whose clock is `off` take ten batches of agents that know the time."""
    moved = {"LD_PRELOAD": library(), "FAKETIME": off, "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
    done = subprocess.run(
        [sys.executable, clock_driver.__file__, str(directory), str(base_ns), str(first)],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **(moved if off else {})},
    )
    assert 0 == done.returncode, done.stderr
    return done.stdout.split()


async def test_an_hour_off_both_ways_loses_nothing(tmp_path: Path) -> None:
    """Behind: batches of now are refused as ahead, and kept by their agents. Ahead: they are taken.

    Once the clock is right the refused ones come, and every sample counts once.
    """
    for number in range(repetitions.NOW.kills):
        store = tmp_path / str(number)
        base_ns = time.time_ns() // 10**9 * 10**9 - 60 * 10**9
        assert ["stored"] * 10 == run(store, base_ns, 0, "+3600s")
        assert ["clock"] * 10 == run(store, base_ns, 10, "-3600s")
        assert ["stored"] * 10 == run(store, base_ns, 10, "")
        expected: Totals = Counter()
        for sequence in range(20):
            expected.update(content(sent(base_ns, sequence)))
        async with Chain(config(store)) as chain:
            assert () == chain.recovered.damage
            assert +expected == totals(chain)
