"""What a run shows: a table on a terminal, lines elsewhere, one line of JSON for programs."""

import asyncio
import io
import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from rich.console import Console

from collector.facts import zones
from collector.records import Zone
from deploy.lab.outcome import Answers
from deploy.run.standing import Standing
from deploy.run.states import State
from deploy.run.watch import Watch, line

PARIS, GONE = "aws/eu-west-3", "aws/eu-west-1"
HERE = Standing(latitude=48.85, longitude=2.35, radius_km=10.0, territory="FR")


def catalogue() -> list[Zone]:
    """Return the two zones of these tests."""
    return [row.zone for row in zones.load() if row.zone.ident in {PARIS, GONE}]


def answers() -> Answers:
    """Return what a collector says: one zone that answers, one that nothing was sent to."""
    numbers = {"p50_s": 0.0016, "p90_s": 0.0017, "p99_s": 0.0018, "loss_ratio": 0.0}
    rows: list[dict[str, Any]] = [
        {
            "agent": "vm",
            "provider": "aws",
            "region": zone.partition("/")[2],
            "zone": zone,
            **numbers,
        }
        for zone in (PARIS, GONE)
    ]
    path = {
        "agent": "vm",
        "target": "ec2.eu-west-3.amazonaws.com",
        "family": 4,
        "zone": PARIS,
        "countries": ["FR"],
        "verdicts": [
            {
                "jurisdiction": "FX",
                "axis": "territory",
                "verdict": "SUPPORTED_INSIDE",
                "coverage": {},
            }
        ],
    }
    return Answers(
        scenario="this host",
        began_ns=0,
        zones={"zones": rows},
        recent_zones={"zones": rows},
        paths={"paths": [path]},
        crossings={"crossings": []},
    )


class FakeHost:
    """A host whose zones come to life one by one."""

    name = "vm"
    address = "http://127.0.0.1:1"

    def __init__(self, stop: asyncio.Event, story: list[Mapping[str, State]]) -> None:
        self._stop = stop
        self._story: Iterator[Mapping[str, State]] = iter(story)
        self._left = len(story)

    async def answers(self) -> Answers:
        """Say the same each time."""
        return answers()

    async def states(self) -> Mapping[str, State]:
        """Tell the next state; the last one ends the watch."""
        self._left -= 1
        if not self._left:
            self._stop.set()
        return next(self._story)


WAITING = {PARIS: State.WAITING, GONE: State.WAITING}
HALF = {PARIS: State.ANSWERS, GONE: State.UNRESOLVED}


async def shown(story: list[Mapping[str, State]], *, terminal: bool) -> str:
    """Return what a watch prints until the story is over, and the whole run after it."""
    stop = asyncio.Event()
    console = Console(
        file=io.StringIO(), width=120, force_terminal=terminal, color_system=None, highlight=False
    )
    watch = Watch(FakeHost(stop, story), console, catalogue(), HERE)
    async with asyncio.timeout(10):
        await watch.until(stop, 60)
    watch.over(answers(), HALF)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


async def test_elsewhere_a_line_when_something_changed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The same sentence is not printed twice."""
    monkeypatch.setattr("deploy.run.watch.REFRESH_S", 0.001)
    monkeypatch.setattr("deploy.run.watch.PLAIN_EVERY", 1)
    lines = (await shown([WAITING, WAITING, HALF, HALF], terminal=False)).splitlines()
    assert lines[:2] == [
        "no zone has answered yet: 2 not asked yet; trying again",
        f"1 of 2 zones answer; no address: {GONE}",
    ]
    assert lines[2].startswith("agent")


async def test_a_terminal_gets_the_table() -> None:
    """The zones that something was sent to, the demanded verdict, the page, and the sentence."""
    screen = await shown([HALF], terminal=True)
    assert "FX inside" in screen
    assert "page: http://127.0.0.1:1/    Ctrl-C ends everything" in screen
    assert f"1 of 2 zones answer; no address: {GONE}" in screen
    assert f"vm     {GONE}" not in screen


def test_the_line_of_json() -> None:
    """That of the demo, without zones that nothing was sent to, and what came of each zone."""
    told = json.loads(line(answers(), HALF))
    assert [row["region"] for row in told["zones"]] == ["eu-west-3"]
    assert told["states"] == {PARIS: "answer", GONE: "no address"}
    assert [row["verdict"] for row in told["verdicts"]] == ["SUPPORTED_INSIDE"]
