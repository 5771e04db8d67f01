"""Bytes: `trace` and `tracelb` objects of scamper, as `scamper -O json` and `sc_warts2json` write.

    {"type": "trace", "method", "src", "dst", "start": {"sec", "usec"}, "firsthop", "hop_count",
     "hops": [{"addr", "name", "probe_ttl", "rtt" (ms), "reply_ttl", "icmp_type", "icmp_code",
               "icmpext": [{"ie_cn", "ie_ct", "mpls_labels": [{"mpls_ttl", ...}]}]}]}
    {"type": "tracelb", ..., "nodes": [{"addr", "name", "links": [SET, ...]}]}

Rules (scamper `scamper_trace_json.c`, `scamper_tracelb_json.c`)
- Times have three decimals of a millisecond. A probe without an answer is in no list: what was
  tried and stayed silent follows from `firsthop` and `hop_count`.
- A node with several links has one SET, the addresses at the next TTL. A node with one link has
  a SET for each TTL up to the next address; a SET of `{"addr": "*"}` is silent.
- The nodes where a `tracelb` begins are in no SET: they answered one TTL before, at a time that is
  not written, to each flow of their links.
- `flowid` is the flow; two addresses in neighbouring SETs are a link.
- Names are PTR names, not checked back.
"""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from agent.records import Path, PathReply
from collector.errors import UnreadableError
from collector.imports import fields

_SILENT: Final = "*"
_FRAMES: Final = ("cycle-start", "cycle-stop", "cycle-def")
_TYPES: Final = ("trace", "tracelb")


class _Label(msgspec.Struct, frozen=True):
    mpls_label: int = 0
    mpls_exp: int = 0
    mpls_s: int = 0
    mpls_ttl: int = 0


class _Extension(msgspec.Struct, frozen=True):
    mpls_labels: list[_Label] = []


class _Hop(msgspec.Struct, frozen=True):
    addr: str
    probe_ttl: int
    name: str | None = None
    rtt: float | None = None
    reply_ttl: int | None = None
    icmp_type: int | None = None
    icmp_code: int | None = None
    icmpext: list[_Extension] = []


class _Start(msgspec.Struct, frozen=True):
    sec: int | None = None
    usec: int = 0


class _Trace(msgspec.Struct, frozen=True):
    dst: str
    method: str = ""
    start: _Start = _Start()
    firsthop: int = 1
    hop_count: int = 0
    hops: list[_Hop] = []


class _Answer(msgspec.Struct, frozen=True):
    rtt: float | None = None
    ttl: int | None = None
    icmp_type: int | None = None
    icmp_code: int | None = None


class _Probe(msgspec.Struct, frozen=True):
    ttl: int
    flowid: int = 0
    replies: list[_Answer] = []


class _Link(msgspec.Struct, frozen=True):
    addr: str
    probes: list[_Probe] = []


class _Node(msgspec.Struct, frozen=True):
    addr: str
    links: list[list[_Link]] = []
    name: str | None = None


class _Balanced(msgspec.Struct, frozen=True):
    dst: str
    method: str = ""
    start: _Start = _Start()
    firsthop: int = 1
    nodes: list[_Node] = []


def matches(value: dict[str, Any]) -> bool:
    """Say whether an object is one of scamper's, of whatever type."""
    kind = value.get("type")
    if not isinstance(kind, str):
        return False
    return kind in _FRAMES or (kind in _TYPES and "dst" in value) or "userid" in value


def is_frame(value: dict[str, Any]) -> bool:
    """Say whether an object only marks the begin or the end of a list of measurements."""
    return value.get("type") in _FRAMES


def read(value: dict[str, Any]) -> Path:
    """Return the path.

    Raises:
        msgspec.ValidationError: a field has another type than scamper gives it.
        UnreadableError: it is no trace, or an address or a TTL is none.
    """
    match value.get("type"):
        case "trace":
            return _trace(msgspec.convert(value, _Trace))
        case "tracelb":
            return _balanced(msgspec.convert(value, _Balanced))
        case kind:
            raise UnreadableError(
                f"is a scamper {str(kind)[:20]!r} and has no hops; give 'trace' or 'tracelb'"
            )


