"""Decider: which agents are to ping which hops, because they could prove where these are.

    event                                       | (agent, address) is afterwards
    --------------------------------------------+--------------------------------------------
    a path with a doubtful hop, see the rules   | asked, in the plan for 15 s
    a reply of the agent, with an answer or not | tried: not asked again for half an hour
    15 s without a reply                        | free: asked again when the hop is seen again

Rules
- A hop is doubtful where the path's policy demands a jurisdiction and the hop answered, is in no
  special range, stands in one place, and is not inside by what is known: outside by names alone
  is doubtful as well, for a witness may prove it.
- An agent can prove something about a hop if there is soil enough between it and the border: a
  device that answers sooner than light comes there and back is outside (or inside). It is asked
  only where that time is one that real machines reach (`PLAUSIBLE_NS`), and where the hop can be
  so near at all: not where the observer's time, or an answer to another witness, says that the
  hop is elsewhere (bound B5).
- Three agents are asked about one address at a time, and six in all, until one proves something:
  those first that stand nearest to a place that somebody names for the hop, or for the hops
  before and behind it where nobody does; the observer itself is one of them. A proof is borne out
  by three, so that it does not lapse when the first of them is old. Strangers' routers are pinged
  for us: each agent is asked for 20 addresses a minute at most, and its own file may allow less.
- Only agents that fetch their plan are asked. Requests live in memory alone: after a restart the
  next round asks again. What was answered is kept (`landmarks`), and with it every verdict.
"""

import hashlib
from collections import Counter, deque
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Final, NamedTuple, Protocol

from agent.records import IPV4, IPV6, Plan, WitnessTask, is_reachable
from collector.facts.soil import Soil
from collector.judgement.asked import Asked
from collector.judgement.clearance import Point, distance
from collector.judgement.discs import distance_km, reach_km, usable_ns
from collector.judgement.landmarks import Landmarks
from collector.judgement.proofs import TOLERANCE_KM
from collector.records import HopJudgement, Jurisdiction, PathRecord, Place, Vantage
from collector.wall import wall_text

S_NS: Final = 1_000_000_000
DEADLINE_NS: Final = 15 * S_NS
LISTENS_NS: Final = 60 * S_NS
"""So long after it fetched its plan an agent is expected to do so again."""
PER_MINUTE: Final = 20
ENOUGH: Final = 3
MOST: Final = 6
PLAUSIBLE_NS: Final = 50_000
"""Between machines of one hall this is a good time; 7.5 km at the speed of light in vacuum."""
MAX_HOPS: Final = 64
"""Hops of one path that are looked at: a path has 32 TTLs, and ways of equal cost are few."""
PROTOCOLS: Final = ("icmp", "udp", "syn")


class Geometry(Protocol):
    """What is known of borders."""

    def clear_km(self, place: Place, jurisdiction: Jurisdiction) -> float:
        """Return how far from an agent at `place` no border is met, radius and tolerance taken off.

        Whatever is nearer than that is wholly outside the jurisdiction, or wholly inside.
        """
        ...


class Frontier:
    """The same from the compiled borders."""

    def __init__(self, soil: Soil) -> None:
        """Take the borders."""
        self._soil = soil

    def clear_km(self, place: Place, jurisdiction: Jurisdiction) -> float:
        """See `Geometry.clear_km`; 0 where a proof would need soil that nobody has drawn."""
        at = Point(place.latitude, place.longitude)
        soil, widest = self._soil, jurisdiction.widest
        home_km = distance(soil, soil.home(widest), at).km
        if home_km > 0 and not widest <= soil.known:
            return 0.0
        border_km = home_km or distance(soil, soil.abroad(jurisdiction.territories), at).km
        return border_km - place.radius_km - TOLERANCE_KM


class Doubt(NamedTuple):
    """A hop that a witness could tell more about."""

    address: str
    places: tuple[Place, ...]
    """Where it may be, as somebody names it or its neighbours."""
    observer: Place
    reach_km: float | None
    """How far it can be from the observer; None where no time was measured, or none that counts."""
    proven: bool
    """Whether it is proven already where it is to the jurisdiction that is demanded."""


