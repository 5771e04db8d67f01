"""Words: one way through the box: the legs a packet crosses, and where its TTL may run out.

Rules
- A node is told by a string: `r:ID` a router, `g:AGENT` a site's gateway, `a:AGENT` an agent's
  host, `t:ADDRESS@ROUTER` a target or the resolver where it stands behind that router.
- A way has one stop for each TTL that it takes; the last is its end. Routers that a tunnel hides
  are crossed without a stop.
"""

import enum
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import NamedTuple

from deploy.lab.world import Tunnel

Labels = tuple[tuple[int, int, int], ...]
"""A label stack, the outermost first: (label, traffic class, TTL)."""
NO_LIMIT_OCTETS = 65_535


class Kind(enum.Enum):
    """What stands at the end of a leg."""

    ROUTER = "router"
    GATEWAY = "gateway"
    TARGET = "target"
    RESOLVER = "resolver"
    AGENT = "agent"


class Leg(NamedTuple):
    """One step of a way: the node it reaches and what the way there does to a packet."""

    node: str
    address: bytes
    kind: Kind
    delay_ns: int
    mtu: int = NO_LIMIT_OCTETS
    loss_ratio: float = 0.0
    jitter_ns: int = 0
    heavy: bool = False

    @property
    def is_steady(self) -> bool:
        """Tell whether every packet crosses, and in the same time."""
        return not self.loss_ratio and not self.jitter_ns


class Stop(NamedTuple):
    """Where a TTL runs out: the leg that leads there, and how the router sees the packet.

    `labels` came with the packet and are shown in the error; `ttl` stands in the IP header that
    is quoted; an error turns back at the end of leg `turns_at`.
    """

    leg: int
    labels: Labels
    ttl: int
    turns_at: int


class Way(NamedTuple):
    """The legs from one node to an address."""

    legs: tuple[Leg, ...]
    stops: tuple[Stop, ...]
    delays_ns: tuple[int, ...]
    """One-way delay to the end of each leg, without jitter."""
    risks: tuple[int, ...]
    """The legs that lose packets or delay them unevenly."""
    mtu: int

    @property
    def spent(self) -> int:
        """Return how much the TTL of a packet has fallen when it reaches the end."""
        return len(self.stops) - 1


def way(start: str, legs: Sequence[Leg], tunnels: Mapping[str, Sequence[Tunnel]]) -> Way:
    """Put legs from `start` together; `tunnels` are given by the node of their ingress."""
    return Way(
        legs=tuple(legs),
        stops=tuple(_stops(start, legs, tunnels)),
        delays_ns=tuple(accumulate(leg.delay_ns for leg in legs)),
        risks=tuple(index for index, leg in enumerate(legs) if not leg.is_steady),
        mtu=min(leg.mtu for leg in legs),
    )


def _stops(start: str, legs: Sequence[Leg], tunnels: Mapping[str, Sequence[Tunnel]]) -> list[Stop]:
    """List the stops; node `n` of the way is the end of leg `n - 1`."""
    nodes = [start, *(leg.node for leg in legs)]
    plain = {index: Stop(index, (), 1, index) for index in range(len(legs))}
    node = 0
    while node < len(nodes):
        tunnel = _entered(nodes, node, tunnels.get(nodes[node], ()))
        if tunnel is None:
            node += 1
            continue
        egress = node + len(tunnel.routers) - 1
        for depth in range(1, len(tunnel.routers) - 1):
            stop = _inside(tunnel, depth, node, egress)
            if stop is None:
                del plain[node + depth - 1]
            else:
                plain[stop.leg] = stop
        node = egress
    return [plain[index] for index in sorted(plain)]


def _entered(nodes: Sequence[str], node: int, tunnels: Sequence[Tunnel]) -> Tunnel | None:
    """Return the longest tunnel whose routers follow each other from `node` on."""
    fitting = [
        tunnel
        for tunnel in tunnels
        if [f"r:{router}" for router in tunnel.routers] == nodes[node : node + len(tunnel.routers)]
    ]
    return max(fitting, key=lambda tunnel: len(tunnel.routers), default=None)


def _inside(tunnel: Tunnel, depth: int, ingress: int, egress: int) -> Stop | None:
    """Return the stop at the router `depth` steps behind the ingress, None where it is hidden.

    The ingress copies the IP TTL, already one less, into every label it pushes (RFC 3443 §3.1);
    each router inside takes one from the outermost alone. What arrives with 1 there has still
    `depth` in the labels below and in the IP header.
    """
    if not tunnel.propagate_ttl:
        return None
    given = tunnel.labels[depth - 1]
    stack = (given,) if isinstance(given, int) else given
    labels = tuple((label, 0, depth if below else 1) for below, label in enumerate(stack))
    leg = ingress + depth - 1
    turns_at = egress - 1 if tunnel.replies_via_end else leg
    return Stop(leg, labels if tunnel.extensions else (), depth, turns_at)
