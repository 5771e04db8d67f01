"""Decider: which exits somebody could prove, told from a network and a map, apart from the judge.

An exit from a jurisdiction is provable where a hop on the way that answers stands outside, and an
agent would hear from it sooner than light comes to the nearest soil of the jurisdiction and back:
the disc of bound B1, with the agent's radius, the tolerance of the borders and 200 ppm of the time
subtracted.

Rules
- The collector's geometry is not asked: how far the soil is comes from whoever calls (`Border`).
- Several discs together prove no more than the best of them alone: of 439 exits in 150 worlds
  none lay in an intersection without soil of the jurisdiction, but for those that a disc proves.
- An answer takes what the network makes true (`truth`), and what is said to come on top of it.
"""

import zlib
from collections.abc import Callable, Collection
from typing import Final

from collector.judgement.discs import C_KM_PER_NS
from collector.judgement.proofs import TOLERANCE_KM
from collector.records import Jurisdiction
from deploy.lab import truth
from deploy.lab.lot import Lot
from deploy.lab.topology import Topology
from deploy.lab.world import NS_PER_MS, Agent, City, Scenario

Border = Callable[[City, Jurisdiction], float]
"""Gives the distance from a city to the nearest soil of a jurisdiction, 0 on it, in kilometres."""

_CLOCKS: Final = 1.0002


class Pings:
    """How long every address of a world takes to answer every agent, at best."""

    def __init__(
        self,
        world: Scenario,
        over_ms: tuple[float, float],
        seed: int = 0,
        *,
        late: float = 0.0,
        late_ms: float = 0.0,
    ) -> None:
        """Let an answer take `over_ms` more than its way, from the one to the other by lot.

        The share `late` of them takes up to `late_ms` more still.
        """
        self.world = world
        self.topology = Topology(world)
        self.countries = truth.countries(world)
        """By address."""
        self._over_ms = over_ms
        self._late, self._late_ms = late, late_ms
        self._seed = seed
        self._known: dict[tuple[str, str], int | None] = {}

    def rtt_ns(self, agent: str, address: str) -> int | None:
        """Return the smallest of some pings, None where nothing answers; the same at each call."""
        pair = agent, address
        if pair not in self._known:
            self._known[pair] = self._ping(agent, address)
        return self._known[pair]

    def shown(self, agent: str, address: str) -> set[str]:
        """Return the addresses that a path shows, of the flow that `truth` takes for granted."""
        way = truth.hops_in(self.topology, self.world, agent, address)
        return {hop.address for hop in way if not hop.silent}

    def _ping(self, agent: str, address: str) -> int | None:
        way = truth.hops_in(self.topology, self.world, agent, address)
        if not way or way[-1].silent or way[-1].address != address:
            return None
        lot = Lot(zlib.crc32(f"{self._seed} {agent} {address}".encode()))
        over_ms = lot.between(*self._over_ms)
        if lot.happens(self._late):
            over_ms += lot.between(0.0, self._late_ms)
        return round((way[-1].rtt_ms + over_ms) * NS_PER_MS)


def provers(
    pings: Pings, seen: Collection[str], jurisdiction: Jurisdiction, border: Border
) -> list[tuple[str, str]]:
    """Return (address, agent) of the pings that would prove that a path leaves a jurisdiction.

    `seen` are the addresses that the path shows.
    """
    outside = [
        address for address in seen if pings.countries[address] not in jurisdiction.territories
    ]
    return [
        (address, witness.name)
        for address in outside
        for witness in pings.world.agents
        if _proves(pings, witness, address, jurisdiction, border)
    ]


def _proves(
    pings: Pings, witness: Agent, address: str, jurisdiction: Jurisdiction, border: Border
) -> bool:
    rtt_ns = pings.rtt_ns(witness.name, address)
    if rtt_ns is None:
        return False
    away_km = border(pings.world.city(witness.city), jurisdiction)
    return away_km - witness.radius_km - TOLERANCE_KM > C_KM_PER_NS * rtt_ns * _CLOCKS / 2
