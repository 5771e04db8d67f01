"""Words: a segment as the catalogue lists it.

A windows segment passes through stages; whoever replaces one names all that take its place:

    sealed   rows of 10 s as a checkpoint wrote them, of one hour, or late ones of many; sinks are
             owed them
    loose    rows of 10 s of any hours that no sink is owed
    hour     everything of one hour that had come by then, at its level
    day      the same of one day

Hour and day hold the same rows at each level that they have, so that a question takes one level of
them; sealed and loose rows are in no level but their own, and add up with every other.
"""

from typing import Final, Literal

import msgspec

Kind = Literal["windows", "moments", "paths", "verdicts", "crossings", "evidence"]
Stage = Literal["sealed", "loose", "hour", "day"]

SEALED_S: Final = 10
"""Width of the windows that a checkpoint seals: the finest level."""
LEVELS_S: Final = (SEALED_S, 60, 3600, 86_400)
"""Widths of windows that the store keeps, from fine to coarse; each divides the next."""
HOUR_NS: Final = 3_600_000_000_000
DAY_NS: Final = 24 * HOUR_NS


class Segment(msgspec.Struct, frozen=True, kw_only=True):
    """One file."""

    name: str
    kind: Kind
    level_s: int = 0
    """Width of its windows; 0 for what is no windows."""
    stage: Stage = "sealed"
    rows: int
    octets: int
    first_ns: int
    """Start of its earliest row."""
    last_ns: int
    """Start of its latest row."""
    serial: int = 0
    """Rises with each file that is listed, and is never used again; 0 before it is listed."""
