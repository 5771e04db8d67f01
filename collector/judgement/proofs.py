"""Decider: what distance and time prove about where a device or an exchange was, and nothing else.

| question  | proven where                                                      | bound          |
| --------- | ----------------------------------------------------------------- | -------------- |
| outside   | no soil of the territories is as near to the agent as light comes | v t / 2 (B1)   |
| inside    | no other soil is as near as light comes, and some of theirs is    | v t / 2 (B1)   |
| contained | over other soil there and back is longer than light comes         | v t (B3, B7)   |

B1 to B7: Gueye et al. 2004 (discs); Levin et al. 2015, "Alibi Routing" (ways that leave no time).

Rules
- v is c: nothing proves at less. `Supposition` is another word, with the name of its hypothesis:
  "terrestrial glass fibre", 0.69 c (group index 1.45). It is shown, and never taken for a proof.
- No value of t proves that a path left (B8): delay can always be added. Every question asks whether
  t was too short for something.
- All that is uncertain weakens a proof: the weight of the last digit of t and 200 ppm of it, the
  declared radius of each end, `TOLERANCE_KM` of each point of a border, soil of several claims.
  Distances are bounds from below on WGS84 (`collector.judgement.clearance`).
- Premises, told in each finding: the agent is where it says; the device that is meant answered, not
  another in its name; equipment stands on soil (sea is nobody's, and no place inside).
- A refuted agent proves nothing, whatever answered it (`Disc.standing`).
- Discs that have no point in common are of several devices, or of agents that are not where they
  say: then nothing is proven. The same holds where one disc says inside and another outside.
- A territory without soil in the table, such as a code that nobody has, proves no outside.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final, Literal, NamedTuple, TypeAlias

from agent.records import Origin
from collector.facts.soil import Soil
from collector.facts.territories import Claims
from collector.judgement.clearance import Near, Point, detour, distance
from collector.judgement.discs import (
    C_KM_PER_NS,
    CLOCK_RATE_PPM,
    LONGEST_NS,
    distance_km,
    usable_ns,
)
from collector.positions import REFUTED, UNTESTED
from collector.records import Place

TOLERANCE_KM: Final = 5.0
"""How far a border of the table may be from where it is."""

Kind: TypeAlias = Literal["outside", "inside", "contained"]


class Speed(NamedTuple):
    """What nothing is faster than."""

    hypothesis: str
    km_per_ns: float


VACUUM: Final = Speed("light in vacuum", C_KM_PER_NS)
GLASS: Final = Speed("terrestrial glass fibre", 0.69 * C_KM_PER_NS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Disc:
    """An answer that an agent had: whatever answered is not farther than light comes."""

    agent: str
    origin: Origin
    rtt_ns: int
    """The smallest time, as measured."""
    resolution_ns: int = 0
    """The weight of the last digit of the time."""
    standing: str = UNTESTED
    """What other agents say of the position: `unrefuted by N`, `refuted ...`, or this."""

    @property
    def at(self) -> Point:
        """Return the declared position."""
        return Point(self.origin.latitude, self.origin.longitude)

    @property
    def bound_ns(self) -> float:
        """Return the time with all that is uncertain about it added."""
        error_ns = min(max(self.resolution_ns, 0), LONGEST_NS)
        return (self.rtt_ns + error_ns) * (1 + CLOCK_RATE_PPM * 1e-6)

    @property
    def reach_km(self) -> float:
        """Return how far away what answered can be, at c."""
        return _reach_km(self, VACUUM)

    @property
    def is_usable(self) -> bool:
        """Tell whether the answer can say anything: a round trip, to an agent that may be there."""
        return (
            usable_ns(self.rtt_ns) is not None
            and _on_earth(self.at, self.origin.radius_km)
            and not self.standing.startswith(REFUTED)
        )

    @property
    def premise(self) -> str:
        """Return what must be true of the agent."""
        where = f"{self.at.latitude:.4f}, {self.at.longitude:.4f}"
        who = f"agent {self.agent}" if self.agent else "the agent"
        return f"if {who} is at {where} (within {self.origin.radius_km:g} km; {self.standing})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The numbers of a proof or of a supposition."""

    kind: Kind
    territories: tuple[str, ...]
    agent: str
    rtt_ns: int
    bound_ns: float
    """The time with all that is uncertain about it added."""
    distance_km: float
    """Outside, inside: to the nearest soil; contained: out over the nearest soil, and back. All
    that is uncertain is subtracted."""
    uncertain_km: float
    """How much that was: radii and tolerance."""
    allowed_km: float
    """How far light comes, at most; less than the distance."""
    nearest: Point | None
    """Where that soil is, None where there is none on Earth."""
    premise: str


@dataclass(frozen=True, slots=True)
class Proof:
    """What must be so, if the premise holds."""

    finding: Finding
    hypothesis: str = VACUUM.hypothesis


@dataclass(frozen=True, slots=True)
class Supposition:
    """What would be so, if the premise and a hypothesis hold; never a proof."""

    finding: Finding
    hypothesis: str = GLASS.hypothesis


def outside(discs: Sequence[Disc], territories: Claims, soil: Soil) -> Proof | None:
    """Return why the device that answered all discs is on no soil of the territories, if proven."""
    return _proof(_about(discs, territories, soil, "outside", VACUUM))


def inside(discs: Sequence[Disc], territories: Claims, soil: Soil) -> Proof | None:
    """Return why the device that answered all discs is on soil of the territories, if proven."""
    return _proof(_about(discs, territories, soil, "inside", VACUUM))


