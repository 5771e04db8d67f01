"""Words: what an agent measures and what travels to the collector.

Rules
- Times of day are integers of nanoseconds since the epoch (UTC); durations are integers of
  nanoseconds. Seconds appear only in the wire columns (`rtt_s`) and in what people read.
- A lost probe is an `Outcome`, never a number.
- A series is (agent, target, family, protocol, stamp quality); its zone is an attribute.
"""

import ipaddress
from collections.abc import Sequence
from enum import IntEnum, StrEnum
from typing import Literal, NewType

import msgspec

AgentId = NewType("AgentId", bytes)
"""16 octets that name an agent for its whole life."""

SpoolId = NewType("SpoolId", bytes)
"""16 random octets made together with a spool; a new spool starts a new count of sequences."""

SeriesId = NewType("SeriesId", int)
"""A number that a spool gives to a series; unique within (agent, spool)."""

EARLIEST_NS = 1_577_836_800_000_000_000
"""Begin of 2020: an earlier wall time is that of a clock that was never set."""

Family = Literal[4, 6]
"""The version of IP that carries a probe."""

IPV4: Literal[4] = 4
IPV6: Literal[6] = 6

StackEntry = tuple[int, int, int, int]
"""An entry of an MPLS label stack (RFC 4950): label, traffic class, bottom of stack, TTL."""

PATH_FORMAT: Literal["borne-path/1"] = "borne-path/1"


class Protocol(StrEnum):
    """The protocol of a probe."""

    ICMP = "icmp"
    UDP = "udp"
    TCP = "tcp"
    """A handshake; of pings for others alone."""


class Stamp(StrEnum):
    """Who read the clock for an RTT; qualities are never mixed in one series."""

    KERNEL = "kernel"
    """Transmit and receive stamps of the kernel."""
    KERNEL_RX = "kernel_rx"
    """Receive stamp of the kernel, transmit time of the program."""
    TCP_INFO = "tcp_info"
    """The kernel's own estimate on a TCP socket."""
    USER = "user"
    """Both times read by the program."""


class Outcome(IntEnum):
    """What became of a probe. `REPLY` is never stored as an event: a reply is a sample."""

    REPLY = 0
    LOST = 1
    """No answer before the time-out."""
    UNREACHABLE = 2
    """A router or the host answered destination unreachable."""
    PROHIBITED = 3
    """Destination unreachable for administrative reasons (RFC 1812 section 5.2.7.1)."""
    TTL_EXCEEDED = 4
    """A router answered that the probe ran out of hops: a loop, or a far target."""
    SEND_FAILED = 5
    """The local host could not send the probe."""
    UNRESOLVED = 6
    """The target's name has no address."""
    REJECTED = 7
    """A reply came whose time is absurd (negative, or the clocks disagree): dropped."""
    SKIPPED = 8
    """The probe was due while the program was late; it was not sent."""


