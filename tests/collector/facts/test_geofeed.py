"""Geofeeds as RFC 8805 has them: good lines count, bad ones are named, nothing else stops."""

from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.errors import UnreadableError
from collector.facts.geofeed import BadLine, Entry, Geofeed, read, told

FEED = """\ufeff# of a test
192.0.2.0/24,FR,FR-IDF,Paris,75001
192.0.2.128/25 , de , DE-HE , "Frankfurt, Main",  # an inner prefix
2001:db8::/32,SE
198.51.100.7,,,,

203.0.113.0/24,ZZ,,,
"""


def entries(text: str) -> tuple[Entry, ...]:
    """Return the good lines of a feed."""
    return read(text.encode()).entries


def test_fields_comments_and_families() -> None:
    """Comments end with their line, fields may be empty, quoted or absent, letters of any size."""
    assert [
        ("192.0.2.0/24", "FR", "FR-IDF", "Paris"),
        ("192.0.2.128/25", "DE", "DE-HE", "Frankfurt, Main"),
        ("2001:db8::/32", "SE", "", ""),
        ("198.51.100.7/32", None, "", ""),
        ("203.0.113.0/24", None, "", ""),
    ] == [(str(one.network), one.country, one.region, one.city) for one in entries(FEED)]
    assert () == read(FEED.encode()).bad


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("192.0.2.1/24,FR", "'192.0.2.1/24' is no prefix: it has host bits set"),
        ("2001:db8::1/32,FR", "'2001:db8::1/32' is no prefix: it has host bits set"),
        ("prefix,country", "'country' is no country of two letters (ISO 3166-1)"),
        ("192.0.2.0/33,FR", "'192.0.2.0/33' is no prefix: write one such as 192.0.2.0/24"),
        (",FR,,,", "'' is no prefix: write one such as 192.0.2.0/24"),
        ("192.0.2.0/24,FRA", "'FRA' is no country of two letters (ISO 3166-1)"),
        ("192.0.2.0/24,FR,Paris", "'Paris' is no region such as FR-IDF (ISO 3166-2)"),
        ("192.0.2.0/24,DE,FR-IDF", "region FR-IDF is not of country DE"),
        ('192.0.2.0/24,FR,,"Paris', "unexpected end of data"),
        ("203.0.113.0/25,DE,,,", "203.0.113.0/25 stands in line 1 already"),
    ],
)
def test_a_bad_line_is_named_and_the_others_stand(line: str, why: str) -> None:
    """The number is that of the line in the file, comments and empty lines counted."""
    found = read(f"203.0.113.0/25,FR,,,\n# comment\n\n{line}\n192.0.2.0/26,FR\n".encode())
    assert (BadLine(4, why),) == found.bad
    assert ["203.0.113.0/25", "192.0.2.0/26"] == [str(one.network) for one in found.entries]
    assert "FR" == found.entries[0].country


@pytest.mark.parametrize(
    ("octets", "why"),
    [
        (b"\xff\xfe", r"^is no text in UTF-8: invalid start byte at 0$"),
        (b"", r"^has no line of a geofeed \(RFC 8805\)$"),
        (b"# nothing\n", r"^has no line of a geofeed \(RFC 8805\)$"),
        (
            b"<html>",
            r"^has no line of a geofeed \(RFC 8805\); line 1: '<html>' is no prefix: write",
        ),
    ],
)
def test_a_file_without_a_good_line_is_refused(octets: bytes, why: str) -> None:
    """A page of an error, another file, nothing: one sentence."""
    with pytest.raises(UnreadableError, match=why):
        read(octets)


def test_what_a_stranger_writes_is_one_line() -> None:
    """What does not print becomes a space, and no name is endless."""
    (one,) = entries(f"192.0.2.0/24,FR,,Pa\x1b[31mris{'s' * 300},")
    assert one.city.startswith("Pa [31mris")
    assert len(one.city) == 200


def test_no_report_is_endless() -> None:
    """The first bad lines are told, the rest is counted."""
    bad = [BadLine(number, "is bad") for number in range(1, 6)]
    assert [
        "f.csv, line 1: is bad; the line is left out",
        "f.csv, line 2: is bad; the line is left out",
        "f.csv: 3 further lines are left out",
    ] == list(told(bad, "f.csv", 2))


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_garbage_raises_only_its_documented_error(octets: bytes) -> None:
    """A file of anybody's."""
    try:
        found = read(octets)
    except UnreadableError:
        return
    assert isinstance(found, Geofeed)


NETWORKS = st.ip_addresses().flatmap(
    lambda address: st.integers(0, address.max_prefixlen).map(
        lambda bits: ip_network((address, bits), strict=False)
    )
)


@given(
    st.lists(
        st.tuples(
            NETWORKS,
            st.none() | st.sampled_from(["FR", "DE", "US"]),
            st.text("abc ,'\u00e9", max_size=20),
        ),
        min_size=1,
        max_size=10,
        unique_by=lambda row: row[0],
    )
)
def test_what_is_written_is_read(rows: list[tuple[object, str | None, str]]) -> None:
    """A round trip through the text of a feed."""
    lines = [f'{network},{country or ""},,"{city}",' for network, country, city in rows]
    found = read("\n".join(lines).encode())
    assert () == found.bad
    assert [(n, c, " ".join(t.split())) for n, c, t in rows] == [
        (one.network, one.country, one.city) for one in found.entries
    ]
