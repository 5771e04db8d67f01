"""Shell: a file in the making that knows the checksum and the size of what was written to it."""

import os
import zlib
from contextlib import suppress
from pathlib import Path
from typing import Any


class Summed:
    """A file that knows the checksum of what was written to it, as pyarrow wants one."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("wb")
        self.checksum = 0
        self.octets = 0

    @property
    def closed(self) -> bool:
        """Return whether nothing can be written any more."""
        return self._file.closed

    def write(self, octets: Any) -> int:  # noqa: ANN401 - bytes or a buffer of pyarrow's
        """Write octets and add them to the checksum."""
        self.checksum = zlib.crc32(octets, self.checksum)
        self.octets += len(octets)
        return self._file.write(octets)

    def flush(self) -> None:
        """Hand everything to the system."""
        self._file.flush()

    def tell(self) -> int:
        """Return where the next octet goes."""
        return self.octets

    def sync(self) -> None:
        """Put everything on the disk and close."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()

    def close(self) -> None:
        """Close, whatever was written."""
        with suppress(OSError):
            self._file.close()
