"""The table of exchange networks: every row says how it is known, and no two overlap."""

from ipaddress import ip_network
from itertools import pairwise

import pytest

from collector.facts import exchanges, places

LANS = exchanges.load()
PLACES = places.load()


@pytest.mark.parametrize("lan", LANS, ids=[lan.prefix for lan in LANS])
def test_each_row_has_status_source_and_date(lan: exchanges.ExchangeLan) -> None:
    """A row was observed in a trace, read in a document with its address, or openly recalled."""
    assert lan.date == "2026-11-26"
    match lan.status:
        case "observed":
            assert "public trace T" in lan.source or "published traceroute" in lan.source
        case "read":
            assert "https://" in lan.source
            assert "read 2026-11-26" in lan.source
        case "recalled":
            assert lan.source == "from memory; no document opened"


@pytest.mark.parametrize("lan", LANS, ids=[lan.prefix for lan in LANS])
def test_each_place_is_known_and_lies_in_the_territory(lan: exchanges.ExchangeLan) -> None:
    """A row with a place names a row of the table of places in the same territory."""
    if lan.place is None:
        assert lan.territory is None
    else:
        assert lan.territory == PLACES[lan.place].territory


@pytest.mark.parametrize("lan", LANS, ids=[lan.prefix for lan in LANS])
def test_each_prefix_is_public_and_no_larger_than_an_exchange(lan: exchanges.ExchangeLan) -> None:
    """No private range (an exchange list in the wild holds one), no aggregate of a registry."""
    network = ip_network(lan.prefix)
    assert network.is_global
    assert network.prefixlen >= (20 if network.version == 4 else 48)


def test_prefixes_do_not_overlap() -> None:
    """An address belongs to one exchange."""
    for version in (4, 6):
        networks = sorted(
            n for n in (ip_network(lan.prefix) for lan in LANS) if n.version == version
        )
        assert [] == [(a, b) for a, b in pairwise(networks) if a.overlaps(b)]


def test_the_reserve_of_remote_peering_stands_beside_every_row() -> None:
    """An exchange's own remark is added to the general one, never put in its stead."""
    assert [] == [
        lan.prefix for lan in LANS if not lan.remote_peering.startswith(exchanges.POSSIBLE)
    ]
    (spread,) = {lan.remote_peering for lan in LANS if lan.exchange == "NL-ix"}
    assert "several countries" in spread
