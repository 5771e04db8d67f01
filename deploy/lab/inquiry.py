"""Decider: worlds with witnesses: all of the collector's judgement, asked and answered for.

Every agent traces every target in each round; whomever the plan asks pings the hop, and is answered
in the time that the network makes true. After each round every newest verdict is counted:

    counted as      where
    --------------+--------------------------------------------------------------------------
    exit          | a path leaves the jurisdiction that is demanded of it
    provable      | ... and some agent, had it pinged a hop outside, could prove it (`provable`)
    proved        | ... and it is PROVEN_OUTSIDE in the end
    wider ...     | the same of the jurisdictions that hold the demanded one
    false proof   | PROVEN_OUTSIDE of a path that stays, or PROVEN_INSIDE of one that leaves
    by a liar     |   ... in a world whose liar nobody refutes: the premise is named, and false
    turned        | a proof that was the opposite one in an earlier round

Rules
- The network does not change, so that no proof may; where lies are told names are false, and the
  routers late or mute for some: what could be proven counts the late answers as they come.
- An address is never somebody else's: that the device which is meant answered is a premise of
  every proof. `trial` tells such addresses to the judgement, without witnesses.
- A liar stands in one city and is declared in another. All agents measure each other beforehand.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Final

import msgspec

from agent.records import IPV4, Protocol, Stamp, WitnessReply, WitnessTask
from collector.facts.knowledge import Knowledge
from collector.facts.regions import BY_NAME, demanded, wider
from collector.records import OUTSIDE, Axis, PathRecord, Place, Vantage, Verdict, Zone
from collector.routes import Routes
from collector.wall import wall_text
from deploy.lab import lies, provable
from deploy.lab.lies import Shares, Told
from deploy.lab.lot import Lot
from deploy.lab.provable import Border, Pings
from deploy.lab.world import NS_PER_S, Agent, City, Scenario, Target

ASKED: Final = ("FX", "EU", "EEA")
ROUNDS: Final = 3
ROUND_NS: Final = 20 * NS_PER_S
ANSWERED_NS: Final = 2 * NS_PER_S
"""So long after a round began the witnesses have answered."""
OVER_MS: Final = (0.01, 0.05)
"""What a host and its kernel add to the time on the wires."""
PLACE_RADIUS_KM: Final = 30.0
LYING: Final = msgspec.structs.replace(lies.LYING, neighbour=0.0)
_BEGAN_NS: Final = 1_795_521_600 * NS_PER_S
_PROOFS: Final = frozenset({Verdict.PROVEN_OUTSIDE, Verdict.PROVEN_INSIDE})


@dataclass(slots=True)
class Tally:
    """What was counted."""

    worlds: int = 0
    exits: int = 0
    provable: int = 0
    proved: int = 0
    wider_provable: int = 0
    wider_proved: int = 0
    proofs: int = 0
    false_proofs: int = 0
    false_by_liar: int = 0
    turned: int = 0
    liars: int = 0
    liars_refuted: int = 0
    requests: int = 0

    def add(self, other: "Tally") -> None:
        """Add what another one counted."""
        for row in fields(self):
            setattr(self, row.name, getattr(self, row.name) + getattr(other, row.name))


@dataclass(slots=True)
class _Inquiry:
    """One world, and the collector that judges it."""

    world: Scenario
    pings: Pings
    routes: Routes
    vantages: Mapping[str, Vantage]
    told: Mapping[tuple[str, str], Told]
    """By agent and target."""
    liar: str | None
    tally: Tally = field(default_factory=lambda: Tally(worlds=1))
    proven: dict[tuple[str, str, str], Verdict] = field(default_factory=dict)

    def play(self, at_ns: int) -> None:
        """Let all agents trace once, and the witnesses answer."""
        for name in self.vantages:
            self.routes.witness.listen(name, at_ns)
        for (name, address), told in self.told.items():
            path = msgspec.structs.replace(
                told.path, id=f"{name} {address} {at_ns}", started_at=wall_text(at_ns)
            )
            self.routes.add(self.vantages[name], [path], at_ns, at_ns)
        for name, vantage in self.vantages.items():
            tasks = self.routes.witness.plan(name, at_ns).witness
            self.tally.requests += len(tasks)
            replies = [self._reply(name, task, at_ns + ANSWERED_NS) for task in tasks]
            self.routes.hear(vantage, replies, at_ns + ANSWERED_NS)

    def _reply(self, agent: str, task: WitnessTask, at_ns: int) -> WitnessReply:
        rtt_ns = self.pings.rtt_ns(agent, task.address)
        silent = WitnessReply(address=task.address, sent_at=wall_text(at_ns))
        if rtt_ns is None:
            return silent
        return msgspec.structs.replace(
            silent, rtt_min_ns=rtt_ns, samples=3, protocol=Protocol.ICMP, stamp=Stamp.KERNEL
        )

    def watch(self) -> None:
        """Count what is proven now and is not so, or was the opposite before."""
        for name, address, jurisdiction, verdict in self.verdicts():
            pair = name, address, jurisdiction
            if verdict not in _PROOFS:
                continue
            self.tally.turned += self.proven.get(pair, verdict) is not verdict
            self.proven[pair] = verdict
            if (verdict in OUTSIDE) != self.leaves(*pair):
                free = self.liar is not None and self.liar not in self.routes.vantages.refuted()
                self.tally.false_by_liar += free
                self.tally.false_proofs += not free

    def verdicts(self) -> Iterator[tuple[str, str, str, Verdict]]:
        """Yield (agent, target, jurisdiction, verdict) of the newest paths."""
        for name, address in self.told:
            for jurisdiction, verdict in _territory(self.routes.newest[name, address, IPV4]):
                yield name, address, jurisdiction, verdict

    def leaves(self, agent: str, target: str, jurisdiction: str) -> bool:
        """Say whether the packets of a path were anywhere outside."""
        countries = self.told[agent, target].countries
        return not countries <= BY_NAME[jurisdiction].territories

    def sum_up(self, border: Border) -> Tally:
        """Return all counts, those of exits at the end."""
        self.tally.proofs += len(self.proven)
        countries = {target.address: target.country for target in self.world.targets}
        for name, address, jurisdiction, verdict in self.verdicts():
            first = demanded(self.vantages[name].place.territory, countries[address])
            if first is None or not self.leaves(name, address, jurisdiction):
                continue
            can = self._is_provable(name, address, jurisdiction, border)
            proved = can and verdict is Verdict.PROVEN_OUTSIDE
            if jurisdiction == first:
                self.tally.exits += 1
                self.tally.provable += can
                self.tally.proved += proved
            elif jurisdiction in wider(first):
                self.tally.wider_provable += can
                self.tally.wider_proved += proved
        return self.tally

    def _is_provable(self, agent: str, target: str, jurisdiction: str, border: Border) -> bool:
        hops = self.told[agent, target].path.hops
        seen = {reply.address for hop in hops for reply in hop.replies if reply.address}
        found = provable.provers(self.pings, seen, BY_NAME[jurisdiction], border)
        return any(witness != self.liar for _, witness in found)


def inquire(
    world: Scenario,
    knowledge: Knowledge,
    border: Border,
    *,
    shares: Shares = lies.HONEST,
    liar: bool = False,
) -> Tally:
    """Return what came of a world's paths; its seed decides all of it.

    `liar` has its last agent declared where the first one stands.
    """
    lot, false = Lot(world.scenario.seed), world.agents[-1].name if liar else None
    pings = Pings(world, OVER_MS, world.scenario.seed, late=shares.late, late_ms=lies.LATE_MS)
    cities = {agent.name: world.city(agent.city) for agent in world.agents}
    if false is not None:
        cities[false] = _elsewhere(world, lot)
    vantages = {agent.name: _vantage(agent, cities[agent.name]) for agent in world.agents}
    zones = [_zone(target, world.city(target.place)) for target in world.targets]
    routes = Routes(knowledge, zones, None, agents=tuple(vantages.values()))
    case = _Inquiry(world, pings, routes, vantages, dict(_told(pings, shares, lot)), false)
    _measure(case)
    for number in range(ROUNDS):
        case.play(_BEGAN_NS + number * ROUND_NS)
        case.watch()
    case.tally.liars += liar
    case.tally.liars_refuted += false in routes.vantages.refuted()
    return case.sum_up(border)


def _told(pings: Pings, shares: Shares, lot: Lot) -> Iterator[tuple[tuple[str, str], Told]]:
    world, topology = pings.world, pings.topology
    for agent in world.agents:
        for target in world.targets:
            told = lies.tell(world, agent, target, topology=topology, shares=shares, lot=lot)
            if told is not None:
                yield (agent.name, target.address), told


def _measure(case: _Inquiry) -> None:
    """Let each agent measure all others, as a fleet that probes itself does."""
    for vantage in case.vantages.values():
        for other in case.world.agents:
            rtt_ns = case.pings.rtt_ns(vantage.name, other.address)
            if other.name != vantage.name and rtt_ns is not None:
                case.routes.vantages.hear(vantage, other.name, rtt_ns / NS_PER_S, _BEGAN_NS)


def _territory(record: PathRecord) -> Iterator[tuple[str, Verdict]]:
    for row in record.judgement.verdicts:
        if row.axis is Axis.TERRITORY and row.jurisdiction in ASKED:
            yield row.jurisdiction, row.verdict


def _elsewhere(world: Scenario, lot: Lot) -> City:
    """Return a city in which no agent stands."""
    taken = {agent.city for agent in world.agents}
    return lot.one_of([city for city in world.cities if city.name not in taken])


def _vantage(agent: Agent, city: City) -> Vantage:
    return Vantage(
        name=agent.name,
        agent_id=agent.name.encode().ljust(16),
        token_sha256="0" * 64,
        place=_place(city, agent.radius_km),
        addresses=(agent.address,),
    )


def _zone(target: Target, city: City) -> Zone:
    return Zone(
        provider=target.provider,
        region=target.region,
        place=_place(city, PLACE_RADIUS_KM),
        group_country=target.group_country,
        targets=(target.address,),
    )


def _place(city: City, radius_km: float) -> Place:
    return Place(
        name=city.name,
        territory=city.country,
        latitude=city.latitude,
        longitude=city.longitude,
        radius_km=radius_km,
    )
