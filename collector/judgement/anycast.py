"""Decider: addresses that stand in several places, told by two agents that both stand too near.

Rules
- What answered an agent in t is not farther from it than c t / 2 (`discs`). Two agents whose discs
  for one address share no point were answered by two machines (bound B5, decision record 0004):
  anycast, or somebody who answers in another's name. Such an address has no place.
- Of each address and agent the smallest time of a day is kept; a later round may replace it once
  it is older than that. A round that comes late replaces nothing that is more than a day younger,
  and is compared with its own day alone. Path times count, no clock is read.
- Where the agents stand is the premise: an agent that is declared elsewhere makes addresses look
  as if they stood in several places. That takes verdicts away; it never makes one. An agent whose
  position is refuted (`vantages`) is no such witness.
- The memory is bounded: of too many addresses the one that was heard least recently goes, of too
  many agents first one that is refuted, then the one with the largest time.
"""

from collections.abc import Collection, Iterable, Mapping
from itertools import combinations
from types import MappingProxyType
from typing import Final

from agent.records import Path
from collector.facts.networks import Networks
from collector.judgement.discs import distance_km, reach_km
from collector.judgement.sightings import sight
from collector.nearness import Nearness, Several
from collector.positions import UNTESTED
from collector.records import Evidence
from collector.wall import wall_ns

KEPT_NS: Final = 86_400_000_000_000
MAX_ADDRESSES: Final = 8192
MAX_AGENTS: Final = 8
_UNTESTED: Final[Mapping[str, str]] = MappingProxyType({})


class Anycast:
    """The smallest times of recent rounds, by address and agent."""

    def __init__(self, networks: Networks, kept: Iterable[tuple[str, Iterable[Nearness]]]) -> None:
        """Begin with what `dump` returned; special ranges of `networks` are never kept."""
        self._networks = networks
        self._heard = {address: {row.agent: row for row in rows} for address, rows in kept}

    def observe(self, path: Path, agent: str, refuted: Collection[str] = ()) -> dict[str, Several]:
        """Take the times of one path; return which of its addresses stand in several places.

        The times of `refuted` agents are kept, and tell nothing as long as they are that.
        """
        at_ns, found = wall_ns(path.started_at), {}
        for address, sighting in sight(path).addresses.items():
            if self._networks.special(address) is not None or at_ns is None:
                continue
            if path.origin is not None and sighting.rtt_min_ns is not None:
                row = Nearness(
                    agent=agent,
                    origin=path.origin,
                    rtt_ns=sighting.rtt_min_ns,
                    resolution_ns=path.rtt_resolution_ns,
                    started_ns=at_ns,
                )
                self._keep(address, row, refuted)
            heard = self._heard.get(address, {}).values()
            late = [
                row
                for row in heard
                if abs(row.started_ns - at_ns) < KEPT_NS and row.agent not in refuted
            ]
            several = apart(address, late)
            if several is not None:
                found[address] = several
        return found

    def dump(self) -> tuple[tuple[str, tuple[Nearness, ...]], ...]:
        """Return the memory, the address heard least recently first."""
        return tuple((address, tuple(rows.values())) for address, rows in self._heard.items())

    def _keep(self, address: str, row: Nearness, refuted: Collection[str]) -> None:
        """Keep the time unless a smaller one is recent, and the address as heard just now."""
        heard = self._heard.pop(address, {})
        if _replaces(row, heard.get(row.agent)):
            heard[row.agent] = row
        if len(heard) > MAX_AGENTS:
            order = {one: (one in refuted, kept.rtt_ns, one) for one, kept in heard.items()}
            del heard[max(order, key=order.__getitem__)]
        self._heard[address] = heard
        if len(self._heard) > MAX_ADDRESSES:
            del self._heard[next(iter(self._heard))]


def _replaces(row: Nearness, known: Nearness | None) -> bool:
    """Say whether a time is to be kept in place of the one that is known of the same agent."""
    if known is None or known.origin != row.origin:
        return True
    younger_ns = row.started_ns - known.started_ns
    return younger_ns >= KEPT_NS or (row.rtt_ns <= known.rtt_ns and younger_ns > -KEPT_NS)


def explain(several: Several, standings: Mapping[str, str] = _UNTESTED) -> Evidence:
    """Return why an address has no place, for people.

    `standings` are what is said of agents' positions, of others that they are untested.
    """
    near, other = several.seen
    told = "; ".join(f"{row.agent} is {standings.get(row.agent, UNTESTED)}" for row in several.seen)
    return Evidence(
        kind="anycast",
        source="discs of two agents at c, WGS84",
        date="undated",
        says=f"it stands in several places: it answered {_timed(near)} and {_timed(other)}, which "
        f"are {several.distance_km:.1f} km apart at least, if both agents stand where they are "
        f"declared ({told}); light comes {several.reach_km:.1f} km within both times together",
    )


def evidence(
    found: Iterable[Several], standings: Mapping[str, str] = _UNTESTED
) -> Mapping[str, Evidence]:
    """Return the evidence by address, as `borders.judge` takes it."""
    return {row.address: explain(row, standings) for row in found}


def _timed(row: Nearness) -> str:
    return f"{row.agent} in {row.rtt_ns / 1e6:.3f} ms"


def apart(address: str, rows: Iterable[Nearness]) -> Several | None:
    """Return two agents whose discs share no point, None where all of them do."""
    ordered = sorted(rows, key=lambda row: (row.rtt_ns, row.agent))
    for near, other in combinations(ordered, 2):
        one, two = near.origin, other.origin
        between_km = distance_km(one.latitude, one.longitude, two.latitude, two.longitude)
        least_km = between_km - one.radius_km - two.radius_km
        within_km = reach_km(near.rtt_ns, near.resolution_ns) + reach_km(
            other.rtt_ns, other.resolution_ns
        )
        if least_km > within_km:
            return Several(
                address=address, seen=(near, other), distance_km=least_km, reach_km=within_km
            )
    return None
