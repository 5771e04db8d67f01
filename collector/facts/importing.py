"""Shell: opens the files that the user adds, and answers what they say of an address.

Rules
- A file that cannot be used as a whole stops the program with one sentence: a verdict must not rest
  on less than its reader thinks. Bad rows of a good file are left out, and reported with their
  place.
- Everything is opened at once and never again: a new `Opened` stands for newer files.
- Of each file the SHA-256 is kept: it goes into every Statement beside those of the tables.
"""

import datetime as dt
import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

import msgspec

from collector.errors import ConfigError, UnreadableError
from collector.facts import cloudranges, clouds, geofeed, stateowners
from collector.facts.imported import CloudRow, Import, ImportedRow, ImportKind, OwnerRow
from collector.facts.mmdb import MAGIC, Database
from collector.facts.networks import Address, Prefixes

_EPOCH: Final = dt.date(1970, 1, 1).toordinal()
_DAY_S: Final = 86400
_MOST_BAD: Final = 20
_HEAD: Final = 64
"""Octets by which text is told from JSON."""
_TAIL: Final = 128 * 1024
"""Octets at the end of a MaxMind DB file that hold its metadata."""
BY_HAND: Final = "command line"
"""Author of a file that a command was given."""

Find: TypeAlias = Callable[[Address], ImportedRow | CloudRow | None]
Owners: TypeAlias = Callable[[int], tuple[OwnerRow, ...]]


@dataclass(frozen=True, slots=True)
class File:
    """One opened file."""

    row: Import
    """As it was named, with its date."""
    sha256: str
    reports: tuple[str, ...]
    """What was left out, one sentence each."""
    find: Find
    owners: Owners = lambda _: ()


class Opened:
    """All files; satisfies `collector.facts.imported.Imports`."""

    def __init__(self, files: Sequence[File] = ()) -> None:
        """Keep the files in the order of the settings."""
        self.files = tuple(files)
        self._said = tuple(one.find for one in files if one.row.kind != "cloud")
        self._clouds = tuple(one.find for one in files if one.row.kind == "cloud")
        self._owners = tuple(one.owners for one in files if one.row.kind == "states")

    @property
    def sha256(self) -> Mapping[str, str]:
        """Return the digest of each file, by the name that Statements give it."""
        return {f"import {one.row.name}": one.sha256 for one in self.files}

    @property
    def dated_s(self) -> Mapping[str, int]:
        """Return the day of each import's data, Unix time of its midnight."""
        return {f"import {one.row.name}": _midnight_s(one.row.date) for one in self.files}

    @property
    def reports(self) -> Iterator[str]:
        """Yield what was left out of the files, one sentence each."""
        return (f"import {one.row.name}: {said}" for one in self.files for said in one.reports)

    def said(self, address: Address) -> tuple[ImportedRow, ...]:
        """Return what databases and geofeeds say of an address, in the order of the settings."""
        found = (find(address) for find in self._said)
        return tuple(row for row in found if isinstance(row, ImportedRow))

    def cloud(self, address: Address) -> CloudRow | None:
        """Return the row of the first list of a cloud that holds the address, if any."""
        found = (find(address) for find in self._clouds)
        return next((row for row in found if isinstance(row, CloudRow)), None)

    def owners(self, asn: int) -> tuple[OwnerRow, ...]:
        """Return what lists say of the states behind an AS number, in the order of the settings."""
        return tuple(row for owners in self._owners for row in owners(asn))


def open_all(rows: Sequence[Import]) -> Opened:
    """Open every file.

    Raises:
        ConfigError: one cannot be read, is nothing of its kind, or needs a package that is missing.
    """
    return Opened([_open(row) for row in rows])


def by_hand(path: Path) -> Import:
    """Return a file that a command was given, its kind recognised by content.

    A geofeed and a list of states do not say of which day they are: that of the file stands for it.

    Raises:
        ConfigError: it cannot be read.
    """
    try:
        kind = _kind(path)
        day = dt.datetime.fromtimestamp(path.stat().st_mtime, dt.UTC).date().isoformat()
    except OSError as error:
        raise ConfigError(f"--import {path}: cannot be read: {error.strerror}") from error
    date = day if kind in {"geofeed", "states"} else None
    return Import(kind=kind, name=path.name, path=path, author=BY_HAND, date=date)


