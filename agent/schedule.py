"""Decider: which target is due, and whether the limits of this host allow to send.

Rules
- A target's phase within its interval comes from a hash of its key: targets with one interval
  are spread over it, and a restart keeps their phases.
- Deadlines are whole intervals of the monotonic clock plus the phase: lateness never
  accumulates, and two programs on one host agree on them.
- A probe that is late by more than its tolerance is skipped and counted. After a stall the
  missed probes are not made up for: a bunch of packets would measure itself.

    lateness of a due probe            what happens
    <= tolerance                       it is due now
    > tolerance                        skipped; every whole interval missed is skipped as well

- Who is told that its probes are prohibited backs off: the interval doubles each time, up to a
  minute (`slow_down`), until a probe is answered (`restore`). Deadlines keep their phase.
- Every packet counts for the /24 or /48 of its destination, whatever it is for. A prefix that had
  none for a second has earned all it can hold: it is forgotten, and no limit is lost by that.
"""

import hashlib
import heapq
import ipaddress
from collections import OrderedDict
from collections.abc import Sequence
from functools import lru_cache

import msgspec

from agent.targets import Limits, ProbeTarget

_TOLERANCE_MAX_NS = 100_000_000
_TOLERANCE_DIVISOR = 4
_NS_PER_S = 1_000_000_000
SLOWEST_NS = 60 * _NS_PER_S
"""Backing off never makes an interval longer than this."""
_PREFIX_OCTETS = {4: 3, 6: 6}
"""What one operator usually announces at least: a /24 of IPv4, a /48 of IPv6."""


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """Something that is due once an interval; `key` decides its phase."""

    index: int
    key: str
    interval_ns: int


class Due(msgspec.Struct, frozen=True, kw_only=True):
    """Entry `index` was due at `due_ns`; `skipped` of its deadlines before that were missed.

    `send` is False where this deadline was missed as well; `skipped` then counts it too.
    """

    index: int
    due_ns: int
    send: bool
    skipped: int = 0


class Schedule:
    """A heap of deadlines on the monotonic clock."""

    def __init__(self, entries: Sequence[Entry], start_ns: int) -> None:
        """Give every entry its first deadline within one interval after `start_ns`."""
        self._plain_ns = {entry.index: entry.interval_ns for entry in entries}
        self._interval_ns = self._plain_ns.copy()
        self._heap = [(_first_ns(entry, start_ns), entry.index) for entry in entries]
        heapq.heapify(self._heap)

    def next_ns(self) -> int | None:
        """Return the nearest deadline; None where nothing is scheduled."""
        return self._heap[0][0] if self._heap else None

    def due(self, now_ns: int) -> list[Due]:
        """Take everything whose deadline has come, and set the deadlines that follow."""
        found = []
        while self._heap and self._heap[0][0] <= now_ns:
            due_ns, index = self._heap[0]
            interval_ns = self._interval_ns[index]
            missed, late_ns = divmod(now_ns - due_ns, interval_ns)
            latest_ns = due_ns + missed * interval_ns
            send = late_ns <= tolerance_ns(interval_ns)
            skipped = missed + (0 if send else 1)
            found.append(Due(index=index, due_ns=latest_ns, send=send, skipped=skipped))
            heapq.heapreplace(self._heap, (latest_ns + interval_ns, index))
        return found

    def slow_down(self, index: int) -> bool:
        """Double the interval of an entry from its next deadline on; return whether it grew."""
        doubled_ns = 2 * self._interval_ns[index]
        if doubled_ns > SLOWEST_NS:
            return False
        self._interval_ns[index] = doubled_ns
        return True

    def restore(self, index: int) -> None:
        """Give an entry its own interval back, from its next deadline on."""
        self._interval_ns[index] = self._plain_ns[index]


def phase_ns(key: str, interval_ns: int) -> int:
    """Spread `key` over the interval by its hash: 0 <= phase < interval."""
    digest = hashlib.blake2s(key.encode(), digest_size=8).digest()
    return (int.from_bytes(digest, "big") * interval_ns) >> 64


def _first_ns(entry: Entry, start_ns: int) -> int:
    phase = phase_ns(entry.key, entry.interval_ns)
    return start_ns + (phase - start_ns) % entry.interval_ns


