"""The queries that the documents give to Grafana return rows from a real VictoriaMetrics."""

import re
import time
from pathlib import Path

import aiohttp
import msgspec
import pytest

from collector.gate.intake import SinkCounts
from collector.sinks.sink import Sink
from tests.fakes.sinks import SETTINGS, FakeBacklog, sealed, until
from tests.fakes.timeseries import VictoriaMetrics, free_port, victoria_metrics

PAGE = Path(__file__).parents[2] / "deploy" / "docs" / "sinks.md"
WINDOWS = 60
VARIABLES = {"$__interval": "1m", "$__range": "15m", "$agent": ".*", "$zone": ".*"}

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


def _queries() -> list[str]:
    """Return the queries of the page, with Grafana's variables filled in."""
    block = PAGE.read_text(encoding="utf-8").partition("```promql\n")[2].partition("```")[0]
    lines = [line for line in block.splitlines() if line and not line.startswith("#")]
    for name, value in VARIABLES.items():
        lines = [line.replace(name, value) for line in lines]
    return lines


async def _rows(database: VictoriaMetrics, promql: str, at_s: int) -> list[float]:
    """Return the newest value of each series over a quarter of an hour, as a panel asks."""
    params = {
        "query": promql,
        "start": str(at_s - 600),
        "end": str(at_s),
        "step": "60",
        "nocache": "1",
    }
    async with (
        aiohttp.ClientSession() as http,
        http.get(f"{database.url}/api/v1/query_range", params=params) as answer,
    ):
        assert 200 == answer.status, (promql, await answer.text())
        found = await answer.json()
    return [float(row["values"][-1][1]) for row in found["data"]["result"]]


async def test_every_query_of_the_page_returns_rows(tmp_path: Path) -> None:
    """None is empty, none has a variable left, and the loss is what was written."""
    start_s = int(time.time()) // 60 * 60 - 1800
    backlog = FakeBacklog()
    for window in range(WINDOWS):
        backlog.seal(sealed(start_s + 10 * window, 3))
    settings = msgspec.structs.replace(SETTINGS, vmrange=True)
    async with victoria_metrics(tmp_path, free_port()) as database:
        settings = msgspec.structs.replace(settings, url=database.url)
        async with Sink(settings, backlog, SinkCounts()) as sink:
            await until(lambda: sink.counts.rows == 3 * WINDOWS)
            await database.flush()
        queries = _queries()
        assert 9 == len(queries)
        assert [] == [query for query in queries if re.search(r"\$\w", query)]
        end_s = start_s + 10 * WINDOWS
        rows = {query: await _rows(database, query, end_s) for query in queries}
    assert [] == [query for query, found in rows.items() if not found]
    (loss,) = (found for query, found in rows.items() if "borne_probes_lost" in query)
    assert pytest.approx([1 / 21], rel=1e-9) == loss
