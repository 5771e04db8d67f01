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
import functools
import os
import socket
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Self

import aiohttp
import msgspec

from deploy.lab.errors import LabError
from deploy.lab.fleet import SOCKET, Fleet, write_fleet
from deploy.lab.kernel import die_with_parent
from deploy.lab.scenario import Scenario

ROOT = Path(__file__).resolve().parents[2]
READY_S = 60.0
"""Longest start of a child: a cold numba cache compiles for about half a minute."""
DRAIN_S = 8.0
LOG_TAIL_LINES = 12


class StandError(LabError):
    """A part of the stand could not start or ended early; the message shows its last words."""


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
    late_p99_us: float | None = None


def _listen_on_loopback() -> socket.socket:
    """Open a listening TCP socket on a free port of 127.0.0.1."""
    return socket.create_server(("127.0.0.1", 0))


def _port_of(listener: socket.socket) -> int:
    """Return the port that a listening socket got."""
    return int(listener.getsockname()[1])


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
        self._children: dict[str, asyncio.subprocess.Process] = {}
        self._stopping = False
        self._http: aiohttp.ClientSession
        self._lab_reader: asyncio.Task[None] | None = None
        self._agent_listeners: dict[str, socket.socket] = {}
        self._listener = _listen_on_loopback()
        self.address = f"http://127.0.0.1:{_port_of(self._listener)}"
        """Where the collector's page and API answer."""

    async def __aenter__(self) -> Self:
        """Start collector and lab side by side, then the agents.

        Raises: StandError where a part does not come up.
        """
        self._http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10))
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
        self._stopping = True
        with contextlib.suppress(LabError):
            await self.drain()
        await self._end([name for name in self._children if name != "lab"], DRAIN_S)
        await self._end(["lab"], DRAIN_S)
        if self._lab_reader is not None:
            await self._lab_reader
        for listener in (self._listener, *self._agent_listeners.values()):
            listener.close()
        await self._http.close()

    async def drain(self) -> None:
        """Stop the agents and wait until their spools are delivered or the drain time is over."""
        await self._end([name for name in self._children if name.startswith("agent-")], DRAIN_S)

    async def get(self, path: str, **params: str) -> Any:  # noqa: ANN401 - JSON of any shape
        """Return the JSON that the collector's API answers.

        Raises: StandError where a child has ended or the collector does not answer.
        """
        self.check()
        try:
            async with self._http.get(self.address + path, params=params) as answer:
                answer.raise_for_status()
                return await answer.json(content_type=None)
        except (aiohttp.ClientError, TimeoutError) as error:
            message = f"asked the collector for {path}: {error}; see {self._log('collector')}"
            raise StandError(message) from error

    def check(self) -> None:
        """Raise StandError where a child has ended without being told to."""
        if self._stopping:
            return
        for name, child in self._children.items():
            if child.returncode is not None:
                message = (
                    f"{name} ended by itself with code {child.returncode};"
                    f" its last words in {self._log(name)}:\n{self._tail(name)}"
                )
                raise StandError(message)

    def pid_of(self, name: str) -> int:
        """Return the process id of `collector`, `lab` or `agent-NAME`."""
        return self._children[name].pid

    async def restart(self, name: str) -> None:
        """Kill `collector` or `agent-NAME` with SIGKILL and start it again on the same files."""
        child = self._children.pop(name)
        child.kill()
        await child.wait()
        if name == "collector":
            await self._start_collector()
        else:
            await self._start_agent(name.removeprefix("agent-"))

    async def _start_collector(self) -> None:
        """Start the collector and wait until it is ready."""
        await self._spawn(
            "collector",
            [
                *(sys.executable, "-m", "collector.cli", "serve"),
                *("--config.file", str(self.fleet.collector_file)),
                *("--web.listen-address", f"fd:{self._listener.fileno()}"),
                *("--web.listen-address", f"unix:{self.fleet.socket}"),
            ],
            pass_fds=[self._listener.fileno()],
        )
        async with self._patience("collector"):
            while not await self._collector_is_ready():
                self.check()
                await asyncio.sleep(0.05)

    async def _collector_is_ready(self) -> bool:
        """Return True once `/-/ready` answers 200."""
        with contextlib.suppress(aiohttp.ClientError, TimeoutError):
            async with self._http.get(self.address + "/-/ready") as answer:
                return answer.status == 200  # noqa: PLR2004 - HTTP's own number
        return False

    async def _start_lab(self) -> None:
        """Start the lab and read its first line."""
        lab = await self._spawn("lab", [sys.executable, "-m", "deploy.lab", self._name], pipe=True)
        lines = lab.stdout
        if lines is None:
            raise AssertionError
        async with self._patience("lab"):
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
            self._agent_listeners[name] = _listen_on_loopback()
        listener = self._agent_listeners[name]
        self.agent_metrics[name] = f"127.0.0.1:{_port_of(listener)}"
        home = self.ready.namespaces[name]
        userns = [] if home.userns is None else ["--userns", home.userns]
        await self._spawn(
            f"agent-{name}",
            [
                *(sys.executable, "-m", "deploy.lab.enter", "--netns", home.netns, *userns),
                *("--", sys.executable, "-m", "agent.cli", "run"),
                *("--config.file", str(self.fleet.agent_files[name])),
                *("--web.listen-address", f"fd:{listener.fileno()}"),
            ],
            pass_fds=[listener.fileno()],
        )

    async def _spawn(
        self, name: str, command: list[str], *, pass_fds: Iterable[int] = (), pipe: bool = False
    ) -> asyncio.subprocess.Process:
        """Start a child whose words go to its log file."""
        with self._log(name).open("ab") as log:
            child = await asyncio.create_subprocess_exec(
                *command,
                cwd=self.directory,
                env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE if pipe else log,
                stderr=log,
                pass_fds=tuple(pass_fds),
                start_new_session=True,
                preexec_fn=functools.partial(die_with_parent, os.getpid()),
            )
        self._children[name] = child
        return child

    async def _end(self, names: Iterable[str], patience_s: float) -> None:
        """Ask children to end, wait, and kill those that do not."""
        running = [self._children[name] for name in names if name in self._children]
        for child in running:
            if child.returncode is None:
                child.terminate()
        waits = [asyncio.create_task(child.wait()) for child in running]
        if waits:
            await asyncio.wait(waits, timeout=patience_s)
        for child in running:
            if child.returncode is None:
                child.kill()
                await child.wait()
        for name in tuple(names):
            self._children.pop(name, None)

    @contextlib.asynccontextmanager
    async def _patience(self, name: str) -> Any:  # noqa: ANN401 - an asynchronous context
        """Bound the start of a child.

        Raises: StandError when it is over.
        """
        try:
            async with asyncio.timeout(READY_S):
                yield
        except TimeoutError as error:
            message = (
                f"waited {READY_S:.0f} s for {name} to be ready;"
                f" its last words in {self._log(name)}:\n{self._tail(name)}"
            )
            raise StandError(message) from error

    def _log(self, name: str) -> Path:
        """Return the log file of a child."""
        return self.directory / f"{name}.log"

    def _tail(self, name: str) -> str:
        """Return the last lines of a child's log."""
        lines = self._log(name).read_text(errors="replace").splitlines()
        return "\n".join(lines[-LOG_TAIL_LINES:])