def contained(disc: Disc, target: Place, territories: Claims, soil: Soil) -> Proof | None:
    """Return why no packet of an exchange touched soil beside the territories, if proven.

    `disc` is the answer of the target, and `target` the place where it must be.
    """
    return _proof(_contained(disc, target, territories, soil, VACUUM))


def suppose(
    kind: Literal["outside", "inside"], discs: Sequence[Disc], territories: Claims, soil: Soil
) -> Supposition | None:
    """Return what `outside` or `inside` would prove if all was terrestrial glass fibre."""
    return _supposition(_about(discs, territories, soil, kind, GLASS))


def suppose_contained(
    disc: Disc, target: Place, territories: Claims, soil: Soil
) -> Supposition | None:
    """Return what `contained` would prove if all was terrestrial glass fibre."""
    return _supposition(_contained(disc, target, territories, soil, GLASS))


def contradiction(discs: Sequence[Disc]) -> tuple[Disc, Disc] | None:
    """Return two discs without a common point, None where each pair has one."""
    for one, other in combinations(_usable(discs), 2):
        between_km = distance_km(*one.at, *other.at) - one.origin.radius_km - other.origin.radius_km
        if between_km > _reach_km(one, VACUUM) + _reach_km(other, VACUUM):
            return one, other
    return None


def says(word: Proof | Supposition, named: str = "") -> str:
    """Return a proof or a supposition as one sentence for people; `named` are the territories."""
    found = word.finding
    names = named or ", ".join(found.territories)
    time = f"{found.bound_ns / 1e6:.3f} ms"
    room = {
        "outside": f"no soil of {names} is nearer than {found.distance_km:.1f} km",
        "inside": f"no soil but that of {names} is nearer than {found.distance_km:.1f} km",
        "contained": f"over soil beside {names} there and back are {found.distance_km:.1f} km",
    }
    light = f"{word.hypothesis} allows {found.allowed_km:.1f} km in {time}"
    return f"{found.premise}: {room[found.kind]}, and {light}"


def _proof(found: Finding | None) -> Proof | None:
    return None if found is None else Proof(found)


def _supposition(found: Finding | None) -> Supposition | None:
    return None if found is None else Supposition(found)


def _about(
    discs: Sequence[Disc], territories: Claims, soil: Soil, kind: Kind, speed: Speed
) -> Finding | None:
    """Return the finding with the largest margin, None where there is none or a contradiction."""
    if contradiction(discs) is not None:
        return None
    found = []
    for disc in _usable(discs):
        for one in _of_disc(disc, territories, soil, speed):
            if one.kind != kind:
                return None
            found.append(one)
    return max(found, key=lambda one: one.distance_km - one.allowed_km, default=None)


def _of_disc(disc: Disc, territories: Claims, soil: Soil, speed: Speed) -> Iterator[Finding]:
    """Yield what one disc says: outside, inside, or nothing."""
    uncertain_km = disc.origin.radius_km + TOLERANCE_KM
    reach_km = _reach_km(disc, speed)
    home = distance(soil, soil.home(territories), disc.at)
    if home.km - uncertain_km > reach_km:
        if territories <= soil.known:
            yield _finding("outside", disc, territories, home, uncertain_km, reach_km)
        return
    abroad = distance(soil, soil.abroad(territories), disc.at)
    if abroad.km - uncertain_km > reach_km:
        yield _finding("inside", disc, territories, abroad, uncertain_km, reach_km)


def _contained(
    disc: Disc, target: Place, territories: Claims, soil: Soil, speed: Speed
) -> Finding | None:
    at = Point(target.latitude, target.longitude)
    if not disc.is_usable or not _on_earth(at, target.radius_km):
        return None
    radii_km = disc.origin.radius_km + target.radius_km
    way_km = distance_km(*disc.at, *at)
    allowed_km = 2 * _reach_km(disc, speed)
    if 2 * (way_km - radii_km) > allowed_km:
        return None  # one of the two is not where it is said to be
    over = detour(soil, soil.abroad(territories), disc.at, at)
    loop = Near(over.km + way_km, over.at)
    uncertain_km = 2 * (radii_km + TOLERANCE_KM)
    if loop.km - uncertain_km <= allowed_km:
        return None
    return _finding("contained", disc, territories, loop, uncertain_km, allowed_km)


def _finding(
    kind: Kind,
    disc: Disc,
    territories: Claims,
    near: Near,
    uncertain_km: float,
    allowed_km: float,
) -> Finding:
    return Finding(
        kind=kind,
        territories=tuple(sorted(territories)),
        agent=disc.agent,
        rtt_ns=disc.rtt_ns,
        bound_ns=disc.bound_ns,
        distance_km=near.km - uncertain_km,
        uncertain_km=uncertain_km,
        allowed_km=allowed_km,
        nearest=near.at,
        premise=disc.premise,
    )


def _reach_km(disc: Disc, speed: Speed) -> float:
    return speed.km_per_ns * disc.bound_ns / 2


def _usable(discs: Sequence[Disc]) -> Iterator[Disc]:
    return (disc for disc in discs if disc.is_usable)


def _on_earth(at: Point, radius_km: float) -> bool:
    on_earth = -90 <= at.latitude <= 90 and -180 <= at.longitude <= 360  # noqa: PLR2004 - degrees
    return on_earth and radius_km >= 0
