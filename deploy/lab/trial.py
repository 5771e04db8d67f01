"""Decider: worlds drawn from seeds, told to the judgement, and what it claimed that is not so.

Each way is told twice: truly, and with lies (`lies`). Each telling is judged three times: as it is,
with longer times, and in another order.

    counted as            where
    --------------------+------------------------------------------------------------------------
    false proof           PROVEN_OUTSIDE of a path that stays, or PROVEN_INSIDE of one that leaves
    false outside         another OUTSIDE of a path that stays ...
    outside by a lie        ... unless all its hops outside are named by lies light cannot refute
    false inside          SUPPORTED_INSIDE of a path that leaves, told truly
    inside by a lie         ... told with lies
    made by delay         OUTSIDE or a proof that longer times brought about
    made by order         anything that differs when the replies come in another order

Rules
- Longer times bring a place back that shorter ones refuted; so a path on which anything was refuted
  says nothing of delay (decision record 0001).
- Light is asked here by the great circle, apart from the collector's own geometry.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields

import msgspec

from agent.records import Path
from collector.facts.knowledge import Knowledge
from collector.facts.regions import BY_NAME
from collector.judgement.borders import judge
from collector.judgement.discs import C_KM_PER_NS
from collector.records import (
    INSIDE,
    OUTSIDE,
    Axis,
    HopJudgement,
    Judgement,
    Place,
    Verdict,
    Zone,
)
from deploy.lab import lies
from deploy.lab.lies import Told
from deploy.lab.lot import Lot
from deploy.lab.recipe import Recipe
from deploy.lab.topology import Topology
from deploy.lab.world import Agent, City, Scenario, Target, great_circle_km
from deploy.lab.worlds import generate

ASKED = tuple(BY_NAME[name] for name in ("FX", "EU", "EEA"))
TARGETS = 4
PLACE_RADIUS_KM = 30.0
"""What is declared around a zone's city, and allowed around the city that a lie names."""
_CLOCKS_AND_SHAPE = 1.01
"""200 ppm of the time, and 0.56 % between the great circle and the ellipsoid, rounded up."""
_PROOFS = frozenset({Verdict.PROVEN_OUTSIDE, Verdict.PROVEN_INSIDE})


@dataclass(slots=True)
class Tally:
    """What was counted; one for each verdict on a jurisdiction, not for each path."""

    paths: int = 0
    exits: int = 0
    """Verdicts on paths that leave, told truly."""
    exits_found: int = 0
    proofs: int = 0
    false_proofs: int = 0
    false_outside: int = 0
    outside_by_lie: int = 0
    false_inside: int = 0
    inside_by_lie: int = 0
    made_by_delay: int = 0
    made_by_order: int = 0

    def add(self, other: "Tally") -> None:
        """Add what another one counted."""
        for row in fields(self):
            setattr(self, row.name, getattr(self, row.name) + getattr(other, row.name))


@dataclass(frozen=True, slots=True)
class _Case:
    """One telling of a way, and what it is judged by."""

    told: Told
    honest: bool
    agent: Agent
    stands: City
    zone: Zone
    knowledge: Knowledge

    def judged(self, path: Path) -> Judgement:
        """Return what is concluded of the path, or of another form of it."""
        return judge(
            path,
            agent=self.agent.name,
            zone=self.zone,
            knowledge=self.knowledge,
            jurisdictions=ASKED,
        )

    def leaves(self, jurisdiction: str) -> bool:
        """Say whether the packets were anywhere outside."""
        return not self.told.countries <= BY_NAME[jurisdiction].territories


def trial(recipe: Recipe, seed: int, knowledge: Knowledge, *, targets: int = TARGETS) -> Tally:
    """Return what the judgement of one world's paths came to; the seed decides all of it.

    Every agent traces this many `targets`, other ones in the world of the next seed.
    """
    scenario = _world(recipe, seed)
    tally, lot, topology = Tally(), Lot(seed), Topology(scenario)
    for agent, target in _pairs(scenario, seed, targets):
        stands, zone = scenario.city(agent.city), _zone(scenario, target)
        for shares in (lies.HONEST, lies.LYING):
            told = lies.tell(scenario, agent, target, topology=topology, shares=shares, lot=lot)
            if told is not None:
                honest = shares is lies.HONEST
                tally.add(_weighed(_Case(told, honest, agent, stands, zone, knowledge), lot))
    return tally


