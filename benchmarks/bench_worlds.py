"""Shell: two thousand generated worlds through the deciders: what was untrue, and what unproven.

No peer: these are promises. What is counted, and what a lie may excuse, stands in
`deploy/lab/trial.py` (each path alone) and `deploy/lab/inquiry.py` (all of the judgement, with
witnesses). Claims made by a lie that light cannot refute are reported as a share of the verdicts
on paths told with lies: a stale name that resolves back, or a neighbour's address, cannot be told
from the truth.

With witnesses half of the worlds are told truly and half with lies; in every eighth an
agent is not where it is declared. Which exits could be proven there says an oracle of the tests.
"""

import os
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from typing import Final

import msgspec

from benchmarks.results import Result, alone
from collector.facts import atlas, knowledge
from collector.facts.soil import Soil
from deploy.lab import inquiry
from deploy.lab.lies import HONEST
from deploy.lab.postings import posted
from deploy.lab.recipe import Recipe
from deploy.lab.scenario import SCENARIOS
from deploy.lab.trial import ASKED, Tally, trial
from deploy.lab.worlds import generate
from tests.oracles.nearest import map_of

WORLDS: Final = 2000
FOUND_RATIO: Final = 0.9
"""Share of the exits, told truly, that must be found; the others go through silent routers."""
BY_LIES_RATIO: Final = 0.02
PROVED_RATIO: Final = 0.95
"""Share of the exits that an agent could prove, had it been asked, and that are proven."""
MANY: Final = 300
"""So many such exits there must be for the share to mean something."""
WITNESSED_TARGETS: Final = 4
LIAR_EVERY: Final = 16
"""Worlds of which two have a liar: one in eight."""


def measure() -> list[Result]:
    """Return what the judgement claimed that is not so, and what it could have proven."""
    return [*_alone(), *_witnessed()]


def _alone() -> list[Result]:
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


def _witnessed() -> list[Result]:
    fleets, liars = inquiry.Tally(), inquiry.Tally()
    workers = os.cpu_count() or 1
    with ProcessPoolExecutor(workers) as pool:
        shares = (range(n, WORLDS, workers) for n in range(workers))
        for true_fleets, with_liars in pool.map(_inquire, shares):
            fleets.add(true_fleets)
            liars.add(with_liars)
    proved = (fleets.proved / fleets.provable, fleets.wider_proved / fleets.wider_provable)
    exits = fleets.provable + fleets.wider_provable
    false = fleets.false_proofs + fleets.false_by_liar + liars.false_proofs
    return [
        alone("worlds_exits_provable", "verdicts", [exits], at_least=MANY),
        alone("worlds_exits_proved", "ratio", [min(proved)], at_least=PROVED_RATIO),
        alone("worlds_witnessed_false_proofs", "verdicts", [false], at_most=0),
        alone("worlds_proofs_turned", "verdicts", [fleets.turned], at_most=0),
        alone("worlds_liars_refuted", "agents", [liars.liars_refuted], at_least=1),
    ]


def _inquire(seeds: Iterable[int]) -> tuple[inquiry.Tally, inquiry.Tally]:
    """Return the counts of worlds whose agents stand where they say, and of those with a liar."""
    recipe, known = _recipe(), _knowledge()
    if known.soil is None:
        raise AssertionError("no borders are compiled: run `make atlas`")
    border, tallies = map_of(known.soil), (inquiry.Tally(), inquiry.Tally())
    for seed in seeds:
        world = generate(posted(recipe, seed, targets=WITNESSED_TARGETS))
        shares = HONEST if seed % 4 < 2 else inquiry.LYING  # noqa: PLR2004 - half of the worlds
        liar = seed % LIAR_EVERY >= LIAR_EVERY - 2
        tallies[liar].add(inquiry.inquire(world, known, border, shares=shares, liar=liar))
    return tallies


def _play(seeds: Iterable[int]) -> Tally:
    recipe, known = _recipe(), _knowledge()
    tally = Tally()
    for seed in seeds:
        tally.add(trial(recipe, seed, known))
    return tally


def _recipe() -> Recipe:
    return msgspec.toml.decode((SCENARIOS / "world.toml").read_bytes(), type=Recipe)


def _knowledge() -> knowledge.Knowledge:
    return knowledge.load((), atlas.load(), Soil.open(atlas.BESIDE))
