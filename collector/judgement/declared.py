"""Decider: whether declared positions can be true, by the borders: coordinates and territory agree.

Rules
- A place is a circle around its coordinates. Where none of it is soil of its territory, one of both
  was mistyped, and every verdict that rests on it is wrong without a sign.
- Borders are drawn coarsely, so `TOLERANCE_KM` is allowed beyond the circle; nothing is asked of a
  territory that they do not know.
- It is said, and nothing follows: settings are the operator's word.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from collector.facts.soil import Soil
from collector.judgement.clearance import Point, distance
from collector.records import Place, Vantage, Zone

TOLERANCE_KM: Final = 10.0
"""More than the coarsest coast is off: a port stands in the sea by some of them."""


def doubts(agents: Sequence[Vantage], zones: Sequence[Zone], soil: Soil) -> Iterator[str]:
    """Yield a sentence for each agent and zone whose coordinates lie outside its territory."""
    yield from _doubts(((f'agent "{agent.name}"', agent.place) for agent in agents), soil)
    yield from _doubts(((f'zone "{zone.ident}"', zone.place) for zone in zones), soil)


def _doubts(declared: Iterable[tuple[str, Place]], soil: Soil) -> Iterator[str]:
    for who, place in declared:
        if place.territory not in soil.known:
            continue
        here = Point(place.latitude, place.longitude)
        near = distance(soil, soil.home(frozenset({place.territory})), here)
        if near.km > place.radius_km + TOLERANCE_KM:
            there = " or ".join(sorted(soil.at(*here))) or "nobody's soil"
            yield (
                f"{who} is declared in {place.territory} at {place.latitude}, {place.longitude}"
                f" (within {place.radius_km:g} km), and the borders have that in {there},"
                f" {near.km:.0f} km from {place.territory}: mend the coordinates or the territory"
            )
