"""A strict server of line protocol: what it is asked must be what the documents say.

InfluxDB 2 (API reference, "Write data"): POST /api/v2/write with org, bucket, precision, and
`Authorization: Token`; 204. InfluxDB 3 Core (documentation, "Use compatibility APIs", "v2"): the
same address, the database as bucket, `Authorization: Bearer`, no organisation is needed.
"""

import asyncio
from typing import Self

from aiohttp import web


class LineServer:
    """A database on a loopback port that keeps lines; `async with LineServer(port)`."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.lines: list[bytes] = []
        self.requests: list[tuple[dict[str, str], dict[str, str]]] = []
        """Query and headers (small letters) of each write."""
        self.asked: list[str | None] = []
        """Who asked for the metrics."""
        self.status = 204
        self.body = b""
        self.metrics: str | None = "process_start_time_seconds 1795532550\n"
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=1 << 30)
        app.router.add_post("/api/v2/write", self._write)
        app.router.add_get("/metrics", self._metrics)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    async def _write(self, request: web.Request) -> web.Response:
        octets = await request.read()
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.requests.append((dict(request.query), headers))
        await self.may_answer.wait()
        if self.status == 204:
            assert octets.endswith(b"\n")
            self.lines += octets.splitlines()
        return web.Response(status=self.status, body=self.body, content_type="application/json")

    async def _metrics(self, request: web.Request) -> web.Response:
        if self.metrics is None:
            return web.Response(status=404)
        self.asked.append(request.headers.get("Authorization"))
        return web.Response(text=self.metrics)
