"""Shell: a small HTTP/1.1 room on h11: a server for the agent's own pages, a client for uploads.

Rules
- Nobody can hold the agent up: headers, bodies, connections and every wait are bounded.
- The server answers one request at a time per connection and keeps the connection for the next.
- The client keeps one connection. If the peer closed it between two requests the request is
  sent once more on a new one: whoever uses it makes requests that may come twice.
"""

import asyncio
import contextlib
import socket
import ssl
import stat
from collections.abc import Awaitable, Callable, Iterable, Sequence
from http import HTTPStatus
from pathlib import Path

import h11
import msgspec

from agent.errors import ConfigError, UplinkError

MAX_HEADERS_OCTETS = 16 * 1024
MAX_REQUEST_OCTETS = 64 * 1024
"""The largest body that the server reads: none of its pages needs one."""
MAX_ANSWER_OCTETS = 1024 * 1024
MAX_CONNECTIONS = 64
REQUEST_TIMEOUT_S = 10.0
"""How long a client may take to send its first request, and to take each answer."""
IDLE_TIMEOUT_S = 75.0
"""How long a kept connection may take until its next request is there."""
LINGER_S = 1.0
_READ_OCTETS = 4096

Headers = Sequence[tuple[str, str]]


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What a client asks of the server."""

    method: str
    path: str
    """The target without its query."""
    query: str
    headers: dict[str, str]
    """By lower-case name; of repeated headers the last."""


class Response(msgspec.Struct, frozen=True, kw_only=True):
    """An answer, the server's or the one that the client received."""

    status: int
    body: bytes = b""
    content_type: str = "text/plain; charset=utf-8"


Handler = Callable[[Request], Awaitable[Response]]


