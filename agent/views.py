"""Words: what a person reads on a terminal: ping lines, statistics, the table of a trace."""

from collections.abc import Mapping, Sequence

import msgspec

from agent.records import Family, Hop, Outcome, PathReply, StackEntry, Stamp

_NS_PER_MS = 1_000_000
_FLOWS_SHOWN = 8
_REPLIES_SHOWN = 4
_CLEAR_BELOW = "\x1b[J"
_REFUSAL_MARKS: Mapping[tuple[Family, int], Mapping[int, str]] = {
    (4, 3): {0: "!N", 1: "!H", 2: "!P", 3: "", 9: "!X", 10: "!X", 13: "!X"},
    (6, 1): {0: "!N", 1: "!X", 3: "!H", 4: "", 5: "!X", 6: "!X"},
}
"""By family and type of unreachable, what stands for each code, as traceroute has it; a port
that nobody listens on is what a trace by datagrams hopes for, and has no mark."""
_OUTCOME_SAYS = {
    Outcome.LOST: "no answer",
    Outcome.UNREACHABLE: "destination unreachable",
    Outcome.PROHIBITED: "administratively prohibited",
    Outcome.TTL_EXCEEDED: "time to live exceeded",
    Outcome.SEND_FAILED: "this host could not send it",
    Outcome.UNRESOLVED: "no address: the name has none, or no resolver told",
    Outcome.REJECTED: "the answer's time is absurd (was the clock set?)",
}


class Statistics(msgspec.Struct, frozen=True, kw_only=True):
    """What a ping to one target came to; times are nanoseconds, None without an answer."""

    target: str
    address: str | None
    sent: int
    answered: int
    loss_ratio: float | None
    """Share of the sent probes without a reply; None where none was sent."""
    min_ns: int | None
    p50_ns: int | None
    p99_ns: int | None
    max_ns: int | None


def statistics(target: str, address: str | None, sent: int, rtts_ns: Sequence[int]) -> Statistics:
    """Sum up the replies of one target; quantiles are those of nearest rank."""
    ordered = sorted(rtts_ns)
    return Statistics(
        target=target,
        address=address,
        sent=sent,
        answered=len(ordered),
        loss_ratio=(sent - len(ordered)) / sent if sent else None,
        min_ns=_rank(ordered, 0),
        p50_ns=_rank(ordered, 50),
        p99_ns=_rank(ordered, 99),
        max_ns=_rank(ordered, 100),
    )


def _rank(ordered: Sequence[int], percent: int) -> int | None:
    """Return the smallest value that at least `percent` of the values do not exceed."""
    if not ordered:
        return None
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)]


def milliseconds(duration_ns: int) -> str:
    """Write a duration in milliseconds, to the microsecond."""
    return f"{duration_ns / _NS_PER_MS:.3f}"


def named(target: str, address: str) -> str:
    """Write a target given by name with its address, one given by address once."""
    return address if target == address else f"{target} ({address})"


def reply_line(whom: str, sequence: int, rtt_ns: int, stamp: Stamp, ttl: int | None) -> str:
    """Write one answered echo request."""
    ttl_part = "" if ttl is None else f" ttl={ttl}"
    return f"{whom}: seq={sequence}{ttl_part} time={milliseconds(rtt_ns)} ms ({stamp})"


def outcome_line(whom: str, sequence: int, outcome: Outcome, source: str | None) -> str:
    """Write what happened instead of a reply, and who said so."""
    says = _OUTCOME_SAYS.get(outcome, outcome.name.lower())
    return f"{whom}: seq={sequence} {says}" + ("" if source is None else f" (from {source})")


def statistics_lines(found: Statistics) -> list[str]:
    """Write the summary of one target."""
    whom = found.target if found.address is None else named(found.target, found.address)
    loss = "" if found.loss_ratio is None else f", {found.loss_ratio:.1%} loss"
    lines = [f"--- {whom}", f"{found.sent} sent, {found.answered} answered{loss}"]
    times = (found.min_ns, found.p50_ns, found.p99_ns, found.max_ns)
    known = [milliseconds(value) for value in times if value is not None]
    if known:
        lines.append(f"rtt min/p50/p99/max = {'/'.join(known)} ms")
    return lines