def tolerance_ns(interval_ns: int) -> int:
    """Return how late a probe may leave: a quarter of its interval, at most 100 ms."""
    return min(interval_ns // _TOLERANCE_DIVISOR, _TOLERANCE_MAX_NS)


class Bucket:
    """A token bucket that holds what one second earns, at least one token."""

    def __init__(self, per_s: float, now_ns: int) -> None:
        """Start full; `per_s` tokens are earned each second."""
        self._per_s = per_s
        self._capacity = max(per_s, 1.0)
        self._tokens = self._capacity
        self._at_ns = now_ns

    def holds_one(self, now_ns: int) -> bool:
        """Return whether a token is there, without taking it."""
        return self.wait_ns(now_ns) == 0

    def is_full(self, now_ns: int) -> bool:
        """Return whether it holds all that it can."""
        return self.wait_ns(now_ns, self._capacity - 1.0) == 0

    def take(self) -> None:
        """Take the token that is there."""
        self._tokens -= 1.0

    def wait_ns(self, now_ns: int, kept: float = 0.0) -> int:
        """Return how long from now until a token is there beside `kept` others; 0: it is."""
        earned = (now_ns - self._at_ns) * self._per_s / _NS_PER_S
        self._tokens = min(self._capacity, self._tokens + earned)
        self._at_ns = now_ns
        missing = 1.0 + kept - self._tokens
        return int(missing / self._per_s * _NS_PER_S) + 1 if missing > 0 else 0


@lru_cache(maxsize=4096)
def prefix_of(address: str) -> bytes:
    """Return the first octets of an address: those of its /24 or /48."""
    parsed = ipaddress.ip_address(address)
    return parsed.packed[: _PREFIX_OCTETS[parsed.version]]


class _Prefixes:
    """A bucket for each prefix that packets went to within the last second, the latest last."""

    def __init__(self, per_s: float) -> None:
        self._per_s = per_s
        self._buckets: OrderedDict[bytes, Bucket] = OrderedDict()

    def __len__(self) -> int:
        return len(self._buckets)

    def wait_ns(self, address: str, now_ns: int, kept: float = 0.0) -> int:
        """Return how long until one more packet may go there; a new prefix has all it can hold."""
        bucket = self._buckets.get(prefix_of(address))
        return 0 if bucket is None else bucket.wait_ns(now_ns, kept)

    def take(self, address: str, now_ns: int) -> None:
        """Count a packet, and forget the prefixes that are full again."""
        prefix = prefix_of(address)
        bucket = self._buckets.pop(prefix, None) or Bucket(self._per_s, now_ns)
        bucket.take()
        self._buckets[prefix] = bucket
        while self._buckets and next(iter(self._buckets.values())).is_full(now_ns):
            self._buckets.popitem(last=False)


class Budget:
    """The limits of this host: for everything, for each prefix, for each target's echoes.

    Echo requests cannot wait, a trace can: half of what a bucket holds is kept for them.
    """

    def __init__(self, limits: Limits, now_ns: int) -> None:
        """Start with full buckets."""
        self.opt_out = limits.opt_out
        """Where nothing is ever sent to: who takes an address from others asks first."""
        self._limits = limits
        self._all = Bucket(limits.packets_per_s, now_ns)
        self._kept = _kept(limits.packets_per_s)
        self._prefixes = _Prefixes(limits.per_prefix_per_s)
        self._kept_of_prefix = _kept(limits.per_prefix_per_s)
        self._targets: dict[int, Bucket] = {}

    @property
    def prefixes(self) -> int:
        """Return how many prefixes are remembered: those of the last second at most."""
        return len(self._prefixes)

    def allow_echo(self, index: int, address: str, now_ns: int) -> bool:
        """Take one token of all, of the prefix and of target `index`; none where one is missing."""
        own = self._targets.get(index)
        if own is None:
            own = self._targets[index] = Bucket(self._limits.per_target_per_s, now_ns)
        if not (own.holds_one(now_ns) and self._all.holds_one(now_ns)):
            return False
        if self._prefixes.wait_ns(address, now_ns):
            return False
        own.take()
        self.take_packet(address, now_ns)
        return True

    def packet_wait_ns(self, now_ns: int) -> int:
        """Return how long any packet of a trace must wait.

        Where `prefix_wait_ns` is 0 as well, `take_packet` and send it now.
        """
        return self._all.wait_ns(now_ns, self._kept)

    def prefix_wait_ns(self, address: str, now_ns: int) -> int:
        """Return how long a packet of a trace towards `address` must wait, wherever it ends."""
        return self._prefixes.wait_ns(address, now_ns, self._kept_of_prefix)

    def take_packet(self, address: str, now_ns: int) -> None:
        """Take one token of all and one of the prefix."""
        self._all.take()
        self._prefixes.take(address, now_ns)


def _kept(per_s: float) -> float:
    """Return what traces leave in a bucket: half of it."""
    return (max(per_s, 1.0) - 1.0) / 2


def shortage(targets: Sequence[ProbeTarget], limits: Limits) -> str | None:
    """Return what the limits will not allow, however idle the traces; None where all fits.

    Of prefixes the one that asks for most is told, and names are left out: who knows where they go.
    """
    of_prefix: dict[bytes, float] = {}
    for target in targets:
        if target.address is not None:
            prefix = prefix_of(target.address)
            of_prefix[prefix] = of_prefix.get(prefix, 0) + _NS_PER_S / target.interval_ns
    asked_per_s = sum(_NS_PER_S / target.interval_ns for target in targets)
    if asked_per_s > limits.packets_per_s:
        return _short("the targets", asked_per_s, "packets_per_s", limits.packets_per_s)
    prefix, asked_per_s = max(of_prefix.items(), key=lambda item: item[1], default=(b"", 0.0))
    if asked_per_s > limits.per_prefix_per_s:
        who = f"the targets in {_written(prefix)}"
        return _short(who, asked_per_s, "per_prefix_per_s", limits.per_prefix_per_s)
    return None


def _short(who: str, asked_per_s: float, key: str, allowed_per_s: float) -> str:
    return (
        f"{who} ask for {asked_per_s:.0f} echo requests a second and [limits] {key}"
        f" allows {allowed_per_s:.0f}: some will be skipped and nothing traced;"
        " lengthen interval_s, or raise the limit"
    )


def _written(prefix: bytes) -> str:
    """Write a prefix as people do."""
    octets = 4 if len(prefix) == _PREFIX_OCTETS[4] else 16
    return str(ipaddress.ip_network((prefix.ljust(octets, b"\0"), 8 * len(prefix))))
