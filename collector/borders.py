"""Decider: whether a path left a jurisdiction, from the testimony about each of its hops.

Rules (`borne-verdict-rules/1`; territory only; reasons in decision record 0001)
- Special-purpose addresses are excluded first. They neither respond nor keep silent.
- A hop's places are what witnesses name (`testimony`) and physics does not refute (`discs`):

      places named | left after physics          | the hop is
      -------------+-----------------------------+---------------
      none         | -                           | unknown
      some         | none                        | contradictory
      some         | all inside the jurisdiction | inside
      some         | all outside                 | outside
      some         | of both kinds               | mixed

- The path; the first row that fits decides:

      any hop is outside                                      SUPPORTED_OUTSIDE
      any hop is contradictory                                CONTRADICTORY
      the target answered, and every responding hop is inside SUPPORTED_INSIDE
      anything else                                           UNDETERMINED

  A contradictory hop does not cancel another hop's outside; it is named in the reasons.
- PROVEN_OUTSIDE and PROVEN_INSIDE are never issued here: a proof needs the borders of the
  jurisdiction (bounds B6 and B7), and there are no polygons yet. A large time is no evidence.
- Holders of prefixes fill the display of AS and operator, never a place or a verdict.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

from agent.records import Path
from collector.knowledge import Knowledge
from collector.records import (
    Axis,
    Coverage,
    HopJudgement,
    Judgement,
    Jurisdiction,
    PathVerdict,
    Verdict,
    Zone,
)
from collector.sightings import Sighting, Sightings, canonical, sight
from collector.testimony import Testimony, excluded, hear
from collector.wall import wall_ns

HopVerdict = Literal["inside", "outside", "mixed", "unknown", "contradictory"]


@dataclass(frozen=True, slots=True)
class _Case:
    """What is judged, and by what."""

    path: Path
    seen: Sightings
    zone: Zone | None
    knowledge: Knowledge
    jurisdictions: Sequence[Jurisdiction]


def judge(
    path: Path,
    *,
    agent: str,
    zone: Zone | None,
    knowledge: Knowledge,
    jurisdictions: Sequence[Jurisdiction],
) -> Judgement:
    """Return the verdicts of `path` on the axis of territory, with the evidence of each hop.

    `zone` is the declared zone of the target, None where the target belongs to none; its place
    stands for the target's own address alone, and only where the zone lists the target: an agent
    cannot talk a target into a zone. Nor is it believed that a target was reached that did not
    answer from its own address. Without an origin no distance is used. A path whose start is no
    RFC 3339 time gets `started_ns` 0. Nothing in a path makes it raise.
    """
    case = _Case(path, sight(path), zone, knowledge, jurisdictions)
    reached = path.reached and case.seen.target in {None, *case.seen.addresses}
    hops = tuple(_hop(ttl, address, case) for ttl, address in case.seen.hops)
    coverage = _coverage(hops, case.seen)
    return Judgement(
        id=path.id,
        agent=agent,
        target=path.target or path.address or "",
        zone=path.zone or ("" if zone is None else zone.ident),
        started_ns=wall_ns(path.started_at) or 0,
        reached=reached,
        blind=not reached or coverage.hops_silent > 0,
        countries=_merged(_territories(hop) for hop in hops if len(_territories(hop)) == 1),
        verdicts=tuple(
            _path_verdict(row.name, hops, coverage, reached=reached) for row in jurisdictions
        ),
        hops=hops,
    )


def _hop(ttl: int, address: str | None, case: _Case) -> HopJudgement:
    """Judge one hop; a silent one has nothing to judge."""
    if address is None:
        return HopJudgement(
            ttl=ttl,
            address=None,
            name=None,
            rtt_min_ns=None,
            candidates=(),
            verdicts={},
            asn=None,
            operator=None,
            evidence=(),
        )
    sighting = case.seen.addresses[address]
    special = case.knowledge.networks.special(address)
    if special is not None:
        return HopJudgement(
            ttl=ttl,
            address=address,
            name=_name(sighting),
            rtt_min_ns=sighting.rtt_min_ns,
            candidates=(),
            verdicts={},
            asn=None,
            operator=None,
            evidence=(excluded(special),),
            excluded=True,
        )
    return _placed(ttl, address, sighting, case)


def _placed(ttl: int, address: str, sighting: Sighting, case: _Case) -> HopJudgement:
    """Judge a hop whose address can have a place."""
    heard = hear(
        address,
        sighting,
        zone=case.zone if address == case.seen.target and _declared(case) else None,
        origin=case.path.origin,
        resolution_ns=case.path.rtt_resolution_ns,
        knowledge=case.knowledge,
    )
    holder = case.knowledge.networks.holder(address)
    return HopJudgement(
        ttl=ttl,
        address=address,
        name=_name(sighting),
        rtt_min_ns=sighting.rtt_min_ns,
        candidates=heard.places,
        verdicts={row.name: _hop_verdict(heard, row) for row in case.jurisdictions},
        asn=None if holder is None else holder.asn,
        operator=_operator(sighting, case.knowledge) if holder is None else holder.holder,
        evidence=heard.evidence,
    )


def _declared(case: _Case) -> bool:
    """Say whether the zone's own list holds the target, by its name or its address."""
    targets = () if case.zone is None else case.zone.targets
    return case.path.target in targets or case.seen.target in {*map(canonical, targets)}


