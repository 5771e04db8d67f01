"""Special-purpose ranges, the user's rows of holders, and the compiled tables behind them."""

from ipaddress import IPv4Address, IPv6Address, ip_network
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from collector.facts.networks import Networks, SpecialRange, load_special, parse
from collector.records import NetworkOverride, OriginRow, RegistrantRow
from tests.fakes import atlas_tables

NETWORKS = Networks(load_special(), ())
SQUATTED = [ip_network(row.prefix) for row in load_special() if row.meaning == "squatted"]


def row(prefix: str, asn: int, registrant: str | None = None) -> NetworkOverride:
    """Return an override."""
    return NetworkOverride(
        prefix=prefix,
        asn=asn,
        holder=f"AS{asn}",
        author="me",
        date="2026-11-24",
        reason="test",
        registrant=registrant,
    )


@given(st.ip_addresses(v=4))
@example(IPv4Address("100.64.0.0"))
@example(IPv4Address("100.127.255.255"))
@example(IPv4Address("192.88.99.1"))
def test_agrees_with_the_standard_library(address: IPv4Address) -> None:
    """Whatever Python calls not global or multicast is excluded; beside it 6to4's relay, squats."""
    special = not address.is_global or address.is_multicast
    special |= address in ip_network("192.88.99.0/24")
    # 192.0.0.0/24 is excluded whole: two of its addresses are anycast and have no place either.
    special |= address in ip_network("192.0.0.0/24")
    special |= any(address in block for block in SQUATTED)
    assert (NETWORKS.special(str(address)) is not None) == special


@pytest.mark.parametrize("prefix", [range_.prefix for range_ in load_special()])
def test_the_edges_of_each_range(prefix: str) -> None:
    """First and last address are inside; the neighbours are outside or in another range."""
    network = ip_network(prefix)
    kind = IPv4Address if network.version == 4 else IPv6Address
    for inside in (network[0], network[-1]):
        assert NETWORKS.special(str(inside)) is not None
    for beyond in (int(network[0]) - 1, int(network[-1]) + 1):
        if 0 <= beyond < 1 << network.max_prefixlen:
            found = NETWORKS.special(str(kind(beyond)))
            assert found is None or found.prefix != prefix


@pytest.mark.parametrize(
    "address",
    ["8.8.8.8", "193.251.241.22", "2001:688::1", "2a01:cfc4::5", "100.63.255.255", "6.0.0.1"],
)
def test_public_addresses_are_not_special(address: str) -> None:
    """Routers' addresses are looked at, those of blocks with hosts of their own included."""
    assert NETWORKS.special(address) is None


@pytest.mark.parametrize("row_", load_special(), ids=lambda row_: row_.prefix)
def test_each_range_has_a_source_and_a_day(row_: SpecialRange) -> None:
    """An RFC, or for squatted space a document with its address and the day."""
    assert row_.date in {"2026-11-24", "2026-11-26"}
    if row_.meaning == "squatted":
        assert "https://" in row_.source
        assert f"read {row_.date}" in row_.source
    else:
        assert row_.source.startswith("RFC ")


def test_squatted_space_is_nobodys_place() -> None:
    """Blocks that thousands of networks use inside say nothing, whoever announces them today."""
    found = NETWORKS.special("11.255.255.255")
    assert found is not None
    assert found.meaning == "squatted"
    assert len(SQUATTED) == 9


@pytest.mark.parametrize(
    "text", ["", "x", "1.2.3", "300.1.1.1", "::g", "1.2.3.4/24", "\u0661.1.1.1"]
)
def test_what_is_no_address_is_in_no_range(text: str) -> None:
    """Garbage raises nothing and finds nothing."""
    assert parse(text) is None
    assert NETWORKS.special(text) is None
    assert NETWORKS.holder(text) is None


def test_the_longest_prefix_names_the_holder() -> None:
    """Order in the file does not matter, length does; families are apart."""
    rows = (
        row("10.0.0.0/8", 1),
        row("10.1.0.0/16", 2),
        row("0.0.0.0/0", 3),
        row("2001:688::/32", 4),
    )
    for given_rows in (rows, rows[::-1]):
        networks = Networks((), given_rows)
        found = [
            networks.holder(text) for text in ("10.1.2.3", "10.2.0.0", "9.9.9.9", "2001:688::1")
        ]
        assert [None if one is None else one.asn for one in found] == [2, 1, 3, 4]
        assert networks.holder("2001:689::1") is None


def test_of_two_rows_for_one_prefix_the_later_wins() -> None:
    """A correction is added below."""
    holder = Networks((), (row("10.0.0.0/8", 1), row("10.0.0.0/8", 2))).holder("10.0.0.1")
    assert holder is not None
    assert holder.asn == 2


def test_a_scope_is_no_part_of_an_address() -> None:
    """`fe80::1%eth0` is link local."""
    found = NETWORKS.special("fe80::1%eth0")
    assert found is not None
    assert found.meaning == "link local"


def test_host_bits_are_refused() -> None:
    """A prefix with host bits is a mistake in the file, not a range."""
    with pytest.raises(ValueError, match="host bits"):
        Networks((), (row("10.0.0.1/8", 1),))


def test_the_users_row_comes_before_the_table(tmp_path: Path) -> None:
    """Inside the user's prefix his row answers, with its range and who wrote it; beside it not."""
    mine = row("192.0.2.0/26", 65000, "BE")
    networks = Networks((), (mine,), atlas_tables.opened(tmp_path))
    told = {"status": "read", "source": "override 192.0.2.0/26 by me: test", "date": "2026-11-24"}
    ends = {"first": "192.0.2.0", "last": "192.0.2.63"}
    assert OriginRow(asn=65000, holder="AS65000", **ends, **told) == networks.origin("192.0.2.63")
    assert RegistrantRow(country="BE", **ends, **told) == networks.registrant("192.0.2.0")
    beside, country = networks.origin("192.0.2.64"), networks.registrant("192.0.2.64")
    assert beside is not None
    assert country is not None
    assert (64500, "FR", atlas_tables.IDENT) == (beside.asn, country.country, country.source)


def test_a_row_without_a_registrant_leaves_that_to_others(tmp_path: Path) -> None:
    """The wider row of the user's that names one, else the table."""
    narrow, wide = row("192.0.2.0/26", 65000), row("192.0.2.0/25", 65001, "BE")
    tables = atlas_tables.opened(tmp_path)
    for rows, expected in (((narrow,), "FR"), ((narrow, wide), "BE")):
        networks = Networks((), rows, tables)
        origin, registrant = networks.origin("192.0.2.1"), networks.registrant("192.0.2.1")
        assert origin is not None
        assert registrant is not None
        assert (65000, expected) == (origin.asn, registrant.country)


def test_without_tables_the_users_rows_alone_answer() -> None:
    """No atlas: nothing is known of the rest, and no text that is no address finds anything."""
    networks = Networks((), (row("10.0.0.0/8", 1),))
    found = networks.origin("10.1.1.1")
    assert found is not None
    assert ("10.0.0.0", "10.255.255.255", 1) == (found.first, found.last, found.asn)
    for text in ("11.0.0.1", "2001:688::1", "x", ""):
        assert (None, None) == (networks.origin(text), networks.registrant(text))
    assert networks.registrant("10.1.1.1") is None


def test_a_scope_does_not_hide_the_origin(tmp_path: Path) -> None:
    """`2001:db8::1%eth0` is the address without it."""
    found = Networks((), (), atlas_tables.opened(tmp_path)).origin("2001:db8::1%eth0")
    assert found is not None
    assert found.asn == 64501
