"""Shell: the catalogue, a SQLite file whose one transaction is a checkpoint.

Rules
- What a checkpoint says holds together: segment list, marks, registry, open windows, routes and
  the journal's floor change in one transaction (WAL, synchronous FULL) or not at all.
- Segments are written before, journal files are removed after it: a crash on either side leaves
  files that a start removes or replays again.
- A directory has one collector: a lock that ends with the process keeps a second one out.
"""

import fcntl
import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import msgspec

from agent.records import Protocol, Series, Stamp
from collector.errors import CorruptError, StoreError
from collector.records import RowId
from collector.registry import Alias, Registered
from collector.state import Checkpoint, Snapshot
from collector.store.segments import Segment

VERSION: Final = 1
FILE_NAME: Final = "catalog.sqlite"
LOCK_NAME: Final = "lock"

_SCHEMA: Final = """
CREATE TABLE segment (
  name TEXT PRIMARY KEY, kind TEXT NOT NULL, rows INTEGER NOT NULL, octets INTEGER NOT NULL,
  first_ns INTEGER NOT NULL, last_ns INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE series (
  row INTEGER PRIMARY KEY, agent_id BLOB NOT NULL, agent TEXT NOT NULL, id INTEGER NOT NULL,
  zone TEXT NOT NULL, target TEXT NOT NULL, family INTEGER NOT NULL, protocol TEXT NOT NULL,
  stamp TEXT NOT NULL) STRICT;
CREATE TABLE alias (
  agent_id BLOB NOT NULL, spool_id BLOB NOT NULL, series INTEGER NOT NULL, row INTEGER NOT NULL,
  PRIMARY KEY (agent_id, spool_id, series)) STRICT, WITHOUT ROWID;
CREATE TABLE mark (
  agent_id BLOB NOT NULL, spool_id BLOB NOT NULL, sequence TEXT NOT NULL,
  PRIMARY KEY (agent_id, spool_id)) STRICT, WITHOUT ROWID;
CREATE TABLE arrival (agent_id BLOB PRIMARY KEY, received_ns INTEGER NOT NULL)
  STRICT, WITHOUT ROWID;
CREATE TABLE checkpoint (
  one INTEGER PRIMARY KEY CHECK (one = 1), floor INTEGER NOT NULL, windows BLOB NOT NULL,
  routes BLOB NOT NULL) STRICT;
"""
# A mark's sequence is text: it is a u64, and SQLite's integers end at 2^63 - 1.


class Catalog:
    """The catalogue of one directory, locked. Its methods may be called from any one thread."""

    def __init__(self, directory: Path) -> None:
        """Open or make the catalogue in `directory`, which exists, then call `close`.

        Raises:
            StoreError: Another collector uses the directory, or it cannot be written.
            CorruptError: The file is no catalogue of this version.
        """
        self._path = directory / FILE_NAME
        self._lock = _locked(directory)
        self._rows = 0
        self._aliases = 0
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
            kept = self._database.execute(
                "SELECT floor, windows, routes FROM checkpoint"
            ).fetchone()
            if kept is None:
                return Checkpoint()
            floor, windows, routes = kept
            checkpoint = Checkpoint(
                floor=floor,
                windows=windows,
                routes=routes,
                marks={(agent, spool): int(last) for agent, spool, last in self._all("mark")},
                arrivals=dict(self._all("arrival")),
                rows=[_registered(row) for row in self._all("series")],
                aliases=[
                    Alias(agent_id=agent, spool_id=spool, series=series, row=RowId(row))
                    for agent, spool, series, row in self._all("alias")
                ],
                segments=[name for name, *_ in self._all("segment")],
            )
        if [known.row for known in checkpoint.rows] != list(range(len(checkpoint.rows))):
            raise CorruptError(f"read {self._path}: the rows of the series have gaps; restore it")
        self._rows, self._aliases = len(checkpoint.rows), len(checkpoint.aliases)
        return checkpoint

    def commit(self, snapshot: Snapshot, segments: Sequence[Segment]) -> None:
        """Make `snapshot` the state that a start begins with, and list `segments`, durably.

        Raises:
            StoreError: It could not be written; the checkpoint before stands.
        """
        rows, aliases = snapshot.rows[self._rows :], snapshot.aliases[self._aliases :]
        with self._translated("write"), self._database as database:
            database.execute("BEGIN IMMEDIATE")
            database.executemany(
                "INSERT INTO segment VALUES (?, ?, ?, ?, ?, ?)",
                [(s.name, s.kind, s.rows, s.octets, s.first_ns, s.last_ns) for s in segments],
            )
            database.executemany(
                "INSERT INTO series VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", map(_row, rows)
            )
            database.executemany(
                "INSERT OR REPLACE INTO alias VALUES (?, ?, ?, ?)",
                [(alias.agent_id, alias.spool_id, alias.series, alias.row) for alias in aliases],
            )
            database.executemany(
                "INSERT OR REPLACE INTO mark VALUES (?, ?, ?)",
                [(*spool, str(sequence)) for spool, sequence in snapshot.marks.items()],
            )
            database.executemany(
                "INSERT OR REPLACE INTO arrival VALUES (?, ?)", snapshot.arrivals.items()
            )
            database.execute(
                "INSERT OR REPLACE INTO checkpoint VALUES (1, ?, ?, ?)",
                (snapshot.floor, snapshot.windows, snapshot.routes),
            )
        self._rows, self._aliases = len(snapshot.rows), len(snapshot.aliases)

    def _all(self, table: str) -> Iterator[tuple[Any, ...]]:
        """Return all rows of a table of the schema, in the order of its first column."""
        query = f"SELECT * FROM {table} ORDER BY 1"  # noqa: S608 - no name from outside
        return iter(self._database.execute(query))

    @contextmanager
    def _translated(self, what: str) -> Iterator[None]:
        """Turn the library's errors into ours."""
        try:
            yield
        except (sqlite3.DatabaseError, msgspec.MsgspecError, ValueError) as error:
            known = StoreError if isinstance(error, sqlite3.OperationalError) else CorruptError
            raise known(
                f"{what} the catalogue {self._path}: {error}; check the disk and its room, or"
                " restore the directory from a copy"
            ) from error


def _locked(directory: Path) -> int:
    """Return a descriptor that holds the directory's lock until it is closed."""
    path = directory / LOCK_NAME
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StoreError(f"lock {path}: {error}; check the directory's owner") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        raise StoreError(
            f"lock {path}: another collector uses this directory; stop it, or give this one a"
            " directory of its own ([store] directory)"
        ) from error
    return descriptor


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
        if version == 0:
            database.executescript(f"BEGIN; {_SCHEMA} PRAGMA user_version = {VERSION}; COMMIT;")
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
    if version not in {0, VERSION}:
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


def _registered(row: tuple[Any, ...]) -> Registered:
    number, agent_id, agent, ident, zone, target, family, protocol, stamp = row
    series = Series(
        id=ident,
        zone=zone,
        target=target,
        family=family,
        protocol=Protocol(protocol),
        stamp=Stamp(stamp),
    )
    return Registered(row=RowId(number), agent_id=agent_id, agent=agent, series=series)
