"""An exit is proved by an agent that was asked to ping a hop: real programs, real packets."""

import asyncio
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from collector.audit import evidence
from deploy.lab.scenario import load
from deploy.lab.stand import Stand

ROOT = Path(__file__).parents[2]
NAMED, NAMELESS = "62.115.134.138", "4.69.143.246"
BEGINS_S = 15
WITHIN_S = 30
PROOF_NS = 890_000
"""What answers London sooner is not in France: 122 km there and back, radius and tolerance off."""


async def proved(stand: Stand) -> dict[str, Any]:
    """Wait for the proof, as long as it may take."""
    async with asyncio.timeout(BEGINS_S + WITHIN_S + 15):
        while True:
            for row in (await stand.get("/v1/crossings"))["crossings"]:
                if row["verdict"] == "PROVEN_OUTSIDE":
                    found: dict[str, Any] = row
                    return found
            await asyncio.sleep(0.2)


@pytest.mark.slow
@pytest.mark.timeout(120)
async def test_an_agent_in_london_proves_that_a_path_left_france(tmp_path: Path) -> None:
    """Within 30 s of the trombone's begin, with evidence that another machine verifies."""
    async with Stand(load("witness"), "witness", tmp_path) as stand:
        crossing = await proved(stand)
        began = datetime.fromisoformat(stand.ready.began_at) + timedelta(seconds=BEGINS_S)
        took_s = (datetime.now(began.tzinfo) - began).total_seconds()
        statement = await stand.get(f"/v1/evidence/{crossing['evidence']}")
    predicate = statement["predicate"]
    assert ("paris", "FX", True) == (
        crossing["agent"],
        crossing["jurisdiction"],
        0 < took_s < WITHIN_S,
    )
    rows = [row for row in predicate["rows"]["landmarks"] if row["agent"] == "london"]
    assert {NAMED, NAMELESS} == {row["address"] for row in rows}
    assert {("icmp", True)} == {(row["protocol"], row["rtt_ns"] < PROOF_NS) for row in rows}
    assert "and agent london is at 51.50853, -0.12574" in predicate["premise"]
    (file,) = (tmp_path / "store" / "evidence").glob(f"{crossing['evidence']}*")
    assert crossing["evidence"] == evidence.digest(file.read_bytes())
    checked = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "collector.cli", "verify", str(file)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (0, "") == (checked.returncode, checked.stderr), checked.stdout
