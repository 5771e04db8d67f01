"""Every scenario's truth is met by `make demo`: what the truth says is what Borne says.

The scenarios play side by side, a few at a time, each in its own lab with real packets.
"""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from collector.facts.regions import JURISDICTIONS, demanded
from deploy.lab.scenario import SCENARIOS, load
from deploy.lab.story import Truth

ROOT = Path(__file__).parents[2]
BATCHES = (
    ("anycast", "ecmp", "six", "silent", "flap"),
    ("lies", "mpls", "overseas", "remote-peering", "liar"),
)
PLAYED = [name for batch in BATCHES for name in batch]
ELSEWHERE = {"timed", "inside", "trombone", "world", "witness"}
"""Played by `test_demo.py`, `test_world.py` and `test_witness_end_to_end.py`."""
HOW = ("--for", "45", "--json")
ORDER_S = 150

pytestmark = [pytest.mark.slow, pytest.mark.timeout(ORDER_S * len(BATCHES))]


def _play(names: tuple[str, ...]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Play scenarios at once; give what each said."""
    plays = {
        name: subprocess.Popen(
            [sys.executable, "-m", "deploy.lab.demo", "--scenario", name, *HOW],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for name in names
    }
    try:
        for name, play in plays.items():
            output, errors = play.communicate(timeout=ORDER_S)
            assert play.returncode == 0, f"{name}: {errors}"
            yield name, json.loads(output)
    finally:
        for play in plays.values():
            play.kill()
            play.communicate()


@pytest.fixture(scope="module")
def said() -> Mapping[str, Mapping[str, Any]]:
    """What each scenario's demo said at its end."""
    return {name: line for batch in BATCHES for name, line in _play(batch)}


def test_every_delivered_scenario_is_played() -> None:
    """A new scenario is named here or in the tests that play the others."""
    assert sorted(file.stem for file in SCENARIOS.glob("*.toml")) == sorted({*PLAYED, *ELSEWHERE})


@pytest.mark.parametrize("name", PLAYED)
def test_every_path_has_its_truth(name: str) -> None:
    """A story says what is true of each agent, target and jurisdiction; nothing is left open."""
    scenario = load(name)
    paths = product(scenario.agents, (one for row in scenario.targets for one in row.given))
    wanted = {(agent.name, target, row.name) for agent, target in paths for row in JURISDICTIONS}

    assert wanted == {
        (truth.agent, truth.target, row)
        for truth in scenario.truth
        for row in truth.jurisdiction
        if truth.axis == "territory"
    }


@pytest.mark.parametrize(
    ("name", "truth", "jurisdiction"),
    [
        pytest.param(name, truth, row, id=f"{name}-{truth.agent}-{truth.target}-{row}")
        for name in PLAYED
        for truth in load(name).truth
        for row in truth.jurisdiction
    ],
)
def test_the_verdict_is_what_the_truth_allows(
    said: Mapping[str, Any], name: str, truth: Truth, jurisdiction: str
) -> None:
    """The newest verdict is one of those that are right; a proof stands only where it may."""
    subject = (truth.agent, truth.target, jurisdiction, truth.axis)
    verdicts = [
        row["verdict"]
        for row in said[name]["verdicts"]
        if (row["agent"], row["target"], row["jurisdiction"], row["axis"]) == subject
    ]

    assert len(verdicts) == 1, f"{subject} has {verdicts}"
    assert verdicts[0] in truth.verdict, truth.says


@pytest.mark.parametrize("name", PLAYED)
def test_crossings_are_those_of_the_truth(said: Mapping[str, Any], name: str) -> None:
    """A crossing for each pair that the truth puts outside what its policy demands; no other."""
    scenario = load(name)
    home = {agent.name: scenario.declared(agent).country for agent in scenario.agents}
    country = {given: target.country for target in scenario.targets for given in target.given}
    outside = {
        (truth.agent, truth.target, row)
        for truth in scenario.truth
        for row in truth.jurisdiction
        if row == demanded(home[truth.agent], country[truth.target])
        and all(verdict.endswith("_OUTSIDE") for verdict in truth.verdict)
    }

    found = [(row["agent"], row["target"], row["jurisdiction"]) for row in said[name]["crossings"]]

    assert sorted(outside) == sorted(found)