def _world(recipe: Recipe, seed: int) -> Scenario:
    """Return the world of a seed, with a target for each hoster."""
    small = msgspec.structs.replace(recipe.world, targets=len(recipe.hosters))
    about = msgspec.structs.replace(recipe.scenario, seed=seed)
    return generate(msgspec.structs.replace(recipe, world=small, scenario=about))


def _pairs(scenario: Scenario, seed: int, targets: int) -> Iterator[tuple[Agent, Target]]:
    for agent in scenario.agents:
        for number in range(seed * targets, (seed + 1) * targets):
            yield agent, scenario.targets[number % len(scenario.targets)]


def _zone(scenario: Scenario, target: Target) -> Zone:
    city = scenario.city(target.place)
    return Zone(
        provider=target.provider,
        region=target.region,
        place=Place(
            name=city.name,
            territory=city.country,
            latitude=city.latitude,
            longitude=city.longitude,
            radius_km=PLACE_RADIUS_KM,
        ),
        group_country=target.group_country,
        targets=(target.address,),
    )


def _weighed(case: _Case, lot: Lot) -> Tally:
    found = case.judged(case.told.path)
    late = case.judged(lies.delayed(case.told.path, lot))
    tally = Tally(paths=1)
    if found != case.judged(lies.reordered(case.told.path, lot)):
        tally.made_by_order += 1
    refuted = any(row.kind == "refuted" for hop in found.hops for row in hop.evidence)
    before = _on_territory(found)
    for jurisdiction, verdict in before.items():
        _count(tally, case, found, jurisdiction, verdict)
    for jurisdiction, verdict in _on_territory(late).items():
        proven = verdict in _PROOFS and verdict is not before[jurisdiction]
        outside = verdict in OUTSIDE and before[jurisdiction] not in OUTSIDE and not refuted
        tally.made_by_delay += proven or outside
    return tally


def _count(
    tally: Tally, case: _Case, found: Judgement, jurisdiction: str, verdict: Verdict
) -> None:
    """Count one verdict by the table of the module's text."""
    leaves = case.leaves(jurisdiction)
    tally.proofs += verdict in _PROOFS
    if case.honest and leaves:
        tally.exits += 1
        tally.exits_found += verdict in OUTSIDE
    if verdict in _PROOFS:
        tally.false_proofs += (verdict in OUTSIDE) != leaves
    elif verdict in OUTSIDE and not leaves:
        hops = _outside(found, jurisdiction)
        excused = bool(hops) and all(_irrefutable(case, hop) for hop in hops)
        tally.outside_by_lie += excused
        tally.false_outside += not excused
    elif verdict in INSIDE and leaves:
        tally.false_inside += case.honest
        tally.inside_by_lie += not case.honest


def _on_territory(found: Judgement) -> dict[str, Verdict]:
    return {row.jurisdiction: row.verdict for row in found.verdicts if row.axis is Axis.TERRITORY}


def _outside(found: Judgement, jurisdiction: str) -> list[HopJudgement]:
    return [hop for hop in found.hops if hop.verdicts.get(jurisdiction) == "outside"]


def _irrefutable(case: _Case, hop: HopJudgement) -> bool:
    """Say whether a lie names a city for the hop that light could reach in its time."""
    city = case.told.lies.get(hop.address or "")
    if city is None or hop.rtt_min_ns is None:
        return False
    least_km = great_circle_km(case.stands, city) - PLACE_RADIUS_KM - case.agent.radius_km
    return least_km <= C_KM_PER_NS * hop.rtt_min_ns / 2 * _CLOCKS_AND_SHAPE
