"""Agents drawn by lot: repeatable, each in a city of its own, and whole as a world."""

import msgspec
import pytest

from deploy.lab import postings
from deploy.lab.checks import complaints
from deploy.lab.postings import posted
from deploy.lab.recipe import Recipe
from deploy.lab.scenario import SCENARIOS
from deploy.lab.worlds import generate

RECIPE = msgspec.toml.decode((SCENARIOS / "world.toml").read_bytes(), type=Recipe)


def test_the_seed_decides_alone() -> None:
    """The same seed gives the same world, another one other agents and hosters."""
    one, again, other = (posted(RECIPE, seed, targets=4) for seed in (1, 1, 2))
    assert one == again
    assert one.agents != other.agents
    assert one.hosters != other.hosters


@pytest.mark.parametrize("seed", range(40))
def test_agents_stand_apart_and_the_first_in_france(seed: int) -> None:
    """Each has a city of its own; how many there are is drawn, unless it is said."""
    small, said = posted(RECIPE, seed, targets=4), posted(RECIPE, seed, targets=4, agents=3)
    country = {city.name: city.country for city in RECIPE.cities}
    cities = [agent.city for agent in small.agents]
    assert len(cities) == len(set(cities))
    assert postings.AGENTS[0] <= len(cities) <= postings.AGENTS[1]
    assert "FR" == country[cities[0]]
    assert (3, 4) == (len(said.agents), len(small.hosters))
    assert [] == list(complaints(generate(small)))
    assert (seed, 4) == (small.scenario.seed, len(generate(small).targets))


def test_every_number_of_agents_comes() -> None:
    """No world is out of the lot's reach."""
    counts = {len(posted(RECIPE, seed, targets=1).agents) for seed in range(60)}
    assert set(range(postings.AGENTS[0], postings.AGENTS[1] + 1)) == counts
