"""Decider: what is to be done to the store: hours and days that are over, and what is too old.

    what        when                                             what takes its place
    spread      a raw file has rows of several days, and no      loose files of a day each
                more come, or it is large
    gathered    more sealed and loose files than are read at     one loose file
                once: those of the hour that has most; or many
                raw files of several days
    hour        an hour is over, and all of it is settled        a file a level: 10 s, 60 s, 1 h
    day         a day is over, and all of it is settled          a file a level, 1 d among them
    amended     late rows came to such a day, and a day since    the same files, with these rows
                was compacted: once a day, or many late files;
                or files of its hours can be read again
    joined      paths, verdicts, crossings of such an hour, day  one file
    expired     all of a file is older than it is kept           nothing

Rules
- One thing at a time, the most urgent first; what is done changes the list, then it is asked again.
- "Now" is the collector's clock, but never more than a day after the newest row: a clock that runs
  ahead closes a day early at worst, and what comes afterwards is late.
- What is removed does not come again. Age is counted from the clock or from the newest row of a
  steady day, whichever is earlier; a day is steady that has data, as two others of the 30 days
  before have. So a clock that is wrong for a day or two removes nothing, with data of that time or
  without, and neither does a start after a long rest before the third day.
- A level of a day that went is not begun again with the late rows alone.
- A sealed file that a sink is still owed is left alone, and its hour with it, until the sink's
  backlog is exceeded.
- What cannot be read is left alone until it can be, and goes when it is too old.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, Literal, NamedTuple, Protocol

from collector.listed import DAY_NS, HOUR_NS, LEVELS_S, Kind, Segment
from collector.settings.retention import Retention

MANY: Final = 256
"""Late files of a day that are not left to wait."""

WIDE: Final = 16
"""Raw files of several days that are not left to wait."""

WIDE_ROWS: Final = 200_000
"""Rows of such a file that is not left to grow."""

STEADY_DAYS: Final = 3
_STEADY_WITHIN: Final = 30

AT_ONCE: Final = 96
"""Files that are read at once: a row group of each is in memory, 0.7 MB."""

What = Literal["spread", "gathered", "hour", "day", "joined", "expired"]

_JOINED: Final[tuple[Kind, ...]] = ("paths", "verdicts", "crossings")
_RAW: Final = frozenset({"sealed", "loose"})


class Due(NamedTuple):
    """One thing to be done to segments."""

    what: What
    segments: tuple[Segment, ...]
    """What is replaced, in the order of the list."""


class Held(Protocol):
    """What is known of a raw segment beside the list."""

    def owed(self, segment: Segment) -> bool:
        """Return whether a sink is still owed it."""
        ...

    def fresh(self, segment: Segment) -> bool:
        """Return whether it was written so recently that others like it may still come."""
        ...

    def left(self, segment: Segment) -> bool:
        """Return whether it could not be read, and has not changed since."""
        ...


def due(
    listed: Sequence[Segment], now_ns: int, settle_ns: int, retention: Retention, held: Held
) -> Due | None:
    """Return what is to be done next; None where nothing is.

    `settle_ns` after its end an hour is over: until then its windows may be open.
    """
    if old := _expired(listed, now_ns, retention, held):
        return old
    segments = [segment for segment in listed if not held.left(segment)]
    newest_ns = max((segment.last_ns for segment in segments), default=now_ns)
    settled_ns = min(now_ns, newest_ns + DAY_NS) - settle_ns
    windows = [segment for segment in segments if segment.kind == "windows"]
    wide = [segment for segment in windows if _is_wide(segment)]
    narrow = [segment for segment in windows if not _is_wide(segment)]
    found = _wide(wide, held)
    for what in _windows(narrow, settled_ns, held):
        found = found or what
    for kind in _JOINED:
        of_kind = [segment for segment in segments if segment.kind == kind]
        found = found or _joined(of_kind, settled_ns)
    return found


def steady_ns(listed: Iterable[Segment]) -> int:
    """Return the start of the newest row of a steady day, a moment before all rows without one."""
    newest_ns: dict[int, int] = {}
    for segment in listed:
        day = segment.last_ns // DAY_NS
        newest_ns[day] = max(segment.last_ns, newest_ns.get(day, segment.last_ns))
    days = sorted(newest_ns)
    for first, day in zip(days[::-1][STEADY_DAYS - 1 :], days[::-1], strict=False):
        if day - first <= _STEADY_WITHIN:
            return newest_ns[day]
    return -(1 << 62)


def _expired(
    listed: Sequence[Segment], now_ns: int, retention: Retention, held: Held
) -> Due | None:
    """Return what is older than it is kept; windows of an open day are rolled up before they go."""
    now_ns = min(now_ns, steady_ns(listed))
    done = {_day(segment) for segment in listed if _is_of(segment, "day")}

    def kept_ns(segment: Segment) -> int | None:
        if segment.kind != "windows" or segment.stage == "day":
            return retention.kept_ns(segment)
        if segment.stage == "hour" and _day(segment) in done:
            return retention.kept_ns(segment)
        return retention.longest_ns() if held.left(segment) else None

    old = tuple(
        segment
        for segment in listed
        if (kept := kept_ns(segment)) is not None and segment.last_ns < now_ns - kept
    )
    return Due("expired", old) if old else None


def _wide(wide: Sequence[Segment], held: Held) -> Due | None:
    """Return raw files of several days that become one, or one that becomes files of a day each.

    While late rows of many days come, at each checkpoint some, they wait: each file that is spread
    makes one for each of its days.
    """
    free = [s for s in wide if s.stage == "loose" or not held.owed(s)]
    small = [segment for segment in free if segment.rows < WIDE_ROWS]
    if len(small) >= WIDE:
        return Due("gathered", tuple(small[:AT_ONCE]))
    for segment in free:
        if segment.rows >= WIDE_ROWS or not held.fresh(segment):
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
            of_hours = [segment for segment in raw if _hour(segment) == _last_hour(segment)]
            for hour, of_hour in sorted(_grouped(of_hours, _hour).items()):
                if hour not in compacted and _ready(
                    of_hour, (hour + 1) * HOUR_NS, settled_ns, held
                ):
                    yield _gathered(of_hour) or Due("hour", tuple(of_hour))
        again = done and any(segment.stage == "hour" for segment in of_day)
        late = done and (len(raw) >= MANY or any(segment.serial < closed for segment in raw))
        over_ns = (day + 1) * DAY_NS + HOUR_NS
        if (late or again or not done) and _ready(raw, over_ns, settled_ns, held):
            yield _gathered(raw) or Due("day", tuple(of_day))


def _gathered(raw: Sequence[Segment]) -> Due | None:
    """Return files of one hour that become one first, None where there are not too many."""
    if len(raw) <= AT_ONCE:
        return None
    fullest = max(_grouped(raw, _hour).values(), key=len)
    return Due("gathered", tuple(fullest[:AT_ONCE])) if len(fullest) > 1 else None


def _ready(raw: Sequence[Segment], end_ns: int, settled_ns: int, held: Held) -> bool:
    return end_ns <= settled_ns and not any(
        segment.stage == "sealed" and held.owed(segment) for segment in raw
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

    `listed` are all segments, also those that cannot be read: their levels are no others'. A level
    whose hours could not be read when the day was compacted is left as long as they are listed.
    """
    day = _day(of_day[0])
    windows = [s for s in listed if _is_of(s, "day", "hour") and _day(s) == day]
    left = {segment.level_s for segment in windows}
    if LEVELS_S[-2] in {segment.level_s for segment in windows if segment.stage == "hour"}:
        left.add(LEVELS_S[-1])
    begun = any(segment.stage == "day" for segment in windows)
    return tuple(level_s for level_s in LEVELS_S if not begun or level_s in left)


def _is_of(segment: Segment, *stages: str) -> bool:
    return segment.kind == "windows" and segment.stage in stages


def _is_wide(segment: Segment) -> bool:
    return segment.stage in _RAW and _day(segment) != segment.last_ns // DAY_NS


def _grouped(
    segments: Iterable[Segment], key: Callable[[Segment], int]
) -> dict[int, list[Segment]]:
    groups: dict[int, list[Segment]] = {}
    for segment in segments:
        groups.setdefault(key(segment), []).append(segment)
    return groups


def _hour(segment: Segment) -> int:
    return segment.first_ns // HOUR_NS


def _last_hour(segment: Segment) -> int:
    return segment.last_ns // HOUR_NS


def _day(segment: Segment) -> int:
    return segment.first_ns // DAY_NS
