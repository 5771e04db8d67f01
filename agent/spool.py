"""Shell: the batches that the collector has not acknowledged yet, in one SQLite file.

    batches   sequence (AUTOINCREMENT), body (deflated), dropped
    series    id, descriptor (MessagePack)
    facts     spool_id, agent_id, unreported and total drops
    refused   sequence, reason, body: the last hundred that the collector will never take

Rules
- A sequence is never given twice, not even after a power cut: AUTOINCREMENT remembers the highest
  one, and `synchronous=FULL` has the write-ahead log on the disk before a commit returns.
- A batch gets its sequence, its octets and its place in one transaction.
- The spool is bounded: the oldest batch gives way, except the one that is on its way. Drops are
  counted; the next batch reports them, and if that one is dropped too, the one after it.
- One process per spool, held by a lock on a file beside it.
- Everything here blocks: `SpoolThread` runs it in a thread of its own.
"""

import asyncio
import fcntl
import os
import secrets
import sqlite3
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import ParamSpec, TypeVar

import msgspec

from agent import wire
from agent.errors import SpoolError
from agent.records import AgentId, Batch, Series, SpoolId

FILE_NAME = "spool.sqlite"
LOCK_NAME = "spool.lock"
KEPT_REFUSALS = 100
_APPLICATION = 0x424F524E
"""`BORN`: SQLite's own place for whose file it is (PRAGMA application_id)."""
_SCHEMA = 1
_TABLES = """
BEGIN;
CREATE TABLE batches (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT, body BLOB NOT NULL, dropped INTEGER NOT NULL);
CREATE TABLE series (id INTEGER PRIMARY KEY, descriptor BLOB NOT NULL);
CREATE TABLE facts (name TEXT PRIMARY KEY, value NOT NULL) WITHOUT ROWID;
CREATE TABLE refused (
    sequence INTEGER PRIMARY KEY, reason TEXT NOT NULL, body BLOB NOT NULL);
INSERT INTO facts VALUES ('spool_id', x'{spool_id}'), ('unreported', 0), ('total_dropped', 0);
PRAGMA application_id = {application};
PRAGMA user_version = {schema};
COMMIT;
"""
_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(Series)

P = ParamSpec("P")
R = TypeVar("R")


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """The oldest batch that is not acknowledged."""

    sequence: int
    body: bytes
    """As it goes over the wire, deflated."""


