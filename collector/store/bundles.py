"""Shell: evidence Statements as files named by the SHA-256 of their octets.

Rules
- A file exists whole or not at all: temporary name, fsync, rename, fsync of the directory.
- Writing the same Statement again changes nothing: a replay may do so.
- What is read is proved against its name; octets that do not match are reported, not returned.
- Upkeep moves those of days that are over into a segment each (`collector.store.archive`).
"""

import hashlib
import re
import threading
from contextlib import suppress
from pathlib import Path
from typing import Final

from collector.errors import CorruptError, StoreError
from collector.files import publish, sync_directory
from collector.store.archive import Loose

_DIGEST: Final = re.compile(r"[0-9a-f]{64}")


class Bundles:
    """The Statements in one directory; `store` and `read` may be called from any thread."""

    def __init__(self, directory: Path) -> None:
        """Use `directory`, which exists."""
        self._directory = directory
        self._writing = threading.Lock()

    def store(self, statement: bytes) -> str:
        """Keep `statement` durably; return its SHA-256 (hex).

        Raises:
            StoreError: It could not be written; nothing of it is kept.
        """
        digest = hashlib.sha256(statement).hexdigest()
        path = self.path(digest)
        try:
            with self._writing:
                if path.exists():
                    sync_directory(self._directory)
                else:
                    publish(path, statement)
        except OSError as error:
            raise StoreError(
                f"write the evidence {path}: {error}; its crossing is shown once it is written:"
                " make room or mend the disk"
            ) from error
        return digest

    def read(self, digest: str) -> bytes | None:
        """Return the Statement with this SHA-256 (hex); None if there is none.

        Raises:
            CorruptError: Its octets do not match its name.
            StoreError: It cannot be read.
        """
        if not _DIGEST.fullmatch(digest):
            return None
        path = self.path(digest)
        try:
            statement = path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StoreError(f"read the evidence {path}: {error}; check the disk") from error
        if hashlib.sha256(statement).hexdigest() != digest:
            raise CorruptError(
                f"read the evidence {path}: its octets do not match its name; it was changed or"
                " the disk fails: take it from a copy"
            )
        return statement

    def path(self, digest: str) -> Path:
        """Return where the Statement with this SHA-256 (hex) has a file of its own, if it does."""
        return self._directory / f"{digest}.json"

    def loose(self, before_ns: int) -> list[Loose]:
        """Return the Statements that were written before a moment and lie in files of their own."""
        found = []
        for path in self._directory.glob("*.json"):
            if _DIGEST.fullmatch(path.stem):
                with suppress(FileNotFoundError):
                    found.append(Loose(path.stem, path.stat().st_mtime_ns))
        return sorted(one for one in found if one.written_ns < before_ns)

    def remove(self, digest: str) -> None:
        """Remove the file of a Statement that is kept elsewhere now."""
        self.path(digest).unlink(missing_ok=True)