def _trace(row: _Trace) -> Path:
    last = min(row.hop_count, fields.HIGHEST_TTL)
    replies: dict[int, list[PathReply]] = {ttl: [] for ttl in range(max(row.firsthop, 1), last + 1)}
    for hop in row.hops:
        replies.setdefault(hop.probe_ttl, []).append(
            PathReply(
                address=fields.address(hop.addr),
                name=hop.name,
                rtt_ns=fields.nanoseconds(hop.rtt),
                icmp=_icmp(hop),
                mpls=tuple(
                    (label.mpls_label, label.mpls_exp, label.mpls_s, label.mpls_ttl)
                    for part in hop.icmpext
                    for label in part.mpls_labels
                ),
                reply_ttl=hop.reply_ttl,
            )
        )
    return _path(row, replies)


def _balanced(row: _Balanced) -> Path:
    names = {node.addr: node.name for node in row.nodes}
    inner = {link.addr for node in row.nodes for layer in node.links for link in layer}
    replies: dict[int, list[PathReply]] = defaultdict(list)
    links: dict[tuple[str, str], None] = {}
    for node in row.nodes:
        ttl = _ttl(node, row.firsthop)
        if node.addr not in inner and node.addr != _SILENT:
            replies[ttl].extend(_first(node))
        before = [node.addr]
        for offset, layer in enumerate(node.links, 1):
            replies[ttl + offset].extend(_answers(layer, names))
            now = [link.addr for link in layer]
            links.update(
                {(one, two): None for one in before for two in now if _SILENT not in {one, two}}
            )
            before = now
    return _path(row, replies, tuple(links))


def _path(
    row: _Trace | _Balanced,
    replies: dict[int, list[PathReply]],
    links: tuple[tuple[str, str], ...] = (),
) -> Path:
    found = fields.hops(replies)
    seconds = row.start.sec
    started_at = fields.started(None if seconds is None else seconds + row.start.usec / 1e6)
    return Path(
        id=f"{row.dst}@{started_at}",
        tool=f"scamper {row.method}".rstrip(),
        origin=None,
        rtt_resolution_ns=fields.MICROSECOND_NS,
        target=row.dst,
        address=fields.address(row.dst),
        zone=None,
        family=fields.family([row.dst]),
        protocol=fields.protocol(row.method),
        reached=fields.answered(row.dst, found),
        started_at=started_at,
        hops=found,
        links=links,
    )


def _ttl(node: _Node, first: int) -> int:
    """Return the TTL of a node, from the probes of its links; `first` where they are silent."""
    for offset, layer in enumerate(node.links, 1):
        for link in layer:
            for probe in link.probes:
                return probe.ttl - offset
    return first


def _first(node: _Node) -> list[PathReply]:
    """Return the answers of a node where the trace begins."""
    flows = {probe.flowid for layer in node.links for link in layer for probe in link.probes} or {0}
    address = fields.address(node.addr)
    return [PathReply(address=address, name=node.name, flow=flow) for flow in sorted(flows)]


def _answers(layer: list[_Link], names: dict[str, str | None]) -> Iterator[PathReply]:
    """Yield the answers at one TTL; addresses that another node names get its name."""
    for link in layer:
        if link.addr == _SILENT:
            continue
        address = fields.address(link.addr)
        for probe in link.probes:
            for answer in probe.replies:
                yield PathReply(
                    address=address,
                    name=names.get(link.addr),
                    rtt_ns=fields.nanoseconds(answer.rtt),
                    flow=probe.flowid,
                    icmp=_icmp(answer),
                    reply_ttl=answer.ttl,
                )


def _icmp(reply: _Hop | _Answer) -> tuple[int, int] | None:
    if reply.icmp_type is None or reply.icmp_code is None:
        return None
    return reply.icmp_type, reply.icmp_code
