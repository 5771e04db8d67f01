"""The emulated resolver's answers, read by a stranger's parser."""

import dns.flags
import dns.message
import dns.rcode
import dns.reversename
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.lab.resolver import Resolver

NAME = "tengige1-13-0-5.pastr1.Paris.opentransit.net."
ADDRESS = "193.251.254.153"
ADDRESS_6 = "2001:688:0:2:1::9"
MANY = {f"198.51.100.{last}": "many.example.net" for last in range(100)}
FORTY = {f"203.0.113.{last}": "forty.example.net" for last in range(40)}
RESOLVER = Resolver(
    {
        ADDRESS: NAME,
        ADDRESS_6: NAME,
        "192.0.2.1": "two.example.net",
        "192.0.2.2": "two.example.net",
        "192.0.2.3": "stale.example.net",
        **FORTY,
        **MANY,
    },
    only_reverse={"192.0.2.3"},
)


def ask(
    name: str, kind: str, *, stream: bool = False, payload: int | None = None
) -> dns.message.Message:
    """Ask, over a stream or in a datagram, and read the answer; `payload` asks with EDNS."""
    query = dns.message.make_query(name, kind, payload=payload)
    answer = RESOLVER.answer(query.to_wire(), stream=stream)
    assert answer is not None
    read = dns.message.from_wire(answer)
    assert query.is_response(read)
    return read


def test_ptr_and_back() -> None:
    """An address has its name, with its case kept, and the name leads back to the address."""
    reverse = ask(str(dns.reversename.from_address(ADDRESS)), "PTR")
    assert [row.to_text() for row in reverse.answer[0]] == [NAME]
    forward = ask(NAME.lower(), "A")
    assert [row.to_text() for row in forward.answer[0]] == [ADDRESS]


def test_ipv6_has_names_too() -> None:
    """An IPv6 address has its name under ip6.arpa, and AAAA leads back (RFC 3596)."""
    reverse = ask(str(dns.reversename.from_address(ADDRESS_6)), "PTR")
    assert [NAME] == [row.to_text() for row in reverse.answer[0]]
    forward = ask(NAME, "AAAA")
    assert [ADDRESS_6] == [row.to_text() for row in forward.answer[0]]


def test_a_name_that_leads_back_to_nothing() -> None:
    """A stale name is in the reverse tree alone."""
    reverse = ask("3.2.0.192.in-addr.arpa", "PTR")
    assert ["stale.example.net."] == [row.to_text() for row in reverse.answer[0]]
    assert dns.rcode.NXDOMAIN == ask("stale.example.net", "A").rcode()


@pytest.mark.parametrize(
    ("payload", "fitting"),
    [
        (None, {"two"}),
        (512, {"two"}),
        (100, {"two"}),
        (800, {"two", "forty"}),
        (4096, {"two", "forty"}),
    ],
)
def test_what_does_not_fit_a_datagram_is_cut(payload: int | None, fitting: set[str]) -> None:
    """Forty addresses need 600 octets, a hundred 1,600: more than the resolver ever sends."""
    answers = {
        name: ask(f"{name}.example.net", "A", payload=payload) for name in ("two", "forty", "many")
    }
    assert fitting == {name for name, read in answers.items() if not read.flags & dns.flags.TC}
    assert fitting == {name for name, read in answers.items() if read.answer}


def test_a_stream_carries_the_whole_answer() -> None:
    """Over TCP all addresses come, whatever was asked in a datagram before."""
    ask("many.example.net", "A")
    whole = ask("many.example.net", "A", stream=True)
    assert not whole.flags & dns.flags.TC
    assert set(MANY) == {row.to_text() for row in whole.answer[0]}


def test_a_name_with_two_addresses() -> None:
    """A name that two addresses carry leads back to both."""
    assert {row.to_text() for row in ask("two.example.net", "A").answer[0]} == {
        *("192.0.2.1", "192.0.2.2")
    }


def test_unknown_names_and_other_types() -> None:
    """An unknown name does not exist; a known one has no record of another type."""
    assert ask("nobody.example.net", "A").rcode() == dns.rcode.NXDOMAIN
    assert ask("9.2.0.192.in-addr.arpa", "PTR").rcode() == dns.rcode.NXDOMAIN
    empty = ask("two.example.net", "AAAA")
    assert (empty.rcode(), empty.answer) == (dns.rcode.NOERROR, [])


def test_other_classes_are_refused() -> None:
    """The resolver serves the internet class alone."""
    query = dns.message.make_query("two.example.net", "A", "CH")
    answer = RESOLVER.answer(query.to_wire())
    assert answer is not None
    assert dns.message.from_wire(answer).rcode() == dns.rcode.REFUSED


def test_answers_are_not_queries() -> None:
    """What is an answer already is not answered."""
    query = dns.message.make_query("two.example.net", "A")
    query.flags |= dns.flags.QR
    assert RESOLVER.answer(query.to_wire()) is None


@given(st.binary(max_size=80))
def test_garbage_is_answered_or_ignored(octets: bytes) -> None:
    """Nothing that arrives can hurt the resolver."""
    answer = RESOLVER.answer(octets)
    assert answer is None or answer[:2] == octets[:2]
