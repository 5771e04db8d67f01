"""Shell: the programs that a stand or a run starts, each with its log and none without an end.

Rules
- Every child dies with this process, also after `kill -9`: the kernel is asked for that
  (`PR_SET_PDEATHSIG`).
- A child that ends before it is told to is an error that shows the tail of its log.
"""

import asyncio
import contextlib
import functools
import os
import socket
from collections.abc import AsyncIterator, Iterable
from pathlib import Path

from deploy.lab.errors import StandError
from deploy.lab.kernel import die_with_parent

ROOT = Path(__file__).resolve().parents[1]
READY_S = 60.0
"""Longest start of a child: a cold numba cache compiles for about half a minute."""
DRAIN_S = 8.0
LOG_TAIL_LINES = 12


class Children:
    """Child processes by name, working in one directory."""

    def __init__(self, directory: Path) -> None:
        """Logs go to `NAME.log` in `directory`; nothing is started yet."""
        self.directory = directory
        self.stopping = False
        self._running: dict[str, asyncio.subprocess.Process] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of the children."""
        return tuple(self._running)

    async def spawn(
        self, name: str, command: list[str], *, pass_fds: Iterable[int] = (), pipe: bool = False
    ) -> asyncio.subprocess.Process:
        """Start a child whose words go to its log file; `pipe` keeps its standard output."""
        with self.log(name).open("ab") as log:
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
        self._running[name] = child
        return child

    def check(self) -> None:
        """Raise StandError where a child has ended without being told to."""
        if self.stopping:
            return
        for name, child in self._running.items():
            if child.returncode is not None:
                message = (
                    f"{name} ended by itself with code {child.returncode};"
                    f" its last words in {self.log(name)}:\n{self._tail(name)}"
                )
                raise StandError(message)

    def pid_of(self, name: str) -> int:
        """Return the process id of a child."""
        return self._running[name].pid

    async def kill(self, name: str) -> None:
        """Kill a child with SIGKILL."""
        child = self._running.pop(name)
        child.kill()
        await child.wait()

    async def end(self, names: Iterable[str], patience_s: float = DRAIN_S) -> None:
        """Ask children to end, wait, and kill those that do not."""
        running = [self._running[name] for name in names if name in self._running]
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
            self._running.pop(name, None)

    @contextlib.asynccontextmanager
    async def patience(self, name: str) -> AsyncIterator[None]:
        """Bound the start of a child.

        Raises: StandError when it is over.
        """
        try:
            async with asyncio.timeout(READY_S):
                yield
        except TimeoutError as error:
            message = (
                f"waited {READY_S:.0f} s for {name} to be ready;"
                f" its last words in {self.log(name)}:\n{self._tail(name)}"
            )
            raise StandError(message) from error

    def log(self, name: str) -> Path:
        """Return the log file of a child."""
        return self.directory / f"{name}.log"

    def _tail(self, name: str) -> str:
        """Return the last lines of a child's log."""
        lines = self.log(name).read_text(errors="replace").splitlines()
        return "\n".join(lines[-LOG_TAIL_LINES:])


def listen_on_loopback(port: int = 0) -> socket.socket:
    """Open a listening TCP socket on 127.0.0.1; port 0 takes a free one. Raises: OSError."""
    return socket.create_server(("127.0.0.1", port))


def port_of(listener: socket.socket) -> int:
    """Return the port that a listening socket got."""
    return int(listener.getsockname()[1])
