"""Shell: sends the echo requests of all targets through one socket, for ever."""

from collections.abc import Sequence

from agent.clock import Clock
from agent.schedule import Budget
from agent.targets import ProbeTarget, Resolve, Sink


class Prober:
    """Probes every target at its interval."""

    def __init__(
        self,
        targets: Sequence[ProbeTarget],
        sink: Sink,
        clock: Clock,
        *,
        budget: Budget,
        resolve: Resolve,
        resolve_interval_s: float = 300.0,
    ) -> None:
        """Take what to probe; nothing is opened before `run`."""

    def address_of(self, target_index: int) -> str | None:
        """Return the address that the target has now; None while its name is unresolved."""

    async def run(self) -> None:
        """Probe until cancelled.

        Raises:
            PrivilegeError: the kernel refuses both kinds of ICMP socket.
        """
