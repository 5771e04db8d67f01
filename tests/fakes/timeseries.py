"""A real VictoriaMetrics on a free loopback port, and windows to write to it."""

import asyncio
import contextlib
import shutil
import socket
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import aiohttp
import pytest

START_S = 20.0


class VictoriaMetrics:
    """A running database."""

    def __init__(self, url: str, child: asyncio.subprocess.Process | None = None) -> None:
        self.url = url
        self._child = child

    def kill(self) -> None:
        """End it as a crash does."""
        assert self._child is not None
        self._child.kill()

    async def metric(self, name: str) -> float:
        """Return one of its own metrics, 0 where it has none."""
        async with aiohttp.ClientSession() as http, http.get(f"{self.url}/metrics") as answer:
            for line in (await answer.text()).splitlines():
                if line.startswith(f"{name} "):
                    return float(line.rpartition(" ")[2])
        return 0.0

    async def flush(self) -> None:
        """Let what was accepted be found: who asks too early is answered from a cache."""
        async with (
            aiohttp.ClientSession() as http,
            http.get(f"{self.url}/internal/force_flush") as answer,
        ):
            answer.raise_for_status()

    async def query(self, promql: str, at_s: float) -> dict[str, float]:
        """Return the value of each series at a time, by its `target` label."""
        found = await self._get("/api/v1/query", query=promql, time=str(at_s))
        return {
            row["metric"].get("target", ""): float(row["value"][1])
            for row in found["data"]["result"]
        }

    async def stored(self, name: str) -> Mapping[tuple[str, str, str, int], float]:
        """Return every value of a series: by agent, zone, target and time in s."""
        found = await self._get("/api/v1/query", query=f"{name}[1h]")
        return {
            (*(row["metric"][label] for label in ("agent", "zone", "target")), int(at_s)): float(
                value
            )
            for row in found["data"]["result"]
            for at_s, value in row["values"]
        }

    async def _get(self, path: str, **params: str) -> Any:  # noqa: ANN401 - JSON of any shape
        async with (
            aiohttp.ClientSession() as http,
            http.get(self.url + path, params={**params, "nocache": "1"}) as answer,
        ):
            answer.raise_for_status()
            return await answer.json()


def free_port() -> int:
    """Return a loopback port that was free a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@contextlib.asynccontextmanager
async def victoria_metrics(directory: Path, port: int) -> AsyncIterator[VictoriaMetrics]:
    """Run Debian's VictoriaMetrics for the length of the context, its files in `directory`."""
    program = shutil.which("victoria-metrics")
    if program is None:
        pytest.fail(
            "victoria-metrics is missing: apt-get install --no-install-recommends victoria-metrics"
        )
    url = f"http://127.0.0.1:{port}"
    with (directory / "victoria.log").open("ab") as words:
        child = await asyncio.create_subprocess_exec(
            program,
            f"-httpListenAddr=127.0.0.1:{port}",
            f"-storageDataPath={directory / 'victoria'}",
            "-search.latencyOffset=0s",
            "-retentionPeriod=100y",
            "-dedup.minScrapeInterval=1ms",
            stdout=words,
            stderr=words,
        )
    try:
        async with asyncio.timeout(START_S), aiohttp.ClientSession() as http:
            while True:
                with contextlib.suppress(aiohttp.ClientError):
                    async with http.get(f"{url}/health") as answer:
                        if answer.ok:
                            break
                await asyncio.sleep(0.05)
        yield VictoriaMetrics(url, child)
    finally:
        with contextlib.suppress(ProcessLookupError):
            child.kill()  # a graceful end waits ten seconds for connections that are idle
        await child.wait()