def hop_lines(hop: Hop, names: Mapping[str, str], family: Family) -> list[str]:
    """Write one hop: its address with the times of its answers, a star for each loss.

    Where several flows were traced and machines differ, each machine has its own line with the
    flows that came by; the star has the flows on which nobody answered.
    """
    several = len({reply.flow for reply in hop.replies}) > 1
    parts = _by_address(hop) if several else [list(hop.replies)]
    lines = []
    for turn, replies in enumerate(parts):
        number = "" if turn else str(hop.ttl)
        flows = f"  [{_flows(replies)}]" if len(parts) > 1 else ""
        lines.append(f"{number:>3}  {_replies(replies, names, family)}{flows}")
    return lines


def _by_address(hop: Hop) -> list[list[PathReply]]:
    """Group the replies by who answered; of a flow that was answered its losses are left out."""
    answered = {reply.flow for reply in hop.replies if reply.address is not None}
    parts: dict[str | None, list[PathReply]] = {}
    for reply in hop.replies:
        if reply.address is not None:
            parts.setdefault(reply.address, []).append(reply)
    silent = [reply for reply in hop.replies if reply.flow not in answered]
    return [*parts.values(), *([silent] if silent else [])]


def _flows(replies: Sequence[PathReply]) -> str:
    flows = sorted({reply.flow for reply in replies})
    shown = ",".join(map(str, flows[:_FLOWS_SHOWN]))
    more = len(flows) - _FLOWS_SHOWN
    return f"flow {shown} and {more} more" if more > 0 else f"flow {shown}"


def _replies(replies: Sequence[PathReply], names: Mapping[str, str], family: Family) -> str:
    """Write answers in their order, each address and label stack once where it is new."""
    parts: list[str] = []
    last: tuple[str | None, object] = (None, ())
    for reply in replies[:_REPLIES_SHOWN]:
        if reply.address is None:
            parts.append("*")
            continue
        if reply.address != last[0]:
            name = names.get(reply.address)
            parts.append(reply.address if name is None else f"{name} ({reply.address})")
        if reply.mpls and (reply.address, reply.mpls) != last:
            parts.append(_labels(reply.mpls))
        last = (reply.address, reply.mpls)
        parts.append(_time(reply, family))
    return "  ".join(parts)


def _labels(stack: Sequence[StackEntry]) -> str:
    """Write a label stack as traceroute does: label, class, bottom, TTL of each entry."""
    return "<MPLS:" + "/".join(f"L={e[0]},E={e[1]},S={e[2]},T={e[3]}" for e in stack) + ">"


def _time(reply: PathReply, family: Family) -> str:
    """Write the time of an answer, and the mark of a refusal."""
    text = "?" if reply.rtt_ns is None else f"{milliseconds(reply.rtt_ns)} ms"
    kind, code = reply.icmp or (0, 0)
    marks = _REFUSAL_MARKS.get((family, kind))
    mark = "" if marks is None else marks.get(code, f"!<{code}>")
    return f"{text} {mark}" if mark else text


def fitted(lines: Sequence[str], columns: int, rows: int) -> list[str]:
    """Return what of the lines fits on a terminal, the last ones first of all.

    A line that wraps, or a frame that scrolls, could not be drawn over again.
    """
    return [line[: columns - 1] for line in lines[-max(rows - 1, 1) :]]


def redrawn(lines: Sequence[str], drawn: int) -> str:
    """Return what replaces the `drawn` lines above the cursor by `lines` on an ANSI terminal."""
    up = f"\x1b[{drawn}F" if drawn else ""
    return up + _CLEAR_BELOW + "".join(f"{line}\n" for line in lines)