def _hop_verdict(heard: Testimony, jurisdiction: Jurisdiction) -> HopVerdict:
    """Apply the first table of the module's rules."""
    if not heard.named:
        return "unknown"
    if not heard.places:
        return "contradictory"
    inside = {place.territory in jurisdiction.territories for place in heard.places}
    if len(inside) > 1:
        return "mixed"
    return "inside" if inside == {True} else "outside"


def _path_verdict(
    jurisdiction: str, hops: Sequence[HopJudgement], coverage: Coverage, *, reached: bool
) -> PathVerdict:
    """Apply the second table of the module's rules."""
    of = {
        word: [hop for hop in hops if hop.verdicts.get(jurisdiction) == word]
        for word in ("inside", "outside", "mixed", "unknown", "contradictory")
    }
    conflicts = [_because(hop, "has no possible place left") for hop in of["contradictory"]]
    if of["outside"]:
        verdict = Verdict.SUPPORTED_OUTSIDE
        reasons = [_because(hop, f"is outside {jurisdiction}") for hop in of["outside"]] + conflicts
    elif conflicts:
        verdict, reasons = Verdict.CONTRADICTORY, conflicts
    elif reached and of["inside"] and not of["mixed"] and not of["unknown"]:
        verdict = Verdict.SUPPORTED_INSIDE
        reasons = [_because(hop, f"is inside {jurisdiction}") for hop in of["inside"]]
    else:
        verdict = Verdict.UNDETERMINED
        reasons = _gaps(of, coverage, jurisdiction, reached=reached)
    if coverage.hops_silent and verdict is not Verdict.UNDETERMINED:
        reasons.append(_silence(coverage))
    return PathVerdict(
        jurisdiction=jurisdiction,
        axis=Axis.TERRITORY,
        verdict=verdict,
        coverage=coverage,
        countries=_merged(
            _territories(hop)
            for hop in hops
            if hop.verdicts.get(jurisdiction) in {"inside", "outside"}
        ),
        reasons=tuple(reasons),
    )


def _gaps(
    of: dict[str, list[HopJudgement]], coverage: Coverage, jurisdiction: str, *, reached: bool
) -> list[str]:
    """Return why a path without an outside and without a conflict is not inside either."""
    reasons = []
    if not reached:
        reasons.append("the target itself did not answer: the end of the way is unseen")
    if coverage.hops_responding == 0:
        reasons.append("no address that can have a place answered")
    reasons += [
        _because(hop, f"has places on both sides of {jurisdiction}'s border") for hop in of["mixed"]
    ]
    if of["unknown"]:
        lacking = ", ".join(f"{hop.address} (hop {hop.ttl})" for hop in of["unknown"])
        reasons.append(f"no evidence of a place for {lacking}")
    if coverage.hops_silent:
        reasons.append(_silence(coverage))
    return reasons


def _because(hop: HopJudgement, conclusion: str) -> str:
    """Return one sentence: the hop, what follows, and everything said of its place."""
    spoken = "; ".join(row.says for row in hop.evidence if row.kind in {"zone", "name", "refuted"})
    return f"hop {hop.ttl} ({hop.address}) {conclusion}: {spoken}"


def _silence(coverage: Coverage) -> str:
    hops = "hop" if coverage.hops_silent == 1 else "hops"
    return (
        f"{coverage.hops_silent} silent {hops}, {coverage.longest_silent_gap} in a row at most: "
        "what is there is unseen"
    )


def _coverage(hops: Sequence[HopJudgement], seen: Sightings) -> Coverage:
    responding = [hop for hop in hops if hop.address is not None and not hop.excluded]
    runs = [
        len(list(run)) for silent, run in groupby(hops, lambda hop: hop.address is None) if silent
    ]
    target = None if seen.target is None else seen.addresses.get(seen.target)
    rtt_ns = None if target is None else target.rtt_min_ns
    return Coverage(
        hops_responding=len(responding),
        hops_with_evidence=sum(bool(hop.candidates) for hop in responding),
        hops_silent=sum(runs),
        longest_silent_gap=max(runs, default=0),
        rtt_min_s=None if rtt_ns is None else rtt_ns / 1e9,
        samples=seen.samples,
    )


def _territories(hop: HopJudgement) -> tuple[str, ...]:
    return tuple(sorted({place.territory for place in hop.candidates}))


def _merged(territories: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    """Return the territories in order, equal neighbours merged."""
    return tuple(code for code, _ in groupby(code for codes in territories for code in codes))


def _name(sighting: Sighting) -> str | None:
    return next(iter(sighting.confirmed + sighting.unconfirmed), None)


def _operator(sighting: Sighting, knowledge: Knowledge) -> str | None:
    """Return whose domain a confirmed name stands in: a claim for display, not a holder."""
    for name in sighting.confirmed:
        operator = knowledge.names.operator(name)
        if operator is not None:
            return operator.name
    return None
