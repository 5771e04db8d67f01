"""Shell: how soon the programs answer: `--version`, and the first RTT of a demo's stand.

No peer: these are budgets. Caches are warm: each is run once before it counts.
"""

import asyncio
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.results import Result, alone
from deploy.lab.scenario import load
from deploy.lab.stand import Stand

VERSION_RUNS = 15
STAND_RUNS = 3
PATIENCE_S = 30


def measure() -> list[Result]:
    """Return milliseconds of `borne-agent --version` and seconds to the first RTT."""
    _version_ms()
    return [
        alone("agent_version", "ms", [_version_ms() for _ in range(VERSION_RUNS)], at_most=60),
        alone("demo_first_rtt", "s", [_first_rtt_s() for _ in range(STAND_RUNS)], at_most=5),
    ]


def _version_ms() -> float:
    began = time.monotonic()
    subprocess.run(  # noqa: S603 - our own program
        [Path(sys.executable).with_name("borne-agent"), "--version"],
        stdout=subprocess.DEVNULL,
        check=True,
    )
    return (time.monotonic() - began) * 1000


def _first_rtt_s() -> float:
    with tempfile.TemporaryDirectory() as directory:
        return asyncio.run(_until_first_rtt(Path(directory)))


async def _until_first_rtt(directory: Path) -> float:
    """Start a stand and return when its collector first answered with a percentile."""
    began = time.monotonic()
    async with asyncio.timeout(PATIENCE_S), Stand(load("inside"), "inside", directory) as stand:
        while True:
            answer = await stand.get("/v1/zones", range_s="60")
            if any(row["p50_s"] is not None for row in answer["zones"]):
                return time.monotonic() - began
            await asyncio.sleep(0.05)
