"""Shell: three naive rules of others, asked of the same paths: what tables alone would have said.

A path leaves a jurisdiction where any of its addresses ...

    registrant   is registered in a country outside
    geo-whois    is placed in a country outside, by published geofeeds, else by whois
    unanimous    is placed in one country outside by all three tables: these two and DB-IP's

Rules
- Addresses that are not globally routable are left out, as any such tool does.
- An address that a table does not hold says nothing.
- Two of the tables are fetched for this comparison alone (`tables.toml`). No verdict of Borne's
  rests on any of them.
"""

import csv
import tempfile
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Literal

import msgspec

from agent.records import Path as Trace
from collector.facts.networks import Networks
from collector.records import Jurisdiction
from deploy.setup import atlas

CACHE = atlas.ROOT / ".cache" / "bench"
PINS = Path(__file__).parent / "tables.toml"

Countries = Mapping[str, str]
"""Country of each address that a table holds."""
Rule = Callable[[Trace, Jurisdiction], bool]
"""Whether a path is called to have left."""


class Published(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A pinned package with a table of countries; it has what `deploy.setup.atlas` asks for."""

    name: Literal["geo-whois", "dbip"]
    package: str
    version: str
    integrity: str
    date: str
    files: dict[Literal["4", "6"], str]
    licence: str
    registry: Literal["npm"] = "npm"

    def path(self, key: Literal["4", "6"], directory: Path) -> Path:
        """Return where a file of the package lies once it was unpacked into `directory`."""
        return directory / self.files[key]

    @property
    def ident(self) -> str:
        """Return `package@version`."""
        return f"{self.package}@{self.version}"


class _Pins(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    tables: tuple[Published, ...]


def pins() -> tuple[Published, ...]:
    """Return the packages that are fetched for the comparison alone."""
    return msgspec.toml.decode(PINS.read_bytes(), type=_Pins).tables


def addresses(path: Trace) -> list[str]:
    """Return the globally routable addresses of a path, each once."""
    said = (reply.address for hop in path.hops for reply in hop.replies if reply.address)
    return [address for address in dict.fromkeys(said) if _is_global(address)]


def _is_global(address: str) -> bool:
    try:
        return ip_address(address).is_global
    except ValueError:
        return False


def registrants(asked: Iterable[str], networks: Networks) -> dict[str, str]:
    """Return the country that each address is registered in, of those that the atlas holds."""
    found = {address: networks.registrant(address) for address in asked}
    return {address: row.country for address, row in found.items() if row is not None}


def published(asked: Iterable[str], table: Published) -> dict[str, str]:
    """Return the country that a fetched table gives each address, of those that it holds."""
    known = list(asked)
    package = atlas.fetch(table, CACHE)
    found: dict[str, str] = {}
    with tempfile.TemporaryDirectory(dir=CACHE) as directory:
        atlas.unpack(package, table, Path(directory))
        for version, name in table.files.items():
            own = [address for address in known if ip_address(address).version == int(version)]
            found |= look_up(Path(directory) / name, own)
    return found


def look_up(file: Path, asked: Iterable[str]) -> dict[str, str]:
    """Return the country of each address; rows are `first,last,country`, the narrowest holds."""
    numbers = sorted((int(ip_address(address)), address) for address in set(asked))
    found: dict[str, tuple[int, str]] = {}
    with file.open(encoding="utf-8", newline="") as rows:
        for first, last, country in csv.reader(rows, strict=True):
            low, high = int(first), int(last)
            begin = bisect_left(numbers, (low, ""))
            for _, address in numbers[begin : bisect_right(numbers, (high + 1, ""))]:
                width = high - low
                if address not in found or width < found[address][0]:
                    found[address] = width, country
    return {address: country for address, (_, country) in found.items() if country}


def any_foreign(path: Trace, countries: Countries, jurisdiction: Jurisdiction) -> bool:
    """Say whether one table puts any address of the path outside."""
    said = (countries.get(address) for address in addresses(path))
    return any(code is not None and code not in jurisdiction.territories for code in said)


def all_agree(path: Trace, tables: Iterable[Countries], jurisdiction: Jurisdiction) -> bool:
    """Say whether all tables put some address of the path into one country outside."""
    every = list(tables)
    for address in addresses(path):
        said = {table.get(address) for table in every}
        code = next(iter(said))
        if len(said) == 1 and code is not None and code not in jurisdiction.territories:
            return True
    return False