class _Wire:
    """h11's state of one connection together with its streams."""

    def __init__(
        self,
        state: h11.Connection,
        streams: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    ) -> None:
        self.state = state
        self._reader, self._writer = streams

    async def next_event(self) -> h11.Event:
        """Return the next event; raises h11.RemoteProtocolError on nonsense."""
        while (event := self.state.next_event()) is h11.NEED_DATA:
            octets = await self._reader.read(_READ_OCTETS)
            if not octets and self.state.their_state is h11.SEND_RESPONSE:
                raise h11.RemoteProtocolError("the peer closed before it answered")
            self.state.receive_data(octets)
        if isinstance(event, type):
            raise h11.RemoteProtocolError("a message came before its turn")
        return event

    async def body(self, limit_octets: int) -> bytes:
        """Return the body that follows; raises h11.RemoteProtocolError beyond the limit."""
        body = bytearray()
        while isinstance(event := await self.next_event(), h11.Data):
            body += event.data
            if len(body) > limit_octets:
                raise h11.RemoteProtocolError("the body is too large", error_status_hint=413)
        return bytes(body)

    async def send(self, *events: h11.Event) -> None:
        """Send `events` and wait until the peer has taken most of them."""
        for event in events:
            self._writer.write(self.state.send(event) or b"")
        await self._writer.drain()

    async def linger(self) -> None:
        """Pass over what the peer still sends, for a second at most.

        Closing with octets unread resets the connection, and the peer may never see our answer.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LINGER_S):
                for _ in range(MAX_REQUEST_OCTETS // _READ_OCTETS):
                    if not await self._reader.read(_READ_OCTETS):
                        return

    async def close(self) -> None:
        """Close the connection; what the peer says about that is of no interest."""
        self._writer.close()
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(1):
                await self._writer.wait_closed()


def _state(*, server: bool) -> h11.Connection:
    role = h11.SERVER if server else h11.CLIENT
    return h11.Connection(role, max_incomplete_event_size=MAX_HEADERS_OCTETS)


class Server:
    """Serves one handler on any number of addresses."""

    def __init__(self, handler: Handler) -> None:
        """Take what answers requests; nothing is opened before `listen`."""
        self._handler = handler
        self._servers: list[asyncio.Server] = []
        self._sockets: list[Path] = []
        self._connections: set[asyncio.Task[None]] = set()

    async def listen(self, addresses: Iterable[str]) -> None:
        """Listen on every `HOST:PORT`, `unix:PATH` and `fd:N` (a listening socket).

        Raises: ConfigError where an address is none, or cannot be had.
        """
        for address in addresses:
            try:
                self._servers.append(await self._listen(address))
            except (OSError, ValueError, OverflowError) as error:
                raise ConfigError(
                    f"cannot listen on {address}: {error}; --web.listen-address takes"
                    f" HOST:PORT, unix:PATH or fd:N (an inherited listening socket)"
                ) from error

    def ports(self) -> list[int]:
        """Return the TCP ports that were opened, in the order of the addresses."""
        return [
            int(listener.getsockname()[1])
            for server in self._servers
            for listener in server.sockets
            if listener.family in {socket.AF_INET, socket.AF_INET6}
        ]

    async def close(self) -> None:
        """Stop listening, end every connection, remove the Unix sockets that were made."""
        for server in self._servers:
            server.close()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)
        for path in self._sockets:
            path.unlink(missing_ok=True)

    async def _listen(self, address: str) -> asyncio.Server:
        kind, _, rest = address.partition(":")
        if kind == "unix":
            _free_socket(Path(rest))
            server = await asyncio.start_unix_server(self._connected, rest)
            self._sockets.append(Path(rest))
            return server
        if kind == "fd":
            inherited = socket.socket(fileno=int(rest))
            return await asyncio.start_server(self._connected, sock=inherited)
        host, _, port = address.rpartition(":")
        return await asyncio.start_server(self._connected, host.strip("[]") or None, int(port))

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None or len(self._connections) >= MAX_CONNECTIONS:
            writer.close()
            return
        self._connections.add(task)
        wire = _Wire(_state(server=True), (reader, writer))
        try:
            await self._serve(wire)
        except (OSError, TimeoutError, h11.LocalProtocolError):
            return  # the client went away, or was too slow: it has been told enough
        except asyncio.CancelledError:
            return  # `close` ends the connection; asyncio would log a cancelled callback
        finally:
            self._connections.discard(task)
            await wire.close()

    async def _serve(self, wire: _Wire) -> None:
        """Answer requests until the client closes or one of its requests is nonsense."""
        patience_s = REQUEST_TIMEOUT_S
        while True:
            try:
                async with asyncio.timeout(patience_s):
                    event = await wire.next_event()
                    if not isinstance(event, h11.Request):
                        return
                    await wire.body(MAX_REQUEST_OCTETS)
                response = await self._handler(_request(event))
            except h11.RemoteProtocolError as error:
                await _refuse(wire, error)
                return
            async with asyncio.timeout(REQUEST_TIMEOUT_S):
                await _respond(wire, response, with_body=event.method != b"HEAD")
            if wire.state.our_state is not h11.DONE:
                return
            wire.state.start_next_cycle()
            patience_s = IDLE_TIMEOUT_S


def _request(event: h11.Request) -> Request:
    path, _, query = event.target.decode("latin-1").partition("?")
    return Request(
        method=event.method.decode("ascii"),
        path=path,
        query=query,
        headers={name.decode("latin-1"): value.decode("latin-1") for name, value in event.headers},
    )


async def _respond(wire: _Wire, response: Response, *, with_body: bool) -> None:
    headers = [
        ("content-type", response.content_type),
        ("content-length", str(len(response.body))),
        ("x-content-type-options", "nosniff"),
    ]
    body = h11.Data(data=response.body if with_body else b"")
    reason = HTTPStatus(response.status).phrase
    head = h11.Response(status_code=response.status, headers=headers, reason=reason)
    await wire.send(head, body, h11.EndOfMessage())


async def _refuse(wire: _Wire, error: h11.RemoteProtocolError) -> None:
    """Say what was wrong with a request, where the client can still be told."""
    if wire.state.our_state not in {h11.IDLE, h11.SEND_RESPONSE}:
        return
    status = error.error_status_hint
    body = f"{HTTPStatus(status).phrase}: {error}\n".encode()
    async with asyncio.timeout(REQUEST_TIMEOUT_S):
        await wire.send(
            h11.Response(
                status_code=status,
                headers=[
                    ("content-type", "text/plain; charset=utf-8"),
                    ("content-length", str(len(body))),
                    ("x-content-type-options", "nosniff"),
                    ("connection", "close"),
                ],
                reason=HTTPStatus(status).phrase,
            ),
            h11.Data(data=body),
            h11.EndOfMessage(),
        )
    await wire.linger()


def _free_socket(path: Path) -> None:
    """Remove the socket of a process that is gone; raises OSError where one still listens."""
    if not path.exists() or not stat.S_ISSOCK(path.stat().st_mode):
        return
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
        else:
            raise OSError("another process listens there")


def _length(body: bytes) -> Headers:
    return (("content-length", str(len(body))),)


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where a server is: `path` of a Unix socket, else `host` and `port`."""

    host: str = ""
    port: int = 0
    path: Path | None = None
    tls: Callable[[], ssl.SSLContext] | None = None
    """Makes what the next TCP connection is secured with; None: in the clear."""


