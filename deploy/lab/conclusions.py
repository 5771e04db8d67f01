"""Decider: what may be concluded of each path of a scenario, told from its network alone.

A path is every way of equal cost together, as some flow may take each:

    on a way there is ...                                     then the verdict may be
    a hop that answers, has a name and lies outside; or a
    target whose zone lies outside                            SUPPORTED_OUTSIDE
    else a router that is silent or has no name               UNDETERMINED
    else nothing but hops inside                              SUPPORTED_INSIDE

    and beside that, if times allow it, wherever
    a hop that answers lies outside, named or not             PROVEN_OUTSIDE
    every hop lies inside                                     PROVEN_INSIDE
    and every one of them answers                             SUPPORTED_INSIDE

Rules
- It holds where names tell the truth and every router answers or never does, as in a world drawn
  from a seed. A scenario that lies, limits or loses has its truth written down instead.
- `escapes` says which paths really leave, answered or not: none of them may be called inside.
"""

from collections.abc import Iterator
from ipaddress import ip_address

from collector.records import Jurisdiction
from deploy.lab.routes import Kind, Way
from deploy.lab.story import Truth, Verdict
from deploy.lab.topology import Topology
from deploy.lab.truth import all_ways
from deploy.lab.world import Router, Scenario, Target


def conclusions(scenario: Scenario, jurisdictions: tuple[Jurisdiction, ...]) -> Iterator[Truth]:
    """Yield a truth for each agent, target and jurisdiction, at the beginning of the story."""
    topology = Topology(scenario)
    for agent in scenario.agents:
        for target in scenario.targets:
            ways = _ways(topology, agent.name, target)
            for row in jurisdictions:
                allowed = {
                    verdict
                    for way in ways
                    for verdict in (
                        _verdict(scenario, topology, way, target, row),
                        *_provable(scenario, topology, way, target, row),
                    )
                }
                yield Truth(
                    agent=agent.name,
                    target=target.address,
                    jurisdiction=(row.name,),
                    verdict=tuple(sorted(allowed)),
                    provable=any(verdict.startswith("PROVEN") for verdict in allowed),
                    says=f"one of {len(ways)} ways of equal cost",
                )


def escapes(scenario: Scenario, jurisdiction: Jurisdiction) -> set[tuple[str, str]]:
    """Return the pairs (agent, target) that have a way out of `jurisdiction`, seen or not."""
    topology = Topology(scenario)
    return {
        (agent.name, target.address)
        for agent in scenario.agents
        for target in scenario.targets
        if any(
            country not in jurisdiction.territories
            for way in _ways(topology, agent.name, target)
            for country in (
                *(_country(scenario, router) for router in _routers(topology, way)),
                target.country,
            )
        )
    }


def _ways(topology: Topology, agent: str, target: Target) -> list[Way]:
    return list(all_ways(topology, f"a:{agent}", ip_address(target.address).packed))


def _routers(topology: Topology, way: Way) -> Iterator[Router]:
    for leg in way.legs:
        router = topology.router(leg.node) if leg.kind is Kind.ROUTER else None
        if router is not None:
            yield router


def _verdict(
    scenario: Scenario, topology: Topology, way: Way, target: Target, jurisdiction: Jurisdiction
) -> Verdict:
    routers = list(_routers(topology, way))
    told = [router for router in routers if router.answers and router.name is not None]
    seen = [*(_country(scenario, router) for router in told), target.country]
    if any(country not in jurisdiction.territories for country in seen):
        return "SUPPORTED_OUTSIDE"
    return "SUPPORTED_INSIDE" if len(told) == len(routers) else "UNDETERMINED"


def _provable(
    scenario: Scenario, topology: Topology, way: Way, target: Target, jurisdiction: Jurisdiction
) -> Iterator[Verdict]:
    """Yield what a way may be called where times are short enough, and is true."""
    routers = list(_routers(topology, way))
    hops = [(_country(scenario, router), router.answers) for router in routers]
    hops.append((target.country, True))
    outside = [answers for country, answers in hops if country not in jurisdiction.territories]
    if any(outside):
        yield "PROVEN_OUTSIDE"
    if not outside:
        yield "PROVEN_INSIDE"
    if not outside and all(answers for _, answers in hops):
        yield "SUPPORTED_INSIDE"


def _country(scenario: Scenario, router: Router) -> str:
    return scenario.city(router.city).country
