"""Shell: traces every target that asks for it, one round per trace interval, for ever."""

from collections.abc import Callable, Sequence

from agent.clock import Clock
from agent.records import Origin
from agent.schedule import Budget
from agent.targets import ProbeTarget, Sink


class Tracer:
    """Traces every target with a trace interval."""

    def __init__(
        self,
        targets: Sequence[ProbeTarget],
        sink: Sink,
        clock: Clock,
        *,
        budget: Budget,
        address_of: Callable[[int], str | None],
        origin: Origin | None = None,
    ) -> None:
        """Take what to trace; `address_of` is the prober's."""

    async def run(self) -> None:
        """Trace until cancelled.

        Raises:
            PrivilegeError: the kernel refuses both kinds of ICMP socket.
        """
