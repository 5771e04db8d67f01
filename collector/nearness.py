"""Words: how near an address was to an agent, and what follows: a proof, or two machines.

Rules
- All are records of what was measured, under the premise that each agent stands where it is
  declared; a Statement keeps them beside the paths that they were used for.
"""

from typing import Literal

import msgspec

from agent.records import Origin, Protocol, Stamp


class Nearness(msgspec.Struct, frozen=True, kw_only=True):
    """How near an address was to one agent: its smallest time of late."""

    agent: str
    origin: Origin
    rtt_ns: int
    resolution_ns: int
    started_ns: int
    """Start of the round."""


class Several(msgspec.Struct, frozen=True, kw_only=True):
    """An address that was near two agents which are too far apart for one machine."""

    address: str
    seen: tuple[Nearness, Nearness]
    distance_km: float
    """Between the agents, both radii already subtracted."""
    reach_km: float
    """How far light in vacuum comes in half of both times together."""


class Landmark(msgspec.Struct, frozen=True, kw_only=True):
    """How near an address was to an agent that pinged it because the plan asked for it."""

    address: str
    agent: str
    origin: Origin
    rtt_ns: int
    samples: int
    """Answers that bear the time out."""
    protocol: Protocol
    stamp: Stamp
    sent_ns: int
    """When the first of the pings left."""


class Proved(msgspec.Struct, frozen=True, kw_only=True):
    """The numbers of a proof about one address; lengths to the metre."""

    jurisdiction: str
    word: Literal["inside", "outside"]
    agent: str
    """Whose answer it was; its position is the premise."""
    rtt_ns: int
    """As measured."""
    bound_ns: int
    """With all that is uncertain about it added."""
    distance_km: float
    """To the nearest soil on the other side, with all that is uncertain subtracted."""
    uncertain_km: float
    """How much that was: the agent's radius and the tolerance of the borders."""
    allowed_km: float
    """How far light comes; less than the distance."""
    nearest: tuple[float, float] | None
    """Latitude and longitude of that soil; None where there is none on Earth."""


class Supposed(msgspec.Struct, frozen=True, kw_only=True):
    """What distance and time would prove under a hypothesis, and do not: it decides nothing."""

    hypothesis: str
    jurisdiction: str
    kind: Literal["outside", "inside", "contained"]
    ttl: int
    address: str
    flow: int | None
    """Which flow had no time to leave; None where the words are about the address."""
    says: str
    """One sentence for people, which names the hypothesis."""

    @property
    def sentence(self) -> str:
        """Return it for people, with what it is about."""
        if self.kind == "contained":
            flow = f"flow {self.flow} to {self.address}"
            return f"{flow} would have had no time to leave {self.jurisdiction}: {self.says}"
        where = f"hop {self.ttl} ({self.address})"
        return f"{where} would be {self.kind} {self.jurisdiction}: {self.says}"
