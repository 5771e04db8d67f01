"""The emulated resolver's answers, read by a stranger's parser."""

import dns.flags
import dns.message
import dns.rcode
import dns.reversename
from hypothesis import given
from hypothesis import strategies as st

from deploy.lab.resolver import Resolver

NAME = "tengige1-13-0-5.pastr1.Paris.opentransit.net."
ADDRESS = "193.251.254.153"
RESOLVER = Resolver({ADDRESS: NAME, "192.0.2.1": "two.example.net", "192.0.2.2": "two.example.net"})


def ask(name: str, kind: str) -> dns.message.Message:
    """Ask and read the answer."""
    query = dns.message.make_query(name, kind)
    answer = RESOLVER.answer(query.to_wire())
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


def test_a_name_with_two_addresses() -> None:
    """A name that two addresses carry leads back to both."""
    assert {row.to_text() for row in ask("two.example.net", "A").answer[0]} == {
        *("192.0.2.1", "192.0.2.2")
    }


def test_unknown_names_and_other_types() -> None:
    """An unknown name does not exist; a known one has no record of another type."""
    assert ask("nobody.example.net", "A").rcode() == dns.rcode.NXDOMAIN
    assert ask("9.2.0.192.in-addr.arpa", "PTR").rcode() == dns.rcode.NXDOMAIN
    empty = ask(NAME, "AAAA")
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
