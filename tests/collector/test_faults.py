"""`kill -9` at any moment: nothing acknowledged is lost, nothing is counted twice.

The victim is a chain in a process of its own under full load, with checkpoints all the time.
"""

import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from collector.chain import Chain
from collector.records import Crossing
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

ROOT = Path(__file__).resolve().parents[2]
DRIVER = Path(chain_driver.__file__)
KILLS = repetitions.NOW.kills

pytestmark = [pytest.mark.slow, pytest.mark.fault, pytest.mark.timeout(repetitions.NOW.timeout_s)]


class Victim:
    """What its agents know: the next sequence of each, one above the last acknowledged."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.following = [0] * N_AGENTS
        self.begins = [0] * N_AGENTS

    def run_and_kill(self, after_s: float, *, once_ready: bool) -> int:
        """Start it, kill it `after_s` later, and return how many batches it acknowledged.

        Each agent begins with its last acknowledged batch, as if that answer had been lost.
        """
        self.begins = [max(0, sequence - 1) for sequence in self.following]
        process = subprocess.Popen(
            [sys.executable, str(DRIVER), str(self.directory), *map(str, self.begins)],
            bufsize=0,  # what `readline` reads beyond its line `communicate` would not see
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=ROOT,
            env={"PYTHONPATH": str(ROOT)},
        )
        assert process.stdout is not None
        if once_ready:
            assert b"ready\n" == process.stdout.readline()
        time.sleep(after_s)
        assert None is process.poll(), process.communicate()
        process.kill()
        output, errors = process.communicate()
        assert b"Traceback" not in errors, errors.decode()
        whole = output[: output.rfind(b"\n") + 1].removeprefix(b"ready\n")
        lines = [line.split() for line in whole.splitlines()]
        acknowledged = [(int(agent), int(sequence)) for agent, sequence in lines]
        due = list(self.begins)
        for agent, sequence in acknowledged:
            assert due[agent] == sequence
            due[agent] = sequence + 1
            self.following[agent] = max(self.following[agent], sequence + 1)
        return len(acknowledged)

    async def settle(self) -> tuple[Totals, Sequence[Crossing]]:
        """Let each agent send all its batches again, twice; return what the chain holds."""
        async with Chain(config(self.directory), clock=_clock(self.following)) as chain:
            assert () == chain.recovered.damage
            await send_all(chain, self.following)
        async with Chain(config(self.directory), clock=_clock(self.following)) as chain:
            await send_all(chain, self.following)
            crossings = chain.reader.crossings()
            for crossing in crossings:
                assert chain.reader.evidence(crossing.evidence or "") is not None
            return totals(chain), crossings

    def expected(self) -> Totals:
        """Return the content of every batch that anybody sent, each once."""
        total: Totals = Counter()
        for agent, last in enumerate(self.following):
            for sequence in range(last + 1):
                total.update(content(batch_with_path(agent, sequence)))
        return total


def _clock(following: Sequence[int]) -> StoppedClock:
    return StoppedClock(NOW_NS + max(following) * S_NS)


async def send_all(chain: Chain, following: Sequence[int]) -> None:
    """Deliver every batch of every agent, from the first one to the one not yet answered."""
    for agent, last in enumerate(following):
        for sequence in range(last + 1):
            await send(chain, batch_with_path(agent, sequence))


async def _undisturbed(directory: Path, following: Sequence[int]) -> Sequence[Crossing]:
    """Return the crossings of a chain that got the same batches without a fault."""
    async with Chain(config(directory), clock=_clock(following)) as chain:
        await send_all(chain, following)
    async with Chain(config(directory), clock=_clock(following)) as chain:
        return chain.reader.crossings()


async def test_kills_under_load_lose_and_repeat_nothing(tmp_path: Path) -> None:
    """After all kills the totals are exact, and the episodes those of an undisturbed run."""
    dice = random.Random(20261124)
    victim = Victim(tmp_path / "killed")
    acknowledged = sum(
        victim.run_and_kill(dice.uniform(0.05, 0.8), once_ready=True) for _ in range(KILLS)
    )
    held, crossings = await victim.settle()
    assert victim.expected() == held
    assert acknowledged > 50 * KILLS
    undisturbed = await _undisturbed(tmp_path / "undisturbed", victim.following)
    assert list(undisturbed) == list(crossings)
    assert len(crossings) >= N_AGENTS


async def test_kills_during_the_start_change_nothing(tmp_path: Path) -> None:
    """A start that dies on its way, replay included, can be repeated."""
    dice = random.Random(3)
    victim = Victim(tmp_path)
    victim.run_and_kill(0.5, once_ready=True)
    for _ in range(KILLS):
        victim.run_and_kill(dice.uniform(0.3, 1.3), once_ready=False)
    held, _ = await victim.settle()
    assert victim.expected() == held
