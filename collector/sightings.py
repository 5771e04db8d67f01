"""Decider: what one path shows of each address: its TTLs, names and smallest time.

Rules
- A hop is one address at one TTL. Addresses of one TTL are put in the order of the numbers, so
  the order of replies never matters.
- A TTL at which nothing answered is silent, also where the path does not list it at all: nothing
  was heard from there either.
- Once the target answered, higher TTLs tell nothing about the way: its further answers and the
  silence after it are left out; other addresses there stay.
- Names and times of an address hold for the whole path, whatever the TTL of the reply.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from agent.records import Path, PathReply
from collector.discs import usable_ns
from collector.networks import parse

_HIGHEST_TTL: Final = 255


@dataclass(slots=True)
class Sighting:
    """One address of a path."""

    names: dict[str, bool | None] = field(default_factory=dict)
    """PTR names; True where confirmed by every reply that checked, False where refuted."""
    rtt_min_ns: int | None = None

    def take(self, reply: PathReply) -> None:
        """Add what `reply` says of the address."""
        rtt_ns = usable_ns(reply.rtt_ns)
        if rtt_ns is not None and (self.rtt_min_ns is None or rtt_ns < self.rtt_min_ns):
            self.rtt_min_ns = rtt_ns
        if reply.name is not None:
            known = self.names.get(reply.name)
            checked = [value for value in (known, reply.name_confirmed) if value is not None]
            self.names[reply.name] = all(checked) if checked else None

    @property
    def confirmed(self) -> tuple[str, ...]:
        """Return the confirmed names in alphabetical order."""
        return tuple(sorted(name for name, checked in self.names.items() if checked))

    @property
    def unconfirmed(self) -> tuple[str, ...]:
        """Return the other names in alphabetical order."""
        return tuple(sorted(name for name, checked in self.names.items() if not checked))


@dataclass(frozen=True, slots=True)
class Sightings:
    """A path, ordered."""

    hops: tuple[tuple[int, str | None], ...]
    """(TTL, address) in the order of the way; the address is None at a silent TTL."""
    addresses: Mapping[str, Sighting]
    target: str | None
    """The address that was probed, written as in `hops`; None where it is unknown."""
    samples: int
    """Probes that were answered."""


def canonical(address: str) -> str:
    """Return the usual writing of an address, the text itself where it is none."""
    parsed = parse(address)
    return address if parsed is None else str(parsed)


def sight(path: Path) -> Sightings:
    """Return what `path` shows."""
    heard: dict[int, set[str]] = defaultdict(set)
    addresses: dict[str, Sighting] = defaultdict(Sighting)
    samples = 0
    for hop in path.hops:
        heard[hop.ttl].update()
        for reply in hop.replies:
            if reply.address is None or reply.lost:
                continue
            samples += 1
            address = canonical(reply.address)
            heard[hop.ttl].add(address)
            addresses[address].take(reply)
    target = _target(path)
    return Sightings(
        hops=_ordered(_with_gaps(heard), target),
        addresses=dict(addresses),
        target=target,
        samples=samples,
    )


def _target(path: Path) -> str | None:
    if path.address is not None:
        return canonical(path.address)
    if path.target is not None and parse(path.target) is not None:
        return canonical(path.target)
    return None


def _with_gaps(heard: Mapping[int, set[str]]) -> dict[int, set[str]]:
    """Return `heard` with every TTL from 1 to the highest."""
    listed = [ttl for ttl in heard if 1 <= ttl <= _HIGHEST_TTL]
    whole = {ttl: set[str]() for ttl in range(1, max(listed, default=0) + 1)}
    return {**whole, **heard}


def _ordered(
    heard: Mapping[int, set[str]], target: str | None
) -> tuple[tuple[int, str | None], ...]:
    end = min((ttl for ttl, found in heard.items() if target in found), default=None)
    hops: list[tuple[int, str | None]] = []
    for ttl in sorted(heard):
        found = heard[ttl]
        if end is not None and ttl > end:
            hops.extend((ttl, address) for address in sorted(found - {target or ""}, key=_order))
        elif found:
            hops.extend((ttl, address) for address in sorted(found, key=_order))
        else:
            hops.append((ttl, None))
    return tuple(hops)


def _order(address: str) -> tuple[int, int, str]:
    parsed = parse(address)
    return (0, 0, address) if parsed is None else (parsed.version, int(parsed), "")
