"""Words: what files that the user adds say of addresses, and the settings that name them.

Rules
- What an imported file says is testimony of its kind, with the import's name and day. Databases
  and geofeeds decide nothing, alone or together: they are shown. A cloud's own list of its ranges
  supports a place where the cloud announces the address (`collector.facts.clouds`).
- Files are read when the collector or the command starts, and again when the settings are read
  again and a file differs.
"""

from collections.abc import Mapping, Sequence
from ipaddress import ip_address
from pathlib import Path
from typing import Final, Literal, Protocol, TypeAlias

import msgspec

from collector.facts.networks import Address
from collector.records import Kind, Place, Status

ImportKind: TypeAlias = Literal["mmdb", "geofeed", "cloud", "states"]


class Import(msgspec.Struct, frozen=True, kw_only=True):
    """One row of `[[imports]]`."""

    kind: ImportKind
    name: str
    """What evidence, metrics and messages call it."""
    path: Path
    """Relative to the working directory of the program."""
    author: str
    """Who added it."""
    date: str | None = None
    """Day of the data; None: the file itself says it."""
    changed: tuple[int, int] | None = None
    """Time (ns) and size of the file when the settings were read; None where there was none."""


class ImportedRow(msgspec.Struct, frozen=True, kw_only=True):
    """What one database or geofeed says of one range."""

    kind: ImportKind
    name: str
    """Of the import."""
    first: str
    last: str
    """Both ends are inside."""
    country: str | None
    """As the file writes it; None where it names none."""
    where: str = ""
    """Region and city, as the file writes them."""
    asn: int | None = None
    holder: str = ""
    """Whom the file names as the one who announces or holds the range."""
    author: str
    date: str


EVIDENCE: Final[dict[ImportKind, Kind]] = {
    "mmdb": "database",
    "geofeed": "geofeed",
    "cloud": "cloud",
    "states": "database",
}
"""The kind of evidence that a kind of import is."""


class OwnerRow(msgspec.Struct, frozen=True, kw_only=True):
    """What one list says of the state behind an AS number."""

    name: str
    """Of the import."""
    asn: int
    operator: str
    """As the list calls it."""
    country: str
    """Of the state."""
    share: str
    """In percent, as the list writes it; empty: the majority."""
    url: str
    """Where the list has it from; may be empty."""
    author: str
    date: str


class CloudRow(msgspec.Struct, frozen=True, kw_only=True):
    """A range that a cloud publishes as one of a region's."""

    first: str
    last: str
    """Both ends are inside."""
    provider: str
    region: str
    regional: bool
    """True where the cloud names a service for it that stands in the region; False for ranges of
    its network at large, whose equipment may stand elsewhere."""
    place: Place | None
    """Of the region, by the catalogue of zones; None where that has no row, or a recalled one."""
    asns: tuple[int, ...]
    """The cloud's own AS numbers."""
    imported: str = ""
    """Name of the import; empty: the table of the release."""
    disputed: str = ""
    """`provider/region` by the table of the release where an import says otherwise; else empty."""
    status: Status
    source: str
    date: str


class Imports(Protocol):
    """The user's files, ready to be asked."""

    def said(self, address: Address) -> tuple[ImportedRow, ...]:
        """Return what databases and geofeeds say of an address, in the order of the settings."""
        ...

    def cloud(self, address: Address) -> CloudRow | None:
        """Return the row of the first list of a cloud that holds the address, if any."""
        ...

    def owners(self, asn: int) -> tuple[OwnerRow, ...]:
        """Return what lists say of the states behind an AS number, in the order of the settings."""
        ...


class DatedImports(Imports, Protocol):
    """The same with what a Statement names of the files; `facts.importing.Opened` is one."""

    @property
    def sha256(self) -> Mapping[str, str]:
        """Return the digest of each file, by the name that Statements give it."""
        ...


class StatedImports:
    """Rows of a Statement, looked through one by one; satisfies `Imports`."""

    def __init__(self, rows: Sequence[ImportedRow], owners: Sequence[OwnerRow] = ()) -> None:
        """Keep the rows.

        Raises:
            ValueError: an end of a row is no address.
        """
        self._rows = [(ip_address(row.first), ip_address(row.last), row) for row in rows]
        self._owners = tuple(owners)

    def said(self, address: Address) -> tuple[ImportedRow, ...]:
        """Return the rows that hold `address`."""
        return tuple(
            row
            for first, last, row in self._rows
            if first.version == address.version and int(first) <= int(address) <= int(last)
        )

    def cloud(self, address: Address) -> CloudRow | None:  # noqa: ARG002 - see `StatedClouds`
        """Return nothing: a Statement keeps clouds' ranges apart."""
        return None

    def owners(self, asn: int) -> tuple[OwnerRow, ...]:
        """Return the rows of an AS number."""
        return tuple(row for row in self._owners if row.asn == asn)


class NoImports:
    """What there is without any; satisfies `Imports`."""

    def said(self, address: Address) -> tuple[ImportedRow, ...]:  # noqa: ARG002 - the port's form
        """Return nothing."""
        return ()

    def cloud(self, address: Address) -> CloudRow | None:  # noqa: ARG002 - the port's form
        """Return nothing."""
        return None

    def owners(self, asn: int) -> tuple[OwnerRow, ...]:  # noqa: ARG002 - the port's form
        """Return nothing."""
        return ()
