"""Words: what a generated world is made from: cities, carriers, hosters, and how many of each.

Rules
- A recipe is data (`scenarios/world.toml` is one): who exists, where, and how its routers are
  named. What is drawn by lot, and how, stands in `worlds.py`; the seed decides it alone.
- `{code}` in a pattern is the carrier's own code of a city, `{n}` the number of the router there,
  `{k}` a number that is unique in the world.
"""

from typing import Annotated

import msgspec

from deploy.lab.story import Name, Ratio
from deploy.lab.world import About, Agent, City, Country, Resolver

Count = Annotated[int, msgspec.Meta(ge=1, le=100_000)]


class Shares(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How often something is so, of all routers or links; what is left is plain."""

    silent: Ratio = 0.04
    """Routers that answer nothing."""
    nameless: Ratio = 0.06
    """Routers without a reverse name."""
    twin: Ratio = 0.3
    """Cities of a carrier with two core routers side by side: ways of equal cost."""
    peering: Ratio = 0.4
    """Pairs of carriers in one city that exchange packets there."""
    jitter: Ratio = 0.2
    """Links with jitter, of half a millisecond at most."""
    backhauled: Ratio = 0.1
    """Targets that hang on a router of any city, a long wire away."""


class World(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How large the world is."""

    targets: Count
    shares: Shares = Shares()


class Carrier(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A network that carries packets between cities."""

    id: Name
    asn: int
    holder: Name
    group_country: Country
    prefix: str
    """Where its routers' addresses come from."""
    pattern: Name
    """The name of a router."""
    cities: dict[str, str]
    """Code by city."""


class Hoster(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A provider with one region, in one city."""

    provider: Name
    region: Name
    asn: int
    holder: Name
    group_country: Country
    prefix: str
    city: Name


class Recipe(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything a world is drawn from."""

    scenario: About
    world: World
    cities: tuple[City, ...]
    carriers: Annotated[tuple[Carrier, ...], msgspec.Meta(min_length=1)]
    hosters: Annotated[tuple[Hoster, ...], msgspec.Meta(min_length=1)]
    agents: Annotated[tuple[Agent, ...], msgspec.Meta(min_length=1)]
    """`gateway` names a city here: the agent gets a router of a carrier there."""
    resolver: Resolver
    """The same for its `router`."""
