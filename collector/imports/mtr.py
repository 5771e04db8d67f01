"""Bytes: the report of `mtr --json`.

    {"report": {"mtr": {"src", "dst", ...}, "hubs": [
       {"count": 1 | "1", "Best" (ms), ...,
        "host": "NAME" | "ADDRESS" | "NAME (ADDRESS)" | "???"}]}}

Rules (mtr 0.95 `ui/report.c`; 0.93 and earlier write `count` as text and times as `%.2f`)
- A hub stands for all probes of its TTL: the smallest time (`Best`) is the one that bounds
  distance, the mean bounds nothing.
- The weight of the last digit follows from what is printed: 0.95 writes five significant digits,
  older ones fewer decimals. The coarsest time of the report counts for all.
- Without `-b` or `-n` a hub with a name has no address: it answered, and nothing can be looked up.
  Such a hub goes by its name.
- Names are PTR names as mtr resolved them, not checked back.
- The target counts as reached where its address, or its very name, is among the hubs.
"""

import re
from typing import Any, Final

import msgspec

from agent.records import Path, PathReply
from collector.errors import UnreadableError
from collector.facts.networks import parse
from collector.imports import fields

_NAMED: Final = re.compile(r"(?P<name>.+) \((?P<address>[^()]+)\)")
_SILENT: Final = "???"
_SIGNIFICANT_DIGITS: Final = 5
_FINEST_DECIMALS: Final = 3


class _Hub(msgspec.Struct, frozen=True, rename={"best": "Best"}):
    count: int | str
    host: str
    best: float | None = None


class _Head(msgspec.Struct, frozen=True):
    src: str = ""
    dst: str = ""


class _Report(msgspec.Struct, frozen=True):
    hubs: list[_Hub]
    mtr: _Head = _Head()


def matches(value: dict[str, Any]) -> bool:
    """Say whether an object is a report of mtr."""
    report = value.get("report")
    return isinstance(report, dict) and "hubs" in report


def read(value: dict[str, Any]) -> Path:
    """Return the path.

    Raises:
        msgspec.ValidationError: a field has another type than mtr gives it.
        UnreadableError: a count is no TTL.
    """
    row = msgspec.convert(value["report"], _Report)
    replies: dict[int, list[PathReply]] = {}
    for hub in row.hubs:
        replies.setdefault(_count(hub.count), []).append(_reply(hub))
    found = fields.hops(replies)
    heard = [reply for hop in found for reply in hop.replies if not reply.lost]
    target = _target(row.mtr.dst, heard)
    return Path(
        id=f"mtr {row.mtr.src} to {row.mtr.dst}",
        tool="mtr",
        origin=None,
        rtt_resolution_ns=_resolution_ns([hub.best for hub in row.hubs if hub.best is not None]),
        target=row.mtr.dst or None,
        address=target,
        zone=None,
        family=fields.family([target, *(reply.address for reply in heard)]),
        protocol=fields.protocol("icmp"),
        reached=any(reply.address == target for reply in heard),
        started_at="",
        hops=found,
    )


def _count(count: int | str) -> int:
    try:
        return int(count)
    except ValueError:
        raise UnreadableError(
            f"count {str(count)[:20]!r} is no number; repair or remove the report"
        ) from None


def _reply(hub: _Hub) -> PathReply:
    if hub.host in {_SILENT, ""}:
        return fields.LOST
    rtt_ns = fields.nanoseconds(hub.best)
    if parse(hub.host) is not None:
        return PathReply(address=hub.host, rtt_ns=rtt_ns)
    both = _NAMED.fullmatch(hub.host)
    if both is not None and parse(both["address"]) is not None:
        return PathReply(address=both["address"], name=both["name"], rtt_ns=rtt_ns)
    return PathReply(address=hub.host, name=hub.host, rtt_ns=rtt_ns)


def _target(target: str, heard: list[PathReply]) -> str | None:
    """Return the target as its hub goes by, or its address, None where neither is known."""
    if parse(target) is not None:
        return next(
            (row.address for row in heard if parse(row.address or "") == parse(target)), target
        )
    named = (row for row in heard if row.name is not None and row.name.lower() == target.lower())
    return next((row.address for row in named), None)


def _resolution_ns(times_ms: list[float]) -> int:
    """Return the weight of the last digit of the coarsest time."""
    decimals = max((_decimals(time) for time in times_ms), default=0)
    whole = max((len(str(int(abs(time)))) for time in times_ms if abs(time) < 1e15), default=1)  # noqa: PLR2004 - beyond it no digit is left
    kept = min(max(decimals, 0), _SIGNIFICANT_DIGITS - whole, _FINEST_DECIMALS)
    return round(10.0 ** (6 - kept))


def _decimals(time_ms: float) -> int:
    """Return how many decimals, three at most, a printed time needs."""
    text = f"{time_ms:.{_FINEST_DECIMALS}f}".rstrip("0")
    return len(text.partition(".")[2])
