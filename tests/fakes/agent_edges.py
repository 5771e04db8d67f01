"""Fakes of the world that the agent's edges see: a collector, a resolver, results to upload.

`FakeCollector` is a small HTTP server of its own (no line of it is shared with the agent). It
keeps what it acknowledged, and does before that whatever the test has scripted.
"""

import asyncio
import ipaddress
import json
import socket
from collections import deque
from pathlib import Path
from typing import Self

from agent import wire
from agent.dns import Kind, address_kind, reverse_name
from agent.records import AgentId, Batch, Descriptors, Protocol, Series, SpoolId, Stamp

TOKEN = "0123456789abcdef0123"  # noqa: S105 - a fake's

Step = int | tuple[int, bytes] | str
"""A status to answer, (status, body), or "hang", "drop" (close) and "cut" (half an answer)."""


class FakeCollector:
    """A collector on a Unix socket, or on a free port of loopback where `path` is None."""

    def __init__(self, path: Path | None = None, *, strict: bool = False) -> None:
        """`strict`: answer 409 to series that were never described, as the real one does."""
        self.path = path
        self.strict = strict
        self.script: deque[Step] = deque()
        self.held: dict[tuple[bytes, int], Batch] = {}
        """Acknowledged batches by (spool id, sequence)."""
        self.received: list[tuple[int, bytes]] = []
        """(sequence, inflated body) of every request, in order."""
        self.headers: list[dict[str, str]] = []
        self.known: set[int] = set()
        self.repeats: list[int] = []
        """Sequences that came again after they had been acknowledged."""
        self.connections = 0
        self.port = 0
        self._server: asyncio.Server
        self._tasks: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Condition()

    async def __aenter__(self) -> Self:
        if self.path is not None:
            self._server = await asyncio.start_unix_server(self._connected, self.path)
        else:
            self._server = await asyncio.start_server(self._connected, "127.0.0.1", self.port)
            self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None:
            raise AssertionError
        self._tasks.add(task)
        self.connections += 1
        try:
            while await self._exchange(reader, writer):
                pass
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            return
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Answer one request; return whether the connection goes on."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        lines = [line.partition(":") for line in head.split("\r\n")[1:] if line]
        headers = {name.lower(): value.strip() for name, _, value in lines}
        body = await reader.readexactly(int(headers["content-length"]))
        self.headers.append({"request": head.partition("\r\n")[0], **headers})
        content = wire.inflate(body, 1 << 26)
        batch = wire.decode(content)
        self.received.append((batch.sequence, content))
        step = self.script.popleft() if self.script else self._judge(batch)
        match step:
            case "hang":
                await asyncio.sleep(3600)
            case "drop":
                return False
            case "cut":
                writer.write(b"HTTP/1.1 204 No Con")
                return False
            case (int(status), bytes(answer)):
                writer.write(_response(status, answer))
            case int(status):
                async with self._changed:
                    self._keep(status, batch)
                    self._changed.notify_all()
                writer.write(_response(status, b""))
        await writer.drain()
        return True

    def _judge(self, batch: Batch) -> Step:
        described = {series.id for series in batch.descriptors.series}
        unknown = sorted({*batch.series_ids, *batch.event_series} - self.known - described)
        if self.strict and unknown:
            return 409, json.dumps({"unknown_series": unknown}).encode()
        self.known |= described
        return 204

    def _keep(self, status: int, batch: Batch) -> None:
        if status == 204:
            key = (bytes(batch.spool_id), batch.sequence)
            if key in self.held:
                self.repeats.append(batch.sequence)
            self.held[key] = batch

    async def holds(self, count: int, timeout_s: float = 10.0) -> None:
        """Wait until `count` batches were acknowledged."""
        async with asyncio.timeout(timeout_s), self._changed:
            await self._changed.wait_for(lambda: len(self.held) >= count)

    async def holds_a_path(self, timeout_s: float = 20.0) -> None:
        """Wait until an acknowledged batch carried a path."""
        async with asyncio.timeout(timeout_s), self._changed:
            await self._changed.wait_for(
                lambda: any(batch.descriptors.paths for batch in self.held.values())
            )


