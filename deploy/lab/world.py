"""Words: what a scenario is made of: cities, networks, routers, links, tunnels, hosts.

Rules
- A link's delay is the great circle between its routers' cities times its route factor at
  204.2 km/ms (light in glass, c / 1.468), unless the file gives `delay_ms`.
- A link costs what its delay is in microseconds, unless the file gives `cost`.
- What happens to a network and what is true of it stands in `story.py`.
- `scenario.py` reads these words from a file and `checks.py` holds them to their rules.
"""

import math
from collections.abc import Iterator
from typing import Annotated, Literal

import msgspec

from deploy.lab.story import Delay, Event, Name, Ratio, Truth

GLASS_KM_PER_MS = 204.2
EARTH_RADIUS_KM = 6371.0088
SERVERS = "servers"
"""The port behind which the real servers of all targets live."""
NS_PER_MS = 1_000_000
NS_PER_US = 1_000
NS_PER_S = 1_000_000_000

HostName = Annotated[
    str, msgspec.Meta(max_length=253, pattern=r"^[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})+$")
]
Country = Annotated[str, msgspec.Meta(pattern="^[A-Z]{2}$")]
Address = Annotated[str, msgspec.Meta(pattern=r"^\d{1,3}(\.\d{1,3}){3}$")]
Address6 = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f:.]{2,45}$")]
Latitude = Annotated[float, msgspec.Meta(ge=-90, le=90)]
Longitude = Annotated[float, msgspec.Meta(ge=-180, le=180)]
Factor = Annotated[float, msgspec.Meta(ge=1, le=10)]
Cost = Annotated[int, msgspec.Meta(ge=1, le=1_000_000_000)]
CostBothWays = Annotated[tuple[Cost, ...], msgspec.Meta(min_length=2, max_length=2)]
"""A pair; msgspec 0.22 crashes when memory is collected on a union with `tuple[Cost, Cost]`."""
Rate = Annotated[float, msgspec.Meta(gt=0, le=1_000_000)]
Label = Annotated[int, msgspec.Meta(ge=16, le=1_048_575)]
"""An MPLS label; 0 to 15 are reserved (RFC 3032 §2.1)."""
Family = Literal[4, 6]
Service = Literal["tcp", "http", "https", "dns"]


class City(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A place on the map; `country` is ISO 3166-1 alpha-2."""

    name: Name
    latitude: Latitude
    longitude: Longitude
    country: Country


class Network(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An autonomous system; `invented` ones hand the collector override rows."""

    id: Name
    asn: Annotated[int, msgspec.Meta(ge=1, le=4_294_967_295)]
    holder: Name
    group_country: Country
    prefixes: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]
    invented: bool = False


