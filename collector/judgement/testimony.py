"""Decider: who names a place for one address of a path, and what of that physics leaves.

Rules
- Two witnesses speak of the router's place: the operator's declared zone, for the target's own
  address alone, and the name rules of an operator whose claim counts (`claims`). A zone does not
  silence a name: where they disagree both places stay, and the hop is not decided.
- A cloud's list of its ranges speaks where a service of the region is named for the range and the
  cloud itself announces the address: an operator's word on its own (class e of the jurisdiction
  reference, A.4). Databases and geofeeds are shown; alone or together they decide nothing.
- The network of an exchange, and the exchange's own name for a port on it, speak of the place that
  the packet crossed, not of the router: a member may come from far over a long wire. Where light
  refutes that place the member is remote, and the exchange says nothing.
- A name that does not count, and whatever is known from memory alone, is nobody's testimony; it
  is shown, and decides nothing.
- A witness is refuted by distance alone (`discs`, `proven`), never by another witness.
- What a hop is to a jurisdiction follows from what is left. The first row that fits:

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

  A place in a territory that the jurisdiction does not settle (`Jurisdiction.unsettled`) makes the
  hop unsettled, unless every place of the router is outside.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from collector.facts.exchanges import ExchangeLan
from collector.facts.imported import EVIDENCE, CloudRow, ImportedRow
from collector.facts.knowledge import Knowledge
from collector.facts.names import Reading
from collector.facts.networks import SpecialRange
from collector.judgement.claims import Claim
from collector.judgement.discs import Observer, Refutation
from collector.judgement.proven import Proven, Word, against
from collector.records import Evidence, HopWord, Jurisdiction, OriginRow, Place, Zone

_Said: TypeAlias = tuple[Place, Evidence, bool]
"""A place, who named it, and whether it is one that the packet crossed, not the router's."""


@dataclass(frozen=True, slots=True)
class Testimony:
    """Everything that was said of the place of one address."""

    evidence: tuple[Evidence, ...]
    named: bool = False
    """True where a witness of the router's place named one, refuted or not."""
    places: tuple[Place, ...] = ()
    """What physics leaves of these places, in the order of the witnesses, each once."""
    fabric: tuple[Place, ...] = ()
    """What physics leaves of the exchanges that the packet crossed, each once."""

    @property
    def candidates(self) -> tuple[Place, ...]:
        """Return all places that were named and stand, each once."""
        both = self.places and self.fabric
        return (
            tuple(dict.fromkeys(self.places + self.fabric)) if both else self.places or self.fabric
        )


@dataclass(frozen=True, slots=True)
class Told:
    """What the witnesses of one address say, before anything is measured."""

    said: tuple[_Said, ...]
    idle: tuple[Evidence, ...]
    """What is shown and decides nothing."""
    places: tuple[Place, ...]
    """Those of which it is said, in the same order."""
    whole: Testimony
    """The testimony if physics refutes nothing."""


def tell(address: str, claims: Sequence[Claim], *, zone: Zone | None, knowledge: Knowledge) -> Told:
    """Return what the witnesses say; `zone` is None for all but the target's own address."""
    lan = knowledge.exchange(address)
    cloud = knowledge.cloud(address)
    against = None if cloud is None else _doubt(cloud, knowledge.networks.origin(address))
    said = (
        *_declared(zone),
        *_read(claims, knowledge),
        *_in_cloud(cloud, against),
        *_on_lan(lan, knowledge),
    )
    idle = (
        *_idle(address, claims, lan, knowledge),
        *_doubted(cloud, against),
        *_imported(knowledge.imported(address)),
    )
    places = tuple([place for place, _, _ in said])
    return Told(said, idle, places, _weighed(said, [None] * len(said), idle))


def hear(told: Told, rtt_ns: int | None, observer: Observer) -> Testimony:
    """Return what physics leaves of what was told of an address that answered in `rtt_ns`."""
    if rtt_ns is None or rtt_ns > observer.refuting_ns(told.places):
        return told.whole
    against = [observer.refutes(place, rtt_ns) for place in told.places]
    return _weighed(told.said, against, told.idle) if any(against) else told.whole


