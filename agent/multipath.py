"""Decider: every way to a target: which flow is probed at which TTL until nothing is left to find.

The multipath detection algorithm with node control (Augustin, Friedman, Teixeira, "Multipath
tracing with Paris traceroute", E2EMON 2007; Veitch, Augustin, Friedman, Teixeira, "Failure control
in multipath route tracing", INFOCOM 2009). A machine that spreads flows over its next machines is
asked about by flows that are known to pass it; k next machines seen are all there are, with an
error of at most alpha, when `stopping_points` says so: if there were k + 1 with equal shares, one
of them would have shown itself.

    phase    what is sent
    sweep    flow 0 at TTL 1..most, until something ends the path
    band     flows 1..5 at each of its TTLs
    search   for each machine: flows through it at the next TTL, as many as are missing; where too
             few are known to pass it, more flows at its own TTL; and what was not answered, again

    a phase ends when everything in flight has landed or the tail has passed (`hops`)

Rules
- A TTL that nobody answers counts as one machine; of a TTL that somebody answers, a probe without
  an answer is a loss and no machine.
- A probe that was lost where others were answered is sent again a second later: a router that
  limits its answers (Linux: one a second) must not look like several ways.
- Three silent TTLs in a row, the last flow that is allowed or `MAX_PROBES` probes end the search.
"""

import math
from collections.abc import Collection, Iterator, Mapping
from itertools import count, islice

from agent import icmp
from agent.flight import Landing
from agent.hops import PACE_NS, RETRIES, SILENCE_SHOWN, TAIL_MIN_NS, TAIL_RTTS, Shot, written
from agent.records import Hop
from agent.targets import family_of

ALPHA = 0.05
"""The error of one machine's next machines, unless told otherwise."""
MAX_FLOWS = 1024
"""Of echo requests; a mesh of 8 x 8 machines needs some 600."""
MAX_PROBES = 4000
LIMITED_GAP_NS = 1_000_000_000
_NOBODY = ""
_SOURCE = "source"


def stopping_point(seen: int, alpha: float = ALPHA) -> int:
    """Return how many probes with `seen` different answers exclude that there is one more.

    The least n for which n probes, spread evenly over K = seen + 1 machines, miss one with a
    probability of alpha at most (Veitch et al., section III; inclusion and exclusion).
    """
    total = seen + 1
    return next(n for n in count(total) if _miss_ratio(n, total) <= alpha)


def _miss_ratio(probes: int, total: int) -> float:
    """Return the probability that `probes` do not meet all of `total` equal machines."""
    return math.fsum(
        (-1.0) ** (without + 1) * math.comb(total, without) * (1 - without / total) ** probes
        for without in range(1, total + 1)
    )


