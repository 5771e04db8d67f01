"""Decider: the shortest ways from every router to a destination, and which a flow takes.

Rules
- A way costs the sum of its links' costs in the direction of travel. All next routers that lie on
  a least way are equal: nested and uneven diamonds and meshes follow from equal sums.
- A router chooses among them by a hash of the flow and of itself (BLAKE2b): even over flows, and
  independent from router to router, so that flows split anew at every diamond.
- Where a destination stands behind several routers, the least way leads to the nearest.
"""

import heapq
from collections.abc import Iterable, Mapping
from hashlib import blake2b

Costs = Mapping[str, Mapping[str, int]]
"""Cost of the link from a router to each neighbour; every cost is above 0."""
NextRouters = dict[str, tuple[str, ...]]
"""The equal next routers of each router, in the order of their ids; none at a destination."""

_HASH_OCTETS = 8
_SALT_OCTETS = blake2b.MAX_KEY_SIZE


def next_routers(costs_back: Costs, ends: Iterable[str]) -> NextRouters:
    """Find the equal next routers toward the nearest of `ends` (Dijkstra 1959, from the end).

    `costs_back` gives for each router the neighbours that reach it, with the cost from there to
    it. Routers that reach no end are absent.
    """
    least: dict[str, int] = {}
    found: dict[str, list[str]] = {}
    frontier = [(0, end) for end in ends]
    heapq.heapify(frontier)
    while frontier:
        cost, router = heapq.heappop(frontier)
        if router in least:
            continue
        least[router] = cost
        for before, step in costs_back.get(router, {}).items():
            if before not in least:
                heapq.heappush(frontier, (cost + step, before))
    for router, cost in least.items():
        for before, step in costs_back.get(router, {}).items():
            if before in least and least[before] == cost + step:
                found.setdefault(before, []).append(router)
    return {router: tuple(sorted(found.get(router, ()))) for router in least}


def choose(flow: bytes, router: str, equals: tuple[str, ...]) -> str:
    """Return the one of `equals` that `router` sends `flow` to."""
    salt = router.encode()[-_SALT_OCTETS:]
    digest = blake2b(flow, digest_size=_HASH_OCTETS, key=salt).digest()
    return equals[int.from_bytes(digest, "big") * len(equals) >> 8 * _HASH_OCTETS]
