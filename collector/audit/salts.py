"""Shell: the file of a salt, with which redaction gives the same agent the same name each time.

Rules
- A file that is not there is made, for its owner alone; it is never written again.
"""

import os
import secrets
from pathlib import Path

from collector.audit.redaction import SALT_OCTETS
from collector.errors import ConfigError


def kept_salt(file: Path) -> bytes:
    """Return the salt of a file, which is made where it is not there.

    Raises:
        ConfigError: it cannot be read or made, or holds less than a salt.
    """
    try:
        with open(file, "xb", opener=_private) as made:
            made.write(secrets.token_bytes(SALT_OCTETS))
    except FileExistsError:
        pass
    except OSError as error:
        raise ConfigError(f"make the salt {file}: {error.strerror}; give another file") from error
    try:
        found = file.read_bytes()
    except OSError as error:
        raise ConfigError(f"read the salt {file}: {error.strerror}; give another file") from error
    if len(found) < SALT_OCTETS:
        what = f"it has {len(found)} octets, a salt has {SALT_OCTETS} at least; remove it"
        raise ConfigError(f"read the salt {file}: {what}")
    return found


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
