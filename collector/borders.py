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

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import msgspec

from agent.records import Path
from collector.discs import usable_ns
from collector.dossiers import Dossier, Dossiers, dossiers
from collector.knowledge import Knowledge
from collector.positions import REFUTED, UNTESTED
from collector.proven import NO_DISCS, Discs, Proven, Prover, prover
from collector.records import (
    SEVERITY,
    Axis,
    Evidence,
    HopJudgement,
    HopWord,
    Judgement,
    Jurisdiction,
    PathVerdict,
    Zone,
)
from collector.sightings import Sightings, canonical, sight
from collector.squatting import unmasked
from collector.testimony import Measured, Testimony, hear, proved, word
from collector.verdicts import Strand, conclude, merged, territories
from collector.wall import wall_ns

_NONE: Final[Mapping[str, Evidence]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class _Case:
    """What is judged, and by what."""

    path: Path
    seen: Sightings
    zone: Zone | None
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
    case = _Case(path, sight(path), zone, jurisdictions, anycast, proving, known)
    hops = unmasked([_hop(*hop, case) for hop in case.seen.hops], proving)
    strands = tuple(_strands(hops, case))
    unreached = tuple(strand.flow for strand in strands if not strand.reached)
    verdicts = tuple(row for axis in Axis for row in conclude(axis, jurisdictions, strands))
    return Judgement(
        id=path.id,
        agent=agent,
        target=path.target or path.address or "",
        zone=path.zone or ("" if zone is None else zone.ident),
        started_ns=wall_ns(path.started_at) or 0,
        reached=len(unreached) < len(strands),
        blind=bool(unreached) or any(hop.address is None for hop in hops),
        countries=_route(strands, verdicts),
        verdicts=verdicts,
        hops=hops,
        family=path.family,
        flows=tuple(case.seen.flows),
        unreached=unreached if len(unreached) < len(strands) else (),
    )


def _believed(path: Path, standing: str) -> Path:
    """Return the path without an origin that other agents refute."""
    refuted = standing.startswith(REFUTED)
    return msgspec.structs.replace(path, origin=None) if refuted else path


def _strands(hops: Sequence[HopJudgement], case: _Case) -> Iterator[Strand]:
    """Yield the flows of the path with their hops."""
    target = case.seen.target
    for flow, trace in case.seen.flows.items():
        own = tuple(hop for hop in hops if flow in hop.flows)
        at = next((hop for hop in own if hop.address == target), None) if target else None
        reached = case.path.reached and at is not None
        yield Strand(
            flow=flow,
            hops=own,
            reached=reached,
            samples=trace.samples,
            rtt_min_ns=None if at is None else at.rtt_min_ns,
            contained=_contained(at, flow, case) if at is not None and reached else {},
        )


def _contained(target: HopJudgement, flow: int, case: _Case) -> Mapping[str, str]:
    """Return why a flow had no time to leave, by jurisdiction.

    The place of the target is the declared one, so nothing else that is known of it may be against
    that: it must be inside. The time is that of this flow: another may have gone another way.
    """
    home = {name for name, word in target.verdicts.items() if word == "inside"}
    if not home or case.zone is None or not _declared(case):
        return {}
    if not case.prover.may_contain(target.rtt_min_ns, case.zone):
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
    on_territory = [row for row in verdicts if row.axis is Axis.TERRITORY]
    worst = min(on_territory, key=lambda row: SEVERITY[row.verdict], default=None)
    hops = next(row.hops for row in strands if worst is None or row.flow == worst.flow)
    return merged(known for hop in hops if len(known := territories(hop)) == 1)


def _hop(ttl: int, address: str | None, flows: tuple[int, ...], case: _Case) -> HopJudgement:
    """Judge one hop; of a silent or an excluded one there is nothing to judge."""
    if address is None:
        return _unjudged(ttl, None, flows)
    sighting = case.seen.addresses[address]
    zone = case.zone if address == case.seen.target and _declared(case) else None
    known = case.dossiers.of(address, tuple(sighting.names.items()), zone)
    if isinstance(known, Dossier):
        return _placed(ttl, address, flows, case, known)
    return msgspec.structs.replace(
        _unjudged(ttl, address, flows),
        name=known.name,
        rtt_min_ns=sighting.rtt_min_ns,
        evidence=(known.why,),
        excluded=True,
    )


def _unjudged(ttl: int, address: str | None, flows: tuple[int, ...]) -> HopJudgement:
    return HopJudgement(
        ttl=ttl,
        address=address,
        name=None,
        rtt_min_ns=None,
        candidates=(),
        verdicts={},
        asn=None,
        operator=None,
        evidence=(),
        flows=flows,
    )


def _placed(
    ttl: int, address: str, flows: tuple[int, ...], case: _Case, known: Dossier
) -> HopJudgement:
    """Judge a hop whose address can have a place and a holder."""
    path, rtt_min_ns, held = case.path, case.seen.addresses[address].rtt_min_ns, known.held
    heard = hear(Measured(address, rtt_min_ns, path.origin, path.rtt_resolution_ns), known.told)
    proven = case.prover.of(address, rtt_min_ns)
    several = case.anycast.get(address) or proven.several or known.several
    if proven.evidence and not several:
        heard = proved(heard, proven, case.jurisdictions)
    return HopJudgement(
        ttl=ttl,
        address=address,
        name=known.name,
        rtt_min_ns=rtt_min_ns,
        candidates=() if several else heard.candidates,
        verdicts=_words(known, heard, proven, case, several=several is not None),
        asn=held.asn,
        operator=held.operator,
        evidence=(several, *heard.evidence) if several else heard.evidence,
        flows=flows,
        registrant=held.registrant,
        groups=held.groups,
        administration=known.administration,
        holders=held.evidence,
    )


def _words(
    known: Dossier, heard: Testimony, proven: Proven, case: _Case, *, several: bool
) -> Mapping[str, HopWord]:
    """Return what the hop is on territory, by jurisdiction."""
    if several:
        return {row.name: "unknown" for row in case.jurisdictions}
    if heard is known.told.whole:
        return known.words
    words = proven.words
    return {row.name: word(heard, row, words.get(row.name)) for row in case.jurisdictions}


def _declared(case: _Case) -> bool:
    """Say whether the zone's own list holds the target, by its name or its address."""
    targets = () if case.zone is None else case.zone.targets
    return case.path.target in targets or case.seen.target in {*map(canonical, targets)}
