"""Shell: the whole of Borne at work on the internet in a box, as one object with an end.

Rules
- Every child dies with this process, also after `kill -9`: the kernel is asked for that
  (`PR_SET_PDEATHSIG`), and namespaces and devices live only as long as their processes.
- The collector stays in the caller's network namespace, agents live in the lab's. They reach the
  collector through a Unix socket and serve `/metrics` on a socket opened before they entered.
- A child that ends before it is told to is an error that shows the tail of its log.
"""

import asyncio
import contextlib
import socket
import sys
from pathlib import Path
from typing import Any, Self

import msgspec

from deploy.api import Api
from deploy.children import DRAIN_S, ROOT, Children, listen_on_loopback, port_of
from deploy.lab.errors import LabError
from deploy.lab.fleet import SOCKET, Fleet, write_fleet
from deploy.lab.scenario import Scenario

__all__ = ["ROOT", "LabReady", "LabStatistics", "Namespace", "Stand"]


class Namespace(msgspec.Struct, frozen=True, kw_only=True):
    """Where an agent lives, as the lab announces it."""

    netns: str
    address: str
    userns: str | None = None


class LabReady(msgspec.Struct, frozen=True, kw_only=True):
    """The lab's first line: it carries packets from now on."""

    scenario: str
    began_at: str
    mode: str
    namespaces: dict[str, Namespace]
    resolver: str


class LabStatistics(msgspec.Struct, frozen=True, kw_only=True):
    """The lab's last line: how much it carried and how late."""

    packets: int
    late_p99_us: float


class Stand:
    """Lab, collector and agents of one scenario; use it as an asynchronous context manager."""

    def __init__(
        self, scenario: Scenario, scenario_name: str, directory: Path, uplink: Path = SOCKET
    ) -> None:
        """Prepare a stand whose files live in `directory`; nothing is started yet.

        `uplink` is the Unix socket that the agents deliver to: the collector's own, or one of
        somebody who listens in between.
        """
        self.scenario = scenario
        self.directory = directory
        self.ready: LabReady
        self.statistics: LabStatistics | None = None
        self.fleet: Fleet
        self.agent_metrics: dict[str, str] = {}
        """Address (`127.0.0.1:port`) of each agent's `/metrics`."""
        self._name = scenario_name
        self._uplink = uplink
        self._children = Children(directory)
        self._lab_reader: asyncio.Task[None] | None = None
        self._agent_listeners = dict[str, socket.socket]()
        self._listener = listen_on_loopback()
        self.address = f"http://127.0.0.1:{port_of(self._listener)}"
        """Where the collector's page and API answer."""
        self._api = Api(self.address)

    async def __aenter__(self) -> Self:
        """Start collector and lab side by side, then the agents.

        Raises: StandError where a part does not come up.
        """
        await self._api.__aenter__()
        async with contextlib.AsyncExitStack() as undo:
            undo.push_async_exit(self.__aexit__)
            self.fleet = write_fleet(self.scenario, self.directory, self._uplink)
            await self._start_collector()
            await self._start_lab()
            for name in self.ready.namespaces:
                await self._start_agent(name)
            undo.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        """End every child, agents first so that their last batch arrives, and wait for them."""
        self._children.stopping = True
        with contextlib.suppress(LabError):
            await self.drain()
        await self._children.end([name for name in self._children.names if name != "lab"])
        await self._children.end(["lab"])
        if self._lab_reader is not None:
            await self._lab_reader
        for listener in (self._listener, *self._agent_listeners.values()):
            listener.close()
        await self._api.__aexit__()

    async def drain(self) -> None:
        """Stop the agents and wait until their spools are delivered or the drain time is over."""
        await self._children.end(
            [name for name in self._children.names if name.startswith("agent-")], DRAIN_S
        )

    async def get(self, path: str, **params: str) -> Any:  # noqa: ANN401 - JSON of any shape
        """Return the JSON that the collector's API answers.

        Raises: StandError where a child has ended or the collector does not answer.
        """
        self.check()
        return await self._api.get(path, **params)

    def check(self) -> None:
        """Raise StandError where a child has ended without being told to."""
        self._children.check()

    def pid_of(self, name: str) -> int:
        """Return the process id of `collector`, `lab` or `agent-NAME`."""
        return self._children.pid_of(name)

    async def restart(self, name: str) -> None:
        """Kill `collector` or `agent-NAME` with SIGKILL and start it again on the same files."""
        await self._children.kill(name)
        if name == "collector":
            await self._start_collector()
        else:
            await self._start_agent(name.removeprefix("agent-"))

    async def _start_collector(self) -> None:
        """Start the collector and wait until it is ready."""
        await self._children.spawn(
            "collector",
            [
                *(sys.executable, "-m", "collector.cli", "serve"),
                *("--config.file", str(self.fleet.collector_file)),
                *("--web.listen-address", f"fd:{self._listener.fileno()}"),
                *("--web.listen-address", f"unix:{self.fleet.socket}"),
            ],
            pass_fds=[self._listener.fileno()],
        )
        async with self._children.patience("collector"):
            while not await self._api.is_ready():
                self.check()
                await asyncio.sleep(0.05)

    async def _start_lab(self) -> None:
        """Start the lab and read its first line."""
        lab = await self._children.spawn(
            "lab", [sys.executable, "-m", "deploy.lab", self._name], pipe=True
        )
        lines = lab.stdout
        if lines is None:
            raise AssertionError
        async with self._children.patience("lab"):
            line = await lines.readline()
        if not line:
            await lab.wait()
            self.check()
        self.ready = msgspec.json.decode(line, type=LabReady)
        self._lab_reader = asyncio.create_task(self._read_lab(lines))

    async def _read_lab(self, lines: asyncio.StreamReader) -> None:
        """Keep the lab's last line: its statistics."""
        async for line in lines:
            with contextlib.suppress(msgspec.ValidationError):
                self.statistics = msgspec.json.decode(line, type=LabStatistics)

    async def _start_agent(self, name: str) -> None:
        """Start one agent inside its namespace, its `/metrics` outside."""
        if name not in self._agent_listeners:
            self._agent_listeners[name] = listen_on_loopback()
        listener = self._agent_listeners[name]
        self.agent_metrics[name] = f"127.0.0.1:{port_of(listener)}"
        home = self.ready.namespaces[name]
        userns = [] if home.userns is None else ["--userns", home.userns]
        await self._children.spawn(
            f"agent-{name}",
            [
                *(sys.executable, "-m", "deploy.lab.enter", "--netns", home.netns, *userns),
                *("--", sys.executable, "-m", "agent.cli", "run"),
                *("--config.file", str(self.fleet.agent_files[name])),
                *("--web.listen-address", f"fd:{listener.fileno()}"),
            ],
            pass_fds=[listener.fileno()],
        )
