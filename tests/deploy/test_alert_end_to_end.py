"""A crossing on the wire becomes an alert in the real Alertmanager, and the alert resolves.

Lab, collector and agents are a `Stand`; Prometheus and Alertmanager are Debian's, on free
loopback ports, with the rules of `deploy/prometheus`.
"""

import asyncio
import contextlib
import shutil
import socket
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from deploy.lab.outcome import nanoseconds
from deploy.lab.scenario import load
from deploy.lab.stand import Stand

RULES = Path(__file__).parents[2] / "deploy" / "prometheus" / "rules" / "borne.yml"
CROSSING_TO_ALERT_S = 45.0
KEEP_FIRING_S = 60.0
RESOLVE_S = 60.0
START_S = 30.0

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

PROMETHEUS = """\
global: {{scrape_interval: 5s, evaluation_interval: 5s}}
rule_files: ["{rules}"]
alerting: {{alertmanagers: [{{static_configs: [{{targets: ["{alertmanager}"]}}]}}]}}
scrape_configs:
  - job_name: borne-collector
    static_configs: [{{targets: ["{collector}"]}}]
  - job_name: borne-agent
    static_configs: [{{targets: [{agents}]}}]
"""
ALERTMANAGER = """\
route: {receiver: nobody, group_by: [alertname], group_wait: 0s, group_interval: 5s}
receivers: [{name: nobody}]
"""


def _program(name: str, package: str) -> str:
    """Return the path of a Debian program, or fail with the command that installs it."""
    found = shutil.which(name)
    if found is None:
        pytest.fail(f"{name} is missing: apt-get install --no-install-recommends {package}")
    return found


def _free_port() -> int:
    """Return a loopback port that was free a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@contextlib.asynccontextmanager
async def _running(*command: str, log: Path) -> AsyncIterator[None]:
    """Run a daemon for the length of the context."""
    with log.open("wb") as words:
        child = await asyncio.create_subprocess_exec(*command, stdout=words, stderr=words)
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            child.terminate()
        await child.wait()


class Monitoring:
    """A Prometheus and an Alertmanager that watch a stand."""

    def __init__(self, stand: Stand, directory: Path) -> None:
        """Choose ports and write both configurations."""
        self._directory = directory
        self._prometheus = f"127.0.0.1:{_free_port()}"
        self._alertmanager = f"127.0.0.1:{_free_port()}"
        (directory / "alertmanager.yml").write_text(ALERTMANAGER)
        agents = ", ".join(f'"{address}"' for address in stand.agent_metrics.values())
        text = PROMETHEUS.format(
            rules=RULES,
            alertmanager=self._alertmanager,
            collector=stand.address.removeprefix("http://"),
            agents=agents,
        )
        (directory / "prometheus.yml").write_text(text)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run both daemons and wait until they are ready."""
        where = self._directory
        async with (
            _running(
                _program("prometheus-alertmanager", "prometheus-alertmanager"),
                f"--config.file={where / 'alertmanager.yml'}",
                f"--storage.path={where / 'alertmanager'}",
                f"--web.listen-address={self._alertmanager}",
                "--cluster.listen-address=",
                log=where / "alertmanager.log",
            ),
            _running(
                _program("prometheus", "prometheus"),
                f"--config.file={where / 'prometheus.yml'}",
                f"--storage.tsdb.path={where / 'tsdb'}",
                f"--web.listen-address={self._prometheus}",
                log=where / "prometheus.log",
            ),
        ):
            async with asyncio.timeout(START_S):
                for address in (self._alertmanager, self._prometheus):
                    await self._until_ready(address)
            yield

    async def alerts(self) -> list[dict[str, Any]]:
        """Return the crossing alerts that Alertmanager holds as active."""
        url = f"http://{self._alertmanager}/api/v2/alerts"
        async with aiohttp.ClientSession() as session, session.get(url) as answer:
            found = await answer.json()
        return [row for row in found if row["labels"]["alertname"] == "BorneCrossingConfirmed"]

    async def down_targets(self) -> list[str]:
        """Return the scrape targets that Prometheus could not read."""
        url = f"http://{self._prometheus}/api/v1/targets"
        async with aiohttp.ClientSession() as session, session.get(url) as answer:
            targets = (await answer.json())["data"]["activeTargets"]
        return [target["scrapeUrl"] for target in targets if target["health"] != "up"]

    @staticmethod
    async def _until_ready(address: str) -> None:
        """Wait until a daemon says that it is ready."""
        async with aiohttp.ClientSession() as session:
            while True:
                with contextlib.suppress(aiohttp.ClientError):
                    async with session.get(f"http://{address}/-/ready") as answer:
                        if answer.status == 200:
                            return
                await asyncio.sleep(0.1)


async def test_alert_fires_and_resolves(tmp_path: Path) -> None:
    """In `timed` one alert reaches Alertmanager within 45 s of the cut, and it resolves."""
    down_s, up_s = (event.at_s for event in load("timed").events)
    async with Stand(load("timed"), "timed", tmp_path) as stand:
        monitoring = Monitoring(stand, tmp_path)
        async with monitoring.running():
            began_ns = nanoseconds(stand.ready.began_at)

            fired_s = await _when(monitoring, began_ns, down_s + CROSSING_TO_ALERT_S, firing=True)
            alerts = await monitoring.alerts()
            down_targets = await monitoring.down_targets()
            end_s = up_s + KEEP_FIRING_S + RESOLVE_S
            resolved_s = await _when(monitoring, began_ns, end_s, firing=False)

    assert [] == down_targets
    (alert,) = alerts
    expected = {"agent": "paris", "zone": "oracle/eu-marseille-1", "jurisdiction": "FX"}
    assert expected.items() <= alert["labels"].items()
    assert down_s < fired_s <= down_s + CROSSING_TO_ALERT_S
    assert up_s + KEEP_FIRING_S <= resolved_s


async def _when(monitoring: Monitoring, began_ns: int, until_s: float, *, firing: bool) -> float:
    """Return when Alertmanager first held an alert (or none), in seconds of the scenario."""
    while True:
        now_s = (time.time_ns() - began_ns) / 1e9
        if bool(await monitoring.alerts()) == firing:
            return now_s
        assert now_s <= until_s, f"waited until {until_s} s of the scenario"
        await asyncio.sleep(0.5)
