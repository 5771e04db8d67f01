"""Bytes: compiled tables about ranges of addresses: their file, and one address looked up in it.

Layout of NAME.atlas, little-endian

    0   magic "BORNEATL" | u32 version | u32 octets of the header | u32 CRC-32 of it
    20  header: JSON (`Header`), then spaces up to a multiple of 64
        payload: sections, each from a multiple of 64 on
          root_V, pairs_V, runs_V
                              the tree of family V (4 or 6), see `collector.rangetree`
          edges_V             first and last address of each row, big-endian, 4 or 16 octets each
          labels_V            u32 for each row: the number of its label
          numbers             u32 for each label: an AS number, 0 in a table of countries
          ends                u32 for each label: where its text ends in `texts`
          texts               UTF-8: the name of the AS, or the country

Rules
- A file is mapped read-only: its pages are shared and given back under pressure. It is checked
  whole (SHA-256 of the payload) when it is opened, by reading, so that the check maps no page.
- A file that was cut, changed or made by another version is a `CorruptError`, never data.
"""

import datetime as dt
import hashlib
import mmap
import sys
import zlib
from array import array
from collections.abc import Mapping, Sequence
from functools import lru_cache
from io import BufferedReader
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from struct import Struct
from typing import Final, NamedTuple, TypeAlias

import msgspec

from collector import rangetree
from collector.errors import CorruptError, StoreError
from collector.rangetree import Tree
from collector.records import OriginRow, RegistrantRow, Status

MAGIC: Final = b"BORNEATL"
VERSION: Final = 2
"""Of the layout and of what the compiler makes of the same data: it rises with either."""
TABLES: Final = ("origin", "registrant")
BITS: Final[Mapping[int, int]] = {4: 32, 6: 128}
BESIDE: Final = Path(__file__).parent / "tables"
"""Where a checkout keeps its own atlas, and a wheel that was built with one."""

_EPOCH: Final = dt.date(1970, 1, 1).toordinal()
_DAY_S: Final = 86400
_PREFIX: Final = Struct("<8sIII")
_ALIGN: Final = 64
_KEPT_ROWS: Final = 1 << 14
"""Rows that stay read: paths cross the same networks again and again."""
_REPAIR: Final = "build it again with `make atlas` or `borne-collector atlas build`"

Address: TypeAlias = IPv4Address | IPv6Address


class Section(msgspec.Struct, frozen=True):
    """Where a section lies in the payload."""

    offset: int
    octets: int


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """What a table is, and where it comes from."""

    name: str
    source: str
    date: str
    """Day of the data."""
    licence: str
    attribution: tuple[str, ...]
    caution: str
    status: Status = "read"
    rows_4: int
    rows_6: int
    labels: int
    overlaps: int
    """Rows of the source that overlapped others and were cut."""
    octets: int
    """Length of the payload."""
    sha256: str
    """Of the payload."""
    sections: Mapping[str, Section]


class Contents(NamedTuple):
    """A table before it is packed: rows (first, last, label) by family, labels (number, text)."""

    rows: Mapping[int, Sequence[tuple[int, int, int]]]
    labels: Sequence[tuple[int, str]]


class Family(NamedTuple):
    """One family of a table."""

    tree: Tree
    edges: memoryview
    labels: memoryview


class Found(NamedTuple):
    """The row that holds an address."""

    first: str
    last: str
    number: int
    text: str


