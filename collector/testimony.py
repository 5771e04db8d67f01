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
    for place, evidence in _claims(address, sighting, zone, knowledge):
        shown.append(evidence)
        named = True
        against = refute(
            place, origin=origin, rtt_ns=sighting.rtt_min_ns, resolution_ns=resolution_ns
        )
        if against is not None:
            shown.append(_refuted(address, place, against))
        elif place not in left:
            left.append(place)
    shown.extend(_idle(sighting, knowledge))
    holder = knowledge.networks.holder(address)
    if holder is not None:
        shown.append(_held(address, holder))
    return Testimony(named=named, places=tuple(left), evidence=tuple(shown))


def excluded(address: str, special: SpecialRange) -> Evidence:
    """Return why nothing is said of the place of `address`."""
    return Evidence(
        kind="excluded",
        source=f"{special.source} ({special.status})",
        date=special.date,
        says=f"{address} lies in {special.prefix} ({special.meaning}): it has no place of its own",
    )


def describe(place: Place) -> str:
    """Return the place as sentences name it, with its territory."""
    return f"{place.name} ({place.territory})"


def _claims(
    address: str, sighting: Sighting, zone: Zone | None, knowledge: Knowledge
) -> Iterator[tuple[Place, Evidence]]:
    if zone is not None:
        says = f"{address} is declared to stand in zone {zone.ident}, {describe(zone.place)}"
        source = f"zone {zone.ident} (declared by the operator of the collector)"
        yield zone.place, Evidence(kind="zone", source=source, date="undated", says=says)
    for name in sighting.confirmed:
        for reading in knowledge.names.read(name):
            if reading.row.status != "recalled":
                place = knowledge.places[reading.row.place].place
                yield place, _read(address, name, reading, place)


def _read(address: str, name: str, reading: Reading, place: Place) -> Evidence:
    caveat = f" ({reading.rule.caveat})" if reading.rule.caveat else ""
    row = reading.row
    return Evidence(
        kind="name",
        source=f"rule {reading.rule.id}, code {row.code} ({row.status}: {row.source})",
        date=row.date,
        says=f"the confirmed name {name} of {address} names {describe(place)} by rule "
        f"{reading.rule.id} of {reading.operator.name}{caveat}",
    )


def _idle(sighting: Sighting, knowledge: Knowledge) -> Iterator[Evidence]:
    """Yield the readings that are shown and decide nothing."""
    readings = [
        (name, reading, "a code recalled from memory")
        for name in sighting.confirmed
        for reading in knowledge.names.read(name)
        if reading.row.status == "recalled"
    ] + [
        (name, reading, _doubt(sighting.names[name]))
        for name in sighting.unconfirmed
        for reading in knowledge.names.read(name)
    ]
    for name, reading, doubt in readings:
        row = reading.row
        place = knowledge.places[row.place].place
        yield Evidence(
            kind="unconfirmed",
            source=f"rule {reading.rule.id}, code {row.code} ({row.status}: {row.source})",
            date=row.date,
            says=f"the name {name} would name {describe(place)} by rule {reading.rule.id}, "
            f"but rests on {doubt}: it decides nothing",
        )


def _doubt(checked: bool | None) -> str:  # noqa: FBT001 - the value of name_confirmed
    if checked is None:
        return "a name that was not checked by a forward look-up"
    return "a name that does not resolve back to the address"


def _refuted(address: str, place: Place, against: Refutation) -> Evidence:
    return Evidence(
        kind="refuted",
        source="disc of the smallest time at c, WGS84",
        date="undated",
        says=f"{address} is not in {describe(place)}: that is at least {against.distance_km:.1f} "
        f"km from the origin, and it answered in {against.rtt_ns / 1e6:.3f} ms, in which light "
        f"in vacuum reaches {against.allowed_km:.1f} km and back",
    )


def _held(address: str, holder: NetworkOverride) -> Evidence:
    return Evidence(
        kind="network",
        source=f"override {holder.prefix} by {holder.author}: {holder.reason}",
        date=holder.date,
        says=f"{address} is held by {holder.holder} (AS{holder.asn}); a holder is no place",
    )
