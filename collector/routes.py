"""Decider: the paths of all agents, judged as they come, their episodes and the evidence.

Rules
- A path that no traceroute could have given (no time, a time long after its batch's, no address,
  impossible hops) is left out of its batch and counted; the rest of the batch stands.
- A path is judged from the position that the collector's settings declared for its agent when it
  came, and for the zone that they declare for its target, not from what the agent says of both;
  the path is kept as it was judged.
- A Statement is built once per episode, when it is confirmed, from the rounds outside that led
  there. Until its octets are on the disk (`stored`) the episode is not shown.
- The same paths in the same order give the same judgements, episodes and Statements.

    event                       | before                   | after
    path outside                | nothing, or suspected    | suspected, the round remembered
    path outside that confirms  | suspected, or nothing    | confirmed, a Statement to be stored
    path inside                 | suspected                | forgotten with its rounds
    stored                      | a Statement to be stored | shown
    written                     | fresh                    | in a segment
"""

import ipaddress
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from agent.records import EARLIEST_NS, Family, Hop, Origin, Path, PathReply
from collector import anycast, borders, evidence
from collector.anycast import Anycast
from collector.crossings import Crossings
from collector.errors import CorruptError
from collector.knowledge import Knowledge
from collector.nearness import Nearness
from collector.records import Crossing, Judgement, PathRecord, Vantage, Zone
from collector.regions import JURISDICTIONS, demanded
from collector.wall import wall_ns

_AHEAD_NS: Final = 3_600_000_000_000
"""A path starts before its batch is cut; a clock may have been set back between both."""
_MAX_TTL: Final = 255
_MAX_RTT_NS: Final = 3_600_000_000_000
_MAX_FLOWS: Final = 64
"""Far more than an agent's settings allow."""

Key = tuple[str, str, Family]
"""(agent, target, family)."""


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """What a checkpoint keeps of the routes."""

    crossings: bytes
    newest: tuple[PathRecord, ...]
    rounds: dict[str, tuple[PathRecord, ...]]
    """Rounds outside of each episode that is only suspected, by its id."""
    heard: tuple[tuple[str, tuple[Nearness, ...]], ...] = ()
    """The memory of `anycast`; earlier versions kept none."""