class Spool:
    """One spool; every method is a transaction, and none may run beside another."""

    def __init__(self, directory: Path, *, agent_id: AgentId, limit: int) -> None:
        """Open the spool of `agent_id` in `directory`, or make it; at most `limit` batches wait.

        Raises: SpoolError where another process has it, its file is no sound spool, or it holds
        the batches of another agent.
        """
        self._path = directory / FILE_NAME
        self._limit = limit
        self._lock = _lock(directory)
        try:
            self._database = self._opened()
            facts = dict(self._database.execute("SELECT name, value FROM facts"))
            self._waiting = self._count()
        except (sqlite3.Error, SpoolError) as error:
            os.close(self._lock)
            if isinstance(error, SpoolError):
                raise
            raise self._broken("open", error) from error
        self.spool_id = SpoolId(facts["spool_id"])
        self._belong_to(agent_id, facts.get("agent_id"))
        self._total_dropped = int(facts["total_dropped"])
        self._in_flight = 0

    @property
    def waiting(self) -> int:
        """Return how many batches are not acknowledged."""
        return self._waiting

    @property
    def total_dropped(self) -> int:
        """Return how many batches were dropped in the life of the spool."""
        return self._total_dropped

    def series(self) -> tuple[Series, ...]:
        """Return every series that a stored batch has described."""
        rows = self._read("SELECT id, descriptor FROM series ORDER BY id")
        try:
            return tuple(_DECODER.decode(descriptor) for _, descriptor in rows)
        except msgspec.MsgspecError as error:
            raise self._broken("read the series of", error) from error

    def described(self, ids: Iterable[int]) -> tuple[Series, ...]:
        """Return the descriptors of those `ids` that the spool knows."""
        wanted = set(ids)
        return tuple(series for series in self.series() if series.id in wanted)

    def store(self, batch: Batch, lost: int = 0) -> int:
        """Give `batch` its sequence and keep it; return the sequence.

        `lost` batches were given up before it because the disk refused them: they count as
        dropped. Raises: SpoolError where the disk refuses; nothing is stored or counted then.
        """
        return self._write(lambda: self._store(batch, lost))

    def oldest(self) -> Waiting | None:
        """Return the batch that is to be sent now; it is not dropped until `oldest` says another.

        Raises: SpoolError.
        """
        rows = self._read("SELECT sequence, body FROM batches ORDER BY sequence LIMIT 1")
        self._in_flight = rows[0][0] if rows else 0
        return Waiting(sequence=rows[0][0], body=rows[0][1]) if rows else None

    def acknowledge(self, sequence: int) -> None:
        """Delete a batch that the collector holds. Raises: SpoolError."""
        self._write(lambda: self._delete(sequence))

    def refuse(self, sequence: int, reason: str) -> None:
        """Set aside a batch that the collector will never take. Raises: SpoolError."""
        self._write(lambda: self._refuse(sequence, reason))

    def probe(self) -> None:
        """Write something, to know whether the disk takes it. Raises: SpoolError."""
        self._write(lambda: self._database.execute("UPDATE facts SET value = value"))

    def close(self) -> None:
        """Close the file and let another process have it."""
        self._database.close()
        os.close(self._lock)

    def _belong_to(self, agent_id: AgentId, found: object) -> None:
        """Keep whose spool this is: a collector refuses batches of another agent for ever."""
        if found is None:
            self._write(
                lambda: self._database.execute(
                    "INSERT INTO facts VALUES ('agent_id', ?)", (agent_id,)
                )
            )
        elif found != agent_id:
            self.close()
            raise SpoolError(
                f"opened {self._path} and found the spool of another agent id; give the agent its"
                f" old id again, or its own state_directory"
            )

    def _opened(self) -> sqlite3.Connection:
        database = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
        try:
            self._prepare(database)
        except BaseException:
            database.close()
            raise
        return database

    def _prepare(self, database: sqlite3.Connection) -> None:
        (tables,) = database.execute("SELECT count(*) FROM sqlite_master").fetchone()
        (application,) = database.execute("PRAGMA application_id").fetchone()
        (schema,) = database.execute("PRAGMA user_version").fetchone()
        if tables and (application, schema) != (_APPLICATION, _SCHEMA):
            raise SpoolError(
                f"opened {self._path} as a spool and found a foreign SQLite file (or another"
                f" version's); choose another state_directory, or move the file away"
            )
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = FULL")
        (sound,) = database.execute("PRAGMA quick_check(1)").fetchone()
        if sound != "ok":
            raise self._broken("check", sqlite3.DatabaseError(sound))
        if not tables:
            _create(database)

    def _store(self, batch: Batch, lost: int) -> int:
        for series in batch.descriptors.series:
            self._database.execute(
                "INSERT OR IGNORE INTO series VALUES (?, ?)", (series.id, _ENCODER.encode(series))
            )
        if self._waiting >= self._limit:
            self._drop_oldest(self._waiting - self._limit + 1)
        dropped = self._fact("unreported") + lost
        self._set_fact("unreported", 0)
        self._set_fact("total_dropped", self._fact("total_dropped") + lost)
        cursor = self._database.execute(
            "INSERT INTO batches (body, dropped) VALUES (x'', ?)", (dropped,)
        )
        sequence = int(cursor.lastrowid or 0)
        descriptors = msgspec.structs.replace(batch.descriptors, dropped_batches=dropped)
        whole = msgspec.structs.replace(batch, sequence=sequence, descriptors=descriptors)
        self._database.execute(
            "UPDATE batches SET body = ? WHERE sequence = ?",
            (wire.deflate(wire.encode(whole)), sequence),
        )
        self._recount()
        return sequence

    def _drop_oldest(self, count: int) -> None:
        rows = self._database.execute(
            "SELECT sequence, dropped FROM batches WHERE sequence != ? ORDER BY sequence LIMIT ?",
            (self._in_flight, count),
        ).fetchall()
        self._database.executemany(
            "DELETE FROM batches WHERE sequence = ?", [(sequence,) for sequence, _ in rows]
        )
        lost_reports = sum(dropped for _, dropped in rows)
        self._set_fact("unreported", self._fact("unreported") + len(rows) + lost_reports)
        self._set_fact("total_dropped", self._fact("total_dropped") + len(rows))

    def _delete(self, sequence: int) -> None:
        self._database.execute("DELETE FROM batches WHERE sequence = ?", (sequence,))
        self._recount()

    def _refuse(self, sequence: int, reason: str) -> None:
        self._database.execute(
            "INSERT OR REPLACE INTO refused"
            " SELECT sequence, ?, body FROM batches WHERE sequence = ?",
            (reason, sequence),
        )
        self._database.execute(
            "UPDATE facts SET value = value +"
            " (SELECT coalesce(sum(dropped), 0) FROM batches WHERE sequence = ?)"
            " WHERE name = 'unreported'",
            (sequence,),
        )
        self._database.execute(
            "DELETE FROM refused WHERE sequence NOT IN"
            " (SELECT sequence FROM refused ORDER BY sequence DESC LIMIT ?)",
            (KEPT_REFUSALS,),
        )
        self._delete(sequence)

    def _recount(self) -> None:
        self._waiting = self._count()
        self._total_dropped = self._fact("total_dropped")

    def _count(self) -> int:
        (count,) = self._database.execute("SELECT count(*) FROM batches").fetchone()
        return int(count)

    def _fact(self, name: str) -> int:
        (value,) = self._database.execute(
            "SELECT value FROM facts WHERE name = ?", (name,)
        ).fetchone()
        return int(value)

    def _set_fact(self, name: str, value: int) -> None:
        self._database.execute("UPDATE facts SET value = ? WHERE name = ?", (value, name))

    def _read(self, statement: str) -> list[tuple[int, bytes]]:
        try:
            return self._database.execute(statement).fetchall()
        except sqlite3.Error as error:
            raise self._broken("read", error) from error

    def _write(self, work: Callable[[], R]) -> R:
        """Run `work` in one transaction, whole or not at all."""
        try:
            with self._database:
                self._database.execute("BEGIN IMMEDIATE")
                return work()
        except sqlite3.Error as error:
            raise self._broken("write", error) from error

    def _broken(self, verb: str, error: Exception) -> SpoolError:
        return SpoolError(
            f"tried to {verb} the spool {self._path}: {error}; if the disk is full make room,"
            f" if the file is damaged move it away: a new one is made"
        )


def _create(database: sqlite3.Connection) -> None:
    """Make the tables and the facts in one transaction: a spool exists whole or not at all."""
    database.executescript(
        _TABLES.format(spool_id=secrets.token_hex(16), application=_APPLICATION, schema=_SCHEMA)
    )


def _lock(directory: Path) -> int:
    """Take the lock beside the spool; return its file descriptor."""
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(directory / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise SpoolError(
            f"tried to use {directory} for the spool: {error.strerror};"
            f" give a directory that this user may write as [agent] state_directory"
        ) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(lock)
        raise SpoolError(
            f"another process uses the spool in {directory}: stop it,"
            f" or give this one its own state_directory"
        ) from error
    return lock


class SpoolThread:
    """Runs the spool's transactions one after the other, away from the event loop."""

    def __init__(self) -> None:
        """Start no thread before the first call."""
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="spool")

    async def call(self, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Return what `work` returns; a cancelled caller does not stop a transaction."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._executor, lambda: work(*args, **kwargs))

    def close(self) -> None:
        """Wait for the transaction that runs and end the thread."""
        self._executor.shutdown(wait=True, cancel_futures=True)