def _weighed(
    said: Sequence[_Said], against: Sequence[Refutation | None], idle: Sequence[Evidence]
) -> Testimony:
    """Return the testimony of witnesses, each with what refutes it, if anything does."""
    left: dict[bool, dict[Place, None]] = {True: {}, False: {}}
    shown: list[Evidence] = []
    for (place, evidence, crossed), refutation in zip(said, against, strict=True):
        shown.append(evidence)
        if refutation is not None:
            shown.append(_refuted(place, refutation, remote=crossed))
        else:
            left[crossed][place] = None
    return Testimony(
        named=any(not crossed for _, _, crossed in said),
        places=tuple(left[False]),
        fabric=tuple(left[True]),
        evidence=(*shown, *idle),
    )


def proved(heard: Testimony, proven: Proven, jurisdictions: Sequence[Jurisdiction]) -> Testimony:
    """Return the testimony with what is proven of the address, and what that leaves of its places.

    An exchange is left alone: a witness's answer bounds the device, not the way to it.
    """
    words = proven.words
    excluded_by = {place: against(place, words, jurisdictions) for place in heard.places}
    return replace(
        heard,
        places=tuple(place for place, found in excluded_by.items() if not found),
        evidence=(
            *proven.evidence,
            *heard.evidence,
            *(_fallen(place, found, proven) for place, found in excluded_by.items() if found),
        ),
    )


def word(heard: Testimony, jurisdiction: Jurisdiction, proven: Word | None = None) -> HopWord:
    """Return what a hop is to a jurisdiction, by the table of the module's rules.

    `proven` is what distance and time prove: it stands above that table (`borders`).
    """
    if proven == "outside":
        return "outside"
    router = {jurisdiction.holds(place.territory) for place in heard.places}
    if proven == "inside":
        router = {True}
    crossed = {jurisdiction.holds(place.territory) for place in heard.fabric}
    if router == {False}:
        return "outside"
    if None in router | crossed:
        return "unsettled"
    if len(router) > 1 or len(crossed) > 1:
        return "mixed"
    if crossed == {False}:
        return "mixed" if router else "outside"
    if router:
        return "inside"
    return "contradictory" if heard.named else "unknown"


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


def _declared(zone: Zone | None) -> Iterator[_Said]:
    if zone is not None:
        says = f"declared to stand in {describe(zone.place)}, zone {zone.ident}"
        source = f"zone {zone.ident} (declared by the operator of the collector)"
        yield zone.place, Evidence(kind="zone", source=source, date="undated", says=says), False


def _read(claims: Sequence[Claim], knowledge: Knowledge) -> Iterator[_Said]:
    for claim in claims:
        for reading in knowledge.names.read(claim.name) if claim.counts else ():
            if reading.row.status == "recalled":
                continue
            place = knowledge.places[reading.row.place].place
            caveat = f" ({reading.rule.caveat})" if reading.rule.caveat else ""
            evidence = Evidence(
                kind="name",
                source=_rule(reading),
                date=reading.row.date,
                says=f"its {claim.called} stands for {describe(place)}{caveat}",
            )
            yield place, evidence, reading.rule.fabric


def _in_cloud(row: CloudRow | None, against: str | None) -> Iterator[_Said]:
    if row is not None and row.place is not None and against is None:
        says = f"{_published(row)}, which stands in {describe(row.place)}"
        yield row.place, _of_cloud(row, "cloud", says), False


def _doubt(row: CloudRow, origin: OriginRow | None) -> str | None:
    """Return why a range supports no place, None where it does."""
    if row.place is None:
        return "whose place no row of the catalogue knows"
    if row.disputed:
        return f"but the table of this release gives it to {row.disputed}"
    if not row.regional:
        return "but as part of the cloud's whole network, whose routers may stand elsewhere"
    if origin is None:
        return "but nobody is known to announce the address"
    if origin.asn not in row.asns:
        return f"but AS{origin.asn} announces the address, not the cloud itself"
    return None


