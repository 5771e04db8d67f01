"""Decider: what is wrong with the addresses of a scenario.

Rules
- An address is well formed and, in IPv6, written in its shortest form (RFC 5952).
- Every public address is given once, and lies in a prefix of a network; a router's in its own,
  except that of its replies, which may be a neighbour's.
- A gateway's addresses are private: RFC 1918, and unique local (RFC 4193).
- Who has an address of IPv6 behind a gateway has a gateway that has one.
"""

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from deploy.lab.world import Scenario

_PRIVATE = tuple(map(IPv4Network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")))
_UNIQUE_LOCAL = IPv6Network("fc00::/7")
_FIELDS = ("address", "address6")
_REPLIES = ("replies_from", "replies_from6")
_GATEWAYS = ("gateway_address", "gateway_address6")


def public_addresses(scenario: Scenario) -> Iterator[tuple[str, str]]:
    """Yield (key, address) of everything that the whole box may reach."""
    tables: dict[str, tuple[object, ...]] = {
        "routers": scenario.routers,
        "targets": scenario.targets,
        "agents": scenario.agents,
    }
    for table, rows in tables.items():
        for index, row in enumerate(rows):
            yield from _given(f"{table}[{index}]", row, _FIELDS + _REPLIES)
    yield from _given("resolver", scenario.resolver, _FIELDS)


def malformed(scenario: Scenario) -> Iterator[str]:
    """Yield a sentence for each address or prefix that is none, or of the wrong kind."""
    for key, address in (*public_addresses(scenario), *_gateways(scenario)):
        parse = IPv6Address if key.endswith("6") else IPv4Address
        try:
            parsed = parse(address)
        except ValueError:
            yield f"{key}: {address!r} is not an {parse.__name__[:4]} address"
            continue
        if str(parsed) != address:
            yield f"{key}: write {address} as {parsed} (RFC 5952)"
    for index, network in enumerate(scenario.networks):
        for prefix in network.prefixes:
            try:
                ip_network(prefix)
            except ValueError as error:
                yield f"networks[{index}].prefixes: {error}"


def misplaced(scenario: Scenario) -> Iterator[str]:
    """Yield a sentence for each address that lies where it may not, or is missing.

    Ask only where `malformed` has nothing to say.
    """
    for key, address in _gateways(scenario):
        parsed = ip_address(address)
        if isinstance(parsed, IPv6Address) and parsed not in _UNIQUE_LOCAL:
            yield f"{key}: {address} is not unique local (RFC 4193)"
        if isinstance(parsed, IPv4Address) and not any(parsed in net for net in _PRIVATE):
            yield f"{key}: {address} is not private (RFC 1918)"
    yield from _homeless(scenario)
    yield from _incomplete(scenario)


def _homeless(scenario: Scenario) -> Iterator[str]:
    prefixes = {
        network.id: [ip_network(prefix) for prefix in network.prefixes]
        for network in scenario.networks
    }
    owners = {
        address: router.network
        for router in scenario.routers
        for address in (router.address, router.address6)
    }
    for key, address in public_addresses(scenario):
        allowed = [owners[address]] if address in owners else list(prefixes)
        homes = (prefix for name in allowed for prefix in prefixes[name])
        if not any(ip_address(address) in prefix for prefix in homes):
            yield f"{key}: {address} lies in no prefix of {' or '.join(allowed)}"


def _incomplete(scenario: Scenario) -> Iterator[str]:
    for index, router in enumerate(scenario.routers):
        if router.address is None and router.address6 is None:
            yield f"routers[{index}]: give address, address6 or both"
        for address, other in (
            ("address", "name"),
            ("address", "replies_from"),
            ("replies_from", "replies_name"),
        ):
            for family in ("", "6"):
                key, needed = other + family, address + family
                if getattr(router, key) is not None and getattr(router, needed) is None:
                    yield f"routers[{index}].{key}: there is no {needed}"
    for index, agent in enumerate(scenario.agents):
        if (agent.address6 is None) != (agent.gateway_address6 is None):
            yield f"agents[{index}]: give address6 and gateway_address6 together"


def _gateways(scenario: Scenario) -> Iterator[tuple[str, str]]:
    for index, agent in enumerate(scenario.agents):
        yield from _given(f"agents[{index}]", agent, _GATEWAYS)


def _given(key: str, row: object, fields: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    for field in fields:
        address = getattr(row, field, None)
        if address is not None:
            yield f"{key}.{field}", address