class Client:
    """Sends requests to one server over one connection that it keeps."""

    def __init__(self, place: Place, *, timeout_s: float = 30.0) -> None:
        """Take where the server is."""
        self._place = place
        self._timeout_s = timeout_s
        self._wire: _Wire | None = None

    async def post(self, target: str, headers: Headers, body: bytes) -> Response:
        """Return the answer to a POST of `body`.

        Raises: UplinkError where the server is not there, too slow, or answers no HTTP.
        """
        return await self._ask("POST", target, (*_length(body), *headers), body)

    async def get(self, target: str, headers: Headers) -> Response:
        """Return the answer to a GET. Raises: UplinkError, as `post`."""
        return await self._ask("GET", target, headers, b"")

    async def _ask(self, method: str, target: str, headers: Headers, body: bytes) -> Response:
        place = self._place
        host = f"{place.host}:{place.port}" if place.path is None else "localhost"
        whole = [("host", host), *headers]
        request = h11.Request(method=method, target=target, headers=whole)
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._exchange(request, body)
        except TimeoutError as error:
            await self.close()
            raise UplinkError(f"no answer within {self._timeout_s:g} s") from error
        except (OSError, h11.ProtocolError) as error:
            await self.close()
            reason = str(error) or type(error).__name__
            raise UplinkError(f"the exchange failed: {reason}") from error
        except asyncio.CancelledError:
            await self.close()
            raise

    async def close(self) -> None:
        """Close the kept connection."""
        wire, self._wire = self._wire, None
        if wire is not None:
            await wire.close()

    async def _exchange(self, request: h11.Request, body: bytes) -> Response:
        kept = self._wire
        if kept is not None:
            try:
                return await self._attempt(kept, request, body)
            except (OSError, h11.ProtocolError):
                await self.close()
        self._wire = _Wire(_state(server=False), await self._connect())
        return await self._attempt(self._wire, request, body)

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        place = self._place
        if place.path is not None:
            return await asyncio.open_unix_connection(str(place.path))
        context = None if place.tls is None else place.tls()
        return await asyncio.open_connection(place.host, place.port, ssl=context)

    async def _attempt(self, wire: _Wire, request: h11.Request, body: bytes) -> Response:
        with contextlib.suppress(OSError):  # a server may refuse, and close, before the end
            await wire.send(request, h11.Data(data=body), h11.EndOfMessage())
        event = await wire.next_event()
        while isinstance(event, h11.InformationalResponse):
            event = await wire.next_event()
        if not isinstance(event, h11.Response):
            raise h11.RemoteProtocolError("the peer sent no response")
        answer = await wire.body(MAX_ANSWER_OCTETS)
        if wire.state.our_state is h11.DONE and wire.state.their_state is h11.DONE:
            wire.state.start_next_cycle()
        else:
            await self.close()
        return Response(status=event.status_code, body=answer)
