"""Clouds' own lists are recognised by what they hold; a range of two regions is of none."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.errors import UnreadableError
from collector.facts.cloudranges import CloudList, read
from tests.fakes import cloud_tables

KEYS = ["prefixes", "ip_prefix", "region", "values", "regions", "cidrs", "cidr", "properties"]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=20,
)


@pytest.mark.parametrize(
    ("octets", "date", "expected"),
    [
        (
            cloud_tables.AWS,
            "2026-11-20",
            [
                ("192.0.2.0/24", "aws", "eu-west-3", False),
                ("192.0.2.0/25", "aws", "eu-west-3", True),
                ("2001:db8::/32", "aws", "eu-central-1", True),
            ],
        ),
        (
            cloud_tables.GOOGLE,
            "2026-11-21",
            [
                ("192.0.2.0/24", "google", "europe-west9", True),
                ("2001:db8::/32", "google", "europe-west3", True),
            ],
        ),
        (
            cloud_tables.AZURE,
            None,
            [
                ("192.0.2.0/24", "azure", "centralfrance", True),
                ("2001:db8::/32", "azure", "centralfrance", True),
            ],
        ),
        (cloud_tables.ORACLE, "2026-11-22", [("192.0.2.0/24", "oracle", "eu-paris-1", True)]),
    ],
    ids=["aws", "google", "azure", "oracle"],
)
def test_each_cloud_is_recognised(
    octets: bytes, date: str | None, expected: list[tuple[str, str, str, bool]]
) -> None:
    """Ranges, regions and the day; what is everywhere, or of the network at large, is apart."""
    found = read(octets)
    assert date == found.date
    assert expected == [
        (str(one.network), one.provider, one.region, one.regional) for one in found.ranges
    ]


def test_a_bad_row_is_named_and_left_out() -> None:
    """Host bits, as anything else that is no prefix."""
    (said,) = read(cloud_tables.AWS).bad
    assert said == "prefixes[4]: '198.51.100.1/24' is no prefix; the row is left out"


def test_a_range_of_two_regions_is_of_none() -> None:
    """Nobody can say in which of them an address is."""
    rows = [
        {"ipv4Prefix": "192.0.2.0/24", "scope": scope} for scope in ("europe-west9", "us-east1")
    ]
    other = {"ipv4Prefix": "198.51.100.0/24", "scope": "us-east1"}
    found = read(json.dumps({"prefixes": [*rows, other]}).encode())
    assert ["198.51.100.0/24"] == [str(one.network) for one in found.ranges]


@pytest.mark.parametrize(
    ("octets", "why"),
    [
        (b"<html>", "is no JSON: "),
        (b"[" * 100_000, "is no JSON: "),
        (b"[1]", "is no list of ranges of a known form"),
        (b"{}", "is no list of ranges of a known form: give ip-ranges.json of AWS, cloud.json"),
        (b'{"values": []}', "names no range of a region; it is empty"),
        (
            b'{"prefixes": [{"ip_prefix": "x", "region": "eu-west-3"}]}',
            r"names no range of a region; prefixes\[0\]: 'x' is no prefix",
        ),
    ],
)
def test_another_document_is_refused(octets: bytes, why: str) -> None:
    """One sentence says what is wrong, and what could be given."""
    with pytest.raises(UnreadableError, match=f"^{why}"):
        read(octets)


@given(st.binary(max_size=60) | JSON.map(lambda value: json.dumps(value).encode()))
def test_garbage_raises_only_its_documented_error(octets: bytes) -> None:
    """A document of anybody's."""
    try:
        found = read(octets)
    except UnreadableError:
        return
    assert isinstance(found, CloudList)