def pack(contents: Contents, about: Mapping[str, object]) -> bytes:
    """Return the file of a table; `about` holds the fields of the header that tell its origin.

    Raises:
        ValueError: The rows of a family are not rising, or overlap.
    """
    texts = [text.encode() for _, text in contents.labels]
    ends, end = array("I"), 0
    for text in texts:
        ends.append(end := end + len(text))
    parts: dict[str, bytes] = {}
    for family, bits in BITS.items():
        rows = contents.rows[family]
        tree = rangetree.grow([(first, last) for first, last, _ in rows], bits)
        both = (edge.to_bytes(bits // 8) for first, last, _ in rows for edge in (first, last))
        for name, words in tree._asdict().items():
            parts[f"{name}_{family}"] = words.tobytes()
        parts[f"edges_{family}"] = b"".join(both)
        parts[f"labels_{family}"] = array("I", [label for *_, label in rows]).tobytes()
    parts["numbers"] = array("I", [number for number, _ in contents.labels]).tobytes()
    parts["ends"] = ends.tobytes()
    parts["texts"] = b"".join(texts)
    payload, sections = bytearray(), {}
    for name, octets in parts.items():
        sections[name] = Section(len(payload), len(octets))
        payload += _padded(octets)
    header = msgspec.json.encode(
        {
            **about,
            "rows_4": len(contents.rows[4]),
            "rows_6": len(contents.rows[6]),
            "labels": len(contents.labels),
            "octets": len(payload),
            "sha256": hashlib.sha256(payload).hexdigest(),
            "sections": sections,
        }
    )
    header += b" " * (-(_PREFIX.size + len(header)) % _ALIGN)
    return _PREFIX.pack(MAGIC, VERSION, len(header), zlib.crc32(header)) + header + payload


def _padded(octets: bytes) -> bytes:
    return octets + bytes(-len(octets) % _ALIGN)


class Table:
    """An opened table."""

    def __init__(self, path: Path) -> None:
        """Check and map the file.

        Raises:
            CorruptError: It is no table of this version, or was damaged; says what to do.
            StoreError: It cannot be read.
        """
        try:
            with path.open("rb") as file:
                self.header, begin = _header(path, file)
                mapped = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        except (OSError, ValueError) as error:  # an empty file cannot be mapped
            raise StoreError(f"open the table {path}: {error}; {_REPAIR}") from error
        sections = {
            name: mapped[begin + section.offset :][: section.octets]
            for name, section in self.header.sections.items()
        }
        self.families: Mapping[int, Family] = {
            family: Family(
                Tree(
                    sections[f"root_{family}"].cast("I"),
                    sections[f"pairs_{family}"].cast("Q"),
                    sections[f"runs_{family}"].cast("I"),
                ),
                sections[f"edges_{family}"],
                sections[f"labels_{family}"].cast("I"),
            )
            for family in BITS
        }
        self._numbers = sections["numbers"].cast("I")
        self._ends = sections["ends"].cast("I")
        self._texts = sections["texts"]

    def row(self, address: Address) -> int:
        """Return the number of the row that holds `address` in its family, -1 where none does."""
        family = self.families[address.version]
        return rangetree.find(family.tree, int(address), address.max_prefixlen)

    def read(self, version: int, row: int) -> Found:
        """Return what a row of a family (4 or 6) says."""
        family, width = self.families[version], BITS[version] // 8
        edges = family.edges[2 * row * width :][: 2 * width].tobytes()
        kind = IPv4Address if version == 4 else IPv6Address  # noqa: PLR2004 - its own name
        label = family.labels[row]
        begin = self._ends[label - 1] if label else 0
        text = str(self._texts[begin : self._ends[label]], "utf-8")
        first, last = str(kind(edges[:width])), str(kind(edges[width:]))
        return Found(first, last, self._numbers[label], text)


def _header(path: Path, file: BufferedReader) -> tuple[Header, int]:
    """Return the header, and where the payload begins, of a file that is whole."""
    prefix = file.read(_PREFIX.size)
    if len(prefix) < _PREFIX.size or prefix[: len(MAGIC)] != MAGIC:
        raise _wrong(path, "it is no table of Borne")
    _, version, octets, crc = _PREFIX.unpack(prefix)
    if version != VERSION:
        raise _wrong(path, f"it was made by version {version} of the compiler, not {VERSION}")
    if sys.byteorder != "little":
        raise _wrong(path, "it can be read on little-endian machines alone")
    text = file.read(octets)
    if len(text) < octets or zlib.crc32(text) != crc:
        raise _wrong(path, "its header was cut or changed")
    header = msgspec.json.decode(text, type=Header)
    if hashlib.file_digest(file, "sha256").hexdigest() != header.sha256:
        raise _wrong(path, "its payload was cut or changed")
    return header, _PREFIX.size + octets


def _wrong(path: Path, why: str) -> CorruptError:
    return CorruptError(f"open the table {path}: {why}; {_REPAIR}")


class Atlas:
    """The tables that there are; an absent one answers None to everything."""

    def __init__(self, tables: Mapping[str, Table]) -> None:
        """Keep the tables by their names, of `TABLES`."""
        self.tables = dict(tables)
        self._origin = lru_cache(_KEPT_ROWS)(self._read_origin)
        self._registrant = lru_cache(_KEPT_ROWS)(self._read_registrant)

    def origin(self, address: Address) -> OriginRow | None:
        """Return the row of the AS that announces `address`, None where none is known."""
        table = self.tables.get("origin")
        row = -1 if table is None else table.row(address)
        return None if row < 0 else self._origin(address.version, row)

    def registrant(self, address: Address) -> RegistrantRow | None:
        """Return the row of the country that `address` is registered in, None where unknown."""
        table = self.tables.get("registrant")
        row = -1 if table is None else table.row(address)
        return None if row < 0 else self._registrant(address.version, row)

    def _read_origin(self, version: int, row: int) -> OriginRow:
        header, found = self.tables["origin"].header, self.tables["origin"].read(version, row)
        return OriginRow(
            first=found.first,
            last=found.last,
            asn=found.number,
            holder=found.text,
            status=header.status,
            source=header.source,
            date=header.date,
        )

    def _read_registrant(self, version: int, row: int) -> RegistrantRow:
        table = self.tables["registrant"]
        header, found = table.header, table.read(version, row)
        return RegistrantRow(
            first=found.first,
            last=found.last,
            country=found.text,
            status=header.status,
            source=header.source,
            date=header.date,
        )

    @property
    def dated_s(self) -> dict[str, int]:
        """Return the day of the data of each table, Unix time of its midnight; 0: not built."""
        days = {name: table.header.date for name, table in self.tables.items()}
        begins = {name: dt.date.fromisoformat(day).toordinal() for name, day in days.items()}
        return {name: (begins.get(name, _EPOCH) - _EPOCH) * _DAY_S for name in TABLES}

    @property
    def missing(self) -> tuple[str, ...]:
        """Return the names of the tables that were not built."""
        return tuple(name for name in TABLES if name not in self.tables)


def load(directory: Path | None = None) -> Atlas:
    """Open the tables of `directory`, which must hold all; None: those beside the package, if any.

    Raises:
        StoreError: A table cannot be read, is damaged, or is missing in the named directory.
    """
    place = BESIDE if directory is None else directory
    paths = {name: place / f"{name}.atlas" for name in TABLES}
    return Atlas(
        {
            name: Table(path)
            for name, path in paths.items()
            if directory is not None or path.exists()
        }
    )
