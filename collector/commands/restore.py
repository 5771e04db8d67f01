"""Shell: `borne-collector restore`: a backup becomes a store that a collector starts from.

Rules
- Every octet is held against the manifest while it is copied; what does not match is named, and
  nothing of the store is left. Files are copied, never linked: the backup stays what it is.
- The store's lock is held meanwhile and the catalogue comes last: no collector starts from half of
  it.
"""

import os
from pathlib import Path
from typing import Final

from collector.errors import ConfigError, CorruptError, StoreError
from collector.files import sync_directory
from collector.recovery import Rooms
from collector.store import checkpoints, copying, lock, manifest
from collector.store.manifest import File, Manifest

_CHANGED: Final = "it was changed, or its disk fails: take another backup"


def run(source: Path, target: Path) -> Manifest:
    """Restore the backup in `source` into `target`, which is empty or not there.

    Raises:
        ConfigError: `target` is not empty, or `source` is no finished backup.
        CorruptError: A file of the backup is not what was written; the message names it.
        StoreError: A collector uses `target`, or it cannot be written.
    """
    written = read(source)
    _check(target)
    rooms = Rooms(target)
    try:
        target.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"restore into {target}: {error}") from error
    held = lock.hold(target)
    try:
        rooms.make()
        for file in sorted(written.files, key=lambda row: row.path == checkpoints.FILE_NAME):
            _restore(source, target, file)
        for directory in (rooms.segments, rooms.evidence, rooms.journal, target):
            sync_directory(directory)
    except OSError as error:
        copying.clear(target)
        raise StoreError(f"restore into {target}: {error}; nothing of it is left") from error
    except BaseException:
        copying.clear(target)
        raise
    finally:
        os.close(held)
    return written


def read(source: Path) -> Manifest:
    """Return the manifest of a finished backup.

    Raises:
        ConfigError: There is none.
        CorruptError: It is damaged.
    """
    path = source / manifest.FILE_NAME
    try:
        octets = path.read_bytes()
    except OSError as error:
        raise ConfigError(
            f"restore from {source}: {path.name} cannot be read ({error.strerror}); it is no"
            " backup, or one that was not finished"
        ) from error
    try:
        return manifest.decode(octets)
    except CorruptError as error:
        raise CorruptError(f"restore from {path}: {error}") from error


def _check(target: Path) -> None:
    if not target.exists():
        return
    if (target / lock.FILE_NAME).exists():
        os.close(lock.hold(target))
    if not target.is_dir() or any(target.iterdir()):
        raise ConfigError(
            f"restore into {target}: it is not empty; name a new directory, or move what is there"
        )


def _restore(source: Path, target: Path, file: File) -> None:
    path = source / file.path
    try:
        size = path.stat().st_size
    except OSError as error:
        raise CorruptError(f"restore {path}: {error.strerror}; {_CHANGED}") from error
    if size != file.octets:
        raise CorruptError(
            f"restore {path}: it has {size} octets and had {file.octets}; {_CHANGED}"
        )
    if copying.copy(path, target / file.path, file.path) != file:
        raise CorruptError(f"restore {path}: its digest is not the manifest's; {_CHANGED}")
