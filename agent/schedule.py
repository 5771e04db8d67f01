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
"""

import hashlib
import heapq
from collections.abc import Sequence

import msgspec

from agent.targets import Limits, ProbeTarget

_TOLERANCE_MAX_NS = 100_000_000
_TOLERANCE_DIVISOR = 4
_NS_PER_S = 1_000_000_000
SLOWEST_NS = 60 * _NS_PER_S
"""Backing off never makes an interval longer than this."""


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


class Budget:
    """The limits of this host: one bucket for everything, one for each target's echoes.

    Echo requests cannot wait, a trace can: half of what the bucket holds is kept for them.
    """

    def __init__(self, limits: Limits, now_ns: int) -> None:
        """Start with full buckets."""
        self._limits = limits
        self._all = Bucket(limits.packets_per_s, now_ns)
        self._kept = (max(limits.packets_per_s, 1.0) - 1.0) / 2
        self._targets: dict[int, Bucket] = {}

    def allow_echo(self, index: int, now_ns: int) -> bool:
        """Take one token of all and one of target `index`, or none where one is missing."""
        own = self._targets.get(index)
        if own is None:
            own = self._targets[index] = Bucket(self._limits.per_target_per_s, now_ns)
        if not (own.holds_one(now_ns) and self._all.holds_one(now_ns)):
            return False
        own.take()
        self._all.take()
        return True

    def packet_wait_ns(self, now_ns: int) -> int:
        """Return how long a trace's next packet must wait; 0: `take_packet` and send it now."""
        return self._all.wait_ns(now_ns, self._kept)

    def take_packet(self) -> None:
        """Take one token of all, for a trace's packet: each TTL reaches another machine."""
        self._all.take()


def shortage(targets: Sequence[ProbeTarget], limits: Limits) -> str | None:
    """Return what the limits will not allow, however idle the traces; None where all fits."""
    asked_per_s = sum(_NS_PER_S / target.interval_ns for target in targets)
    if asked_per_s <= limits.packets_per_s:
        return None
    return (
        f"the targets ask for {asked_per_s:.0f} echo requests a second and [limits] packets_per_s"
        f" allows {limits.packets_per_s:.0f}: some will be skipped and nothing traced;"
        " lengthen interval_s, or raise the limit"
    )
