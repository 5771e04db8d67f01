"""Shell: `borne-collector redact`: writes the redacted form of a Statement, which still verifies.

Rules
- Without a file for the salt a new one is used and forgotten: nobody can then tell which agents of
  two Statements are the same. A file that is not there is made, for its owner alone.
- Exit codes: 0 it is written, 2 the Statement cannot be read, judged again or redacted.
"""

import secrets
import sys
from pathlib import Path as File
from typing import Final

from collector.audit import redactedstatement
from collector.audit.redaction import SALT_OCTETS
from collector.audit.salts import kept_salt
from collector.commands import offline
from collector.errors import UnreadableError

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
