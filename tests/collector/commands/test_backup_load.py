"""Backups of a collector under full load: whatever was acknowledged before one began is in it."""

import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path

import pytest

from collector.chain import Chain
from collector.commands import backup, restore
from tests.fakes import chain_driver, repetitions
from tests.fakes.chain_driver import batch_with_path
from tests.fakes.collector_durable import (
    N_AGENTS,
    NOW_NS,
    S_NS,
    StoppedClock,
    Totals,
    config,
    content,
    send,
    totals,
)

ROOT = Path(__file__).resolve().parents[3]
BACKUPS = repetitions.NOW.kills
BETWEEN = 60
"""Batches that are acknowledged between the begins of two backups at least."""

pytestmark = [pytest.mark.slow, pytest.mark.fault, pytest.mark.timeout(repetitions.NOW.timeout_s)]


class Loaded:
    """A chain in a process of its own that takes batches and checkpoints without a pause."""

    def __init__(self, directory: Path) -> None:
        command = [sys.executable, chain_driver.__file__, str(directory), *["0"] * N_AGENTS]
        self._process = subprocess.Popen(
            command, stdout=subprocess.PIPE, cwd=ROOT, env={"PYTHONPATH": str(ROOT)}
        )
        self._changed = threading.Condition()
        self.acknowledged = [0] * N_AGENTS
        """The next sequence of each agent: all below it are acknowledged."""
        self._reading = threading.Thread(target=self._read)
        self._reading.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.endswith(b"\n") and line != b"ready\n":
                agent, sequence = map(int, line.split())
                with self._changed:
                    self.acknowledged[agent] = sequence + 1
                    self._changed.notify_all()

    def wait(self, batches: int) -> list[int]:
        """Wait for more acknowledgements; return the next sequence of each agent by then."""
        with self._changed:
            target = sum(self.acknowledged) + batches
            assert self._changed.wait_for(lambda: sum(self.acknowledged) >= target, 60)
            return list(self.acknowledged)

    def kill(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()
        self._reading.join()
        assert self._process.stdout is not None
        self._process.stdout.close()


async def test_backups_under_load_lose_and_repeat_nothing(tmp_path: Path) -> None:
    """Each holds of every agent all batches up to some later one, each once."""
    loaded = Loaded(tmp_path / "store")
    before = []
    try:
        for number in range(BACKUPS):
            before.append(loaded.wait(BETWEEN))
            made = backup.run(tmp_path / "store", tmp_path / f"backup-{number}", copies=False)
            assert made.files
        assert loaded.wait(1) > before[-1]
    finally:
        loaded.kill()
    for number, acknowledged in enumerate(before):
        restore.run(tmp_path / f"backup-{number}", tmp_path / f"again-{number}")
        await _check(tmp_path / f"again-{number}", acknowledged)


async def _check(directory: Path, acknowledged: list[int]) -> None:
    """Hold a restored store against what was acknowledged; then let all agents go on."""
    clock = StoppedClock(NOW_NS + 10_000 * S_NS)
    async with Chain(config(directory), clock=clock) as chain:
        assert () == chain.recovered.damage
        held = totals(chain)
        following = [_next(held, agent, at_least=last) for agent, last in enumerate(acknowledged)]
        assert _expected(following) == held
        for agent, last in enumerate(following):
            for sequence in range(last + 3):
                await send(chain, batch_with_path(agent, sequence))
        assert _expected([last + 3 for last in following]) == totals(chain)


def _next(held: Totals, agent: int, *, at_least: int) -> int:
    """Return how many batches of an agent a store holds, by their number of samples."""
    name = f"agent-{agent}"
    wanted = sum(count for (who, *_), count in held.items() if who == name)
    sequence = found = 0
    while found < wanted:
        found += sum(content(batch_with_path(agent, sequence)).values())
        sequence += 1
    assert (wanted, True) == (found, sequence >= at_least)
    return sequence


def _expected(following: list[int]) -> Totals:
    total: Totals = Counter()
    for agent, last in enumerate(following):
        for sequence in range(last):
            total.update(content(batch_with_path(agent, sequence)))
    return total
