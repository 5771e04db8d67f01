"""Decider: which agents cannot stand where they are declared, by the times among themselves.

    while two agents that are left contradict each other (d > c t / 2):
        remove those with the most contradictions, tied ones together

    an agent is then | where                                         | its answers
    -----------------+-----------------------------------------------+---------------------------
    refuted          | it was removed                                | prove and refute nothing
    unrefuted by N   | it is left, and N >= 2 others left tested it  | count, under that premise
    untested         | it is left, and fewer did                     | count, under that premise

Rules
- The smallest time of a day is kept from each agent to the addresses that the settings give of
  each other one: of series whose target is such an address, and of paths to one. The rest of what
  they measure says nothing of them.
- Everything uncertain is given to the positions: both radii, the weight of the last digit of the
  time, 200 ppm of it (`discs`). A time that could not have refuted, however short, tests nothing:
  two agents of one city do not vouch for each other.
- What an agent measured itself can refute it, and never tests it: its times are its own word.
- A time is of the two positions that were declared when it came; where the settings have another
  one since, it says nothing. The times' own clock tells what is a day old: none is read.
- Most agents are right, that is the premise: a majority of agents that lie alike is believed.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from agent.records import Origin, Path
from collector.judgement.discs import distance_km, reach_km, usable_ns
from collector.judgement.sightings import canonical, sight
from collector.positions import ENOUGH, Between, Memory, Position
from collector.records import Vantage
from collector.wall import wall_ns

KEPT_NS: Final = 86_400_000_000_000
_FLOAT32: Final = 2**-23
"""A time of a series has the precision of a float32."""
_S_NS: Final = 1_000_000_000


class Vantages:
    """The times among agents, and what follows of their positions."""

    def __init__(self, agents: Sequence[Vantage], kept: Memory | None = None) -> None:
        """Begin with what `dump` returned; `agents` are those of the settings."""
        self._places = {agent.name: agent.place.origin for agent in agents}
        self._owners = {
            canonical(address): agent.name for agent in agents for address in agent.addresses
        }
        memory = Memory() if kept is None else kept
        self._times = {(row.observer, row.subject): row for row in memory.times}
        self._newest_ns = memory.newest_ns
        self._positions: Mapping[str, Position] | None = None

    @property
    def have_addresses(self) -> bool:
        """Return whether any agent has an address of its own: else no target is an agent."""
        return bool(self._owners)

    def owner(self, target: str) -> str | None:
        """Return the agent whose own address a target is, None for all others."""
        return self._owners.get(canonical(target)) if self._owners else None

    def hear(self, vantage: Vantage, subject: str, rtt_s: float, at_ns: int) -> None:
        """Take the smallest time of a series of `vantage` to an address of `subject`."""
        rtt_ns = int(rtt_s * _S_NS) if 0 < rtt_s < _S_NS else None
        if rtt_ns is not None:
            self._keep(vantage, subject, rtt_ns, 1 + int(rtt_ns * _FLOAT32), at_ns)

    def observe(self, vantage: Vantage, path: Path) -> None:
        """Take a path of `vantage`, if it leads to another agent's address."""
        address = path.address or path.target
        subject = None if address is None else self.owner(address)
        at_ns = wall_ns(path.started_at)
        if address is None or subject is None or at_ns is None:
            return
        found = sight(path).addresses.get(canonical(address))
        if found is not None and found.rtt_min_ns is not None:
            self._keep(vantage, subject, found.rtt_min_ns, path.rtt_resolution_ns, at_ns)

    def positions(self) -> Mapping[str, Position]:
        """Return what is known of each agent of the settings."""
        if self._positions is None:
            self._positions = positions(self._places, self._current())
        return self._positions

    def says(self, agent: str) -> str:
        """Return what a premise says of an agent's position."""
        return self.positions().get(agent, Position()).says

    def refuted(self) -> frozenset[str]:
        """Return the agents that are not where they say."""
        found = self.positions().items()
        return frozenset(name for name, position in found if position.state == "refuted")

    def dump(self) -> Memory:
        """Return the memory, in the order of the names."""
        times = tuple(self._times[pair] for pair in sorted(self._times))
        return Memory(times=times, newest_ns=self._newest_ns)

    def _current(self) -> list[Between]:
        """Return the times of the last day between positions that are declared now."""
        return [
            row
            for row in self._times.values()
            if row.at_ns > self._newest_ns - KEPT_NS
            and self._places.get(row.observer) == row.here
            and self._places.get(row.subject) == row.there
        ]

    def _keep(
        self, vantage: Vantage, subject: str, rtt_ns: int, resolution_ns: int, at_ns: int
    ) -> None:
        """Keep the time unless a smaller one is recent; of itself an agent says nothing."""
        if subject == vantage.name or usable_ns(rtt_ns) is None:
            return
        row = Between(
            observer=vantage.name,
            subject=subject,
            here=vantage.place.origin,
            there=self._places[subject],
            rtt_ns=rtt_ns,
            resolution_ns=resolution_ns,
            at_ns=at_ns,
        )
        self._newest_ns = max(self._newest_ns, at_ns)
        self._positions = None
        pair = row.observer, row.subject
        known = self._times.get(pair)
        if (
            known is None
            or (known.here, known.there) != (row.here, row.there)
            or known.rtt_ns >= rtt_ns
            or known.at_ns <= at_ns - KEPT_NS
        ):
            self._times[pair] = row


def positions(agents: Iterable[str], times: Iterable[Between]) -> dict[str, Position]:
    """Return what the times say of each agent; see the table."""
    known = sorted(agents)
    against: dict[str, set[str]] = {name: set() for name in known}
    tested: dict[str, set[str]] = {name: set() for name in known}
    for row in times:
        least_km = _least_km(row.here, row.there)
        if least_km > 0:
            tested[row.subject].add(row.observer)
        if least_km > reach_km(row.rtt_ns, row.resolution_ns):
            against[row.observer].add(row.subject)
            against[row.subject].add(row.observer)
    left = _left(known, against)
    return {name: _position(name, left, against, tested) for name in known}


def _position(
    name: str,
    left: set[str],
    against: Mapping[str, set[str]],
    tested: Mapping[str, set[str]],
) -> Position:
    if name not in left:
        return Position(state="refuted", by=tuple(sorted(against[name])))
    by = tuple(sorted(tested[name] & left))
    return Position(state="unrefuted" if len(by) >= ENOUGH else "untested", by=by)


def _left(known: Iterable[str], against: Mapping[str, set[str]]) -> set[str]:
    """Return who is left once nobody contradicts anybody."""
    left = set(known)
    while True:
        counts = Counter({name: len(against[name] & left) for name in left})
        most = max(counts.values(), default=0)
        if not most:
            return left
        left -= {name for name in left if counts[name] == most}


def _least_km(one: Origin, other: Origin) -> float:
    """Return how far apart two positions are at least."""
    between_km = distance_km(one.latitude, one.longitude, other.latitude, other.longitude)
    return between_km - one.radius_km - other.radius_km
