"""Decider: one Paris traceroute of one flow: which TTL is probed next, and when it is over.

All TTLs are in flight together; packets leave at an even pace.

    phase      what is sent                            ends when
    first      TTL 1..N, N = last length + 3 or all    everything is sent, and answered or the
    widen      TTL N+1..most, if nothing ended it yet  tail has passed
    retry      TTLs without an answer, twice
    (a doubt)  from then on one TTL at a time, those   everything in flight has landed
               without an answer before a larger one

The tail is max(100 ms, 4 x the longest RTT seen), never more than the time-out; where nothing is
left to send and the target has not answered, it is the time-out itself.

Rules
- The first answer of the target ends the path: larger TTLs are neither sent nor reported. So
  does destination unreachable from a router: nothing beyond can answer otherwise.
- Beyond the last machine that answered, three silent TTLs are probed again and reported; more
  silence there says nothing more.
- A TTL that was answered on another flow is not silent: its router may limit what it answers
  (Linux: one a second), so that it is asked again only a gap later.
- Every probe is reported, lost ones as lost: interpretation comes later.
- Routers that quote so little of a probe that nothing names it are told apart by having one probe
  in flight alone. What was in flight when the doubt arose lands first, if only as lost.
"""

import msgspec

from agent import icmp
from agent.flight import Landing
from agent.records import Hop, Outcome, PathReply
from agent.targets import family_of

PACE_NS = 500_000
TAIL_MIN_NS = 100_000_000
TAIL_RTTS = 4
RETRIES = 2
LENGTH_MARGIN = 3
SILENCE_SHOWN = 3


class Shot(msgspec.Struct, frozen=True, kw_only=True):
    """Send a probe with this TTL now; hand the shot back with its landing."""

    ttl: int
    attempt: int
    flow: int = 0


class Common(msgspec.Struct):
    """What flows that are traced together have in common."""

    pace_ns: int = PACE_NS
    """Between two packets of one flow."""
    gap_ns: int = 0
    """Before a TTL that was answered on another flow is asked again."""
    heard: set[int] = msgspec.field(default_factory=set)
    """The TTLs that were answered on any of them."""


