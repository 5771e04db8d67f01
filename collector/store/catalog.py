"""Shell: the catalogue, a SQLite file whose one transaction is a checkpoint.

Rules
- What a checkpoint says holds together: segment list, marks, registry, open windows, routes and
  the journal's floor change in one transaction (WAL, synchronous FULL) or not at all.
- Segments are written before, journal files are removed after it: a crash on either side leaves
  files that a start removes or replays again.
- Segments that take the place of others are listed in the transaction that strikes these out: a
  reader finds the old list or the new one.
- A sink's cursor is the serial of the last sealed segment that it needs no more.
- A directory has one collector: a lock that ends with the process keeps a second one out.
"""

import os
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from collector.errors import CorruptError, StoreError
from collector.listed import SEALED_S, Kind, Segment
from collector.samples.registry import Registered
from collector.state import Checkpoint, Snapshot
from collector.store import checkpoints, lock
from collector.store.checkpoints import COLUMNS, FILE_NAME
from collector.store.schema import SCRIPTS, VERSION


class Catalog:
    """The catalogue of one directory, locked. Its methods may be called from any thread."""

    def __init__(self, directory: Path) -> None:
        """Open or make the catalogue in `directory`, which exists, then call `close`.

        Raises:
            StoreError: Another collector uses the directory, or it cannot be written.
            CorruptError: The file is no catalogue of this version.
        """
        self._path = directory / FILE_NAME
        self._lock = lock.hold(directory)
        self._rows = 0
        self._aliases = 0
        self._using = threading.RLock()
        try:
            self._database = _opened(self._path)
        except BaseException:
            os.close(self._lock)
            raise

    def close(self) -> None:
        """Close the file and let another collector in."""
        self._database.close()
        os.close(self._lock)

    def load(self) -> Checkpoint:
        """Return what the last checkpoint kept.

        Raises:
            CorruptError: The file is damaged.
        """
        with self._translated("read"):
            checkpoint = checkpoints.load(self._database)
        self._rows, self._aliases = len(checkpoint.rows), len(checkpoint.aliases)
        return checkpoint

    def listed(self) -> list[Segment]:
        """Return all segments in the order of their serials."""
        with self._translated("read"):
            return checkpoints.segments(self._database, "TRUE")

    def segments_after(
        self, serial: int, kind: Kind = "windows", level_s: int = SEALED_S
    ) -> list[Segment]:
        """Return the sealed segments with a later serial, in the order of their serials."""
        with self._translated("read"):
            return checkpoints.segments(
                self._database,
                "serial > ? AND kind = ? AND level_s = ? AND stage = 'sealed'",
                (serial, kind, level_s),
            )

    def overlapping(self, from_ns: int, to_ns: int) -> list[Segment]:
        """Return the segments of windows of 10 s with rows that may start in [from_ns, to_ns)."""
        with self._translated("read"):
            return checkpoints.segments(
                self._database,
                "kind = 'windows' AND level_s = ? AND first_ns < ? AND last_ns >= ?",
                (SEALED_S, to_ns, from_ns),
            )

    def cursor(self, sink: str) -> int:
        """Return the serial up to which `sink` needs nothing any more; 0 for one that is new."""
        return self._of_sink(sink)[0]

    def enrolled(self, sink: str) -> int | None:
        """Return the cursor of `sink`, None for one that never said anything (`advance`)."""
        with self._translated("read"):
            found = self._database.execute(
                "SELECT serial FROM cursor WHERE sink = ?", (sink,)
            ).fetchone()
            return None if found is None else int(found[0])

    def overflow(self, sink: str) -> int:
        """Return how many windows were taken from under the cursor of `sink`, ever."""
        return self._of_sink(sink)[1]

    def advance(self, sink: str, serial: int) -> None:
        """Note that `sink` needs nothing up to `serial`; a cursor never goes back.

        Raises:
            StoreError: It could not be written; the cursor stands where it was.
        """
        with self._translated("write"), self._database as database:
            database.execute(
                "INSERT INTO cursor VALUES (?, ?, 0) ON CONFLICT (sink)"
                " DO UPDATE SET serial = max(serial, excluded.serial)",
                (sink, serial),
            )

    def replace(self, removed: Iterable[Segment], added: Sequence[Segment]) -> list[Segment]:
        """List `added` in the place of `removed`, durably; return them with their serials.

        A sink that was still owed one of `removed` counts its rows as overflow.

        Raises:
            StoreError: It could not be written; the list stands as before.
        """
        with self._translated("write"), self._database as database:
            database.execute("BEGIN IMMEDIATE")
            for segment in removed:
                if segment.stage == "sealed" and segment.kind == "windows":
                    database.execute(
                        "UPDATE cursor SET overflow = overflow + ? WHERE serial < ?",
                        (segment.rows, segment.serial),
                    )
                database.execute("DELETE FROM segment WHERE name = ?", (segment.name,))
            return self._listed(added)

    def settle(self) -> None:
        """Write a transaction that changes nothing: one that failed before it is never found again.

        Raises:
            StoreError: The disk still fails.
        """
        with self._translated("write"), self._database as database:
            database.execute("BEGIN IMMEDIATE")
            database.execute("UPDATE checkpoint SET floor = floor")

    def commit(self, snapshot: Snapshot, segments: Sequence[Segment]) -> list[Segment]:
        """Make `snapshot` the state that a start begins with, and list `segments`, durably.

        Returns the segments with their serials.

        Raises:
            StoreError: It could not be written; the checkpoint before stands.
        """
        rows, aliases = snapshot.rows[self._rows :], snapshot.aliases[self._aliases :]
        windows, routes = snapshot.windows, snapshot.routes  # made now, before anybody is kept out
        with self._translated("write"), self._database as database:
            database.execute("BEGIN IMMEDIATE")
            listed = self._listed(segments)
            database.executemany(
                "INSERT INTO series VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", map(_row, rows)
            )
            database.executemany(
                "INSERT OR REPLACE INTO alias VALUES (?, ?, ?, ?)",
                [(alias.agent_id, alias.spool_id, alias.series, alias.row) for alias in aliases],
            )
            database.execute("DELETE FROM mark")  # those of some spools are forgotten
            database.executemany(
                "INSERT INTO mark VALUES (?, ?, ?)",
                [(*spool, str(sequence)) for spool, sequence in snapshot.marks.items()],
            )
            database.executemany(
                "INSERT OR REPLACE INTO arrival VALUES (?, ?)", snapshot.arrivals.items()
            )
            database.execute(
                "INSERT OR REPLACE INTO checkpoint VALUES (1, ?, ?, ?)",
                (snapshot.floor, windows, routes),
            )
        self._rows, self._aliases = len(snapshot.rows), len(snapshot.aliases)
        return listed

    def _listed(self, segments: Sequence[Segment]) -> list[Segment]:
        """Insert segments into the list, within a transaction; return them with their serials."""
        listed = []
        for segment in segments:
            found = self._database.execute(
                f"INSERT INTO segment ({COLUMNS})"  # noqa: S608 - no name from outside
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, NULL)",
                msgspec.structs.astuple(segment)[:-1],
            )
            listed.append(msgspec.structs.replace(segment, serial=found.lastrowid))
        return listed

    def _of_sink(self, sink: str) -> tuple[int, int]:
        with self._translated("read"):
            found = self._database.execute(
                "SELECT serial, overflow FROM cursor WHERE sink = ?", (sink,)
            ).fetchone()
            return (0, 0) if found is None else (int(found[0]), int(found[1]))

    @contextmanager
    def _translated(self, what: str) -> Iterator[None]:
        """Let one thread in, and turn the library's errors into ours."""
        with checkpoints.translated(what, self._path), self._using:
            yield


def _opened(path: Path) -> sqlite3.Connection:
    """Return the catalogue with its schema."""
    try:
        database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    except sqlite3.Error as error:
        raise StoreError(f"open the catalogue {path}: {error}") from error
    try:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = FULL")
        (version,) = database.execute("PRAGMA user_version").fetchone()
        if version in SCRIPTS:
            database.executescript(SCRIPTS[version])
    except sqlite3.OperationalError as error:
        database.close()
        raise StoreError(
            f"open the catalogue {path}: {error}; make room on the disk, or check it and the"
            " directory's owner"
        ) from error
    except sqlite3.Error as error:
        database.close()
        raise CorruptError(
            f"open the catalogue {path}: {error}; it is damaged or no catalogue: restore the"
            " directory from a copy"
        ) from error
    if version not in {*SCRIPTS, VERSION}:
        database.close()
        raise StoreError(
            f"open the catalogue {path}: its version is {version}, this program's is {VERSION};"
            " use the collector that wrote it, or a later one"
        )
    return database


def _row(known: Registered) -> tuple[object, ...]:
    series = known.series
    return (
        *(known.row, known.agent_id, known.agent, series.id, series.zone, series.target),
        *(series.family, series.protocol.value, series.stamp.value),
    )
