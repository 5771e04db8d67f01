"""Words: what a person reads on a terminal: ping lines, statistics, the table of a trace."""

from collections.abc import Mapping, Sequence

import msgspec

from agent.records import Hop, Outcome, PathReply, Stamp

_NS_PER_MS = 1_000_000
_CLEAR_BELOW = "\x1b[J"
_UNREACHABLE_MARKS = {
    0: "!N",
    1: "!H",
    2: "!P",
    3: "!p",
    9: "!X",
    10: "!X",
    13: "!X",
}
_OUTCOME_SAYS = {
    Outcome.LOST: "no answer",
    Outcome.UNREACHABLE: "destination unreachable",
    Outcome.PROHIBITED: "administratively prohibited",
    Outcome.TTL_EXCEEDED: "time to live exceeded",
    Outcome.SEND_FAILED: "this host could not send it",
    Outcome.UNRESOLVED: "the name has no IPv4 address",
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


def hop_line(hop: Hop, names: Mapping[str, str]) -> str:
    """Write one hop: each address once, with the times of its answers; a star for a loss."""
    parts: list[str] = []
    last: str | None = None
    for reply in hop.replies:
        if reply.address is None:
            parts.append("*")
            continue
        if reply.address != last:
            name = names.get(reply.address)
            parts.append(reply.address if name is None else f"{name} ({reply.address})")
            last = reply.address
        parts.append(_time(reply))
    return f"{hop.ttl:>3}  {'  '.join(parts)}"


def _time(reply: PathReply) -> str:
    """Write the time of an answer, and the mark of a refusal as traceroute has it."""
    text = "?" if reply.rtt_ns is None else f"{milliseconds(reply.rtt_ns)} ms"
    kind, code = reply.icmp or (11, 0)
    return f"{text} {_UNREACHABLE_MARKS.get(code, f'!<{code}>')}" if kind == 3 else text  # noqa: PLR2004 - unreachable


def fitted(lines: Sequence[str], columns: int, rows: int) -> list[str]:
    """Return what of the lines fits on a terminal, the last ones first of all.

    A line that wraps, or a frame that scrolls, could not be drawn over again.
    """
    return [line[: columns - 1] for line in lines[-max(rows - 1, 1) :]]


def redrawn(lines: Sequence[str], drawn: int) -> str:
    """Return what replaces the `drawn` lines above the cursor by `lines` on an ANSI terminal."""
    up = f"\x1b[{drawn}F" if drawn else ""
    return up + _CLEAR_BELOW + "".join(f"{line}\n" for line in lines)
