"""Words: the tables of the catalogue, version 2, and how a catalogue of version 1 becomes one.

Version 1 named segments alone. What it lists as windows was handed to the sinks when it was
sealed, and may hold rows of several hours: loose, no sink is owed it.
"""

from typing import Final

VERSION: Final = 2

_SEGMENT: Final = """
CREATE TABLE segment (
  serial INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, kind TEXT NOT NULL,
  level_s INTEGER NOT NULL, stage TEXT NOT NULL, rows INTEGER NOT NULL, octets INTEGER NOT NULL,
  first_ns INTEGER NOT NULL, last_ns INTEGER NOT NULL) STRICT;
CREATE TABLE cursor (
  sink TEXT PRIMARY KEY, serial INTEGER NOT NULL, overflow INTEGER NOT NULL) STRICT, WITHOUT ROWID;
"""
# AUTOINCREMENT: without it SQLite would give the number of a removed last segment once more.

_REST: Final = """
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

_BEFORE: Final = "ALTER TABLE segment RENAME TO before;"
_AFTER: Final = """
INSERT INTO segment (name, kind, level_s, stage, rows, octets, first_ns, last_ns)
  SELECT name, kind, iif(kind = 'windows', 10, 0), iif(kind = 'windows', 'loose', 'sealed'),
    rows, octets, first_ns, last_ns
  FROM before ORDER BY first_ns, name;
DROP TABLE before;
"""


def _transaction(statements: str) -> str:
    return f"BEGIN IMMEDIATE; {statements} PRAGMA user_version = {VERSION}; COMMIT;"


SCRIPTS: Final = {0: _transaction(_SEGMENT + _REST), 1: _transaction(_BEFORE + _SEGMENT + _AFTER)}
"""What makes a catalogue of this version, by the version that is there; 0 is an empty file."""
