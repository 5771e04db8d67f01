"""Shell: what upkeep leaves alone for now: what sinks are owed, what is fresh, what is unreadable.

Rules
- A file that could not be read is tried again as soon as it is another one: the operator's copy of
  it, or the same one on a disk that was mended. A start tries all of them.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from collector.listed import Segment
from collector.settings.config import Config
from collector.store.catalog import Catalog

_S_NS: Final = 1_000_000_000
FRESH_NS: Final = 3600 * _S_NS
"""For how long after a file of late rows others like it may still come."""

_Print = tuple[int, int, int, int] | None
"""What changes with a file: number, size, and times of its content and of its facts."""


class Holding:
    """What is left alone in one directory; satisfies `collector.store.dues.Held` after `look`."""

    def __init__(self, config: Config, catalog: Catalog, directory: Path) -> None:
        """Judge the segments in `directory`."""
        self._sinks = config.sinks
        self._catalog = catalog
        self._directory = directory
        self._left: dict[Path, _Print] = {}
        self._now_ns = 0
        self._owed: list[tuple[int, int]] = []

    def look(self, now_ns: int) -> None:
        """Let the answers be those of `now_ns`; forget which files were unreadable and changed."""
        self._now_ns = now_ns
        self._owed = [
            (cursor, now_ns - sink.backlog_s * _S_NS)
            for sink in self._sinks
            if (cursor := self._catalog.enrolled(sink.name)) is not None
        ]
        self._left = {path: seen for path, seen in self._left.items() if _print(path) == seen}

    def owed(self, segment: Segment) -> bool:
        """Return whether a sink is still owed a segment, and not longer than its bound."""
        return any(
            segment.serial > cursor and self._since_ns(segment) >= oldest_ns
            for cursor, oldest_ns in self._owed
        )

    def fresh(self, segment: Segment) -> bool:
        """Return whether a segment was written so recently that others like it may still come."""
        written_ns = self._written_ns(segment)
        return written_ns is not None and 0 <= self._now_ns - written_ns < FRESH_NS

    def left(self, segment: Segment) -> bool:
        """Return whether a segment could not be read, and has not changed since."""
        return self._directory / segment.name in self._left

    def is_left(self, path: Path) -> bool:
        """Return the same of any file."""
        return path in self._left

    def leave(self, paths: Iterable[Path]) -> None:
        """Note files that could not be read."""
        self._left.update((path, _print(path)) for path in paths)

    def _since_ns(self, segment: Segment) -> int:
        """Return since when a segment waits: what an agent kept for days is owed from today on."""
        written_ns = self._written_ns(segment)
        if written_ns is None or written_ns > self._now_ns:
            return segment.last_ns
        return max(segment.last_ns, written_ns)

    def _written_ns(self, segment: Segment) -> int | None:
        try:
            return (self._directory / segment.name).stat().st_mtime_ns
        except OSError:
            return None


def _print(path: Path) -> _Print:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
