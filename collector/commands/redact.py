"""Shell: `borne-collector redact`: writes the redacted form of a Statement, which still verifies.

Rules
- Without a file for the salt a new one is used and forgotten: nobody can then tell which agents of
  two Statements are the same. A file that is not there is made, for its owner alone.
- Exit codes: 0 it is written, 2 the Statement cannot be read, judged again or redacted.
"""

import os
import secrets
import sys
from pathlib import Path as File
from typing import Final

from collector.audit import redactedstatement
from collector.audit.redaction import SALT_OCTETS
from collector.errors import ConfigError, UnreadableError
from collector.facts import offline

STDIN: Final = "-"


def run(name: str, salt_file: str | None) -> int:
    """Write the redacted form of a Statement to stdout; return the exit code.

    Raises:
        ConfigError: the file of the salt cannot be used, or a compiled table is damaged.
    """
    salt = secrets.token_bytes(SALT_OCTETS) if salt_file is None else kept_salt(File(salt_file))
    try:
        octets = sys.stdin.buffer.read() if name == STDIN else File(name).read_bytes()
        found = redactedstatement.redact(octets, salt, offline.tables())
    except OSError as error:
        sys.stderr.write(f"borne-collector: {name}: cannot be read: {error.strerror}\n")
        return 2
    except UnreadableError as error:
        sys.stderr.write(f"borne-collector: {name}: {error}\n")
        return 2
    sys.stdout.buffer.write(found)
    sys.stdout.buffer.flush()
    return 0


def kept_salt(file: File) -> bytes:
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