class Trace:
    """One trace. Ask `next_shot` until it returns None, then again at `next_ns`, until `done`."""

    def __init__(
        self,
        address: str,
        *,
        max_ttl: int,
        timeout_ns: int,
        start_ns: int,
        last_length: int | None = None,
        flow: int = 0,
        common: Common | None = None,
    ) -> None:
        """Trace towards `address`; `last_length` is the length of its last known path.

        The first packet leaves at `start_ns`. None as `common` is a flow that is traced alone.
        """
        self.done = False
        self._address = address
        self._flow = flow
        self._common = common or Common()
        self._exceeded = icmp.NUMBERS[family_of(address)].exceeded
        self._serial = False
        self._max_ttl = max_ttl
        self._timeout_ns = timeout_ns
        self._window = max_ttl if last_length is None else min(max_ttl, last_length + LENGTH_MARGIN)
        self._end: int | None = None
        self._landings: dict[int, dict[int, Landing | None]] = {}
        self._queue = [self._shot(ttl) for ttl in range(self._window, 0, -1)]
        self._slot_ns = start_ns
        self._last_sent_ns = start_ns
        self._longest_ns = 0

    @property
    def reached(self) -> bool:
        """Return whether the target itself ended the path."""
        last = {} if self._end is None else self._landings[self._end]
        return any(landing is not None and self._ends(landing) for landing in last.values())

    @property
    def length(self) -> int | None:
        """Return the TTL at which the path ended; None while nothing ended it."""
        return self._end

    @property
    def prohibited(self) -> bool:
        """Return whether somebody on the way answered that such probes are prohibited."""
        landings = (landing for found in self._landings.values() for landing in found.values())
        return any(landing and landing.outcome is Outcome.PROHIBITED for landing in landings)

    def next_shot(self, now_ns: int) -> Shot | None:
        """Take the probe to send now; None where none is due. May end or widen the trace."""
        if not self._queue:
            self._turn(now_ns)
        if self._serial and self._in_flight():
            return None
        while self._queue and self._slot_ns <= now_ns:
            shot = self._queue.pop()
            if not self._is_wanted(shot):
                continue
            self._slot_ns = max(
                self._slot_ns + self._common.pace_ns, now_ns - self._common.pace_ns * 4
            )
            self._last_sent_ns = now_ns
            self._landings.setdefault(shot.ttl, {})[shot.attempt] = None
            return shot
        return None

    def next_ns(self) -> int:
        """Return when `next_shot` should be asked again, unless a landing comes first."""
        if self._serial and self._in_flight():
            return self._last_sent_ns + self._timeout_ns + TAIL_MIN_NS
        return self._slot_ns if self._queue else self._last_sent_ns + self._tail_ns()

    def landed(self, shot: Shot, landing: Landing) -> None:
        """Take what became of a probe."""
        self._landings[shot.ttl][shot.attempt] = landing
        self._longest_ns = max(self._longest_ns, landing.rtt_ns or 0)
        if landing.icmp is not None:
            self._common.heard.add(shot.ttl)
        if landing.icmp is None or landing.icmp[0] == self._exceeded:
            return
        if self._end is None or shot.ttl < self._end:
            self._end = shot.ttl

    def doubted(self) -> None:
        """Take that an answer did not say which probe it is about."""
        if not self._serial:
            self._serial = True
            self._window = max(self._landings, default=0)
            self._queue = []

    def _shot(self, ttl: int, attempt: int = 0) -> Shot:
        return Shot(ttl=ttl, attempt=attempt, flow=self._flow)

    def _in_flight(self) -> bool:
        return any(None in attempts.values() for attempts in self._landings.values())

    def _turn(self, now_ns: int) -> None:
        """Begin the next phase where this one is over."""
        waiting = any(None in attempts.values() for attempts in self._within().values())
        if waiting and now_ns < self._last_sent_ns + self._tail_ns():
            return
        self._queue = self._next_phase()
        if self._end is None:
            last = max((shot.ttl for shot in self._queue), default=0)
            self._window = max(self._window, last) if self._serial else self._max_ttl
        limited = any(shot.attempt and shot.ttl in self._common.heard for shot in self._queue)
        self._slot_ns = now_ns + (self._common.gap_ns if limited else 0)
        self.done = not self._queue

    def _next_phase(self) -> list[Shot]:
        """List what is left to send, the last first."""
        more = self._end is None and self._window < self._max_ttl
        if more and not self._serial:
            return [self._shot(ttl) for ttl in range(self._max_ttl, self._window, -1)]
        tried = {ttl: len(self._landings[ttl]) for ttl in reversed(self._silent())}
        again = [self._shot(ttl, n) for ttl, n in tried.items() if n <= RETRIES]
        if more and not again and self._window < self._last_heard() + SILENCE_SHOWN:
            return [self._shot(self._window + 1)]
        return again

    def _ends(self, landing: Landing) -> bool:
        """Return whether this is an answer of the target, other than time exceeded."""
        answered = landing.icmp is not None and landing.icmp[0] != self._exceeded
        return answered and landing.source == self._address

    def _is_wanted(self, shot: Shot) -> bool:
        """Return whether this probe can still teach something."""
        if self._end is not None and shot.ttl > self._end:
            return False
        return shot.attempt == 0 or shot.ttl in self._silent()

    def _tail_ns(self) -> int:
        """Return how long to wait after the last packet of this phase."""
        if self._end is None and not self._next_phase():
            return self._timeout_ns
        return min(max(TAIL_MIN_NS, TAIL_RTTS * self._longest_ns), self._timeout_ns)

    def _last_heard(self) -> int:
        """Return the largest TTL that was answered; 0 where none was."""
        heard = (ttl for ttl, attempts in self._landings.items() if _is_answered(attempts))
        return max(heard, default=0)

    def _shown(self) -> int:
        """Return the TTL of the last hop worth reporting."""
        if self._end is not None:
            return self._end
        return min(self._window, self._last_heard() + SILENCE_SHOWN)

    def _within(self) -> dict[int, dict[int, Landing | None]]:
        shown = self._shown()
        return {ttl: found for ttl, found in self._landings.items() if ttl <= shown}

    def _silent(self) -> list[int]:
        """List the TTLs to report that nothing answered."""
        return sorted(ttl for ttl, found in self._within().items() if not _is_answered(found))

    def hops(self) -> tuple[Hop, ...]:
        """List what is known now, by rising TTL."""
        return tuple(
            Hop(
                ttl=ttl,
                replies=tuple(written(found[attempt], self._flow) for attempt in sorted(found)),
            )
            for ttl, found in sorted(self._within().items())
        )


def written(landing: Landing | None, flow: int) -> PathReply:
    """Write down what became of a probe; one that is still in the air is lost."""
    if landing is None or landing.icmp is None:
        return PathReply(lost=True, flow=flow)
    return PathReply(
        address=landing.source,
        rtt_ns=landing.rtt_ns,
        flow=flow,
        icmp=landing.icmp,
        mpls=landing.mpls,
        reply_ttl=landing.ttl,
        stamp=None if landing.outcome is Outcome.REJECTED else landing.stamp,
    )


def _is_answered(attempts: dict[int, Landing | None]) -> bool:
    return any(landing is not None and landing.icmp is not None for landing in attempts.values())
