"""Shell: a collector with 10,000 paths in a process of its own, for the benchmark of a scrape.

Usage: `python -m benchmarks.exposition_server`. It takes the paths by its own door, listens on a
free port of loopback, prints `PORT`, and serves until its input ends.

    GET /cpu    seconds of this process' CPU so far
    GET /peer   the families of a scrape at the start, written by prometheus-client

Rules
- The peer has less to do than we: its families are made before, it only writes them, in a reader
  thread, as the collector did. Client, server and compression are the same.
"""

import asyncio
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

from aiohttp import web
from prometheus_client.exposition import generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from benchmarks.exposition_paths import AGENTS, PATHS, bodies, configured, token
from collector import memory
from collector.chain import Chain
from collector.clock import WallClock
from collector.gate.callers import Caller
from collector.settings.config import Config
from collector.web.handlers import Handlers


class Families(Collector):
    """Families with their samples as prometheus-client has them."""

    def __init__(self, text: str) -> None:
        """Read them from an exposition."""
        self._families = list(text_string_to_metric_families(text))

    def collect(self) -> list[Metric]:
        """Return them."""
        return self._families


async def _fill(chain: Chain, config: Config) -> None:
    now_ns = time.time_ns()
    for number in range(AGENTS):
        for body in bodies(config, number, now_ns):
            await chain.accept(body, "identity", Caller(token=token(number)))
    while (found := len(chain.reader.latest_paths())) < PATHS:
        if not chain.counts.rejected_samples.total():
            await asyncio.sleep(0.1)
            continue
        raise AssertionError(f"{found} of {PATHS} paths: {chain.counts.rejected_samples}")


def _routes(serving: Handlers, families: Families) -> list[web.RouteDef]:
    async def cpu(_: web.Request) -> web.Response:
        return web.Response(text=str(time.process_time()))

    async def peer(_: web.Request) -> web.Response:
        body = await serving.answers.thread(partial(generate_latest, families))
        answer = web.Response(body=body, content_type="text/plain")
        answer.enable_compression()
        return answer

    return [web.get("/cpu", cpu), web.get("/peer", peer)]


async def _serve(directory: Path) -> None:
    config = configured(directory / "store")
    chain = Chain(config)
    serving = Handlers(chain, config, WallClock())
    async with chain:
        await _fill(chain, config)
        text = b"".join(serving.face.scrape(generate_latest)).decode()
        application = serving.application()
        application.add_routes(_routes(serving, Families(text)))
        runner = web.AppRunner(application, access_log=None, auto_decompress=False)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        sys.stdout.write(f"{runner.addresses[0][1]}\n")
        sys.stdout.flush()
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
        await runner.cleanup()


def main() -> None:
    """Serve until the input ends."""
    memory.settle()
    with tempfile.TemporaryDirectory() as directory:
        asyncio.run(_serve(Path(directory)))


if __name__ == "__main__":
    main()
