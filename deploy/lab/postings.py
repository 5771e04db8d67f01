"""Decider: small worlds for witnesses: where agents stand, and how near, drawn by lot.

    drawn, in this order    from
    ----------------------+---------------------------------------------------------------
    hosters               | those of the recipe, one for each target
    the first agent       | the cities of France: what begins there is demanded of most
    the others            | all cities but those taken
    each one's wires      | a rack beside its router to a site across the town

Rules
- The recipe gives cities, carriers and hosters; its own agents are only a pattern for the rest.
- The seed decides all of it; the world's own lot (`worlds`) is another stream of the same seed.
"""

from collections.abc import Iterator
from typing import Final

import msgspec

from deploy.lab.lot import Lot
from deploy.lab.recipe import Recipe
from deploy.lab.world import Agent, City

AGENTS: Final = (3, 7)
SITE_MS: Final = (0.01, 0.06)
ACCESS_MS: Final = (0.02, 0.25)
RADIUS_KM: Final = (2, 5, 10)
_STREAM: Final = 0x5EED_0A6E
_HOME: Final = "FR"


def posted(recipe: Recipe, seed: int, *, targets: int, agents: int | None = None) -> Recipe:
    """Return the recipe of a small world with other agents; `seed` decides which."""
    lot = Lot(seed ^ _STREAM)
    return msgspec.structs.replace(
        recipe,
        scenario=msgspec.structs.replace(recipe.scenario, seed=seed),
        world=msgspec.structs.replace(recipe.world, targets=targets),
        hosters=tuple(lot.shuffled(recipe.hosters)[:targets]),
        agents=tuple(_agents(recipe, lot, agents or lot.one_of(range(AGENTS[0], AGENTS[1] + 1)))),
    )


def _agents(recipe: Recipe, lot: Lot, count: int) -> Iterator[Agent]:
    home = [city for city in recipe.cities if city.country == _HOME]
    first = lot.one_of(home)
    others = [city for city in lot.shuffled(recipe.cities) if city is not first]
    for number, city in enumerate([first, *others[: count - 1]], 1):
        yield _agent(number, city, lot)


def _agent(number: int, city: City, lot: Lot) -> Agent:
    return Agent(
        name=f"agent-{number}",
        city=city.name,
        address=f"198.51.100.{9 + number}",
        gateway=city.name,
        gateway_address=f"192.168.{number}.1",
        site_ms=lot.between(*SITE_MS),
        access_ms=lot.between(*ACCESS_MS),
        radius_km=float(lot.one_of(RADIUS_KM)),
        flows=1,
    )
