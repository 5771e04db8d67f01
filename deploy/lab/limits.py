"""Decider: how many ICMP errors a router sends: the token buckets of Linux.

Rules
- For each destination: time passes into the bucket, an error costs 1 / rate of it, and never more
  than `burst` errors' worth is kept (Linux, `inet_peer_xrlim_allow`; burst 6 there).
- For all together: where no credit is left and 20 ms have passed, it is refilled with whole errors
  for that time, of a second at most, and never beyond the burst (Linux 6.12 and later,
  `icmp_global_allow`, without the random part of `icmp_global_consume`).
- The common one is asked first, and pays only where the destination's own allows the error too.
  What says that a packet was too big is not limited.
- A bucket is full at first. Time that runs back adds nothing.
"""

from deploy.lab.world import NS_PER_S, Router

_REFILL_NS = NS_PER_S // 50


class Limits:
    """The buckets of every router of a scenario."""

    def __init__(self) -> None:
        """Begin with every bucket full."""
        self._peers: dict[tuple[str, bytes], tuple[int, int]] = {}
        self._all: dict[str, tuple[int, int]] = {}

    def allow(self, router: Router, destination: bytes, now_ns: int) -> bool:
        """Tell whether `router` may send `destination` an error now, and count it if so."""
        if router.limit_all_per_s is not None and not self._refilled(
            router.id, router.limit_all_per_s, router.limit_all_burst, now_ns
        ):
            return False
        if router.limit_per_s is not None and not self._allow_peer(
            router, destination, router.limit_per_s, now_ns
        ):
            return False
        if router.limit_all_per_s is not None:
            credit, last_ns = self._all[router.id]
            self._all[router.id] = credit - 1, last_ns
        return True

    def _allow_peer(
        self, router: Router, destination: bytes, rate_per_s: float, now_ns: int
    ) -> bool:
        price_ns = round(NS_PER_S / rate_per_s)
        most_ns = price_ns * router.limit_burst
        key = (router.id, destination)
        saved_ns, last_ns = self._peers.get(key, (most_ns, now_ns))
        saved_ns = min(most_ns, saved_ns + max(0, now_ns - last_ns))
        allowed = saved_ns >= price_ns
        self._peers[key] = (saved_ns - price_ns * allowed, max(now_ns, last_ns))
        return allowed

    def _refilled(self, router: str, rate_per_s: float, burst: int, now_ns: int) -> bool:
        """Refill a router's common bucket where it is time; tell whether there is credit."""
        credit, last_ns = self._all.get(router, (burst, now_ns))
        passed_ns = min(now_ns - last_ns, NS_PER_S)
        if not credit and passed_ns >= _REFILL_NS:
            refill = int(rate_per_s * passed_ns / NS_PER_S)
            # Less than one error's worth of time is kept, or a slow bucket would never fill.
            credit, last_ns = (min(burst, refill), now_ns) if refill else (0, last_ns)
        self._all[router] = credit, last_ns
        return credit > 0
