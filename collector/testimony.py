"""Decider: who names a place for one address of a path, and what of that physics leaves.

Rules
- Two witnesses count: the operator's declared zone, for the target's own address alone, and the
  name rules of the operator in whose domain a *confirmed* name stands. A zone does not silence
  a name: where they disagree both places stay, and the hop is not decided.
- A name that does not resolve back to its address, or was not checked, is nobody's testimony;
  a code known from memory alone neither. Both are shown, and decide nothing.
- A witness is refuted by distance alone (`discs`), never by another witness.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from agent.records import Origin
from collector.discs import Refutation, refute
from collector.knowledge import Knowledge
from collector.names import Reading
from collector.networks import SpecialRange
from collector.records import Evidence, NetworkOverride, Place, Zone
from collector.sightings import Sighting


@dataclass(frozen=True, slots=True)
class Testimony:
    """Everything that was said of the place of one address."""

    named: bool
    """True where a witness that counts named a place, refuted or not."""
    places: tuple[Place, ...]
    """What physics leaves of the places, in the order of the witnesses, each once."""
    evidence: tuple[Evidence, ...]


def hear(
    address: str,
    sighting: Sighting,
    *,
    zone: Zone | None,
    origin: Origin | None,
    resolution_ns: int,
    knowledge: Knowledge,
) -> Testimony:
    """Return the testimony about `address`; `zone` is None for all but the target's own one."""
    left: list[Place] = []
    shown: list[Evidence] = []
    named = False
    for place, evidence in _claims(sighting, zone, knowledge):
        shown.append(evidence)
        named = True
        against = refute(
            place, origin=origin, rtt_ns=sighting.rtt_min_ns, resolution_ns=resolution_ns
        )
        if against is not None:
            shown.append(_refuted(place, against))
        elif place not in left:
            left.append(place)
    shown.extend(_idle(sighting, knowledge))
    holder = knowledge.networks.holder(address)
    if holder is not None:
        shown.append(_held(holder))
    return Testimony(named=named, places=tuple(left), evidence=tuple(shown))


def excluded(special: SpecialRange) -> Evidence:
    """Return why nothing is said of the place of an address in a special range."""
    return Evidence(
        kind="excluded",
        source=f"{special.source} ({special.status})",
        date=special.date,
        says=f"in {special.prefix} ({special.meaning}): such an address has no place of its own",
    )


def describe(place: Place) -> str:
    """Return the place as sentences name it, with its territory."""
    return f"{place.name} ({place.territory})"


def _claims(
    sighting: Sighting, zone: Zone | None, knowledge: Knowledge
) -> Iterator[tuple[Place, Evidence]]:
    if zone is not None:
        says = f"declared to stand in {describe(zone.place)}, zone {zone.ident}"
        source = f"zone {zone.ident} (declared by the operator of the collector)"
        yield zone.place, Evidence(kind="zone", source=source, date="undated", says=says)
    for name in sighting.confirmed:
        for reading in knowledge.names.read(name):
            if reading.row.status != "recalled":
                place = knowledge.places[reading.row.place].place
                yield place, _read(name, reading, place)


def _read(name: str, reading: Reading, place: Place) -> Evidence:
    caveat = f" ({reading.rule.caveat})" if reading.rule.caveat else ""
    return Evidence(
        kind="name",
        source=_rule(reading),
        date=reading.row.date,
        says=f"its confirmed name {name} stands for {describe(place)}{caveat}",
    )


def _rule(reading: Reading) -> str:
    row = reading.row
    return (
        f"{reading.operator.name}, rule {reading.rule.id}, code {row.code} "
        f"({row.status}: {row.source})"
    )


def _idle(sighting: Sighting, knowledge: Knowledge) -> Iterator[Evidence]:
    """Yield the readings that are shown and decide nothing."""
    readings = [
        (name, reading, "that code is known from memory alone")
        for name in sighting.confirmed
        for reading in knowledge.names.read(name)
        if reading.row.status == "recalled"
    ] + [
        (name, reading, _doubt(sighting.names[name]))
        for name in sighting.unconfirmed
        for reading in knowledge.names.read(name)
    ]
    for name, reading, doubt in readings:
        place = knowledge.places[reading.row.place].place
        yield Evidence(
            kind="unconfirmed",
            source=_rule(reading),
            date=reading.row.date,
            says=f"its name {name} would stand for {describe(place)}, but {doubt}",
        )


def _doubt(checked: bool | None) -> str:  # noqa: FBT001 - the value of name_confirmed
    if checked is None:
        return "nobody checked that it resolves back to the address"
    return "it does not resolve back to the address"


def _refuted(place: Place, against: Refutation) -> Evidence:
    return Evidence(
        kind="refuted",
        source="disc of the smallest time at c, WGS84",
        date="undated",
        says=f"not in {describe(place)}, {against.distance_km:.1f} km away at least: it answered "
        f"in {against.rtt_ns / 1e6:.3f} ms, and light goes {against.allowed_km:.1f} km and back",
    )


def _held(holder: NetworkOverride) -> Evidence:
    return Evidence(
        kind="network",
        source=f"override {holder.prefix} by {holder.author}: {holder.reason}",
        date=holder.date,
        says=f"held by {holder.holder} (AS{holder.asn}); a holder is no place",
    )
