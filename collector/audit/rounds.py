"""Bytes: a stored Statement, read back into the rounds that it was made from.

Rules
- This is the inverse of `audit.evidence.statement` for what people are shown: the premise, the
  judged rounds and the limits. Wall times return from RFC 3339 text to nanoseconds.
- A Statement of another type, or one that does not decode, is refused as a whole.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from collector.audit.evidence import PREDICATE_TYPE
from collector.errors import CorruptError
from collector.nearness import Supposed
from collector.records import Judgement
from collector.wall import wall_ns


class Rounds(msgspec.Struct, frozen=True, kw_only=True):
    """What a crossing rests on."""

    premise: str
    """The sentence that every distance hangs on."""
    judgements: tuple[Judgement, ...]
    """The rounds that confirmed it, in the order of time."""
    limits: tuple[str, ...]
    """What the evidence cannot tell, a sentence each."""
    supposed: Mapping[str, tuple[str, ...]] = {}
    """What would follow of a path under a hypothesis, a sentence each, by the path's id; earlier
    software stated none."""
    redacted: bool = False
    """Whether the Statement is a redacted form: addresses and positions stand for others."""


class _Predicate(msgspec.Struct, frozen=True):
    premise: str
    judgements: tuple[dict[str, Any], ...]
    limits: tuple[str, ...]
    suppositions: tuple[dict[str, Any], ...] = ()
    redacted: dict[str, Any] | None = None


class _Statement(msgspec.Struct, frozen=True, rename={"kind": "predicateType"}):
    kind: str
    predicate: _Predicate


_DECODER: Final = msgspec.json.Decoder(_Statement)


def read(statement: bytes) -> Rounds:
    """Return the rounds of a Statement.

    Raises: CorruptError.
    """
    try:
        found = _DECODER.decode(statement)
        judgements = tuple(_judgement(row) for row in found.predicate.judgements)
        supposed = _supposed(found.predicate.suppositions)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise CorruptError(f"a Statement does not decode: {error}") from error
    if found.kind != PREDICATE_TYPE:
        raise CorruptError(f"a Statement is a {found.kind[:80]!r}, not a {PREDICATE_TYPE!r}")
    return Rounds(
        premise=found.predicate.premise,
        judgements=judgements,
        limits=found.predicate.limits,
        supposed=supposed,
        redacted=found.predicate.redacted is not None,
    )


def _supposed(rows: Iterable[dict[str, Any]]) -> dict[str, tuple[str, ...]]:
    """Return the sentences of suppositions by the id of the path."""
    found: dict[str, tuple[str, ...]] = {}
    for row in rows:
        path = str(row.get("path"))
        found[path] = (*found.get(path, ()), msgspec.convert(row, Supposed).sentence)
    return found


def _judgement(row: dict[str, Any]) -> Judgement:
    """Return one judgement; its start stands as text in canonical JSON."""
    started_ns = wall_ns(str(row.get("started_at")))
    if started_ns is None:
        raise ValueError("a judgement has no readable started_at")
    return msgspec.convert({**row, "started_ns": started_ns}, Judgement)
