"""Special-purpose ranges and the user's rows of holders."""

from ipaddress import IPv4Address, IPv6Address, ip_network

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from collector.networks import Networks, load_special, parse
from collector.records import NetworkOverride

NETWORKS = Networks(load_special(), ())


def row(prefix: str, asn: int) -> NetworkOverride:
    """Return an override."""
    return NetworkOverride(
        prefix=prefix, asn=asn, holder=f"AS{asn}", author="me", date="2026-11-24", reason="test"
    )


@given(st.ip_addresses(v=4))
@example(IPv4Address("100.64.0.0"))
@example(IPv4Address("100.127.255.255"))
@example(IPv4Address("192.88.99.1"))
def test_agrees_with_the_standard_library(address: IPv4Address) -> None:
    """Whatever Python calls not global or multicast is excluded, and only 6to4's relay beside."""
    special = not address.is_global or address.is_multicast
    special |= address in ip_network("192.88.99.0/24")
    # 192.0.0.0/24 is excluded whole: two of its addresses are anycast and have no place either.
    special |= address in ip_network("192.0.0.0/24")
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
    ["8.8.8.8", "193.251.241.22", "2001:688::1", "2a01:cfc4::5", "100.63.255.255", "11.0.0.1"],
)
def test_public_addresses_are_not_special(address: str) -> None:
    """Routers' addresses are looked at, squatted space included."""
    assert NETWORKS.special(address) is None


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
