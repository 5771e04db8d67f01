"""Decider: what is to be done to the store: hours and days that are over, and what is too old.

    what        when                                             what takes its place
    spread      a loose file has rows of several hours           loose files of an hour each
    gathered    more sealed and loose files than are read at     one loose file
                once: those of the hour that has most
    hour        an hour is over, and all of it is settled        a file a level: 10 s, 60 s, 1 h
    day         a day is over, and all of it is settled          a file a level, 1 d among them
    amended     late rows came to such a day, and a day since    the same files, with these rows
                was compacted: once a day, or many late files
    joined      paths, verdicts, crossings of such an hour, day  one file
    expired     all of a file is older than it is kept           nothing

Rules
- One thing at a time, the most urgent first; what is done changes the list, then it is asked again.
- "Now" is the collector's clock, but never more than a day after the newest row: a clock that runs
  ahead neither closes hours nor removes anything.
- A level of a day that went is not begun again with the late rows alone.
- A sealed file that a sink is still owed is left alone, and its hour with it, until the sink's
  backlog is exceeded.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, Literal, NamedTuple

from collector.listed import DAY_NS, HOUR_NS, LEVELS_S, Kind, Segment
from collector.settings.retention import Retention

MANY: Final = 256
"""Late files of a day that are not left to wait."""

AT_ONCE: Final = 96
"""Files that are read at once: a row group of each is in memory, 0.7 MB."""

What = Literal["spread", "gathered", "hour", "day", "joined", "expired"]
Held = Callable[[Segment], bool]
"""Whether a sink is still owed a sealed segment."""

_JOINED: Final[tuple[Kind, ...]] = ("paths", "verdicts", "crossings")
_RAW: Final = frozenset({"sealed", "loose"})


class Due(NamedTuple):
    """One thing to be done to segments."""

    what: What
    segments: tuple[Segment, ...]
    """What is replaced, in the order of the list."""


def due(
    segments: Sequence[Segment], now_ns: int, settle_ns: int, retention: Retention, held: Held
) -> Due | None:
    """Return what is to be done next; None where nothing is.

    `settle_ns` after its end an hour is over: until then its windows may be open.
    """
    newest_ns = max((segment.last_ns for segment in segments), default=now_ns)
    now_ns = min(now_ns, newest_ns + DAY_NS)
    found = _expired(segments, now_ns, retention)
    windows = [segment for segment in segments if segment.kind == "windows"]
    for what in (_spread(windows), *_windows(windows, now_ns - settle_ns, held)):
        found = found or what
    for kind in _JOINED:
        of_kind = [segment for segment in segments if segment.kind == kind]
        found = found or _joined(of_kind, now_ns - settle_ns)
    return found


def _expired(segments: Sequence[Segment], now_ns: int, retention: Retention) -> Due | None:
    """Return what is older than it is kept; windows of an open day are rolled up before they go."""
    old = tuple(
        segment
        for segment in segments
        if not (segment.kind == "windows" and segment.stage != "day")
        and segment.last_ns < now_ns - retention.kept_ns(segment)
    )
    return Due("expired", old) if old else None


def _spread(windows: Sequence[Segment]) -> Due | None:
    for segment in windows:
        if segment.stage == "loose" and _hour(segment) != segment.last_ns // HOUR_NS:
            return Due("spread", (segment,))
    return None


def _windows(windows: Sequence[Segment], settled_ns: int, held: Held) -> Iterator[Due | None]:
    """Yield the hours and days to compact, oldest first."""
    days = _grouped(windows, _day)
    closed = max((s.serial for s in windows if s.stage == "day"), default=0)
    for day, of_day in sorted(days.items()):
        raw = [segment for segment in of_day if segment.stage in _RAW]
        done = any(segment.stage == "day" for segment in of_day)
        if not done:
            compacted = {_hour(segment) for segment in of_day if segment.stage == "hour"}
            for hour, of_hour in sorted(_grouped(raw, _hour).items()):
                if hour not in compacted and _ready(
                    of_hour, (hour + 1) * HOUR_NS, settled_ns, held
                ):
                    yield _gathered(of_hour) or Due("hour", tuple(of_hour))
        late = done and (len(raw) >= MANY or any(segment.serial < closed for segment in raw))
        over_ns = (day + 1) * DAY_NS + HOUR_NS
        if (late or not done) and _ready(raw, over_ns, settled_ns, held):
            yield _gathered(raw) or Due("day", tuple(of_day))


def _gathered(raw: Sequence[Segment]) -> Due | None:
    """Return files of one hour that become one first, None where there are not too many."""
    if len(raw) <= AT_ONCE:
        return None
    fullest = max(_grouped(raw, _hour).values(), key=len)
    return Due("gathered", tuple(fullest[:AT_ONCE])) if len(fullest) > 1 else None


def _ready(raw: Sequence[Segment], end_ns: int, settled_ns: int, held: Held) -> bool:
    return end_ns <= settled_ns and not any(
        segment.stage == "sealed" and held(segment) for segment in raw
    )


def _joined(segments: Sequence[Segment], settled_ns: int) -> Due | None:
    """Return files of one hour, then of one day, that are joined; a single one stays as it is."""
    for stages, of, length_ns in ((_RAW, _hour, HOUR_NS), (_RAW | {"hour"}, _day, DAY_NS)):
        loose = [segment for segment in segments if segment.stage in stages]
        for number, found in sorted(_grouped(loose, of).items()):
            if len(found) > 1 and (number + 1) * length_ns <= settled_ns:
                return Due("joined", tuple(found))
    return None


def stage_of(joined: Sequence[Segment]) -> Literal["hour", "day"]:
    """Return what the file that takes the place of `joined` is."""
    raw = all(segment.stage in _RAW for segment in joined)
    return "hour" if raw and len({_hour(segment) for segment in joined}) == 1 else "day"


def levels_left(of_day: Sequence[Segment], listed: Iterable[Segment]) -> tuple[int, ...]:
    """Return the levels at which a day is kept: all, or those that retention left of it.

    `listed` are all segments, also those that cannot be read: their levels are no others'.
    """
    day = _day(of_day[0])
    left = {
        segment.level_s
        for segment in listed
        if segment.kind == "windows" and segment.stage == "day" and _day(segment) == day
    }
    return tuple(level_s for level_s in LEVELS_S if not left or level_s in left)


def _grouped(
    segments: Iterable[Segment], key: Callable[[Segment], int]
) -> dict[int, list[Segment]]:
    groups: dict[int, list[Segment]] = {}
    for segment in segments:
        groups.setdefault(key(segment), []).append(segment)
    return groups


def _hour(segment: Segment) -> int:
    return segment.first_ns // HOUR_NS


def _day(segment: Segment) -> int:
    return segment.first_ns // DAY_NS
