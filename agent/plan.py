"""Decider: which of the hops that a plan names this host pings, and what their answers say.

    what a request is                                         what happens to it
    seen before in a plan                                     nothing: it is under way, or done
    of an address that is no global unicast one               refused: `address`
    of an address of another family than it says              refused: `address`
    of an address in a prefix of `limits.opt_out`             refused: `opt_out`
    past its deadline, by this host's time of day             refused: `late`
    of an address that is being pinged, or was within the     refused: `repeat`
    last minute
    one more than `MAX_UNDER_WAY`                             refused: `busy`
    of protocols of which this agent has none                 refused: `protocol`
    anything else                                             pinged

Rules
- The plan asks, this host decides: `limits.witness` of its own file bounds how many packets leave
  in any minute, exactly; `packets_per_s` and `per_prefix_per_s` bound them together with
  everything else.
- The collector is believed nothing: whatever it asks, private, shared, multicast and special
  addresses are never pinged, and a request of an address begins a minute after the last one of
  it ended: no router gets more than 15 probes in any minute (5 in each of three protocols).
- Protocols are tried in the order of the request; those that this agent lacks, and `tcp`, which
  older collectors ask for, are passed over. Five probes at most go out in each; two lost ones in
  the beginning end it, and so do three answers that bear the smallest time out: within a
  millisecond of it, or within a tenth.
- A handshake counts as three packets, for it may take so many: SYN, ACK, RST.
"""

from collections import Counter, deque
from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec

from agent.flight import Landing
from agent.records import (
    Outcome,
    Plan,
    Protocol,
    Stamp,
    WitnessReply,
    WitnessTask,
    is_reachable,
)
from agent.targets import Instant, Network, WitnessLimits, family_of, opted_out

NS_PER_S = 1_000_000_000
MINUTE_NS = 60 * NS_PER_S
MAX_UNDER_WAY = 32
"""Requests that are carried out or wait for that."""
TRIES = 5
ENOUGH = 3
GIVE_UP_AFTER = 2
TIMEOUT_NS = NS_PER_S
GAP_NS = NS_PER_S // 5
"""Between an answer and the next probe: a router answers others, too."""
REMEMBERED = 4096
REASONS = ("address", "opt_out", "late", "repeat", "busy", "protocol")
HANDSHAKE_PACKETS = 3
_WORDS = {"icmp": Protocol.ICMP, "udp": Protocol.UDP, "syn": Protocol.TCP}
_AGREE_NS = 1_000_000
_AGREE_DIVISOR = 10


