"""Bytes: files of named sections, mapped read-only, that are whole or are no data.

Layout, little-endian

    0   magic "BORNEATL" | u32 version | u32 octets of the header | u32 CRC-32 of it
    20  header: JSON, then spaces up to a multiple of 64
        payload: sections, each from a multiple of 64 on

Rules
- The header holds what the maker tells of the data, and `Seal`: where each section lies, the length
  of the payload and its SHA-256.
- A file is mapped: its pages are shared and given back under pressure. It is checked whole when
  it is opened, by reading, so that the check maps no page.
- A file that was cut, changed or made by another version is a `CorruptError`, never data.
- The version is that of the maker: of the layout and of what it makes of the same data.
"""

import hashlib
import mmap
import sys
import zlib
from collections.abc import Mapping
from io import BufferedReader
from pathlib import Path
from struct import Struct
from typing import Final, NamedTuple

import msgspec

from collector.errors import CorruptError, StoreError

MAGIC: Final = b"BORNEATL"

_PREFIX: Final = Struct("<8sIII")
_ALIGN: Final = 64
_REPAIR: Final = "build it again with `make atlas` or `borne-collector atlas build`"


class Section(msgspec.Struct, frozen=True):
    """Where a section lies in the payload."""

    offset: int
    octets: int


class Seal(msgspec.Struct, frozen=True, kw_only=True):
    """What the header says of the payload."""

    octets: int
    """Length of the payload."""
    sha256: str
    """Of the payload."""
    sections: Mapping[str, Section]


class Opened(NamedTuple):
    """A file that is whole."""

    header: bytes
    """JSON: what the maker told of the data, beside the members of `Seal`."""
    sections: Mapping[str, memoryview]


def seal(version: int, about: Mapping[str, object], parts: Mapping[str, bytes]) -> bytes:
    """Return the file of `parts`; `about` is what the header tells beside the seal."""
    payload, sections = bytearray(), {}
    for name, octets in parts.items():
        sections[name] = Section(len(payload), len(octets))
        payload += octets + bytes(-len(octets) % _ALIGN)
    header = msgspec.json.encode(
        {
            **about,
            "octets": len(payload),
            "sha256": hashlib.sha256(payload).hexdigest(),
            "sections": sections,
        }
    )
    header += b" " * (-(_PREFIX.size + len(header)) % _ALIGN)
    return _PREFIX.pack(MAGIC, version, len(header), zlib.crc32(header)) + header + payload


def unseal(path: Path, version: int) -> Opened:
    """Check a file that this version of its maker made, and map it.

    Raises:
        CorruptError: It is no file of this version, or was damaged; says what to do.
        StoreError: It cannot be read.
    """
    try:
        with path.open("rb") as file:
            header, begin = _header(path, file, version)
            mapped = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    except (OSError, ValueError) as error:  # an empty file cannot be mapped
        raise StoreError(f"open the table {path}: {error}; {_REPAIR}") from error
    sections = msgspec.json.decode(header, type=Seal).sections
    return Opened(
        header,
        {
            name: mapped[begin + section.offset :][: section.octets]
            for name, section in sections.items()
        },
    )


def _header(path: Path, file: BufferedReader, version: int) -> tuple[bytes, int]:
    """Return the header, and where the payload begins, of a file that is whole."""
    prefix = file.read(_PREFIX.size)
    if len(prefix) < _PREFIX.size or prefix[: len(MAGIC)] != MAGIC:
        raise _wrong(path, "it is no table of Borne")
    _, made_by, octets, crc = _PREFIX.unpack(prefix)
    if made_by != version:
        raise _wrong(path, f"it was made by version {made_by} of the compiler, not {version}")
    if sys.byteorder != "little":
        raise _wrong(path, "it can be read on little-endian machines alone")
    header = file.read(octets)
    if len(header) < octets or zlib.crc32(header) != crc:
        raise _wrong(path, "its header was cut or changed")
    found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != msgspec.json.decode(header, type=Seal).sha256:
        raise _wrong(path, "its payload was cut or changed")
    return header, _PREFIX.size + octets


def _wrong(path: Path, why: str) -> CorruptError:
    return CorruptError(f"open the table {path}: {why}; {_REPAIR}")