def _response(status: int, body: bytes) -> bytes:
    head = f"HTTP/1.1 {status} Whatever\r\n"
    if status != 204:
        head += f"Content-Length: {len(body)}\r\n"
    return head.encode() + b"\r\n" + body


class FakeResolver(asyncio.DatagramProtocol):
    """A name server on loopback that answers from a table, or as a test has scripted."""

    def __init__(self, records: dict[tuple[str, Kind], list[str]]) -> None:
        self.records = records
        self.asked: list[tuple[str, Kind]] = []
        self.mute: set[str] = set()
        """Names about which nothing is said."""
        self.empty: set[str] = set()
        """Names that exist without any record."""
        self.failing: set[str] = set()
        """Names for which the server fails."""
        self.noise: list[bytes] = []
        """Datagrams that are sent before each answer."""
        self.code = 0
        self.from_elsewhere = False
        """Answers leave from another port than the one that was asked."""
        self.address = ("127.0.0.1", 0)
        self._transport: asyncio.DatagramTransport

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(
            lambda: self, local_addr=self.address
        )
        self.address = self._transport.get_extra_info("sockname")
        return self

    async def __aexit__(self, *_: object) -> None:
        self._transport.close()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Answer one query by the book of RFC 1035, without compression."""
        name, at = _read_name(data, 12)
        kind = Kind(int.from_bytes(data[at : at + 2], "big"))
        self.asked.append((name, kind))
        for noise in self.noise:
            self._transport.sendto(noise, addr)
        if name in self.mute:
            return
        values = self.records.get((name, kind), [])
        code = self.code or self._code(name, known=bool(values))
        flags = 0x8180 | code
        counts = b"\0\1" + len(values).to_bytes(2, "big") + b"\0\0\0\0"
        answers = b"".join(_record(name, kind, value) for value in values)
        head = data[:2] + flags.to_bytes(2, "big") + counts
        message = head + data[12 : at + 4] + answers
        if self.from_elsewhere:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
                other.sendto(message, addr)
            return
        self._transport.sendto(message, addr)

    def _code(self, name: str, *, known: bool) -> int:
        if name in self.failing:
            return 2
        return 0 if known or name in self.empty else 3


def _read_name(data: bytes, at: int) -> tuple[str, int]:
    labels = []
    while length := data[at]:
        labels.append(data[at + 1 : at + 1 + length].decode("latin-1"))
        at += length + 1
    return ".".join(labels), at + 1


def _write_name(name: str) -> bytes:
    return b"".join(bytes([len(part)]) + part.encode("latin-1") for part in name.split(".")) + b"\0"


def _record(name: str, kind: Kind, value: str) -> bytes:
    data = _write_name(value) if kind is Kind.PTR else ipaddress.ip_address(value).packed
    fixed = kind.to_bytes(2, "big") + b"\0\1" + (300).to_bytes(4, "big")
    return _write_name(name) + fixed + len(data).to_bytes(2, "big") + data


def named(address: str, name: str, *forward: str) -> dict[tuple[str, Kind], list[str]]:
    """Return the records of an address, its PTR name and the addresses of that name."""
    found = {(reverse_name(address), Kind.PTR): [name]}
    if forward:
        found[name, address_kind(address)] = list(forward)
    return found


def series(number: int, target: str = "192.0.2.1") -> Series:
    """Return the descriptor of a series."""
    return Series(
        id=number,
        zone="a/b",
        target=target,
        family=4,
        protocol=Protocol.ICMP,
        stamp=Stamp.KERNEL,
    )


def small_batch(mark: int = 0, *, described: tuple[Series, ...] = ()) -> Batch:
    """Return a batch of one reply of series 1, told apart by `mark` in its base time."""
    return Batch(
        agent_id=AgentId(b"a" * 16),
        boot_id=b"b" * 16,
        spool_id=SpoolId(b"s" * 16),
        sequence=0,
        base_ns=1_700_000_000_000_000_000 + mark,
        clock_error_ns=-1,
        series_ids=[1],
        offsets=[0, 1],
        rtt_s=[0.25],
        reply_dt_ms=[0],
        event_series=[],
        event_dt_ms=[],
        event_outcome=[],
        descriptors=Descriptors(series=described),
    )
