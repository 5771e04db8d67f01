"""Bytes: the emulated resolver: a DNS query in, its answer out (RFC 1035).

Rules
- It knows the PTR and A records of the names it was given, and no others:
  a name it does not know is NXDOMAIN, a name it knows under another type an empty answer.
- An octet string that is no query is not answered.
- Answers are kept by question: a thousand agents that ask the same cost one look-up.
"""

from collections.abc import Mapping
from functools import lru_cache

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
_ID_OCTETS = 2
_KEPT_ANSWERS = 4096


class Resolver:
    """The name server of one scenario."""

    def __init__(self, names: Mapping[str, str]) -> None:
        """Serve `names`, host names by IPv4 address."""
        self._records: dict[tuple[dns.name.Name, dns.rdatatype.RdataType], dns.rrset.RRset] = {}
        for address, name in names.items():
            host, reverse = dns.name.from_text(name), dns.reversename.from_address(address)
            self._add(reverse, dns.rdatatype.PTR, host.to_text())
            self._add(host, dns.rdatatype.A, address)
        self._names = {name for name, _ in self._records}
        self._kept = lru_cache(maxsize=_KEPT_ANSWERS)(self._look_up)

    def answer(self, query: bytes) -> bytes | None:
        """Return the answer to `query`, or None where it is not a query at all."""
        if len(query) <= _ID_OCTETS:
            return None
        answer = self._kept(query[_ID_OCTETS:])
        return None if answer is None else query[:_ID_OCTETS] + answer

    def _add(self, owner: dns.name.Name, kind: dns.rdatatype.RdataType, value: str) -> None:
        row = dns.rrset.from_text(owner, TTL_S, dns.rdataclass.IN, kind, value)
        known = self._records.setdefault((owner, kind), row)
        known.add(row[0])

    def _look_up(self, question_octets: bytes) -> bytes | None:
        """Answer a query without its id, so that the answer serves every id."""
        try:
            query = dns.message.from_wire(bytes(_ID_OCTETS) + question_octets)
        except dns.exception.DNSException:
            return None
        if query.flags & dns.flags.QR or query.opcode() != dns.opcode.QUERY or not query.question:
            return None
        return self._reply(query).to_wire()[_ID_OCTETS:]

    def _reply(self, query: dns.message.Message) -> dns.message.Message:
        reply = dns.message.make_response(query, recursion_available=True)
        question = query.question[0]
        found = self._records.get((question.name, question.rdtype))
        if question.rdclass != dns.rdataclass.IN:
            reply.set_rcode(dns.rcode.REFUSED)
        elif found is not None:
            reply.answer.append(found)
        elif question.name not in self._names:
            reply.set_rcode(dns.rcode.NXDOMAIN)
        return reply
