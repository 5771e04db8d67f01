"""Shell: closes batches when they are due and brings them into the spool.

Rules
- While the disk refuses, closed batches wait in memory, a bounded number of them; what is given
  up is counted, and the next batch that is stored says how many were lost before it.
- A batch that is closed is stored before the next one: the spool's order is that of time.
"""

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Callable

from agent.batches import Batches
from agent.clock import Clock
from agent.errors import SpoolError
from agent.records import Batch
from agent.spool import Spool, SpoolThread

MAX_PENDING = 100
"""Batches in memory while the disk refuses: eight minutes at the default interval."""
RETRY_S = 2.0
NS_PER_S = 1_000_000_000

_log = logging.getLogger(__name__)


class Outbox:
    """Moves what `batches` gathers into `spool`."""

    def __init__(
        self,
        batches: Batches,
        spool: Spool,
        thread: SpoolThread,
        clock: Clock,
        stored: Callable[[], None],
    ) -> None:
        """Take both ends; `stored` is called after each batch that the spool holds."""
        self._batches = batches
        self._spool = spool
        self._thread = thread
        self._clock = clock
        self._stored = stored
        self._wake = asyncio.Event()
        self._turn = asyncio.Lock()
        self._pending = deque[Batch]()
        self._trouble = ""
        self._lost = 0

    @property
    def writes(self) -> bool:
        """Return whether the spool took the last batch that it was given."""
        return not self._trouble

    def poke(self) -> None:
        """Tell that the open batch may be due earlier than it was."""
        self._wake.set()

    async def run(self) -> None:
        """Close and store until cancelled."""
        while True:
            self._wake.clear()
            self._close(force=False)
            await self._store_pending()
            delay_ns = self._batches.due_ns() - self._clock.monotonic_ns()
            delay_s = min(delay_ns / NS_PER_S, RETRY_S) if self._pending else delay_ns / NS_PER_S
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(delay_s, 0.0)):
                    await self._wake.wait()

    async def flush(self) -> None:
        """Store everything that was gathered so far, if the disk takes it."""
        self._close(force=True)
        await self._store_pending()

    def _close(self, *, force: bool) -> None:
        now = self._clock.instant()
        error_ns = self._clock.clock_error_ns()
        self._pending.extend(self._batches.close(now, error_ns, force=force))
        while len(self._pending) > MAX_PENDING:
            self._pending.popleft()
            self._lost += 1

    async def _store_pending(self) -> None:
        async with self._turn:  # `run` and `flush` may meet: no batch may be stored twice
            await self._store_in_turn()

    async def _store_in_turn(self) -> None:
        while self._pending:
            batch, lost = self._pending[0], self._lost
            try:
                await self._thread.call(self._spool.store, batch, lost)
            except SpoolError as error:
                self._say_trouble(str(error))
                return
            self._say_trouble("")
            self._forget(batch, lost)
            self._batches.stored(batch)
            self._stored()

    def _forget(self, batch: Batch, lost: int) -> None:
        """Let go of a stored batch, unless it was given up while it was being stored."""
        self._lost -= lost
        if self._pending and self._pending[0] is batch:
            self._pending.popleft()
        else:
            self._lost -= 1

    def _say_trouble(self, trouble: str) -> None:
        """Say once that the disk refuses, and once that it does so no longer."""
        if trouble and trouble != self._trouble:
            _log.error("%s; up to %d batches are kept in memory", trouble, MAX_PENDING)
        elif self._trouble and not trouble:
            _log.info("the spool takes batches again; %d were lost in between", self._lost)
        self._trouble = trouble