class Witness:
    """The requests that are open, and who listens."""

    def __init__(
        self, agents: Sequence[Vantage], landmarks: Landmarks, geometry: Geometry | None
    ) -> None:
        """Ask `agents`; without `geometry` nobody could prove anything, and nobody is asked."""
        self._agents = {agent.name: agent for agent in agents}
        self._landmarks = landmarks
        self._geometry = geometry
        self._heard_ns: dict[str, int] = {}
        self._open: dict[tuple[str, str], tuple[int, WitnessTask]] = {}
        """Deadline and request by (agent, address), in the order of asking."""
        self._asked_ns: dict[str, deque[int]] = {agent: deque() for agent in self._agents}
        self._news: set[str] = set()
        self._counts: Counter[str] = Counter()
        """By the fields of `Asked`."""
        self.refuted: Collection[str] = ()
        """Agents that do not stand where they say: they could prove nothing, and are not asked."""

    def listen(self, agent: str, now_ns: int) -> None:
        """Note that an agent fetches its plan."""
        self._heard_ns[agent] = now_ns

    def plan(self, agent: str, now_ns: int) -> Plan:
        """Return what is asked of an agent now."""
        tasks = tuple(
            task
            for (asked, _), (deadline_ns, task) in self._open.items()
            if asked == agent and deadline_ns > now_ns
        )
        octets = "\n".join(task.id for task in tasks).encode()
        return Plan(version=hashlib.sha256(octets).hexdigest()[:32], witness=tasks)

    def news(self) -> set[str]:
        """Return the agents that were asked something since the last call; needs no lock."""
        found = set()
        while self._news:  # one by one: who is added meanwhile is told now or the next time
            found.add(self._news.pop())
        return found

    def replied(self, agent: str, address: str, *, answered: bool) -> None:
        """Note that an agent has replied, and whether the hop answered it: it is asked no more."""
        if self._open.pop((agent, address), None) is not None:
            self._counts["answered" if answered else "silent"] += 1

    def asked(self, now_ns: int) -> Asked:
        """Return what became of all requests."""
        self._expire(now_ns)
        return Asked(open=len(self._open), **self._counts)

    def doubt(
        self, record: PathRecord, observer: Place, demanded: Jurisdiction, now_ns: int
    ) -> None:
        """Ask about the doubtful hops of one path; `news` then tells whose plan has changed."""
        self._expire(now_ns)
        if self._geometry is not None:
            clear_km = dict(self._clear_km(self._geometry, demanded, now_ns))
            found = doubts(record, observer, demanded, self.refuted) if clear_km else ()
            for doubt in found:
                self._ask(doubt, clear_km, now_ns)

    def _expire(self, now_ns: int) -> None:
        for key, (deadline_ns, _) in list(self._open.items()):
            if deadline_ns <= now_ns:
                del self._open[key]
                self._counts["expired"] += 1

    def _clear_km(
        self, geometry: Geometry, demanded: Jurisdiction, now_ns: int
    ) -> Iterator[tuple[str, float]]:
        """Yield the agents that listen and have soil enough around them, and how much."""
        for name, agent in self._agents.items():
            listens = now_ns - self._heard_ns.get(name, -LISTENS_NS) < LISTENS_NS
            if listens and name not in self.refuted:
                clear_km = geometry.clear_km(agent.place, demanded)
                if clear_km >= reach_km(PLAUSIBLE_NS, 0):
                    yield name, clear_km

    def _ask(self, doubt: Doubt, clear_km: Mapping[str, float], now_ns: int) -> None:
        tried = self._landmarks.tried(doubt.address, now_ns)
        near = list(self._near(doubt, now_ns))
        waiting = sum(address == doubt.address for _, address in self._open)
        at_once = ENOUGH - waiting
        in_all = (ENOUGH if doubt.proven else MOST) - waiting - len(tried)
        able = [
            agent
            for agent, km in clear_km.items()
            if agent not in tried
            and (agent, doubt.address) not in self._open
            and all(_apart_km(place, self._agents[agent].place) <= far + km for place, far in near)
        ]
        able.sort(key=lambda agent: (self._from_places_km(doubt, agent), agent))
        for agent in able[: max(0, min(at_once, in_all))]:
            if self._afford(agent, now_ns):
                self._open[agent, doubt.address] = _request(agent, doubt.address, now_ns)
                self._news.add(agent)

    def _near(self, doubt: Doubt, now_ns: int) -> Iterator[tuple[Place, float]]:
        """Yield whom a hop answered, and how far from there it can be."""
        if doubt.reach_km is not None:
            yield doubt.observer, doubt.reach_km
        for row in self._landmarks.of(doubt.address, now_ns):
            agent = self._agents.get(row.agent)
            if agent and agent.place.origin == row.origin and row.agent not in self.refuted:
                yield agent.place, reach_km(row.rtt_ns, 1)

    def _from_places_km(self, doubt: Doubt, agent: str) -> float:
        """Return how far an agent is from the nearest place that is named for the hop."""
        here = self._agents[agent].place
        return min((_apart_km(place, here) for place in doubt.places), default=0.0)

    def _afford(self, agent: str, now_ns: int) -> bool:
        """Take one of the requests that an agent may get in a minute."""
        asked_ns = self._asked_ns[agent]
        while asked_ns and asked_ns[0] <= now_ns - 60 * S_NS:
            asked_ns.popleft()
        if len(asked_ns) >= PER_MINUTE:
            self._counts["withheld"] += 1
            return False
        asked_ns.append(now_ns)
        return True


