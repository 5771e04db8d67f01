"""A real name server of dnspython on loopback, by UDP and TCP on one port, as RFC 1035 has it.

It answers from a table, follows its own aliases, honours the octets that a query's OPT record
allows, and truncates what does not fit. Its faults are attributes that a test sets.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import NamedTuple, Self

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

PLAIN_OCTETS = 512
MOST_OCTETS = 65535
LOOPBACK = {4: "127.0.0.1", 6: "::1"}
MAX_TRIES = 20


class Asked(NamedTuple):
    """One question that arrived."""

    way: str
    """`udp` or `tcp`."""
    name: str
    kind: str
    octets: int
    """What the OPT record allows a datagram; 0 without one."""


class NameServer(asyncio.DatagramProtocol):
    """Use it as an asynchronous context manager; `server` is then its address and port."""

    def __init__(
        self, records: Mapping[tuple[str, str], Sequence[str]], family: int = 4, port: int = 0
    ) -> None:
        """Serve `records`: texts of values by (name without final dot, type)."""
        self.records = records
        self.server = (LOOPBACK[family], port)
        self.asked: list[Asked] = []
        self.understands_edns = True
        self.bare_refusals = False
        """FORMERR comes as a header alone, as very old servers send it."""
        self.response_code = dns.rcode.NOERROR
        self.listens_by_tcp = True
        self.cuts_by_tcp = False
        """A TCP answer breaks off in the middle."""
        self._transport: asyncio.DatagramTransport
        self._listener: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        for _ in range(MAX_TRIES):
            loop = asyncio.get_running_loop()
            self._transport, _ = await loop.create_datagram_endpoint(
                lambda: self, local_addr=self.server
            )
            host, port = self._transport.get_extra_info("sockname")[:2]
            try:
                if self.listens_by_tcp:
                    self._listener = await asyncio.start_server(self._connected, host, port)
            except OSError:  # somebody's TCP port: take another for both
                self._transport.close()
                continue
            self.server = (host, port)
            return self
        raise AssertionError

    async def __aexit__(self, *_: object) -> None:
        self._transport.close()
        if self._listener is not None:
            self._listener.close()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Answer one datagram, cut to what may be sent."""
        query = dns.message.from_wire(data)
        reply = self._reply(query, "udp")
        octets = max(query.payload, PLAIN_OCTETS)
        try:
            wire = reply.to_wire(max_size=octets)
        except dns.exception.TooBig:
            reply.answer.clear()
            reply.flags |= dns.flags.TC
            wire = reply.to_wire(max_size=octets)
        bare = self.bare_refusals and reply.rcode() == dns.rcode.FORMERR
        self._transport.sendto(wire[:4] + bytes(8) if bare else wire, addr)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        length = int.from_bytes(await reader.readexactly(2), "big")
        query = dns.message.from_wire(await reader.readexactly(length))
        wire = self._reply(query, "tcp").to_wire(max_size=MOST_OCTETS)
        answer = len(wire).to_bytes(2, "big") + wire
        writer.write(answer[: len(answer) // 2] if self.cuts_by_tcp else answer)
        writer.close()

    def _reply(self, query: dns.message.Message, way: str) -> dns.message.Message:
        question = query.question[0]
        name = question.name.to_text(omit_final_dot=True)
        kind = dns.rdatatype.to_text(question.rdtype)
        self.asked.append(Asked(way, name, kind, max(query.payload, 0)))
        reply = dns.message.make_response(query, recursion_available=True)
        if query.edns >= 0 and not self.understands_edns:
            reply.use_edns(False)
            reply.set_rcode(dns.rcode.FORMERR)
        elif self.response_code != dns.rcode.NOERROR:
            reply.set_rcode(self.response_code)
        else:
            self._fill(reply, name, kind)
        return reply

    def _fill(self, reply: dns.message.Message, name: str, kind: str) -> None:
        """Answer as a recursive resolver does: the aliases, and what they lead to."""
        while alias := self.records.get((name, "CNAME")):
            reply.answer.append(_rrset(name, "CNAME", alias))
            name = alias[0].removesuffix(".")
        if values := self.records.get((name, kind)):
            reply.answer.append(_rrset(name, kind, values))
        elif name not in {known for known, _ in self.records}:
            reply.set_rcode(dns.rcode.NXDOMAIN)


def _rrset(name: str, kind: str, values: Sequence[str]) -> dns.rrset.RRset:
    return dns.rrset.from_text_list(f"{name}.", 300, dns.rdataclass.IN, kind, values)
