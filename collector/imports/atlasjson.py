"""Bytes: a traceroute result of RIPE Atlas.

    {"type": "traceroute", "msm_id", "prb_id", "timestamp", "from": the probe as the platform saw
     it, "src_addr", "dst_addr", "dst_name", "af", "proto", "paris_id", "result": [
       {"hop": 1, "result": [{"from", "rtt" (ms), "ttl", "size", "err", "icmpext"} | {"x": "*"}]}
       | {"hop": 2, "error": "..."}]}

Rules (the platform's documentation of firmware 4400 and later, "Data structure: traceroute")
- Times have three decimals of a millisecond. PTR names are not in the data.
- `paris_id` is the flow of all probes of a result.
- A reply with `late` answers an earlier probe: it has no time, and it counts at this TTL only
  where the address answered in time at no other.
- After a gap a probe tries TTL 255 alone, to see whether the target answers. Silence there is
  left out; an answer stands after the last TTL that was tried in order, as its distance is unknown.
- The position of the probe is not in the data: no distance without `--origin`.
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from agent.records import Path, PathReply
from collector.errors import UnreadableError
from collector.imports import fields

_LAST_TRY: Final = 255
_UNREACHABLE: Final = {"N": 0, "H": 1, "P": 2, "p": 3, "F": 4, "h": 10, "A": 13}
"""Codes of ICMP destination unreachable (type 3, RFC 792, RFC 1812 section 5.2.7.1)."""


class _Label(msgspec.Struct, frozen=True):
    label: int = 0
    exp: int = 0
    s: int = 0
    ttl: int = 0


class _Object(msgspec.Struct, frozen=True):
    mpls: list[_Label] = []


class _Extension(msgspec.Struct, frozen=True):
    obj: list[_Object] = []


class _Reply(msgspec.Struct, frozen=True, rename={"address": "from"}):
    address: str | None = None
    rtt: float | None = None
    ttl: int | None = None
    late: int | None = None
    err: str | int | None = None
    icmpext: _Extension = _Extension()


class _Hop(msgspec.Struct, frozen=True):
    hop: int | None = None
    result: list[_Reply] = []


class _Result(msgspec.Struct, frozen=True):
    result: list[_Hop]
    msm_id: int | None = None
    prb_id: int | None = None
    timestamp: float | None = None
    src_addr: str | None = None
    dst_addr: str | None = None
    dst_name: str | None = None
    af: int | None = None
    proto: str = "ICMP"
    paris_id: int = 0


def matches(value: dict[str, Any]) -> bool:
    """Say whether an object is a measurement of the platform, of whatever type."""
    return "prb_id" in value and "msm_id" in value


def read(value: dict[str, Any]) -> Path:
    """Return the path.

    Raises:
        msgspec.ValidationError: a field has another type than the platform gives it.
        UnreadableError: it is no traceroute, or an address or a TTL is none.
    """
    if value.get("type", "traceroute") != "traceroute":
        raise UnreadableError(
            f"is a RIPE Atlas {str(value['type'])[:20]!r} result and has no hops; "
            "give results of type 'traceroute'"
        )
    row = msgspec.convert(value, _Result)
    found = fields.hops(_replies(row))
    return Path(
        id=f"atlas-{row.msm_id}-{row.prb_id}-{_whole(row.timestamp)}",
        tool=f"RIPE Atlas probe {row.prb_id}",
        origin=None,
        rtt_resolution_ns=fields.MICROSECOND_NS,
        target=row.dst_name or row.dst_addr or None,
        address=fields.address(row.dst_addr) if row.dst_addr else None,
        zone=None,
        family=6 if row.af == 6 else 4,  # noqa: PLR2004 - an address family
        protocol=fields.protocol(row.proto),
        reached=fields.answered(row.dst_addr, found),
        started_at=fields.started(row.timestamp),
        hops=found,
    )


def _whole(timestamp: float | None) -> str:
    return "undated" if timestamp is None else f"{timestamp:.0f}"


def _replies(row: _Result) -> dict[int, list[PathReply]]:
    """Return the replies by TTL, late ones and the last try put where the rules say."""
    hops = [hop for hop in row.result if hop.hop is not None]
    in_time = {
        (reply.address, hop.hop) for hop in hops for reply in hop.result if reply.late is None
    }
    seen = {address for address, _ in in_time}
    replies: dict[int, list[PathReply]] = {}
    for hop in hops:
        kept = [
            reply
            for reply in hop.result
            if reply.late is None
            or reply.address not in seen
            or (reply.address, hop.hop) in in_time
        ]
        _put(replies, hop.hop or 0, [_reply(reply, row) for reply in kept])
    return replies


def _put(replies: dict[int, list[PathReply]], ttl: int, found: Sequence[PathReply]) -> None:
    last = max(replies, default=0)
    if ttl == _LAST_TRY and last < _LAST_TRY - 1:
        if all(reply.lost for reply in found):
            return
        ttl = last + 1
    replies.setdefault(ttl, []).extend(found)


def _reply(reply: _Reply, row: _Result) -> PathReply:
    if not reply.address:
        return msgspec.structs.replace(fields.LOST, flow=row.paris_id)
    code = _UNREACHABLE.get(str(reply.err))
    return PathReply(
        address=fields.address(reply.address),
        rtt_ns=None if reply.late is not None else fields.nanoseconds(reply.rtt),
        flow=row.paris_id,
        icmp=None if code is None or row.af == 6 else (3, code),  # noqa: PLR2004 - a family
        mpls=tuple(
            (label.label, label.exp, label.s, label.ttl)
            for part in reply.icmpext.obj
            for label in part.mpls
        ),
        reply_ttl=reply.ttl,
    )
