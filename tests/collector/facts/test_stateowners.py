"""Lists of state-owned operators: columns by name, bad lines named, the rest stands."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.errors import UnreadableError
from collector.facts.geofeed import BadLine
from collector.facts.stateowners import StateOwner, StateOwners, read

HEAD = "asn,conglomerate,org_name,ownership_cc,quote,url"
MAJORITY = f"""{HEAD}
5432,BE-PROXIMUS,Proximus NV,BE,"Shareholders: Belgian State, others",https://x.example/a
2119,NO-TELENOR,Telenor Norge AS,no,,
"""
MINORITY = """asn,org_name,ownership_percentage,ownership_cc
AS5511,Orange S.A.,22.95,FR
"""


def test_columns_go_by_their_names() -> None:
    """Those that are not asked for are passed over; a share stands in one of the lists alone."""
    assert (
        StateOwner(5432, "Proximus NV", "BE", "", "https://x.example/a"),
        StateOwner(2119, "Telenor Norge AS", "NO", "", ""),
    ) == read(MAJORITY.encode()).rows
    assert (StateOwner(5511, "Orange S.A.", "FR", "22.95", ""),) == read(MINORITY.encode()).rows


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("x,,A,FR,,", "'x' is no AS number"),
        ("0,,A,FR,,", "'0' is no AS number"),
        ("4294967296,,A,FR,,", "'4294967296' is no AS number"),
        ("5432,,A,FRA,,", "'FRA' is no country of two letters (ISO 3166-1)"),
        ("5432", "'' is no country of two letters (ISO 3166-1)"),
    ],
)
def test_a_bad_line_is_named_and_the_others_stand(line: str, why: str) -> None:
    """By its number in the file."""
    found = read(f"{HEAD}\n{line}\n1299,,Arelion,SE,,\n".encode())
    assert ((BadLine(2, why),), [1299]) == (found.bad, [row.asn for row in found.rows])


@pytest.mark.parametrize(
    ("octets", "why"),
    [
        (b"\xff", "is no list in UTF-8: "),
        (b"", "is no list of state-owned operators: it lacks 'asn'"),
        (b"asn,org_name\n1,A\n", "is no list of state-owned operators: it lacks 'ownership_cc'"),
        (HEAD.encode(), "has no line of a state-owned operator$"),
        (f"{HEAD}\nx,,A,FR,,".encode(), "has no line of a state-owned operator; line 2: 'x' is no"),
    ],
)
def test_another_file_is_refused(octets: bytes, why: str) -> None:
    """One sentence."""
    with pytest.raises(UnreadableError, match=f"^{why}"):
        read(octets)


@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: f"{HEAD}\n{text}".encode()))
def test_garbage_raises_only_its_documented_error(octets: bytes) -> None:
    """A file of anybody's."""
    try:
        found = read(octets)
    except UnreadableError:
        return
    assert isinstance(found, StateOwners)
