"""The table of anycast: what stands in it has no place, whoever names one."""

from dataclasses import replace
from ipaddress import ip_network

import msgspec
import pytest

from collector.facts import knowledge, knownanycast
from collector.facts.networks import Prefixes
from collector.facts.regions import JURISDICTIONS
from collector.judgement.borders import judge
from collector.records import Judgement
from tests.fakes.paths import FRANKFURT, MARSEILLE, path, reply, verdict, zone

ROWS = knownanycast.load()
KNOWLEDGE = knowledge.load()
RESOLVER = "9.9.9.9"
NAME = "ae300-0.ffttr6.frankfurt.opentransit.net"


def judged(name: str | None, *, tables: knowledge.Knowledge = KNOWLEDGE) -> Judgement:
    """Judge a path whose target is a resolver that the zone declares in Marseille."""
    one = path([reply(RESOLVER, name)], address=RESOLVER)
    return judge(one, agent="", zone=zone(MARSEILLE), knowledge=tables, jurisdictions=JURISDICTIONS)


@pytest.mark.parametrize("row", ROWS, ids=[row.prefix for row in ROWS])
def test_each_row_was_read_and_is_no_special_range(row: knownanycast.AnycastRange) -> None:
    """It has an address and a day, host bits are not set, and nothing else excludes it."""
    assert ("read", True) == (row.status, "https://" in row.source)
    assert row.source.endswith("read 2026-11-26")
    first = ip_network(row.prefix).network_address
    assert KNOWLEDGE.networks.special(str(first)) is None


def test_what_is_known_to_be_everywhere_has_no_place() -> None:
    """Neither its name nor the zone that declares it places it; its holder is another matter."""
    found = judged(NAME)
    (hop,) = found.hops
    assert ((), {"unknown"}) == (hop.candidates, set(hop.verdicts.values()))
    assert "anycast" == hop.evidence[0].kind
    assert "in 9.9.9.0/24 (Quad9's resolver), which answers from many places at once" == (
        hop.evidence[0].says
    )
    assert "UNDETERMINED" == verdict(found).verdict


def test_a_recalled_row_is_shown_and_takes_no_place_away() -> None:
    """From memory alone nothing follows."""
    row = msgspec.structs.replace(
        next(row for row in ROWS if row.prefix == "9.9.9.0/24"), status="recalled"
    )
    tables = replace(KNOWLEDGE, anycast=Prefixes([(row.prefix, row)]))
    (hop,) = judged(NAME, tables=tables).hops
    assert {"DE", "FR"} == {place.territory for place in hop.candidates}
    assert ["which answers from many places at once, but that is known from memory alone"] == [
        evidence.says.partition("), ")[2]
        for evidence in hop.evidence
        if evidence.kind == "unconfirmed"
    ]


def test_addresses_beside_the_ranges_have_places() -> None:
    """The row is as narrow as its source says."""
    one = path([reply("9.9.8.9", NAME)], address="9.9.8.9")
    (hop,) = judge(one, agent="", zone=None, knowledge=KNOWLEDGE, jurisdictions=JURISDICTIONS).hops
    assert [FRANKFURT.territory] == [place.territory for place in hop.candidates]
