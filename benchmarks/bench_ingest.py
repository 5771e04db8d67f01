"""Shell: the door of the collector: durable requests, samples a core, idle connections, a fleet.

Each claim runs the collector's own server in a process of its own on loopback. Peers run in turn
with it, on the same server, and differ in the one thing that they are named after. Every run ends
with a check that the aggregator holds exactly the samples that were sent.

Rules
- What counts samples is measured in its steady state: each server first takes a load of the same
  kind and size that nobody times, and a checkpoint seals it. Memory that is touched for the first
  time costs more than all the rest, and differs by two times from run to run.
- Every form brings the same batches: two minutes of each series.
- Each claim's results are given as soon as it is measured: one that fails takes no other along.
"""

import asyncio
import gc
import os
import ssl
import statistics
import struct
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from agent import wire
from benchmarks.ingest_bodies import FORMS, SAMPLES, STEP_NS, made
from benchmarks.ingest_clients import PATIENCE_S, Client, Server, connect, request, server, upload
from benchmarks.ingest_server import Order, configured
from benchmarks.results import Result, alone, faster
from collector.chain import Chain
from collector.gate import frames, journal
from collector.gate.frames import Entry
from collector.recovery import Start

AGENTS = 50
PASSES = 3
DURABLE_SAMPLES = 5400
"""Of a batch of 33 kB as it is."""
PER_AGENT = 12
"""Requests of each agent: two minutes of its series."""
REPLAYED_OCTETS = 300_000_000
IDLE = 2000
FLEET = 15_000
FLEET_INTERVAL_S = 10.0
FLEET_ROUNDS = 2
FLEET_SAMPLES = 1000
AT_ONCE = 500
"""Agents of the fleet that come for the first time together."""


def measure() -> Iterator[Result]:
    """Yield all claims of the door."""
    for claim in (_durable, _samples, _replay, _idle, _fleet):
        yield from claim()


