"""Shell: two thousand generated worlds through the deciders, with lies mixed in: what was untrue.

No peer: these are promises. What is counted, and what a lie may excuse, stands in
`deploy/lab/trial.py`. Claims made by a lie that light cannot refute are reported as a share of the
verdicts on paths told with lies: a stale name that resolves back, or a neighbour's address, cannot
be told from the truth.
"""

import os
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from typing import Final

import msgspec

from benchmarks.results import Result, alone
from collector import atlas, knowledge
from collector.soil import Soil
from deploy.lab.recipe import Recipe
from deploy.lab.scenario import SCENARIOS
from deploy.lab.trial import ASKED, Tally, trial

WORLDS: Final = 2000
FOUND_RATIO: Final = 0.9
"""Share of the exits, told truly, that must be found; the others go through silent routers."""
BY_LIES_RATIO: Final = 0.02


def measure() -> list[Result]:
    """Return what the judgement claimed of the worlds that is not so."""
    tally = Tally()
    workers = os.cpu_count() or 1
    with ProcessPoolExecutor(workers) as pool:
        for part in pool.map(_play, (range(n, WORLDS, workers) for n in range(workers))):
            tally.add(part)
    false = {
        "worlds_false_proofs": tally.false_proofs,
        "worlds_false_outside": tally.false_outside,
        "worlds_false_inside": tally.false_inside,
        "worlds_made_by_delay": tally.made_by_delay,
        "worlds_made_by_order": tally.made_by_order,
    }
    told_with_lies = tally.paths / 2 * len(ASKED)
    by_lies = (tally.outside_by_lie + tally.inside_by_lie) / told_with_lies
    return [
        alone("worlds_paths", "paths", [tally.paths], at_least=WORLDS),
        alone("worlds_proofs", "verdicts", [tally.proofs], at_least=1),
        *(alone(claim, "verdicts", [number], at_most=0) for claim, number in false.items()),
        alone("worlds_claims_by_lies", "ratio", [by_lies], at_most=BY_LIES_RATIO),
        alone(
            "worlds_exits_found", "ratio", [tally.exits_found / tally.exits], at_least=FOUND_RATIO
        ),
    ]


def _play(seeds: Iterable[int]) -> Tally:
    recipe = msgspec.toml.decode((SCENARIOS / "world.toml").read_bytes(), type=Recipe)
    known = knowledge.load((), atlas.load(), Soil.open(atlas.BESIDE))
    tally = Tally()
    for seed in seeds:
        tally.add(trial(recipe, seed, known))
    return tally
