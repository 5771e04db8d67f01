"""Pseudonyms are addresses of the same rows, each its own, and only for what is to be hidden."""

from dataclasses import replace
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.audit.pseudonyms import Pseudonyms
from collector.errors import UnreadableError
from collector.facts import knowledge
from collector.facts.imported import ImportedRow, StatedImports
from collector.facts.networks import Networks, load_special
from tests.fakes.paths import path, reply
from tests.fakes.ranges import RowTables, origin, registrant

TABLES = RowTables(
    [
        origin("193.251.0.0", "193.251.255.255", 5511, "Orange"),
        origin("8.8.8.8", "8.8.8.8", 15169, "G"),
    ],
    [registrant("193.251.240.0", "193.251.247.255", "FR")],
)
KNOWN = replace(knowledge.load(), networks=Networks(load_special(), (), TABLES))


def learnt(*addresses: str, own: tuple[str, ...] = (), salt: bytes = b"salt") -> Pseudonyms:
    """Return the pseudonyms for a path over hops; the first one is the gateway."""
    found = Pseudonyms(salt, (KNOWN,), own)
    found.learn([path(*([reply(address)] for address in addresses), address="51.15.0.1")])
    return found


@pytest.mark.parametrize(
    "address",
    ["192.168.1.254", "10.1.2.3", "100.64.0.9", "169.254.3.4", "fd00::9", "fe80::1%eth0"],
)
def test_special_addresses_get_another_one_of_their_range(address: str) -> None:
    """So that they are left out as before, for the same reason."""
    by = learnt("62.115.125.171", address)
    found = by.address(address)
    assert found != address.partition("%")[0]
    assert KNOWN.networks.special(address) == KNOWN.networks.special(found)
    assert by.hides(address)


def test_a_public_gateway_stands_in_the_same_rows() -> None:
    """The AS and the registry's country are what they were."""
    found = learnt("193.251.241.22").address("193.251.241.22")
    assert found != "193.251.241.22"
    for ask in (KNOWN.networks.origin, KNOWN.networks.registrant):
        assert ask("193.251.241.22") == ask(found)


def test_everybody_else_stays() -> None:
    """A router on the way is no secret, and the target is none at TTL 1."""
    by = learnt("192.168.1.1", "62.115.125.171", "51.15.0.1")
    assert ("62.115.125.171", "51.15.0.1") == (
        by.address("62.115.125.171"),
        by.address("51.15.0.1"),
    )
    near = learnt("51.15.0.1")
    assert ("51.15.0.1", False) == (near.address("51.15.0.1"), near.hides(None))


def test_an_agents_own_address_is_hidden_anywhere() -> None:
    """The settings name it."""
    by = learnt("192.168.1.1", "62.115.125.171", own=("62.115.125.171",))
    assert "62.115.125.171" != by.address("62.115.125.171")


def test_where_no_other_address_stands_in_the_rows_there_is_none() -> None:
    """A row of one address would give it away."""
    with pytest.raises(UnreadableError, match="has no redacted form"):
        learnt("8.8.8.8", "62.115.125.171", own=("8.8.8.8",)).address("8.8.8.8")


@given(st.sets(st.integers(1, 250), min_size=2, max_size=40))
def test_no_two_have_the_same(hosts: set[int]) -> None:
    """A path over two machines stays one over two."""
    addresses = [f"192.168.7.{host}" for host in sorted(hosts)]
    by = learnt(*addresses)
    assert len(addresses) == len({by.address(address) for address in addresses})


def test_words_are_hashed_with_the_salt() -> None:
    """Names and ids of agents, ids of paths, names of hidden targets."""
    one, other = learnt("192.168.1.1"), learnt("192.168.1.1", salt=b"pepper")
    assert one.agent("paris").startswith("agent-")
    assert {16} == {len(by.agent_id(bytes(16))) for by in (one, other)}
    for ask in ("agent", "path", "name"):
        assert getattr(one, ask)("paris") == getattr(learnt("10.0.0.1"), ask)("paris")
        assert getattr(one, ask)("paris") != getattr(other, ask)("paris")


def test_a_row_of_the_users_own_files_is_kept_too() -> None:
    """A geofeed of the operator may be as narrow as a customer; the pseudonym stands in it."""
    row = ImportedRow(
        kind="geofeed",
        name="ours",
        first="193.251.241.16",
        last="193.251.241.23",
        country="FR",
        author="a test",
        date="2026-11-26",
    )
    known = replace(KNOWN, imports=StatedImports((row,)))
    found = Pseudonyms(b"salt", (known,))
    found.learn([path([reply("193.251.241.22")], [reply("51.15.0.1")])])
    assert _within(found.address("193.251.241.22"), row)


def _within(text: str, row: ImportedRow) -> bool:
    return int(ip_address(row.first)) <= int(ip_address(text)) <= int(ip_address(row.last))
