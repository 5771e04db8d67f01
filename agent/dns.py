r"""Bytes: DNS queries for A, AAAA and PTR records, and their answers (RFC 1035, 3596, 6891).

A message (section 4.1) has a header of 12 octets, one question and sections of records:

     0  id u16 | QR 1, OPCODE 4, AA 1, TC 1, RD 1 | RA 1, Z 3, RCODE 4
     4  QDCOUNT u16 | ANCOUNT u16 | NSCOUNT u16 | ARCOUNT u16
    12  question: name, QTYPE u16, QCLASS u16
        record:   name, TYPE u16, CLASS u16, TTL u32, RDLENGTH u16, RDATA

A name is a list of labels (length octet, octets) that ends with the empty label or with a
pointer, `11` and 14 bits, to a name that began earlier in the message (section 4.1.4).

A query says how long a datagram it can take by a record of type OPT (RFC 6891 section 6.1.2):

    name 0 u8, TYPE 41, CLASS = octets, TTL = extended RCODE 8, version 8, flags 16, RDLENGTH 0

Rules
- An answer counts only if it repeats the id and the question that were asked. A server that
  does not understand OPT may send back its header alone: with FORMERR that counts, too.
- A pointer must point before the name that holds it: so a loop cannot be written.
- Aliases (CNAME) are followed inside the answer section, in whatever order they stand, and
  `MAX_ALIASES` at most.
- 1232 octets fit a packet of IPv6's smallest MTU, so that no answer is fragmented.
- Octets of a label that are no host name's are written `\DDD` (section 5.1), so that every
  name has one text; `is_host_name` then refuses such a text.
"""

import ipaddress
import re
import struct
from collections.abc import Callable, Mapping
from enum import IntEnum

import msgspec

from agent.errors import DnsError

MAX_NAME_OCTETS = 253
"""The longest text of a name (RFC 1035 section 3.1 allows 255 octets on the wire)."""
MAX_LABEL_OCTETS = 63
MAX_ALIASES = 16
"""Links of a chain of aliases that are followed."""
DATAGRAM_OCTETS = 1232
"""The longest answer that we take by UDP: 1280 less the headers of IPv6 and UDP, as the operators
of name servers agreed on the DNS flag day of 2020."""

_HEADER = struct.Struct("!6H")
_QUESTION = struct.Struct("!HH")
_RECORD = struct.Struct("!HHIH")
_ALIAS = 5
_INTERNET = 1
_RESPONSE, _TRUNCATED, _RECURSION_DESIRED = 0x8000, 0x0200, 0x0100
_POINTER = 0xC0
_MAX_RECORDS = 200
_OPT = struct.pack("!BHHIH", 0, 41, DATAGRAM_OCTETS, 0, 0)
_HOST_NAME = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})*")
_PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


class Kind(IntEnum):
    """The record types that Borne asks for."""

    A = 1
    PTR = 12
    AAAA = 28


_ADDRESS: Mapping[int, tuple[int, Callable[[bytes], object]]] = {
    Kind.A: (4, ipaddress.IPv4Address),
    Kind.AAAA: (16, ipaddress.IPv6Address),
}
"""Of the kinds whose value is an address: its octets, and what reads them."""


