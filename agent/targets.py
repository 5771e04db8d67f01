"""Words: what is probed, how fast at most, and the ports through which results leave.

Rules
- Intervals and time-outs are integers of nanoseconds.
- A sink never blocks and never raises: it is called from the middle of the probing.
"""

import ipaddress
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple, Protocol

import msgspec

from agent import records
from agent.records import IPV4, IPV6, Family, Outcome, Path, Stamp

DEFAULT_FLOWS = 4
MAX_FLOWS = 16

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

Resolve = Callable[[str, Family], Awaitable[str | None]]
"""Asks for a name's address in a family; None where it has none or nobody answered."""

NameOf = Callable[[str], Awaitable[tuple[str | None, bool | None]]]
"""Asks for the PTR name of an address, and whether that name resolves back to the address."""


def family_of(address: str) -> Family:
    """Return the family of an address."""
    return IPV6 if ":" in address else IPV4


def objection(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> str | None:
    """Return why an address is not to be probed, with what to do; None where it may be."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.is_link_local or address.scope_id is not None:
            return f"{address} is link-local: no zone of a provider is there"
        if address.ipv4_mapped is not None:
            return f"an IPv4 address in IPv6 form: write {address.ipv4_mapped}"
    if address.is_multicast or address.is_unspecified or str(address) == "255.255.255.255":
        return f"{address} is no address of one host"
    return None


def opted_out(address: str, opt_out: Sequence[Network]) -> Network | None:
    """Return the prefix of `opt_out` that the address lies in; None where it may be probed."""
    known = ipaddress.ip_address(address)
    return next((network for network in opt_out if known in network), None)


class Instant(NamedTuple):
    """One moment on both clocks of this host, in nanoseconds."""

    monotonic_ns: int
    wall_ns: int


class ProbeTarget(msgspec.Struct, frozen=True, kw_only=True):
    """One target of the configuration in one family; a name in both makes two of these."""

    target: str
    """As the configuration names it: an address or a name."""
    zone: str
    """`provider/region`."""
    address: str | None
    """The address to probe; None where `target` is a name that is resolved at run time."""
    family: Family = 4
    interval_ns: int
    """Time between two echo requests."""
    trace_interval_ns: int | None = None
    """Time between two rounds; None where the target is not traced."""
    trace_protocol: records.Protocol = records.Protocol.ICMP
    flows: int = DEFAULT_FLOWS
    """Flows of a round, 1 to 16."""
    timeout_ns: int
    """After this time without an answer a probe is lost."""


class WitnessLimits(msgspec.Struct, frozen=True, kw_only=True):
    """Whether this host pings hops of other agents' paths, and how much; no plan exceeds it."""

    enabled: bool = False
    per_minute: int = 60
    """Packets to hops in any minute."""


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """The most that this host may send to other people's machines; nothing exceeds it."""

    packets_per_s: float = 200.0
    """Echo requests, trace packets and pings of hops together."""
    per_target_per_s: float = 10.0
    """Echo requests to one target."""
    per_prefix_per_s: float = 50.0
    """All packets whose destinations lie in one /24 or /48; 1 at least."""
    opt_out: tuple[Network, ...] = ()
    """Where nothing is ever sent to."""
    witness: WitnessLimits = WitnessLimits()
    """The separate grant for hops that a plan names."""


class Sink(Protocol):
    """Takes every result of probing; all times of day are nanoseconds since the epoch."""

    def reply(self, target_index: int, sent_wall_ns: int, rtt_ns: int, stamp: Stamp) -> None:
        """Take the round-trip time of an answered echo request."""

    def event(self, target_index: int, at_wall_ns: int, outcome: Outcome) -> None:
        """Take what happened instead of a reply."""

    def address(self, target_index: int, at_wall_ns: int, address: str) -> None:
        """Take the address that a target resolves to from now on (told at start, too)."""

    def path(self, path: Path) -> None:
        """Take a finished trace; the names of its hops are still None."""
