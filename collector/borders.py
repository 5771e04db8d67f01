"""Decider: whether a path left a jurisdiction, and who holds the equipment that it crossed.

Rules (`borne-verdict-rules/2`; reasons in decision records 0001 and 0004)
- Special-purpose and squatted addresses are excluded first. They neither respond nor keep silent.
- A router's places are what witnesses name (`testimony`) and physics does not refute (`discs`);
  an exchange is a place that the packet crossed. The first row that fits:

      router's places             | exchanges crossed | the hop is
      ----------------------------+-------------------+--------------
      all outside                 | any               | outside
      of both kinds               | any               | mixed
      any                         | on both sides     | mixed
      all inside the jurisdiction | outside           | mixed
      none, or all refuted        | outside           | outside
      all inside                  | inside, or none   | inside
      named, and all refuted      | inside, or none   | contradictory
      none named                  | inside, or none   | unknown

- An address that stands in several places (`anycast`) is unknown, whatever was named.
- Who holds the hop is decided apart (`holders`), and the path on both axes by `verdicts`.
- PROVEN_OUTSIDE and PROVEN_INSIDE are never issued here: a proof needs the borders of the
  jurisdiction (bounds B6 and B7), and there are no polygons yet. A large time is no evidence.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import msgspec

from agent.records import Path
from collector.claims import claims
from collector.holders import hold
from collector.knowledge import Knowledge
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
from collector.sightings import Sighting, Sightings, canonical, sight
from collector.testimony import Measured, Testimony, excluded, hear
from collector.verdicts import Strand, conclude, merged, territories
from collector.wall import wall_ns

_NONE: Final[Mapping[str, Evidence]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class _Case:
    """What is judged, and by what."""

    path: Path
    seen: Sightings
    zone: Zone | None
    knowledge: Knowledge
    jurisdictions: Sequence[Jurisdiction]
    anycast: Mapping[str, Evidence]


def judge(
    path: Path,
    *,
    agent: str,
    zone: Zone | None,
    knowledge: Knowledge,
    jurisdictions: Sequence[Jurisdiction],
    anycast: Mapping[str, Evidence] = _NONE,
) -> Judgement:
    """Return the verdicts of `path` on both axes, with the evidence of each hop.

    `zone` is the declared zone of the target, None where the target belongs to none; it stands
    for the target's own address alone, and only where the zone lists the target: an agent
    cannot talk a target into a zone. Nor is it believed that a target was reached that did not
    answer from its own address, or whose address is not known. `anycast` says of addresses that
    they stand in several places. Without an origin no distance is used. A path whose start is no
    RFC 3339 time gets `started_ns` 0. Nothing in a path makes it raise.
    """
    case = _Case(path, sight(path), zone, knowledge, jurisdictions, anycast)
    hops = tuple(_hop(*hop, case) for hop in case.seen.hops)
    strands = tuple(_strands(hops, case))
    unreached = tuple(strand.flow for strand in strands if not strand.reached)
    reached = len(unreached) < len(strands)
    verdicts = tuple(conclude(row.name, axis, strands) for axis in Axis for row in jurisdictions)
    return Judgement(
        id=path.id,
        agent=agent,
        target=path.target or path.address or "",
        zone=path.zone or ("" if zone is None else zone.ident),
        started_ns=wall_ns(path.started_at) or 0,
        reached=reached,
        blind=bool(unreached) or any(hop.address is None for hop in hops),
        countries=_route(strands, verdicts),
        verdicts=verdicts,
        hops=hops,
        family=path.family,
        flows=tuple(case.seen.flows),
        unreached=unreached if reached else (),
    )


def _strands(hops: Sequence[HopJudgement], case: _Case) -> Iterator[Strand]:
    """Yield the flows of the path with their hops."""
    target = case.seen.target
    for flow, trace in case.seen.flows.items():
        own = tuple(hop for hop in hops if flow in hop.flows)
        times_ns = {hop.address: hop.rtt_min_ns for hop in own}
        yield Strand(
            flow=flow,
            hops=own,
            reached=case.path.reached and target in times_ns,
            samples=trace.samples,
            rtt_min_ns=None if target is None else times_ns.get(target),
        )


def _route(strands: Sequence[Strand], verdicts: Sequence[PathVerdict]) -> tuple[str, ...]:
    """Return the territories of the flow with the worst verdict on territory."""
    on_territory = [row for row in verdicts if row.axis is Axis.TERRITORY]
    worst = min(on_territory, key=lambda row: SEVERITY[row.verdict], default=None)
    hops = next(row.hops for row in strands if worst is None or row.flow == worst.flow)
    return merged(territories(hop) for hop in hops if len(territories(hop)) == 1)


def _hop(ttl: int, address: str | None, flows: tuple[int, ...], case: _Case) -> HopJudgement:
    """Judge one hop; of a silent or an excluded one there is nothing to judge."""
    if address is None:
        return _unjudged(ttl, None, flows)
    special = case.knowledge.networks.special(address)
    if special is None:
        return _placed(ttl, address, flows, case)
    sighting = case.seen.addresses[address]
    return msgspec.structs.replace(
        _unjudged(ttl, address, flows),
        name=_name(sighting),
        rtt_min_ns=sighting.rtt_min_ns,
        evidence=(excluded(special),),
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


def _placed(ttl: int, address: str, flows: tuple[int, ...], case: _Case) -> HopJudgement:
    """Judge a hop whose address can have a place and a holder."""
    path, sighting = case.path, case.seen.addresses[address]
    measured = Measured(address, sighting.rtt_min_ns, path.origin, path.rtt_resolution_ns)
    zone = case.zone if address == case.seen.target and _declared(case) else None
    said = claims(address, sighting, case.knowledge)
    heard = hear(measured, said, zone=zone, knowledge=case.knowledge)
    held = hold(address, said, zone=zone, knowledge=case.knowledge)
    several = case.anycast.get(address)
    return HopJudgement(
        ttl=ttl,
        address=address,
        name=_name(sighting),
        rtt_min_ns=sighting.rtt_min_ns,
        candidates=() if several else heard.candidates,
        verdicts={
            row.name: "unknown" if several else _word(heard, row) for row in case.jurisdictions
        },
        asn=held.asn,
        operator=held.operator,
        evidence=(several, *heard.evidence) if several else heard.evidence,
        flows=flows,
        registrant=held.registrant,
        groups=held.groups,
        administration=held.words(case.jurisdictions),
        holders=held.evidence,
    )


def _declared(case: _Case) -> bool:
    """Say whether the zone's own list holds the target, by its name or its address."""
    targets = () if case.zone is None else case.zone.targets
    return case.path.target in targets or case.seen.target in {*map(canonical, targets)}


def _word(heard: Testimony, jurisdiction: Jurisdiction) -> HopWord:
    """Apply the table of the module's rules."""
    router = {place.territory in jurisdiction.territories for place in heard.places}
    crossed = {place.territory in jurisdiction.territories for place in heard.fabric}
    if router == {False}:
        return "outside"
    if len(router) > 1 or len(crossed) > 1:
        return "mixed"
    if crossed == {False}:
        return "mixed" if router else "outside"
    if router:
        return "inside"
    return "contradictory" if heard.named else "unknown"


def _name(sighting: Sighting) -> str | None:
    return next(iter(sighting.confirmed + sighting.unconfirmed), None)