class Code(IntEnum):
    """The response codes (RCODE) that mean something to us; all others are failures."""

    NO_ERROR = 0
    FORMAT_ERROR = 1
    NO_SUCH_NAME = 3
    NOT_IMPLEMENTED = 4


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What a resolver answered to one question."""

    code: int
    truncated: bool
    """The answer did not fit its datagram; what is left of its records is not read."""
    records: tuple[str, ...]
    """Addresses (A, AAAA) or names (PTR) in the order of the answer."""
    ttl_s: int
    """The shortest time that the records may be kept; 0 where there are none."""


def is_host_name(text: str) -> bool:
    """Tell whether `text` is plausible as the name of a host: what is not is dropped.

    Letters, digits, hyphen and underscore in labels of 1 to 63, 253 in all, one letter at least.
    """
    return len(text) <= MAX_NAME_OCTETS and _HOST_NAME.fullmatch(text) is not None


def reverse_name(address: str) -> str:
    """Return the name under `in-addr.arpa` or `ip6.arpa` of the PTR records of `address`.

    The scope of a link-local address is this host's business and does not belong to its name.
    """
    return ipaddress.ip_address(canonical_address(address)).reverse_pointer


def canonical_address(address: str) -> str:
    """Return `address` as the records of an answer write it."""
    return str(ipaddress.ip_address(ipaddress.ip_address(address).packed))


def address_kind(address: str) -> Kind:
    """Return which records a name must have to resolve back to `address`."""
    return Kind.AAAA if ipaddress.ip_address(address).version == 6 else Kind.A  # noqa: PLR2004


def query(ident: int, name: str, kind: Kind, *, edns: bool = True) -> bytes:
    """Return the message that asks a recursive resolver for the `kind` records of `name`.

    `edns` tells it that `DATAGRAM_OCTETS` may be answered by UDP; without, 512 (RFC 1035).
    Raises: DnsError with reason "name" where `name` cannot be written in DNS.
    """
    header = _HEADER.pack(ident, _RECURSION_DESIRED, 1, 0, 0, int(edns))
    question = _encode_name(name) + _QUESTION.pack(kind, _INTERNET)
    return header + question + (_OPT if edns else b"")


def parse(message: bytes, ident: int, name: str, kind: Kind) -> Answer:
    """Return what `message` answers to the question for the `kind` records of `name`.

    Raises: DnsError with reason "malformed", or "foreign" where it answers something else.
    """
    try:
        return _parse(message, ident, name, kind)
    except (struct.error, IndexError) as error:
        raise DnsError("malformed", "a DNS answer ends in the middle") from error


def _parse(message: bytes, ident: int, name: str, kind: Kind) -> Answer:
    found, flags, questions, answers, _, _ = _HEADER.unpack_from(message)
    if found == ident and _is_bare_refusal(flags, len(message)):
        return Answer(code=Code.FORMAT_ERROR, truncated=False, records=(), ttl_s=0)
    if found != ident or not flags & _RESPONSE or questions != 1:
        raise DnsError("foreign", "a DNS message that does not answer our query")
    asked, at = _decode_name(message, _HEADER.size)
    if asked.lower() != _canonical(name) or _QUESTION.unpack_from(message, at) != (kind, _INTERNET):
        raise DnsError("foreign", f"a DNS answer about {asked} where {name} was asked")
    if flags & _TRUNCATED:
        # Where it was cut nobody knows: its records are ignored (RFC 2181 section 9).
        return Answer(code=flags & 0xF, truncated=True, records=(), ttl_s=0)
    if answers > _MAX_RECORDS:
        raise DnsError("malformed", f"a DNS answer of {answers} records, over {_MAX_RECORDS}")
    records = _records(message, at + _QUESTION.size, answers, kind)
    owners = _aliases(asked.lower(), records)
    mine = [row for row in records if row.kind == kind and row.owner in owners]
    return Answer(
        code=flags & 0xF,
        truncated=False,
        records=tuple(dict.fromkeys(row.value for row in mine)),
        ttl_s=min((row.ttl_s for row in mine), default=0),
    )


def _is_bare_refusal(flags: int, octets: int) -> bool:
    """Tell whether a message is the header alone of a server that could not read the query."""
    response_code = flags & 0xF
    return bool(octets == _HEADER.size and flags & _RESPONSE and response_code == Code.FORMAT_ERROR)


class _Record(msgspec.Struct, frozen=True):
    owner: str
    kind: int
    ttl_s: int
    value: str


def _records(message: bytes, at: int, count: int, wanted: Kind) -> list[_Record]:
    """Return the records of `wanted` kind and the aliases among the first `count` records."""
    found = []
    for _ in range(count):
        owner, at = _decode_name(message, at)
        kind, network, ttl_s, length = _RECORD.unpack_from(message, at)
        at += _RECORD.size
        end = at + length
        if end > len(message):
            raise DnsError("malformed", "a DNS record ends behind its message")
        if network == _INTERNET and kind in {wanted, _ALIAS}:
            value = _value(message, at, end, kind)
            # RFC 2181 section 8: a TTL with its highest bit set counts as zero.
            found.append(_Record(owner.lower(), kind, ttl_s if ttl_s < 1 << 31 else 0, value))
        at = end
    return found


def _value(message: bytes, at: int, end: int, kind: int) -> str:
    if kind in _ADDRESS:
        octets, read = _ADDRESS[kind]
        if end - at != octets:
            raise DnsError("malformed", f"a record of type {kind} with {end - at} octets")
        return str(read(message[at:end]))
    text, after = _decode_name(message, at)
    if after != end:
        raise DnsError("malformed", "the name in a DNS record does not fill it")
    return text


def _aliases(asked: str, records: list[_Record]) -> set[str]:
    """Return `asked` and every name that it is an alias of, in lower case."""
    targets = {row.owner: row.value.lower() for row in records if row.kind == _ALIAS}
    known, name = {asked}, asked
    while (name := targets.get(name, asked)) not in known:
        if len(known) > MAX_ALIASES:
            raise DnsError("malformed", f"{asked} is an alias over more than {MAX_ALIASES} links")
        known.add(name)
    return known


def _canonical(name: str) -> str:
    return name.removesuffix(".").lower()


def _encode_name(name: str) -> bytes:
    plain = name.removesuffix(".")
    if not is_host_name(plain):
        raise DnsError("name", f"{name!r} is no host name that DNS could be asked for")
    labels = (label.encode("ascii") for label in plain.split("."))
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


def _decode_name(message: bytes, at: int) -> tuple[str, int]:
    """Return the text of the name at `at` (no final dot) and where the octets after it begin."""
    labels: list[str] = []
    after = 0
    begin, octets = at, 0
    while length := message[at]:
        if length & _POINTER == _POINTER:
            target = (length & ~_POINTER) << 8 | message[at + 1]
            after = after or at + 2
            if target >= begin:
                raise DnsError("malformed", "a DNS name points forward, or at itself")
            begin = at = target
            continue
        octets += length + 1
        if length > MAX_LABEL_OCTETS or octets > MAX_NAME_OCTETS + 1:
            raise DnsError("malformed", "a DNS name is too long")
        label = message[at + 1 : at + 1 + length]
        if len(label) != length:
            raise DnsError("malformed", "a DNS name ends behind its message")
        labels.append(_label_text(label))
        at += length + 1
    return ".".join(labels), after or at + 1


def _label_text(label: bytes) -> str:
    return "".join(chr(octet) if octet in _PLAIN else f"\\{octet:03d}" for octet in label)
