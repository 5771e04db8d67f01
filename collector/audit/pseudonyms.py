"""Decider: what stands in a redacted Statement for agents and addresses that nobody is to know.

| what                                             | becomes                                    |
| ------------------------------------------------ | ------------------------------------------ |
| name and id of an agent, id of a path            | a salted hash                              |
| address of a special range (private, shared ...) | another one of the range, by a salted hash |
| address that answers at TTL 1, an agent's own    | another one that stands in the same rows   |

Rules
- A pseudonym is an address: the paths are judged again by the same rows, as if it were the real
  one.
- The same address has the same pseudonym in one Statement, no two have the same.
- Where the tables hold no other address for the same rows, there is no pseudonym, and it is said.
"""

import hashlib
import hmac
from collections.abc import Iterable, Iterator, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final

from agent.records import Path
from collector.audit.redaction import Redactor
from collector.errors import UnreadableError
from collector.facts.knowledge import Knowledge
from collector.facts.networks import Address, parse
from collector.judgement.sightings import canonical

_TRIES: Final = 256
_AROUND_BITS: Final = {4: 8, 6: 80}
"""An address that stands in no row gets one of its own /24 or /48."""
_GATEWAY_TTL: Final = 1
_ID_OCTETS: Final = 16

Span = tuple[int, int]
"""First and last address, as numbers."""


class Pseudonyms:
    """What stands for what in one Statement."""

    def __init__(self, salt: bytes, worlds: Sequence[Knowledge], own: Iterable[str] = ()) -> None:
        """Hash with `salt`; a pseudonym stands in the same rows in all `worlds`.

        `own` are addresses of agents, wherever they stand.
        """
        self._salt = salt
        self._worlds = worlds
        self._own = {canonical(address) for address in own}
        self._hidden: dict[str, str] = {}
        self._words = Redactor(salt, worlds[0].networks)

    def agent(self, name: str) -> str:
        """Return what stands for the name of an agent."""
        return self._words.token("agent", name)

    def agent_id(self, octets: bytes) -> bytes:
        """Return what stands for the id of an agent."""
        return self._hash(f"id {octets.hex()}")[:_ID_OCTETS]

    def path(self, ident: str) -> str:
        """Return what stands for the id of a path, which holds its target."""
        return self._words.token("path", ident)

    def name(self, name: str) -> str:
        """Return what stands for the name of a target whose address is hidden."""
        return self._words.token("name", name)

    def learn(self, paths: Iterable[Path]) -> None:
        """Find a pseudonym for every address on the paths that is to be hidden.

        Raises:
            UnreadableError: there is none for one of them.
        """
        for address in sorted({one for path in paths for one in self._private(path)}):
            if address not in self._hidden:
                self._hidden[address] = self._pseudonym(address)

    def hides(self, address: str | None) -> bool:
        """Say whether an address has a pseudonym."""
        return address is not None and canonical(address) in self._hidden

    def address(self, address: str) -> str:
        """Return what stands for an address: itself, where nobody need not know it."""
        return self._hidden.get(canonical(address), address)

    def _private(self, path: Path) -> Iterator[str]:
        target = None if path.address is None else canonical(path.address)
        told = [(0, text) for text in (path.address, path.target) if text and parse(text)]
        told += [
            (hop.ttl, reply.address)
            for hop in path.hops
            for reply in hop.replies
            if reply.address is not None
        ]
        for ttl, text in told:
            address = canonical(text)
            gateway = ttl == _GATEWAY_TTL and address != target
            if gateway or address in self._own or self._special(address):
                yield address

    def _special(self, address: str) -> bool:
        return any(world.networks.special(address) is not None for world in self._worlds)

    def _pseudonym(self, text: str) -> str:
        address = ip_address(text)
        first, last = self._span(address)
        taken = {*self._hidden.values(), text}
        for number in range(_TRIES):
            offset = int.from_bytes(self._hash(f"{text} {number}")[:16]) % (last - first + 1)
            found = _written(address, first + offset)
            if found not in taken and self._rows(found) == self._rows(text):
                return found
        if first == last and self._special(text):
            return text  # a special range of one address tells nothing of who uses it
        raise UnreadableError(
            f"has no redacted form: no other address stands in the same rows as one at the "
            f"agent's own side ({_TRIES} were tried)"
        )

    def _span(self, address: Address) -> Span:
        """Return the addresses that may stand in all rows that hold `address`."""
        around = 1 << _AROUND_BITS[address.version]
        here = int(address)
        wide = (here // around * around, here // around * around + around - 1)
        spans = [span for world in self._worlds for span in _spans(address, world)]
        if not spans:
            return wide
        return max(span[0] for span in spans), min(span[1] for span in spans)

    def _rows(self, address: str) -> list[object]:
        """Return every row that holds an address, in all worlds."""
        return [
            row
            for world in self._worlds
            for row in (
                world.networks.special(address),
                world.networks.holder(address),
                world.networks.origin(address),
                world.networks.registrant(address),
                world.exchange(address),
                world.anycast_range(address),
                world.cloud(address),
                *world.imported(address),
            )
        ]

    def _hash(self, text: str) -> bytes:
        return hmac.new(self._salt, text.encode(), hashlib.sha256).digest()


def _spans(address: Address, world: Knowledge) -> Iterator[Span]:
    text = str(address)
    networks = world.networks
    prefixed = (
        networks.special(text),
        networks.holder(text),
        world.exchange(text),
        world.anycast_range(text),
    )
    for row in prefixed:
        if row is not None:
            network = ip_network(row.prefix)
            yield int(network.network_address), int(network.broadcast_address)
    ranges = networks.origin(text), networks.registrant(text), world.cloud(text)
    for ends in (*ranges, *world.imported(text)):
        if ends is not None:
            yield int(ip_address(ends.first)), int(ip_address(ends.last))


def _written(like: Address, number: int) -> str:
    return str(IPv4Address(number) if like.version == 4 else IPv6Address(number))  # noqa: PLR2004
