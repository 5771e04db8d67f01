"""Shell: twenty small generated worlds through real packets: false proofs, and exits proven.

No peer: these are promises. Each world has an exit that somebody could prove, by an oracle of the
tests that asks no judge; what is counted stands in `deploy/lab/packetworlds.py`.
"""

import asyncio
from itertools import islice
from typing import Final

import msgspec

from benchmarks.results import Result, alone
from collector.facts import atlas
from collector.facts.soil import Soil
from deploy.lab.packetworlds import play, promising
from deploy.lab.recipe import Recipe
from deploy.lab.scenario import SCENARIOS
from tests.oracles.nearest import map_of

WORLDS: Final = 20
PROVED_RATIO: Final = 0.95


def measure() -> list[Result]:
    """Return how many proofs were false, and the share of the provable exits that are proven."""
    recipe = msgspec.toml.decode((SCENARIOS / "world.toml").read_bytes(), type=Recipe)
    soil = Soil.open(atlas.BESIDE)
    if soil is None:
        raise AssertionError("no borders are compiled: run `make atlas`")
    border = map_of(soil)
    seeds = list(islice(promising(recipe, border), WORLDS))
    found = asyncio.run(play(recipe, seeds, border))
    proved = found.proved / found.provable
    return [
        alone("worlds_packets_exits_provable", "verdicts", [found.provable], at_least=WORLDS),
        alone("worlds_packets_exits_proved", "ratio", [proved], at_least=PROVED_RATIO),
        alone("worlds_packets_false_proofs", "verdicts", [found.false_proofs], at_most=0),
        alone("worlds_packets_honest_refuted", "agents", [found.refuted], at_most=0),
    ]
