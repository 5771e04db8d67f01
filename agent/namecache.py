"""Decider: which addresses need a PTR look-up now, and what is known of the others.

Each address is in one of three states; this table is what runs:

    state      want                      settle, silent   abandon
    unknown    in flight, answers DUE    known            unknown
    in flight  in flight, answers ASKED  known            unknown
    known      known, answers the Name   known, replaced  known

An entry that has expired is unknown again.

Rules
- What a resolver said is kept for an hour at least, "there is no name" as well: agents ask for
  the names of other people's addresses and must not ask often (design.md, "Strangers").
- Where nobody answered, or nobody about the name found, the address is left alone for a minute:
  an hour without its confirmation would be an hour without evidence.
- The cache is bounded: on overflow what expires first is forgotten.
"""

from collections.abc import Mapping
from enum import Enum, auto

import msgspec

from agent.records import Hop, Path, PathReply

NS_PER_S = 1_000_000_000
FLOOR_NS = 3600 * NS_PER_S
"""The shortest time that a name, or its absence, is kept."""
CEILING_NS = 24 * FLOOR_NS
"""The longest time: a resolver's TTL may promise weeks."""
SILENCE_NS = 60 * NS_PER_S
"""How long an address is left alone where nobody answered."""


class Name(msgspec.Struct, frozen=True):
    """What DNS says about an address."""

    name: str | None
    """The PTR name; None where there is none."""
    confirmed: bool | None
    """True where the name resolves back to the address; None where that was not checked."""


NAMELESS = Name(None, None)


def named(path: Path, known: Mapping[str, Name]) -> Path:
    """Return `path` with the names that are known of the addresses of its replies."""

    def tell(reply: PathReply) -> PathReply:
        found = known.get(reply.address or "", NAMELESS)
        return msgspec.structs.replace(reply, name=found.name, name_confirmed=found.confirmed)

    hops = (Hop(ttl=hop.ttl, replies=tuple(map(tell, hop.replies))) for hop in path.hops)
    return msgspec.structs.replace(path, hops=tuple(hops))


class Lookup(Enum):
    """What `want` answers where nothing is known."""

    DUE = auto()
    """The caller must look the address up and then call `settle` or `silent`."""
    ASKED = auto()
    """Somebody is looking it up already."""


class NameCache:
    """The names of at most `limit` addresses."""

    def __init__(self, *, floor_ns: int = FLOOR_NS, limit: int = 20_000) -> None:
        """Make an empty cache whose entries live `floor_ns` at least (tests shorten it)."""
        self._floor_ns = floor_ns
        self._limit = limit
        self._known: dict[str, tuple[int, Name]] = {}
        self._asked: set[str] = set()

    def __len__(self) -> int:
        return len(self._known)

    def peek(self, address: str, now_ns: int) -> Name:
        """Return what is known of `address` without asking; `NAMELESS` where nothing is."""
        expires_ns, name = self._known.get(address, (now_ns, NAMELESS))
        return name if expires_ns > now_ns else NAMELESS

    def want(self, address: str, now_ns: int) -> Name | Lookup:
        """Return what is known of `address`, or whether its look-up is due."""
        expires_ns, name = self._known.get(address, (now_ns, NAMELESS))
        if expires_ns > now_ns:
            return name
        if address in self._asked:
            return Lookup.ASKED
        self._asked.add(address)
        return Lookup.DUE

    def settle(self, address: str, name: Name, ttl_s: int, now_ns: int) -> None:
        """Keep what DNS said for `ttl_s`, an hour at least and a day at most."""
        life_ns = max(self._floor_ns, min(ttl_s * NS_PER_S, CEILING_NS))
        self._keep(address, name, now_ns + life_ns)

    def silent(self, address: str, now_ns: int, name: Name = NAMELESS) -> None:
        """Leave `address` alone for a minute: nobody answered, or nobody about its `name`."""
        self._keep(address, name, now_ns + min(SILENCE_NS, self._floor_ns))

    def abandon(self, address: str) -> None:
        """Forget that `address` is being looked up, where nothing came of it."""
        self._asked.discard(address)

    def _keep(self, address: str, name: Name, expires_ns: int) -> None:
        self._asked.discard(address)
        self._known[address] = (expires_ns, name)
        if len(self._known) > self._limit:
            self._forget()

    def _forget(self) -> None:
        """Forget the eighth of the entries that expires first, so that sorting is rare."""
        first = sorted(self._known, key=lambda address: self._known[address][0])
        for address in first[: 1 + self._limit // 8]:
            del self._known[address]
