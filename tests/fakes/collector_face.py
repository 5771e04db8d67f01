"""A reader and an intake with a small world: Paris and Frankfurt watch three zones.

The path Paris - Marseille leaves FX through Frankfurt now, the one to London's neighbour did so
earlier and came back. One router's PTR record tries to be a script.
"""

from collections.abc import Sequence
from pathlib import Path as FilePath

import msgspec

from agent.records import Origin, Path, Protocol
from collector.audit import evidence
from collector.facts import knowledge
from collector.facts.regions import JURISDICTIONS
from collector.judgement.control import ForeignGroup, HolderFinding
from collector.records import (
    Axis,
    Coverage,
    Crossing,
    Evidence,
    Group,
    HopJudgement,
    Judgement,
    PathRecord,
    PathVerdict,
    Place,
    Quantiles,
    Vantage,
    Verdict,
    Zone,
)
from collector.settings.config import Config
from collector.wall import wall_text

S = 1_000_000_000
NOW_NS = 1_795_532_551_250_000_000
"""2026-11-24T15:02:31.25Z."""
OLD_DIGEST = "3c" * 32
SCRIPT_NAME = "<script>alert(1)</script>.transit.example"

PARIS = Place(name="Paris", territory="FR", latitude=48.8566, longitude=2.3522, radius_km=15)
LYON = Place(name="Lyon", territory="FR", latitude=45.764, longitude=4.8357, radius_km=15)
MARSEILLE = Place(
    name="Marseille", territory="FR", latitude=43.2965, longitude=5.3698, radius_km=30
)
FRANKFURT = Place(
    name="Frankfurt", territory="DE", latitude=50.1109, longitude=8.6821, radius_km=15
)
LONDON = Place(name="London", territory="GB", latitude=51.5072, longitude=-0.1276, radius_km=20)

CONFIG = Config(
    directory=FilePath("store"),
    agents=(
        Vantage(name="paris", agent_id=b"p" * 16, token_sha256="0" * 64, place=PARIS),
        Vantage(name="frankfurt", agent_id=b"f" * 16, token_sha256="1" * 64, place=FRANKFURT),
    ),
    zones=(
        Zone(
            provider="oracle",
            region="eu-marseille-1",
            place=MARSEILLE,
            group_country="US",
            targets=("198.51.100.10",),
        ),
        Zone(
            provider="scaleway",
            region="fr-par",
            place=PARIS,
            group_country="FR",
            targets=("198.51.100.20", "198.51.100.21"),
        ),
        Zone(
            provider="aws",
            region="eu-west-2",
            place=LONDON,
            group_country="US",
            targets=("198.51.100.30",),
        ),
    ),
)
_UNPROVEN = Crossing(
    id="5f2c9a10",
    agent="paris",
    target="198.51.100.10",
    zone="oracle/eu-marseille-1",
    jurisdiction="FX",
    verdict=Verdict.SUPPORTED_OUTSIDE,
    wider={"EU": Verdict.SUPPORTED_INSIDE, "EEA": Verdict.SUPPORTED_INSIDE},
    countries=("FR", "DE", "FR"),
    first_seen_ns=NOW_NS - 52 * S,
    confirmed_ns=NOW_NS - 42 * S,
    ended_ns=None,
    rounds=5,
    evidence=None,
)
ENDED = Crossing(
    id="08d1e6b7",
    agent="paris",
    target="198.51.100.20",
    zone="scaleway/fr-par",
    jurisdiction="FX",
    verdict=Verdict.SUPPORTED_OUTSIDE,
    wider={"EU": Verdict.SUPPORTED_OUTSIDE, "EEA": Verdict.SUPPORTED_OUTSIDE},
    countries=("FR", "GB", "FR"),
    first_seen_ns=NOW_NS - 5000 * S,
    confirmed_ns=NOW_NS - 4990 * S,
    ended_ns=NOW_NS - 4210 * S,
    rounds=79,
    evidence=OLD_DIGEST,
)


def quantiles(p50_ms: float | None, lost: int = 0, received: int = 120) -> Quantiles:
    """Return a plausible distribution around a median; nothing received where it is None."""
    sent = lost + (0 if p50_ms is None else received)
    ratio = lost / sent if sent else None
    if p50_ms is None:
        return Quantiles(
            **dict.fromkeys(("p50_s", "p90_s", "p99_s", "min_s", "max_s", "mean_s")),
            received=0,
            lost=lost,
            loss_ratio=ratio,
        )
    p50_s = p50_ms / 1000
    return Quantiles(
        p50_s=p50_s,
        p90_s=p50_s * 1.04,
        p99_s=p50_s * 1.31,
        min_s=p50_s * 0.97,
        max_s=p50_s * 1.5,
        mean_s=p50_s * 1.02,
        received=received,
        lost=lost,
        loss_ratio=ratio,
    )


HOLDING = Group(name="Example Holding", country="US")


def _hop(ttl: int, address: str | None, name: str | None, ms: float, *at: Place) -> HopJudgement:
    says = "".join(f"the name's code stands for {place.name}" for place in at)
    evidence = (
        Evidence(kind="name", source="transit.example/1 (observed)", date="2026-11-01", says=says),
    )
    return HopJudgement(
        ttl=ttl,
        address=address,
        name=name,
        rtt_min_ns=None if address is None else int(ms * 1e6),
        candidates=at,
        verdicts=(
            {}
            if address is None
            else {
                row.name: ("inside" if at[0].territory in row.territories else "outside")
                if at
                else "unknown"
                for row in JURISDICTIONS
            }
        ),
        asn=64500 if at else None,
        operator="Example Transit" if at else None,
        evidence=evidence if at else (),
        registrant="FR" if at else None,
        groups=(HOLDING,) if at else (),
        administration=(
            {}
            if address is None
            else {row.name: "outside" if at else "unknown" for row in JURISDICTIONS}
        ),
        holders=(
            (
                Evidence(
                    kind="carrier",
                    source="carriers, AS64500 (read: a test)",
                    date="2026-11-26",
                    says="announced by Example Transit, controlled by Example Holding (US)",
                ),
            )
            if at
            else ()
        ),
    )


