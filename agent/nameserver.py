"""Shell: one name server and one question: by datagram, and by TCP where the answer is too long.

    EDNS not understood (FORMERR, NOTIMP)   asked again without, from now on (RFC 6891 section 7)
    truncated                               asked again by TCP (RFC 7766, RFC 2181 section 9)
    refused, silent, garbage                no usable answer: the caller turns to another server

Rules
- Each query has a random id and a socket of its own, so that the kernel chooses a random port:
  an answer cannot be guessed by someone who does not see the question.
- The socket is connected: the kernel drops datagrams of everybody but the server asked.
- asyncio-dgram queues without bound, and a `recv` that waits does not learn of an error
  (probing.md 5): we wait in short slices, each of which asks for errors first; a query reads
  `MAX_STRANGERS` datagrams at most, and its socket and queue live no longer than the query.
"""

import asyncio
import contextlib
from collections.abc import Callable

import asyncio_dgram

from agent import dns
from agent.errors import DnsError
from agent.resolvconf import Server

MAX_STRANGERS = 16
"""Datagrams of a query's socket that are read and found not to answer it."""
_SLICE_S = 0.05
"""After this time a refusal (ICMP port unreachable) is noticed."""
_LENGTH_OCTETS = 2
_WITHOUT_EDNS = frozenset({dns.Code.FORMAT_ERROR, dns.Code.NOT_IMPLEMENTED})


class NameServer:
    """One recursive resolver."""

    def __init__(self, server: Server, random_id: Callable[[], int]) -> None:
        """Take its address and port; `random_id` gives each query its id."""
        self.server = server
        self._random_id = random_id
        self._edns = True

    async def ask(self, name: str, kind: dns.Kind, timeout_s: float) -> dns.Answer | None:
        """Return the answer for the `kind` records of `name`, of whatever response code.

        None where no usable answer came. A datagram and a TCP connection have `timeout_s` each.
        Raises: DnsError with reason "name".
        """
        edns = self._edns
        answer = await self._ask(name, kind, timeout_s, edns=edns)
        if answer is not None and answer.code in _WITHOUT_EDNS and edns:
            self._edns = False
            return await self._ask(name, kind, timeout_s, edns=False)
        return answer

    async def _ask(
        self, name: str, kind: dns.Kind, timeout_s: float, *, edns: bool
    ) -> dns.Answer | None:
        for exchange in (self._by_datagram, self._by_tcp):
            question = _Question(self._random_id(), name, kind, edns=edns)
            try:
                async with asyncio.timeout(timeout_s):
                    answer = await exchange(question)
            except (OSError, EOFError):
                return None
            if answer is None or not answer.truncated:
                return answer
        return None

    async def _by_datagram(self, question: "_Question") -> dns.Answer | None:
        """Return the first datagram that answers, past a bounded number of others."""
        stream = await asyncio_dgram.connect(self.server)
        try:
            await stream.send(question.message)
            for _ in range(MAX_STRANGERS):
                answer = question.answered_by(await _received(stream))
                if answer is not None:
                    return answer
        finally:
            stream.close()
        return None

    async def _by_tcp(self, question: "_Question") -> dns.Answer | None:
        """Return the answer of a connection of its own: two octets of length, the message."""
        reader, writer = await asyncio.open_connection(*self.server)
        try:
            writer.write(len(question.message).to_bytes(_LENGTH_OCTETS, "big") + question.message)
            octets = int.from_bytes(await reader.readexactly(_LENGTH_OCTETS), "big")
            return question.answered_by(await reader.readexactly(octets))
        finally:
            writer.transport.abort()


class _Question:
    """A query on its way."""

    def __init__(self, ident: int, name: str, kind: dns.Kind, *, edns: bool) -> None:
        self._asked = (ident, name, kind)
        self.message = dns.query(ident, name, kind, edns=edns)

    def answered_by(self, message: bytes) -> dns.Answer | None:
        """Return the answer that `message` is; None where it is something else."""
        try:
            return dns.parse(message, *self._asked)
        except DnsError:
            return None


async def _received(stream: asyncio_dgram.aio.DatagramClient) -> bytes:
    """Return the next datagram. Raises: OSError where the server's host refuses."""
    while True:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_SLICE_S):
                message, _ = await stream.recv()
                return bytes(message)
