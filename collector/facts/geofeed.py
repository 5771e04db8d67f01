"""Bytes: a geofeed: who uses a range says where its users are (RFC 8805).

    prefix,alpha2code,region,city,postal code     # a comment ends with its line

    192.0.2.0/25,FR,FR-IDF,Paris,
    2001:db8::/32,DE,,,
    198.51.100.7,,,,                              one address; nobody wants it placed

Rules
- Fields may be empty and trailing ones absent; the postal code, which is deprecated, is ignored, so
  is whatever follows. An empty country, or ZZ, asks not to place the range.
- Of ranges that overlap the longest prefix holds. A prefix that stands twice is reported, and its
  first row holds.
- A bad line is left out and reported with its number; the others stand. A file that is no text, or
  without one good line, is refused as a whole.
"""

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Final

from collector.errors import UnreadableError

_COUNTRY: Final = re.compile(r"[A-Za-z]{2}", re.ASCII)
_REGION: Final = re.compile(r"[A-Za-z]{2}-[A-Za-z0-9]{1,3}", re.ASCII)
_NOWHERE: Final = "ZZ"
_LONGEST_FIELD: Final = 200
"""Characters of a name of a place that are kept."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One good line."""

    network: IPv4Network | IPv6Network
    country: str | None
    """ISO 3166-1 alpha-2, capitals; None where the feed asks not to place the range."""
    region: str
    city: str


@dataclass(frozen=True, slots=True)
class BadLine:
    """One line that is left out."""

    number: int
    """From 1."""
    why: str


@dataclass(frozen=True, slots=True)
class Geofeed:
    """What a file holds."""

    entries: tuple[Entry, ...]
    """Each prefix once."""
    bad: tuple[BadLine, ...]


def read(octets: bytes) -> Geofeed:
    """Return the entries of a geofeed and the lines that are none.

    Raises:
        UnreadableError: it is no text in UTF-8, or holds no good line.
    """
    try:
        text = octets.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnreadableError(f"is no text in UTF-8: {error.reason} at {error.start}") from error
    entries: dict[str, tuple[int, Entry]] = {}
    bad: list[BadLine] = []
    for number, line in _lines(text):
        try:
            entry = _entry(line)
        except (ValueError, csv.Error) as error:
            bad.append(BadLine(number, str(error)))
            continue
        before, _ = entries.setdefault(str(entry.network), (number, entry))
        if before != number:
            bad.append(BadLine(number, f"{entry.network} stands in line {before} already"))
    if not entries:
        first = f"; line {bad[0].number}: {bad[0].why}" if bad else ""
        raise UnreadableError(f"has no line of a geofeed (RFC 8805){first}")
    return Geofeed(tuple(entry for _, entry in entries.values()), tuple(bad))


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield what stands before the comment of each line, with its number; nothing is left out."""
    for number, line in enumerate(text.split("\n"), 1):
        content = line.partition("#")[0].strip()
        if content:
            yield number, content


def _entry(line: str) -> Entry:
    fields = [
        field.strip() for field in next(csv.reader([line], strict=True, skipinitialspace=True))
    ]
    prefix, country, region, city = (*fields, "", "", "", "")[:4]
    code = country.upper()
    if code and not _COUNTRY.fullmatch(code):
        raise ValueError(f"{_cut(country)!r} is no country of two letters (ISO 3166-1)")
    if region and not _REGION.fullmatch(region):
        raise ValueError(f"{_cut(region)!r} is no region such as FR-IDF (ISO 3166-2)")
    if region and code and not region.upper().startswith(f"{code}-"):
        raise ValueError(f"region {region} is not of country {code}")
    return Entry(_network(prefix), _placed(code), region.upper(), printable(city))


def _network(prefix: str) -> IPv4Network | IPv6Network:
    try:
        return ip_network(prefix)
    except ValueError as error:
        raise ValueError(f"{_cut(prefix)!r} is no prefix: {_why(error)}") from error


def _why(error: ValueError) -> str:
    set_bits = "has host bits set" in str(error)
    return "it has host bits set" if set_bits else "write one such as 192.0.2.0/24"


def _placed(code: str) -> str | None:
    return None if code in {"", _NOWHERE} else code


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_FIELD else f"{text[:_LONGEST_FIELD]}..."


def printable(name: str) -> str:
    """Return a stranger's text in one line: what does not print becomes a space."""
    whole = " ".join("".join(c if c.isprintable() else " " for c in name).split())
    return whole[:_LONGEST_FIELD]


def told(bad: Sequence[BadLine], path: object, most: int = 20) -> Iterator[str]:
    """Yield a sentence for each of the first `most` bad lines of a file, and how many follow."""
    for line in bad[:most]:
        yield f"{path}, line {line.number}: {line.why}; the line is left out"
    if len(bad) > most:
        yield f"{path}: {len(bad) - most} further lines are left out"
