"""Shell: the chain that runs now, and its replacement when the settings change.

    renew       the door is shut (503, come again); the old chain finishes what was begun, takes a
                checkpoint and ends; the new one opens on the same store; the door is open
    that fails  the old settings' chain is opened again, and the error is the caller's
    the end     what waits to renew is refused

Rules
- A reload is a restart of everything behind the door, by the same steps, while connections stay
  open: what was acknowledged is in the checkpoint that the new chain begins with, and nothing is
  judged twice by two sets of settings.
- Counts go on: a reload is no restart to whoever scrapes.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import fields
from types import TracebackType
from typing import Protocol, Self

from agent.records import Plan
from collector.errors import RefusedError
from collector.gate.callers import Caller
from collector.gate.intake import Counts, Intake, Reader, Recovered, SinkCounts
from collector.records import Vantage
from collector.settings.config import Config


class OpenableIntake(Intake, AbstractAsyncContextManager[Intake, None], Protocol):
    """An intake that is opened and closed: `collector.chain.Chain` is the one that runs."""


class Live:
    """`collector.gate.intake.Intake` over one chain at a time."""

    def __init__(self, config: Config, make: Callable[[Config], OpenableIntake]) -> None:
        """Prepare the first chain that `make` gives; nothing is opened before `async with`."""
        self._make = make
        self._config = config
        self._chain = make(config)
        self._counts = self._chain.counts
        self._recovered = Recovered()
        self._turn = asyncio.Lock()
        self._ended = False

    async def __aenter__(self) -> Self:
        """Open the chain.

        Raises:
            StoreError: The store cannot be opened.
        """
        async with self._turn:
            await self._open()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the chain, after a reload that is under way."""
        async with self._turn:
            self._ended = True
            if self._chain.ready:
                await self._chain.__aexit__(kind, error, trace)

    async def renew(self, config: Config) -> None:
        """Go on under other settings; returns once the door is open again.

        Raises:
            ConfigError, StoreError: They cannot be used; those before are in force again, unless
            `ready` says that they cannot be used any more either.
            RefusedError: 503 `ending`: the end came first; nothing is opened after it.
        """
        async with self._turn:
            if self._ended:
                raise RefusedError(503, "ending", "the collector ends; start it again")
            self._chain.release()
            await self._chain.__aexit__(None, None, None)
            before = self._config
            try:
                self._config = config
                self._replace()
                await self._open()
            except Exception:  # a bug, too, must not leave the door shut
                self._config = before
                self._replace()
                await self._open()
                raise

    @property
    def ready(self) -> bool:
        """Return whether a chain is open."""
        return self._chain.ready

    @property
    def reader(self) -> Reader:
        """Return what answers questions."""
        return self._chain.reader

    @property
    def counts(self) -> Counts:
        """Return the counts since the program's start."""
        return self._counts

    @property
    def recovered(self) -> Recovered:
        """Return what the program's start found in the journal."""
        return self._recovered

    @property
    def geodata(self) -> Mapping[str, int]:
        """Return the days of the compiled tables."""
        return self._chain.geodata

    def identify(self, caller: Caller) -> Vantage:
        """Return which agent calls; see `collector.gate.intake.Intake.identify`."""
        self._check_ready()
        return self._chain.identify(caller)

    async def accept(self, body: bytes, encoding: str, caller: Caller) -> None:
        """Store one batch durably; see `collector.gate.intake.Intake.accept`."""
        try:
            self._check_ready()
        except RefusedError as error:
            self._counts.rejected[error.reason] += 1
            raise
        await self._chain.accept(body, encoding, caller)

    async def plan(self, caller: Caller, known: str | None) -> Plan | None:
        """Return an agent's plan; see `collector.gate.intake.Intake.plan`."""
        self._check_ready()
        return await self._chain.plan(caller, known)

    def release(self) -> None:
        """Let nobody wait for a plan any more."""
        self._chain.release()

    def _replace(self) -> None:
        """Take a fresh chain, which goes on counting where the last one ended."""
        before, self._chain = self._chain, self._make(self._config)
        _carry(before.counts, self._chain.counts)
        self._counts = self._chain.counts

    async def _open(self) -> None:
        first = self._recovered == Recovered()
        await self._chain.__aenter__()
        if first:
            self._recovered = self._chain.recovered

    def _check_ready(self) -> None:
        """Refuse what comes between two chains; a body may have been read meanwhile."""
        if not self._chain.ready:
            raise RefusedError(503, "starting", "the collector is starting; come again")


def _carry(before: Counts, after: Counts) -> None:
    """Begin the counts `after` with those of `before`."""
    _add(before, after)
    after.queues.update(before.queues)
    for name in before.sinks.keys() & after.sinks.keys():
        _add(before.sinks[name], after.sinks[name])


def _add(before: Counts | SinkCounts, after: Counts | SinkCounts) -> None:
    """Let the numbers and counters of `after` go on where those of `before` ended."""
    for row in fields(before):
        found = getattr(before, row.name)
        if isinstance(found, Counter):
            getattr(after, row.name).update(found)
        elif isinstance(found, int):
            setattr(after, row.name, found)
