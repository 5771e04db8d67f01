"""A file knows the checksum of what was written to it."""

import zlib
from pathlib import Path

import pyarrow as pa

from collector.store.summed import Summed


def test_checksum_and_size_are_those_of_the_file(tmp_path: Path) -> None:
    """Octets and the buffers of pyarrow count alike, and all is on the disk in the end."""
    file = Summed(tmp_path / "f")
    file.write(b"one")
    file.write(pa.py_buffer(b"two"))
    file.flush()
    assert (6, False) == (file.tell(), file.closed)
    file.sync()
    written = (tmp_path / "f").read_bytes()
    assert (b"onetwo", zlib.crc32(b"onetwo"), 6) == (written, file.checksum, file.octets)
    assert file.closed
    file.close()
