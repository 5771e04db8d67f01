"""Worlds drawn from seeds, through real packets: nothing false, and what is provable is proven."""

from itertools import islice
from typing import Any

import msgspec
import pytest

from collector.facts import atlas
from collector.facts.regions import BY_NAME, demanded
from collector.facts.soil import Soil
from deploy.lab import packetworlds
from deploy.lab.conclusions import escapes
from deploy.lab.packetworlds import ASKED, SPARE_MS, play, promising, recipe_of, weigh
from deploy.lab.provable import Pings, provers
from deploy.lab.recipe import Recipe
from deploy.lab.scenario import SCENARIOS, load
from deploy.lab.world import Scenario
from deploy.lab.worlds import generate
from deploy.tables import document
from tests.oracles.nearest import map_of

RECIPE = msgspec.toml.decode((SCENARIOS / "world.toml").read_bytes(), type=Recipe)
SOIL = Soil.open(atlas.BESIDE)
assert SOIL is not None, "run `make atlas` (it needs npm once)"
BORDER = map_of(SOIL)
WORLDS = 4
"""`benchmarks/bench_worlds_packets.py` plays twenty."""
SEED = next(promising(RECIPE, BORDER))


def judged(world: Scenario, agent: str, target: str, verdict: str) -> Any:  # noqa: ANN401 - JSON
    """Return a path as the collector's API gives it, with one verdict on all lists."""
    shown = sorted(Pings(world, (0, 0)).shown(agent, target))
    return {
        "agent": agent,
        "target": target,
        "hops": [{"address": None}, *({"address": one} for one in shown)],
        "verdicts": [
            {"axis": axis, "jurisdiction": name, "verdict": verdict}
            for axis in ("territory", "administration")
            for name in (*ASKED, "FR")
        ],
    }


def every(world: Scenario, verdict: str) -> list[Any]:
    """Return a path of each pair with this verdict."""
    return [
        judged(world, agent.name, target.address, verdict)
        for agent in world.agents
        for target in world.targets
    ]


def test_a_file_of_a_recipe_is_the_recipe(tmp_path: Any) -> None:  # noqa: ANN401 - a fixture
    """The lab reads the same world as the one that is counted in."""
    recipe = recipe_of(RECIPE, SEED)
    file = tmp_path / "world.toml"
    file.write_text(document(msgspec.to_builtins(recipe)), encoding="utf-8")
    assert generate(recipe) == load(file)
    assert (packetworlds.AGENTS, True) == (len(recipe.agents), recipe.scenario.mesh)


def test_promising_worlds_have_a_provable_exit() -> None:
    """Each of them, and not each world: an oracle says so, and no judge is asked."""
    seeds = list(islice(promising(RECIPE, BORDER), 3))
    assert seeds == sorted(seeds)
    assert seeds != [0, 1, 2]
    for seed in seeds:
        world = generate(recipe_of(RECIPE, seed))
        assert weigh(world, every(world, "UNDETERMINED"), BORDER).provable > 0


def test_each_kind_of_error_is_counted() -> None:
    """Paths that stay and are said to have left, the reverse, and proofs that do not come."""
    world = generate(recipe_of(RECIPE, SEED))
    pings = Pings(world, (SPARE_MS, SPARE_MS))
    homes = {agent.name: world.city(agent.city).country for agent in world.agents}
    stay = leave = can = 0
    for agent in world.agents:
        for target in world.targets:
            shown = pings.shown(agent.name, target.address)
            for name in ASKED:
                row = BY_NAME[name]
                stay += (agent.name, target.address) not in escapes(world, row)
                leave += any(pings.countries[one] not in row.territories for one in shown)
                first = demanded(homes[agent.name], target.country)
                can += name == first and bool(provers(pings, shown, row, BORDER))
    for verdict, false, proved in (
        ("PROVEN_OUTSIDE", stay, can),
        ("PROVEN_INSIDE", leave, 0),
        ("UNDETERMINED", 0, 0),
    ):
        tally = weigh(world, every(world, verdict), BORDER)
        assert (false, proved, can) == (tally.false_proofs, tally.proved, tally.provable)
        assert (1, len(world.agents) * len(world.targets)) == (tally.worlds, tally.paths)
    assert min(stay, leave, can) > 0


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_real_packets_prove_what_is_provable() -> None:
    """Real agents, a real collector: no false proof, no honest agent refuted, exits proven."""
    tally = await play(RECIPE, list(islice(promising(RECIPE, BORDER), WORLDS)), BORDER)
    paths = WORLDS * packetworlds.AGENTS * packetworlds.TARGETS
    assert (WORLDS, paths, 0, 0) == (
        tally.worlds,
        tally.paths,
        tally.false_proofs,
        tally.refuted,
    )
    assert tally.provable > WORLDS
    assert tally.proved >= 0.95 * tally.provable
    assert tally.proofs > tally.proved
