"""Decider: who holds the equipment behind one address, and which groups control them.

Rules
- Who announces an address, who registered it and which group controls that holder are three
  facts, each with source and date; the first two are shown, the groups alone decide.
- A group is named, in this order, by the declared zone (of the target's own address), by the
  user's row of the range, by the carriers' row of the origin AS, and by that of an operator whose
  name counts for the address (`claims`): infrastructure is often numbered from another's range.
  Where they lie on both sides of a border the hop is not decided.
- An address of an exchange's network is a member's port: who announces the network, the exchange,
  does not hold the router.
- A registrant alone decides nothing, nor does a row known from memory alone.
- No administration is ever a place, and no place an administration.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from collector.facts.carriers import Carrier
from collector.facts.imported import ImportedRow, OwnerRow
from collector.facts.knowledge import Knowledge
from collector.judgement.claims import Claim
from collector.judgement.testimony import by_import
from collector.records import (
    Evidence,
    Group,
    HopWord,
    Jurisdiction,
    Kind,
    NetworkOverride,
    OriginRow,
    RegistrantRow,
    Zone,
)


@dataclass(frozen=True, slots=True)
class Holding:
    """Everything that was said of who holds one address."""

    asn: int | None
    operator: str | None
    registrant: str | None
    groups: tuple[Group, ...]
    """Those that decide, each once, the strongest first."""
    evidence: tuple[Evidence, ...]

    def words(self, jurisdictions: Sequence[Jurisdiction]) -> tuple[HopWord, ...]:
        """Return what the hop is to each jurisdiction in turn on the axis of administration."""
        return tuple([self._word(row) for row in jurisdictions])

    def _word(self, jurisdiction: Jurisdiction) -> HopWord:
        inside = {jurisdiction.holds(group.country) for group in self.groups}
        if not inside:
            return "unknown"
        if None in inside:
            return "unsettled"
        if len(inside) > 1:
            return "mixed"
        return "inside" if inside == {True} else "outside"


def hold(
    address: str, claims: Sequence[Claim], *, zone: Zone | None, knowledge: Knowledge
) -> Holding:
    """Return who holds `address`; `zone` is None for all but the target's own one."""
    origin = knowledge.networks.origin(address)
    registrant = knowledge.networks.registrant(address)
    override = knowledge.networks.holder(address)
    said = [
        *_declared(zone),
        *_stated(override),
        *_carriers(address, origin, claims, knowledge),
    ]
    decide = dict.fromkeys(group for group, _ in said if group is not None)
    return Holding(
        asn=None if origin is None else origin.asn,
        operator=_operator(origin, claims),
        registrant=None if registrant is None else registrant.country,
        groups=tuple(decide),
        evidence=(
            *_announced(origin, override),
            *_registered(registrant),
            *_imported(knowledge.imported(address)),
            *_owned(() if origin is None else knowledge.imports.owners(origin.asn)),
            *(evidence for _, evidence in said),
        ),
    )


def _operator(origin: OriginRow | None, claims: Sequence[Claim]) -> str | None:
    """Return who announces the address; else whose name counts for it, a claim for display."""
    if origin is not None:
        return origin.holder
    named = (claim.operator.name for claim in claims if claim.counts)
    return next(named, None)


def _declared(zone: Zone | None) -> Iterator[tuple[Group | None, Evidence]]:
    if zone is not None:
        yield (
            Group(name=zone.provider, country=zone.group_country),
            Evidence(
                kind="zone",
                source=f"zone {zone.ident} (declared by the operator of the collector)",
                date="undated",
                says=f"declared to be of {zone.provider}, group country {zone.group_country}",
            ),
        )


def _stated(row: NetworkOverride | None) -> Iterator[tuple[Group | None, Evidence]]:
    if row is not None and row.group_country is not None:
        group = Group(name=row.group or row.holder, country=row.group_country)
        yield group, _evidence("carrier", row, f"controlled by {_described(group)}")


def _carriers(
    address: str, origin: OriginRow | None, claims: Sequence[Claim], knowledge: Knowledge
) -> Iterator[tuple[Group | None, Evidence]]:
    """Yield the groups of the origin AS and of the other operators whose names count."""
    member = knowledge.exchange(address) is not None
    announced = [origin.asn] if origin is not None and not member else []
    named = [
        asn
        for claim in claims
        if claim.counts and not {*announced} & {*claim.operator.asns}
        for asn in claim.operator.asns
    ]
    told: list[Carrier] = []
    for asn in announced + named:
        row = knowledge.carriers.get(asn)
        if row is not None and row not in told:
            told.append(row)
            yield _of(asn, row, announced=asn in announced)


def _of(asn: int, row: Carrier, *, announced: bool) -> tuple[Group | None, Evidence]:
    group = Group(name=row.group, country=row.group_country)
    by = "announced by" if announced else "named by"
    since = f" since {row.since}" if row.since else ""
    says = f"{by} {row.name} (AS{asn}), controlled by {_described(group)}{since}"
    source = f"carriers, AS{asn} ({row.status}: {row.source})"
    if row.status == "recalled":
        doubt = f"{says}, but that is known from memory alone"
        return None, Evidence(kind="unconfirmed", source=source, date=row.date, says=doubt)
    return group, Evidence(kind="carrier", source=source, date=row.date, says=says)


def _announced(origin: OriginRow | None, row: NetworkOverride | None) -> Iterator[Evidence]:
    if row is not None:
        says = f"held by {row.holder} (AS{row.asn}); a holder is no place"
        yield _evidence("network", row, says)
    elif origin is not None:
        yield Evidence(
            kind="origin",
            source=f"{origin.first} to {origin.last} ({origin.status}: {origin.source})",
            date=origin.date,
            says=f"announced by AS{origin.asn} ({origin.holder}); who announces is no place",
        )


def _registered(row: RegistrantRow | None) -> Iterator[Evidence]:
    if row is not None:
        yield Evidence(
            kind="registrant",
            source=f"{row.first} to {row.last} ({row.status}: {row.source})",
            date=row.date,
            says=f"registered in {row.country}; a registrant is neither a place nor a group",
        )


def _imported(rows: Sequence[ImportedRow]) -> Iterator[Evidence]:
    """Yield whom databases that the user imports name as the holder of an address."""
    for row in rows:
        if row.asn is not None or row.holder:
            number = "" if row.asn is None else f"AS{row.asn}"
            who = f"{number} ({row.holder})" if number and row.holder else number or row.holder
            yield by_import(row, f"{row.name} names {who}; such a file decides nothing")


def _owned(rows: Sequence[OwnerRow]) -> Iterator[Evidence]:
    """Yield which states lists that the user imports name as owners of who announces an address."""
    for row in rows:
        share = f"{row.share} %" if row.share else "the majority"
        where = f", {row.url}" if row.url else ""
        yield Evidence(
            kind="database",
            source=f"{row.name} (states, imported by {row.author}{where})",
            date=row.date,
            says=f"{row.name} names the state {row.country} as owner of {share} of {row.operator} "
            f"(AS{row.asn}); such a file decides nothing",
        )


def _evidence(kind: Kind, row: NetworkOverride, says: str) -> Evidence:
    source = f"override {row.prefix} by {row.author}: {row.reason}"
    return Evidence(kind=kind, source=source, date=row.date, says=says)


def _described(group: Group) -> str:
    return f"{group.name} ({group.country})"
