"""What other programs print: files of theirs, and objects built from few words."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path as File
from typing import Any

from agent.records import Path, PathReply
from collector.imports import formats

FOLDER = File(__file__).parents[1] / "collector" / "imports"
"""Real output of mtr 0.95 and scamper 20211212, measured in network namespaces."""

PARIS, FRANKFURT, TARGET = "193.251.241.1", "193.251.241.22", "51.15.0.1"


def real(name: str) -> bytes:
    """Return a real file."""
    return (FOLDER / name).read_bytes()


def paths(document: object) -> list[Path]:
    """Return the paths of a document all of whose parts are readable."""
    found = both(document)
    wrong = [row for row in found if isinstance(row, formats.Unreadable)]
    assert [] == wrong
    return [row for row in found if isinstance(row, Path)]


def reasons(document: object) -> list[tuple[str, str]]:
    """Return (where, why) of the unreadable parts of a document."""
    return [(row.where, row.why) for row in both(document) if isinstance(row, formats.Unreadable)]


def both(document: object) -> list[Path | formats.Unreadable]:
    """Return everything that a document holds; it is given as octets or as a JSON value."""
    octets = document if isinstance(document, bytes) else json.dumps(document).encode()
    return list(formats.read(octets))


def heard(path: Path) -> dict[int, Sequence[str | None]]:
    """Return the addresses by TTL, None for a lost probe."""
    return {hop.ttl: [reply.address for reply in hop.replies] for hop in path.hops}


def reply(path: Path, ttl: int, number: int = 0) -> PathReply:
    """Return one reply."""
    return next(hop for hop in path.hops if hop.ttl == ttl).replies[number]


def borne(*hops: Sequence[Mapping[str, Any]], **fields: object) -> dict[str, Any]:
    """Return a `borne-path/1` object as a transcript has it."""
    return {
        "format": "borne-path/1",
        "id": "P1",
        "tool": "traceroute",
        "rtt_resolution_ns": 1000,
        "origin": None,
        "target": None,
        "hops": [{"ttl": ttl, "replies": list(replies)} for ttl, replies in enumerate(hops, 1)],
        **fields,
    }


def said(address: str, name: str | None = None, *, confirmed: bool | None = True) -> dict[str, Any]:
    """Return one reply of a `borne-path/1`."""
    checked = {} if name is None else {"name_confirmed": confirmed}
    return {"address": address, "name": name, "rtt_ns": 20_000_000, **checked}


ABROAD = borne(
    [said(PARIS, "pastr1.paris.opentransit.net")],
    [said(FRANKFURT, "ffttr6.frankfurt.opentransit.net")],
    [said(TARGET)],
    target=TARGET,
)
"""A path with a confirmed name in Frankfurt."""


def atlas(*hops: Mapping[str, Any], **fields: object) -> dict[str, Any]:
    """Return a traceroute result of RIPE Atlas (fields as its documentation names them)."""
    return {
        "fw": 5080,
        "mver": "2.6.2",
        "lts": 28,
        "type": "traceroute",
        "msm_id": 5006,
        "prb_id": 1000318,
        "timestamp": 1665720353,
        "endtime": 1665720360,
        "msm_name": "Traceroute",
        "from": "185.81.99.40",
        "src_addr": "192.168.1.2",
        "dst_addr": TARGET,
        "dst_name": "target.example",
        "af": 4,
        "proto": "UDP",
        "size": 40,
        "paris_id": 9,
        "result": list(hops),
        **fields,
    }


def node(address: str, *layers: Sequence[Mapping[str, Any]], **fields: object) -> dict[str, Any]:
    """Return a node of a scamper tracelb."""
    return {"addr": address, "linkc": 1, "links": [list(layer) for layer in layers], **fields}


def link(address: str, ttl: int, *flows: int) -> dict[str, Any]:
    """Return a link of a scamper tracelb with one answered probe for each flow."""
    answer = {"ttl": 60, "rtt": 4.5, "icmp_type": 11, "icmp_code": 0, "icmp_q_ttl": 1}
    return {
        "addr": address,
        "probes": [
            {"replyc": 1, "ttl": ttl, "attempt": 0, "flowid": flow, "replies": [answer]}
            for flow in flows
        ],
    }


SILENT = {"addr": "*"}


def tracelb(*nodes: Mapping[str, Any]) -> dict[str, Any]:
    """Return a scamper tracelb."""
    return {
        "type": "tracelb",
        "version": "0.1",
        "userid": 0,
        "method": "udp-sport",
        "src": "192.168.1.2",
        "dst": TARGET,
        "start": {"sec": 1795692704, "usec": 852807, "ftime": "2026-11-26 11:31:44"},
        "firsthop": 1,
        "nodes": list(nodes),
    }
