"""Witnesses of a hop's place: who counts, who is only shown, what light leaves."""

from dataclasses import replace

from msgspec.structs import replace as replace_row

from agent.records import PathReply
from collector.facts import exchanges, knowledge
from collector.facts.networks import Prefixes, load_special
from collector.judgement import testimony
from collector.judgement.claims import claims
from collector.judgement.discs import observer
from collector.judgement.sightings import Sighting
from collector.judgement.testimony import describe, excluded, hear, tell
from collector.records import NetworkOverride
from tests.fakes.paths import FRANKFURT, FROM_PARIS, MARSEILLE, PARIS, reply, zone

ADDRESS = "193.251.241.22"
NAME = "ae300-0.ffttr6.frankfurt.opentransit.net"
OVERRIDE = NetworkOverride(
    prefix="193.251.240.0/20",
    asn=5511,
    holder="Orange",
    author="me",
    date="2026-11-24",
    reason="a test",
)
KNOWLEDGE = knowledge.load([OVERRIDE])


def heard(*replies: PathReply, declared: bool = False) -> testimony.Testimony:
    """Hear what is said of one address, from Paris."""
    sighting = Sighting()
    for one in replies:
        sighting.take(one)
    told = tell(
        ADDRESS,
        claims(ADDRESS, sighting, KNOWLEDGE),
        zone=zone(MARSEILLE) if declared else None,
        knowledge=KNOWLEDGE,
    )
    return hear(told, sighting.rtt_min_ns, observer(FROM_PARIS, 1))


def test_nobody_speaks() -> None:
    """An address without names or zone has no testimony; a holder's row is no witness."""
    found = heard(reply(ADDRESS))
    assert (found.named, found.places, found.evidence) == (False, (), ())


def test_the_zone_comes_before_the_name() -> None:
    """Both witnesses are heard, and their places stand in the order of strength."""
    found = heard(reply(ADDRESS, NAME), declared=True)
    assert [place.name for place in found.places] == ["Marseille", "Frankfurt am Main"]
    assert [row.kind for row in found.evidence] == ["zone", "name"]


def test_a_refutation_follows_its_claim() -> None:
    """What light refutes is shown right after the witness that named it."""
    found = heard(reply(ADDRESS, NAME, rtt_ms=1.0), declared=True)
    assert (found.named, found.places) == (True, ())
    assert [row.kind for row in found.evidence] == ["zone", "refuted", "name", "refuted"]


def test_each_row_has_its_source_and_date() -> None:
    """A reader can go from the evidence to the row of the table, and knows its age."""
    claim = heard(reply(ADDRESS, NAME)).evidence[0]
    assert claim.source == (
        "Orange (Opentransit, AS5511), rule opentransit.city, code frankfurt "
        "(observed: ae300-0.ffttr6.frankfurt.opentransit.net in public trace T02)"
    )
    assert claim.date == "2026-11-24"


def test_a_caveat_travels_with_the_reading() -> None:
    """A member's port on an exchange may be reached from afar: the evidence says so."""
    claim = heard(reply(ADDRESS, "ikoula.par.franceix.net")).evidence[0]
    assert "remote peering is possible" in claim.says


def test_a_recalled_exchange_decides_nothing() -> None:
    """An exchange known from memory alone is shown, and nobody crossed it for sure."""
    lan = next(row for row in exchanges.load() if row.prefix == "80.249.208.0/21")
    known, recalled = (
        replace(KNOWLEDGE, lans=Prefixes([(lan.prefix, row)]))
        for row in (lan, replace_row(lan, status="recalled"))
    )
    found = {
        name: hear(tell("80.249.208.10", (), zone=None, knowledge=world), None, observer(None, 1))
        for name, world in (("read", known), ("recalled", recalled))
    }
    assert ["Amsterdam"] == [place.name for place in found["read"].fabric]
    assert () == found["recalled"].fabric
    (shown,) = found["recalled"].evidence
    assert "unconfirmed" == shown.kind
    assert "known from memory alone" in shown.says


def test_an_unknown_name_is_no_evidence() -> None:
    """A confirmed name that no rule reads adds nothing."""
    found = heard(reply(ADDRESS, "dns.google"))
    assert (found.named, [row.kind for row in found.evidence]) == (False, [])


def test_excluded_addresses_say_why() -> None:
    """The range, its meaning and its RFC are named."""
    special = next(row for row in load_special() if row.prefix == "100.64.0.0/10")
    why = excluded(special)
    assert (why.kind, why.source) == ("excluded", "RFC 6598 (read)")
    assert "100.64.0.0/10 (shared address space)" in why.says


def test_places_are_described_with_their_territory() -> None:
    """Paris alone could be in Texas."""
    assert [describe(place) for place in (PARIS, FRANKFURT)] == ["Paris (FR)", "Frankfurt (DE)"]
