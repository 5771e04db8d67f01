"""Who holds a hop: groups decide, registers and announcements are shown, nothing is a place."""

from dataclasses import replace

import msgspec
import pytest

from collector.facts import knowledge
from collector.facts.networks import Networks, load_special
from collector.facts.regions import JURISDICTIONS
from collector.judgement.claims import claims
from collector.judgement.holders import Holding, hold
from collector.judgement.sightings import Sighting
from collector.records import Group, NetworkOverride, OriginRow, RegistrantRow
from tests.fakes.paths import MARSEILLE, reply, zone
from tests.fakes.ranges import RowTables, origin, registrant

ALL = ("0.0.0.0", "255.255.255.255")
ADDRESS, ON_LAN = "193.251.241.22", "37.49.236.8"
ORANGE = "ae300-0.ffttr6.frankfurt.opentransit.net"
LOADED = knowledge.load()
COGENT, OPENTRANSIT, STRANGER = (origin(*ALL, asn) for asn in (174, 5511, 64500))
OVERRIDE = NetworkOverride(
    prefix="193.251.240.0/20",
    asn=64500,
    holder="Bench",
    author="me",
    date="2026-11-24",
    reason="x",
)
RECALLED = next(row for row in LOADED.carriers.values() if row.status == "recalled")


def held(
    announced: OriginRow | None = None,
    *,
    registered: RegistrantRow | None = None,
    override: NetworkOverride | None = None,
    name: str | None = None,
    confirmed: bool = True,
    address: str = ADDRESS,
    declared: bool = False,
) -> Holding:
    """Return who holds an address in a world of these rows."""
    tables = RowTables([row for row in [announced] if row], [row for row in [registered] if row])
    overrides = () if override is None else (override,)
    known = replace(LOADED, networks=Networks(load_special(), overrides, tables))
    sighting = Sighting()
    sighting.take(reply(address, name, confirmed=confirmed))
    return hold(
        address,
        claims(address, sighting, known),
        zone=zone(MARSEILLE) if declared else None,
        knowledge=known,
    )


def words(holding: Holding) -> dict[str, str]:
    """Return what the hop is to FX and to the EU."""
    asked = [row for row in JURISDICTIONS if row.name in {"FX", "EU"}]
    return {row.name: word for row, word in zip(asked, holding.words(asked), strict=True)}


def test_a_known_group_outside() -> None:
    """Cogent's group has its seat in the United States: outside FX and the EU, with its source."""
    found = held(COGENT)
    assert {"FX": "outside", "EU": "outside"} == words(found)
    assert [row.kind for row in found.evidence] == ["origin", "carrier"]
    assert found.evidence[1].says.startswith("announced by Cogent")
    assert found.evidence[1].source.startswith("carriers, AS174 (read: http")
    assert (174, "a holder") == (found.asn, found.operator)


def test_a_known_group_inside() -> None:
    """Opentransit is of Orange, whose seat is in France."""
    found = held(OPENTRANSIT)
    assert ["FR"] == [group.country for group in found.groups]
    assert {"FX": "inside", "EU": "inside"} == words(found)


def test_a_registrant_alone_decides_nothing() -> None:
    """It is shown, also beside an AS whose group nobody knows."""
    found = held(STRANGER, registered=registrant(*ALL, "US"))
    assert ("US", ()) == (found.registrant, found.groups)
    assert {"FX": "unknown", "EU": "unknown"} == words(found)
    assert [row.kind for row in found.evidence] == ["origin", "registrant"]


def test_a_recalled_row_decides_nothing() -> None:
    """The group is shown as what does not count, and stays out of `groups`."""
    found = held(origin(*ALL, RECALLED.asns[0]))
    assert () == found.groups
    assert [row.kind for row in found.evidence] == ["origin", "unconfirmed"]
    assert "known from memory alone" in found.evidence[1].says


def test_a_name_that_does_not_resolve_back_names_no_group() -> None:
    """Whoever holds an address may write any operator's name: it decides on no axis."""
    assert ["FR"] == [group.country for group in held(name=ORANGE).groups]
    assert () == held(name=ORANGE, confirmed=False).groups
    beside = held(COGENT, name=ORANGE, confirmed=False)
    assert ["US"] == [group.country for group in beside.groups]


def test_nobody_knows_anything() -> None:
    """Without tables, names and rows everything is unknown, and nothing is said."""
    found = held()
    assert (None, None, None, (), ()) == (
        found.asn,
        found.operator,
        found.registrant,
        found.groups,
        found.evidence,
    )


def test_the_users_row_comes_first() -> None:
    """Its holder is shown; its group decides, where it names one."""
    assert [row.kind for row in held(COGENT, override=OVERRIDE).evidence] == ["network"]
    said = msgspec.structs.replace(OVERRIDE, group="Group", group_country="CH")
    found = held(COGENT, override=said)
    assert (64500, "Bench", (Group(name="Group", country="CH"),)) == (
        found.asn,
        found.operator,
        found.groups,
    )
    assert {"FX": "outside", "EU": "outside"} == words(found)


def test_the_declared_zone_names_its_group() -> None:
    """What the operator of the collector declares of the target's own address counts."""
    found = held(declared=True)
    assert (Group(name="ovh", country="FR"),) == found.groups
    assert ["zone"] == [row.kind for row in found.evidence]


def test_witnesses_on_both_sides_of_a_border_leave_it_open() -> None:
    """Orange's name on Cogent's address: one of the two holds the router, in FX or outside."""
    found = held(COGENT, name=ORANGE)
    assert ["US", "FR"] == [group.country for group in found.groups]
    assert {"FX": "mixed", "EU": "mixed"} == words(found)


def test_a_name_that_counts_tells_the_group_of_an_unannounced_address() -> None:
    """About one in ten router addresses has no origin: its confirmed name says whose it is."""
    found = held(name=ORANGE)
    assert {"FX": "inside", "EU": "inside"} == words(found)
    assert found.operator == "Orange (Opentransit, AS5511)"
    assert found.evidence[0].says.startswith("named by ")


@pytest.mark.parametrize("name", [None, "ikoula.par.franceix.net"])
def test_the_exchange_does_not_hold_its_members_router(name: str | None) -> None:
    """Whoever announces the network of an exchange, the member's router is somebody else's."""
    found = held(COGENT, address=ON_LAN, name=name)
    assert () == found.groups
    assert {"FX": "unknown", "EU": "unknown"} == words(found)


def test_an_operator_is_told_once() -> None:
    """Its name on its own address adds nothing; its many AS numbers are one carrier."""
    own = held(OPENTRANSIT, name=ORANGE)
    assert [row.kind for row in own.evidence] == ["origin", "carrier"]
    named = held(name=ORANGE).evidence
    assert len({row.source.partition("(")[2] for row in named}) == len(named)
