"""Decider: what is wrong with a scenario that has the right shape.

Rules
- Every id, name and public address is unique; every reference leads somewhere.
- A link has exactly one of `factor` and `delay_ms`, and joins two different routers once; where
  it carries IPv6 its MTU is 1,280 at least (RFC 8200 §5).
- A tunnel follows links from router to router, crosses each once, and labels all but its ends.
- Addresses obey `addressing.py`, events and truths `storychecks.py`.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import pairwise

from deploy.lab.addressing import malformed, misplaced, public_addresses
from deploy.lab.storychecks import event_complaints, truth_complaints
from deploy.lab.world import SERVERS, Link, Scenario, Tunnel

_MTU_OF_IPV6 = 1280


def complaints(scenario: Scenario) -> Iterator[str]:
    """Yield one sentence for each rule that `scenario` breaks; each begins with the key.

    The rules are ordered: where an early one is broken, later ones may not be asked.
    """
    yield from malformed(scenario)
    yield from _repeated(scenario)
    yield from _dangling(scenario)
    yield from _links(scenario)
    yield from _tunnels(scenario)
    yield from _hosts(scenario)
    yield from misplaced(scenario)
    yield from event_complaints(scenario)
    yield from truth_complaints(scenario)


def _repeated(scenario: Scenario) -> Iterator[str]:
    kinds: dict[str, Iterable[str]] = {
        "cities.name": [city.name for city in scenario.cities],
        "networks.id": [network.id for network in scenario.networks],
        "routers.id": [router.id for router in scenario.routers],
        "agents.name": [agent.name for agent in scenario.agents],
        "address": [address for _, address in public_addresses(scenario)],
        "links.between": [" - ".join(sorted(link.between)) for link in scenario.links],
        "tunnels.routers": [" - ".join(tunnel.routers) for tunnel in scenario.tunnels],
    }
    for key, values in kinds.items():
        for value, count in Counter(values).items():
            if count > 1:
                yield f"{key}: {value!r} is given {count} times"


def _references(scenario: Scenario) -> Iterator[tuple[str, str, str]]:
    """Yield (key, kind, value) of everything that must name something else."""
    for index, router in enumerate(scenario.routers):
        yield f"routers[{index}].city", "city", router.city
        yield f"routers[{index}].network", "network", router.network
    for index, link in enumerate(scenario.links):
        for end in link.between:
            yield f"links[{index}].between", "router", end
    for index, tunnel in enumerate(scenario.tunnels):
        for member in tunnel.routers:
            yield f"tunnels[{index}].routers", "router", member
    for index, target in enumerate(scenario.targets):
        yield f"targets[{index}].place", "city", target.place
        yield f"targets[{index}].router", "router", target.router
        for other in target.also_at:
            yield f"targets[{index}].also_at", "router", other
    for index, agent in enumerate(scenario.agents):
        yield f"agents[{index}].city", "city", agent.city
        yield f"agents[{index}].gateway", "router", agent.gateway
        if agent.declared is not None:
            yield f"agents[{index}].declared", "city", agent.declared
    yield "resolver.router", "router", scenario.resolver.router


def _dangling(scenario: Scenario) -> Iterator[str]:
    known = {
        "city": {city.name for city in scenario.cities},
        "network": {network.id for network in scenario.networks},
        "router": {router.id for router in scenario.routers},
    }
    for key, kind, value in _references(scenario):
        if value not in known[kind]:
            yield f"{key}: no {kind} is called {value!r}"


def _links(scenario: Scenario) -> Iterator[str]:
    speaks_six = {router.id for router in scenario.routers if router.address6 is not None}
    for index, link in enumerate(scenario.links):
        if (link.factor is None) == (link.delay_ms is None):
            yield f"links[{index}]: give exactly one of factor and delay_ms"
        if link.between[0] == link.between[1]:
            yield f"links[{index}].between: {link.between[0]!r} is joined to itself"
        carries_six = 6 in link.families and speaks_six.issuperset(link.between)  # noqa: PLR2004 - a version
        if carries_six and link.mtu < _MTU_OF_IPV6:
            yield f"links[{index}].mtu: {link.mtu} is less than IPv6 needs, {_MTU_OF_IPV6}"
        if len(set(link.families)) != len(link.families):
            yield f"links[{index}].families: {link.families[0]} is given twice"


def _tunnels(scenario: Scenario) -> Iterator[str]:
    joined = {_ends(link) for link in scenario.links}
    for index, tunnel in enumerate(scenario.tunnels):
        for before, after in pairwise(tunnel.routers):
            if frozenset((before, after)) not in joined:
                yield f"tunnels[{index}].routers: no link joins {before} and {after}"
        yield from _tunnel(f"tunnels[{index}]", tunnel)


def _tunnel(key: str, tunnel: Tunnel) -> Iterator[str]:
    if len(set(tunnel.routers)) != len(tunnel.routers):
        yield f"{key}.routers: a router is crossed twice"
    inner = len(tunnel.routers) - 2
    if len(tunnel.labels) != inner:
        yield f"{key}.labels: {inner} routers lie inside, {len(tunnel.labels)} labels are given"


def _hosts(scenario: Scenario) -> Iterator[str]:
    for index, agent in enumerate(scenario.agents):
        if agent.name == SERVERS:
            yield f"agents[{index}].name: {SERVERS!r} is what the box calls its own servers"
    for index, target in enumerate(scenario.targets):
        places = [target.router, *target.also_at]
        if len(set(places)) != len(places):
            yield f"targets[{index}].also_at: a router is named twice"
        if len(set(target.serves)) != len(target.serves):
            yield f"targets[{index}].serves: a service is named twice"


def _ends(link: Link) -> frozenset[str]:
    return frozenset(link.between)
