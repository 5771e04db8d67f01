"""DNS messages: dnspython reads what we write, we read what it writes, garbage is refused."""

import struct

import dns.flags
import dns.message
import dns.name
import dns.rdatatype
import dns.rrset
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.dns import Answer, Kind, is_host_name, parse, query, reverse_name
from agent.errors import DnsError

LABELS = st.from_regex(r"[a-z0-9_]([a-z0-9-]{0,20}[a-z0-9])?", fullmatch=True)
NAMES = st.lists(LABELS, min_size=1, max_size=5).map(".".join).filter(is_host_name)
ADDRESSES = st.ip_addresses(v=4).map(str)


def answered(name: str, kind: Kind, *rows: tuple[str, str, str], ident: int = 7) -> bytes:
    """Return dnspython's answer to our own query, with `rows` of (owner, type, value)."""
    question = dns.message.from_wire(query(ident, name, kind))
    answer = dns.message.make_response(question)
    for owner, rdtype, value in rows:
        answer.answer.append(dns.rrset.from_text(f"{owner}.", 300, "IN", rdtype, value))
    return answer.to_wire()


@given(NAMES, st.sampled_from(Kind), st.integers(0, 65535))
def test_dnspython_reads_our_queries(name: str, kind: Kind, ident: int) -> None:
    """A query carries the id, one question and the wish for recursion."""
    message = dns.message.from_wire(query(ident, name, kind))
    question = message.question[0]
    assert (message.id, message.flags, question.name.to_text(), int(question.rdtype)) == (
        ident,
        dns.flags.RD,
        f"{name}.",
        int(kind),
    )


@given(NAMES, st.lists(ADDRESSES, unique=True, max_size=4))
def test_addresses_come_back(name: str, addresses: list[str]) -> None:
    """The A records of a compressed answer arrive in their order."""
    message = answered(name, Kind.A, *((name, "A", address) for address in addresses))
    assert parse(message, 7, name, Kind.A) == Answer(
        code=0, truncated=False, records=tuple(addresses), ttl_s=300 if addresses else 0
    )


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


def test_no_such_name_and_truncation_are_told() -> None:
    """The response code and the truncation bit arrive."""
    message = bytearray(answered("a.example", Kind.A))
    struct.pack_into("!H", message, 2, 0x8383)
    assert parse(bytes(message), 7, "a.example", Kind.A) == Answer(
        code=3, truncated=True, records=(), ttl_s=0
    )


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


def with_records(*records: bytes) -> bytes:
    """Return an answer about a.example that ends with hand-made records."""
    message = bytearray(answered("a.example", Kind.A))
    struct.pack_into("!H", message, 6, len(records))
    return bytes(message) + b"".join(records)


@pytest.mark.parametrize(
    ("octets", "says"),
    [
        (record(b"\xc0\x1b", 1, b"\x01\x02\x03\x04"), "points forward, or at itself"),
        (record(b"\x01a\xc0\x1b", 1, b"\x01\x02\x03\x04"), "points forward, or at itself"),
        (record(b"\xc0\xff", 1, b"\x01\x02\x03\x04"), "points forward, or at itself"),
        (record(b"\xc0\x0c", 1, b"\x01\x02\x03"), "an A record of 3 octets"),
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


@given(st.binary(max_size=120), st.booleans())
def test_garbage_raises_only_dns_error(octets: bytes, headed: bool) -> None:
    """Random octets, also behind a proper header and question, never raise anything else."""
    whole = with_records(octets) if headed else octets
    try:
        found = parse(whole, 7, "a.example", Kind.A)
    except DnsError as error:
        found = error
    assert isinstance(found, Answer | DnsError)


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


@pytest.mark.parametrize("name", ["a b", "", "x" * 254, "caf\u00e9.fr", "a..b"])
def test_names_that_cannot_be_asked(name: str) -> None:
    """A name that DNS cannot carry is refused before it is sent."""
    with pytest.raises(DnsError) as caught:
        query(1, name, Kind.A)
    assert caught.value.reason == "name"
