"""Bytes: `[store.retention]` of `collector.toml`: for how many days each kind and level is kept.

    [store.retention]
    windows_10s_days = 14       # what was sealed
    windows_60s_days = 60       # rollups, exact: sketches are added up
    windows_1h_days = 800
    windows_1d_days = 3660
    paths_days = 90             # every hop of every path
    verdicts_days = 800
    crossings_days = 3660
    evidence_days = 3660

Rules
- A file goes when all that it holds is older (`collector.store.dues` says than what): a clock that
  runs ahead removes nothing.
- Evidence is kept as long as the episodes that name it, or longer.
"""

from typing import Final

import msgspec

from agent.settings import Table
from collector.listed import DAY_NS, Segment

_LONGEST_DAYS: Final = 36_600
_LEAST_DAYS: Final = 2
"""A day is compacted, and rolled up, before it may go."""


class Retention(msgspec.Struct, frozen=True, kw_only=True):
    """For how many days each kind and level is kept."""

    windows_10s_days: int = 14
    windows_60s_days: int = 60
    windows_1h_days: int = 800
    windows_1d_days: int = 3660
    paths_days: int = 90
    verdicts_days: int = 800
    crossings_days: int = 3660
    evidence_days: int = 3660

    def kept_ns(self, segment: Segment) -> int:
        """Return for how long after its last row a segment is kept."""
        days: int = getattr(self, _KEYS[segment.kind, segment.level_s])
        return days * DAY_NS

    def longest_ns(self) -> int:
        """Return for how long windows are kept at the level that is kept longest."""
        days: list[int] = [
            getattr(self, name) for (kind, _), name in _KEYS.items() if kind == "windows"
        ]
        return max(days) * DAY_NS


_KEYS: Final = {
    ("windows", 10): "windows_10s_days",
    ("windows", 60): "windows_60s_days",
    ("windows", 3600): "windows_1h_days",
    ("windows", 86_400): "windows_1d_days",
    ("moments", 60): "windows_60s_days",
    ("paths", 0): "paths_days",
    ("verdicts", 0): "verdicts_days",
    ("crossings", 0): "crossings_days",
    ("evidence", 0): "evidence_days",
}


def retention(table: Table) -> Retention:
    """Return the settings of the table, the default where it names nothing.

    Raises: ConfigError.
    """
    default = Retention()
    found = Retention(
        **{
            name: table.integer(
                name, getattr(default, name), minimum=_LEAST_DAYS, maximum=_LONGEST_DAYS
            )
            for name in Retention.__struct_fields__
        }
    )
    if found.evidence_days < found.crossings_days:
        raise table.wrong(
            "evidence_days",
            f"must be {found.crossings_days} (crossings_days) at least: episodes name evidence",
        )
    table.done()
    return found
