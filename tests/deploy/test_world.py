"""A world drawn from a seed plays through the real programs, and every verdict is its truth."""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from collector.facts.regions import BY_NAME, JURISDICTIONS, demanded
from collector.records import OUTSIDE
from deploy.lab.conclusions import conclusions, escapes
from deploy.lab.scenario import load

ROOT = Path(__file__).parents[2]
HOW = ("--for", "60", "--json")
ORDER_S = 150

pytestmark = [pytest.mark.slow, pytest.mark.timeout(ORDER_S + 60)]


@pytest.fixture(scope="module")
def said() -> Mapping[str, Any]:
    """What the demo of the delivered world said at its end."""
    done = subprocess.run(
        [sys.executable, "-m", "deploy.lab.demo", "--scenario", "world", *HOW],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=ORDER_S,
    )
    assert done.returncode == 0, done.stderr
    answer: Mapping[str, Any] = json.loads(done.stdout)
    return answer


def test_every_verdict_is_one_of_those_that_are_right(said: Mapping[str, Any]) -> None:
    """Two hundred targets from three cities: each verdict is what the network makes true."""
    right = {
        (truth.agent, truth.target, name): truth.verdict
        for truth in conclusions(load("world"), JURISDICTIONS)
        for name in truth.jurisdiction
    }
    found = {
        (row["agent"], row["target"], row["jurisdiction"]): row["verdict"]
        for row in said["verdicts"]
        if row["axis"] == "territory"
    }

    assert set(right) == set(found)
    assert {key: found[key] for key in right if found[key] not in right[key]} == {}


def test_crossings_are_those_that_the_network_makes(said: Mapping[str, Any]) -> None:
    """Each path that shows its way out is a crossing, no other but by a proof; each has one."""
    world = load("world")
    home = {agent.name: world.city(agent.city).country for agent in world.agents}
    country = {target.address: target.country for target in world.targets}
    right = {
        (truth.agent, truth.target, name): set(truth.verdict)
        for truth in conclusions(world, JURISDICTIONS)
        for name in truth.jurisdiction
        if name == demanded(home[truth.agent], country[truth.target])
    }
    outside = {key for key, verdicts in right.items() if verdicts <= OUTSIDE}
    provable = {key for key, verdicts in right.items() if verdicts & OUTSIDE}

    found = [(row["agent"], row["target"], row["jurisdiction"]) for row in said["crossings"]]

    assert len(outside) > 10
    assert len(found) == len(set(found))
    assert outside <= set(found) <= provable
    out = {name: escapes(world, row) for name, row in BY_NAME.items()}
    assert [row for row in found if row[:2] not in out[row[2]]] == []
