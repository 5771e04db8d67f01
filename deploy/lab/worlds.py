"""Decider: draws a world by lot from its recipe: the same seed gives the same world.

What is drawn, in this order:

    carriers' routers    one or two in each of a carrier's cities; some silent, some nameless
    inside a carrier     a link from each city to the nearest one before it, and one more each
    between carriers     peerings in a city by chance; a ring in the largest city joins all
    targets              in turn over the hosters, behind a router of a carrier in their city
    agents, resolver     behind the first router of a carrier in their city

Rules
- The seed alone decides the lot.
- Costs are whole milliseconds of the way, so that twins really are ways of equal cost.
"""

from collections.abc import Iterator, Sequence
from ipaddress import IPv4Address, IPv4Network
from itertools import combinations, pairwise

import msgspec

from deploy.lab.lot import Lot
from deploy.lab.recipe import Carrier, Hoster, Recipe
from deploy.lab.world import (
    GLASS_KM_PER_MS,
    Agent,
    City,
    Link,
    Network,
    Router,
    Scenario,
    Target,
    great_circle_km,
)

DETOUR = 1.3
"""Length of a carrier's fibre over the great circle."""
NEAR_MS = 0.1
JITTER_MS = 0.5
_DOCUMENTATION = ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24")
_FIRST_HOST = 40
"""Targets leave the beginning of their hoster's prefix alone."""


def generate(recipe: Recipe) -> Scenario:
    """Return the world that `recipe` makes; its seed decides the lot."""
    lot = Lot(recipe.scenario.seed)
    cities = {city.name: city for city in recipe.cities}
    routers = {carrier.id: list(_routers(carrier, recipe, lot)) for carrier in recipe.carriers}
    everyone = [router for rows in routers.values() for router in rows]
    links = [
        *(link for rows in routers.values() for link in _inside(rows, cities, recipe, lot)),
        *_peerings(everyone, recipe, lot),
    ]
    return Scenario(
        scenario=recipe.scenario,
        cities=recipe.cities,
        networks=tuple(_networks(recipe)),
        routers=tuple(everyone),
        links=tuple(links),
        targets=tuple(_targets(recipe, everyone, lot)),
        agents=tuple(_settled(agent, everyone) for agent in recipe.agents),
        resolver=msgspec.structs.replace(
            recipe.resolver, router=_first_in(recipe.resolver.router, everyone).id
        ),
    )


def _routers(carrier: Carrier, recipe: Recipe, lot: Lot) -> Iterator[Router]:
    shares = recipe.world.shares
    first = int(IPv4Network(carrier.prefix).network_address) + 1
    number = 0
    for city, code in carrier.cities.items():
        for twin in range(1, 3 if lot.happens(shares.twin) else 2):
            number += 1
            name = carrier.pattern.format(code=code, n=twin, k=number)
            yield Router(
                id=f"{carrier.id}-{city}-{twin}",
                city=city,
                network=carrier.id,
                address=str(IPv4Address(first + 7 * number)),
                name=None if lot.happens(shares.nameless) else name,
                answers=not lot.happens(shares.silent),
            )


def _inside(
    routers: Sequence[Router], cities: dict[str, City], recipe: Recipe, lot: Lot
) -> Iterator[Link]:
    """Join a carrier's cities: each to the nearest before it, and to one more by lot."""
    names = list(dict.fromkeys(router.city for router in routers))
    joined: set[frozenset[str]] = set()
    for index, name in enumerate(names[1:], 1):
        near = min(names[:index], key=lambda other: great_circle_km(cities[name], cities[other]))
        for other in dict.fromkeys((near, lot.one_of(names[:index]))):
            joined.add(frozenset((name, other)))
            yield from _fibre(routers, (name, other), cities, recipe, lot)
    for first, second in _twins(routers):
        yield Link(between=(first.id, second.id), delay_ms=NEAR_MS, cost=1)


