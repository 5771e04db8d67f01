"""Shell: small worlds drawn from seeds, through real packets: what was proven, and what could be.

One world is a stand of its own (lab, collector, agents) and plays for `PLAY_S` seconds; several
play side by side. What counts at its end is the newest path of each agent and target:

    counted as    where
    ------------+----------------------------------------------------------------------------
    provable    | a path shows a hop outside what is demanded of it, and an agent of the world
                | is near enough to prove that with `SPARE_MS` left (`provable`)
    proved      | ... and the verdict is PROVEN_OUTSIDE
    false proof | PROVEN_OUTSIDE where no way leaves, or PROVEN_INSIDE where the path is outside

Rules
- A time that the machine makes longer proves less and never more: `SPARE_MS` is what the lab, two
  kernels and a busy machine may add to the best of some pings.
- All agents stand where they are declared, and measure each other; none may be refuted.
"""

import asyncio
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final

import msgspec

from collector.facts.regions import BY_NAME, demanded
from deploy.lab import postings, provable
from deploy.lab.conclusions import escapes
from deploy.lab.outcome import newest
from deploy.lab.provable import Border, Pings
from deploy.lab.recipe import Recipe
from deploy.lab.scenario import Scenario, load
from deploy.lab.stand import Stand
from deploy.lab.worlds import generate
from deploy.tables import document

AGENTS: Final = 4
TARGETS: Final = 5
PLAY_S: Final = 35.0
TRACE_INTERVAL_S: Final = 8.0
SPARE_MS: Final = 0.1
SIDE_BY_SIDE: Final = 4
MOST_PATHS: Final = 1000
ASKED: Final = ("FX", "EU", "EEA")


@dataclass(slots=True)
class Tally:
    """What was counted in some worlds."""

    worlds: int = 0
    paths: int = 0
    provable: int = 0
    proved: int = 0
    proofs: int = 0
    false_proofs: int = 0
    refuted: int = 0
    """Agents that stand where they are declared, and were refuted all the same."""

    def add(self, other: "Tally") -> None:
        """Add what was counted in other worlds."""
        for row in fields(self):
            setattr(self, row.name, getattr(self, row.name) + getattr(other, row.name))


def recipe_of(recipe: Recipe, seed: int) -> Recipe:
    """Return the recipe of the small world of a seed."""
    small = postings.posted(recipe, seed, targets=TARGETS, agents=AGENTS)
    about = msgspec.structs.replace(
        small.scenario, trace_interval_s=TRACE_INTERVAL_S, duration_s=PLAY_S, mesh=True
    )
    return msgspec.structs.replace(small, scenario=about)


def promising(recipe: Recipe, border: Border) -> Iterator[int]:
    """Yield the seeds of worlds in which some exit is provable, rising."""
    seed = 0
    while True:
        world = generate(recipe_of(recipe, seed))
        pings = Pings(world, (SPARE_MS, SPARE_MS), seed)
        if any(_exits(world, pings, border)):
            yield seed
        seed += 1


def _exits(world: Scenario, pings: Pings, border: Border) -> Iterator[bool]:
    """Yield for each path of a world's beginning whether it is an exit that is provable."""
    for agent in world.agents:
        for target in world.targets:
            name = demanded(world.declared(agent).country, target.country)
            shown = pings.shown(agent.name, target.address)
            yield bool(name and provable.provers(pings, shown, BY_NAME[name], border))


async def play(recipe: Recipe, seeds: Sequence[int], border: Border) -> Tally:
    """Return what came of the worlds of some seeds, a few of them at a time."""
    tally, turns = Tally(), asyncio.Semaphore(SIDE_BY_SIDE)

    async def one(seed: int) -> Tally:
        async with turns:
            return await _play(recipe_of(recipe, seed), border)

    for found in await asyncio.gather(*map(one, seeds)):
        tally.add(found)
    return tally


async def _play(recipe: Recipe, border: Border) -> Tally:
    with tempfile.TemporaryDirectory(prefix="borne-world-") as directory:
        file = Path(directory) / "world.toml"
        file.write_text(document(msgspec.to_builtins(recipe)), encoding="utf-8")
        world = load(file)
        async with Stand(world, str(file), Path(directory)) as stand:
            await asyncio.sleep(PLAY_S)
            await stand.drain()
            answers = [
                await stand.get("/v1/paths", agent=row.name, limit=str(MOST_PATHS))
                for row in world.agents
            ]
            agents = (await stand.get("/v1/agents"))["agents"]
    paths = [path for answer in answers for path in newest(answer).values()]
    tally = weigh(world, paths, border)
    tally.refuted = sum(row["position"].startswith("refuted") for row in agents)
    return tally


def weigh(world: Scenario, paths: Iterable[Any], border: Border) -> Tally:
    """Return what is counted of a world's newest paths, as the collector's API gives them."""
    pings = Pings(world, (SPARE_MS, SPARE_MS), world.scenario.seed)
    left = {name: escapes(world, BY_NAME[name]) for name in ASKED}
    homes = {agent.name: world.declared(agent).country for agent in world.agents}
    ends = {target.address: target.country for target in world.targets}
    tally = Tally(worlds=1)
    for path in paths:
        pair = path["agent"], path["target"]
        shown = {hop["address"] for hop in path["hops"] if hop["address"] is not None}
        first = demanded(homes[pair[0]], ends[pair[1]])
        tally.paths += 1
        for name, verdict in _territory(path):
            outside = any(pings.countries[one] not in BY_NAME[name].territories for one in shown)
            tally.proofs += verdict.startswith("PROVEN")
            tally.false_proofs += verdict == "PROVEN_OUTSIDE" and pair not in left[name]
            tally.false_proofs += verdict == "PROVEN_INSIDE" and outside
            if name == first and provable.provers(pings, shown, BY_NAME[name], border):
                tally.provable += 1
                tally.proved += verdict == "PROVEN_OUTSIDE"
    return tally


def _territory(path: Any) -> Iterator[tuple[str, str]]:  # noqa: ANN401 - JSON
    for row in path["verdicts"]:
        if row["axis"] == "territory" and row["jurisdiction"] in ASKED:
            yield row["jurisdiction"], row["verdict"]
