"""Each service of the box on a socket of this machine, with peers good and bad."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import dns.message
import pytest

from deploy.lab import services
from deploy.lab.resolver import Resolver

RESOLVER = Resolver({f"192.0.2.{last}": "many.example.net" for last in range(100)})
Ask = Callable[[bytes], Awaitable[bytes]]


@asynccontextmanager
async def serving(port: int) -> AsyncIterator[Ask]:
    """Serve what belongs to `port` on a free port; give a function that asks and reads to the end.

    The asker closes its own direction, so that a server that waits for more comes to its end.
    """
    server = await asyncio.start_server(services.talks(RESOLVER)[port], "127.0.0.1", 0)

    async def ask(octets: bytes) -> bytes:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(octets)
        writer.write_eof()
        async with asyncio.timeout(5):
            answer = await reader.read()
        writer.close()
        return answer

    async with server:
        yield ask


async def test_echo_and_discard() -> None:
    """One gives back what came, the other nothing."""
    async with serving(services.ECHO_PORT) as ask:
        assert b"borne" * 50_000 == await ask(b"borne" * 50_000)
    async with serving(services.DISCARD_PORT) as ask:
        assert b"" == await ask(b"borne")


@pytest.mark.parametrize(
    ("request_line", "status", "body"),
    [
        ("GET / HTTP/1.1", "200 OK", "127.0.0.1 of the lab\n"),
        ("GET /?what=ever HTTP/1.1", "200 OK", "127.0.0.1 of the lab\n"),
        ("HEAD / HTTP/1.1", "200 OK", ""),
        ("HEAD /else HTTP/1.1", "404 Not Found", ""),
        ("GET /else HTTP/1.1", "404 Not Found", "nothing here\n"),
        ("DELETE / HTTP/1.1", "405 Method Not Allowed", "GET or HEAD\n"),
        ("nonsense", "400 Bad Request", "Bad Request"),
    ],
)
async def test_http_answers(request_line: str, status: str, body: str) -> None:
    """Each request has its status and a body of the length that it says."""
    async with serving(services.HTTP_PORT) as ask:
        answer = await ask(f"{request_line}\r\nHost: x\r\n\r\n".encode())
    head, _, found = answer.decode().partition("\r\n\r\n")
    assert (f"HTTP/1.1 {status}", body) == (head.splitlines()[0], found)


async def test_http_keeps_its_connection() -> None:
    """Requests are answered in turn, also after `HEAD`; after `Connection: close` no more is."""
    head = b"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n"
    one = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
    last = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nConnection: close\r\n\r\nab"
    async with serving(services.HTTP_PORT) as ask:
        answer = await ask(head + one + last + one)
    assert [b"200", b"200", b"405"] == [part[:3] for part in answer.split(b"HTTP/1.1 ")[1:]]


async def test_dns_over_tcp() -> None:
    """Two queries on one connection get whole answers; nonsense ends it."""
    query = dns.message.make_query("many.example.net", "A").to_wire()
    framed = struct.pack("!H", len(query)) + query
    async with serving(services.DNS_PORT) as ask:
        answer = await ask(framed + framed + b"\0\5nonsense" + framed)
    (length,) = struct.unpack_from("!H", answer)
    assert answer[: length + 2] * 2 == answer
    assert 100 == len(dns.message.from_wire(answer[2 : length + 2]).answer[0])


def test_dns_over_udp() -> None:
    """Every waiting query is answered to its asker, nonsense is not, and nothing blocks."""
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as box,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker,
    ):
        box.bind(("127.0.0.1", 0))
        box.settimeout(0)
        asker.settimeout(5)
        queries = [dns.message.make_query("no.example.net", kind) for kind in ("A", "AAAA")]
        for octets in (queries[0].to_wire(), b"nonsense", queries[1].to_wire()):
            asker.sendto(octets, box.getsockname())
        services.answer_datagrams(box, RESOLVER)
        answers = [dns.message.from_wire(asker.recv(2000)) for _ in queries]
        assert [True, True] == [
            query.is_response(answer) for query, answer in zip(queries, answers, strict=True)
        ]
        asker.settimeout(0)
        with pytest.raises(BlockingIOError):
            asker.recv(2000)


async def test_an_idle_peer_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who says nothing finds the connection closed."""
    monkeypatch.setattr(services, "IDLE_S", 0.01)
    for port in (services.ECHO_PORT, services.HTTP_PORT, services.DNS_PORT):
        server = await asyncio.start_server(services.talks(RESOLVER)[port], "127.0.0.1", 0)
        async with server, asyncio.timeout(5):
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            assert b"" == await reader.read()
            writer.close()


def test_every_port_has_a_talk() -> None:
    """What a scenario may name is answered."""
    assert set(services.talks(RESOLVER)) == {
        port for row in services.PORTS.values() for port in row
    }
