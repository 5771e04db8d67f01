"""Rows of a Statement stand in for the files that they came from."""

from ipaddress import ip_address

import msgspec
import pytest

from collector.facts.imported import EVIDENCE, ImportedRow, NoImports, StatedImports

ROW = ImportedRow(
    kind="geofeed",
    name="feed",
    first="192.0.2.0",
    last="192.0.2.127",
    country="FR",
    author="me",
    date="2026-11-24",
)


@pytest.mark.parametrize(
    ("address", "held"),
    [
        ("192.0.2.0", True),
        ("192.0.2.127", True),
        ("192.0.1.255", False),
        ("192.0.2.128", False),
        ("::c000:200", False),
    ],
)
def test_both_ends_of_a_range_are_inside(address: str, held: bool) -> None:
    """And an address of the other family with the same number is not."""
    assert ((ROW,) if held else ()) == StatedImports([ROW]).said(ip_address(address))


def test_an_end_that_is_no_address_is_refused() -> None:
    """A Statement that was changed is found where it is read."""
    with pytest.raises(ValueError, match="nowhere"):
        StatedImports([msgspec.structs.replace(ROW, first="nowhere")])


def test_without_files_nothing_is_said() -> None:
    """Of no address and of no AS number."""
    none = NoImports()
    address = ip_address("192.0.2.1")
    assert ((), None, ()) == (none.said(address), none.cloud(address), none.owners(64500))


def test_files_of_users_never_support_a_place() -> None:
    """Databases, geofeeds and lists of owners are shown under kinds of their own."""
    assert {"cloud"} == {kind for kind, shown in EVIDENCE.items() if shown == "cloud"}
