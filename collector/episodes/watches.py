"""Words: where the watches over episodes stand, as a checkpoint keeps them, old versions too."""

from collections.abc import Mapping
from enum import Enum
from typing import Literal, TypeAlias

import msgspec

from agent.records import Family
from collector.records import Crossing

Pair: TypeAlias = tuple[str, str, Family]
"""(agent, target, family)."""


class Way(msgspec.Struct, frozen=True, kw_only=True):
    """How one flow of the newest round outside went abroad."""

    abroad: tuple[str, ...] = ()
    """Addresses that were outside."""
    around: Mapping[int, tuple[str, ...]] = {}
    """Addresses by TTL, from the answer before the first of them to the answer after the last."""
    reached: bool = True


Ways: TypeAlias = Mapping[int, Way]
"""By the number of the flow."""


class State(Enum):
    """Where a watch stands."""

    CLEAR = "clear"
    SUSPECTED = "suspected"
    CONFIRMED = "confirmed"
    ENDING = "ending"


class Watch(msgspec.Struct, kw_only=True):
    """One (agent, target, family, jurisdiction)."""

    state: State = State.CLEAR
    episode: str | None = None
    """Id of the crossing that is suspected or under way."""
    returned_ns: int | None = None
    """Start of the first returned round; of use while ENDING."""
    ways: dict[int, Way] = {}


class Dump(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a restart needs."""

    version: Literal[2] = 2
    crossings: list[Crossing]
    watches: list[tuple[str, str, Family, str, Watch]]
    newest_ns: list[tuple[str, str, Family, int]]


class Watch1(msgspec.Struct, kw_only=True):
    """A watch of the first version: one flow, no family but 4."""

    state: State
    episode: str | None
    returned_ns: int | None
    way: Way

    def now(self) -> Watch:
        """Return the same as the present version has it."""
        return Watch(
            state=self.state,
            episode=self.episode,
            returned_ns=self.returned_ns,
            ways={0: self.way},
        )


class Dump1(msgspec.Struct, frozen=True, kw_only=True):
    """The first version."""

    version: Literal[1]
    crossings: list[Crossing]
    watches: list[tuple[str, str, str, Watch1]]
    newest_ns: list[tuple[str, str, int]]

    def now(self) -> Dump:
        """Return the same as the present version has it."""
        return Dump(
            crossings=self.crossings,
            watches=[(agent, to, 4, name, old.now()) for agent, to, name, old in self.watches],
            newest_ns=[(agent, to, 4, at_ns) for agent, to, at_ns in self.newest_ns],
        )


class _Version(msgspec.Struct, frozen=True):
    version: int


def decode(state: bytes) -> Dump:
    """Return what was kept, of this version or of the one before.

    Raises:
        msgspec.DecodeError: the octets are not such a dump.
    """
    if msgspec.msgpack.decode(state, type=_Version).version == 1:
        return msgspec.msgpack.decode(state, type=Dump1).now()
    return msgspec.msgpack.decode(state, type=Dump)