class Multipath:
    """One search. Ask `next_shot` until it returns None, then again at `next_ns`, until `done`."""

    def __init__(
        self,
        address: str,
        *,
        max_ttl: int,
        timeout_ns: int,
        start_ns: int,
        alpha: float = ALPHA,
        max_flows: int = MAX_FLOWS,
    ) -> None:
        """Search the ways to `address`; the first packet leaves at `start_ns`."""
        self._max_flows = max_flows
        self.done = False
        self._address = address
        self._exceeded = icmp.NUMBERS[family_of(address)].exceeded
        self._max_ttl = max_ttl
        self._timeout_ns = timeout_ns
        self._needed = [stopping_point(max(seen, 1), alpha) for seen in range(2)]
        self._alpha = alpha
        self._landings: dict[int, dict[int, list[Landing | None]]] = {}
        self._ends: dict[int, int] = {}
        self._in_flight: dict[int, int] = {}
        self._queue = [Shot(ttl=ttl, attempt=0) for ttl in range(max_ttl, 0, -1)]
        self._banded = False
        self._flows = 1
        self._sent = 0
        self._serial = False
        self._slot_ns = start_ns
        self._last_sent_ns = start_ns
        self._longest_ns = 0

    @property
    def reached(self) -> bool:
        """Return whether the target itself answered."""
        return any(self._machine(ttl, flow) == self._address for flow, ttl in self._ends.items())

    def next_shot(self, now_ns: int) -> Shot | None:
        """Take the probe to send now; None where none is due. May plan more or end the search."""
        if not self._queue and not self._waits(now_ns):
            self._plan(now_ns)
        while self._queue and self._slot_ns <= now_ns:
            shot = self._taken()
            if shot is None:
                return None
            if not self._is_wanted(shot):
                continue
            self._slot_ns = max(self._slot_ns + PACE_NS, now_ns - PACE_NS * 4)
            self._last_sent_ns = now_ns
            self._sent += 1
            self._in_flight[shot.flow] = self._in_flight.get(shot.flow, 0) + 1
            self._landings.setdefault(shot.ttl, {}).setdefault(shot.flow, []).append(None)
            return shot
        return None

    def next_ns(self) -> int:
        """Return when `next_shot` should be asked again, unless a landing comes first."""
        if not self._queue:
            return self._last_sent_ns + self._tail_ns()
        blocked = self._serial and self._taken(peek=True) is None
        return self._last_sent_ns + self._timeout_ns + TAIL_MIN_NS if blocked else self._slot_ns

    def landed(self, shot: Shot, landing: Landing) -> None:
        """Take what became of a probe."""
        self._landings[shot.ttl][shot.flow][shot.attempt] = landing
        self._in_flight[shot.flow] -= 1
        self._longest_ns = max(self._longest_ns, landing.rtt_ns or 0)
        if landing.icmp is not None and landing.icmp[0] != self._exceeded:
            self._ends[shot.flow] = min(shot.ttl, self._ends.get(shot.flow, shot.ttl))

    def doubted(self, _shot: Shot) -> None:
        """Take that an answer did not say which probe it is about: from now on one a flow."""
        self._serial = True

    def hops(self) -> tuple[Hop, ...]:
        """List what is known now, by rising TTL and flow."""
        shown = self._shown()
        return tuple(
            Hop(
                ttl=ttl,
                replies=tuple(
                    written(landing, flow)
                    for flow, landings in sorted(self._probed(ttl).items())
                    for landing in landings
                ),
            )
            for ttl in sorted(self._landings)
            if ttl <= shown
        )

    def _taken(self, *, peek: bool = False) -> Shot | None:
        """Take the next shot whose flow may have one more probe in flight."""
        for at in range(len(self._queue) - 1, -1, -1):
            if not (self._serial and self._in_flight.get(self._queue[at].flow)):
                return self._queue[at] if peek else self._queue.pop(at)
        return None

    def _waits(self, now_ns: int) -> bool:
        """Return whether something may still land before more is planned."""
        return any(self._in_flight.values()) and now_ns < self._last_sent_ns + self._tail_ns()

    def _tail_ns(self) -> int:
        if self._serial or not self._longest_ns:
            return self._timeout_ns
        return min(max(TAIL_MIN_NS, TAIL_RTTS * self._longest_ns), self._timeout_ns)

    def _is_wanted(self, shot: Shot) -> bool:
        """Return whether nothing ended this flow at a smaller TTL."""
        return shot.ttl <= self._ends.get(shot.flow, shot.ttl)

    def _probed(self, ttl: int) -> Mapping[int, list[Landing | None]]:
        """Return by flow what became of the probes at a TTL; nothing beyond a flow's end."""
        flows = self._landings.get(ttl, {})
        return {flow: found for flow, found in flows.items() if ttl <= self._ends.get(flow, ttl)}

    def _plan(self, now_ns: int) -> None:
        """Fill the queue with the next phase; without anything to send the search is over."""
        self._slot_ns = now_ns
        again, limited = self._again()
        if limited:
            self._slot_ns += LIMITED_GAP_NS
        found = again or (self._band() if not self._banded else self._search())
        self._queue = list(reversed(found[: MAX_PROBES - self._sent]))
        self.done = not self._queue

    def _again(self) -> tuple[list[Shot], bool]:
        """List what was not answered and may be; and whether others were answered there."""
        found, limited = [], False
        for ttl in range(1, self._shown() + 1):
            heard = bool(self._machines(ttl) - {_NOBODY})
            for flow, landings in self._probed(ttl).items():
                if not _is_answered(landings) and len(landings) <= RETRIES:
                    found.append(Shot(ttl=ttl, attempt=len(landings), flow=flow))
                    limited = limited or heard
        return found, limited

    def _band(self) -> list[Shot]:
        """List the probes of the first further flows at every TTL of the path."""
        self._banded = True
        flows = range(1, self._needed[1])
        self._flows = len(flows) + 1
        ttls = range(1, self._shown() + 1)
        return [Shot(ttl=ttl, attempt=0, flow=flow) for flow in flows for ttl in ttls]

    def _search(self) -> list[Shot]:
        """List the probes that are missing to know each machine's next machines."""
        wanted: dict[tuple[int, int], None] = {}
        for ttl in range(min(self._shown(), self._max_ttl - 1) + 1):
            for machine in sorted(self._machines(ttl)):
                for at, flow in self._missing(ttl, machine, wanted):
                    wanted[at, flow] = None
        return [Shot(ttl=ttl, attempt=0, flow=flow) for ttl, flow in wanted]

    def _missing(
        self, ttl: int, machine: str, wanted: Collection[tuple[int, int]]
    ) -> list[tuple[int, int]]:
        """List the (TTL, flow) to probe so that the next machines of one machine are known."""
        through = self._through(ttl, machine)
        if self._is_end(ttl, machine, through):
            return []
        probed = [f for f in through if f in self._probed(ttl + 1)]
        seen = {self._machine(ttl + 1, flow) for flow in probed}
        seen -= {_NOBODY} if len(seen) > 1 else set()
        short = self._stop(len(seen)) - len(probed)
        if short <= 0:
            return []
        spare = [(ttl + 1, flow) for flow in through if flow not in probed][:short]
        return spare + self._recruits(ttl, machine, short - len(spare), wanted)

    def _recruits(
        self, ttl: int, machine: str, short: int, wanted: Collection[tuple[int, int]]
    ) -> list[tuple[int, int]]:
        """List probes by which more flows may be found to pass a machine."""
        at = max(ttl, 1)
        probed = self._probed(ttl)
        share = len(self._through(ttl, machine)) / len(probed) if probed else 1.0
        number = math.ceil(short / share) if short > 0 else 0
        before = {self._machine(ttl - 1, flow) for flow in self._through(ttl, machine)}
        busy = {*self._landings.get(at, {}), *(flow for each, flow in wanted if each == at)}
        fit = [
            flow
            for flow in range(self._flows)
            if flow not in busy and ttl > 1 and self._machine(ttl - 1, flow) in before
        ]
        flows = fit[:number] + list(islice(self._fresh(busy, fit), max(0, number - len(fit))))
        return [(at, flow) for flow in flows]

    def _fresh(self, busy: Collection[int], fit: Collection[int]) -> Iterator[int]:
        """Yield flows that were not probed at a TTL yet, new ones at last."""
        for flow in range(self._max_flows):
            if flow not in busy and flow not in fit:
                self._flows = max(self._flows, flow + 1)
                yield flow

    def _is_end(self, ttl: int, machine: str, through: Collection[int]) -> bool:
        """Return whether nothing is to be found behind a machine."""
        if any(self._ends.get(flow) == ttl for flow in through):
            return True
        last = range(max(ttl - SILENCE_SHOWN + 1, 1), ttl + 1)
        silent = all(self._machines(each) == {_NOBODY} for each in last)
        return machine == _NOBODY and len(last) == SILENCE_SHOWN and silent

    def _stop(self, seen: int) -> int:
        """Return the stopping point; each is computed once."""
        while len(self._needed) <= seen:
            self._needed.append(stopping_point(len(self._needed), self._alpha))
        return self._needed[seen]

    def _machines(self, ttl: int) -> set[str]:
        """Return who answered at a TTL; nobody as one where nobody did."""
        if ttl == 0:
            return {_SOURCE}
        found = {self._machine(ttl, flow) for flow in self._probed(ttl)}
        return found - {_NOBODY} or found

    def _machine(self, ttl: int, flow: int) -> str:
        """Return who answered a flow at a TTL."""
        if ttl == 0:
            return _SOURCE
        landings = self._landings.get(ttl, {}).get(flow, ())
        return next((x.source for x in landings if x is not None and x.source), _NOBODY)

    def _through(self, ttl: int, machine: str) -> list[int]:
        """List the flows that are known to pass a machine."""
        if ttl == 0:
            return list(range(self._flows))
        return [flow for flow in self._probed(ttl) if self._machine(ttl, flow) == machine]

    def _shown(self) -> int:
        """Return the TTL of the last hop worth reporting."""
        heard = [ttl for ttl in self._landings if self._machines(ttl) - {_NOBODY}]
        last = max(heard, default=0)
        ended = last and last == max(self._ends.values(), default=0)
        return last if ended else min(last + SILENCE_SHOWN, self._max_ttl)


def _is_answered(landings: list[Landing | None]) -> bool:
    return any(landing is not None and landing.icmp is not None for landing in landings)