class Series(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The descriptor of one series."""

    id: int
    zone: str
    """`provider/region`."""
    target: str
    """The target as the configuration names it (a name or an address)."""
    family: Family
    protocol: Protocol
    stamp: Stamp


class AddressChange(msgspec.Struct, frozen=True, kw_only=True):
    """From `dt_ms` after the batch's base time on, the series' target resolves to `address`."""

    series: int
    dt_ms: int
    address: str


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """The declared position of a vantage point and its uncertainty."""

    latitude: float
    longitude: float
    radius_km: float


class PathReply(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The answer to one probe of a path, or its loss: `lost` true and the flow, nothing else."""

    lost: bool = False
    address: str | None = None
    name: str | None = None
    """PTR name, None where there is none or it was not asked for."""
    name_confirmed: bool | None = None
    """True where the name resolves back to the address; None where that was not checked."""
    rtt_ns: int | None = None
    flow: int = msgspec.field(default_factory=int)
    """Always written, also where it is 0 (`omit_defaults` spares what a factory makes)."""
    icmp: tuple[int, int] | None = None
    """(type, code) of the ICMP answer."""
    mpls: tuple[StackEntry, ...] = ()
    """The label stack with which the probe arrived, as the router that answered says."""
    reply_ttl: int | None = None
    """TTL of the answer as it arrived."""
    stamp: Stamp | None = None


class Hop(msgspec.Struct, frozen=True, kw_only=True):
    """All replies to probes of one TTL."""

    ttl: int
    replies: tuple[PathReply, ...]


class Path(msgspec.Struct, frozen=True, kw_only=True):
    """One round, the traces of all its flows together: the `borne-path/1` object."""

    format: Literal["borne-path/1"] = PATH_FORMAT
    id: str
    """Unique within the agent: `<target>@<started_at>`."""
    tool: str
    origin: Origin | None
    rtt_resolution_ns: int
    """Weight of the last digit of the times: 1 for kernel stamps."""
    target: str | None
    address: str | None
    """The address that the probes were sent to."""
    zone: str | None
    family: Family
    protocol: Protocol
    reached: bool
    """True where the target itself answered."""
    started_at: str
    """RFC 3339 UTC with nanoseconds."""
    hops: tuple[Hop, ...]
    links: tuple[tuple[str, str], ...] = ()
    """Multipath edges (address, address); empty for a single flow."""


_GLOBAL_UNICAST = ipaddress.ip_network("2000::/3")
"""RFC 4291 section 2.4, as the registry has given it out."""


def is_reachable(address: str) -> bool:
    """Return whether a stranger may ping an address: global unicast of one host, in plain form.

    Both ends ask: a collector names no other address, and an agent pings no other one.
    """
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    if "%" in address or str(parsed) != address or not parsed.is_global or parsed.is_multicast:
        return False
    if isinstance(parsed, ipaddress.IPv4Address):
        return True
    return parsed in _GLOBAL_UNICAST and parsed.sixtofour is None and parsed.teredo is None


class WitnessTask(msgspec.Struct, frozen=True, kw_only=True):
    """What the plan asks of an agent: ping this hop of somebody's path, once, soon."""

    id: str
    address: str
    family: Family
    protocols: tuple[str, ...]
    """In the order to try; an agent passes over those that it does not have.

    A handshake is called `syn`: collectors that ask for `tcp` are older than `Protocol.TCP`, and
    could not read a batch that says it.
    """
    deadline: str
    """RFC 3339 UTC with nanoseconds: a ping after it would help nobody."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What the collector wants of one agent now; the agent's own file bounds what it gets."""

    version: str
    """Equal for equal plans."""
    witness: tuple[WitnessTask, ...] = ()


class WitnessReply(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of a `WitnessTask`; without `rtt_min_ns` the hop did not answer."""

    address: str
    sent_at: str
    """When the first probe left, RFC 3339 UTC with nanoseconds."""
    rtt_min_ns: int | None = None
    samples: int = 0
    """Answers that bear the smallest time out: within a millisecond or a tenth of it."""
    protocol: Protocol | None = None
    """What was answered; None where nothing was."""
    stamp: Stamp | None = None
    """Who read the clock for the smallest time."""


class Descriptors(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What follows the columns of a batch, as MessagePack."""

    series: tuple[Series, ...] = ()
    addresses: tuple[AddressChange, ...] = ()
    paths: tuple[Path, ...] = ()
    dropped_batches: int = 0
    """Batches that the bounded spool dropped since the last acknowledged one."""
    witness: tuple[WitnessReply, ...] = ()
    """Hops that were pinged because the plan asked for it."""


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """One upload: columns of replies by series (CSR), columns of events, descriptors.

    Replies of `series_ids[i]` are at positions `offsets[i]:offsets[i + 1]` of `rtt_s` and
    `reply_dt_ms`; `offsets` has one entry more than `series_ids`. Events (everything that is
    not a reply) are three columns of equal length. Decoded columns are memory views.
    """

    agent_id: AgentId
    boot_id: bytes
    """16 octets: the kernel's boot id."""
    spool_id: SpoolId
    sequence: int
    """Rises by at least one from batch to batch of a spool."""
    base_ns: int
    """Wall time that every `dt_ms` counts from."""
    clock_error_ns: int
    """Bound of the wall clock's error as the kernel states it; -1 where unsynchronised."""
    series_ids: Sequence[int]
    offsets: Sequence[int]
    rtt_s: Sequence[float]
    reply_dt_ms: Sequence[int]
    event_series: Sequence[int]
    event_dt_ms: Sequence[int]
    event_outcome: Sequence[int]
    descriptors: Descriptors
