"""Evidence beside everything else: nobody waits for it, and nothing is shown without it."""

import asyncio
import shutil
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from collector.audit import evidence
from collector.chain import Chain
from collector.errors import StoreError
from collector.records import Crossing
from tests.fakes.collector_durable import (
    N_AGENTS,
    NOW_NS,
    S_NS,
    StoppedClock,
    batch,
    config,
    path,
    send,
    until,
)


def _fails(*_: object) -> None:
    raise StoreError("the disk is gone")


async def test_an_episode_is_shown_once_its_evidence_is_on_the_disk(tmp_path: Path) -> None:
    """While the Statement cannot be written the batch is stored, and the crossing waits."""
    async with Chain(config(tmp_path), clock=StoppedClock()) as chain:
        await send(chain, batch(0, paths=[path(NOW_NS, abroad=True)]))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(chain._bundles, "store", _fails)
            await send(chain, batch(1, paths=[path(NOW_NS + S_NS, abroad=True)]))
            await until(lambda: bool(chain.counts.faults))
            assert [] == chain.reader.crossings()
            assert Counter(evidence=1) == chain.counts.faults
        await send(chain, batch(2))
        await until(lambda: bool(chain.reader.crossings()))
        (crossing,) = chain.reader.crossings()
        assert chain.reader.evidence(crossing.evidence or "") is not None


async def test_nobody_waits_for_evidence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While a Statement is written, batches are answered, questions too, and checkpoints taken."""
    begun, goes_on, write = threading.Event(), threading.Event(), evidence.statement

    def waits(*given: Any, **named: Any) -> bytes:  # noqa: ANN401 - whatever it is called with
        begun.set()
        goes_on.wait(10)
        return write(*given, **named)

    monkeypatch.setattr(evidence, "statement", waits)
    async with Chain(config(tmp_path), clock=StoppedClock()) as chain:
        abroad = [path(NOW_NS + second * S_NS, abroad=True) for second in (1, 2)]
        await asyncio.wait_for(send(chain, batch(0, paths=abroad)), 5)
        await until(begun.is_set)
        await asyncio.wait_for(send(chain, batch(1)), 5)
        assert [] == chain.reader.crossings()
        await asyncio.wait_for(chain.checkpoint(), 5)
        shutil.copytree(tmp_path, tmp_path / "crashed")
        goes_on.set()
        await until(lambda: bool(chain.reader.crossings()))
        expected = chain.reader.crossings()
    async with Chain(config(tmp_path / "crashed"), clock=StoppedClock()) as chain:
        assert expected == chain.reader.crossings()
        assert chain.reader.evidence(expected[0].evidence or "") is not None


async def test_a_bug_in_one_statement_holds_up_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is counted, at work and at a start; the other agents' crossings are shown."""
    write = evidence.statement

    def breaks(episode: Crossing, *given: Any, **named: Any) -> bytes:  # noqa: ANN401 - whatever it is called with
        if episode.agent == "agent-1":
            raise ZeroDivisionError
        return write(episode, *given, **named)

    monkeypatch.setattr(evidence, "statement", breaks)
    abroad = [path(NOW_NS + second * S_NS, abroad=True) for second in (1, 2)]
    crashed = tmp_path / "crashed"
    async with Chain(config(tmp_path / "store"), clock=StoppedClock()) as chain:
        for agent in range(N_AGENTS):
            await send(chain, batch(0, agent=agent, paths=abroad))
        await until(lambda: len(chain.reader.crossings()) == N_AGENTS - 1)
        await until(lambda: bool(chain.counts.faults))
        assert Counter(evidence=1) == chain.counts.faults
        shutil.copytree(tmp_path / "store", crashed)
    async with Chain(config(crashed), clock=StoppedClock()) as chain:
        assert N_AGENTS - 1 == len(chain.reader.crossings())
        assert Counter(evidence=1) == chain.counts.faults