class Routes:
    """All judged paths that are not yet in a segment, and all episodes."""

    def __init__(self, knowledge: Knowledge, zones: Sequence[Zone], kept: bytes | None) -> None:
        """Begin with what `dump` wrote, or with nothing.

        Raises:
            CorruptError: `kept` is not what `dump` wrote.
        """
        self._knowledge = knowledge
        self._zone_of = {zone.ident: zone for zone in zones}
        self._zone_of_target = {target: zone for zone in zones for target in zone.targets}
        self._crossings = Crossings()
        self._anycast = Anycast(knowledge.networks, ())
        self._rounds: dict[str, tuple[PathRecord, ...]] = {}
        self.newest: dict[Key, PathRecord] = {}
        self.fresh: list[PathRecord] = []
        """Paths that are in no segment yet, in the order of arrival."""
        self.unstored: dict[str, bytes] = {}
        """Statements by SHA-256 (hex) that are not known to be on the disk."""
        if kept is not None:
            self._load(kept)

    def add(self, vantage: Vantage, paths: Sequence[Path], base_ns: int) -> Mapping[str, int]:
        """Judge the paths of a batch; return how many were left out, by reason (`path`).

        `base_ns` is the batch's base time, which the door compared with its clock.
        """
        left_out: Counter[str] = Counter()
        for path in paths:
            if _plausible(path, base_ns):
                self._add(vantage, path)
            else:
                left_out["path"] += 1
        return left_out

    def crossings(self) -> list[Crossing]:
        """Return the confirmed episodes whose evidence is on the disk, newest first."""
        shown = (
            crossing
            for crossing in self._crossings.all()
            if crossing.evidence is not None and crossing.evidence not in self.unstored
        )
        return sorted(shown, key=lambda found: (found.first_seen_ns, found.id), reverse=True)

    def stored(self, digest: str) -> None:
        """Note that the Statement is on the disk: its episode may be shown."""
        self.unstored.pop(digest, None)

    def written(self, count: int) -> None:
        """Note that the first `count` fresh paths are in a segment."""
        del self.fresh[:count]

    def dump(self) -> bytes:
        """Return what a checkpoint keeps; fresh paths and Statements are kept elsewhere."""
        kept = Kept(
            crossings=self._crossings.dump(),
            newest=tuple(self.newest.values()),
            rounds=self._rounds,
            heard=self._anycast.dump(),
        )
        return msgspec.msgpack.encode(kept)

    def _load(self, octets: bytes) -> None:
        try:
            kept = msgspec.msgpack.decode(octets, type=Kept)
            self._crossings = Crossings.load(kept.crossings)
        except (msgspec.MsgspecError, ValueError) as error:
            raise CorruptError(f"read the kept routes: {error}; restore the catalogue") from error
        self._anycast = Anycast(self._knowledge.networks, kept.heard)
        self._rounds = kept.rounds
        self.newest = {_key(record.judgement): record for record in kept.newest}

    def _add(self, vantage: Vantage, path: Path) -> None:
        place, zone = vantage.place, self._zone(path)
        origin = Origin(
            latitude=place.latitude, longitude=place.longitude, radius_km=place.radius_km
        )
        path = msgspec.structs.replace(
            path, origin=origin, zone=path.zone if zone is None else zone.ident
        )
        several = tuple(self._anycast.observe(path, vantage.name).values())
        judgement = borders.judge(
            path,
            agent=vantage.name,
            zone=zone,
            knowledge=self._knowledge,
            jurisdictions=JURISDICTIONS,
            anycast=anycast.evidence(several),
        )
        record = PathRecord(path=path, judgement=judgement, several=several)
        self.fresh.append(record)
        newest = self.newest.get(_key(judgement))
        if newest is None or newest.judgement.started_ns <= judgement.started_ns:
            self.newest[_key(judgement)] = record
        policy = demanded(place.territory, zone.place.territory) if zone else None
        for changed in self._crossings.observe(judgement, policy):
            self._follow(changed, record, vantage)

    def _zone(self, path: Path) -> Zone | None:
        """Return the declared zone of the path's target: by its target, else by its zone's name."""
        for target in (path.target, path.address):
            if target in self._zone_of_target:
                return self._zone_of_target[target]
        return self._zone_of.get(path.zone or "")

    def _follow(self, changed: Crossing, record: PathRecord, vantage: Vantage) -> None:
        """Remember the rounds of a suspected episode; state the evidence of a confirmed one."""
        if changed.confirmed_ns is None:
            if changed.ended_ns is None:
                rounds = self._rounds.get(changed.id, ())
                self._rounds[changed.id] = (*rounds, record)
            else:
                self._rounds.pop(changed.id, None)
        elif changed.evidence is None:
            rounds = (*self._rounds.pop(changed.id, ()), record)
            statement = evidence.statement(
                changed, rounds, vantage, self._knowledge, zone=self._zone(record.path)
            )
            digest = evidence.digest(statement)
            self._crossings.attach(changed.id, digest)
            self.unstored[digest] = statement


def _key(judgement: Judgement) -> Key:
    return judgement.agent, judgement.target, judgement.family


def _plausible(path: Path, base_ns: int) -> bool:
    """Return whether a traceroute could have given this path."""
    started_ns = wall_ns(path.started_at)
    return (
        started_ns is not None
        and EARLIEST_NS <= started_ns <= base_ns + _AHEAD_NS
        and (path.target or path.address) is not None
        and (path.address is None or _is_address(path.address))
        and path.rtt_resolution_ns >= 0
        and len({reply.flow for hop in path.hops for reply in hop.replies}) <= _MAX_FLOWS
        and all(map(_plausible_hop, path.hops))
    )


def _plausible_hop(hop: Hop) -> bool:
    return 1 <= hop.ttl <= _MAX_TTL and all(map(_plausible_reply, hop.replies))


def _plausible_reply(reply: PathReply) -> bool:
    return (reply.address is None or _is_address(reply.address)) and (
        reply.rtt_ns is None or 0 <= reply.rtt_ns <= _MAX_RTT_NS
    )


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
