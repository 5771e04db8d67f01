"""Shell: files that exist whole or not at all, whatever ends the program or the power."""

import os
from pathlib import Path


def publish(path: Path, octets: bytes | memoryview) -> None:
    """Put `octets` under `path`, whole, on the disk when this returns.

    Raises:
        OSError: Nothing new stands under `path`, and no part of it is left.
    """
    partial = path.with_suffix(".partial")
    try:
        with partial.open("wb") as file:
            file.write(octets)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError:
        partial.unlink(missing_ok=True)
        raise
    sync_directory(path.parent)


def sync_directory(directory: Path) -> None:
    """Make the names in `directory` durable.

    Raises: OSError.
    """
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