def doubts(
    record: PathRecord,
    observer: Place,
    demanded: Jurisdiction,
    refuted: Collection[str] = (),
) -> Iterable[Doubt]:
    """Yield the doubtful hops of a path, each address once; `refuted` agents bound nothing."""
    several = {row.address for row in record.several}
    hops = {hop.address: hop for hop in record.judgement.hops if _is_doubtful(hop, demanded)}
    for address, hop in list(hops.items())[:MAX_HOPS]:
        if address is not None and address not in several and is_reachable(address):
            yield Doubt(
                address=address,
                places=hop.candidates or _beside(hop, record.judgement.hops),
                observer=observer,
                reach_km=None if record.judgement.agent in refuted else _reach_km(hop, record),
                proven=_is_proven(hop, demanded),
            )


def _is_doubtful(hop: HopJudgement, demanded: Jurisdiction) -> bool:
    word = hop.verdicts.get(demanded.name)
    return not hop.excluded and word is not None and word != "inside"


def _is_proven(hop: HopJudgement, demanded: Jurisdiction) -> bool:
    return any(row.proof and row.proof.jurisdiction == demanded.name for row in hop.evidence)


def _beside(hop: HopJudgement, hops: Sequence[HopJudgement]) -> tuple[Place, ...]:
    """Return the places of the nearest hops before and behind one that nobody has named."""
    named = [other for other in hops if other.candidates]
    before = max((other.ttl for other in named if other.ttl < hop.ttl), default=None)
    behind = min((other.ttl for other in named if other.ttl > hop.ttl), default=None)
    beside = (other.candidates for other in named if other.ttl in {before, behind})
    return tuple(dict.fromkeys(chain.from_iterable(beside)))


def _reach_km(hop: HopJudgement, record: PathRecord) -> float | None:
    rtt_ns = usable_ns(hop.rtt_min_ns)
    return None if rtt_ns is None else reach_km(rtt_ns, record.path.rtt_resolution_ns)


def _apart_km(one: Place, other: Place) -> float:
    """Return how far two places are apart at least."""
    between_km = distance_km(one.latitude, one.longitude, other.latitude, other.longitude)
    return max(0.0, between_km - one.radius_km - other.radius_km)


def _request(agent: str, address: str, now_ns: int) -> tuple[int, WitnessTask]:
    deadline_ns = now_ns + DEADLINE_NS
    named = f"{agent} {address} {now_ns}".encode()
    return deadline_ns, WitnessTask(
        id=hashlib.sha256(named).hexdigest()[:16],
        address=address,
        family=IPV6 if ":" in address else IPV4,
        protocols=PROTOCOLS,
        deadline=wall_text(deadline_ns),
    )
