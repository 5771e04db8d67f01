"""A world drawn from a seed is whole, repeatable, and named as its carriers name their routers."""

import tomllib

import msgspec
import pytest

from collector.facts import knowledge
from deploy.lab.checks import complaints
from deploy.lab.recipe import Recipe
from deploy.lab.scenario import SCENARIOS
from deploy.lab.truth import expected_hops
from deploy.lab.world import Scenario
from deploy.lab.worlds import generate


def recipe(**about: object) -> Recipe:
    """Return the delivered recipe with some of its `[scenario]` and `[world]` replaced."""
    document = tomllib.loads((SCENARIOS / "world.toml").read_text(encoding="utf-8"))
    for key, value in about.items():
        document["scenario" if key == "seed" else "world"][key] = value
    return msgspec.convert(document, Recipe)


@pytest.fixture(scope="module")
def world() -> Scenario:
    """Return the delivered world with fewer targets."""
    return generate(recipe(targets=60))


def test_the_seed_decides_alone() -> None:
    """The same seed gives the same world, another seed another."""
    assert generate(recipe(seed=1)) == generate(recipe(seed=1))
    assert generate(recipe(seed=1)).links != generate(recipe(seed=2)).links


@pytest.mark.parametrize("seed", range(12))
def test_every_world_obeys_the_rules_of_a_scenario(seed: int) -> None:
    """No seed gives a world that would be refused as a file."""
    assert list(complaints(generate(recipe(seed=seed)))) == []


@pytest.mark.parametrize("seed", range(4))
def test_every_target_is_reached_from_every_agent(seed: int) -> None:
    """The ring and the links inside each carrier join the whole world."""
    drawn = generate(recipe(seed=seed, targets=26))
    ends = {
        (agent.name, target.address): expected_hops(drawn, agent.name, target.address)[-1:]
        for agent in drawn.agents
        for target in drawn.targets
    }
    assert [key for key, last in ends.items() if not last] == []


def test_names_say_where_their_router_stands(world: Scenario) -> None:
    """Each name is read by its operator's rule, as the city in which the router is."""
    known = knowledge.load()
    cities = {city.name: city for city in world.cities}
    for router in world.routers:
        if router.name is None:
            continue
        readings = known.names.read(router.name)
        assert len(readings) == 1, router.name
        place = known.places[readings[0].row.place].place
        assert cities[router.city].country == place.territory
        assert place.name.startswith(router.city)


def test_it_is_as_large_as_its_recipe_says(world: Scenario) -> None:
    """Targets are counted out over the hosters; tens of networks take part."""
    assert len(world.targets) == 60
    assert len({(target.provider, target.region) for target in world.targets}) == 13
    assert len(world.networks) >= 20


def test_shares_are_kept() -> None:
    """Where everything is silent or nameless, every router is; where nothing is, none."""
    all_of_it = recipe(shares={"silent": 1.0, "nameless": 1.0})
    none_of_it = recipe(shares={"silent": 0.0, "nameless": 0.0})
    assert {(r.answers, r.name) for r in generate(all_of_it).routers} == {(False, None)}
    assert all(r.answers and r.name for r in generate(none_of_it).routers)


def test_backhauled_targets_hang_on_a_long_wire() -> None:
    """Where every target is backhauled, most hang far from their city; where none is, none."""
    far = generate(recipe(shares={"backhauled": 1.0}))
    near = generate(recipe(shares={"backhauled": 0.0}))
    city = {router.id: router.city for router in (*far.routers, *near.routers)}
    assert sum(city[target.router] != target.place for target in far.targets) > 100
    assert all(city[target.router] == target.place for target in near.targets)
