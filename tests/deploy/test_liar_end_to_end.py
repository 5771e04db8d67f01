"""An agent that is not where it is declared is found out, named, and believed by nobody."""

import asyncio
import re
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from deploy.lab.scenario import load
from deploy.lab.stand import Stand

LIAR, NAMELESS, TARGET = "london", "62.115.140.39", "129.151.240.9"
WITHIN_S = 45
"""The router without a name is on the way from the 15th second on; rounds are 10 s apart."""


async def refuted(stand: Stand) -> dict[str, Any]:
    """Wait until the liar is refuted; return all agents by name."""
    while True:
        agents = {row["name"]: row for row in (await stand.get("/v1/agents"))["agents"]}
        if agents[LIAR]["position"].startswith("refuted"):
            return agents
        await asyncio.sleep(0.2)


async def crossed(stand: Stand, agent: str) -> dict[str, Any]:
    """Wait for a path of an agent over the router without a name."""
    while True:
        for path in (await stand.get("/v1/paths", agent=agent, target=TARGET))["paths"]:
            if NAMELESS in {hop["address"] for hop in path["hops"]}:
                found: dict[str, Any] = path
                return found
        await asyncio.sleep(0.2)


def page(stand: Stand, path: str) -> str:
    """Return what people or Prometheus read there."""
    with urlopen(stand.address + path, timeout=10) as answer:  # noqa: S310 - our own collector
        text: str = answer.read().decode()
        return text


@pytest.mark.slow
@pytest.mark.timeout(150)
async def test_a_liar_is_named_everywhere_and_proves_nothing(tmp_path: Path) -> None:
    """API, page and metrics say who is elsewhere; the router that it alone is near stays open."""
    async with Stand(load("liar"), "liar", tmp_path) as stand, asyncio.timeout(WITHIN_S + 45):
        agents = await refuted(stand)
        seen = {name: await crossed(stand, name) for name in ("paris", LIAR)}
        shown, told = await asyncio.gather(
            *(asyncio.to_thread(page, stand, path) for path in ("/", "/metrics"))
        )
        crossings = (await stand.get("/v1/crossings"))["crossings"]
    assert (f"refuted by {len(agents[LIAR]['by'])}", ["lyon", "marseille"]) == (
        agents[LIAR]["position"],
        agents[LIAR]["by"],
    )
    others = {row["position"].split()[0] for name, row in agents.items() if name != LIAR}
    assert others <= {"unrefuted", "untested"}
    assert f"{LIAR} does not stand where it is declared" in shown
    state = rf'borne_agent_position{{agent="{LIAR}",borne_agent_position="refuted"}} 1'
    assert re.search(re.escape(state), told), told
    assert [] == crossings
    for path in seen.values():
        (hop,) = [row for row in path["hops"] if row["address"] == NAMELESS]
        assert "proof" not in {row["kind"] for row in hop["evidence"]}
        assert {"UNDETERMINED"} == {
            row["verdict"] for row in path["verdicts"] if row["axis"] == "territory"
        }
