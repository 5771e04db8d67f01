"""Shell: what the last checkpoint says, read from an open catalogue or from a directory in use.

Rules
- `glance` takes no lock and writes nothing: it sees the last checkpoint whole, whatever the
  collector that uses the directory does meanwhile.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final

import msgspec

from agent.records import Protocol, Series, Stamp
from collector.errors import CorruptError, StoreError
from collector.listed import Segment
from collector.records import RowId
from collector.samples.registry import Alias, Registered
from collector.state import Checkpoint
from collector.store.schema import SCRIPTS, VERSION

FILE_NAME: Final = "catalog.sqlite"
COLUMNS: Final = "name, kind, level_s, stage, rows, octets, first_ns, last_ns, serial"
"""Columns of a segment in the order of its fields."""


def load(database: sqlite3.Connection) -> Checkpoint:
    """Return what the last checkpoint kept; an empty one before the first.

    Raises:
        ValueError: The rows of the series have gaps.
    """
    kept = database.execute("SELECT floor, windows, routes FROM checkpoint").fetchone()
    if kept is None:
        return Checkpoint()
    floor, windows, routes = kept
    checkpoint = Checkpoint(
        floor=floor,
        windows=windows,
        routes=routes,
        marks={(agent, spool): int(last) for agent, spool, last in _all(database, "mark")},
        arrivals=dict(_all(database, "arrival")),
        rows=[_registered(row) for row in _all(database, "series")],
        aliases=[
            Alias(agent_id=agent, spool_id=spool, series=series, row=RowId(row))
            for agent, spool, series, row in _all(database, "alias")
        ],
        segments=segments(database, "TRUE"),
    )
    if [known.row for known in checkpoint.rows] != list(range(len(checkpoint.rows))):
        raise ValueError("the rows of the series have gaps")
    return checkpoint


def segments(
    database: sqlite3.Connection, condition: str, values: tuple[object, ...] = ()
) -> list[Segment]:
    """Return the segments of which an SQL condition holds, in the order of their serials."""
    query = f"SELECT {COLUMNS} FROM segment WHERE {condition} ORDER BY serial"  # noqa: S608 - no name from outside
    names = Segment.__struct_fields__
    return [
        msgspec.convert(dict(zip(names, row, strict=True)), Segment)
        for row in database.execute(query, values)
    ]


@contextmanager
def translated(what: str, path: Path) -> Iterator[None]:
    """Turn the library's errors into ours."""
    try:
        yield
    except (sqlite3.DatabaseError, msgspec.MsgspecError, ValueError) as error:
        known = StoreError if isinstance(error, sqlite3.OperationalError) else CorruptError
        raise known(
            f"{what} the catalogue {path}: {error}; check the disk and its room, or restore the"
            " directory from a copy"
        ) from error


def glance(directory: Path) -> Checkpoint:
    """Return the last checkpoint of a directory that a collector may be using.

    Raises:
        StoreError: There is no catalogue of this version that can be read.
        CorruptError: It is damaged.
    """
    with peek(directory) as database:
        return load(database)


@contextmanager
def peek(directory: Path) -> Iterator[sqlite3.Connection]:
    """Open the catalogue for reading alone, in one transaction: all that is read is of one moment.

    Raises:
        StoreError: There is no catalogue of this version that can be read.
        CorruptError: It is damaged.
    """
    path = directory / FILE_NAME
    if not path.is_file():
        raise StoreError(
            f"read the catalogue {path}: there is none; name the directory of a collector's store"
        )
    log = path.with_name(f"{path.name}-wal")
    alone = not log.exists()
    with translated("read", path), closing(_readable(path, alone=alone)) as database:
        (version,) = database.execute("PRAGMA user_version").fetchone()
        if version in SCRIPTS:
            raise StoreError(
                f"read the catalogue {path}: its version is {version}, not {VERSION}; a start of"
                " this release's collector brings it up"
            )
        if version != VERSION:
            raise StoreError(
                f"read the catalogue {path}: its version is {version}, this program's is"
                f" {VERSION}; use the release that wrote it, or a later one"
            )
        yield database
    if alone and log.exists():
        raise StoreError(f"read the catalogue {path}: a collector started meanwhile; try again")


def _readable(path: Path, *, alone: bool) -> sqlite3.Connection:
    """Return a connection that cannot write, within a transaction.

    Beside a writer, or after one that was killed, there are files by which readers and writers
    agree. Where there are none nobody has it open, and SQLite is told so: it would make them
    otherwise, as this user's, and the collector might be another one.
    """
    address = f"{path.resolve().as_uri()}?mode=ro{'&immutable=1' if alone else ''}"
    database = sqlite3.connect(address, uri=True, isolation_level=None)
    try:
        database.execute("BEGIN")
        database.execute("SELECT count(*) FROM sqlite_master")
    except sqlite3.Error:
        database.close()
        raise
    return database


def _all(database: sqlite3.Connection, table: str) -> Iterator[tuple[Any, ...]]:
    """Return all rows of a table of the schema, in the order of its first column."""
    query = f"SELECT * FROM {table} ORDER BY 1"  # noqa: S608 - no name from outside
    return iter(database.execute(query))


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