def _kind(path: Path) -> ImportKind:
    with path.open("rb") as file:
        head = file.read(_HEAD).lstrip(b"\xef\xbb\xbf \t\r\n")
        size = file.seek(0, 2)
        file.seek(max(0, size - _TAIL))
        if MAGIC in file.read():
            return "mmdb"
    if head.startswith(b"asn,"):
        return "states"
    return "cloud" if head[:1] in {b"{", b"["} else "geofeed"


def _open(row: Import) -> File:
    try:
        with row.path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        return _KINDS[row.kind](row, digest)
    except (OSError, UnreadableError) as error:
        why = f"cannot be read: {error.strerror}" if isinstance(error, OSError) else str(error)
        raise ConfigError(f"import {row.name}: {row.path} {why}") from error


def _database(row: Import, digest: str) -> File:
    base = Database(row.path)
    dated = _dated(row, base.date)

    def find(address: Address) -> ImportedRow | None:
        said = base.find(address)
        return None if said is None else _imported(dated, **said._asdict())

    return File(dated, digest, (), find)


def _geofeed(row: Import, digest: str) -> File:
    feed = geofeed.read(row.path.read_bytes())
    rows = Prefixes(
        [
            (
                str(one.network),
                _imported(
                    row,
                    first=str(one.network[0]),
                    last=str(one.network[-1]),
                    country=one.country,
                    where=", ".join(filter(None, (one.region, one.city))),
                ),
            )
            for one in feed.entries
        ]
    )
    return File(row, digest, tuple(geofeed.told(feed.bad, row.path, _MOST_BAD)), rows.find)


def _cloud(row: Import, digest: str) -> File:
    found = cloudranges.read(row.path.read_bytes())
    dated = _dated(row, found.date)
    source = f"{row.name}, imported by {row.author}"
    rows = Prefixes(
        [
            (
                str(one.network),
                clouds.of_range(one, name=row.name, source=source, date=_day(dated)),
            )
            for one in found.ranges
        ]
    )
    return File(dated, digest, tuple(_told(found.bad, row.path)), rows.find)


def _states(row: Import, digest: str) -> File:
    found = stateowners.read(row.path.read_bytes())
    owners: dict[int, tuple[OwnerRow, ...]] = {}
    for one in found.rows:
        made = OwnerRow(
            name=row.name,
            asn=one.asn,
            operator=one.operator,
            country=one.country,
            share=one.share,
            url=one.url,
            author=row.author,
            date=_day(row),
        )
        owners[one.asn] = (*owners.get(one.asn, ()), made)
    reports = tuple(geofeed.told(found.bad, row.path, _MOST_BAD))
    return File(row, digest, reports, lambda _: None, lambda asn: owners.get(asn, ()))


_KINDS: Final[Mapping[ImportKind, Callable[[Import, str], File]]] = {
    "mmdb": _database,
    "geofeed": _geofeed,
    "cloud": _cloud,
    "states": _states,
}


def _imported(
    row: Import,
    *,
    first: str,
    last: str,
    country: str | None,
    where: str,
    asn: int | None = None,
    holder: str = "",
) -> ImportedRow:
    return ImportedRow(
        kind=row.kind,
        name=row.name,
        first=first,
        last=last,
        country=country,
        where=where,
        asn=asn,
        holder=holder,
        author=row.author,
        date=_day(row),
    )


def _told(bad: Sequence[str], path: Path) -> Iterator[str]:
    yield from (f"{path}, {said}" for said in bad[:_MOST_BAD])
    if len(bad) > _MOST_BAD:
        yield f"{path}: {len(bad) - _MOST_BAD} further rows are left out"


def _dated(row: Import, date: str | None) -> Import:
    """Return an import with a date: that of the settings, else the file's own."""
    if row.date is None and date is None:
        raise UnreadableError("does not say of which day it is; give `date`")
    return msgspec.structs.replace(row, date=row.date or date)


def _day(row: Import) -> str:
    return row.date or "undated"


def _midnight_s(day: str | None) -> int:
    return 0 if day is None else (dt.date.fromisoformat(day).toordinal() - _EPOCH) * _DAY_S
