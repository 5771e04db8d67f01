"""Decider: what distance and time prove of the addresses and the flows of one path.

    the question           | asked of                              | answered by
    -----------------------+---------------------------------------+--------------------
    where is this hop      | the observer's own smallest time, and | outside, inside
                           | those of further agents (`discs`)     |
    did this flow stay     | the smallest time of the target in    | contained
                           | this flow, its place being declared   |

Rules
- `judgement.proofs` decides, once for each jurisdiction; here its findings become evidence.
- Discs without a common point are answers of several machines (`anycast`): nothing is proven, and
  the address has no place for anybody. This needs no borders.
- Few times are short enough. The largest that could prove anything from where the observer stands
  is known beforehand, and all above it are left out before a question is asked.
- Without compiled borders nothing is proven, and no time is taken for a proof by another bound.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import chain
from math import ceil, inf
from types import MappingProxyType
from typing import Final, Literal, TypeAlias

import msgspec

from agent.records import Origin, Path
from collector.facts.soil import Soil
from collector.facts.territories import Claims
from collector.judgement import anycast, proofs
from collector.judgement.clearance import Point, detour, distance
from collector.judgement.discs import distance_km, longest_ns, reach_km, usable_ns
from collector.judgement.proofs import TOLERANCE_KM, Disc, Proof
from collector.nearness import Nearness, Proved
from collector.positions import UNTESTED
from collector.records import Evidence, Jurisdiction, Place, Zone

Word: TypeAlias = Literal["inside", "outside"]
Discs: TypeAlias = Mapping[str, Sequence[Disc]]
"""Answers by the address that gave them."""

_Question: TypeAlias = Callable[[Sequence[Disc], Claims, Soil], Proof | None]

NO_DISCS: Final[Discs] = MappingProxyType({})
_QUESTIONS: Final[Mapping[Word, _Question]] = {
    "outside": proofs.outside,
    "inside": proofs.inside,
}
_METRE_DIGITS: Final = 3
"""Of kilometres."""
_DEGREE_DIGITS: Final = 4
_KEPT: Final = 1024


@dataclass(frozen=True, slots=True)
class Proven:
    """What is proven of one address."""

    evidence: tuple[Evidence, ...] = ()
    """The proofs, in the order of the jurisdictions."""
    several: Evidence | None = None
    """Why the address stands in several places; then nothing is proven."""

    @property
    def words(self) -> dict[str, Word]:
        """Return what is proven, by jurisdiction."""
        proved = (row.proof for row in self.evidence if row.proof is not None)
        return {row.jurisdiction: row.word for row in proved}


NOTHING: Final = Proven()


class Prover(msgspec.Struct, frozen=True):
    """What the addresses and flows of one path may be proven by."""

    observer: Disc | None
    """The agent's position; None where it says nothing of its own. Its time is no answer."""
    limit_km: float
    """An own answer from farther than this proves nothing about an address."""
    limit_ns: float
    """Nor does one after so long a time, which is that distance there and back."""
    others: Discs
    jurisdictions: tuple[Jurisdiction, ...]
    soil: Soil | None

    def of(self, address: str, rtt_ns: int | None) -> Proven:
        """Return what is proven of an address that answered the observer in `rtt_ns`."""
        others = self.others.get(address, ())
        if not others and (rtt_ns is None or not 0 < rtt_ns < self.limit_ns):
            return NOTHING
        discs = sorted(filter(_is_usable, chain(self._own(rtt_ns), others)), key=_order)
        several = anycast.apart(address, map(_nearness, discs))
        if several is not None:
            standings = {disc.agent: disc.standing for disc in discs}
            return Proven(several=anycast.explain(several, standings))
        if self.soil is None:
            return NOTHING
        return Proven(tuple(_proofs(discs, self.jurisdictions, self.soil)))

    def may_contain(self, rtt_ns: int | None, zone: Zone) -> bool:
        """Tell whether an answer of a target in `zone` is short enough to prove containment."""
        measured_ns = usable_ns(rtt_ns)
        if self.soil is None or measured_ns is None or self.observer is None:
            return False
        if not self.observer.is_usable:
            return False
        asked = tuple(row.territories for row in self.jurisdictions)
        loop_km = _loop_km(self.soil, self.observer.origin, zone.place, asked)
        return 2 * reach_km(measured_ns, self.observer.resolution_ns) < loop_km

    def contained(self, rtt_ns: int | None, zone: Zone) -> dict[str, str]:
        """Return why no packet of an exchange with the target left, by jurisdiction, if proven.

        `rtt_ns` is the smallest time of the target in one flow; `zone` tells its place.
        """
        if self.soil is None or not self.may_contain(rtt_ns, zone):
            return {}
        return {
            name: says
            for disc in self._own(rtt_ns)
            for name, says in _contained(disc, zone, self.jurisdictions, self.soil)
        }

    def elsewhere(self, address: str, rtt_ns: int | None, territory: str) -> str | None:
        """Return why what answered is on no soil of `territory`, as one sentence, if proven."""
        discs = [*self._own(rtt_ns), *self.others.get(address, ())]
        if self.soil is None or not discs:
            return None
        found = proofs.outside(discs, frozenset({territory}), self.soil)
        return None if found is None else proofs.says(found)

    def _own(self, rtt_ns: int | None) -> Iterator[Disc]:
        if self.observer is not None and rtt_ns is not None:
            yield replace(self.observer, rtt_ns=rtt_ns)


