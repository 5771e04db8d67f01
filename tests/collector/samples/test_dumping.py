"""A dump of windows is read as what was written, or not at all."""

import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.errors import CorruptError
from collector.samples import columns as words
from collector.samples import dumping
from collector.samples.windows import Windows

BASE_NS = 1_753_000_000_000_000_000

NINE_ROWS = struct.pack("<QQ", 9, 0)
"""The sizes of a dump of nine rows whose columns are missing."""


def opened() -> Windows:
    """Return windows of two series, one with a sample in the zero bucket."""
    windows = Windows()
    windows.add([1, 2], [0, 1, 3], [0.01, 0.02, 0.0], [0, 0, 20_000], BASE_NS)
    return windows


@pytest.mark.parametrize("windows", [Windows(), opened()])
def test_what_was_encoded_is_decoded(windows: Windows) -> None:
    """Every column comes back with its type and its values, those of no windows too."""
    expected = windows.open()
    found = dumping.decode(dumping.encode(expected))
    for name, dtype in words.DTYPES.items():
        assert dtype == getattr(found, name).dtype
        np.testing.assert_array_equal(getattr(expected, name), getattr(found, name))


@pytest.mark.parametrize(
    ("blob", "says"),
    [
        (b"", "too few"),
        (b"BWIN", "too few"),
        (b"NIWB" + bytes(40), "is not known"),
        (b"BWIN\2\0\0\0" + bytes(40), "is not known"),
        (b"BWIN\1\0\0\0" + bytes(40), "checksum"),
        (b"BWIN\1\0\0\0" + struct.pack("<I", zlib.crc32(NINE_ROWS)) + NINE_ROWS, "cut off"),
    ],
)
def test_a_dump_that_is_none_is_refused(blob: bytes, says: str) -> None:
    """Too short, of another magic or version, with another checksum, or cut: `CorruptError`."""
    with pytest.raises(CorruptError, match=says):
        dumping.decode(blob)


@settings(deadline=None)
@given(st.data())
def test_a_changed_dump_is_never_loaded_as_data(data: st.DataObject) -> None:
    """One flipped bit, or any cut, raises `CorruptError` and nothing else."""
    blob = bytearray(opened().dump())
    if data.draw(st.booleans()):
        blob = blob[: data.draw(st.integers(0, len(blob) - 1))]
    else:
        blob[data.draw(st.integers(0, len(blob) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(CorruptError):
        dumping.decode(bytes(blob))
