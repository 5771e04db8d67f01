"""Shell: many simulated agents on loopback: each a connection that posts bodies and waits.

Rules
- A client is one asyncio protocol with no parser but a search for the end of the answer's head:
  what is measured is the server.
"""

import asyncio
import ssl
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import msgspec

from benchmarks.ingest_server import Order

PATIENCE_S = 120
STORED = b"HTTP/1.1 204"


class Server:
    """The server's process."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        """Wait until it says its port."""
        assert process.stdout is not None  # noqa: S101 - a pipe was asked for
        self.process = process
        self.port = int(process.stdout.readline())
        self._context = ssl.create_default_context()
        self._context.check_hostname = False
        self._context.verify_mode = ssl.CERT_NONE

    def ask(self, what: str, scheme: str = "http") -> float:
        """Return a number that the server tells of itself."""
        context = self._context if scheme == "https" else None
        address = f"{scheme}://127.0.0.1:{self.port}/{what}"
        with urllib.request.urlopen(address, context=context) as answer:  # noqa: S310 - loopback
            return float(answer.read())


@contextmanager
def server(order: Order) -> Iterator[Server]:
    """Run a server for a while."""
    ordered = msgspec.json.encode(order).decode()
    command = [sys.executable, "-m", "benchmarks.ingest_server", ordered]
    process = subprocess.Popen(  # noqa: S603 - our own program
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        yield Server(process)
    finally:
        if process.stdin is not None:
            process.stdin.close()
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()


def request(agent: int, body: bytes, encoding: str) -> bytes:
    """Return the octets of an upload."""
    head = (
        "POST /v1/batches HTTP/1.1\r\nHost: c\r\n"
        f"Authorization: Bearer token-{agent}\r\nContent-Encoding: {encoding}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


class Client(asyncio.Protocol):
    """One connection of one agent."""

    def __init__(self) -> None:
        """Begin without an answer to wait for."""
        self.transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[bytes] | None = None
        self._octets = b""
        self.expected = STORED
        """How the answer to a request begins that went well."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self.transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        """Take what comes until the head of the answer is whole."""
        self._octets += data
        if b"\r\n\r\n" in self._octets and self._answer is not None and not self._answer.done():
            self._answer.set_result(self._octets)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell who waits."""
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(exc or ConnectionError("closed"))

    async def post(self, octets: bytes) -> None:
        """Send one upload and wait until it is stored.

        Raises: RuntimeError for any other answer.
        """
        if self.transport is None:
            raise RuntimeError("no connection")
        self._octets = b""
        self._answer = asyncio.get_running_loop().create_future()
        self.transport.write(octets)
        answer = await self._answer
        if not answer.startswith(self.expected):
            raise RuntimeError(answer[:300].decode(errors="replace"))


async def connect(port: int, context: ssl.SSLContext | None = None) -> Client:
    """Return a connected client."""
    loop = asyncio.get_running_loop()
    name = None if context is None else "localhost"
    _, made = await loop.create_connection(
        Client, "127.0.0.1", port, ssl=context, server_hostname=name
    )
    return made


async def upload(port: int, requests: Sequence[Sequence[bytes]]) -> float:
    """Let each agent post its requests one after the other; return how many seconds all took."""
    clients = [await connect(port) for _ in requests]

    async def one(client: Client, mine: Sequence[bytes]) -> None:
        for octets in mine:
            await client.post(octets)

    async with asyncio.timeout(PATIENCE_S):
        began = time.monotonic()
        await asyncio.gather(*map(one, clients, requests))
        took_s = time.monotonic() - began
    for client in clients:
        if client.transport is not None:
            client.transport.close()
    return took_s
