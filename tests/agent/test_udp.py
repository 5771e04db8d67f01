"""The datagrams of a UDP traceroute: what is built is what errors quote."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent import udp
from agent.errors import WireError
from agent.ports import Message, Notice
from agent.records import Family
from tests.fakes.agent_probing import extension

TOKEN = b"tokentok"
STACK = ((24_001, 5, 0, 1), (18, 0, 1, 254))


def dialect(family: Family = 4) -> udp.UdpDialect:
    """Make a dialect."""
    return udp.UdpDialect(family=family, token=TOKEN)


def notice(quote: bytes, kind: int = 11, extension_at: int = 0) -> Notice:
    """Make an entry of the error queue."""
    return Notice(
        type=kind,
        code=0,
        source="198.51.100.1",
        destination="192.0.2.1",
        quote=quote,
        extension_at=extension_at,
        stamp_ns=1,
        ttl=60,
    )


@given(st.integers(0, 0xFFFF), st.integers(2, 56), st.integers(0, 99))
def test_an_error_names_its_probe(sequence: int, quoted: int, flow: int) -> None:
    """Two octets of payload are enough; the flow is the socket's and changes none of them."""
    request = dialect().request(sequence, flow)
    found = dialect().notice(notice(request[:quoted]))
    assert found == Message(
        type=11,
        code=0,
        identifier=0,
        sequence=sequence,
        payload=request[2:quoted],
        destination="192.0.2.1",
    )
    assert request == dialect().request(sequence, 0)
    assert request[2:10] == TOKEN


@pytest.mark.parametrize("quoted", [0, 1])
def test_a_short_quote_names_none(quoted: int) -> None:
    """RFC 792 asks for 8 octets: the UDP header, which the queue does not show."""
    found = dialect().notice(notice(dialect().request(7, 0)[:quoted]))
    assert found is not None
    assert (None, b"") == (found.sequence, found.payload)


@pytest.mark.parametrize(("family", "header_octets"), [(4, 28), (6, 48)])
def test_labels_announced_and_not(family: Family, header_octets: int) -> None:
    """The offset of RFC 4884 counts from the payload; the older form begins at octet 128."""
    kind = {4: 11, 6: 3}[family]
    quote = dialect(family).request(7, 0).ljust(128 - header_octets, b"\0") + extension(*STACK)
    for at in (128 - header_octets, 0):
        found = dialect(family).notice(notice(quote, kind, at))
        assert found is not None
        assert (7, STACK) == (found.sequence, found.mpls)


def test_what_is_no_answer() -> None:
    """A redirect answers no probe; a datagram that comes back names none."""
    assert dialect().notice(notice(b"", kind=5)) is None
    with pytest.raises(WireError, match="names no probe"):
        dialect().answer(b"hello")
