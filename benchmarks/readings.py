"""Bytes: what ping, fping, traceroute, mtr and scamper print, read into one shape.

| tool       | form                                                                   |
| ---------- | ---------------------------------------------------------------------- |
| ping       | `... icmp_seq=1 ttl=59 time=10.2 ms`                                   |
| fping      | `192.0.2.80 : 10.1 - 9.98`, one place a probe (`-C N -q`, on stderr)   |
| traceroute | ` 4  198.51.100.4 <MPLS:L=24001,E=0,S=1,T=1>  1.22 ms *  10.0.0.1 ...` |
| mtr        | `{"report": {"hubs": [{"count": 1, "host": "...", "Best": 0.39 ...`    |
| scamper    | JSON lines of type `trace`, `tracelb`                                  |
"""

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

Stack = tuple[tuple[int, int], ...]
"""Label and TTL of each entry, outermost first."""
Links = frozenset[tuple[str, str]]

_PING = re.compile(r"icmp_seq=\d+ ttl=\d+ time=([\d.]+) ms")
_TOKEN = re.compile(
    r"<(?P<stack>MPLS:[^>]*)>|(?P<rtt>[\d.]+) ms|(?P<address>[0-9a-fA-F]*[.:][^ ]*)"
)
_LABEL = re.compile(r"L=(\d+),E=\d+,S=\d+,T=(\d+)")


class Hop(NamedTuple):
    """What one TTL showed: addresses in the order of their answers, none where all was silent."""

    addresses: tuple[str, ...]
    rtts_ms: tuple[float, ...] = ()
    labels: Stack = ()


def ping(text: str) -> list[float]:
    """Return the RTT of each answer in ms."""
    return [float(found) for found in _PING.findall(text)]


def fping(text: str) -> list[float]:
    """Return the RTT of each answer of one target in ms."""
    _, _, times = text.strip().rpartition(" : ")
    return [float(word) for word in times.split() if word != "-"]


def traceroute(text: str) -> list[Hop]:
    """Return the hops of a `traceroute -n`, with the labels that `-e` shows."""
    lines = [line for line in text.splitlines() if re.match(r" *\d+ ", line)]
    return [_traceroute_hop(line.split(None, 1)[1]) for line in lines]


def _traceroute_hop(line: str) -> Hop:
    addresses: list[str] = []
    rtts_ms: list[float] = []
    labels: Stack = ()
    for token in _TOKEN.finditer(line):
        if token["stack"]:
            labels = tuple((int(label), int(ttl)) for label, ttl in _LABEL.findall(line))
        elif token["rtt"]:
            rtts_ms.append(float(token["rtt"]))
        elif token["address"] not in addresses:
            addresses.append(token["address"])
    return Hop(tuple(addresses), tuple(rtts_ms), labels)


def mtus(text: str) -> dict[int, int]:
    """Return where `traceroute --mtu` learned how much a link carries: octets by TTL."""
    return {int(ttl): int(mtu) for ttl, mtu in re.findall(r"(?m)^ *(\d+) .* F=(\d+)", text)}


def mtr(text: str) -> list[Hop]:
    """Return the hops of an `mtr -n --json`, each with its best RTT."""
    hubs = json.loads(text)["report"]["hubs"]
    return [
        Hop(()) if hub["host"] == "???" else Hop((hub["host"],), (float(hub["Best"]),))
        for hub in hubs
    ]


def mtr_losses(text: str) -> list[float]:
    """Return the loss that mtr reports for each TTL, in percent."""
    return [float(hub["Loss%"]) for hub in json.loads(text)["report"]["hubs"]]


def scamper(text: str) -> list[Hop]:
    """Return the hops of a scamper trace; a TTL without an answer is a silent hop."""
    (trace,) = _of_type(text, "trace")
    seen: dict[int, list[dict[str, Any]]] = {}
    for reply in trace.get("hops", ()):
        seen.setdefault(reply["probe_ttl"], []).append(reply)
    last = max(seen, default=0)
    return [_scamper_hop(seen.get(ttl, [])) for ttl in range(1, last + 1)]


def _scamper_hop(replies: list[dict[str, Any]]) -> Hop:
    addresses = dict.fromkeys(reply["addr"] for reply in replies)
    labels: Stack = tuple(
        (entry["mpls_label"], entry["mpls_ttl"])
        for reply in replies[:1]
        for piece in reply.get("icmpext", ())
        for entry in piece.get("mpls_labels", ())
    )
    return Hop(tuple(addresses), tuple(reply["rtt"] for reply in replies), labels)


def scamper_links(text: str) -> Links:
    """Return the links (address, address) that a scamper tracelb found."""
    (trace,) = _of_type(text, "tracelb")
    return frozenset(
        (node["addr"], link["addr"])
        for node in trace.get("nodes", ())
        for links in node.get("links", ())
        for link in links
        if "addr" in link and link["addr"] != "*"
    )


def _of_type(text: str, kind: str) -> Iterator[dict[str, Any]]:
    for line in text.splitlines():
        record = json.loads(line)
        if record.get("type") == kind:
            yield record
