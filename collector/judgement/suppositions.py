"""Decider: what distance and time would prove of one path if all of it was terrestrial glass fibre.

    question           | asked of                                   | answered by
    -------------------+--------------------------------------------+----------------
    where is this hop  | all times that its address answered in     | outside, inside
    did this flow stay | the target's smallest time in it           | contained

Rules
- No verdict is made here, and none follows: paths are judged first, by proofs at c alone, and what
  is supposed (0.69 c) stands beside them under the name of its hypothesis.
- Nothing is supposed of what is proven, of an address in several places, of an agent that others
  refute, or without compiled borders.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final, Literal

from agent.records import Path
from collector.facts.knowledge import Knowledge
from collector.facts.soil import Soil
from collector.judgement import proofs
from collector.judgement.landmarks import discs
from collector.judgement.proofs import GLASS, VACUUM, Disc, Supposition
from collector.judgement.proven import NO_DISCS, Discs, Prover, prover
from collector.judgement.sightings import canonical
from collector.nearness import Supposed
from collector.positions import UNTESTED
from collector.records import HopJudgement, Judgement, Jurisdiction, PathRecord, Zone

_KINDS: Final[tuple[Literal["inside", "outside"], ...]] = ("inside", "outside")
"""Of which one at most can be: what is near the agent is most often inside."""
_FASTER: Final = VACUUM.km_per_ns / GLASS.km_per_ns


def of_records(
    records: Iterable[PathRecord], zone: Zone | None, known: Knowledge
) -> dict[str, tuple[Supposed, ...]]:
    """Return what may be supposed of each path, by its id; `zone` is that of their target."""
    lists, soil = known.jurisdictions, known.soil
    return {
        record.path.id: of_record(record, zone=zone, jurisdictions=lists, soil=soil)
        for record in records
    }


def of_record(
    record: PathRecord,
    *,
    zone: Zone | None,
    jurisdictions: Sequence[Jurisdiction],
    soil: Soil | None,
) -> tuple[Supposed, ...]:
    """Return what may be supposed of a path by all that was known when it was judged."""
    told = {row.agent: row.says for row in record.standings}
    return suppose(
        record.path,
        record.judgement,
        zone=zone,
        jurisdictions=jurisdictions,
        soil=soil,
        others=discs(record.landmarks, told),
        standing=told.get(record.judgement.agent, UNTESTED),
    )


def suppose(
    path: Path,
    judgement: Judgement,
    *,
    jurisdictions: Sequence[Jurisdiction],
    soil: Soil | None,
    zone: Zone | None = None,
    others: Discs = NO_DISCS,
    standing: str = UNTESTED,
) -> tuple[Supposed, ...]:
    """Return what may be supposed of a judged path, in the order of its hops.

    `zone` is the declared one of the target, `others` are answers that further agents had.
    """
    if soil is None:
        return ()
    proving = prover(
        path,
        agent=judgement.agent,
        standing=standing,
        discs=others,
        jurisdictions=jurisdictions,
        soil=soil,
    )
    first = {hop.address: hop for hop in reversed(judgement.hops)}
    hops = [hop for hop in judgement.hops if hop is first[hop.address] and _has_a_place(hop)]
    found = [row for hop in hops for row in _of_hop(hop, proving, soil)]
    target = next((hop for hop in hops if _is_declared(hop)), None)
    if zone is not None and target is not None and judgement.reached:
        found += _of_flows(path, judgement, target, zone, proving)
    return tuple(found)


def _has_a_place(hop: HopJudgement) -> bool:
    several = any(row.kind == "anycast" for row in hop.evidence)
    return hop.address is not None and not hop.excluded and not several


def _is_declared(hop: HopJudgement) -> bool:
    return any(row.kind == "zone" for row in hop.evidence)


def _of_hop(hop: HopJudgement, proving: Prover, soil: Soil) -> Iterator[Supposed]:
    others = proving.others.get(hop.address or "", ())
    own = _own(proving, hop.rtt_min_ns)
    if not others and (own is None or own.reach_km / _FASTER >= proving.limit_km):
        return
    answers = sorted([*([] if own is None else [own]), *others], key=_order)
    proved = {row.proof.jurisdiction for row in hop.evidence if row.proof is not None}
    for row in proving.jurisdictions:
        for kind in _KINDS if row.name not in proved else ():
            found = proofs.suppose(kind, answers, row.territories, soil)
            if found is not None:
                yield _supposed(found, row.name, hop, None)
                break


def _of_flows(
    path: Path, judgement: Judgement, target: HopJudgement, zone: Zone, proving: Prover
) -> Iterator[Supposed]:
    """Yield which flows had no time to leave; as for a proof, the target must be inside."""
    home = [row for row in proving.jurisdictions if target.verdicts.get(row.name) == "inside"]
    at = f"the target in {zone.place.name} ({zone.place.territory}), as zone {zone.ident} declares"
    for flow in judgement.flows:
        rtt_ns = _fastest_ns(path, target, flow)
        own = _own(proving, rtt_ns)
        if own is None or proving.soil is None:
            continue
        proved = proving.contained(rtt_ns, zone)
        for row in home:
            found = proofs.suppose_contained(own, zone.place, row.territories, proving.soil)
            if found is not None and row.name not in proved:
                told = replace(found.finding, premise=f"{own.premise}, and {at}")
                yield _supposed(Supposition(told), row.name, target, flow)


def _fastest_ns(path: Path, target: HopJudgement, flow: int) -> int | None:
    """Return the smallest time of the target in one flow."""
    replies = (reply for hop in path.hops for reply in hop.replies if reply.flow == flow)
    times_ns = (
        reply.rtt_ns
        for reply in replies
        if not reply.lost and reply.address and canonical(reply.address) == target.address
    )
    return min((time_ns for time_ns in times_ns if time_ns is not None), default=None)


def _own(proving: Prover, rtt_ns: int | None) -> Disc | None:
    """Return the observer's own answer, None where it can say nothing."""
    if proving.observer is None or rtt_ns is None:
        return None
    own = replace(proving.observer, rtt_ns=rtt_ns)
    return own if own.is_usable else None


def _order(disc: Disc) -> tuple[object, ...]:
    return disc.agent, disc.rtt_ns, *disc.at


def _supposed(
    found: Supposition, jurisdiction: str, hop: HopJudgement, flow: int | None
) -> Supposed:
    return Supposed(
        hypothesis=found.hypothesis,
        jurisdiction=jurisdiction,
        kind=found.finding.kind,
        ttl=hop.ttl,
        address=hop.address or "",
        flow=flow,
        says=proofs.says(found, jurisdiction),
    )
