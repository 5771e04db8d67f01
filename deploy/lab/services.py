"""Shell: what the servers of the box answer: echo, discard, HTTP, DNS over TCP and UDP.

| service | ports | answer                                                     |
| ------- | ----- | ---------------------------------------------------------- |
| tcp     | 7     | what came (RFC 862)                                        |
| tcp     | 9     | nothing, until the peer closes (RFC 863)                   |
| http    | 80    | `GET /` and `HEAD /`: 200 and the address that was asked   |
| https   | 443   | the same in TLS, with the certificate of the box           |
| dns     | 53    | the records of the scenario, over UDP and TCP (`resolver`) |

Rules
- A peer that speaks nonsense or goes away ends its own connection and nothing else.
- An idle connection ends after a minute.
"""

import asyncio
import contextlib
import socket
import ssl
import struct
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import NamedTuple

import h11

from deploy.lab.resolver import Resolver

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
ECHO_PORT = 7
DISCARD_PORT = 9
HTTP_PORT = 80
HTTPS_PORT = 443
DNS_PORT = 53
PORTS = {
    "tcp": (ECHO_PORT, DISCARD_PORT),
    "http": (HTTP_PORT,),
    "https": (HTTPS_PORT,),
    "dns": (DNS_PORT,),
}
IDLE_S = 60.0
_CHUNK_OCTETS = 65_536
_LENGTH = struct.Struct("!H")
_LOST = (ConnectionError, TimeoutError, asyncio.IncompleteReadError, ssl.SSLError)


class _Answer(NamedTuple):
    """What HTTP says; to `HEAD` it says how long the body would be, and keeps it."""

    status: HTTPStatus
    body: bytes
    header: tuple[bytes, bytes] | None = None
    with_body: bool = True


def talks(resolver: Resolver) -> dict[int, Talk]:
    """Return how each TCP port is answered, a connection at a time."""

    async def dns(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _dns(reader, writer, resolver)

    rows = {
        ECHO_PORT: _echo,
        DISCARD_PORT: _discard,
        HTTP_PORT: _http,
        HTTPS_PORT: _http,
        DNS_PORT: dns,
    }
    return {port: _bounded(talk) for port, talk in rows.items()}


def _bounded(talk: Talk) -> Talk:
    async def connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(*_LOST):
            await talk(reader, writer)
        writer.close()
        with contextlib.suppress(*_LOST):
            await writer.wait_closed()

    return connection


async def _echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while octets := await _read(reader):
        writer.write(octets)
        await writer.drain()


async def _discard(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    while await _read(reader):
        pass


async def _dns(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, resolver: Resolver
) -> None:
    """Answer queries with their lengths before them (RFC 1035 §4.2.2)."""
    while True:
        async with asyncio.timeout(IDLE_S):
            (length,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
            answer = resolver.answer(await reader.readexactly(length), stream=True)
        if answer is None:
            return
        writer.write(_LENGTH.pack(len(answer)) + answer)
        await writer.drain()


async def _http(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer requests until the peer closes, or breaks the protocol and is told so."""
    connection = h11.Connection(h11.SERVER)
    try:
        while (request := await _request(connection, reader)) is not None:
            _respond(connection, writer, request)
            await writer.drain()
            if connection.our_state is not h11.DONE or connection.their_state is not h11.DONE:
                return
            connection.start_next_cycle()
    except h11.RemoteProtocolError as error:
        if connection.our_state in {h11.IDLE, h11.SEND_RESPONSE}:
            status = HTTPStatus(error.error_status_hint)
            close = (b"connection", b"close")
            _write(connection, writer, _Answer(status, status.phrase.encode(), close))


async def _request(connection: h11.Connection, reader: asyncio.StreamReader) -> h11.Request | None:
    """Read one request to its end; None where the peer has closed."""
    request: h11.Request | None = None
    while True:
        match connection.next_event():
            case h11.Request() as found:
                request = found
            case h11.EndOfMessage():
                return request
            case h11.ConnectionClosed() | h11.PAUSED:
                return None
            case h11.NEED_DATA:
                connection.receive_data(await _read(reader))


def _respond(
    connection: h11.Connection, writer: asyncio.StreamWriter, request: h11.Request
) -> None:
    with_body = request.method != b"HEAD"
    if request.target.partition(b"?")[0] != b"/":
        answer = _Answer(HTTPStatus.NOT_FOUND, b"nothing here\n", with_body=with_body)
    elif request.method not in {b"GET", b"HEAD"}:
        allow = (b"allow", b"GET, HEAD")
        answer = _Answer(HTTPStatus.METHOD_NOT_ALLOWED, b"GET or HEAD\n", allow)
    else:
        asked = writer.get_extra_info("sockname")[0]
        answer = _Answer(HTTPStatus.OK, f"{asked} of the lab\n".encode(), with_body=with_body)
    _write(connection, writer, answer)


def _write(connection: h11.Connection, writer: asyncio.StreamWriter, answer: _Answer) -> None:
    headers = [
        *([answer.header] if answer.header else []),
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(answer.body)).encode()),
    ]
    reason = answer.status.phrase.encode()
    begin = h11.Response(status_code=answer.status, reason=reason, headers=headers)
    body = [h11.Data(data=answer.body)] if answer.with_body else []
    for event in (begin, *body, h11.EndOfMessage()):
        writer.write(connection.send(event) or b"")


async def _read(reader: asyncio.StreamReader) -> bytes:
    async with asyncio.timeout(IDLE_S):
        return await reader.read(_CHUNK_OCTETS)


def answer_datagrams(sock: socket.socket, resolver: Resolver) -> None:
    """Answer the DNS queries that wait in a non-blocking UDP socket; leave all else alone."""
    with contextlib.suppress(OSError):
        while True:
            query, peer = sock.recvfrom(_CHUNK_OCTETS)
            answer = resolver.answer(query)
            if answer is not None:
                sock.sendto(answer, peer)
