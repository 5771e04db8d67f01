"""Shell: a collector and an agent on this host, as one object with an end."""

import asyncio
import contextlib
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

from collector.records import Zone
from deploy.api import Api
from deploy.children import Children, listen_on_loopback, port_of
from deploy.lab.errors import StandError
from deploy.lab.outcome import Answers, nanoseconds
from deploy.run import home, states
from deploy.run.states import State

NEWEST_PATHS = 1000
"""What one answer of the API holds at most."""


class Host:
    """Both programs at work; use it as an asynchronous context manager."""

    def __init__(
        self, directory: Path, wishes: home.Wishes, zones: Sequence[Zone], began_at: str
    ) -> None:
        """Prepare; what is shown begins at `began_at`, an RFC 3339 time with nanoseconds."""
        self.name = ""
        """What the agent is called."""
        self._directory = directory
        self._wishes = wishes
        self._zones = zones
        self._began_at = began_at
        self._children = Children(directory)
        self._listener, self._agent_listener = listen_on_loopback(), listen_on_loopback()
        self._api = Api(f"http://127.0.0.1:{port_of(self._listener)}")
        self._agent = Api(f"http://127.0.0.1:{port_of(self._agent_listener)}", "agent")
        self.address = self._api.address
        """Where the page answers."""

    async def __aenter__(self) -> Self:
        """Write the files and start the collector, then the agent.

        Raises: StandError where one of them does not come up.
        """
        async with contextlib.AsyncExitStack() as undo:
            await undo.enter_async_context(self._api)
            await undo.enter_async_context(self._agent)
            undo.push_async_callback(self._end)
            self.name = home.write(self._directory, self._wishes, self._zones)
            for name in ("agent", "collector"):
                self._children.log(name).unlink(missing_ok=True)
            await self._start_collector()
            await self._start_agent()
            self._undo = undo.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        """End the agent so that its last batch arrives, then the collector."""
        await self._undo.aclose()

    async def drain(self) -> None:
        """Stop the agent; wait until its spool is delivered or the drain time is over.

        Raises: StandError where a program has ended by itself.
        """
        self._children.check()
        await self._children.end(["agent"])

    async def answers(self) -> Answers:
        """Ask the collector for everything that is shown.

        Raises: StandError where a program has ended or does not answer.
        """
        self._children.check()
        paths = await self._api.get("/v1/paths", limit=str(NEWEST_PATHS))
        crossings = await self._api.get("/v1/crossings")
        return Answers(
            scenario="this host",
            began_ns=nanoseconds(self._began_at),
            zones=await self._api.get("/v1/zones", **{"from": self._began_at}),
            recent_zones=await self._api.get("/v1/zones", range_s="60"),
            paths={"paths": [row for row in paths["paths"] if self._is_ours(row["started_at"])]},
            crossings={
                "crossings": [
                    row
                    for row in crossings["crossings"]
                    if row["ended_at"] is None or self._is_ours(row["ended_at"])
                ]
            },
        )

    def _is_ours(self, at: str) -> bool:
        """Tell whether `at` lies in this run: the store keeps what earlier ones saw."""
        return nanoseconds(at) >= nanoseconds(self._began_at)

    async def states(self) -> Mapping[str, State]:
        """Ask the agent what came of each zone; all wait where it does not answer yet."""
        text = ""
        with contextlib.suppress(StandError):
            text = await self._agent.text("/metrics")
        return states.states(text, [zone.ident for zone in self._zones])

    async def _start_collector(self) -> None:
        await self._children.spawn(
            "collector",
            [
                *(sys.executable, "-m", "collector.cli", "serve"),
                *("--config.file", str(home.COLLECTOR_FILE)),
                *("--web.listen-address", f"fd:{self._listener.fileno()}"),
                *("--web.listen-address", f"unix:{home.SOCKET}"),
            ],
            pass_fds=[self._listener.fileno()],
        )
        # The child alone holds it now: once it has ended nobody waits for its answers in vain.
        self._listener.close()
        async with self._children.patience("collector"):
            while not await self._api.is_ready():
                self._children.check()
                await asyncio.sleep(0.05)

    async def _start_agent(self) -> None:
        await self._children.spawn(
            "agent",
            [
                *(sys.executable, "-m", "agent.cli", "run"),
                *("--config.file", str(home.AGENT_FILE)),
                *("--web.listen-address", f"fd:{self._agent_listener.fileno()}"),
            ],
            pass_fds=[self._agent_listener.fileno()],
        )
        self._agent_listener.close()

    async def _end(self) -> None:
        self._children.stopping = True
        await self.drain()
        await self._children.end(["collector"])
        for listener in (self._listener, self._agent_listener):
            listener.close()
