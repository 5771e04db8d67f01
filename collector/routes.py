"""Decider: the paths of all agents, judged as they come, their episodes and the evidence.

Rules
- A path that no traceroute could have given (`judgement.plausibility`) is left out of its batch and
  counted, as are those beyond what a batch may have; the rest of the batch stands.
- A path is judged from the position that the collector's settings declared for its agent when it
  came, and for the zone that they declare for its target, not from what the agent says of both;
  the path is kept as it was judged.
- What is known of where the agents stand (`vantages`) is known to each judgement, and kept with it:
  a path judged before an agent was refuted stays as it is, the next round is judged without it.
- An agent chooses what its targets are called: of so many (agent, target, family) paths are kept,
  and those of further ones are left out and counted (`target_limit`). A path that is absurdly long
  takes the room of several (`judgement.plausibility`: the largest 16 MB). What was not traced for a
  week makes room.
- Confirmed episodes get a Statement, crossings and findings alike (`statements`). Here it is only
  drafted: writing it takes longer than judging a path, and is done by whoever stores it.
- A witness's reply has the newest paths that its address is on judged again; `witness` says who is
  asked. Requests are no part of what is kept: they change no verdict, only replies do.
- The same paths and replies in the same order give the same judgements, episodes and Statements.

    event                       | before                   | after
    path outside                | nothing, or suspected    | suspected, the round remembered
    path outside that confirms  | suspected, or nothing    | confirmed, a Statement drafted
    path inside                 | suspected                | forgotten with its rounds
    path inside that ends it    | confirmed                | ended, its rounds forgotten
    reply that proves it        | suspected, or nothing    | confirmed, a Statement drafted
    reply that proves it        | confirmed                | another Statement drafted
    stored                      | a Statement drafted      | shown
    written                     | fresh                    | in a segment
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from agent.records import Family, Path, WitnessReply
from collector import routememory
from collector.audit import statements
from collector.audit.statements import Draft, Setting, Statements
from collector.episodes.administration import Administration
from collector.episodes.crossings import Crossings
from collector.errors import CorruptError
from collector.facts.knowledge import Knowledge
from collector.judgement import anycast, borders, landmarks
from collector.judgement.anycast import Anycast
from collector.judgement.control import HolderFinding
from collector.judgement.landmarks import Landmarks, declared, discs
from collector.judgement.plausibility import MAX_PATHS, plausible, shares
from collector.judgement.vantages import Vantages
from collector.judgement.witness import Frontier, Witness
from collector.nearness import Landmark, Several
from collector.positions import UNTESTED, Standing
from collector.records import Crossing, Judgement, PathRecord, Vantage, Zone
from collector.routememory import Kept
from collector.settings.limits import Limits
from collector.settings.policy import Policy
from collector.wall import wall_ns

TARGETS: Final = Limits().targets
"""Of all agents and both families together."""
_FORGOTTEN_NS: Final = 7 * 24 * 3_600_000_000_000

Key = tuple[str, str, Family]
"""(agent, target, family)."""


class Routes:
    """All judged paths that are not yet in a segment, and all episodes."""

    def __init__(
        self,
        knowledge: Knowledge,
        zones: Sequence[Zone],
        kept: bytes | None,
        *,
        agents: Sequence[Vantage] = (),
        policy: Policy | None = None,
        targets: int = TARGETS,
    ) -> None:
        """Begin with what `dump` wrote, or with nothing; `agents` may be asked as witnesses.

        `policy` None is the default one; `targets` is how many (agent, target, family) are kept.

        Raises:
            CorruptError: `kept` is not what `dump` wrote.
        """
        self._knowledge = knowledge
        self._targets = targets
        self._vantages = {agent.name: agent for agent in agents}
        self._zone_of = {zone.ident: zone for zone in zones}
        self._zone_of_target = {target: zone for zone in zones for target in zone.targets}
        self._policy = Policy() if policy is None else policy
        self._lists = {row.name: row for row in knowledge.jurisdictions}
        self._crossings = Crossings(self._lists)
        self._administration = Administration(self._lists)
        self._anycast = Anycast(knowledge.networks, ())
        self._landmarks = Landmarks()
        self.vantages = Vantages(agents)
        """What is known of where the agents stand."""
        self._agents = tuple(agents)
        self._statements = Statements()
        self.newest: dict[Key, PathRecord] = {}
        self._shares: dict[Key, int] = {}
        self._taken = 0
        self.fresh: list[PathRecord] = []
        """Paths that are in no segment yet, in the order of arrival."""
        if kept is not None:
            self._load(kept)
        frontier = None if knowledge.soil is None else Frontier(knowledge.soil)
        self.witness = Witness(agents, self._landmarks, frontier)
        """Who is asked to ping which hops."""

    def add(
        self, vantage: Vantage, paths: Sequence[Path], base_ns: int, received_ns: int
    ) -> Mapping[str, int]:
        """Judge the paths of a batch; return how many were left out, by reason.

        `path` is one that no traceroute gives, `target_limit` one of a target beyond the limit.

        `base_ns` is the batch's base time, which the door compared with its clock; at
        `received_ns` of the collector's clock the batch came.
        """
        self._vantages[vantage.name] = vantage
        left_out = Counter({"path": max(0, len(paths) - MAX_PATHS)})
        for path in paths[:MAX_PATHS]:
            if not plausible(path, base_ns):
                left_out["path"] += 1
            elif not self._has_room(vantage, path):
                left_out["target_limit"] += 1
            else:
                self._add(vantage, path, received_ns)
        return +left_out

    def hear(
        self, vantage: Vantage, replies: Sequence[WitnessReply], base_ns: int
    ) -> Mapping[str, int]:
        """Take the witness's replies of a batch; return how many were left out (`witness`)."""
        taken = list(landmarks.plausible(replies, base_ns))
        better = set()
        for reply in taken:
            answered = reply.rtt_min_ns is not None
            self.witness.replied(vantage.name, reply.address, answered=answered)
            if self._landmarks.hear(vantage, reply):
                better.add(reply.address)
        for key, record in list(self.newest.items()) if better else ():
            if not better.isdisjoint(_addresses(record)):
                self._review(key, record)
        left_out = len(replies) - len(taken)
        return {"witness": left_out} if left_out else {}

    def crossings(self) -> list[Crossing]:
        """Return the confirmed episodes whose evidence is on the disk, newest first."""
        shown = map(self._statements.shown, self._crossings.all())
        told = [row for row in shown if row is not None]
        return sorted(told, key=lambda found: (found.first_seen_ns, found.id), reverse=True)

    def findings(self) -> list[HolderFinding]:
        """Return the confirmed findings of administration, newest first."""
        return self._administration.findings()

    @property
    def drafts(self) -> tuple[Draft, ...]:
        """Return the Statements that are not known to be on the disk, in the order to store them.

        For each call `statement`, store the octets, then call `stored`.
        """
        return self._statements.drafts

    @property
    def drafted(self) -> bool:
        """Return whether there is any; may be asked while others change the state."""
        return self._statements.waits

    def statement(self, draft: Draft) -> bytes:
        """Return the octets of a Statement; needs no lock: drafts and tables never change."""
        return statements.written(draft, self._knowledge)

    def stored(self, draft: Draft, digest: str | None) -> None:
        """Note that the Statement is on the disk under this digest: its episode may be shown.

        None: it cannot be written, and waits no more.
        """
        if digest is not None and draft.crossing is not None:
            self._crossings.attach(draft.crossing.id, digest)
        elif digest is not None:
            self._administration.attach(draft.episode.id, digest)
        self._statements.stored(draft)

    def written(self, count: int) -> None:
        """Note that the first `count` fresh paths are in a segment."""
        del self.fresh[:count]

    def kept(self) -> Kept:
        """Return what a checkpoint keeps, but for fresh paths; nothing of it changes any more."""
        return Kept(
            crossings=self._crossings.dump(),
            newest=tuple(self.newest.values()),
            rounds=dict(self._statements.rounds),
            heard=self._anycast.dump(),
            landmarks=self._landmarks.dump(),
            vantages=self.vantages.dump(),
            findings=self._administration.dump(),
            drafts=self.drafts,
        )

    def dump(self) -> bytes:
        """Return the same as a start reads it."""
        return routememory.pack(self.kept())

    def _load(self, octets: bytes) -> None:
        try:
            kept = routememory.unpack(octets)
            self._crossings = Crossings.load(kept.crossings, self._lists)
            self._administration = Administration.load(kept.findings, self._lists)
        except (msgspec.MsgspecError, ValueError) as error:
            raise CorruptError(f"read the kept routes: {error}; restore the catalogue") from error
        self._anycast = Anycast(self._knowledge.networks, kept.heard)
        self._landmarks = Landmarks(declared(kept.landmarks, self._agents))
        self.vantages = Vantages(self._agents, kept.vantages)
        self._statements.load(kept.rounds, kept.drafts, self._crossings.all())
        for record in kept.newest:
            self._renew(_key(record.judgement), record)

    def _add(self, vantage: Vantage, path: Path, received_ns: int) -> None:
        zone = self._zone(path)
        path = msgspec.structs.replace(
            path, origin=vantage.place.origin, zone=path.zone if zone is None else zone.ident
        )
        self.vantages.observe(vantage, path)
        record = self._judged(path, vantage.name)
        self.fresh.append(record)
        key = _key(record.judgement)
        newest = self.newest.get(key)
        if newest is None or newest.judgement.started_ns <= record.judgement.started_ns:
            self._renew(key, record)
        setting = self._setting(vantage, path)
        demands = setting.ruling.demands
        for found in self._administration.observe(record.judgement, demands.administration):
            self._statements.follow_finding(found, record, setting)
        for changed in self._crossings.observe(record.judgement, demands.crossings):
            self._statements.follow(changed, record, setting)
        self.witness.refuted = self.vantages.refuted()
        for name in demands.territory:
            self.witness.doubt(record, vantage.place, self._lists[name], received_ns)

    def _has_room(self, vantage: Vantage, path: Path) -> bool:
        key = (vantage.name, path.target or path.address or "", path.family)
        more = shares(path) - self._shares.get(key, 0)
        started_ns = wall_ns(path.started_at) or 0
        while more > 0 and self._taken + more > self._targets:
            first = next(iter(self.newest), key)
            if first == key or self._started_ns(first) > started_ns - _FORGOTTEN_NS:
                return False
            self._forget(first)
        return True

    def _started_ns(self, key: Key) -> int:
        return self.newest[key].judgement.started_ns

    def _renew(self, key: Key, record: PathRecord) -> None:
        """Keep a newest path, behind all others: whoever was not traced longest comes first."""
        self._forget(key)
        self.newest[key] = record
        self._shares[key] = shares(record.path)
        self._taken += self._shares[key]

    def _forget(self, key: Key) -> None:
        self.newest.pop(key, None)
        self._taken -= self._shares.pop(key, 0)

    def _setting(self, vantage: Vantage, path: Path) -> Setting:
        """Return what the settings say of a path."""
        zone = self._zone(path)
        ruling = self._policy.ruling(vantage, zone, path.target, path.address)
        return Setting(vantage, zone, ruling)

    def _judged(self, path: Path, agent: str) -> PathRecord:
        """Judge a path by all that is known of its addresses now."""
        refuted = self.vantages.refuted()
        several = tuple(self._anycast.observe(path, agent, refuted).values())
        at_ns = wall_ns(path.started_at) or 0
        near = tuple(
            row
            for address in dict.fromkeys(_addresses_on(path))
            for row in self._landmarks.of(address, at_ns)
        )
        standings = self._standings(agent, several, near)
        told = {row.agent: row.says for row in standings}
        judgement = borders.judge(
            path,
            agent=agent,
            zone=self._zone(path),
            knowledge=self._knowledge,
            jurisdictions=self._knowledge.jurisdictions,
            anycast=anycast.evidence(several, told),
            discs=discs(near, told),
            standing=self.vantages.says(agent),
        )
        return PathRecord(
            path=path,
            judgement=judgement,
            several=several,
            landmarks=near,
            standings=standings,
        )

    def _standings(
        self, agent: str, several: Sequence[Several], near: Sequence[Landmark]
    ) -> tuple[Standing, ...]:
        """Return what is said of the positions of all who took part, of tested ones alone."""
        names = {agent, *(row.agent for row in near)}
        names.update(row.agent for one in several for row in one.seen)
        told = [(name, self.vantages.says(name)) for name in sorted(names)]
        return tuple(Standing(agent=name, says=says) for name, says in told if says != UNTESTED)

    def _review(self, key: Key, before: PathRecord) -> None:
        """Judge a newest path again, and let its episodes know where that proves something."""
        vantage = self._vantages.get(key[0])
        record = self._judged(before.path, key[0])
        if vantage is None or record.judgement == before.judgement:
            return
        self.newest[key] = record
        self.fresh = [record if row is before else row for row in self.fresh]
        setting = self._setting(vantage, record.path)
        demands = setting.ruling.demands.crossings
        for changed in self._crossings.prove(before.judgement, record.judgement, demands):
            self._statements.follow(changed, record, setting)

    def _zone(self, path: Path) -> Zone | None:
        """Return the declared zone of the path's target: by its target, else by its zone's name."""
        for target in (path.target, path.address):
            if target in self._zone_of_target:
                return self._zone_of_target[target]
        return self._zone_of.get(path.zone or "")


def _addresses_on(path: Path) -> list[str]:
    replies = (reply for hop in path.hops for reply in hop.replies)
    return [reply.address for reply in replies if reply.address is not None]


def _addresses(record: PathRecord) -> set[str]:
    return set(_addresses_on(record.path))


def _key(judgement: Judgement) -> Key:
    return judgement.agent, judgement.target, judgement.family
