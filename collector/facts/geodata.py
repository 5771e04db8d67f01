"""Bytes: published tables about addresses, clouds and borders, and what is compiled of them.

Lines: `first,last,AS number,name` or `first,last,country`; addresses are numbers, both ends are
inside.

Rules
- A line that is not of this form stops the compilation: its file and its number are named.
- Where rows overlap, the narrowest holds, as the longest prefix would; of equally wide ones that
  which begins first, then that which stands first. How many rows were cut is counted in the header.
- Names are claims of strangers that go to terminals and pages: what does not print becomes a
  space.
"""

import csv
import gzip
import heapq
import re
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files
from itertools import pairwise
from pathlib import Path
from typing import Final, Literal, TypeAlias

import msgspec

from collector.errors import ConfigError
from collector.facts import soil, territories, topology
from collector.facts.atlas import BITS, Contents, pack
from collector.facts.cloudranges import Listed, gather
from collector.facts.geofeed import printable

_COUNTRY: Final = re.compile(r"[A-Z]{2}")
_LARGEST_ASN: Final = 2**32 - 1
_CLOUDS: Final = {"gcp": "google"}
"""What the package calls a cloud that zones.toml calls otherwise."""

Row: TypeAlias = tuple[int, int, int]
"""First address, last address, number of the label."""
Label: TypeAlias = tuple[int, str]
"""AS number (0 where there is none) and text."""
Reader: TypeAlias = Callable[[Sequence[str]], Label]
"""What makes a label of the fields behind a range."""


class Source(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A published table of the release."""

    name: Literal["origin", "registrant", "cloud", "soil"]
    client: Literal["npm", "pip"] = "npm"
    package: str
    version: str
    integrity: str
    date: str
    files: Mapping[str, str]
    """Of addresses: CSV by family, "4" and "6"; of clouds: MessagePack, "ranges"; of soil:
    TopoJSON, "borders"."""
    licence: str
    attribution: tuple[str, ...]
    caution: str

    @property
    def ident(self) -> str:
        """Return `package@version`."""
        return f"{self.package}@{self.version}"

    def path(self, key: str, directory: Path) -> Path:
        """Return where a file of the package lies once it was unpacked into `directory`."""
        return directory / Path(self.files[key]).name


class _CloudRow(msgspec.Struct, frozen=True):
    cidr: str
    provider: int = msgspec.field(name="p")
    region: str = msgspec.field(name="r", default="")
    service: str = msgspec.field(name="s", default="")


class _CloudFile(msgspec.Struct, frozen=True):
    providers: tuple[str, ...]
    ranges: tuple[_CloudRow, ...]


class _Sources(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    tables: tuple[Source, ...]


@cache
def sources() -> tuple[Source, ...]:
    """Return the published tables of this release."""
    document = (files("collector") / "tables" / "atlas.toml").read_bytes()
    return msgspec.toml.decode(document, type=_Sources).tables


def compile_table(
    source: Source, directory: Path, *, ident: str | None = None, date: str | None = None
) -> bytes:
    """Return the file of a table made of the CSV files in `directory`.

    `ident` and `date` tell where newer data come from; default: the pinned package.

    Raises:
        ConfigError: A file is missing, or a line of it is not of the documented form.
    """
    told = {
        "name": source.name,
        "source": ident or source.ident,
        "date": date or source.date,
        "licence": source.licence,
        "attribution": source.attribution,
        "caution": source.caution,
    }
    if source.name == "soil":
        borders = topology.read(source.path("borders", directory), territories.load())
        return soil.pack(borders, told)
    if source.name == "cloud":
        return _clouds(source.path("ranges", directory), told)
    labels: dict[Label, int] = {}
    read = _origin if source.name == "origin" else _registrant
    rows: dict[int, Sequence[Row]] = {}
    overlaps = 0
    for family, bits in BITS.items():
        path = source.path(str(family), directory)
        rows[family], cut = disjoint(_rows(path, bits, read, labels))
        overlaps += cut
    about = {**told, "overlaps": overlaps}
    return pack(Contents(rows, tuple(labels)), about)


def _clouds(path: Path, told: Mapping[str, object]) -> bytes:
    """Return the table of clouds' ranges: cloud and region of each, and if it is regional."""
    try:
        found = msgspec.msgpack.decode(gzip.decompress(path.read_bytes()), type=_CloudFile)
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error}; is the package whole?") from error
    except (EOFError, zlib.error, msgspec.DecodeError) as error:
        raise ConfigError(f"cannot compile {path}: {error}; is it the right file?") from error
    ranges, bad = gather(_listed(found))
    if bad:
        raise ConfigError(f"cannot compile {path}: {bad[0]}")
    labels: dict[Label, int] = {}
    rows: dict[int, list[Row]] = {family: [] for family in BITS}
    for one in ranges:
        label = (int(one.regional), f"{one.provider}/{printable(one.region)}")
        ends = int(one.network[0]), int(one.network[-1])
        rows[one.network.version].append((*ends, labels.setdefault(label, len(labels))))
    whole = {family: disjoint(found) for family, found in rows.items()}
    about = {**told, "overlaps": sum(cut for _, cut in whole.values())}
    cut_rows = {family: found for family, (found, _) in whole.items()}
    return pack(Contents(cut_rows, tuple(labels)), about)


