"""Decider: which segments of which level answer a question about windows.

Rules
- All that came is in the sealed and loose segments, or in each level of the hour or day that it was
  compacted into (`collector.listed`): these segments, and one level of those, are everything.
- The coarsest level whose width divides the step is taken, for the whole windows within the range;
  what is left at its edges comes from finer levels.
- Where retention has left no level that is fine enough, the finest that is there is taken: a window
  belongs to the range and the step in which it starts.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from collector.listed import DAY_NS, LEVELS_S, Segment

_S_NS = 1_000_000_000


class Piece(NamedTuple):
    """Segments of which the windows that start in [from_ns, to_ns) are asked for."""

    names: tuple[str, ...]
    level_s: int
    from_ns: int
    to_ns: int
    raw: bool = False
    """Whether they are in no level but their own: sealed and loose ones."""


def pieces(
    segments: Iterable[Segment], from_ns: int, to_ns: int, step_ns: int | None
) -> list[Piece]:
    """Return what answers a question about [from_ns, to_ns) in steps; None: in one step."""
    raw: list[Segment] = []
    days: dict[int, list[Segment]] = {}
    for segment in segments:
        if segment.kind == "windows" and segment.stage in {"hour", "day"}:
            days.setdefault(segment.first_ns // DAY_NS, []).append(segment)
        elif segment.kind == "windows" and _overlaps(segment, from_ns, to_ns):
            raw.append(segment)
    found = (
        [Piece(tuple(s.name for s in raw), LEVELS_S[0], from_ns, to_ns, raw=True)] if raw else []
    )
    for day, of_day in sorted(days.items()):
        begin_ns = max(from_ns, day * DAY_NS)
        found += _of_day(of_day, begin_ns, min(to_ns, (day + 1) * DAY_NS), step_ns)
    return found


def _of_day(
    segments: Sequence[Segment], from_ns: int, to_ns: int, step_ns: int | None
) -> Iterator[Piece]:
    """Yield the pieces of a day; `segments` are all of it, also those outside the range."""
    there = sorted({segment.level_s for segment in segments}, reverse=True)
    fit = [level_s for level_s in there if step_ns is None or not step_ns % (level_s * _S_NS)]
    for level_s, begin_ns, end_ns in _cover(fit or there[-1:], from_ns, to_ns):
        names = tuple(
            segment.name
            for segment in segments
            if segment.level_s == level_s and _overlaps(segment, begin_ns, end_ns)
        )
        if names:
            yield Piece(names, level_s, begin_ns, end_ns)


def _overlaps(segment: Segment, from_ns: int, to_ns: int) -> bool:
    return segment.last_ns >= from_ns and segment.first_ns < to_ns


def _cover(levels_s: Sequence[int], from_ns: int, to_ns: int) -> Iterator[tuple[int, int, int]]:
    """Yield (level, begin, end) that make up a range, from coarse levels to fine ones."""
    if from_ns >= to_ns:
        return
    level_s, finer = levels_s[0], levels_s[1:]
    width_ns = level_s * _S_NS
    begin_ns, end_ns = -(-from_ns // width_ns) * width_ns, to_ns // width_ns * width_ns
    if not finer:
        yield level_s, from_ns, to_ns
    elif begin_ns >= end_ns:
        yield from _cover(finer, from_ns, to_ns)
    else:
        yield from _cover(finer, from_ns, begin_ns)
        yield level_s, begin_ns, end_ns
        yield from _cover(finer, end_ns, to_ns)
