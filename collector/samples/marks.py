"""Decider: which batches were counted: the last sequence of each spool of each agent.

    a batch of                       | the marks of its agent
    a spool that is known            | its mark moves, it is the newest
    another one, less than `SPOOLS`  | one more
    another one, `SPOOLS` are there  | the one that was quiet longest is forgotten, one more

Rules
- An agent has one spool, for as long as it keeps its state directory. One that loses it at each
  start (a container without a volume) has a spool for each, and never comes back to one before.
- So to forget the quietest loses nothing: counted twice would be a batch whose acknowledgement got
  lost, and that comes again after 64 other spools of its agent have delivered. To refuse new spools
  would lose what such an agent measures.
- After a start those that were not heard since are the quieter ones, in the order of their ids.
"""

from collections.abc import Mapping
from typing import Final

SPOOLS: Final = 64
"""Of one agent."""

Spool = tuple[bytes, bytes]
"""(agent id, spool id)."""


class Marks:
    """The marks of all agents."""

    def __init__(self, kept: Mapping[Spool, int]) -> None:
        """Begin with what a checkpoint kept."""
        self._of: dict[bytes, dict[bytes, int]] = {}
        for (agent_id, spool_id), sequence in kept.items():
            self.move(agent_id, spool_id, sequence)

    def last(self, agent_id: bytes, spool_id: bytes) -> int:
        """Return the last sequence of a spool that was counted; -1 for none."""
        return self._of.get(agent_id, {}).get(spool_id, -1)

    def is_crowded(self, agent_id: bytes, spool_id: bytes) -> bool:
        """Return whether to move the mark of this spool is to forget another one's."""
        known = self._of.get(agent_id, {})
        return len(known) >= SPOOLS and spool_id not in known

    def move(self, agent_id: bytes, spool_id: bytes, sequence: int) -> None:
        """Note that a batch is counted."""
        known = self._of.setdefault(agent_id, {})
        known.pop(spool_id, None)  # so that whoever was quiet longest comes first
        known[spool_id] = sequence
        if len(known) > SPOOLS:
            del known[next(iter(known))]

    def all(self) -> dict[Spool, int]:
        """Return every mark."""
        return {
            (agent_id, spool_id): sequence
            for agent_id, known in self._of.items()
            for spool_id, sequence in known.items()
        }
