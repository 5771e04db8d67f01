"""Decider: what one path shows of each flow, and of each address: its names and smallest time.

Rules
- A hop is one address at one TTL. Addresses of one TTL are put in the order of the numbers, so
  the order of replies never matters.
- Each flow is a way of its own. A TTL at which nothing answered it is silent, also where the path
  does not list it at all: nothing was heard from there either. It ends at the highest TTL that
  the path lists for it; a TTL listed without any probe is listed for all flows.
- Once the target answered a flow, higher TTLs tell nothing about its way: the target's further
  answers and the silence after it are left out; other addresses there stay.
- Names and times of an address hold for the whole path, whatever the TTL or flow of the reply.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Final, TypeAlias

import msgspec

from agent.records import Path, PathReply
from collector.facts.networks import parse
from collector.judgement.discs import usable_ns

_HIGHEST_TTL: Final = 255
_UNHEARD: Final = object()
_KEPT: Final = 1 << 14
"""Addresses whose writing is kept: paths cross the same routers again and again."""


class Sighting(msgspec.Struct):
    """One address of a path."""

    names: dict[str, bool | None] = {}
    """PTR names; True where confirmed by every reply that checked, False where refuted."""
    rtt_min_ns: int | None = None

    def take(self, reply: PathReply) -> None:
        """Add what `reply` says of the address."""
        rtt_ns, least_ns = reply.rtt_ns, self.rtt_min_ns
        if rtt_ns is not None and (least_ns is None or rtt_ns < least_ns) and usable_ns(rtt_ns):
            self.rtt_min_ns = rtt_ns
        name, told = reply.name, reply.name_confirmed
        if name is not None and self.names.get(name, _UNHEARD) is not told:
            known = self.names.get(name)
            self.names[name] = known if told is None else told and known is not False

    @property
    def confirmed(self) -> tuple[str, ...]:
        """Return the confirmed names in alphabetical order."""
        return tuple(sorted(name for name, checked in self.names.items() if checked))

    @property
    def unconfirmed(self) -> tuple[str, ...]:
        """Return the other names in alphabetical order."""
        return tuple(sorted(name for name, checked in self.names.items() if not checked))


class Trace(msgspec.Struct, frozen=True):
    """One flow of a path."""

    hops: tuple[tuple[int, str | None], ...]
    """(TTL, address) in the order of the way; the address is None at a silent TTL."""
    samples: int
    """Probes that were answered."""


class Sightings(msgspec.Struct, frozen=True):
    """A path, ordered."""

    flows: Mapping[int, Trace]
    """By the number of the flow, rising; one at least."""
    addresses: Mapping[str, Sighting]
    target: str | None
    """The address that was probed, written as in `hops`; None where it is unknown."""

    @property
    def hops(self) -> tuple[tuple[int, str | None, tuple[int, ...]], ...]:
        """Return (TTL, address, flows) of all flows, silence behind the answers of its TTL."""
        if len(self.flows) == 1:
            ((flow, only),) = self.flows.items()
            flows = (flow,)
            return tuple([(ttl, address, flows) for ttl, address in only.hops])
        found: dict[tuple[int, str | None], list[int]] = defaultdict(list)
        for flow, trace in self.flows.items():
            for hop in dict.fromkeys(trace.hops):
                found[hop].append(flow)
        return tuple((*hop, tuple(found[hop])) for hop in sorted(found, key=_place))


_Heard: TypeAlias = dict[int, set[str]]
"""The addresses that answered a flow, by TTL; none where only silence was heard."""
_SILENCE: Final[frozenset[str]] = frozenset()


@lru_cache(_KEPT)
def canonical(address: str) -> str:
    """Return the usual writing of an address, the text itself where it is none."""
    parsed = parse(address)
    return address if parsed is None else str(parsed)


def sight(path: Path) -> Sightings:
    """Return what `path` shows."""
    heard: dict[int, _Heard] = defaultdict(lambda: defaultdict(set))
    samples: Counter[int] = Counter()
    addresses: dict[str, Sighting] = defaultdict(Sighting)
    writings: dict[str, tuple[str, Sighting]] = {}
    for hop in path.hops:
        ttl = hop.ttl
        for reply in hop.replies:
            flow, writing = reply.flow, reply.address
            found = heard[flow][ttl]
            if writing is None or reply.lost:
                continue
            samples[flow] += 1
            known = writings.get(writing)
            if known is None:
                address = canonical(writing)
                known = writings[writing] = address, addresses[address]
            address, sighting = known
            found.add(address)
            sighting.take(reply)
    unprobed = [hop.ttl for hop in path.hops if not hop.replies]
    target = _target(path)
    return Sightings(
        flows={
            flow: Trace(hops=_ordered(heard[flow], unprobed, target), samples=samples[flow])
            for flow in sorted(heard) or [0]
        },
        addresses=dict(addresses),
        target=target,
    )


def _target(path: Path) -> str | None:
    if path.address is not None:
        return canonical(path.address)
    if path.target is not None and parse(path.target) is not None:
        return canonical(path.target)
    return None


def _ordered(
    heard: _Heard, unprobed: Sequence[int], target: str | None
) -> tuple[tuple[int, str | None], ...]:
    """Return the hops of a flow, every TTL from 1 to the highest among them."""
    hops: list[tuple[int, str | None]] = []
    reached = False
    for ttl in _without_gaps({*heard, *unprobed}):
        found = heard.get(ttl, _SILENCE)
        if reached:
            hops += [(ttl, address) for address in _in_order(found - {target})]
        elif found:
            hops += [(ttl, address) for address in _in_order(found)]
            reached = target in found
        else:
            hops.append((ttl, None))
    return tuple(hops)


def _without_gaps(listed: set[int]) -> Sequence[int]:
    """Return the TTLs in order, with every one from 1 to the highest that there can be."""
    ttls = sorted(listed)
    if ttls and ttls[0] == 1 and ttls[-1] == len(ttls):
        return ttls
    highest = max((ttl for ttl in ttls if 1 <= ttl <= _HIGHEST_TTL), default=0)
    return sorted(listed.union(range(1, highest + 1)))


def _in_order(addresses: Collection[str]) -> Iterable[str]:
    return addresses if len(addresses) == 1 else sorted(addresses, key=_order)


def _place(hop: tuple[int, str | None]) -> tuple[int, bool, tuple[int, int, str]]:
    ttl, address = hop
    return ttl, address is None, _order(address or "")


def _order(address: str) -> tuple[int, int, str]:
    parsed = parse(address)
    return (0, 0, address) if parsed is None else (parsed.version, int(parsed), "")
