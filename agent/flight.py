"""Decider: the probes in the air, and what becomes of each.

A probe is launched once and lands once; whatever order its transmit stamp and its answer come in.

    in the air, and then                              lands as
    transmit stamp, and answer with receive stamp     the answer's outcome, `kernel`
    answer with receive stamp, no transmit stamp      the same after 20 ms, `kernel_rx`
    answer without receive stamp                      the same, `user`
    answer whose time is absurd                       REJECTED
    answer after the time-out, or none                LOST
    already landed: answer again                      nothing; counted `duplicate` or `late`
    answer that does not say which probe it is about  as that of the only one in the air to its
                                                      address; a `Doubt` where there are several
    never launched: any answer                        nothing; counted `foreign`

Rules
- An RTT is a difference of stamps of one clock. Kernel stamps are times of day, which can be
  stepped; the monotonic clock brackets them: an RTT below zero or longer than the time between
  launch and reading is REJECTED, and so is one during which the two clocks moved apart by more
  than a millisecond beyond what slewing may do (500 ppm, adjtimex(2); allowed: 1000 ppm).
- An answer counts only with our identifier, a sequence in the air (or none: some routers quote
  nothing of a datagram), the token (as far as the answer quotes it) and the address: the target's
  own for a reply, in the quote for an error.
"""

import heapq
from collections import deque

import msgspec

from agent import icmp
from agent.ports import Message
from agent.records import Family, Outcome, StackEntry, Stamp
from agent.targets import Instant

STAMP_PATIENCE_NS = 20_000_000
_MEMORY_NS = 10_000_000_000
_CLOCKS_APART_NS = 1_000_000
_BRACKET_SLACK_NS = 50_000
_SLEW_DIVISOR = 1000
_SEQUENCES = 1 << 16


class Probe(msgspec.Struct, frozen=True, kw_only=True):
    """One packet that was handed to the kernel."""

    handle: object
    """Whatever the sender wants back with the landing."""
    address: str
    sequence: int
    number: int
    """Of its transmit stamp (OPT_ID)."""
    sent: Instant
    """Just before it was handed over."""
    timeout_ns: int


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """An ICMP message, where it came from and when it was read."""

    message: Message
    source: str
    stamp_ns: int | None
    ttl: int | None
    read: Instant


