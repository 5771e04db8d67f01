"""Words: the answer to "what is worst now": a series, and how bad its worst minute was."""

import msgspec

from agent.records import Series


class WorstRow(msgspec.Struct, frozen=True, kw_only=True):
    """One series and the highest of its p99 of a minute."""

    agent: str
    series: Series
    p99_s: float
    """Within 0.55 %."""
