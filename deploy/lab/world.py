"""Words: what a scenario is made of: cities, networks, routers, links, hosts, events.

Rules
- A link's delay is the great circle between its routers' cities times its route factor at
  204.2 km/ms (light in glass, c / 1.468), unless the file gives `delay_ms`.
- A scenario says what the network does, never what Borne should conclude.
- `scenario.py` reads these words from a file and `checks.py` holds them to their rules.
"""

import math
from typing import Annotated

import msgspec

GLASS_KM_PER_MS = 204.2
EARTH_RADIUS_KM = 6371.0088
NS_PER_MS = 1_000_000
NS_PER_S = 1_000_000_000

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=253)]
HostName = Annotated[
    str, msgspec.Meta(max_length=253, pattern=r"^[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})+$")
]
Country = Annotated[str, msgspec.Meta(pattern="^[A-Z]{2}$")]
Address = Annotated[str, msgspec.Meta(pattern=r"^\d{1,3}(\.\d{1,3}){3}$")]
Latitude = Annotated[float, msgspec.Meta(ge=-90, le=90)]
Longitude = Annotated[float, msgspec.Meta(ge=-180, le=180)]
Ratio = Annotated[float, msgspec.Meta(ge=0, le=1)]
Factor = Annotated[float, msgspec.Meta(ge=1, le=10)]
Delay = Annotated[float, msgspec.Meta(ge=0, le=10_000)]


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
    """A router with one address; `name` is its PTR record, None where it has none."""

    id: Name
    city: Name
    network: Name
    address: Address
    name: HostName | None = None


class Link(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Two routers joined, both ways alike; exactly one of `factor` and `delay_ms` is given."""

    between: tuple[Name, Name]
    factor: Factor | None = None
    delay_ms: Delay | None = None
    loss_ratio: Ratio = 0.0
    jitter_ms: Delay = 0.0


class Target(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A host of a cloud zone behind `router`; `place` is a city, `access_ms` one way."""

    provider: Name
    region: Name
    place: Name
    country: Country
    group_country: Country
    address: Address
    router: Name
    access_ms: Delay
    name: HostName | None = None


class Agent(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A vantage point with a namespace of its own, behind a site gateway.

    The host reaches its gateway in `site_ms` and the gateway the router `gateway` in
    `access_ms`, both one way. `gateway_address` is private and answers only its own site.
    """

    name: Name
    city: Name
    address: Address
    gateway: Name
    gateway_address: Address
    access_ms: Delay
    radius_km: Annotated[float, msgspec.Meta(gt=0, le=1000)]
    site_ms: Delay = 0.15


class Resolver(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The emulated name server of the box, a host behind `router`."""

    address: Address
    router: Name
    access_ms: Delay = 0.2


class Event(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A link that goes down or comes up at a time since the scenario began."""

    at_s: Annotated[float, msgspec.Meta(ge=0)]
    link: tuple[Name, Name]
    up: bool


class About(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a scenario is called and what it shows."""

    name: Name
    says: Name
    duration_s: Annotated[float, msgspec.Meta(gt=0, le=1_000_000)]
    seed: int


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
    events: tuple[Event, ...] = ()

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

    def host_names(self) -> dict[str, str]:
        """Return the name by address of every router and target that has one."""
        named: list[Router | Target] = [*self.routers, *self.targets]
        return {row.address: row.name for row in named if row.name is not None}

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


def great_circle_km(first: City, second: City) -> float:
    """Return the distance in kilometres on the mean sphere (haversine, R = 6371.0088 km)."""
    south, north = math.radians(first.latitude), math.radians(second.latitude)
    east = math.radians(second.longitude - first.longitude)
    half_chord_squared = (
        math.sin((north - south) / 2) ** 2
        + math.cos(south) * math.cos(north) * math.sin(east / 2) ** 2
    )
    return 2 * EARTH_RADIUS_KM * math.asin(math.sqrt(half_chord_squared))
