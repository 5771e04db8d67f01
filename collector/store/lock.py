"""Shell: the lock of a store's directory: one collector uses it at a time.

Rules
- The lock ends with the process that holds it, however that ends.
"""

import fcntl
import os
from pathlib import Path
from typing import Final

from collector.errors import StoreError

FILE_NAME: Final = "lock"


def hold(directory: Path) -> int:
    """Return a descriptor that holds the directory's lock until it is closed.

    Raises:
        StoreError: Somebody else holds it, or the directory cannot be written.
    """
    path = directory / FILE_NAME
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
