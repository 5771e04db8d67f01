"""The lab hands each program what an operator would declare, and nothing of the truth."""

import hashlib
import stat
import tomllib
from pathlib import Path

import pytest

from agent import config as agent_config
from collector.settings import config as collector_config
from deploy.lab.fleet import agent_id, write_fleet
from deploy.lab.scenario import load


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty directory that is also the working directory, as in a stand."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_both_programs_accept_their_files(home: Path) -> None:
    """The real readers take every file, and agent and collector know each other by it."""
    scenario = load("timed")

    fleet = write_fleet(scenario, home)

    collector = collector_config.load(home / fleet.collector_file)
    assert [vantage.name for vantage in collector.agents] == [a.name for a in scenario.agents]
    for vantage in collector.agents:
        agent = agent_config.load(fleet.agent_files[vantage.name])
        assert (agent.name, agent.agent_id) == (vantage.name, vantage.agent_id)
        assert agent.collector is not None
        digest = hashlib.sha256(agent.collector.token.encode()).hexdigest()
        assert digest == vantage.token_sha256
        zones = {(target.zone, target.target) for target in agent.targets}
        assert zones == {(zone.ident, item) for zone in collector.zones for item in zone.targets}


def test_tokens_are_secret_and_new_each_time(home: Path) -> None:
    """A token file is its owner's alone, and two stands share no token."""
    write_fleet(load("inside"), home)
    first = (home / "agent-paris.token").read_text()
    write_fleet(load("inside"), home)

    assert stat.S_IMODE((home / "agent-paris.token").stat().st_mode) == 0o600
    assert (home / "agent-paris.token").read_text() != first


def test_an_agent_keeps_its_id() -> None:
    """The id is 16 octets in hex, the same in every run, another for another name."""
    assert len(bytes.fromhex(agent_id("paris"))) == 16
    assert agent_id("paris") == agent_id("paris") != agent_id("london")


def test_the_collector_learns_holders_of_invented_networks_only(home: Path) -> None:
    """No router, route, event or verdict of the scenario reaches the collector's settings."""
    scenario = load("timed")
    fleet = write_fleet(scenario, home)
    text = (home / fleet.collector_file).read_text()
    document = tomllib.loads(text)

    assert {row["prefix"] for row in document["networks"]} == {
        row.prefix for row in scenario.overrides()
    }
    assert set(document) == {"store", "agents", "zones", "networks"}
    assert [router.address for router in scenario.routers if router.address in text] == []


def test_a_target_of_two_families_is_given_by_its_name(home: Path) -> None:
    """One name stands for both addresses; the zone and the agent list that name alone."""
    fleet = write_fleet(load("six"), home)

    agent = agent_config.load(fleet.agent_files["paris"])
    named = [target for target in agent.targets if target.target == "proof.rbx.bench.example"]
    assert [target.family for target in named] == [4, 6]
    zones = collector_config.load(home / fleet.collector_file).zones
    assert [zone.targets for zone in zones if zone.region == "rbx"] == [(named[0].target,)]


def test_a_liar_is_declared_elsewhere_and_agents_probe_each_other(home: Path) -> None:
    """Both programs believe the declaration; the rest of the fleet can find it out."""
    fleet = write_fleet(load("liar"), home)

    vantages = {row.name: row for row in collector_config.load(home / fleet.collector_file).agents}
    assert ("London", "GB", ("203.0.113.10",)) == (
        vantages["london"].place.name,
        vantages["london"].place.territory,
        vantages["london"].addresses,
    )
    lyon, liar = (agent_config.load(fleet.agent_files[name]) for name in ("lyon", "london"))
    mesh = {row.target: row for row in lyon.targets if row.zone.startswith("agents/")}
    assert {"192.0.2.10", "192.0.2.30", "203.0.113.10"} == set(mesh)
    assert {None} == {row.trace_interval_ns for row in mesh.values()}
    assert (False, True) == (lyon.limits.witness.enabled, liar.limits.witness.enabled)
    alone = collector_config.load(home / write_fleet(load("timed"), home).collector_file).agents
    assert {()} == {row.addresses for row in alone}


def test_agents_probe_and_trace_as_the_scenario_says(home: Path) -> None:
    """Intervals are the scenario's, flows and protocol the agent's."""
    fleet = write_fleet(load("world"), home)

    target = agent_config.load(fleet.agent_files["paris"]).targets[0]
    assert (target.interval_ns, target.trace_interval_ns) == (2_000_000_000, 15_000_000_000)
    assert (target.flows, target.trace_protocol) == (1, "icmp")
