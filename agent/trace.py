"""Shell: the command `trace`: one Paris traceroute, live on a terminal or as `borne-path/1`."""

from typing import Literal

import msgspec

from agent.records import Protocol
from agent.targets import NameOf, Resolve


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What the command line asks for."""

    target: str
    max_ttl: int = 32
    timeout_s: float = 1.0
    flows: Literal[1] = 1
    """Flows to trace; one in this version."""
    family: Literal[4] | None = None
    """4 asks for IPv4; None takes what there is, which is IPv4 alone."""
    protocol: Protocol = Protocol.ICMP
    json: bool = False


async def run(
    options: Options, *, resolve: Resolve | None = None, name_of: NameOf | None = None
) -> int:
    """Trace once.

    `resolve` finds the address of a target given by name; None asks the system's resolver.
    `name_of` finds the PTR names of hops; None leaves them out.
    Returns 0 if anything answered, 1 if nothing did.

    Raises:
        PrivilegeError: the kernel refuses both kinds of ICMP socket.
    """
