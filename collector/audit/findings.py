"""Words: what a verification of a Statement found.

Rules
- A place in a Statement is written as `predicate.paths[0].hops[2].ttl`, elements counted from 0.
- Other programs read these words as JSON: a field may be added, none changes its meaning or goes.
"""

from typing import Any, Literal, TypeAlias

import msgspec

from collector.records import PathVerdict

Json: TypeAlias = Any
Result: TypeAlias = Literal["consistent", "inconsistent", "other rules"]


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """One place that is not as it must be."""

    path: str
    found: Json = None
    recomputed: Json = None
    kind: Literal["differs", "missing", "unexpected", "digest", "form", "unusable"] = "differs"
    says: str
    """One clause for people, with the path as its subject."""


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was looked at."""

    what: str
    agrees: bool | None
    """None: it could not be checked."""
    says: str


class RoundVerdicts(msgspec.Struct, frozen=True, kw_only=True):
    """What was recomputed of one round."""

    path: str
    started_at: str
    verdicts: tuple[PathVerdict, ...]


class Verification(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one Statement."""

    sha256: str
    result: Result
    rules: str
    version: str
    """Of the software that made it."""
    premise: str
    crossing: Json
    """As it stands in the Statement; null where that is about a finding."""
    finding: Json = None
    """Of administration, as it stands in the Statement; null where that is about a crossing."""
    checks: tuple[Check, ...]
    differences: tuple[Difference, ...]
    rounds: tuple[RoundVerdicts, ...]
    """Recomputed; empty where nothing could be."""
