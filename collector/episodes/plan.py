"""Shell: what each agent is asked to do, handed out as soon as it changes.

    known to the agent       the plan now          the answer
    nothing, or another one  any                   the plan, at once
    the same                 changes within 25 s   the plan, at once
    the same                 stays                 nothing after 25 s: ask again

Rules
- A plan holds witness requests alone. Targets stay in the agent's own file.
- An agent that asks here listens: whoever does not is never asked to ping (`witness`).
- The state's lock is waited for in a thread, never on the event loop.
"""

import asyncio
import contextlib
import threading
from typing import Final

from agent.records import Plan
from collector.clock import Clock
from collector.judgement.witness import Witness

PATIENCE_S: Final = 25.0
"""An agent's own patience is longer; so is that of the usual proxies."""


class Plans:
    """The plans of all agents."""

    def __init__(
        self,
        witness: Witness,
        lock: threading.Lock,
        clock: Clock,
        patience_s: float = PATIENCE_S,
    ) -> None:
        """Ask `witness`, which is used under `lock` alone."""
        self._witness = witness
        self._lock = lock
        self._clock = clock
        self._patience_s = patience_s
        self._changed: dict[str, asyncio.Event] = {}
        self._closed = False

    async def fetch(self, agent: str, known: str | None) -> Plan | None:
        """Return the plan of an agent as soon as it is another than `known`; None: it stays."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._patience_s):
                while True:
                    changed = self._changed.setdefault(agent, asyncio.Event())
                    plan = await asyncio.to_thread(self._look, agent)
                    if plan.version != known:
                        return plan
                    if self._closed:
                        return None
                    await changed.wait()
        return None

    def stir(self) -> None:
        """Wake those whose plan has changed; call it after what may have changed one."""
        for agent in self._witness.news():
            self._wake(agent)

    def close(self) -> None:
        """Let nobody wait any more."""
        self._closed = True
        for agent in list(self._changed):
            self._wake(agent)

    def _wake(self, agent: str) -> None:
        changed = self._changed.pop(agent, None)
        if changed is not None:
            changed.set()

    def _look(self, agent: str) -> Plan:
        with self._lock:
            now_ns = self._clock.now_ns()
            self._witness.listen(agent, now_ns)
            return self._witness.plan(agent, now_ns)