def _doubted(row: CloudRow | None, against: str | None) -> Iterator[Evidence]:
    if row is not None and against is not None:
        yield _of_cloud(row, "unconfirmed", f"{_published(row)}, {against}")


def _published(row: CloudRow) -> str:
    source = f", says {row.imported} (imported)," if row.imported else ""
    return f"in a range that{source} {row.provider} publishes for its region {row.region}"


def _of_cloud(row: CloudRow, kind: Literal["cloud", "unconfirmed"], says: str) -> Evidence:
    source = f"clouds, {row.provider}/{row.region} ({row.status}: {row.source})"
    return Evidence(kind=kind, source=source, date=row.date, says=says)


def _imported(rows: Sequence[ImportedRow]) -> Iterator[Evidence]:
    """Yield where databases and geofeeds put an address."""
    for row in rows:
        where = ", ".join(filter(None, (row.where, row.country or "")))
        if where:
            yield by_import(row, f"{row.name} puts it in {where}; such a file decides nothing")


def by_import(row: ImportedRow, says: str) -> Evidence:
    """Return what an imported file says as evidence with the file's own name and day."""
    return Evidence(
        kind=EVIDENCE[row.kind],
        source=f"{row.name} ({row.kind}, imported by {row.author})",
        date=row.date,
        says=says,
    )


def _on_lan(lan: ExchangeLan | None, knowledge: Knowledge) -> Iterator[_Said]:
    if lan is not None and lan.place is not None and lan.status != "recalled":
        place = knowledge.places[lan.place].place
        says = f"{_member(lan)}, whose switches stand in {describe(place)}; {lan.remote_peering}"
        yield place, _row(lan, "exchange", says), True


def _member(lan: ExchangeLan) -> str:
    return f"on the network of {lan.exchange}"


def _row(lan: ExchangeLan, kind: Literal["exchange", "unconfirmed"], says: str) -> Evidence:
    source = f"{lan.prefix} ({lan.status}: {lan.source})"
    return Evidence(kind=kind, source=source, date=lan.date, says=says)


def _rule(reading: Reading) -> str:
    row = reading.row
    return (
        f"{reading.operator.name}, rule {reading.rule.id}, code {row.code} "
        f"({row.status}: {row.source})"
    )


def _idle(
    address: str, claims: Sequence[Claim], lan: ExchangeLan | None, knowledge: Knowledge
) -> Iterator[Evidence]:
    """Yield what is shown and decides nothing."""
    several = knowledge.anycast_range(address)
    if several is not None and several.status == "recalled":
        yield several.evidence
    if lan is not None and lan.status == "recalled":
        says = f"{_member(lan)}, but that is known from memory alone"
        yield _row(lan, "unconfirmed", says)
    elif lan is not None and lan.place is None:
        yield _row(lan, "exchange", f"{_member(lan)}, which spans several countries")
    for claim in claims:
        for reading in knowledge.names.read(claim.name):
            if claim.counts and reading.row.status != "recalled":
                continue
            doubt = "that code is known from memory alone" if claim.counts else claim.grounds
            place = knowledge.places[reading.row.place].place
            yield Evidence(
                kind="unconfirmed",
                source=_rule(reading),
                date=reading.row.date,
                says=f"its name {claim.name} would stand for {describe(place)}, but {doubt}",
            )


def _fallen(place: Place, by: Sequence[str], proven: Proven) -> Evidence:
    return Evidence(
        kind="refuted",
        source=proven.evidence[0].source,
        date=proven.evidence[0].date,
        says=f"not in {describe(place)}: it is proven {' and '.join(by)}",
    )


def _refuted(place: Place, against: Refutation, *, remote: bool) -> Evidence:
    who = "a remote member, " if remote else ""
    return Evidence(
        kind="refuted",
        source="disc of the smallest time at c, WGS84",
        date="undated",
        says=f"{who}not in {describe(place)}, {against.distance_km:.1f} km away at least: it "
        f"answered in {against.rtt_ns / 1e6:.3f} ms, and light goes {against.allowed_km:.1f} km "
        "and back",
    )
