"""Words: findings of administration: foreign groups that control what a path crosses.

Rules
- A finding is no crossing: packets may never have left, and who controls a router says nothing of
  where they went. It has a list, a metric and sentences of its own.
"""

import msgspec

from agent.records import Family


class ForeignGroup(msgspec.Struct, frozen=True, kw_only=True):
    """A group outside the jurisdiction that holds a hop of the path."""

    name: str
    country: str
    """ISO 3166-1 alpha-2 code of its seat."""
    on_soil: bool
    """True where a hop of it stands inside the jurisdiction, as its place is known."""


class HolderFinding(msgspec.Struct, frozen=True, kw_only=True):
    """An episode in which groups outside the demanded jurisdiction held hops of a path."""

    id: str
    agent: str
    target: str
    family: Family
    zone: str
    jurisdiction: str
    """Demanded on the axis of administration."""
    groups: tuple[ForeignGroup, ...]
    """Those of the newest round that showed it, in the order of the path."""
    reasons: tuple[str, ...]
    """What that round rests on: a sentence for each of the worst flow's hops."""
    path: str
    """Id of the path of that round."""
    first_seen_ns: int
    confirmed_ns: int | None
    """Start of the round that confirmed it; None while it is only suspected."""
    ended_ns: int | None
    """Start of the first of the two rounds that ended it; None while it goes on."""
    rounds: int
    evidence: str | None = None
    """SHA-256 (hex) of the Statement of the rounds that confirmed it; None until it is stored, and
    for those that an earlier release confirmed."""
