"""Both programs of a run as one object, on fakes of their pages: nothing is probed here."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from collector.facts import zones
from deploy.lab.errors import StandError
from deploy.run.home import Wishes
from deploy.run.host import Host
from deploy.run.standing import Standing
from deploy.run.states import State

BEGAN = "2026-11-26T12:00:00.000000000Z"
BEFORE, AFTER = "2026-11-26T11:00:00.000000000Z", "2026-11-26T12:30:00.000000001Z"
ZONES = [row.zone for row in zones.load() if row.zone.ident == "ovh/gra"]


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    """A host that was not started."""
    wishes = Wishes(standing=Standing(), interval_s=5, round_s=120)
    found = Host(tmp_path, wishes, ZONES, BEGAN)
    yield found
    for listener in (found._listener, found._agent_listener):
        listener.close()


async def test_what_earlier_runs_saw_is_left_out(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store is kept: paths before this run and crossings that ended before it are not shown."""
    said: dict[str, Any] = {
        "/v1/zones": {"zones": []},
        "/v1/paths": {"paths": [{"started_at": AFTER}, {"started_at": BEFORE}]},
        "/v1/crossings": {
            "crossings": [{"ended_at": None}, {"ended_at": BEFORE}, {"ended_at": AFTER}]
        },
    }

    async def get(path: str, **_: str) -> Mapping[str, Any]:
        return said[path]

    monkeypatch.setattr(host._api, "get", get)
    found = await host.answers()
    assert found.paths == {"paths": [{"started_at": AFTER}]}
    assert found.crossings == {"crossings": [{"ended_at": None}, {"ended_at": AFTER}]}


async def test_an_agent_that_does_not_answer_yet_is_no_error(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While it starts, every zone waits."""

    async def text(_: str) -> str:
        raise StandError

    monkeypatch.setattr(host._agent, "text", text)
    assert await host.states() == {"ovh/gra": State.WAITING}
