"""Shell: writes the configuration files of a collector and its agents from a scenario.

Rules
- The collector learns what an operator would declare: where its agents stand, where the zones are
  said to be, who holds the invented networks. It never learns a route, a hop's place or a verdict.
- Paths in the files are relative: every program of a stand works in the stand's directory, so
  that the Unix socket's name stays short wherever the checkout lies.
"""

import hashlib
import secrets
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from deploy.lab.scenario import Agent, Scenario, Target
from deploy.tables import table

SOCKET = Path("collector.sock")
COLLECTOR_FILE = Path("collector.toml")
PACKETS_PER_S = 2000
"""What an agent may send: every address is one of the lab's own."""
WITNESS_PER_MINUTE = 600
"""Pings of the lab's own routers."""
PROBE_TIMEOUT_S = 1
UPLINK_INTERVAL_S = 1
CHECKPOINT_INTERVAL_S = 20
PLACE_RADIUS_KM = 30.0
"""Radius around a zone's city centre: data centres stand in the suburbs."""
AGENT_NAMESPACE = uuid.UUID("b0c2d7f5-6f0b-4d13-9a2e-6d3a5a1c9f10")


class Fleet(msgspec.Struct, frozen=True, kw_only=True):
    """The files of a stand, relative to its directory."""

    collector_file: Path
    socket: Path
    agent_files: Mapping[str, Path]


def write_fleet(scenario: Scenario, directory: Path, uplink: Path = SOCKET) -> Fleet:
    """Write `collector.toml`, an `agent-NAME.toml` and a token file for each agent.

    `uplink` is the Unix socket that the agents deliver to. Raises: OSError.
    """
    tokens = {agent.name: secrets.token_hex(16) for agent in scenario.agents}
    (directory / COLLECTOR_FILE).write_text(_collector_toml(scenario, tokens), encoding="utf-8")
    files = {}
    for agent in scenario.agents:
        token_file = directory / f"agent-{agent.name}.token"
        token_file.touch(mode=0o600)
        token_file.write_text(tokens[agent.name] + "\n", encoding="utf-8")
        files[agent.name] = Path(f"agent-{agent.name}.toml")
        text = _agent_toml(scenario, agent.name, uplink)
        (directory / files[agent.name]).write_text(text, encoding="utf-8")
    return Fleet(collector_file=COLLECTOR_FILE, socket=SOCKET, agent_files=files)


def agent_id(name: str) -> str:
    """Return the id of a lab agent: 32 hex digits, the same in every run."""
    return uuid.uuid5(AGENT_NAMESPACE, name).hex


def _collector_toml(scenario: Scenario, tokens: Mapping[str, str]) -> str:
    """Return the collector's configuration."""
    tables = [
        table("[store]", directory="store", checkpoint_interval_s=CHECKPOINT_INTERVAL_S),
        *(_vantage(scenario, name, token) for name, token in tokens.items()),
        *_zones(scenario),
        *(
            table(
                "[[networks]]",
                prefix=row.prefix,
                asn=row.asn,
                holder=row.holder,
                author="the lab",
                date="2026-11-24",
                reason="a network that exists in this scenario alone",
            )
            for row in scenario.overrides()
        ),
    ]
    return "\n".join(tables)


def _vantage(scenario: Scenario, name: str, token: str) -> str:
    """Return the collector's row for one agent."""
    agent = scenario.agent(name)
    city = scenario.declared(agent)
    return table(
        "[[agents]]",
        name=name,
        id=agent_id(name),
        token_sha256=hashlib.sha256(token.encode()).hexdigest(),
        city=city.name,
        territory=city.country,
        latitude=city.latitude,
        longitude=city.longitude,
        radius_km=agent.radius_km,
        addresses=list(_own(agent)) if scenario.scenario.mesh else [],
    )


def _own(agent: Agent) -> Iterator[str]:
    return (address for address in (agent.address, agent.address6) if address is not None)


def _zones(scenario: Scenario) -> list[str]:
    """Return the collector's rows for the zones, the targets of a zone together."""
    zones: dict[tuple[str, str], list[Target]] = {}
    for target in scenario.targets:
        zones.setdefault((target.provider, target.region), []).append(target)
    rows = []
    for (provider, region), targets in zones.items():
        target, city = targets[0], scenario.city(targets[0].place)
        rows.append(
            table(
                "[[zones]]",
                provider=provider,
                region=region,
                place=city.name,
                territory=target.country,
                latitude=city.latitude,
                longitude=city.longitude,
                radius_km=PLACE_RADIUS_KM,
                group_country=target.group_country,
                targets=[given for target in targets for given in target.given],
            )
        )
    return rows


def _agent_toml(scenario: Scenario, name: str, uplink: Path) -> str:
    """Return the configuration of one agent: every target of the scenario, as it says how often."""
    agent, about = scenario.agent(name), scenario.scenario
    city = scenario.declared(agent)
    tables = [
        table(
            "[agent]",
            name=name,
            id=agent_id(name),
            latitude=city.latitude,
            longitude=city.longitude,
            radius_km=agent.radius_km,
            state_directory=f"agent-{name}",
        ),
        table("[collector]", url=f"unix:{uplink}", token_file=f"agent-{name}.token"),
        table("[uplink]", interval_s=UPLINK_INTERVAL_S),
        table("[resolver]", address=scenario.resolver.address),
        table("[limits]", packets_per_s=PACKETS_PER_S, per_prefix_per_s=PACKETS_PER_S),
        table("[limits.witness]", enabled=agent.witness, per_minute=WITNESS_PER_MINUTE),
        *(
            table(
                "[[targets]]",
                target=given,
                zone=f"{target.provider}/{target.region}",
                interval_s=about.probe_interval_s,
                timeout_s=PROBE_TIMEOUT_S,
                trace_interval_s=about.trace_interval_s,
                trace_protocol=agent.trace_protocol,
                flows=agent.flows,
            )
            for target in scenario.targets
            for given in target.given
        ),
        *(_peers(scenario, agent) if about.mesh else ()),
    ]
    return "\n".join(tables)


def _peers(scenario: Scenario, agent: Agent) -> Iterator[str]:
    """Yield the other agents as targets: times to them test where they are declared."""
    for other in scenario.agents:
        for address in _own(other) if other is not agent else ():
            yield table(
                "[[targets]]",
                target=address,
                zone=f"agents/{other.name}",
                interval_s=scenario.scenario.probe_interval_s,
                timeout_s=PROBE_TIMEOUT_S,
            )
