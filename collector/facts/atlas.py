"""Bytes: compiled tables about ranges of addresses: their file, and one address looked up in it.

Sections of NAME.atlas, a sealed file (`collector.facts.sealed`) with `Header`, little-endian

    root_V, pairs_V, runs_V   the tree of family V (4 or 6), see `collector.facts.rangetree`
    edges_V                   first and last address of each row, big-endian, 4 or 16 octets each
    labels_V                  u32 for each row: the number of its label
    numbers                   u32 for each label: an AS number, 0 in a table of countries; of
                              clouds 1 where the range is of a service of the region, else 0
    ends                      u32 for each label: where its text ends in `texts`
    texts                     UTF-8: the name of the AS, the country, or cloud/region
"""

import datetime as dt
from array import array
from collections.abc import Mapping, Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Final, NamedTuple, TypeAlias

import msgspec

from collector.facts import rangetree
from collector.facts.rangetree import Tree
from collector.facts.sealed import seal, unseal
from collector.records import OriginRow, RegistrantRow, Status

VERSION: Final = 2
"""Of the layout and of what the compiler makes of the same data: it rises with either."""
TABLES: Final = ("origin", "registrant")
FURTHER: Final = ("cloud",)
"""Tables that a directory of the user's own need not hold."""
BITS: Final[Mapping[int, int]] = {4: 32, 6: 128}
BESIDE: Final = Path(__file__).parents[1] / "tables"
"""Where a checkout keeps its own atlas, and a wheel that was built with one."""

_EPOCH: Final = dt.date(1970, 1, 1).toordinal()
_DAY_S: Final = 86400
_KEPT_ROWS: Final = 1 << 14
"""Rows that stay read: paths cross the same networks again and again."""

Address: TypeAlias = IPv4Address | IPv6Address


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
    sha256: str
    """Of the payload."""


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
    rows_told = {f"rows_{family}": len(contents.rows[family]) for family in BITS}
    return seal(VERSION, {**about, **rows_told, "labels": len(contents.labels)}, parts)


class Table:
    """An opened table."""

    def __init__(self, path: Path) -> None:
        """Check and map the file.

        Raises:
            CorruptError: It is no table of this version, or was damaged; says what to do.
            StoreError: It cannot be read.
        """
        text, sections = unseal(path, VERSION)
        self.header = msgspec.json.decode(text, type=Header)
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

    def cloud(self, address: Address) -> tuple[Header, Found] | None:
        """Return the table of clouds' ranges with its row that holds `address`, if any."""
        table = self.tables.get("cloud")
        row = -1 if table is None else table.row(address)
        if table is None or row < 0:
            return None
        return table.header, table.read(address.version, row)

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
        return {name: (begins.get(name, _EPOCH) - _EPOCH) * _DAY_S for name in TABLES + FURTHER}

    @property
    def missing(self) -> tuple[str, ...]:
        """Return the names of the tables that were not built."""
        return tuple(name for name in TABLES if name not in self.tables)


def load(directory: Path | None = None) -> Atlas:
    """Open the tables of `directory`, which must hold `TABLES`; None: those beside the package.

    Raises:
        StoreError: A table cannot be read, is damaged, or is missing in the named directory.
    """
    place = BESIDE if directory is None else directory
    paths = {name: place / f"{name}.atlas" for name in TABLES + FURTHER}
    return Atlas(
        {
            name: Table(path)
            for name, path in paths.items()
            if (directory is not None and name in TABLES) or path.exists()
        }
    )
