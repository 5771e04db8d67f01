"""Words: what agents say of each other's declared positions, by the times between them.

Rules
- Times can refute a position and never verify it: delay can always be added, so that an agent which
  is elsewhere may look as far away as it says. "Unrefuted" promises no more than its word.
"""

from typing import Final, Literal

import msgspec

from agent.records import Origin

UNTESTED: Final = "declared, untested"
REFUTED: Final = "refuted"
"""How the standing of an agent begins that is not where it says: its answers prove nothing."""
ENOUGH: Final = 2
"""Agents that must have measured a position before it counts as tested."""


class Between(msgspec.Struct, frozen=True, kw_only=True):
    """The smallest time of late from one agent to an address of another."""

    observer: str
    subject: str
    here: Origin
    """Where the observer was declared to stand."""
    there: Origin
    """The same of the subject."""
    rtt_ns: int
    resolution_ns: int
    at_ns: int
    """Start of the round, or of the batch."""


class Memory(msgspec.Struct, frozen=True, kw_only=True):
    """What a checkpoint keeps."""

    times: tuple[Between, ...] = ()
    newest_ns: int = 0
    """The latest time that came, kept or not: it says what is a day old."""


class Position(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of the declared position of an agent."""

    state: Literal["unrefuted", "untested", "refuted"] = "untested"
    by: tuple[str, ...] = ()
    """Agents whose times could have refuted it and did not; of a refuted one those that it
    contradicts."""

    @property
    def says(self) -> str:
        """Return the words that stand in a premise."""
        if self.state == "untested":
            return UNTESTED
        return f"{self.state} by {len(self.by)}"


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """What was said of an agent's position when a path was judged; a Statement keeps it."""

    agent: str
    says: str
    """`Position.says`; an agent of which nothing is kept was untested."""
