"""Shell: a generated world of 500 targets, traced and probed by three agents for five minutes.

No peer: the lab must stay on time, and no verdict may be wrong when it is over.
"""

import asyncio
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.results import Result, alone
from collector.facts.regions import JURISDICTIONS
from deploy.lab.conclusions import conclusions
from deploy.lab.outcome import newest
from deploy.lab.scenario import SCENARIOS, load
from deploy.lab.stand import Stand

TARGETS = 500
PLAY_S = 300
LATE_P99_US = 300.0
ALL_PATHS = 1000


def measure() -> list[Result]:
    """Return how late the lab was (p99, microseconds) and how many verdicts were wrong."""
    with tempfile.TemporaryDirectory() as directory:
        recipe = (SCENARIOS / "world.toml").read_text(encoding="utf-8")
        file = Path(directory) / "world.toml"
        file.write_text(recipe.replace("targets = 200", f"targets = {TARGETS}"), encoding="utf-8")
        late_us, wrong = asyncio.run(_play(file, Path(directory)))
    return [
        alone("world_lab_late_p99", "us", [late_us], at_most=LATE_P99_US),
        alone("world_wrong_verdicts", "verdicts", [wrong], at_most=0),
    ]


async def _play(file: Path, directory: Path) -> tuple[float, int]:
    world = load(file)
    async with Stand(world, str(file), directory) as stand:
        await asyncio.sleep(PLAY_S)
        await stand.drain()
        answers = [
            await stand.get("/v1/paths", agent=row.name, limit=str(ALL_PATHS))
            for row in world.agents
        ]
    if stand.statistics is None or stand.statistics.late_p99_us is None:
        raise AssertionError("the lab told no lateness")
    right = {
        (truth.agent, truth.target, name): truth.verdict
        for truth in conclusions(world, JURISDICTIONS)
        for name in truth.jurisdiction
    }
    found = [row for answer in answers for row in _verdicts(answer)]
    missing = set(right) - {key for key, _ in found}
    wrong = [key for key, verdict in found if verdict not in right[key]]
    return stand.statistics.late_p99_us, len(missing) + len(wrong)


def _verdicts(answer: Any) -> list[tuple[tuple[str, str, str], str]]:  # noqa: ANN401 - JSON
    return [
        ((path["agent"], path["target"], verdict["jurisdiction"]), verdict["verdict"])
        for path in newest(answer).values()
        for verdict in path["verdicts"]
        if verdict["axis"] == "territory"
    ]
