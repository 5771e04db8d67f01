"""Shell: the command `ping`: echo requests to a few targets, as lines for people or NDJSON."""

from typing import Literal

import msgspec

from agent.records import Protocol
from agent.targets import Resolve


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What the command line asks for."""

    targets: tuple[str, ...]
    count: int | None = None
    """Echo requests to each target; None goes on until interrupted."""
    interval_s: float = 1.0
    timeout_s: float = 1.0
    family: Literal[4] | None = None
    """4 asks for IPv4; None takes what there is, which is IPv4 alone."""
    protocol: Protocol = Protocol.ICMP
    json: bool = False


async def run(options: Options, *, resolve: Resolve | None = None) -> int:
    """Ping until done or interrupted.

    `resolve` finds the address of a target given by name; None asks the system's resolver.
    Returns 0 if anything answered, 1 if nothing did.

    Raises:
        PrivilegeError: the kernel refuses both kinds of ICMP socket.
    """
