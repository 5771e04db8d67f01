"""The HTTP room over real sockets: bounded against whoever is slow, large or wrong."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from agent import http
from agent.errors import ConfigError, UplinkError
from agent.http import Client, Place, Request, Response, Server


async def echo(request: Request) -> Response:
    """Answer with what was asked."""
    text = f"{request.method} {request.path} {request.query} {request.headers.get('x-a')}"
    return Response(status=200, body=text.encode())


@asynccontextmanager
async def serving(*addresses: str) -> AsyncIterator[Server]:
    """Run a server that echoes, on a free port of loopback where no address is given."""
    server = Server(echo)
    await server.listen(addresses or ("127.0.0.1:0",))
    try:
        yield server
    finally:
        await server.close()


async def talk(port: int, octets: bytes) -> bytes:
    """Send `octets`, read until the server closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    answer = b""
    with contextlib.suppress(ConnectionResetError):
        writer.write(octets)
        writer.write_eof()
        answer = await reader.read()
    writer.close()
    return answer


def lines(answer: bytes) -> list[str]:
    """Return the status lines of an answer."""
    return [line for line in answer.decode().split("\r\n") if line.startswith("HTTP/")]


async def test_get_and_head_on_one_connection() -> None:
    """Requests follow each other; HEAD has the length of the body but no body."""
    async with serving() as server:
        answer = await talk(
            server.ports()[0],
            b"GET /a?b=c HTTP/1.1\r\nHost: x\r\nX-A: y\r\n\r\n"
            b"HEAD /a HTTP/1.1\r\nHost: x\r\n\r\n"
            b"GET /last HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        )
    assert answer.count(b"HTTP/1.1 200 OK\r\n") == 3
    assert b"GET /a b=c y" in answer
    assert b"HEAD /a" not in answer
    assert answer.endswith(b"GET /last  None")


@pytest.mark.parametrize(
    ("octets", "status"),
    [
        (b"nonsense\r\n\r\n", "HTTP/1.1 400 Bad Request"),
        (b"GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 400 Bad Request"),
        (
            b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 30_000 + b"\r\n\r\n",
            "HTTP/1.1 431 Request Header Fields Too Large",
        ),
        (
            b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 70000\r\n\r\n" + b"z" * 70_000,
            "HTTP/1.1 413 Request Entity Too Large",
        ),
    ],
)
async def test_nonsense_is_refused_in_words(octets: bytes, status: str) -> None:
    """A request that breaks a rule gets its status and the end of the connection."""
    async with serving() as server:
        assert lines(await talk(server.ports()[0], octets)) == [status]


async def test_slow_clients_time_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who opens a connection and says nothing, or half a request, loses it."""
    monkeypatch.setattr(http, "REQUEST_TIMEOUT_S", 0.1)
    async with serving() as server, asyncio.timeout(5):
        found = []
        for octets in (b"", b"GET / HTTP/1.1\r\nHo"):
            reader, writer = await asyncio.open_connection("127.0.0.1", server.ports()[0])
            writer.write(octets)
            found.append(await reader.read())
            writer.close()
    assert found == [b"", b""]


async def test_idle_connections_time_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """A kept connection that stays silent is closed."""
    monkeypatch.setattr(http, "IDLE_TIMEOUT_S", 0.1)
    async with serving() as server, asyncio.timeout(5):
        reader, writer = await asyncio.open_connection("127.0.0.1", server.ports()[0])
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert lines(await reader.read()) == ["HTTP/1.1 200 OK"]
        writer.close()


async def test_connections_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the bound a connection is closed at once; a freed place is given again."""
    monkeypatch.setattr(http, "MAX_CONNECTIONS", 1)
    request = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
    async with serving() as server, asyncio.timeout(5):
        port = server.ports()[0]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request)
        await reader.readuntil(b"None")
        found = [await talk(port, request)]
        writer.close()
        await writer.wait_closed()
        while not found[-1]:
            found.append(await talk(port, request))
    assert (found[0], lines(found[-1])) == (b"", ["HTTP/1.1 200 OK"])


async def test_every_kind_of_address(tmp_path: Path) -> None:
    """HOST:PORT, unix:PATH and an inherited socket serve alike; a made socket is removed."""
    inherited = socket.create_server(("127.0.0.1", 0))
    path = tmp_path / "web.sock"
    number = inherited.detach()
    async with serving("127.0.0.1:0", f"unix:{path}", f"fd:{number}") as server:
        found = [lines(await talk(port, b"GET / HTTP/1.0\r\n\r\n")) for port in server.ports()]
        client = Client(Place(path=path))
        answer = await client.post("/x", (), b"")
        await client.close()
        there = path.exists()
    assert found == [["HTTP/1.1 200 OK"]] * 2
    assert (answer.body, there, path.exists()) == (b"POST /x  None", True, False)


