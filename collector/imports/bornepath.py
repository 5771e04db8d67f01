"""Bytes: Borne's own `borne-path/1`, as agents write it and as people transcribe old traces.

Rules
- What a transcript may leave out gets a value that claims nothing: no zone, no start; reached
  only where the target's address is known and answered. What is null counts as left out.
- A start that is nowhere on Earth is refused: a reader would take it for the premise of distances.
- Without the weight of the last digit no time bounds a distance: the weight is the longest time.
- Names are confirmed where the file says so, and nowhere else.
"""

import math
from typing import Any, Final, Literal

import msgspec

from agent.records import PATH_FORMAT, Hop, Origin, Path, PathReply
from collector.errors import UnreadableError
from collector.facts.networks import parse
from collector.imports import fields

_POLE: Final = 90
_HALF_TURN: Final = 180


class _Path(msgspec.Struct, frozen=True, kw_only=True):
    """The object with everything optional that a transcript may lack."""

    format: Literal["borne-path/1"]
    id: str | int = ""
    tool: str = ""
    origin: Origin | None = None
    rtt_resolution_ns: int | float = fields.LONGEST_NS
    target: str | None = None
    address: str | None = None
    zone: str | None = None
    family: Literal[4, 6] | None = None
    protocol: str = "icmp"
    reached: bool | None = None
    started_at: str = ""
    hops: tuple[Hop, ...]
    links: tuple[tuple[str, str], ...] = ()


def matches(value: dict[str, Any]) -> bool:
    """Say whether an object is a path of this version."""
    return value.get("format") == PATH_FORMAT


def read(value: dict[str, Any]) -> Path:
    """Return the path.

    Raises:
        msgspec.ValidationError: a field has another type.
        UnreadableError: an address, a TTL or the origin is none.
    """
    row = msgspec.convert(_told(value), _Path)
    replies: dict[int, list[PathReply]] = {}
    for hop in row.hops:
        replies.setdefault(hop.ttl, []).extend(map(_timed, hop.replies))
    found = fields.hops(replies)
    heard = [reply.address for hop in found for reply in hop.replies if reply.address is not None]
    for text in heard:
        fields.address(text)
    target = row.address if row.address is not None else row.target
    if target is not None and parse(target) is None:
        target = None
    return Path(
        id=str(row.id),
        tool=row.tool,
        origin=None if row.origin is None else _origin(row.origin),
        rtt_resolution_ns=math.ceil(row.rtt_resolution_ns),
        target=row.target,
        address=target,
        zone=row.zone,
        family=row.family or fields.family([target, *heard]),
        protocol=fields.protocol(row.protocol),
        reached=fields.answered(target, found) if row.reached is None else row.reached,
        started_at=row.started_at,
        hops=found,
        links=row.links,
    )


def _told(value: dict[str, Any]) -> dict[str, Any]:
    """Return a path without its nulls, nor those of its hops and replies."""
    path: dict[str, Any] = _members(value)
    if isinstance(path.get("hops"), list):
        path["hops"] = [_hop(hop) for hop in path["hops"]]
    return path


def _hop(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    hop = _members(value)
    if isinstance(hop, dict) and isinstance(hop.get("replies"), list):
        hop["replies"] = [_reply(reply) for reply in hop["replies"]]
    return hop


def _reply(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Return a reply whose time is whole: a fraction of a nanosecond counts as one."""
    reply = _members(value)
    if isinstance(reply, dict) and isinstance(reply.get("rtt_ns"), float):
        reply["rtt_ns"] = math.ceil(reply["rtt_ns"])
    return reply


def _members(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    if not isinstance(value, dict):
        return value
    return {key: member for key, member in value.items() if member is not None}


def _timed(reply: PathReply) -> PathReply:
    """Return a reply without a time that is none."""
    if reply.rtt_ns is None or 0 <= reply.rtt_ns <= fields.LONGEST_NS:
        return reply
    return msgspec.structs.replace(reply, rtt_ns=None)


def _origin(origin: Origin) -> Origin:
    """Return a position on Earth.

    Raises: UnreadableError.
    """
    on_earth = abs(origin.latitude) <= _POLE and abs(origin.longitude) <= _HALF_TURN
    if not (on_earth and origin.radius_km >= 0):
        raise UnreadableError(
            f"its origin {origin.latitude:g}, {origin.longitude:g} (within {origin.radius_km:g} "
            "km) is no position on Earth; repair it, or give null"
        )
    return origin
