"""`make demo` tells each scenario's truth, and leaves nothing behind.

The three scenarios play side by side, each in its own lab; that they do not disturb one another
is part of what is shown.
"""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from collector.facts.regions import JURISDICTIONS
from deploy.lab.conclusions import conclusions
from deploy.lab.scenario import load

ROOT = Path(__file__).parents[2]
PLAYS_S = {"timed": 120, "inside": 60, "trombone": 60}
TOLERANCE_S = 15.0
AGENTS = 3
PARTS = AGENTS + 2
"""Collector, lab and three agents."""
ORDER_S = 300

pytestmark = [pytest.mark.slow, pytest.mark.timeout(ORDER_S)]


def _demo(scenario: str, for_s: int, *below: str) -> subprocess.Popen[str]:
    """Start a demo in JSON mode, in a session of its own, `below` another program if given."""
    command = [*below, sys.executable, "-m", "deploy.lab.demo", "--scenario", scenario]
    return subprocess.Popen(
        [*command, "--for", str(for_s), "--json"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def _end(play: subprocess.Popen[str]) -> None:
    """End a demo that may still run and close its pipes."""
    play.kill()
    play.communicate()


@pytest.fixture(scope="module")
def results() -> Iterator[Mapping[str, Any]]:
    """Play all scenarios at once and return what each printed."""
    plays = {name: _demo(name, for_s) for name, for_s in PLAYS_S.items()}
    said = {}
    try:
        for name, play in plays.items():
            output, errors = play.communicate(timeout=ORDER_S - 30)
            assert play.returncode == 0, f"{name}: {errors}"
            assert output.count("\n") == 1, f"{name} printed more than its line"
            said[name] = json.loads(output)
        yield said
    finally:
        for play in plays.values():
            _end(play)


def test_timed_shows_one_crossing_near_its_truth(results: Mapping[str, Any]) -> None:
    """Paris-Marseille leaves FX through DE once; begin and end are within 15 s of the truth."""
    down, up = (event.at_s for event in load("timed").events)

    (crossing,) = results["timed"]["crossings"]

    assert crossing["agent"] == "paris"
    assert crossing["jurisdiction"] == "FX"
    assert crossing["verdict"] == "SUPPORTED_OUTSIDE"
    assert crossing["countries"] == ["FR", "DE", "FR"]
    assert down <= crossing["first_seen"] <= down + TOLERANCE_S
    assert crossing["first_seen"] < crossing["confirmed_at"] <= down + 40
    assert up <= crossing["ended_at"] <= up + TOLERANCE_S
    assert len(crossing["evidence"]) == 64


def test_inside_shows_no_crossing(results: Mapping[str, Any]) -> None:
    """Domestic paths give no crossing: they are inside, whoever holds the equipment."""
    assert results["inside"]["crossings"] == []
    french = {target.address for target in load("inside").targets if target.country == "FR"}
    verdicts = {
        (row["target"], row["axis"], row["verdict"])
        for row in results["inside"]["verdicts"]
        if (row["agent"], row["jurisdiction"]) == ("paris", "FX") and row["target"] in french
    }
    assert verdicts == {(target, "territory", "SUPPORTED_INSIDE") for target in french} | {
        (target, "administration", "SUPPORTED_OUTSIDE") for target in french
    }


def test_trombone_reports_gb(results: Mapping[str, Any]) -> None:
    """Paris-Paris through London is one crossing that goes on, outside FX through GB."""
    (crossing,) = results["trombone"]["crossings"]

    assert crossing["jurisdiction"] == "FX"
    assert crossing["countries"] == ["FR", "GB", "FR"]
    assert crossing["ended_at"] is None


@pytest.mark.parametrize("scenario", PLAYS_S)
def test_every_zone_of_every_agent_is_measured(results: Mapping[str, Any], scenario: str) -> None:
    """Every agent has percentiles in order for every zone, and nothing was lost on the way."""
    world = load(scenario)
    zones = {(target.provider, target.region) for target in world.targets}
    wanted = {(agent.name, *zone) for agent in world.agents for zone in zones}

    rows = results[scenario]["zones"]

    assert {(row["agent"], row["provider"], row["region"]) for row in rows} == wanted
    assert all(0 < row["p50_s"] <= row["p90_s"] <= row["p99_s"] < 1 for row in rows)
    assert all(row["loss_ratio"] < 0.05 for row in rows)


@pytest.mark.parametrize("scenario", PLAYS_S)
def test_every_verdict_is_what_the_network_makes_true(
    results: Mapping[str, Any], scenario: str
) -> None:
    """Of every agent, target and jurisdiction; `timed` is played until its detour is over."""
    right = {
        (truth.agent, truth.target, name): truth.verdict
        for truth in conclusions(load(scenario), JURISDICTIONS)
        for name in truth.jurisdiction
    }
    found = {
        (row["agent"], row["target"], row["jurisdiction"]): row["verdict"]
        for row in results[scenario]["verdicts"]
        if row["axis"] == "territory"
    }

    assert set(right) == set(found)
    assert {key: found[key] for key in right if found[key] not in right[key]} == {}


def _family(leader: int) -> set[int]:
    """Return the processes below `leader`, whatever their session."""
    parents: dict[int, int] = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if fields[0] != "Z":
            parents[int(status.parent.name)] = int(fields[1])
    family = {leader}
    while grown := {pid for pid, parent in parents.items() if parent in family} - family:
        family |= grown
    return family - {leader}


def _namespaces(of: str = "[0-9]*") -> set[str]:
    """Return the network namespaces that any process, or `of` one, lives in or holds open."""
    found = set()
    for link in (*Path("/proc").glob(f"{of}/ns/net"), *Path("/proc").glob(f"{of}/fd/*")):
        try:
            name = str(link.readlink())
        except OSError:
            continue
        if name.startswith("net:["):
            found.add(name)
    return found


def _made_by(family: set[int]) -> set[str]:
    """Return the namespaces of a demo at work: one for each agent, and the box's own."""
    made = set[str]().union(*(_namespaces(str(pid)) for pid in family)) - _namespaces("self")
    assert len(made) >= AGENTS
    return made


def _devices() -> set[str]:
    """Return the network devices of the caller's namespace."""
    return {path.name for path in Path("/sys/class/net").iterdir()}


def _at_work(play: subprocess.Popen[str]) -> set[int]:
    """Wait until lab, collector and three agents run, and return their process ids."""
    deadline = time.monotonic() + 60
    while len(family := _family(play.pid)) < PARTS:
        assert time.monotonic() < deadline, "the demo did not come up"
        assert play.poll() is None, "the demo ended early"
        time.sleep(0.1)
    time.sleep(2)
    return family | _family(play.pid)


def _gone(family: set[int]) -> bool:
    """Return True once none of the processes lives, within twenty seconds."""
    deadline = time.monotonic() + 20
    while alive := {pid for pid in family if _lives(pid)}:
        if time.monotonic() > deadline:
            sys.stderr.write(f"still alive: {alive}\n")
            return False
        time.sleep(0.05)
    return True


def _lives(pid: int) -> bool:
    """Return True for a process that is there and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_the_end_leaves_nothing(number: signal.Signals, results: Mapping[str, Any]) -> None:
    """Ctrl-C, SIGTERM and `kill -9` of the parent leave no process, namespace or device."""
    assert results
    before = _devices()
    play = _demo("inside", 60)
    try:
        family = _at_work(play)
        made = _made_by(family)
        play.send_signal(number)
        play.wait(timeout=30)
    finally:
        _end(play)

    assert _gone(family)
    assert (made & _namespaces(), _devices()) == (set(), before)
    if number != signal.SIGKILL:
        assert play.returncode == 0


def test_the_end_of_the_parent_is_the_end(results: Mapping[str, Any]) -> None:
    """`kill -9` of what started the demo (`make`, a shell) ends all of it as well."""
    assert results
    before = _devices()
    play = _demo("inside", 60, "sh", "-c", '"$@"; exit $?', "sh")
    try:
        family = _at_work(play)
        made = _made_by(family)
        play.kill()
    finally:
        gone = _gone(family)
        _end(play)

    assert gone
    assert (made & _namespaces(), _devices()) == (set(), before)
