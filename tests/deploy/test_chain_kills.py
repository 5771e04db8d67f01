"""`kill -9` of either program: nothing acknowledged is lost, nothing is counted twice.

A witness stands between agents and collector on their Unix socket. It keeps the content of every
batch that the collector acknowledged; at the end the collector must hold exactly that.
"""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from agent import wire
from deploy.lab.fleet import SOCKET
from deploy.lab.scenario import load
from deploy.lab.stand import Stand

KILLS = 5
BETWEEN_KILLS_S = 1.7
TAP = Path("tap.sock")
INFLATED_OCTETS = 1 << 26

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

Key = tuple[bytes, bytes, int]


class Witness:
    """Passes batches on and remembers which the collector acknowledged."""

    def __init__(self) -> None:
        """Start with nothing seen."""
        self.offered: dict[Key, Counter[str]] = {}
        self.acknowledged: set[Key] = set()
        self.changed: list[Key] = []
        """Batches that came again with other content: there must be none."""
        self.repeated = 0

    async def pass_on(self, request: web.Request) -> web.Response:
        """Hand a batch to the collector and its answer back."""
        body = await request.read()
        key = self._note(body, request.headers)
        connector = aiohttp.UnixConnector(str(SOCKET))
        headers = {
            name: request.headers[name]
            for name in ("Authorization", "Content-Encoding", "Content-Type")
            if name in request.headers
        }
        try:
            async with (
                aiohttp.ClientSession(connector=connector, auto_decompress=False) as session,
                session.post("http://collector/v1/batches", data=body, headers=headers) as answer,
            ):
                text = await answer.read()
        except aiohttp.ClientError:
            return web.Response(status=502)
        if answer.status == 204:
            self.acknowledged.add(key)
        return web.Response(status=answer.status, body=text)

    def counted(self) -> Counter[str]:
        """Return replies and losses by target over all acknowledged batches."""
        total: Counter[str] = Counter()
        for key in self.acknowledged:
            total.update(self.offered[key])
        return total

    def _note(self, body: bytes, headers: Any) -> Key:  # noqa: ANN401 - a multi-dict
        """Remember what a batch holds; a repetition must hold the same."""
        if headers.get("Content-Encoding") == "deflate":
            body = wire.inflate(body, INFLATED_OCTETS)
        batch = wire.decode(body)
        key = (batch.agent_id, batch.spool_id, batch.sequence)
        content: Counter[str] = Counter()
        for place, series in enumerate(batch.series_ids):
            content[f"replies/{series}"] += batch.offsets[place + 1] - batch.offsets[place]
        for series in batch.event_series:
            content[f"losses/{series}"] += 1
        by_agent = Counter({f"{batch.agent_id.hex()}/{name}": n for name, n in content.items()})
        if key in self.offered:
            self.repeated += 1
            if self.offered[key] != by_agent:
                self.changed.append(key)
        self.offered[key] = by_agent
        return key


@contextlib.asynccontextmanager
async def _listening(witness: Witness, directory: Path) -> AsyncIterator[None]:
    """Serve the witness on its Unix socket."""
    application = web.Application(client_max_size=INFLATED_OCTETS)
    application.router.add_post("/v1/batches", witness.pass_on)
    runner = web.AppRunner(application, auto_decompress=False)
    await runner.setup()
    try:
        with contextlib.chdir(directory):
            await web.UnixSite(runner, str(TAP)).start()
            yield
    finally:
        await runner.cleanup()


async def _held(stand: Stand) -> Counter[str]:
    """Return what the collector holds: replies and losses over all series and all time."""
    answer = await stand.get(
        "/v1/series", **{"from": stand.ready.began_at.split("T")[0] + "T00:00:00Z"}, step_s="60"
    )
    held: Counter[str] = Counter()
    for row in answer["series"]:
        for window in row["windows"]:
            held["replies"] += window["received"]
            held["losses"] += window["lost"]
    return held


@pytest.mark.parametrize("victim", ["agent-paris", "collector"])
async def test_kills_lose_and_repeat_nothing(tmp_path: Path, victim: str) -> None:
    """After five kills the collector holds exactly the content of the acknowledged batches."""
    witness = Witness()
    async with (
        _listening(witness, tmp_path),
        Stand(load("inside"), "inside", tmp_path, TAP) as stand,
    ):
        for _ in range(KILLS):
            await asyncio.sleep(BETWEEN_KILLS_S)
            await stand.restart(victim)
        await asyncio.sleep(BETWEEN_KILLS_S)
        await stand.drain()
        held = await _held(stand)

    counted = witness.counted()
    expected = {
        kind: sum(n for name, n in counted.items() if f"/{kind}/" in name)
        for kind in ("replies", "losses")
    }
    assert witness.changed == []
    assert witness.acknowledged == set(witness.offered)
    assert {"replies": held["replies"], "losses": held["losses"]} == expected
    assert expected["replies"] > 300
