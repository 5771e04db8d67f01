"""Decider: what is wrong with a scenario that has the right shape.

Rules
- Every id, name and public address is unique; every reference leads somewhere.
- A link has exactly one of `factor` and `delay_ms`, and joins two different routers once.
- Every public address lies in a prefix of a network of the scenario, a router's in its own.
- A gateway's address is private (RFC 1918); events lie within the story, in order.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from ipaddress import AddressValueError, IPv4Address, IPv4Network

from deploy.lab.world import Agent, Link, Router, Scenario, Target

_PRIVATE = tuple(map(IPv4Network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")))


def complaints(scenario: Scenario) -> Iterator[str]:
    """Yield one sentence for each rule that `scenario` breaks; each begins with the key.

    The rules are ordered: where an early one is broken, later ones may not be asked.
    """
    yield from _bad_octets(scenario)
    yield from _repeated(scenario)
    yield from _dangling(scenario)
    yield from _links(scenario)
    yield from _homeless(scenario)
    yield from _events(scenario)


def _addresses(scenario: Scenario) -> Iterator[tuple[str, str]]:
    tables: dict[str, Sequence[Router | Target | Agent]] = {
        "routers": scenario.routers,
        "targets": scenario.targets,
        "agents": scenario.agents,
    }
    for table, rows in tables.items():
        for index, row in enumerate(rows):
            yield f"{table}[{index}].address", row.address
    yield "resolver.address", scenario.resolver.address


def _bad_octets(scenario: Scenario) -> Iterator[str]:
    gateways = [
        (f"agents[{index}].gateway_address", agent.gateway_address)
        for index, agent in enumerate(scenario.agents)
    ]
    for key, address in (*_addresses(scenario), *gateways):
        try:
            parsed = IPv4Address(address)
        except AddressValueError:
            yield f"{key}: {address!r} is not an IPv4 address"
            continue
        if key.endswith("gateway_address") and not any(parsed in net for net in _PRIVATE):
            yield f"{key}: {address} is not private (RFC 1918)"
    for index, network in enumerate(scenario.networks):
        for prefix in network.prefixes:
            try:
                IPv4Network(prefix)
            except ValueError as error:
                yield f"networks[{index}].prefixes: {error}"


def _repeated(scenario: Scenario) -> Iterator[str]:
    kinds: dict[str, Iterable[str]] = {
        "cities.name": [city.name for city in scenario.cities],
        "networks.id": [network.id for network in scenario.networks],
        "routers.id": [router.id for router in scenario.routers],
        "agents.name": [agent.name for agent in scenario.agents],
        "address": [address for _, address in _addresses(scenario)],
        "links.between": [" - ".join(sorted(link.between)) for link in scenario.links],
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
    for index, target in enumerate(scenario.targets):
        yield f"targets[{index}].place", "city", target.place
        yield f"targets[{index}].router", "router", target.router
    for index, agent in enumerate(scenario.agents):
        yield f"agents[{index}].city", "city", agent.city
        yield f"agents[{index}].gateway", "router", agent.gateway
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
    for index, link in enumerate(scenario.links):
        if (link.factor is None) == (link.delay_ms is None):
            yield f"links[{index}]: give exactly one of factor and delay_ms"
        if link.between[0] == link.between[1]:
            yield f"links[{index}].between: {link.between[0]!r} is joined to itself"


def _homeless(scenario: Scenario) -> Iterator[str]:
    prefixes = {
        network.id: [IPv4Network(prefix) for prefix in network.prefixes]
        for network in scenario.networks
    }
    owners = {router.address: router.network for router in scenario.routers}
    for key, address in _addresses(scenario):
        allowed = [owners[address]] if address in owners else list(prefixes)
        if not any(IPv4Address(address) in prefix for name in allowed for prefix in prefixes[name]):
            yield f"{key}: {address} lies in no prefix of {' or '.join(allowed)}"


def _events(scenario: Scenario) -> Iterator[str]:
    joined = {_ends(link) for link in scenario.links}
    before_s = 0.0
    for index, event in enumerate(scenario.events):
        if frozenset(event.link) not in joined:
            yield f"events[{index}].link: no link joins {' and '.join(event.link)}"
        if not before_s <= event.at_s <= scenario.duration_s:
            yield f"events[{index}].at_s: {event.at_s} is out of order or after duration_s"
        before_s = event.at_s


def _ends(link: Link) -> frozenset[str]:
    return frozenset(link.between)