def _requests(form: str, agents: int, each: int, samples: int = SAMPLES) -> list[list[bytes]]:
    """Return the requests of each agent, made before anything is measured."""
    first_ns = (time.time_ns() // STEP_NS - 1000) * STEP_NS
    how = FORMS[form]
    return [
        [
            request(agent, how.pack(made(agent, sequence, first_ns, samples)), how.encoding)
            for sequence in range(each)
        ]
        for agent in range(agents)
    ]


def _check(found: Server, sent: int, scheme: str = "http") -> None:
    """Stop where the aggregator does not hold exactly what was sent."""
    held = found.ask("held", scheme)
    if held != sent:
        raise AssertionError(f"{sent} samples were acknowledged, {held:.0f} are held")


def _samples_a_core(form: str, requests: Sequence[Sequence[bytes]]) -> float:
    """Return samples a second of the server's CPU, in one run; the first half is not timed."""
    half = len(requests[0]) // 2
    with server(Order(form=form)) as found:
        asyncio.run(upload(found.port, [mine[:half] for mine in requests]))
        found.ask("seal")
        before_s = found.ask("cpu")
        asyncio.run(upload(found.port, [mine[half:] for mine in requests]))
        used_s = found.ask("cpu") - before_s
        _check(found, SAMPLES * sum(map(len, requests)))
    return SAMPLES * sum(len(mine) - half for mine in requests) / used_s


def _durable() -> list[Result]:
    """Durable requests a second of 50 agents x 33 kB: groups against one fdatasync a request.

    Nothing is aggregated behind it: the way to the disk is what is compared.
    """
    requests = _requests("identity", AGENTS, 2 * PER_AGENT, DURABLE_SAMPLES)
    rates: dict[str, list[float]] = {"group": [], "threads": [], "blocking": []}
    for _ in range(PASSES):
        for how, found in rates.items():
            order = Order(journal=how, aggregate=False)
            with server(order) as running:
                asyncio.run(upload(running.port, [mine[:PER_AGENT] for mine in requests]))
                took_s = asyncio.run(upload(running.port, [mine[PER_AGENT:] for mine in requests]))
                kept = running.ask("kept")
            if kept != AGENTS * 2 * PER_AGENT:
                raise AssertionError(f"{kept:.0f} batches are in the journal")
            found.append(AGENTS * PER_AGENT / took_s)
    return [
        faster(
            f"ingest_durable_{name}",
            "requests/s",
            rates["group"],
            rates[name],
            f"the same server, fdatasync a request, {how}",
            goal,
        )
        for name, how, goal in (("threads", "in threads", 1.8), ("blocking", "blocking", 8.0))
    ]


def _samples() -> list[Result]:
    """Samples a second of one server core, registry and aggregator behind the door."""
    rates: dict[str, list[float]] = {form: [] for form in ("csr", "deflate", "json", "remote")}
    pools = {form: _requests(form, AGENTS, 2 * PER_AGENT) for form in rates}
    for _ in range(PASSES):
        for form, found in rates.items():
            found.append(_samples_a_core(form, pools[form]) / 1e6)
    unit = "M samples/s a core"
    return [
        alone("ingest_samples", unit, rates["csr"], at_least=30),
        alone("ingest_samples_deflate", unit, rates["deflate"], at_least=15),
        faster(
            *("ingest_samples_json", unit, rates["csr"], rates["json"]),
            "orjson, columns as JSON arrays, on the same server",
            6,
        ),
        faster(
            *("ingest_samples_remote_write", unit, rates["csr"], rates["remote"]),
            "remote write 1.0 (protobuf upb, snappy) on the same server",
            12,
        ),
    ]


def _replay() -> list[Result]:
    """Seconds that a start takes for each GB of the journal, over one without a journal."""
    with tempfile.TemporaryDirectory() as directory:
        store = Path(directory)
        octets, samples = _journal(store / "full" / "journal")
        asyncio.run(_start_s(store / "empty", 0))
        found = []
        for _ in range(PASSES):
            empty_s = asyncio.run(_start_s(store / "empty", 0))
            full_s = asyncio.run(_start_s(store / "full", samples))
            found.append((full_s - empty_s) / (octets / 1e9))
    return [alone("ingest_replay", "s a GB", found, at_most=2)]


def _journal(directory: Path) -> tuple[int, int]:
    """Write a journal of 50 agents; return its octets and its samples."""
    directory.mkdir(parents=True)
    first_ns = (time.time_ns() // STEP_NS - 1000) * STEP_NS
    vantages = configured(directory, AGENTS).agents
    octets = batches = 0
    with (directory / journal.file_name(1)).open("wb") as file:
        while octets < REPLAYED_OCTETS:
            sequence, agent = divmod(batches, AGENTS)
            body = bytearray(wire.encode(made(agent, min(sequence, 1), first_ns)))
            body[56:72] = struct.pack("<Qq", sequence, first_ns + sequence * STEP_NS)
            entry = Entry(received_ns=first_ns, vantage=vantages[agent], body=bytes(body))
            octets += file.write(frames.encode(entry))
            batches += 1
    return octets, batches * SAMPLES


async def _start_s(store: Path, samples: int) -> float:
    """Return how long a chain takes to open; it must then hold so many samples."""
    chain = Chain(configured(store, AGENTS))
    began = time.monotonic()
    start = await asyncio.to_thread(_recovered, chain)
    took_s = time.monotonic() - began
    held = int(start.state.windows.open().received.sum())
    if held != samples:
        raise AssertionError(f"{samples} samples are in the journal, {held} were replayed")
    return took_s


def _recovered(chain: Chain) -> Start:
    """Recover what is on the disk, and let it go again untouched."""
    chain._recover()  # noqa: SLF001 - a whole chain would take a checkpoint at its end
    start, catalog = chain._start, chain._catalog  # noqa: SLF001
    catalog.close()
    return start


def _idle() -> list[Result]:
    """Memory of a connection that is kept and does nothing, plain and with TLS."""
    with tempfile.TemporaryDirectory() as directory:
        files = _certificate(Path(directory))
        kinds = {
            "plain": (Order(), 12.0),
            "tls": (Order(tls=files), 60.0),
            "default": (Order(tls=files, settled=False), 0.0),
        }
        found: dict[str, list[float]] = {name: [] for name in kinds}
        for _ in range(PASSES):
            for name, (order, _goal) in kinds.items():
                found[name].append(asyncio.run(_idle_kb(order)))
    tls = alone("ingest_idle_tls", "kB a connection", found["tls"], at_most=kinds["tls"][1])
    default = statistics.median(found["default"])
    return [
        alone("ingest_idle_plain", "kB a connection", found["plain"], at_most=kinds["plain"][1]),
        _beside(tls, default, "aiohttp with asyncio's own TLS buffers"),
    ]


def _beside(result: Result, peer: float, name: str) -> Result:
    """Return a result with a peer's figure beside it; the goal stays the bound."""
    return Result(
        claim=result.claim,
        unit=result.unit,
        ours=result.ours,
        peer=round(peer, 3),
        peer_name=name,
        ratio=round(peer / result.ours, 3),
        goal=result.goal,
        holds=result.holds,
        spread=result.spread,
    )


async def _idle_kb(order: Order) -> float:
    """Return kB of the server's memory for each of many connections that asked once."""
    context = None
    scheme = "http"
    if order.tls is not None:
        context = ssl.create_default_context(cafile=order.tls[0])
        scheme = "https"
    with server(order) as found:
        clients = [await _asked(found, context) for _ in range(50)]
        before = await asyncio.to_thread(found.ask, "rss", scheme)
        clients += [await _asked(found, context) for _ in range(IDLE)]
        after = await asyncio.to_thread(found.ask, "rss", scheme)
        for client in clients:
            if client.transport is not None:
                client.transport.abort()
    return (after - before) / IDLE / 1000


async def _asked(found: Server, context: ssl.SSLContext | None) -> Client:
    """Return a connection that has asked something and had its answer."""
    client = await connect(found.port, context)
    octets = b"GET /-/healthy HTTP/1.1\r\nHost: c\r\n\r\n"
    client.expected = b"HTTP/1.1 200"
    await client.post(octets)
    return client


def _certificate(directory: Path) -> tuple[str, str]:
    """Make a certificate of localhost that signs itself."""
    files = str(directory / "c.pem"), str(directory / "c.key")
    subprocess.run(  # noqa: S603 - the arguments are ours
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-nodes", "-days", "1", "-subj", "/CN=localhost"),
            *("-addext", "subjectAltName=DNS:localhost", "-out", files[0], "-keyout", files[1]),
        ],
        check=True,
        capture_output=True,
    )
    return files


def _fleet() -> list[Result]:
    """A fleet that uploads once in ten seconds: the server's share of a core, and its answers."""
    with server(Order(agents=FLEET)) as found:
        gc.disable()  # the clients' own stops would count as the server's
        try:
            used, waits_s = asyncio.run(_fleet_run(found))
        finally:
            gc.enable()
        _check(found, FLEET * (FLEET_ROUNDS + 1) * FLEET_SAMPLES)
    waits_ms = sorted(1000 * wait for wait in waits_s)
    p99 = waits_ms[int(len(waits_ms) * 0.99)]
    return [
        alone("ingest_fleet_core", "% of a core", [100 * used], at_most=50),
        alone("ingest_fleet_p99", "ms", [p99], at_most=250),
    ]


async def _fleet_run(found: Server) -> tuple[float, list[float]]:
    """Return the share of a core and the seconds that each upload waited, over some intervals.

    The share is that of the time in which the uploads are due: lateness does not make it smaller.
    """
    first_ns = (time.time_ns() // STEP_NS - 1000) * STEP_NS
    how = FORMS["deflate"]

    def octets(agent: int, sequence: int) -> bytes:
        body = how.pack(made(agent, sequence, first_ns, FLEET_SAMPLES))
        return request(agent, body, how.encoding)

    clients: list[Client] = []
    for begin in range(0, FLEET, AT_ONCE):
        some = range(begin, min(FLEET, begin + AT_ONCE))
        fresh = [await connect(found.port) for _ in some]
        first = [octets(agent, 0) for agent in some]
        await asyncio.gather(
            *(client.post(mine) for client, mine in zip(fresh, first, strict=True))
        )
        clients += fresh
    rounds = [
        [octets(agent, sequence) for agent in range(FLEET)]
        for sequence in range(1, FLEET_ROUNDS + 1)
    ]
    waits_s: list[float] = []
    running: set[asyncio.Task[None]] = set()

    turns = [asyncio.Lock() for _ in range(FLEET)]

    async def one(agent: int, mine: bytes, due: float) -> None:
        """Upload once the one before is answered; what it waited for that counts as well."""
        async with turns[agent], asyncio.timeout(PATIENCE_S):
            await clients[agent].post(mine)
        waits_s.append(time.monotonic() - due)

    before_s, began = await asyncio.to_thread(found.ask, "cpu"), time.monotonic()
    for number, bodies in enumerate(rounds):
        for agent, mine in enumerate(bodies):
            due = began + FLEET_INTERVAL_S * (number + agent / FLEET)
            if (early_s := due - time.monotonic()) > 0:
                await asyncio.sleep(early_s)
            task = asyncio.create_task(one(agent, mine, due))
            running.add(task)
            task.add_done_callback(running.discard)
    await asyncio.gather(*running)
    used_s = await asyncio.to_thread(found.ask, "cpu") - before_s
    for client in clients:
        if client.transport is not None:
            client.transport.abort()
    return used_s / (FLEET_ROUNDS * FLEET_INTERVAL_S), waits_s


if __name__ == "__main__":
    os.environ.setdefault("NUMBA_CACHE_DIR", ".cache/numba")
    for row in measure():
        print(row)  # noqa: T201 - a person asked
