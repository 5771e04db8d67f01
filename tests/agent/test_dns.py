"""DNS messages: dnspython reads what we write, we read what it writes, garbage is refused."""

import struct
from typing import Literal

import dns.flags
import dns.message
import dns.name
import dns.rdatatype
import dns.rrset
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.dns import (
    MAX_ALIASES,
    Answer,
    Kind,
    address_kind,
    canonical_address,
    is_host_name,
    parse,
    query,
    reverse_name,
)
from agent.errors import DnsError
from deploy.lab.resolver import Resolver

LABELS = st.from_regex(r"[a-z0-9_]([a-z0-9-]{0,20}[a-z0-9])?", fullmatch=True)
NAMES = st.lists(LABELS, min_size=1, max_size=5).map(".".join).filter(is_host_name)
DOTS = st.sampled_from(["", "."])
ADDRESSES = st.ip_addresses().map(str)


def answered(name: str, kind: Kind, *rows: tuple[str, str, str], ident: int = 7) -> bytes:
    """Return dnspython's answer to our own query, with `rows` of (owner, type, value)."""
    question = dns.message.from_wire(query(ident, name, kind, edns=False))
    answer = dns.message.make_response(question)
    for owner, rdtype, value in rows:
        answer.answer.append(dns.rrset.from_text(f"{owner}.", 300, "IN", rdtype, value))
    return answer.to_wire()


@given(
    NAMES, st.sampled_from(Kind), st.integers(0, 65535), st.booleans(), st.sampled_from(["", "."])
)
def test_dnspython_reads_our_queries(
    name: str, kind: Kind, ident: int, edns: bool, dot: str
) -> None:
    """A query carries the id, one question, the wish for recursion, and 1232 octets by EDNS(0)."""
    message = dns.message.from_wire(query(ident, name + dot, kind, edns=edns))
    question = message.question[0]
    assert (message.id, message.flags, question.name.to_text(), int(question.rdtype)) == (
        ident,
        dns.flags.RD,
        f"{name}.",
        int(kind),
    )
    assert (message.edns, message.payload) == ((0, 1232) if edns else (-1, 0))


@pytest.mark.parametrize(("kind", "version"), [(Kind.A, 4), (Kind.AAAA, 6)])
@given(st.data())
def test_addresses_come_back(kind: Kind, version: Literal[4, 6], data: st.DataObject) -> None:
    """The A or AAAA records of a compressed answer arrive in their order."""
    rows = st.lists(st.ip_addresses(v=version).map(str), unique=True, max_size=4)
    name, addresses = data.draw(NAMES), data.draw(rows)
    message = answered(name, kind, *((name, kind.name, address) for address in addresses))
    assert parse(message, 7, name, kind) == Answer(
        code=0, truncated=False, records=tuple(addresses), ttl_s=300 if addresses else 0
    )


def test_the_other_family_is_not_taken() -> None:
    """A records beside an AAAA answer are nobody's, and the reverse."""
    rows = (("a.example", "AAAA", "2001:db8::1"), ("a.example", "A", "192.0.2.1"))
    found = [
        parse(answered("a.example", kind, *rows), 7, "a.example", kind).records
        for kind in (Kind.A, Kind.AAAA)
    ]
    assert found == [("192.0.2.1",), ("2001:db8::1",)]


@given(ADDRESSES, NAMES)
def test_names_come_back(address: str, name: str) -> None:
    """The PTR record of an address arrives as the name."""
    asked = reverse_name(address)
    message = answered(asked, Kind.PTR, (asked, "PTR", f"{name}."))
    assert parse(message, 7, asked, Kind.PTR).records == (name,)


def test_aliases_are_followed_in_any_order() -> None:
    """A chain of CNAMEs leads to the address, wherever its links stand; a loop ends."""
    message = answered(
        "www.example",
        Kind.A,
        ("b.example", "A", "192.0.2.2"),
        ("a.example", "CNAME", "b.example."),
        ("WWW.example", "CNAME", "a.example."),
        ("b.example", "CNAME", "www.example."),
        ("other.example", "A", "192.0.2.9"),
    )
    assert parse(message, 7, "www.Example", Kind.A).records == ("192.0.2.2",)


@pytest.mark.parametrize(("links", "fine"), [(MAX_ALIASES, True), (MAX_ALIASES + 1, False)])
def test_a_chain_of_aliases_is_bounded(links: int, fine: bool) -> None:
    """Sixteen links are followed; an answer with more is refused, not half read."""
    chain = [(f"n{number}.example", "CNAME", f"n{number + 1}.example.") for number in range(links)]
    message = answered("n0.example", Kind.A, *chain, (f"n{links}.example", "A", "192.0.2.2"))
    try:
        found: object = parse(message, 7, "n0.example", Kind.A).records
    except DnsError as error:
        found = str(error)
    refusal = f"n0.example is an alias over more than {MAX_ALIASES} links"
    assert found == (("192.0.2.2",) if fine else refusal)