def _fibre(
    routers: Sequence[Router],
    ends: tuple[str, str],
    cities: dict[str, City],
    recipe: Recipe,
    lot: Lot,
) -> Iterator[Link]:
    """Join every router of one city with every one of the other: twins are equal ways."""
    way_ms = _way_ms(*(cities[end] for end in ends))
    for first in (router for router in routers if router.city == ends[0]):
        for second in (router for router in routers if router.city == ends[1]):
            yield Link(
                between=(first.id, second.id),
                factor=DETOUR,
                cost=max(1, round(way_ms)),
                jitter_ms=JITTER_MS if lot.happens(recipe.world.shares.jitter) else 0.0,
            )


def _way_ms(first: City, second: City) -> float:
    """Return how long a carrier's fibre between two cities takes, one way."""
    return great_circle_km(first, second) * DETOUR / GLASS_KM_PER_MS


def _twins(routers: Sequence[Router]) -> Iterator[tuple[Router, Router]]:
    for first, second in pairwise(routers):
        if first.city == second.city:
            yield first, second


def _peerings(routers: Sequence[Router], recipe: Recipe, lot: Lot) -> Iterator[Link]:
    """Let carriers meet in a city by chance, and all of them in the city that most are in."""
    heads = [router for router in routers if router.id.endswith("-1")]
    by_city = {city.name: [r for r in heads if r.city == city.name] for city in recipe.cities}
    largest = max(by_city.values(), key=len)
    ring = {frozenset((a.id, b.id)) for a, b in pairwise([*largest, largest[0]])}
    strangers = [r for r in heads if not any(r.network == m.network for m in largest)]
    for name, present in by_city.items():
        for first, second in combinations(present, 2):
            wanted = lot.happens(recipe.world.shares.peering)
            alone = strangers and (first in strangers or second in strangers)
            if wanted or alone or (name == largest[0].city and {first.id, second.id} in ring):
                yield Link(between=(first.id, second.id), delay_ms=NEAR_MS, cost=1)


def _networks(recipe: Recipe) -> Iterator[Network]:
    yield Network(
        id="bench",
        asn=64500,
        holder="Borne test bench",
        group_country="FR",
        prefixes=_DOCUMENTATION,
        invented=True,
    )
    for carrier in recipe.carriers:
        yield _network(carrier.id, carrier, (carrier.prefix,))
    taken = {carrier.prefix for carrier in recipe.carriers}
    for hoster in recipe.hosters:
        if hoster.prefix not in taken:
            taken.add(hoster.prefix)
            yield _network(f"{hoster.provider}-{hoster.region}", hoster, (hoster.prefix,))


def _network(identity: str, row: Carrier | Hoster, prefixes: tuple[str, ...]) -> Network:
    return Network(
        id=identity,
        asn=row.asn,
        holder=row.holder,
        group_country=row.group_country,
        prefixes=prefixes,
    )


def _targets(recipe: Recipe, routers: Sequence[Router], lot: Lot) -> Iterator[Target]:
    cities = {city.name: city for city in recipe.cities}
    for number in range(recipe.world.targets):
        hoster = recipe.hosters[number % len(recipe.hosters)]
        first = int(IPv4Network(hoster.prefix).network_address) + _FIRST_HOST
        router, access_ms = _access(hoster.city, recipe, routers, lot)
        yield Target(
            provider=hoster.provider,
            region=hoster.region,
            place=hoster.city,
            country=cities[hoster.city].country,
            group_country=hoster.group_country,
            address=str(IPv4Address(first + 5 * (number // len(recipe.hosters)))),
            router=router.id,
            access_ms=access_ms,
        )


def _access(city: str, recipe: Recipe, routers: Sequence[Router], lot: Lot) -> tuple[Router, float]:
    """Return the router that a target hangs on, and its wire from there in milliseconds."""
    near_ms = lot.between(0.1, 0.5)
    if not lot.happens(recipe.world.shares.backhauled):
        return lot.one_of([router for router in routers if router.city == city]), near_ms
    router = lot.one_of(routers)
    cities = {row.name: row for row in recipe.cities}
    return router, round(near_ms + _way_ms(cities[router.city], cities[city]), 2)


def _settled(agent: Agent, routers: Sequence[Router]) -> Agent:
    return msgspec.structs.replace(agent, gateway=_first_in(agent.gateway, routers).id)


def _first_in(city: str, routers: Sequence[Router]) -> Router:
    return next(router for router in routers if router.city == city)