class Landing(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a probe. Source, icmp and ttl are None where nothing answered."""

    handle: object
    address: str
    outcome: Outcome
    sent_wall_ns: int
    rtt_ns: int | None = None
    """None without an answer and for REJECTED."""
    stamp: Stamp | None = None
    source: str | None = None
    icmp: tuple[int, int] | None = None
    ttl: int | None = None
    mpls: tuple[StackEntry, ...] = ()


class Doubt(msgspec.Struct, frozen=True, kw_only=True):
    """An answer about one of these probes, which are still in the air: it does not say which."""

    handles: tuple[object, ...]


class Flight:
    """The probes of one socket."""

    def __init__(self, identifier: int, token: bytes, family: Family = 4) -> None:
        """Accept answers to `identifier` and `token` alone."""
        self._family = family
        self.late = 0
        self.duplicate = 0
        self.foreign = 0
        self._identifier = identifier
        self._token = token
        self._next_sequence = 0
        self._air: dict[int, Probe] = {}
        self._by_number: dict[int, int] = {}
        self._stamps: dict[int, int] = {}
        self._held: dict[int, Answer] = {}
        self._deadlines: list[tuple[int, int, int]] = []
        self._landed: dict[int, tuple[Probe, bool]] = {}
        self._forget: deque[tuple[int, int, Probe]] = deque()

    def __len__(self) -> int:
        """Count the probes in the air."""
        return len(self._air)

    def sequence(self) -> int:
        """Reserve the next sequence that no probe in the air uses."""
        if len(self._air) >= _SEQUENCES:
            raise AssertionError("all 65536 sequences are in the air: the limits failed")
        while self._next_sequence in self._air:
            self._next_sequence = (self._next_sequence + 1) % _SEQUENCES
        taken = self._next_sequence
        self._next_sequence = (taken + 1) % _SEQUENCES
        return taken

    def launch(self, probe: Probe) -> None:
        """Take a probe that was just sent."""
        self._air[probe.sequence] = probe
        self._landed.pop(probe.sequence, None)
        self._by_number[probe.number] = probe.sequence
        self._remind(probe.sent.monotonic_ns + probe.timeout_ns, probe)

    def stamped(self, number: int, stamp_ns: int) -> Landing | None:
        """Take a transmit stamp; the probe lands if its answer was waiting for it."""
        sequence = self._by_number.pop(number, None)
        probe = None if sequence is None else self._air.get(sequence)
        if sequence is None or probe is None or probe.number != number:
            return None
        if stamp_ns < probe.sent.wall_ns - _CLOCKS_APART_NS:
            return None
        self._stamps[sequence] = stamp_ns
        answer = self._held.get(sequence)
        return None if answer is None else self._land(probe, answer)

    def answered(self, answer: Answer) -> Landing | Doubt | None:
        """Take an answer; the probe lands now unless its transmit stamp is still to come."""
        message = answer.message
        if message.identifier != self._identifier or not self._token_fits(message.payload):
            self.foreign += 1
            return None
        if message.sequence is None:
            return self._answered_nameless(answer)
        return self._answered(answer, message.sequence)

    def _answered(self, answer: Answer, sequence: int) -> Landing | None:
        probe = self._air.get(sequence)
        if probe is None or not _is_about(answer, probe):
            self._count_stray(answer, sequence)
            return None
        if sequence in self._held:
            self.duplicate += 1
            return None
        if answer.stamp_ns is None or sequence in self._stamps:
            return self._land(probe, answer)
        self._held[sequence] = answer
        self._remind(answer.read.monotonic_ns + STAMP_PATIENCE_NS, probe)
        return None

    def _answered_nameless(self, answer: Answer) -> Landing | Doubt | None:
        """Take an answer without a sequence: only its address says what it is about."""
        about = [probe for probe in self._air.values() if _is_about(answer, probe)]
        match about:
            case []:
                self.late += 1
                return None
            case [probe]:
                return self._answered(answer, probe.sequence)
            case _:
                return Doubt(handles=tuple(probe.handle for probe in about))

    def settle(self, now_ns: int) -> list[Landing]:
        """Land what has waited long enough: for an answer, or for a transmit stamp."""
        landings = []
        while self._deadlines and self._deadlines[0][0] <= now_ns:
            _, sequence, number = heapq.heappop(self._deadlines)
            probe = self._air.get(sequence)
            if probe is None or probe.number != number:
                continue
            landings.append(self._land(probe, self._held.get(sequence)))
        while self._forget and self._forget[0][0] <= now_ns:
            _, sequence, probe = self._forget.popleft()
            if sequence in self._landed and self._landed[sequence][0] is probe:
                del self._landed[sequence]
        return landings

    def next_ns(self) -> int | None:
        """Return when `settle` has work next; None while nothing is in the air."""
        while self._deadlines:
            when, sequence, number = self._deadlines[0]
            probe = self._air.get(sequence)
            if probe is not None and probe.number == number:
                return when
            heapq.heappop(self._deadlines)
        return None

    def _remind(self, when_ns: int, probe: Probe) -> None:
        heapq.heappush(self._deadlines, (when_ns, probe.sequence, probe.number))

    def _token_fits(self, payload: bytes) -> bool:
        """Compare as much of the token as the answer quotes: a router may quote none of it."""
        return payload[: icmp.TOKEN_OCTETS] == self._token[: len(payload)]

    def _count_stray(self, answer: Answer, sequence: int) -> None:
        probe, was_answered = self._landed.get(sequence, (None, False))
        if probe is None or not _is_about(answer, probe):
            self.foreign += 1
        elif was_answered:
            self.duplicate += 1
        else:
            self.late += 1

    def _land(self, probe: Probe, answer: Answer | None) -> Landing:
        """Take the probe out of the air and judge its time."""
        sequence = probe.sequence
        del self._air[sequence]
        if self._by_number.get(probe.number) == sequence:
            del self._by_number[probe.number]
        self._held.pop(sequence, None)
        stamp_ns = self._stamps.pop(sequence, None)
        landing = _lost(probe)
        if answer is not None:
            landing = _judge(probe, answer, stamp_ns, self._family)
        if answer is not None and landing.outcome is Outcome.LOST:
            self.late += 1
        self._landed[sequence] = (probe, landing.outcome is not Outcome.LOST)
        self._forget.append(
            (probe.sent.monotonic_ns + probe.timeout_ns + _MEMORY_NS, sequence, probe)
        )
        return landing


def _is_about(answer: Answer, probe: Probe) -> bool:
    """Return whether the answer's addresses fit the probe."""
    if answer.message.destination is None:
        return answer.source == probe.address
    return answer.message.destination == probe.address


def _lost(probe: Probe) -> Landing:
    return Landing(
        handle=probe.handle,
        address=probe.address,
        outcome=Outcome.LOST,
        sent_wall_ns=probe.sent.wall_ns,
    )


def _judge(probe: Probe, answer: Answer, sent_stamp_ns: int | None, family: Family) -> Landing:
    """Turn an answer into its outcome and its RTT, or into REJECTED or LOST."""
    rtt_ns, stamp = _rtt(probe, answer, sent_stamp_ns)
    message = answer.message
    outcome = icmp.outcome_of(message.type, message.code, family)
    if outcome is None:
        raise AssertionError(f"an ICMP message of type {message.type} answers no probe")
    if not _is_sound(probe, answer, rtt_ns, stamp):
        outcome = Outcome.REJECTED
    elif rtt_ns > probe.timeout_ns:
        return _lost(probe)
    return Landing(
        handle=probe.handle,
        address=probe.address,
        outcome=outcome,
        sent_wall_ns=probe.sent.wall_ns,
        rtt_ns=None if outcome is Outcome.REJECTED else rtt_ns,
        stamp=None if outcome is Outcome.REJECTED else stamp,
        source=answer.source,
        icmp=(message.type, message.code),
        ttl=answer.ttl,
        mpls=message.mpls,
    )


def _rtt(probe: Probe, answer: Answer, sent_stamp_ns: int | None) -> tuple[int, Stamp]:
    """Subtract the best pair of times that belong to one clock."""
    if answer.stamp_ns is None:
        return answer.read.monotonic_ns - probe.sent.monotonic_ns, Stamp.USER
    if sent_stamp_ns is None:
        return answer.stamp_ns - probe.sent.wall_ns, Stamp.KERNEL_RX
    return answer.stamp_ns - sent_stamp_ns, Stamp.KERNEL


def _is_sound(probe: Probe, answer: Answer, rtt_ns: int, stamp: Stamp) -> bool:
    """Return whether the monotonic clock bears the RTT out."""
    bracket_ns = answer.read.monotonic_ns - probe.sent.monotonic_ns
    slew_ns = bracket_ns // _SLEW_DIVISOR
    apart_ns = (answer.read.wall_ns - probe.sent.wall_ns) - bracket_ns
    if stamp is not Stamp.USER and abs(apart_ns) > _CLOCKS_APART_NS + slew_ns:
        return False
    return 0 <= rtt_ns <= bracket_ns + slew_ns + _BRACKET_SLACK_NS
