"""What a database shows by PromQL is what the collector answers: real packets, real programs."""

import asyncio
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from collector.samples.quantiles import RELATIVE_ERROR
from deploy.lab.outcome import nanoseconds
from deploy.lab.scenario import Scenario, load
from deploy.lab.stand import Stand
from tests.fakes.timeseries import VictoriaMetrics, free_port, victoria_metrics

GRACE_S = 5
WINDOWS = 2
"""Windows of each series that must have come."""
COME_S = 90.0
S_NS = 1_000_000_000
VALUES = {
    "borne_rtt_p50_seconds": "p50_s",
    "borne_rtt_p90_seconds": "p90_s",
    "borne_rtt_p99_seconds": "p99_s",
    "borne_rtt_min_seconds": "min_s",
    "borne_rtt_max_seconds": "max_s",
    "borne_probes_received": "received",
    "borne_probes_lost": "lost",
    "borne_loss_ratio": "loss_ratio",
}
"""Names in the database, and in `/v1/series`."""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


class StandWithSink(Stand):
    """A stand whose collector hands its windows to a database, soon after they end."""

    def __init__(self, scenario: Scenario, name: str, directory: Path, url: str) -> None:
        super().__init__(scenario, name, directory)
        self._database = url

    async def _start_collector(self) -> None:
        file = self.directory / self.fleet.collector_file
        text = file.read_text(encoding="utf-8").replace("[store]", f"[store]\ngrace_s = {GRACE_S}")
        sink = f'[[sinks]]\nkind = "influx"\nurl = "{self._database}"\norg = "o"\nbucket = "b"\n'
        file.write_text(f"{text}\n{sink}", encoding="utf-8")
        await super()._start_collector()


def _windows(answer: Any) -> dict[tuple[str, str, str, int], dict[str, float | None]]:  # noqa: ANN401
    """Return the windows of `/v1/series` by agent, zone, target and begin in s."""
    return {
        (row["agent"], row["zone"], row["target"], nanoseconds(window["start"]) // S_NS): window
        for row in answer["series"]
        for window in row["windows"]
    }


async def _all_came(database: VictoriaMetrics, series: int) -> None:
    """Wait until each of `series` series has its windows."""
    async with asyncio.timeout(COME_S):
        while len(await database.stored("borne_loss_ratio")) < series * WINDOWS:  # noqa: ASYNC110 - nobody announces it
            await asyncio.sleep(1)


async def test_the_database_shows_what_the_collector_answers(tmp_path: Path) -> None:
    """Each value of each window is the collector's own, and no window was dropped."""
    scenario = load("inside")
    series = len(scenario.agents) * len(scenario.targets)
    files = tmp_path / "database"
    files.mkdir()
    async with (
        victoria_metrics(files, free_port()) as database,
        StandWithSink(scenario, "inside", tmp_path, database.url) as stand,
    ):
        await _all_came(database, series)
        stored = {name: await database.stored(name) for name in VALUES}
        answered = _windows(await stand.get("/v1/series", range_s="600", step_s="10"))
        metrics = await _text(f"{stand.address}/metrics")
    for name, key in VALUES.items():
        expected = {at: answered[at][key] for at in stored[name]}
        assert series * WINDOWS <= len(expected), name
        assert pytest.approx(expected, rel=RELATIVE_ERROR) == stored[name], name
    assert 'borne_sink_up{sink="influx"} 1.0' in metrics
    dropped = [
        text for text in metrics.splitlines() if text.startswith("borne_sink_dropped_total{")
    ]
    assert {"0.0"} == {text.rpartition(" ")[2] for text in dropped}


async def _text(url: str) -> str:
    """Return what an address answers."""
    async with aiohttp.ClientSession() as http, http.get(url) as answer:
        return await answer.text()