def test_a_bare_refusal_is_an_answer() -> None:
    """A header alone counts where it has our id, is an answer and says FORMERR."""
    header = struct.Struct("!6H")
    assert parse(header.pack(7, 0x8001, 0, 0, 0, 0), 7, "a.example", Kind.A).code == 1
    for ident, flags in ((8, 0x8001), (7, 0x0001), (7, 0x8002)):
        with pytest.raises(DnsError):
            parse(header.pack(ident, flags, 0, 0, 0, 0), 7, "a.example", Kind.A)


def test_no_such_name_and_truncation_are_told() -> None:
    """The response code and the truncation bit arrive."""
    message = bytearray(answered("a.example", Kind.A))
    struct.pack_into("!H", message, 2, 0x8383)
    assert parse(bytes(message), 7, "a.example", Kind.A) == Answer(
        code=3, truncated=True, records=(), ttl_s=0
    )


def test_a_truncated_answer_may_end_anywhere() -> None:
    """Somebody on the way cut it in the middle of a record: TCP will tell, nothing else is read."""
    whole = bytearray(answered("a.example", Kind.A, ("a.example", "A", "192.0.2.1")))
    struct.pack_into("!H", whole, 2, 0x8380)
    cut = Answer(code=0, truncated=True, records=(), ttl_s=0)
    assert {cut} == {parse(bytes(whole[:end]), 7, "a.example", Kind.A) for end in (-1, -9, None)}


@pytest.mark.parametrize(
    ("ident", "name", "kind"),
    [(8, "a.example", Kind.A), (7, "b.example", Kind.A), (7, "a.example", Kind.PTR)],
)
def test_foreign_answers_are_refused(ident: int, name: str, kind: Kind) -> None:
    """An answer with another id or to another question is not ours."""
    with pytest.raises(DnsError) as caught:
        parse(answered("a.example", Kind.A), ident, name, kind)
    assert caught.value.reason == "foreign"


def test_our_own_query_is_no_answer() -> None:
    """A query sent back as it was does not count as its answer."""
    with pytest.raises(DnsError, match="does not answer our query"):
        parse(query(7, "a.example", Kind.A), 7, "a.example", Kind.A)


def record(name: bytes, kind: int, value: bytes) -> bytes:
    """Return a record of class IN with a TTL of an hour."""
    return name + struct.pack("!HHIH", kind, 1, 3600, len(value)) + value


def with_records(*records: bytes, kind: Kind = Kind.A) -> bytes:
    """Return an answer about a.example that ends with hand-made records."""
    message = bytearray(answered("a.example", kind))
    struct.pack_into("!H", message, 6, len(records))
    return bytes(message) + b"".join(records)


@pytest.mark.parametrize(
    ("octets", "says"),
    [
        (record(b"\xc0\x1b", 1, b"\x01\x02\x03\x04"), "points forward, or at itself"),
        (record(b"\x01a\xc0\x1b", 1, b"\x01\x02\x03\x04"), "points forward, or at itself"),
        (record(b"\xc0\xff", 1, b"\x01\x02\x03\x04"), "points forward, or at itself"),
        (record(b"\xc0\x0c", 1, b"\x01\x02\x03"), "a record of type 1 with 3 octets"),
        (record(b"\xc0\x0c", 5, b"\x01a\x00x"), "does not fill it"),
        (record(b"\xc0\x0c", 1, b"\x01\x02\x03\x04")[:-1], "ends behind its message"),
        (record(b"\xc0\x0c", 1, b"")[:-3], "ends in the middle"),
        (record(b"\x40a\x00", 1, b"\x01\x02\x03\x04"), "too long"),
        (record((b"\x3f" + b"a" * 63) * 4 + b"\x00", 1, b"\x01\x02\x03\x04"), "too long"),
        (b"\x05ab", "ends behind its message"),
    ],
)
def test_malformed_records(octets: bytes, says: str) -> None:
    """Loops, overlong names and records that lie about their length are refused."""
    with pytest.raises(DnsError, match=says) as caught:
        parse(with_records(octets), 7, "a.example", Kind.A)
    assert caught.value.reason == "malformed"


def test_too_many_records_are_refused() -> None:
    """A message cannot make us read sixty thousand records."""
    message = bytearray(answered("a.example", Kind.A))
    struct.pack_into("!H", message, 6, 60_000)
    with pytest.raises(DnsError, match="60000 records"):
        parse(bytes(message), 7, "a.example", Kind.A)


@pytest.mark.parametrize("kind", Kind)
@given(st.binary(max_size=120), st.booleans())
def test_garbage_raises_only_dns_error(kind: Kind, octets: bytes, headed: bool) -> None:
    """Random octets, also behind a proper header and question, never raise anything else."""
    whole = with_records(octets, kind=kind) if headed else octets
    try:
        found = parse(whole, 7, "a.example", kind)
    except DnsError as error:
        found = error
    assert isinstance(found, Answer | DnsError)