class Grant:
    """What this host gives the plans of its collector."""

    def __init__(self, limits: WitnessLimits, opt_out: Sequence[Network] = ()) -> None:
        """Take what the operator allows, and where nothing is ever sent to."""
        self.refused = Counter(dict.fromkeys(REASONS, 0))
        self.sent = 0
        """Packets that left."""
        self._opt_out = opt_out
        self._under_way: set[str] = set()
        self._limits = limits
        self._seen: deque[str] = deque(maxlen=REMEMBERED)
        self._pinged_ns: dict[str, int] = {}
        self._sent_ns: deque[int] = deque()

    @property
    def under_way(self) -> int:
        """Return how many requests are carried out or wait for that."""
        return len(self._under_way)

    def take(self, plan: Plan, now: Instant) -> list[WitnessTask]:
        """Return the requests of a plan to carry out; call `done` after each."""
        found = []
        for task in plan.witness:
            if task.id in self._seen:
                continue
            self._seen.append(task.id)
            reason = self._objection(task, now)
            if reason is not None:
                self.refused[reason] += 1
                continue
            self._under_way.add(task.address)
            found.append(task)
        return found

    def done(self, address: str, now_ns: int) -> None:
        """Learn that the request of an address is carried out."""
        self._under_way.discard(address)
        self._remember(address, now_ns)

    def forget_work(self) -> None:
        """Learn that nothing is under way: whoever carried it out begins again."""
        self._under_way.clear()

    def protocols(self, task: WitnessTask) -> Sequence[Protocol]:
        """Return the protocols of a request that this host has and can afford, in its order."""
        found = (_WORDS[word] for word in dict.fromkeys(task.protocols) if word in _WORDS)
        return [each for each in found if cost(each) <= self._limits.per_minute]

    def wait_ns(self, now_ns: int, packets: int = 1) -> int:
        """Return how long until so many packets may leave; 0: `spend` and send them now."""
        while self._sent_ns and self._sent_ns[0] <= now_ns - MINUTE_NS:
            self._sent_ns.popleft()
        over = len(self._sent_ns) + packets - self._limits.per_minute
        return self._sent_ns[over - 1] + MINUTE_NS - now_ns if over > 0 else 0

    def spend(self, now_ns: int, packets: int = 1) -> None:
        """Take packets out of the minute's."""
        self._sent_ns.extend([now_ns] * packets)
        self.sent += packets

    def _objection(self, task: WitnessTask, now: Instant) -> str | None:
        """Apply the table of the module's rules."""
        if not is_reachable(task.address) or family_of(task.address) != task.family:
            return "address"
        if opted_out(task.address, self._opt_out) is not None:
            return "opt_out"
        if is_late(task, now.wall_ns):
            return "late"
        minute_ago_ns = now.monotonic_ns - MINUTE_NS
        if self._pinged_ns.get(task.address, minute_ago_ns) > minute_ago_ns:
            return "repeat"
        if task.address in self._under_way:
            return "repeat"
        if self.under_way >= MAX_UNDER_WAY:
            return "busy"
        return None if self.protocols(task) else "protocol"

    def _remember(self, address: str, now_ns: int) -> None:
        self._pinged_ns[address] = now_ns
        for old, at_ns in list(self._pinged_ns.items()):
            if at_ns <= now_ns - MINUTE_NS:
                del self._pinged_ns[old]


class Trial:
    """The probes of one protocol to one hop."""

    def __init__(self, protocol: Protocol) -> None:
        """Begin without any."""
        self._protocol = protocol
        self._answers: list[tuple[int, Stamp]] = []
        self._sent = 0

    @property
    def over(self) -> bool:
        """Return whether no further probe is worth a packet."""
        mute = not self._answers and self._sent >= GIVE_UP_AFTER
        return self._sent >= TRIES or mute or self.samples >= ENOUGH

    @property
    def samples(self) -> int:
        """Return how many answers bear the smallest time out, itself included."""
        if not self._answers:
            return 0
        least_ns, _ = min(self._answers)
        near_ns = least_ns + max(_AGREE_NS, least_ns // _AGREE_DIVISOR)
        return sum(rtt_ns <= near_ns for rtt_ns, _ in self._answers)

    def landed(self, landing: Landing) -> None:
        """Take what became of a probe; only what the hop itself answered counts."""
        self._sent += 1
        if landing.rtt_ns is not None and landing.stamp is not None and self._is_answer(landing):
            self._answers.append((landing.rtt_ns, landing.stamp))

    def _is_answer(self, landing: Landing) -> bool:
        wanted = Outcome.UNREACHABLE if self._protocol is Protocol.UDP else Outcome.REPLY
        return landing.source == landing.address and landing.outcome is wanted

    def reply(self, address: str, sent_at: str) -> WitnessReply | None:
        """Return what to tell the collector; None where the hop did not answer."""
        if not self._answers:
            return None
        rtt_ns, stamp = min(self._answers)
        return WitnessReply(
            address=address,
            sent_at=sent_at,
            rtt_min_ns=rtt_ns,
            samples=self.samples,
            protocol=self._protocol,
            stamp=stamp,
        )


def cost(protocol: Protocol) -> int:
    """Return how many packets one probe may take."""
    return HANDSHAKE_PACKETS if protocol is Protocol.TCP else 1


def is_late(task: WitnessTask, now_wall_ns: int) -> bool:
    """Return whether a request is past its deadline; one that states no time is."""
    try:
        deadline = datetime.fromisoformat(task.deadline)
    except ValueError:
        return True
    return deadline.tzinfo is None or deadline < datetime.fromtimestamp(now_wall_ns / NS_PER_S, UTC)


def decode(body: bytes) -> Plan | None:
    """Return the plan of an answer; None where it is none, or of a later kind."""
    try:
        return msgspec.json.decode(body, type=Plan)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