def record(
    agent: str, target: str, zone: str, started_ns: int, hops: Sequence[HopJudgement]
) -> PathRecord:
    """Return a reached path over `hops` with verdicts that follow from them."""
    countries: list[str] = []
    for hop in hops:
        for place in hop.candidates:
            if countries[-1:] != [place.territory]:
                countries.append(place.territory)
    silent = sum(hop.address is None for hop in hops)
    coverage = Coverage(
        hops_responding=len(hops) - silent,
        hops_with_evidence=sum(bool(hop.candidates) for hop in hops),
        hops_silent=silent,
        longest_silent_gap=min(silent, 1),
        rtt_min_s=(hops[-1].rtt_min_ns or 0) / 1e9,
        samples=3 * len(hops),
    )

    def verdict(name: str) -> Verdict:
        found = {hop.verdicts.get(name) for hop in hops}
        if "outside" in found:
            return Verdict.SUPPORTED_OUTSIDE
        return Verdict.SUPPORTED_INSIDE if found == {"inside"} else Verdict.UNDETERMINED

    identity = f"{target}@{wall_text(started_ns)}"
    return PathRecord(
        path=Path(
            id=identity,
            tool="borne-agent",
            origin=Origin(latitude=48.8566, longitude=2.3522, radius_km=15),
            rtt_resolution_ns=1,
            target=target,
            address=target,
            zone=zone,
            family=4,
            protocol=Protocol.ICMP,
            reached=True,
            started_at=wall_text(started_ns),
            hops=(),
        ),
        judgement=Judgement(
            id=identity,
            agent=agent,
            target=target,
            zone=zone,
            started_ns=started_ns,
            reached=True,
            blind=silent > 0,
            countries=tuple(countries),
            verdicts=tuple(
                PathVerdict(
                    jurisdiction=row.name,
                    axis=Axis.TERRITORY,
                    verdict=verdict(row.name),
                    coverage=coverage,
                    countries=tuple(countries),
                    reasons=tuple(
                        f"hop {hop.ttl} ({hop.address}): its name places it in "
                        f"{hop.candidates[0].name}"
                        for hop in hops
                        if hop.verdicts.get(row.name) == "outside"
                    ),
                )
                for row in JURISDICTIONS
            )
            + tuple(
                PathVerdict(
                    jurisdiction=row.name,
                    axis=Axis.ADMINISTRATION,
                    verdict=Verdict.SUPPORTED_OUTSIDE,
                    coverage=coverage,
                    countries=("US",),
                    reasons=(f"hop 1 ({hops[0].address}) is held by a group outside {row.name}",),
                )
                for row in JURISDICTIONS
            ),
            hops=tuple(hops),
        ),
    )


DETOUR = (
    _hop(1, "203.0.113.1", "gw.par1.transit.example", 0.412, PARIS),
    _hop(2, "203.0.113.9", "ae0.edge1.par.transit.example", 0.958, PARIS),
    _hop(3, None, None, 0),
    _hop(4, "203.0.113.65", "ae3.core2.fra.transit.example", 9.441, FRANKFURT),
    _hop(5, "203.0.113.77", SCRIPT_NAME, 9.702),
    _hop(6, "203.0.113.130", "ae7.edge1.mrs.transit.example", 21.214, MARSEILLE),
    _hop(7, "198.51.100.10", None, 21.633, MARSEILLE),
)
HOME = (
    _hop(1, "203.0.113.1", "gw.par1.transit.example", 0.412, PARIS),
    _hop(2, "198.51.100.20", None, 1.21, PARIS),
)
ABROAD = (
    _hop(1, "203.0.113.2", "gw.fra1.transit.example", 0.401, FRANKFURT),
    _hop(2, "203.0.113.66", "ae1.core1.lon.transit.example", 12.4, LONDON),
    _hop(3, "198.51.100.30", None, 12.9, LONDON),
)


STATEMENT = evidence.statement(
    _UNPROVEN,
    [
        record("paris", _UNPROVEN.target, _UNPROVEN.zone, NOW_NS - 52 * S, DETOUR),
        record("paris", _UNPROVEN.target, _UNPROVEN.zone, NOW_NS - 42 * S, DETOUR),
    ],
    CONFIG.agents[0],
    knowledge.load(),
)
DIGEST = evidence.digest(STATEMENT)
OPEN = msgspec.structs.replace(_UNPROVEN, evidence=DIGEST)


HELD = HolderFinding(
    id="77aa01c4",
    agent="paris",
    target="198.51.100.20",
    family=4,
    zone="scaleway/fr-par",
    jurisdiction="EU",
    groups=(ForeignGroup(name="Example Holding", country="US", on_soil=True),),
    reasons=("hop 1 (203.0.113.1) is held by a group outside EU: a test",),
    path="198.51.100.20@1",
    first_seen_ns=NOW_NS - 52 * S,
    confirmed_ns=NOW_NS - 42 * S,
    ended_ns=None,
    rounds=5,
)
"""A finding of administration, which is no crossing."""


def ended(crossing: Crossing) -> Crossing:
    """Return the crossing as it is once it is over."""
    return msgspec.structs.replace(crossing, ended_ns=NOW_NS - S)
