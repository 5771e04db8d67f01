"""Bytes: what a backup holds, file by file, as JSON that proves itself.

    {"schema": "borne-backup/1", "program": "0.1.0", "began_at": "...", "floor": 42,
     "files": [{"path": "segments/windows-....parquet", "octets": 8123, "sha256": "..."}, ...],
     "sha256": "..."}

Rules
- The last member is the SHA-256 of the manifest without it, as `encode` writes it: a bit that
  flips in the list of files is found like one in a file.
- A path names a file of a room of the store and nothing outside it.
"""

import hashlib
import re
from typing import Final

import msgspec

from collector.errors import CorruptError

FILE_NAME: Final = "backup.json"
SCHEMA: Final = "borne-backup/1"

_PATH: Final = re.compile(
    r"catalog\.sqlite|redaction\.salt|(segments|evidence|journal)/[0-9A-Za-z][0-9A-Za-z._-]*",
    re.ASCII,
)


class File(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One file of a backup."""

    path: str
    """Relative to the backup's directory, and to the store's that is restored."""
    octets: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A whole backup."""

    schema: str = SCHEMA
    program: str
    """Version of the release that made it."""
    began_at: str
    """What was acknowledged before that time is in it."""
    floor: int
    """Number of the first journal file that the catalogue does not have."""
    files: tuple[File, ...]
    sha256: str = ""


def encode(manifest: Manifest) -> bytes:
    """Return the manifest with its own digest."""
    bare = msgspec.structs.replace(manifest, sha256="")
    digest = hashlib.sha256(_octets(bare)).hexdigest()
    return _octets(msgspec.structs.replace(bare, sha256=digest))


def decode(octets: bytes) -> Manifest:
    """Return the manifest that `encode` wrote.

    Raises:
        CorruptError: It is damaged, of another version, or names a file outside the rooms.
    """
    try:
        found = msgspec.json.decode(octets, type=Manifest)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise CorruptError(f"it is no manifest of a backup: {error}") from error
    if found.schema != SCHEMA:
        raise CorruptError(
            f"its schema is {found.schema!r}, this program reads {SCHEMA!r}: use the release that"
            f" made it ({found.program})"
        )
    if encode(found) != octets:
        raise CorruptError("its own digest does not hold: it was changed, or the disk fails")
    for file in found.files:
        if not _PATH.fullmatch(file.path):
            raise CorruptError(f"it names a file that is none of a store: {file.path!r}")
    return found


def _octets(manifest: Manifest) -> bytes:
    return msgspec.json.format(msgspec.json.encode(manifest), indent=1) + b"\n"
