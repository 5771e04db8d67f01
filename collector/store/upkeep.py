"""Shell: the upkeep of the store: compaction, rollups and retention, beside everything else.

Rules
- What is due is decided by `collector.store.dues`; one thing at a time is done, in a worker thread.
- New files are written first; then one transaction of the catalogue lists them in the place of the
  old ones; only then these are removed. A crash between any two leaves the old list or the new
  one, and files that a start removes.
- The list in memory changes under the lock that questions take: each finds the old list or the new
  one. A question that holds the old list when its files go asks again with the new one.
- A file that is damaged, missing or not to be read is said and left as it is; the rest goes on
  without it. A copy that is put in its place is taken in (`collector.store.holding`).
- Any other failure is said, nothing of it is used, and it is tried again at the next turn.
"""

import asyncio
import errno
import logging
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from collector.errors import CorruptError, GoneError, StoreError
from collector.listed import DAY_NS, SEALED_S, Segment
from collector.samples import registry
from collector.settings.config import Config
from collector.state import State
from collector.store import archive, compaction, dues
from collector.store.bundles import Bundles
from collector.store.catalog import Catalog
from collector.store.compaction import Bench
from collector.store.dues import Due
from collector.store.holding import Holding

_S_NS: Final = 1_000_000_000
_SPARE_S: Final = 60
"""Beside grace and interval, how long after its end an hour is left alone."""
_OF_A_FILE: Final = {errno.EIO, errno.EACCES, errno.EPERM}
"""Why a file cannot be read while others can: its sectors, or its owner."""
_LOG: Final = logging.getLogger(__name__)


class StoppedError(Exception):
    """The end began: what was being written is given up."""


