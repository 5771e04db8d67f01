"""Shell: keeps a task alive: a bug in it is caught here once, counted, logged, and it restarts."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from agent.errors import BorneError

_RESTART_DELAY_S = 1.0
_log = logging.getLogger(__name__)


class Faults:
    """How often tasks had to be restarted, by the name of the task."""

    def __init__(self) -> None:
        """Start with no fault."""
        self.by_task: dict[str, int] = {}

    async def keep(
        self,
        name: str,
        body: Callable[[], Awaitable[None]],
        restart_delay_s: float = _RESTART_DELAY_S,
    ) -> None:
        """Run `body` until it returns, is cancelled or fails for a reason of the world.

        Raises:
            BorneError: an error that Borne raises on purpose is the caller's to handle.
        """
        while True:
            try:
                return await body()
            except BorneError:
                raise
            except Exception:  # noqa: BLE001 - the one place: counted and logged with its traceback
                self.by_task[name] = self.by_task.get(name, 0) + 1
                _log.exception("the task %s failed; it is started again", name)
            await asyncio.sleep(restart_delay_s)
