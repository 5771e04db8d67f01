"""Shell: how long acknowledgements take while a day is compacted, and while none is.

No peer: the same collector is asked in turn, some seconds without and some seconds with a
compaction of hours of the reference day in a thread of its process, as upkeep has one. Twenty
agents send batches of a thousand samples, five a second each; each waits for its 204, which comes
once the batch is durable.
"""

import asyncio
import runpy
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from benchmarks import reference
from benchmarks.bench_store_compaction_rss import hour, made
from benchmarks.ingest_bodies import FORMS, STEP_NS
from benchmarks.ingest_bodies import made as batch
from benchmarks.ingest_clients import PATIENCE_S, Client, Server, connect, request
from benchmarks.ingest_server import Order
from benchmarks.results import Result, alone
from collector.listed import Segment
from collector.samples import quantiles
from collector.store import compaction, upkeep

HOURS = 6
AGENTS = 20
SAMPLES = 1000
INTERVAL_S = 0.2
ROUND_S = 4.0
ROUNDS = 7
_MARK = "compact"
"""As long as a file of this name is there the server compacts."""


def measure() -> list[Result]:
    """Return milliseconds of the 99th percentile beside a compaction, and how many times more."""
    quantiles.warm()
    with tempfile.TemporaryDirectory(prefix="borne-ack-") as folder:
        directory = Path(folder)
        bench = made(directory, "hours")
        hours = [hour(bench, columns) for columns, _ in zip(reference.hours(), range(HOURS))]  # noqa: B905
        (directory / "hours.json").write_bytes(msgspec.json.encode(hours))
        with _server(directory) as found:
            alone_s, beside_s = asyncio.run(_in_turn(found, directory))
    ratios = [with_it / without for with_it, without in zip(beside_s, alone_s, strict=True)]
    return [
        alone("ack: p99 while a day is compacted", "ms", [s * 1e3 for s in beside_s], at_most=50),
        alone("ack: p99 while compacted, to p99 alone", "times", ratios, at_most=3),
    ]


async def _in_turn(found: Server, directory: Path) -> tuple[list[float], list[float]]:
    """Return the 99th percentiles of each round, without and with a compaction beside it."""
    clients = [await connect(found.port) for _ in range(AGENTS)]
    sequences = iter(range(1_000_000))
    await _round(clients, sequences, 1.0)
    alone_s: list[float] = []
    beside_s: list[float] = []
    for _ in range(ROUNDS):
        alone_s.append(await _round(clients, sequences, ROUND_S))
        (directory / _MARK).touch()
        await asyncio.sleep(INTERVAL_S)
        beside_s.append(await _round(clients, sequences, ROUND_S))
        (directory / _MARK).unlink()
        while not (directory / "rests").exists():  # noqa: ASYNC110 - it is another process
            await asyncio.sleep(INTERVAL_S)
    return alone_s, beside_s


async def _round(clients: list[Client], sequences: Iterator[int], lasts_s: float) -> float:
    """Let all agents send for a while; return the 99th percentile of what they waited."""
    waits_s: list[float] = []
    first_ns = (time.time_ns() // STEP_NS - 1000) * STEP_NS
    how = FORMS["csr"]
    each = int(lasts_s / INTERVAL_S)
    numbers = [next(sequences) for _ in range(each)]
    bodies = [
        [
            request(n, how.pack(batch(n, number, first_ns, SAMPLES)), how.encoding)
            for number in numbers
        ]
        for n in range(len(clients))
    ]

    async def one(client: Client, place: int) -> None:
        began_s = time.monotonic() + INTERVAL_S * place / len(clients)
        for number, body in enumerate(bodies[place]):
            await asyncio.sleep(max(0, began_s + number * INTERVAL_S - time.monotonic()))
            sent_s = time.monotonic()
            await client.post(body)
            waits_s.append(time.monotonic() - sent_s)

    async with asyncio.timeout(PATIENCE_S):
        await asyncio.gather(*(one(client, place) for place, client in enumerate(clients)))
    return statistics.quantiles(waits_s, n=100)[98]


@contextmanager
def _server(directory: Path) -> Iterator[Server]:
    """Run a collector that compacts when it is told to."""
    order = msgspec.json.encode(Order(agents=AGENTS)).decode()
    process = subprocess.Popen(  # noqa: S603 - this very file
        [sys.executable, "-m", "benchmarks.bench_ingest_ack_while_compacting", order, directory],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield Server(process)
    finally:
        process.communicate()


def _compact(directory: Path) -> None:
    """Compact hours again and again while the mark is there."""
    hours = msgspec.json.decode((directory / "hours.json").read_bytes(), type=list[Segment])
    mark, rests = directory / _MARK, directory / "rests"

    def watch() -> None:
        if not mark.exists():
            raise upkeep.StoppedError

    number = 0
    while True:
        while not mark.exists():
            time.sleep(INTERVAL_S / 4)
        rests.unlink(missing_ok=True)
        bench = made(directory, f"pass{number}", watch)
        number += 1
        try:
            for segment in compaction.day(bench, hours):
                (directory / segment.name).unlink()
        except upkeep.StoppedError:
            rests.touch()


if __name__ == "__main__":
    home = Path(sys.argv.pop())
    threading.Thread(target=_compact, args=[home], daemon=True).start()
    runpy.run_module("benchmarks.ingest_server", run_name="__main__", alter_sys=True)
