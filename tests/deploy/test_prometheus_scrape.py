"""A real Prometheus scrapes a collector with many paths: whole, and by the documented names.

Prometheus is Debian's, on a free loopback port; the collector's server answers from a fake chain.
"""

import asyncio
import contextlib
import re
import shutil
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest
import yaml
from aiohttp.test_utils import TestServer

from collector.web import handlers
from tests.fakes.collector_face import CONFIG
from tests.fakes.collector_ports import FakeClock, FakeIntake

DOCUMENT = Path(__file__).parents[2] / "deploy" / "docs" / "collector.md"
PATHS = 1000
ODD = 'a "target" \\n with %s, {é} and\na line'
START_S = 60.0

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


def documented_jobs(address: str) -> list[dict[str, Any]]:
    """Return the two jobs of the document, at this address and once a second."""
    blocks = re.findall(r"```yaml\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    (jobs,) = [yaml.safe_load(text) for text in blocks if "name[]" in text]
    timing = {"scrape_interval": "1s", "scrape_timeout": "1s"}
    return [{**job, **timing, "static_configs": [{"targets": [address]}]} for job in jobs]


def with_many_paths() -> FakeIntake:
    """Return a chain with many paths, one of them to a target with an odd name."""
    intake = FakeIntake()
    first = intake.reader.path_rows[0]
    intake.reader.path_rows = [
        msgspec.structs.replace(
            first, judgement=msgspec.structs.replace(first.judgement, target=target)
        )
        for target in (ODD, *(f"target-{number}" for number in range(1, PATHS)))
    ]
    return intake


class Prometheus:
    """One that scrapes the collector as a whole and by name."""

    def __init__(self, collector: str, directory: Path) -> None:
        """Write its settings."""
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.address = f"127.0.0.1:{listener.getsockname()[1]}"
        self._directory = directory
        whole = {
            "job_name": "whole",
            "honor_labels": True,
            "static_configs": [{"targets": [collector]}],
        }
        settings = {
            "global": {"scrape_interval": "1s", "scrape_timeout": "1s"},
            "scrape_configs": [whole, *documented_jobs(collector)],
        }
        (directory / "prometheus.yml").write_text(yaml.safe_dump(settings), encoding="utf-8")

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run it for the length of the context."""
        program = shutil.which("prometheus")
        assert program, "missing: apt-get install -y --no-install-recommends prometheus"
        with (self._directory / "prometheus.log").open("wb") as words:
            child = await asyncio.create_subprocess_exec(
                program,
                f"--config.file={self._directory / 'prometheus.yml'}",
                f"--storage.tsdb.path={self._directory / 'tsdb'}",
                f"--web.listen-address={self.address}",
                stdout=words,
                stderr=words,
            )
        try:
            yield
        finally:
            child.terminate()
            await child.wait()

    async def asked(self, query: str) -> list[tuple[dict[str, str], float]]:
        """Return labels and value of each series that a query gives; none until it has started."""
        url = f"http://{self.address}/api/v1/query"
        try:
            async with (
                aiohttp.ClientSession() as session,
                session.get(url, params={"query": query}) as answer,
            ):
                found = (await answer.json())["data"]["result"]
        except aiohttp.ClientError:
            return []
        return [(row["metric"], float(row["value"][1])) for row in found]

    async def until_scraped(self, jobs: int) -> None:
        """Wait until so many jobs have read samples."""
        while True:
            if len(await self.by_job("scrape_samples_scraped > 0")) == jobs:
                return
            await asyncio.sleep(0.2)

    async def by_job(self, query: str) -> dict[str, float]:
        """Return the value of a query by job."""
        return {labels["job"]: value for labels, value in await self.asked(query)}


async def test_prometheus_reads_every_sample(tmp_path: Path) -> None:
    """All samples of all paths arrive, odd labels as they are; by name, what was named alone."""
    server = TestServer(handlers.application(with_many_paths(), CONFIG, FakeClock()))
    async with server:
        prometheus = Prometheus(f"{server.host}:{server.port}", tmp_path)
        async with prometheus.running(), asyncio.timeout(START_S):
            await prometheus.until_scraped(jobs=3)
            up = await prometheus.by_job("up")
            states = await prometheus.by_job("count by (job) (borne_path_verdict)")
            held = await prometheus.by_job("sum by (job) (borne_path_verdict)")
            times = await prometheus.by_job("count by (job) (borne_path_verdict_timestamp_seconds)")
            odd = await prometheus.asked(
                'borne_path_verdict_timestamp_seconds{target!~"target-.*"}'
            )
            crossings = await prometheus.by_job("count by (job) (borne_crossing_confirmed)")
            seldom = "borne-collector-verdicts"
            names = await prometheus.asked(
                f'count by (__name__) ({{job="{seldom}", __name__=~"borne_.+"}})'
            )
    assert {"whole": 1, "borne-collector": 1, seldom: 1} == up
    assert {"whole": 36 * PATHS, seldom: 36 * PATHS} == states
    assert {"whole": 8 * PATHS, seldom: 8 * PATHS} == held
    assert {"whole": PATHS} == times
    assert [ODD] == [labels["target"] for labels, _ in odd]
    assert {"whole": 6, "borne-collector": 6} == crossings
    assert {"borne_path_verdict", "borne_path_evidence_coverage_ratio"} == {
        labels["__name__"] for labels, _ in names
    }