class Upkeep:
    """Keeps the segments of one store few, small and no older than they should be."""

    def __init__(
        self,
        config: Config,
        state: State,
        lock: threading.Lock,
        *,
        catalog: Catalog,
        directory: Path,
        listed: list[Segment],
        bundles: Bundles,
    ) -> None:
        """Keep the segments in `directory`; `listed` and `state` change under `lock`."""
        self._config = config
        self._state = state
        self._lock = lock
        self._catalog = catalog
        self._directory = directory
        self._listed = listed
        self._bundles = bundles
        self._settle_ns = _S_NS * (
            SEALED_S + config.grace_s + 2 * config.checkpoint_interval_s + _SPARE_S
        )
        self._holding = Holding(config, catalog, directory)
        self._orphans: list[str] = []
        self._stopping = threading.Event()

    def stop(self) -> None:
        """End what is being done, soon."""
        self._stopping.set()

    async def turn(self, now_ns: int) -> None:
        """Do everything that is due at `now_ns`.

        Raises:
            StoreError: Something failed; it stands as before, and is due again.
        """
        while not self._stopping.is_set() and await asyncio.to_thread(self.step, now_ns):
            pass

    def step(self, now_ns: int) -> bool:
        """Do what is due next; return whether there was anything. Raises: as `turn`."""
        if self._orphans:
            self._catalog.settle()
            self._remove(self._orphans)
            self._orphans.clear()
        holding = self._holding
        holding.look(now_ns)
        with self._lock:
            listed = self._listed[:]
        found = dues.due(listed, now_ns, self._settle_ns, self._config.retention, holding)
        segments = [segment for segment in listed if not holding.left(segment)]
        if found is None:
            return self._archived(segments, now_ns)
        try:
            removed, added = self._done(found, segments)
        except StoppedError:
            return False
        except StoreError as error:
            if not _is_of_a_file(error):
                raise
            self._leave([self._directory / s.name for s in found.segments], error, "segment_left")
            return True
        self._replace(removed, added)
        _LOG.info(
            "%s: %d segments became %d",
            *(found.what, len(removed), len(added)),
            extra={"event": "upkeep"},
        )
        return True

    def _archived(self, segments: Sequence[Segment], now_ns: int) -> bool:
        """Move the Statements of one day that is over into a segment; return whether there were."""
        newest_ns = max((segment.last_ns for segment in segments), default=now_ns)
        today_ns = min(now_ns, newest_ns + DAY_NS) // DAY_NS * DAY_NS
        loose = [
            one
            for one in self._bundles.loose(today_ns)
            if not self._holding.is_left(self._bundles.path(one.digest))
        ]
        if not loose:
            return False
        day = min(one.written_ns for one in loose) // DAY_NS
        found = [one for one in loose if one.written_ns // DAY_NS == day]
        try:
            fresh = [one for one in found if not self._is_archived(segments, one.digest)]
            if fresh:
                suffix = self._suffix(segments)
                self._replace((), (archive.write(self._directory, fresh, self._read, suffix),))
        except StoppedError:
            return False
        except (CorruptError, GoneError) as error:
            paths = [self._directory / s.name for s in segments if s.kind == "evidence"]
            paths += [self._bundles.path(one.digest) for one in found]
            self._leave(paths, error, "evidence_left")
            return True
        for one in found:
            self._bundles.remove(one.digest)
        return True

    def _is_archived(self, segments: Sequence[Segment], digest: str) -> bool:
        """Return whether a Statement is whole in a segment: a crash came before its file went."""
        names = [segment.name for segment in segments if segment.kind == "evidence"]
        return archive.read(self._directory, names, digest) is not None

    def _read(self, digest: str) -> bytes:
        statement = self._bundles.read(digest)
        if statement is None:
            raise StoreError(f"read the evidence {digest}: somebody removed it")
        self._watch()
        return statement

    def _done(
        self, found: Due, segments: Sequence[Segment]
    ) -> tuple[Sequence[Segment], Sequence[Segment]]:
        """Write what takes the place of a due's segments; return what goes and what comes."""
        if found.what == "expired":
            return found.segments, ()
        bench = self._bench(segments)
        match found.what:
            case "spread":
                return found.segments, compaction.spread(bench, found.segments[0])
            case "gathered":
                return found.segments, compaction.gathered(bench, found.segments)
            case "hour":
                return found.segments, compaction.hour(bench, found.segments)
            case "day":
                companions = [s for s in segments if s.kind == "moments"]
                outdated = compaction.outdated(found.segments, companions)
                with self._lock:
                    left = dues.levels_left(found.segments, self._listed)
                return (*found.segments, *outdated), compaction.day(bench, found.segments, left)
            case "joined":
                return found.segments, compaction.joined(bench, found.segments)
        raise AssertionError(f"nobody knows how to do {found.what}")

    def _bench(self, segments: Sequence[Segment]) -> Bench:
        with self._lock:
            rows = self._state.registry.rows[:]
        present = {agent.agent_id: agent.name for agent in self._config.agents}
        return Bench(
            directory=self._directory,
            named={
                known.row: (present.get(known.agent_id, known.agent), known.series)
                for known in rows
            },
            places=registry.ranks(rows),
            suffix=self._suffix(segments),
            watch=self._watch,
        )

    def _suffix(self, segments: Sequence[Segment]) -> str:
        """Return what tells files that are written now from all others: serials only rise."""
        return f"c{max((segment.serial for segment in segments), default=0) + 1:06d}"

    def _watch(self) -> None:
        if self._stopping.is_set():
            raise StoppedError

    def _replace(self, removed: Sequence[Segment], added: Sequence[Segment]) -> None:
        """List what came in the place of what goes, then remove that.

        Where that fails, files that came stay for now: a transaction whose sync failed may still
        be found whole after a crash, and then it needs them.
        """
        try:
            listed = self._catalog.replace(removed, added)
        except BaseException:
            self._orphans += [segment.name for segment in added]
            raise
        gone = {segment.name for segment in removed}
        with self._lock:
            self._listed[:] = [s for s in self._listed if s.name not in gone] + listed
        self._remove(gone)

    def _remove(self, names: Iterable[str]) -> None:
        for name in names:
            (self._directory / name).unlink(missing_ok=True)

    def _leave(self, paths: Sequence[Path], error: StoreError, event: str) -> None:
        """Note which file cannot be read; the rest of what was due is done without it."""
        spoiled = [path for path in paths if path.name in str(error)]
        self._holding.leave(spoiled or paths)
        _LOG.error(
            "%s; it is left as it is, and a copy is taken in that is put in its place",
            error,
            extra={"event": event},
        )


def _is_of_a_file(error: StoreError) -> bool:
    """Return whether one segment cannot be read, and not the disk or this program in need."""
    if isinstance(error, CorruptError | GoneError):
        return True
    cause = error.__cause__
    read = str(error).startswith("read segment")
    return read and isinstance(cause, OSError) and cause.errno in _OF_A_FILE
