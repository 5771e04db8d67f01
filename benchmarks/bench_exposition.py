"""Shell: a scrape of 10,000 paths: what it costs the collector, and how long others wait meanwhile.

The peer is prometheus-client's own renderer in the same server, and has less to do: see
`exposition_server`. Every pass checks that both wrote the same lines about paths and crossings.
"""

import asyncio
import gzip
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import aiohttp

from benchmarks.exposition_paths import PATHS
from benchmarks.results import Result, less

PASSES = 3
SCRAPE_GOAL = 0.1
WAIT_GOAL = 0.5
QUESTIONS = 500
"""So many are asked at least, one scrape after another meanwhile."""
PAUSE_S = 0.002
"""Between two questions whether the collector is healthy."""
SAMPLES_OF_PATHS = PATHS * 41
COMPARED = (b"borne_path_", b"borne_crossing", b"borne_finding")
PEER = "prometheus-client's generate_latest on the same server"


def measure() -> list[Result]:
    """Return seconds of CPU of a scrape, and milliseconds that 1 in 100 other requests wait."""
    with _server() as port:
        cpu_s, waited_ms = asyncio.run(_passes(port))
    return [
        less("exposition_scrape", "s of CPU", *cpu_s, PEER, SCRAPE_GOAL),
        less("exposition_healthy_p99", "ms", *waited_ms, PEER, WAIT_GOAL),
    ]


@contextmanager
def _server() -> Iterator[int]:
    """Run the server for a while; give its port."""
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.exposition_server"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    if process.stdin is None or process.stdout is None:
        raise AssertionError("pipes were asked for")
    try:
        yield int(process.stdout.readline())
    finally:
        process.stdin.close()
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()


async def _passes(port: int) -> tuple[tuple[list[float], list[float]], ...]:
    """Return, each for us and for the peer, seconds of CPU and the p99 of waiting in ms."""
    cpu_s: dict[str, list[float]] = {"/metrics": [], "/peer": []}
    waited_ms: dict[str, list[float]] = {"/metrics": [], "/peer": []}
    where = f"http://127.0.0.1:{port}"
    async with aiohttp.ClientSession(where, auto_decompress=False) as client:
        await _text(client, "/metrics")
        for _ in range(PASSES):
            told = {}
            for address, spent_s in cpu_s.items():
                before_s = float(await _text(client, "/cpu"))
                packed = await _text(client, address)
                spent_s.append(float(await _text(client, "/cpu")) - before_s)
                told[address] = _compared(packed)
            if told["/metrics"] != told["/peer"] or len(told["/peer"]) < SAMPLES_OF_PATHS:
                raise AssertionError(f"{len(told['/metrics'])}, {len(told['/peer'])} lines differ")
            for address, found in waited_ms.items():
                found.append(await _p99_ms(client, address))
    return tuple((found["/metrics"], found["/peer"]) for found in (cpu_s, waited_ms))


async def _text(client: aiohttp.ClientSession, address: str) -> bytes:
    async with client.get(address, headers={"Accept-Encoding": "gzip"}) as answer:
        answer.raise_for_status()
        return await answer.read()


def _compared(packed: bytes) -> list[bytes]:
    lines = gzip.decompress(packed).split(b"\n")
    return [line for line in lines if line.startswith(COMPARED)]


async def _p99_ms(client: aiohttp.ClientSession, address: str) -> float:
    """Return what 99 of 100 questions for the health wait at most while scrapes run."""
    waited_s: list[float] = []
    while len(waited_s) < QUESTIONS:
        scrape = asyncio.create_task(_text(client, address))
        while not scrape.done():
            began = time.perf_counter()
            await _text(client, "/-/healthy")
            waited_s.append(time.perf_counter() - began)
            await asyncio.sleep(PAUSE_S)
        await scrape
    return statistics.quantiles(waited_s, n=100)[-1] * 1000
