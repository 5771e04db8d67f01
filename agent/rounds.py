"""Decider: one round: the traces of all flows of a target at one time, and the path they make.

    flow       begins
    0, 1       at once
    2, 3       a gap later
    4, 5...    one after another, a gap later each

Rules
- No router on the way is asked more than twice in any gap, a second long: so many errors and no
  more a stranger's router writes for a round. It costs four flows a second of their round.
- A router that is not asked often answers a few probes at once and then one a second (Linux:
  icmp_ratelimit, a burst of 6): four flows fit, more have to wait.
- What was lost is asked for once more: that comes beside it, a gap later where the router answers.
- One packet leaves every half millisecond whatever the number of flows.
- The flows are the same from round to round: what changes between rounds changed on the way.
"""

from collections.abc import Iterable, Sequence

import msgspec

from agent.flight import Landing
from agent.hops import PACE_NS, Common, Shot, Trace
from agent.records import Hop, Origin, Path, Protocol
from agent.targets import family_of

TOOL = "borne-agent"
FLOWS_AT_ONCE = 2
_IN_PAIRS = 4
"""Flows before this one begin two at a time, the others alone."""
GAP_NS = 1_000_000_000
"""Between the beginnings of further flows, and before a router that limits is asked again."""

Link = tuple[str, str]


class Labels(msgspec.Struct, frozen=True, kw_only=True):
    """What a path says about itself beside its hops."""

    target: str
    address: str
    """The address that the probes were sent to."""
    protocol: Protocol = Protocol.ICMP
    zone: str | None
    origin: Origin | None
    started_at: str
    """RFC 3339 UTC with nanoseconds."""


class Round:
    """The traces of all flows. Ask `next_shot` until it returns None, then again at `next_ns`."""

    def __init__(
        self,
        address: str,
        *,
        flows: int,
        max_ttl: int,
        timeout_ns: int,
        start_ns: int,
        last_length: int | None = None,
        gap_ns: int = GAP_NS,
    ) -> None:
        """Trace towards `address`; `last_length` is the length of its last known path."""
        at_once = min(flows, FLOWS_AT_ONCE)
        common = Common(pace_ns=PACE_NS * at_once, gap_ns=gap_ns)
        self._traces = [
            Trace(
                address,
                max_ttl=max_ttl,
                timeout_ns=timeout_ns,
                start_ns=start_ns + flow * PACE_NS + _gaps_before(flow) * gap_ns,
                last_length=last_length,
                flow=flow,
                common=common,
            )
            for flow in range(flows)
        ]
        self._turn = 0

    @property
    def flows(self) -> Sequence[int]:
        """Return the flows that shots may belong to."""
        return range(len(self._traces))

    @property
    def done(self) -> bool:
        """Return whether every trace is over."""
        return all(trace.done for trace in self._traces)

    @property
    def reached(self) -> bool:
        """Return whether the target answered on any flow."""
        return any(trace.reached for trace in self._traces)

    @property
    def length(self) -> int | None:
        """Return the largest TTL at which a flow ended; None while one has not ended."""
        lengths = [trace.length for trace in self._traces]
        known = [length for length in lengths if length is not None]
        return max(known) if len(known) == len(lengths) else None

    @property
    def prohibited(self) -> bool:
        """Return whether somebody on the way answered that such probes are prohibited."""
        return any(trace.prohibited for trace in self._traces)

    def next_shot(self, now_ns: int) -> Shot | None:
        """Take the probe to send now, from each flow in its turn; None where none is due."""
        for _ in self._traces:
            trace = self._traces[self._turn]
            self._turn = (self._turn + 1) % len(self._traces)
            shot = None if trace.done else trace.next_shot(now_ns)
            if shot is not None:
                return shot
        return None

    def next_ns(self) -> int:
        """Return when `next_shot` should be asked again, unless a landing comes first."""
        return min((trace.next_ns() for trace in self._traces if not trace.done), default=0)

    def landed(self, shot: Shot, landing: Landing) -> None:
        """Take what became of a probe."""
        self._traces[shot.flow].landed(shot, landing)

    def doubted(self, shot: Shot) -> None:
        """Take that an answer is about this probe or another one of its flow."""
        self._traces[shot.flow].doubted()

    def hops(self) -> tuple[Hop, ...]:
        """List what is known now, by rising TTL and flow."""
        return merged(trace.hops() for trace in self._traces)


def _gaps_before(flow: int) -> int:
    """Apply the table of the module's rules."""
    return flow // FLOWS_AT_ONCE if flow < _IN_PAIRS else flow - FLOWS_AT_ONCE


def merged(traces: Iterable[Sequence[Hop]]) -> tuple[Hop, ...]:
    """Put the hops of several flows together by their TTL."""
    replies: dict[int, list[Hop]] = {}
    for hop in (hop for hops in traces for hop in hops):
        replies.setdefault(hop.ttl, []).append(hop)
    return tuple(
        Hop(ttl=ttl, replies=tuple(reply for hop in found for reply in hop.replies))
        for ttl, found in sorted(replies.items())
    )


def links(hops: Sequence[Hop]) -> tuple[Link, ...]:
    """List which address was seen one TTL behind which other one on the same flow.

    Of a single flow nothing is listed: its hops say it all.
    """
    flows = {reply.flow for hop in hops for reply in hop.replies}
    seen: dict[tuple[int, int], set[str]] = {}
    for hop in hops:
        for reply in hop.replies:
            if reply.address is not None:
                seen.setdefault((hop.ttl, reply.flow), set()).add(reply.address)
    found = {
        (near, far)
        for (ttl, flow), addresses in seen.items()
        for near in addresses
        for far in seen.get((ttl + 1, flow), ())
    }
    return tuple(sorted(found)) if len(flows) > 1 else ()


def path(labels: Labels, hops: Sequence[Hop], *, reached: bool) -> Path:
    """Write a round down as a `borne-path/1` object."""
    return Path(
        id=f"{labels.target}@{labels.started_at}",
        tool=TOOL,
        origin=labels.origin,
        rtt_resolution_ns=1,
        target=labels.target,
        address=labels.address,
        zone=labels.zone,
        family=family_of(labels.address),
        protocol=labels.protocol,
        reached=reached,
        started_at=labels.started_at,
        hops=tuple(hops),
        links=links(hops),
    )
