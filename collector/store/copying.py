"""Shell: files taken over octet for octet, with their digest, durably."""

import hashlib
import os
import shutil
from pathlib import Path
from typing import BinaryIO, Final

from collector.store.manifest import File

_CHUNK_OCTETS: Final = 1 << 20
_MODE: Final = 0o600


def copy(source: Path, target: Path, path: str) -> File:
    """Copy a file, on the disk when this returns; return what a manifest lists of it.

    What the source grows by meanwhile is taken or left: the digest is that of the copy.

    Raises: OSError.
    """
    with source.open("rb") as read:
        return copy_opened(read, target, path)


def copy_opened(read: BinaryIO, target: Path, path: str) -> File:
    """Copy what an open file holds from its begin on, also where its name is gone; as `copy`.

    Raises: OSError.
    """
    read.seek(0)
    with target.open("xb") as written:
        os.fchmod(written.fileno(), _MODE)
        found = _taken(read, path, written)
        written.flush()
        os.fsync(written.fileno())
    return found


def link(source: Path, target: Path, path: str) -> File:
    """Give a file that never changes a second name, or copy it where that cannot be.

    Raises: OSError.
    """
    try:
        target.hardlink_to(source)
    except FileNotFoundError:
        raise
    except OSError:
        return copy(source, target, path)
    return describe(target, path)


def describe(file: Path, path: str) -> File:
    """Return what a manifest lists of a file.

    Raises: OSError.
    """
    with file.open("rb") as read:
        return _taken(read, path, None)


def clear(directory: Path) -> None:
    """Remove all that is in a directory, if it is one, as far as that can be."""
    for entry in directory.iterdir() if directory.is_dir() else ():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry, ignore_errors=True)
        else:
            entry.unlink(missing_ok=True)


def _taken(read: BinaryIO, path: str, written: BinaryIO | None) -> File:
    digest, octets = hashlib.sha256(), 0
    while chunk := read.read(_CHUNK_OCTETS):
        digest.update(chunk)
        octets += len(chunk)
        if written is not None:
            written.write(chunk)
    return File(path=path, octets=octets, sha256=digest.hexdigest())
