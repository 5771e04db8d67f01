"""Decider: what witnesses have measured of addresses: how near each was to which agent of late.

    a reply of (address, agent)             what is known of them afterwards
    smaller than the known one              the new one
    larger, the known one younger than half
      an hour                               the known one
    larger, the known one older             the new one
    no answer, or too few samples           what was known; and when it was tried last

Rules
- A landmark counts for an hour: addresses move, and a proof must not rest on where one was. After
  half of it the agent is asked again (`fresh`).
- A time counts with three answers that bear it out: one alone may come of a clock that jumped.
- A landmark is of the position that was declared when it came; where the settings have another one
  since, or do not know the agent any more, it is forgotten (`declared`).
- Times are those of the replies and of the paths; no clock is read. The memory is bounded: the
  address heard of least recently goes first.
"""

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Final, NamedTuple

import msgspec

from agent.records import EARLIEST_NS, WitnessReply, is_reachable
from collector.judgement.discs import usable_ns
from collector.judgement.proofs import Disc
from collector.nearness import Landmark
from collector.positions import UNTESTED
from collector.records import Vantage
from collector.wall import wall_ns

KEPT_NS: Final = 3_600_000_000_000
FRESH_NS: Final = KEPT_NS // 2
MIN_SAMPLES: Final = 3
MAX_SAMPLES: Final = 0xFFFF
MAX_ADDRESSES: Final = 8192
MAX_REPLIES: Final = 1000
"""Far more than an agent's settings let it gather for one batch."""
_AHEAD_NS: Final = 3_600_000_000_000
_UNTESTED: Final[Mapping[str, str]] = MappingProxyType({})


class Memory(msgspec.Struct, frozen=True, kw_only=True):
    """What a checkpoint keeps."""

    known: tuple[Landmark, ...] = ()
    """The address heard of least recently first."""
    tried: tuple[tuple[str, str, int], ...] = ()
    """(address, agent, when): of the same addresses, in the same order."""


class Trial(NamedTuple):
    """What came of the last time that an agent pinged an address."""

    sent_ns: int
    landmark: Landmark | None
    """The one to use; None where the address never answered it."""


class Landmarks:
    """The replies of witnesses, by address and agent."""

    def __init__(self, kept: Memory | None = None) -> None:
        """Begin with what `dump` returned."""
        self._trials: dict[str, dict[str, Trial]] = {}
        known = {(row.address, row.agent): row for row in kept.known} if kept else {}
        for address, agent, sent_ns in kept.tried if kept else ():
            trial = Trial(sent_ns, known.get((address, agent)))
            self._trials.setdefault(address, {})[agent] = trial

    def hear(self, vantage: Vantage, reply: WitnessReply) -> bool:
        """Take one reply that is plausible; return whether there is a landmark that was not."""
        sent_ns = wall_ns(reply.sent_at) or 0
        trials = self._trials.pop(reply.address, {})
        self._trials[reply.address] = trials
        while len(self._trials) > MAX_ADDRESSES:
            del self._trials[next(iter(self._trials))]
        before = trials.get(vantage.name)
        known = None if before is None else before.landmark
        made = _landmark(vantage, reply, sent_ns)
        better = made is not None and _replaces(made, known)
        last_ns = sent_ns if before is None else max(before.sent_ns, sent_ns)
        trials[vantage.name] = Trial(last_ns, made if better else known)
        return better

    def of(self, address: str, at_ns: int) -> tuple[Landmark, ...]:
        """Return what counts for a path of `at_ns`, by the names of the agents."""
        rows = [trial.landmark for trial in self._trials.get(address, {}).values()]
        return tuple(
            sorted(
                (row for row in rows if row is not None and abs(at_ns - row.sent_ns) <= KEPT_NS),
                key=lambda row: row.agent,
            )
        )

    def tried(self, address: str, now_ns: int) -> dict[str, bool]:
        """Return by agent who pinged the address of late, and whether it was answered."""
        return {
            agent: trial.landmark is not None
            for agent, trial in self._trials.get(address, {}).items()
            if trial.sent_ns > now_ns - FRESH_NS
        }

    def dump(self) -> Memory:
        """Return the memory."""
        told = [
            (address, agent, trial)
            for address, trials in self._trials.items()
            for agent, trial in trials.items()
        ]
        return Memory(
            known=tuple(trial.landmark for _, _, trial in told if trial.landmark is not None),
            tried=tuple((address, agent, trial.sent_ns) for address, agent, trial in told),
        )


def discs(
    rows: Iterable[Landmark], standings: Mapping[str, str] = _UNTESTED
) -> dict[str, list[Disc]]:
    """Return what landmarks may prove of their addresses, as `borders.judge` takes it.

    `standings` are what is said of agents' positions, of others that they are untested.
    """
    found: dict[str, list[Disc]] = {}
    for row in rows:
        disc = Disc(
            agent=row.agent,
            origin=row.origin,
            rtt_ns=row.rtt_ns,
            resolution_ns=1,
            standing=standings.get(row.agent, UNTESTED),
        )
        found.setdefault(row.address, []).append(disc)
    return found


def declared(kept: Memory, agents: Iterable[Vantage]) -> Memory:
    """Return what is left of a memory under these settings: see the rules."""
    origins = {agent.name: agent.place.origin for agent in agents}
    stale = {(row.address, row.agent) for row in kept.known if origins.get(row.agent) != row.origin}
    return Memory(
        known=tuple(row for row in kept.known if (row.address, row.agent) not in stale),
        tried=tuple(row for row in kept.tried if row[:2] not in stale),
    )


def plausible(replies: Sequence[WitnessReply], base_ns: int) -> Iterable[WitnessReply]:
    """Yield the replies that pings could have given; `base_ns` is the time of their batch."""
    for reply in replies[:MAX_REPLIES]:
        sent_ns = wall_ns(reply.sent_at)
        if (
            sent_ns is not None
            and EARLIEST_NS <= sent_ns <= base_ns + _AHEAD_NS
            and is_reachable(reply.address)
            and 0 <= reply.samples <= MAX_SAMPLES
            and (reply.rtt_min_ns is None or usable_ns(reply.rtt_min_ns) is not None)
        ):
            yield reply


def _landmark(vantage: Vantage, reply: WitnessReply, sent_ns: int) -> Landmark | None:
    """Return what a reply says of the address; None where it says nothing that counts."""
    if (
        reply.rtt_min_ns is None
        or reply.protocol is None
        or reply.stamp is None
        or reply.samples < MIN_SAMPLES
    ):
        return None
    return Landmark(
        address=reply.address,
        agent=vantage.name,
        origin=vantage.place.origin,
        rtt_ns=reply.rtt_min_ns,
        samples=reply.samples,
        protocol=reply.protocol,
        stamp=reply.stamp,
        sent_ns=sent_ns,
    )


def _replaces(made: Landmark, known: Landmark | None) -> bool:
    """Apply the table of the module's rules."""
    return (
        known is None
        or made.origin != known.origin
        or made.rtt_ns < known.rtt_ns
        or made.sent_ns - known.sent_ns >= FRESH_NS
    )
