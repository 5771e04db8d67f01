"""Bytes: the emulated resolver: a DNS query in, its answer out (RFC 1035, RFC 3596, RFC 6891).

Rules
- It knows the PTR, A and AAAA records of the names it was given, and no others:
  a name it does not know is NXDOMAIN, a name it knows under another type an empty answer.
- An answer that does not fit a datagram, which is 512 octets or what the query says up to 1,232,
  is cut and says so, so that the question comes again over TCP (RFC 2181 §9, RFC 7766 §5).
- An octet string that is no query is not answered.
- Answers are kept by question: a thousand agents that ask the same cost one look-up.
"""

from collections.abc import Collection, Mapping
from functools import lru_cache
from ipaddress import ip_address

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.reversename
import dns.rrset

TTL_S = 3600
DATAGRAM_OCTETS = 512
DATAGRAM_OCTETS_MAX = 1232
"""What a datagram holds without EDNS, and at most: no fragments even over IPv6's least MTU."""
STREAM_OCTETS = 65_535
_ID_OCTETS = 2
_ADDRESS_RECORD = {4: dns.rdatatype.A, 6: dns.rdatatype.AAAA}
_KEPT_ANSWERS = 4096


class Resolver:
    """The name server of one scenario."""

    def __init__(self, names: Mapping[str, str], *, only_reverse: Collection[str] = ()) -> None:
        """Serve `names`, host names by address of either family.

        The names of the addresses in `only_reverse` lead back to nothing.
        """
        self._records: dict[tuple[dns.name.Name, dns.rdatatype.RdataType], dns.rrset.RRset] = {}
        for address, name in names.items():
            host, reverse = dns.name.from_text(name), dns.reversename.from_address(address)
            self._add(reverse, dns.rdatatype.PTR, host.to_text())
            if address not in only_reverse:
                self._add(host, _ADDRESS_RECORD[ip_address(address).version], address)
        self._names = {name for name, _ in self._records}
        self._kept = lru_cache(maxsize=_KEPT_ANSWERS)(self._look_up)

    def answer(self, query: bytes, *, stream: bool = False) -> bytes | None:
        """Return the answer to `query`, or None where it is not a query at all.

        Over a `stream` it is whole, in a datagram it may be cut.
        """
        if len(query) <= _ID_OCTETS:
            return None
        answer = self._kept(query[_ID_OCTETS:], stream)
        return None if answer is None else query[:_ID_OCTETS] + answer

    def _add(self, owner: dns.name.Name, kind: dns.rdatatype.RdataType, value: str) -> None:
        row = dns.rrset.from_text(owner, TTL_S, dns.rdataclass.IN, kind, value)
        known = self._records.setdefault((owner, kind), row)
        known.add(row[0])

    def _look_up(self, question_octets: bytes, stream: bool) -> bytes | None:  # noqa: FBT001
        """Answer a query without its id, so that the answer serves every id."""
        try:
            query = dns.message.from_wire(bytes(_ID_OCTETS) + question_octets)
        except dns.exception.DNSException:
            return None
        if query.flags & dns.flags.QR or query.opcode() != dns.opcode.QUERY or not query.question:
            return None
        room = STREAM_OCTETS if stream else _datagram_octets(query)
        reply = self._reply(query)
        return reply.to_wire(max_size=room, prefer_truncation=True)[_ID_OCTETS:]

    def _reply(self, query: dns.message.Message) -> dns.message.Message:
        reply = dns.message.make_response(
            query, recursion_available=True, our_payload=DATAGRAM_OCTETS_MAX
        )
        question = query.question[0]
        found = self._records.get((question.name, question.rdtype))
        if question.rdclass != dns.rdataclass.IN:
            reply.set_rcode(dns.rcode.REFUSED)
        elif found is not None:
            reply.answer.append(found)
        elif question.name not in self._names:
            reply.set_rcode(dns.rcode.NXDOMAIN)
        return reply


def _datagram_octets(query: dns.message.Message) -> int:
    """Return how long an answer the asker takes in a datagram (RFC 6891 §6.2.3)."""
    offered = query.payload if query.edns >= 0 else DATAGRAM_OCTETS
    return min(max(offered, DATAGRAM_OCTETS), DATAGRAM_OCTETS_MAX)
