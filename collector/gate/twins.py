"""Decider: two agents that use one spool, found by what they bring under one sequence.

    a batch at or below its spool's mark              is
    like the one that was stored under its sequence   a repetition: answered as stored
    unlike it                                         a twin's: refused, so that its agent keeps it
    between two that are remembered, itself not       a twin's: nothing is stored under its sequence
    before all that are remembered, and later than    a twin's: a spool that was set back measures
    the first of them by its base time                anew what it gives an old number
    before all that are remembered, and not later     a repetition, as far as anybody can tell

Rules
- A machine that was cloned, or a state directory that was copied, brings other measurements under
  sequences that are taken. To answer these as stored would lose them, and say the contrary.
- What makes a batch is what was measured: an agent may send descriptors along the second time.
- The last few of each spool are remembered, without a gap; an agent has one batch in flight. An end
  keeps them for the next start (`dump`); after a crash the journal gives what is in it.
- What is kept has a checksum: by a wrong print an agent would be refused for ever.
"""

import zlib
from collections import OrderedDict

import msgspec

from agent.records import Batch
from agent.wire import HEADER_OCTETS

REMEMBERED = 64
"""Sequences of one spool."""
READ = 512
"""What is read of each column's begin and end: no two hosts measure so many equal times."""
SPOOLS = 4
"""Spools of one agent: it has one at a time."""

_COUNT_OCTETS = 4
_CHECKSUM_OCTETS = 4


class Print(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What tells batches of one sequence apart."""

    checksum: int
    replies: int
    base_ns: int


def print_of(content: bytes, batch: Batch) -> Print:
    """Return the print of `batch`, which `agent.wire` decoded from `content`.

    It is that of the header, of how much was measured, and of some measurements; never of the
    descriptors.
    """
    checksum = zlib.crc32(memoryview(content)[: HEADER_OCTETS - _COUNT_OCTETS])
    columns = (batch.rtt_s, batch.reply_dt_ms, batch.event_dt_ms, batch.event_outcome)
    for column in columns:
        for part in (column[:READ], column[-READ:]):
            checksum = zlib.crc32(memoryview(part), checksum)  # type: ignore[arg-type]
    return Print(checksum, len(batch.rtt_s), batch.base_ns)


class _Kept(msgspec.Struct, frozen=True, array_like=True):
    """One spool."""

    agent_id: bytes
    spool_id: bytes
    stored: list[tuple[int, Print]]


class Twins:
    """The prints of what was stored last."""

    def __init__(self) -> None:
        """Begin with nothing remembered."""
        self._spools: dict[bytes, OrderedDict[bytes, OrderedDict[int, Print]]] = {}

    @classmethod
    def load(cls, octets: bytes) -> "Twins":
        """Return what `dump` gave.

        Raises:
            ValueError: The octets are not such a dump, or were changed.
        """
        checksum, rest = octets[:_CHECKSUM_OCTETS], octets[_CHECKSUM_OCTETS:]
        if int.from_bytes(checksum, "little") != zlib.crc32(rest):
            raise ValueError("its checksum does not hold")
        self = cls()
        for kept in msgspec.msgpack.decode(rest, type=list[_Kept]):
            spools = self._spools.setdefault(kept.agent_id, OrderedDict())
            spools[kept.spool_id] = OrderedDict(kept.stored)
        return self

    def dump(self) -> bytes:
        """Return all that is remembered; `load` gives it back."""
        kept = msgspec.msgpack.encode(
            [
                _Kept(agent_id, spool_id, list(stored.items()))
                for agent_id, spools in self._spools.items()
                for spool_id, stored in spools.items()
            ]
        )
        return zlib.crc32(kept).to_bytes(_CHECKSUM_OCTETS, "little") + kept

    def remember(self, batch: Batch, found: Print) -> None:
        """Remember what is stored now."""
        spools = self._spools.setdefault(batch.agent_id, OrderedDict())
        stored = spools.setdefault(batch.spool_id, OrderedDict())
        spools.move_to_end(batch.spool_id)
        stored[batch.sequence] = found
        if len(stored) > REMEMBERED:
            stored.popitem(last=False)
        if len(spools) > SPOOLS:
            spools.popitem(last=False)

    def differs(self, batch: Batch, found: Print) -> bool:
        """Return whether a batch at or below its spool's mark cannot be what was stored."""
        spools = self._spools.get(batch.agent_id)
        stored = None if spools is None else spools.get(batch.spool_id)
        if not stored:
            return False
        if batch.sequence in stored:
            return stored[batch.sequence] != found
        first, its = next(iter(stored.items()))
        return batch.sequence > first or found.base_ns > its.base_ns
