"""Bytes: open windows as octets for a checkpoint.

     0 magic "BWIN" |  4 version u32          |  8 CRC-32 of the rest u32
    12 rows n u64   | 20 sketch entries m u64 | 28 the columns of `Columns` in order

Little-endian; `decode` gives exactly the same windows back.
"""

import struct
import zlib
from dataclasses import fields
from typing import Final

import numpy as np

from agent.records import Outcome
from collector.errors import CorruptError
from collector.samples.columns import DTYPES, Columns

_HEADER: Final = struct.Struct("<4sII")
_SIZES: Final = struct.Struct("<QQ")
_MAGIC: Final = b"BWIN"
_VERSION: Final = 1


def encode(columns: Columns) -> bytes:
    """Return windows as octets."""
    sizes = _SIZES.pack(len(columns), columns.bucket.size)
    arrays = (
        np.ascontiguousarray(getattr(columns, field.name), DTYPES[field.name])
        for field in fields(Columns)
    )
    parts = [memoryview(sizes), *(array.data for array in arrays)]
    checksum = 0
    for part in parts:
        checksum = zlib.crc32(part, checksum)
    return b"".join((_HEADER.pack(_MAGIC, _VERSION, checksum), *parts))


def decode(blob: bytes) -> Columns:
    """Return the windows that `encode` wrote, checked.

    Raises:
        CorruptError: The octets are not what `encode` wrote.
    """
    start = _HEADER.size + _SIZES.size
    if len(blob) < start:
        raise CorruptError(f"read open windows: {len(blob)} octets are too few for a header")
    magic, version, checksum = _HEADER.unpack_from(blob)
    if (magic, version) != (_MAGIC, _VERSION):
        raise CorruptError(f"read open windows: magic {magic!r} version {version} is not known")
    if zlib.crc32(memoryview(blob)[_HEADER.size :]) != checksum:
        raise CorruptError("read open windows: the checksum does not hold")
    rows, entries = _SIZES.unpack_from(blob, _HEADER.size)
    sizes = {"counts": rows * len(Outcome), "offsets": rows + 1}
    sizes |= dict.fromkeys(("bucket", "bucket_count"), entries)
    columns, position = {}, start
    for name, dtype in DTYPES.items():
        size = sizes.get(name, rows)
        if position + size * dtype.itemsize > len(blob):
            raise CorruptError(f"read open windows: column {name} is cut off")
        columns[name] = np.frombuffer(blob, dtype, size, position).copy()
        position += size * dtype.itemsize
    columns["counts"] = columns["counts"].reshape(rows, len(Outcome))
    return Columns(**columns)