async def test_a_socket_left_behind_is_taken_over(tmp_path: Path) -> None:
    """The socket of a killed process is no obstacle; that of a living one is."""
    path = tmp_path / "web.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    async with serving(f"unix:{path}"):
        with pytest.raises(ConfigError, match="another process listens there"):
            await Server(echo).listen([f"unix:{path}"])


@pytest.mark.parametrize("address", ["nowhere", "127.0.0.1:x", "fd:99", "fd:x", "unix:/no/such/s"])
async def test_addresses_that_cannot_be_had(address: str) -> None:
    """The message names the address and the forms that there are."""
    with pytest.raises(ConfigError, match=f"cannot listen on {address}: .*HOST:PORT, unix:PATH"):
        await Server(echo).listen([address])


async def answering(*answers: bytes | None) -> tuple[asyncio.Server, int, list[int]]:
    """Run a server that answers one connection after the other with fixed octets.

    None keeps the connection open without a word. The list counts requests per connection.
    """
    turns = iter(answers)
    seen: list[int] = []

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(0)
        answer = next(turns)
        await reader.readuntil(b"\r\n\r\n")
        seen[-1] += 1
        if answer is None:
            await reader.read()
        else:
            writer.write(answer)
        writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    return server, server.sockets[0].getsockname()[1], seen


UNCHANGED = b'HTTP/1.1 304 Not Modified\r\nETag: "v"\r\n\r\n'
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


async def test_the_client_keeps_its_connection() -> None:
    """Two posts go over one connection."""
    async with serving() as server:
        client = Client(Place(host="127.0.0.1", port=server.ports()[0]))
        found = [(await client.post(path, (), b"x")).body for path in ("/1", "/2")]
        kept = len(server._connections)
        await client.close()
    assert (found, kept) == ([b"POST /1  None", b"POST /2  None"], 1)


async def test_a_question_has_headers_and_no_body() -> None:
    """GET goes over the same kept connection; an answer without a body (304) ends at once."""
    async with serving() as server:
        client = Client(Place(host="127.0.0.1", port=server.ports()[0]))
        found = [(await client.get("/plan", [("x-a", "y")])).body for _ in range(2)]
        kept = len(server._connections)
        await client.close()
    assert (found, kept) == ([b"GET /plan  y"] * 2, 1)
    server, port, seen = await answering(UNCHANGED, OK)
    async with server:
        client = Client(Place(host="127.0.0.1", port=port))
        statuses = [(await client.get("/", ())).status for _ in range(2)]
        await client.close()
    assert ([304, 200], [1, 1]) == (statuses, seen)


async def test_a_closed_connection_is_replaced() -> None:
    """Where the peer closed between two requests the second goes over a new connection."""
    server, port, seen = await answering(OK, OK)
    async with server:
        client = Client(Place(host="127.0.0.1", port=port))
        found = [(await client.post("/", (), b"")).body for _ in range(2)]
        await client.close()
    assert (found, seen) == ([b"ok", b"ok"], [1, 1])


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (b"", "the peer closed before it answered"),
        (b"SSH-2.0-x\r\n\r\n", "the exchange failed"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok", "the exchange failed"),
        (b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * (http.MAX_ANSWER_OCTETS + 1), "body is too large"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000, "the exchange failed"),
        (None, "no answer within 0.2 s"),
    ],
)
async def test_bad_servers_are_uplink_errors(answer: bytes | None, says: str) -> None:
    """Silence, cut answers, other protocols and endless bodies all end as UplinkError."""
    server, port, _ = await answering(answer)
    async with server:
        client = Client(Place(host="127.0.0.1", port=port), timeout_s=0.2)
        with pytest.raises(UplinkError, match=says):
            await client.post("/", (), b"")


async def test_nobody_there_is_an_uplink_error(tmp_path: Path) -> None:
    """A closed port and an absent socket are told, and cost nothing but the attempt."""
    for place in (Place(host="127.0.0.1", port=1), Place(path=tmp_path / "absent")):
        client = Client(place)
        with pytest.raises(UplinkError, match="the exchange failed"):
            await client.post("/", (), b"")


async def test_an_early_refusal_is_heard() -> None:
    """A server that refuses before it has read the whole body is understood."""
    refusal = b"HTTP/1.1 413 No\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno"
    server, port, _ = await answering(refusal)
    async with server:
        client = Client(Place(host="127.0.0.1", port=port))
        assert (await client.post("/", (), b"z" * 1000)).status == 413
        await client.close()


async def test_informational_answers_are_passed_over() -> None:
    """A 103 before the answer is no answer."""
    server, port, _ = await answering(b"HTTP/1.1 103 Early Hints\r\n\r\n" + OK)
    async with server:
        client = Client(Place(host="127.0.0.1", port=port))
        assert (await client.post("/", (), b"")).body == b"ok"
        await client.close()