def _listed(found: _CloudFile) -> Iterator[Listed]:
    for number, row in enumerate(found.ranges):
        if row.provider >= len(found.providers):
            raise ConfigError(f"cannot compile ranges[{number}]: it is of no provider")
        provider = found.providers[row.provider]
        yield Listed(
            prefix=row.cidr,
            provider=_CLOUDS.get(provider, provider),
            region=row.region,
            service=row.service,
            at=f"ranges[{number}]",
        )


def disjoint(rows: Sequence[Row]) -> tuple[list[Row], int]:
    """Return rows that overlap nowhere, rising, and how many were cut for that."""
    ordered = sorted(rows, key=lambda row: row[:2])
    whole: list[Row] = []
    cluster: list[Row] = []
    end, cut = -1, 0
    for row in [*ordered, None]:
        if row is not None and row[0] <= end:
            cluster.append(row)
        else:
            cut += len(cluster) if len(cluster) > 1 else 0
            whole += cluster if len(cluster) < 2 else _narrowest(cluster)  # noqa: PLR2004
            cluster = [] if row is None else [row]
        end = end if row is None else max(end, row[1])
    return whole, cut


def _narrowest(cluster: Sequence[Row]) -> Iterator[Row]:
    """Yield the pieces of overlapping rows, rising by first address: in each the narrowest."""
    edges = sorted({row[0] for row in cluster} | {row[1] + 1 for row in cluster})
    over: list[tuple[int, int, Row]] = []
    coming = list(enumerate(cluster))[::-1]
    for begin, end in pairwise(edges):
        while coming and coming[-1][1][0] <= begin:
            number, row = coming.pop()
            heapq.heappush(over, (row[1] - row[0], number, row))
        while over and over[0][2][1] < begin:
            heapq.heappop(over)
        if over:
            yield begin, end - 1, over[0][2][2]


def _rows(path: Path, bits: int, read: Reader, labels: dict[Label, int]) -> list[Row]:
    """Return the rows of a file, with the number that `labels` gives to what each says."""
    rows: list[Row] = []
    known: dict[tuple[str, ...], int] = {}
    try:
        with path.open(encoding="utf-8", newline="") as file:
            for fields in csv.reader(file, strict=True):
                said = tuple(fields[2:])
                if said not in known:
                    known[said] = labels.setdefault(read(said), len(labels))
                rows.append((*_range(fields, bits), known[said]))
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}; is the package whole?") from error
    except (ValueError, IndexError, csv.Error) as error:
        where = f"{path}, line {len(rows) + 1}"
        raise ConfigError(f"cannot compile {where}: {error}; is it the right file?") from error
    return rows


def _range(fields: Sequence[str], bits: int) -> tuple[int, int]:
    first, last = int(fields[0]), int(fields[1])
    if not 0 <= first <= last < 1 << bits:
        raise ValueError(f"{first} to {last} is no range of {bits} bits")
    return first, last


def _origin(said: Sequence[str]) -> Label:
    if len(said) != 2 or not 0 < int(said[0]) <= _LARGEST_ASN:  # noqa: PLR2004
        raise ValueError(f"{list(said)} is no AS number with a name")
    return int(said[0]), printable(said[1])


def _registrant(said: Sequence[str]) -> Label:
    if len(said) != 1 or not _COUNTRY.fullmatch(said[0]):
        raise ValueError(f"{list(said)} is no country of two capital letters")
    return 0, said[0]