def prover(
    path: Path,
    *,
    agent: str,
    standing: str = UNTESTED,
    discs: Discs = NO_DISCS,
    jurisdictions: Sequence[Jurisdiction],
    soil: Soil | None,
) -> Prover:
    """Return what the addresses and flows of `path`, which `agent` measured, may be proven by."""
    asked = tuple(jurisdictions)
    if path.origin is None:
        return Prover(None, -inf, -inf, discs, asked, soil)
    observer = _observer(agent, path.origin, path.rtt_resolution_ns, standing)
    limit_km, limit_ns = _limits(observer, asked, soil)
    return Prover(observer, limit_km, limit_ns, discs, asked, soil)


@lru_cache(_KEPT)
def _observer(agent: str, origin: Origin, resolution_ns: int, standing: str) -> Disc:
    return Disc(
        agent=agent, origin=origin, rtt_ns=1, resolution_ns=resolution_ns, standing=standing
    )


@lru_cache(_KEPT)
def _limits(
    observer: Disc, asked: tuple[Jurisdiction, ...], soil: Soil | None
) -> tuple[float, float]:
    """Return how near an address must be for a proof about it, and how soon it must answer."""
    if not observer.is_usable or soil is None:
        return -inf, -inf
    limit_km = _limit_km(soil, observer.origin, tuple(row.territories for row in asked))
    return limit_km, longest_ns(limit_km, observer.resolution_ns)


def against(
    place: Place, words: Mapping[str, Word], jurisdictions: Iterable[Jurisdiction]
) -> list[str]:
    """Return which proofs exclude that an address is at a place, each in two words."""
    return [
        f"{words[row.name]} {row.name}"
        for row in jurisdictions
        if row.name in words and row.holds(place.territory) is not (words[row.name] == "inside")
    ]


def _proofs(
    discs: Sequence[Disc], jurisdictions: Iterable[Jurisdiction], soil: Soil
) -> Iterator[Evidence]:
    for row in jurisdictions:
        for word, ask in _QUESTIONS.items():
            found = ask(discs, row.widest if word == "outside" else row.territories, soil)
            if found is not None:
                yield _evidence(row, word, found, soil)


def _evidence(jurisdiction: Jurisdiction, word: Word, found: Proof, soil: Soil) -> Evidence:
    numbers, nearest = found.finding, found.finding.nearest
    return Evidence(
        kind="proof",
        source=f"disc at c, WGS84; {soil.header.source}",
        date=soil.header.date,
        says=proofs.says(found, jurisdiction.name),
        proof=Proved(
            jurisdiction=jurisdiction.name,
            word=word,
            agent=numbers.agent,
            rtt_ns=numbers.rtt_ns,
            bound_ns=ceil(numbers.bound_ns),
            distance_km=round(numbers.distance_km, _METRE_DIGITS),
            uncertain_km=round(numbers.uncertain_km, _METRE_DIGITS),
            allowed_km=round(numbers.allowed_km, _METRE_DIGITS),
            nearest=None if nearest is None else _rounded(nearest),
        ),
    )


def _rounded(at: Point) -> tuple[float, float]:
    return round(at.latitude, _DEGREE_DIGITS), round(at.longitude, _DEGREE_DIGITS)


def _contained(
    disc: Disc, zone: Zone, jurisdictions: Sequence[Jurisdiction], soil: Soil
) -> Iterator[tuple[str, str]]:
    at = f"the target in {zone.place.name} ({zone.place.territory}), as zone {zone.ident} declares"
    for row in jurisdictions:
        found = proofs.contained(disc, zone.place, row.territories, soil)
        if found is not None:
            told = replace(found.finding, premise=f"{disc.premise}, and {at}")
            yield row.name, proofs.says(Proof(told), row.name)


@lru_cache(_KEPT)
def _limit_km(soil: Soil, origin: Origin, asked: tuple[Claims, ...]) -> float:
    """Return how near an address must be to an agent for a proof about it, for any of `asked`."""
    at = Point(origin.latitude, origin.longitude)
    grounds = [soil.abroad(claims) for claims in asked]
    grounds += [soil.home(claims) for claims in asked if claims <= soil.known]
    largest_km = max((distance(soil, ground, at).km for ground in grounds), default=-inf)
    return largest_km - origin.radius_km - TOLERANCE_KM


@lru_cache(_KEPT)
def _loop_km(soil: Soil, origin: Origin, target: Place, asked: tuple[Claims, ...]) -> float:
    """Return what a loop must be shorter than for a proof about a flow, for any of `asked`."""
    here, there = Point(origin.latitude, origin.longitude), Point(target.latitude, target.longitude)
    over_km = max((detour(soil, soil.abroad(row), here, there).km for row in asked), default=-inf)
    return over_km + distance_km(*here, *there)


def _is_usable(disc: Disc) -> bool:
    return disc.is_usable


def _order(disc: Disc) -> tuple[object, ...]:
    return disc.agent, disc.rtt_ns, *disc.at, disc.origin.radius_km, disc.resolution_ns


def _nearness(disc: Disc) -> Nearness:
    return Nearness(
        agent=disc.agent,
        origin=disc.origin,
        rtt_ns=disc.rtt_ns,
        resolution_ns=disc.resolution_ns,
        started_ns=0,
    )
