"""Words: how near an address was to an agent, and what follows where it was near to two.

Rules
- Both are records of what was measured, under the premise that each agent stands where it is
  declared; a Statement keeps them beside the paths that they were used for.
"""

import msgspec

from agent.records import Origin


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
