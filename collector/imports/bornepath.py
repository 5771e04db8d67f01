"""Bytes: Borne's own `borne-path/1`, as agents write it and as people transcribe old traces.

Rules
- What a transcript may leave out gets a value that claims nothing: no zone, no start; reached
  only where the target's address is known and answered.
- Names are confirmed where the file says so, and nowhere else.
"""

from typing import Any, Literal

import msgspec

from agent.records import PATH_FORMAT, Hop, Origin, Path, PathReply
from collector.imports import fields
from collector.networks import parse


class _Path(msgspec.Struct, frozen=True, kw_only=True):
    """The object with everything optional that a transcript may lack."""

    format: Literal["borne-path/1"]
    id: str = ""
    tool: str = ""
    origin: Origin | None
    rtt_resolution_ns: int
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
        UnreadableError: an address or a TTL is none.
    """
    row = msgspec.convert(value, _Path)
    replies: dict[int, list[PathReply]] = {}
    for hop in row.hops:
        replies.setdefault(hop.ttl, []).extend(hop.replies)
    found = fields.hops(replies)
    heard = [reply.address for hop in found for reply in hop.replies if reply.address is not None]
    for text in heard:
        fields.address(text)
    target = row.address if row.address is not None else row.target
    if target is not None and parse(target) is None:
        target = None
    return Path(
        id=row.id,
        tool=row.tool,
        origin=row.origin,
        rtt_resolution_ns=row.rtt_resolution_ns,
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