class Router(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A router with an address of one family or both; `name` and `name6` are its PTR records.

    `name_resolves` false: its names lead back to no address. `icmp_hash` is what its choice
    among equal ways takes of an echo. `limit_per_s` and `limit_burst` bound its ICMP errors for
    each destination, as Linux does (`net.ipv4.icmp_ratelimit`); `limit_all_per_s` and
    `limit_all_burst` bound them for all together (`icmp_msgs_per_sec`, `icmp_msgs_burst`).
    `slow_ms`, with up to `slow_jitter_ms` more, is how long it takes to make an answer of its own.
    Its errors come from `replies_from` or `replies_from6` where given: interfaces that may belong
    to a neighbour's prefix.
    """

    id: Name
    city: Name
    network: Name
    address: Address | None = None
    address6: Address6 | None = None
    name: HostName | None = None
    name6: HostName | None = None
    name_resolves: bool = True
    icmp_hash: Literal["checksum", "addresses"] = "checksum"
    answers: bool = True
    limit_per_s: Rate | None = None
    limit_burst: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 6
    limit_all_per_s: Rate | None = None
    limit_all_burst: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 50
    slow_ms: Delay = 0.0
    slow_jitter_ms: Delay = 0.0
    replies_from: Address | None = None
    replies_from6: Address6 | None = None
    replies_name: HostName | None = None
    replies_name6: HostName | None = None


class Link(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Two routers joined; exactly one of `factor` and `delay_ms` is given, for both directions.

    `cost` is one number, or one there and one back: the way of least total cost is taken, and
    ways of equal cost are shared by flows. It carries the `families` that both its routers speak.
    """

    between: tuple[Name, Name]
    factor: Factor | None = None
    delay_ms: Delay | None = None
    cost: Cost | CostBothWays | None = None
    mtu: Annotated[int, msgspec.Meta(ge=576, le=65_535)] = 1500
    families: Annotated[tuple[Family, ...], msgspec.Meta(min_length=1, max_length=2)] = (4, 6)
    loss_ratio: Ratio = 0.0
    jitter_ms: Delay = 0.0
    jitter: Literal["uniform", "pareto"] = "uniform"


class Tunnel(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An MPLS path, one way: packets that cross `routers` in this order are labelled inside.

    `routers` go from the ingress, which pushes the labels, to the egress, which gets the packet
    without them: the router before it has popped them (RFC 3032 §3.16). `labels` holds what each
    router between the two receives, one label or a stack with the outermost first.
    `propagate_ttl` false hides those routers (RFC 3443 §3, pipe model); `replies_via_end` sends
    their errors on to the egress before they turn back; `extensions` false leaves the labels out
    of their errors (RFC 4950).
    """

    routers: Annotated[tuple[Name, ...], msgspec.Meta(min_length=3)]
    labels: tuple[Label | Annotated[tuple[Label, ...], msgspec.Meta(min_length=1)], ...]
    propagate_ttl: bool = True
    replies_via_end: bool = False
    extensions: bool = True


class Target(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A host of a cloud zone behind `router`; `place` is a city, `access_ms` one way.

    It answers echoes, and TCP and UDP with a real service for each that it `serves`. Other TCP
    ports are reset, other UDP ports are `unreachable` or `silent`. An anycast target stands
    behind the routers `also_at` too; a packet goes to the nearest by cost.
    """

    provider: Name
    region: Name
    place: Name
    country: Country
    group_country: Country
    address: Address
    router: Name
    access_ms: Delay
    address6: Address6 | None = None
    name: HostName | None = None
    serves: tuple[Service, ...] = ()
    also_at: tuple[Name, ...] = ()
    udp: Literal["unreachable", "silent"] = "unreachable"
    answers: bool = True

    @property
    def given(self) -> tuple[str, ...]:
        """Return what an agent is given to probe: the name where it leads to both families."""
        if self.address6 is None:
            return (self.address,)
        return (self.address, self.address6) if self.name is None else (self.name,)


class Agent(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A vantage point with a namespace of its own, behind a site gateway.

    The host reaches its gateway in `site_ms` and the gateway the router `gateway` in
    `access_ms`, both one way. `gateway_address` is private (RFC 1918), `gateway_address6` unique
    local (RFC 4193), and both answer only their own site. `trace_protocol` and `flows` are how
    the agent traces. `declared` is the city where it is said to stand, given where that is not
    `city`; `witness` is whether it pings hops of other agents' paths.
    """

    name: Name
    city: Name
    address: Address
    gateway: Name
    gateway_address: Address
    access_ms: Delay
    radius_km: Annotated[float, msgspec.Meta(gt=0, le=1000)]
    address6: Address6 | None = None
    gateway_address6: Address6 | None = None
    site_ms: Delay = 0.15
    trace_protocol: Literal["icmp", "udp"] = "icmp"
    flows: Annotated[int, msgspec.Meta(ge=1, le=16)] = 4
    declared: Name | None = None
    witness: bool = True


class Resolver(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The emulated name server of the box, a host behind `router`."""

    address: Address
    router: Name
    address6: Address6 | None = None
    access_ms: Delay = 0.2


class About(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a scenario is called and what it shows.

    The cities and networks of `base` (a file of `scenarios/base`) are there too. Agents probe
    each target every `probe_interval_s` and trace it every `trace_interval_s`; with `mesh` they
    probe each other as well.
    """

    name: Name
    says: Name
    duration_s: Annotated[float, msgspec.Meta(gt=0, le=1_000_000)]
    seed: int
    base: Name | None = None
    probe_interval_s: Annotated[float, msgspec.Meta(ge=0.05, le=3600)] = 0.5
    trace_interval_s: Annotated[float, msgspec.Meta(ge=1, le=3600)] = 10.0
    mesh: bool = False


class Override(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A row for the collector: who originates an invented prefix, and nothing else."""

    prefix: str
    asn: int
    holder: str


class Scenario(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A whole scenario: the network, what is measured in it, and what happens to it."""

    scenario: About
    cities: tuple[City, ...]
    networks: tuple[Network, ...]
    routers: tuple[Router, ...]
    links: tuple[Link, ...]
    targets: tuple[Target, ...]
    agents: tuple[Agent, ...]
    resolver: Resolver
    tunnels: tuple[Tunnel, ...] = ()
    events: tuple[Event, ...] = ()
    truth: tuple[Truth, ...] = ()

    @property
    def name(self) -> str:
        """Return the name of the scenario."""
        return self.scenario.name

    @property
    def duration_s(self) -> float:
        """Return how long the story takes, in seconds; the lab itself runs until it is ended."""
        return self.scenario.duration_s

    def city(self, name: str) -> City:
        """Return the city called `name`."""
        return next(city for city in self.cities if city.name == name)

    def router(self, identity: str) -> Router:
        """Return the router whose id is `identity`."""
        return next(router for router in self.routers if router.id == identity)

    def agent(self, name: str) -> Agent:
        """Return the agent called `name`."""
        return next(agent for agent in self.agents if agent.name == name)

    def declared(self, agent: Agent) -> City:
        """Return the city where an agent is said to stand."""
        return self.city(agent.declared or agent.city)

    def host_names(self) -> dict[str, str]:
        """Return the name by address of everything that has one: its PTR record."""
        return dict(self._named())

    def resolvable_names(self) -> dict[str, str]:
        """Return the name by address where the name leads back to the address: A or AAAA."""
        mute = {name for row in self.routers if not row.name_resolves for _, name in _names(row)}
        return {address: name for address, name in self._named() if name not in mute}

    def _named(self) -> Iterator[tuple[str, str]]:
        for router in self.routers:
            yield from _names(router)
        for target in self.targets:
            for address in (target.address, target.address6):
                if address is not None and target.name is not None:
                    yield address, target.name

    def overrides(self) -> list[Override]:
        """List the rows (prefix, asn, holder) of the invented networks alone."""
        return [
            Override(prefix=prefix, asn=network.asn, holder=network.holder)
            for network in self.networks
            if network.invented
            for prefix in network.prefixes
        ]

    def link_delay_ns(self, link: Link) -> int:
        """Return the one-way delay of `link` in nanoseconds, without jitter."""
        if link.delay_ms is not None:
            return round(link.delay_ms * NS_PER_MS)
        first, second = (self.city(self.router(end).city) for end in link.between)
        distance_km = great_circle_km(first, second) * (link.factor or 1.0)
        return round(distance_km / GLASS_KM_PER_MS * NS_PER_MS)

    def link_costs(self, link: Link) -> tuple[int, int]:
        """Return what `link` costs from its first router and from its second, in nanoseconds.

        A given cost of 1 is 1 us, so that given and derived costs may stand side by side; no way
        is free, so that no two routers lie before each other.
        """
        if link.cost is None:
            return (max(1, self.link_delay_ns(link)),) * 2
        there, back = (link.cost, link.cost) if isinstance(link.cost, int) else link.cost
        return there * NS_PER_US, back * NS_PER_US


def _names(router: Router) -> Iterator[tuple[str, str]]:
    """Yield each address of a router that has a name, with the name."""
    pairs = (
        (router.address, router.name),
        (router.address6, router.name6),
        (router.replies_from, router.replies_name),
        (router.replies_from6, router.replies_name6),
    )
    for address, name in pairs:
        if address is not None and name is not None:
            yield address, name


def great_circle_km(first: City, second: City) -> float:
    """Return the distance in kilometres on the mean sphere (haversine, R = 6371.0088 km)."""
    south, north = math.radians(first.latitude), math.radians(second.latitude)
    east = math.radians(second.longitude - first.longitude)
    half_chord_squared = (
        math.sin((north - south) / 2) ** 2
        + math.cos(south) * math.cos(north) * math.sin(east / 2) ** 2
    )
    return 2 * EARTH_RADIUS_KM * math.asin(math.sqrt(half_chord_squared))
