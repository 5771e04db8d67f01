"""Decider: whether a path left a jurisdiction, and who holds the equipment that it crossed.

Rules (`borne-verdict-rules/4`; reasons in decision records 0001, 0004, 0008 and 0011)
- Special-purpose and squatted addresses are excluded first. They neither respond nor keep silent.
- A router's places are what witnesses name (`testimony`) and physics does not refute (`discs`);
  an exchange is a place that the packet crossed. What the hop is follows by the table there.
- What the tables say of an address is asked once and kept (`dossiers`).
- What distance and time prove (`proven`) stands above that: a hop that is proven outside is
  outside; a place that a proof excludes is refuted; and for the jurisdiction that a hop is proven
  inside the router has a place inside, whether somebody names it or not.
- An address that stands in several places, as two agents find (`anycast`) or a table says
  (`knownanycast`), is unknown, whatever was named, and nothing is proven of it.
- A public address that a network uses inside has no holder (`squatting`).
- Who holds the hop is decided apart (`holders`), and the path on both axes by `verdicts`.
- A large time is no evidence, and without compiled borders nothing is proven.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final, TypeAlias

import msgspec

from agent.records import Path
from collector.facts.knowledge import Knowledge
from collector.judgement.discs import Observer, observer, usable_ns
from collector.judgement.dossiers import Dossier, Dossiers, dossiers
from collector.judgement.proven import NO_DISCS, NOTHING, Discs, Prover, prover
from collector.judgement.sightings import Sightings, canonical, sight
from collector.judgement.squatting import unmasked
from collector.judgement.testimony import Testimony, Told, hear, proved, word
from collector.judgement.verdicts import (
    Bearing,
    Strand,
    conclude,
    merged,
    on_administration,
    on_territory,
)
from collector.positions import REFUTED, UNTESTED
from collector.records import (
    SEVERITY,
    Axis,
    Evidence,
    HopJudgement,
    Judgement,
    Jurisdiction,
    PathVerdict,
    Zone,
)
from collector.wall import wall_ns

_Judged: TypeAlias = tuple[HopJudgement, Bearing, Bearing]
"""One hop, and what it means on territory and on administration."""

_NONE: Final[Mapping[str, Evidence]] = MappingProxyType({})


class _Case(msgspec.Struct, frozen=True):
    """What is judged, and by what."""

    path: Path
    seen: Sightings
    observer: Observer
    zone: Zone | None
    """None, too, where the zone does not list the target."""
    jurisdictions: Sequence[Jurisdiction]
    anycast: Mapping[str, Evidence]
    prover: Prover
    dossiers: Dossiers


def judge(
    path: Path,
    *,
    agent: str,
    zone: Zone | None,
    knowledge: Knowledge,
    jurisdictions: Sequence[Jurisdiction],
    anycast: Mapping[str, Evidence] = _NONE,
    discs: Discs = NO_DISCS,
    standing: str = UNTESTED,
) -> Judgement:
    """Return the verdicts of `path` on both axes, with the evidence of each hop.

    `zone` is the declared zone of the target, None where the target belongs to none; it stands
    for the target's own address alone, and only where the zone lists the target: an agent
    cannot talk a target into a zone. Nor is a target believed to be reached that did not answer
    from its own, known address. `anycast` says which addresses stand in several places; `discs`
    are answers that further agents had; `standing` is what is said of this agent's position:
    without one, or where it is refuted, no distance of its own is used. Nothing makes it raise.
    """
    path = _believed(path, standing)
    proving = prover(
        path,
        agent=agent,
        standing=standing,
        discs=discs,
        jurisdictions=jurisdictions,
        soil=knowledge.soil,
    )
    known = dossiers(knowledge, tuple(jurisdictions))
    seen, measuring = sight(path), observer(path.origin, path.rtt_resolution_ns)
    listed = _listed(zone, path, seen)
    case = _Case(path, seen, measuring, listed, jurisdictions, anycast, proving, known)
    return _concluded(case, agent, "" if zone is None else zone.ident)


def _concluded(case: _Case, agent: str, zone: str) -> Judgement:
    """Return the judgement; `zone` names that of the target where the path names none."""
    path, seen = case.path, case.seen
    judged = [_judged(ttl, address, flows, case) for ttl, address, flows in seen.hops]
    judged = _unmasked(judged, case)
    strands = [_strand(flow, judged, case) for flow in seen.flows]
    unreached = tuple([strand.flow for strand in strands if not strand.reached])
    verdicts = tuple(conclude(case.jurisdictions, strands))
    return Judgement(
        id=path.id,
        agent=agent,
        target=path.target or path.address or "",
        zone=path.zone or zone,
        started_ns=wall_ns(path.started_at) or 0,
        reached=len(unreached) < len(strands),
        blind=bool(unreached) or None in [address for _, address, _ in seen.hops],
        countries=_route(strands, verdicts),
        verdicts=verdicts,
        hops=tuple([hop for hop, _, _ in judged]),
        family=path.family,
        flows=tuple(seen.flows),
        unreached=unreached if len(unreached) < len(strands) else (),
    )


def _believed(path: Path, standing: str) -> Path:
    """Return the path without an origin that other agents refute."""
    refuted = standing.startswith(REFUTED)
    return msgspec.structs.replace(path, origin=None) if refuted else path


def _strand(flow: int, judged: Sequence[_Judged], case: _Case) -> Strand:
    """Return one flow of the path with its hops."""
    seen, target = case.seen, case.seen.target
    own = [one for one in judged if flow in one[0].flows] if len(seen.flows) > 1 else judged
    hops, territory, administration = zip(*own, strict=True) if own else ((), (), ())
    at = None
    if target in seen.addresses:
        at = next((hop for hop in reversed(hops) if hop.address == target), None)
    reached = case.path.reached and at is not None
    return Strand(
        flow=flow,
        hops=hops,
        territory=territory,
        administration=administration,
        reached=reached,
        samples=seen.flows[flow].samples,
        rtt_min_ns=None if at is None else at.rtt_min_ns,
        contained=_contained(at, flow, case) if at is not None and reached else {},
    )


def _contained(target: HopJudgement, flow: int, case: _Case) -> Mapping[str, str]:
    """Return why a flow had no time to leave, by jurisdiction.

    The place of the target is the declared one, so nothing else that is known of it may be against
    that: it must be inside. The time is that of this flow: another may have gone another way.
    """
    if case.zone is None:
        return {}
    home = {name for name, word in target.verdicts.items() if word == "inside"}
    if not home or not case.prover.may_contain(target.rtt_min_ns, case.zone):
        return {}
    proved = case.prover.contained(_fastest_ns(case, flow), case.zone)
    return {name: says for name, says in proved.items() if name in home}


def _fastest_ns(case: _Case, flow: int) -> int | None:
    """Return the smallest time of the target in one flow."""
    replies = (reply for hop in case.path.hops for reply in hop.replies if reply.flow == flow)
    times_ns = (
        usable_ns(reply.rtt_ns)
        for reply in replies
        if not reply.lost and reply.address and canonical(reply.address) == case.seen.target
    )
    return min((time_ns for time_ns in times_ns if time_ns is not None), default=None)


def _route(strands: Sequence[Strand], verdicts: Sequence[PathVerdict]) -> tuple[str, ...]:
    """Return the territories of the flow with the worst verdict on territory."""
    strand = strands[0]
    if len(strands) > 1:
        told = [row for row in verdicts if row.axis is Axis.TERRITORY]
        worst = min(told, key=lambda row: SEVERITY[row.verdict], default=None)
        strand = next(row for row in strands if worst is None or row.flow == worst.flow)
    known = [bearing.countries for bearing in strand.territory]
    return merged([countries for countries in known if len(countries) == 1])


def _judged(ttl: int, address: str | None, flows: tuple[int, ...], case: _Case) -> _Judged:
    """Judge one hop; of a silent or an excluded one there is nothing to judge."""
    if address is None:
        known, rtt_min_ns = case.dossiers.silence, None
    else:
        sighting = case.seen.addresses[address]
        zone = case.zone if address == case.seen.target else None
        known = case.dossiers.of(address, tuple(sighting.names.items()), zone)
        rtt_min_ns = sighting.rtt_min_ns
    hop = msgspec.structs.replace(known.hop, ttl=ttl, rtt_min_ns=rtt_min_ns, flows=flows)
    if address is None or known.told is None:
        return hop, known.territory, known.administration
    return _placed(hop, address, known, known.told, case)


def _placed(hop: HopJudgement, address: str, known: Dossier, told: Told, case: _Case) -> _Judged:
    """Judge a hop whose address can have a place by its time, too."""
    rtt_min_ns = hop.rtt_min_ns
    heard = hear(told, rtt_min_ns, case.observer) if told.places else told.whole
    proven = case.prover.of(address, rtt_min_ns)
    several = case.anycast.get(address) or proven.several or known.several
    if several is not None:
        heard, proven = Testimony((several, *heard.evidence)), NOTHING
    elif proven.evidence:
        heard = proved(heard, proven, case.jurisdictions)
    elif heard is told.whole:
        return hop, known.territory, known.administration
    words = proven.words
    hop = msgspec.structs.replace(
        hop,
        candidates=heard.candidates,
        verdicts={row.name: word(heard, row, words.get(row.name)) for row in case.jurisdictions},
        evidence=heard.evidence,
    )
    return hop, on_territory(hop, case.jurisdictions), known.administration


def _unmasked(judged: list[_Judged], case: _Case) -> list[_Judged]:
    """Return the hops of the path; those on squatted addresses have no holder."""
    hops = [hop for hop, _, _ in judged]
    found = unmasked(hops, case.prover)
    if found is hops:
        return judged
    return [
        one if hop is one[0] else (hop, one[1], on_administration(hop, case.jurisdictions))
        for one, hop in zip(judged, found, strict=True)
    ]


def _listed(zone: Zone | None, path: Path, seen: Sightings) -> Zone | None:
    """Return the zone if its own list holds the target, by its name or its address."""
    targets = () if zone is None else zone.targets
    declared = path.target in targets or seen.target in {*map(canonical, targets)}
    return zone if declared else None