@given(st.sampled_from(Kind), st.lists(st.tuples(st.integers(0, 300), st.integers(0, 255))))
def test_flipped_octets_raise_only_dns_error(kind: Kind, flips: list[tuple[int, int]]) -> None:
    """A real answer with octets changed anywhere is read or refused, nothing else."""
    rows = [("a.example", "CNAME", "b.example."), ("b.example", "A", "192.0.2.1")]
    rows += [("b.example", "AAAA", "2001:db8::1"), ("b.example", "PTR", "c.example.")]
    message = bytearray(answered("a.example", kind, *rows))
    for at, octet in flips:
        message[at % len(message)] = octet
    try:
        found: object = parse(bytes(message), 7, "a.example", kind)
    except DnsError as error:
        found = error
    assert isinstance(found, Answer | DnsError)


@pytest.mark.parametrize(
    ("address", "name", "kind"),
    [
        ("192.0.2.1", "1.2.0.192.in-addr.arpa", Kind.A),
        ("2001:DB8::1", "1" + ".0" * 23 + ".8.b.d.0.1.0.0.2.ip6.arpa", Kind.AAAA),
        ("fe80::1%eth0", "1" + ".0" * 28 + ".8.e.f.ip6.arpa", Kind.AAAA),
    ],
)
def test_names_of_addresses(address: str, name: str, kind: Kind) -> None:
    """RFC 1035 section 3.5 and RFC 3596 section 2.5; a scope is not part of the name."""
    assert (reverse_name(address), address_kind(address)) == (name, kind)


def test_an_address_has_one_text() -> None:
    """However an address is written, it compares with what an answer says."""
    found = [canonical_address(text) for text in ("2001:DB8:0::1", "fe80::1%eth0", "192.0.2.1")]
    assert found == ["2001:db8::1", "fe80::1", "192.0.2.1"]


def test_the_labs_resolver_and_the_stub_understand_each_other() -> None:
    """Both families, a name that is not there, an answer that is cut, and the whole of it."""
    many = [f"2001:db8::{number:x}" for number in range(1, 101)]
    names = {"192.0.2.1": "one.example", "2001:db8:1::1": "one.example"}
    resolver = Resolver(names | dict.fromkeys(many, "many.example"))

    def ask(name: str, kind: Kind, *, stream: bool = False, edns: bool = True) -> Answer:
        answer = resolver.answer(query(7, name, kind, edns=edns), stream=stream)
        assert answer is not None
        return parse(answer, 7, name, kind)

    assert ask("one.example", Kind.A).records == ("192.0.2.1",)
    assert ask("one.example", Kind.AAAA).records == ("2001:db8:1::1",)
    assert ask(reverse_name("2001:db8:1::1"), Kind.PTR).records == ("one.example",)
    assert ask("none.example", Kind.A).code == 3
    assert {ask("many.example", Kind.AAAA, edns=edns).truncated for edns in (False, True)} == {True}
    whole = ask("many.example", Kind.AAAA, stream=True)
    assert (whole.truncated, set(whole.records)) == (False, set(many))


def test_a_time_to_live_beyond_31_bits_is_none() -> None:
    """RFC 2181 section 8: whoever sets the highest bit means zero."""
    message = answered("a.example", Kind.A, ("a.example", "A", "192.0.2.1"))
    at = len(message) - 10
    found = [
        parse(message[:at] + ttl_s.to_bytes(4, "big") + message[at + 4 :], 7, "a.example", Kind.A)
        for ttl_s in (2**31 - 1, 2**31)
    ]
    assert [2**31 - 1, 0] == [each.ttl_s for each in found]


def test_octets_that_are_no_host_name_are_kept_visible() -> None:
    """A PTR name with control characters arrives escaped, and is then no host name."""
    value = b"\x04a\x1b.b\x07example\x00"
    message = answered("1.2.0.192.in-addr.arpa", Kind.PTR)
    whole = bytearray(message) + record(b"\xc0\x0c", 12, value)
    struct.pack_into("!H", whole, 6, 1)
    (name,) = parse(bytes(whole), 7, "1.2.0.192.in-addr.arpa", Kind.PTR).records
    assert (name, is_host_name(name)) == ("a\\027\\046b.example", False)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("ae1-0.par2.core.example.net", True),
        ("_x.example", True),
        ("a" * 63 + ".fr", True),
        ("a" * 64 + ".fr", False),
        (".".join(["a" * 60] * 5), False),
        ("", False),
        ("a..b", False),
        ("192.0.2.1", False),
        ("a b", False),
        ("<script>", False),
        ("caf\u00e9.fr", False),
        ("a.", False),
    ],
)
def test_is_host_name(name: str, *, expected: bool) -> None:
    """Only plausible names of hosts pass: the rest is dropped, never shown."""
    assert is_host_name(name) is expected


@pytest.mark.parametrize("name", ["a b", "", "x" * 254, "caf\u00e9.fr", "a..b", "a..", "."])
def test_names_that_cannot_be_asked(name: str) -> None:
    """A name that DNS cannot carry is refused before it is sent."""
    with pytest.raises(DnsError) as caught:
        query(1, name, Kind.A)
    assert caught.value.reason == "name"
