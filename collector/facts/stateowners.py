"""Bytes: a list of state-owned operators (CSV), as Carisimo et al. publish theirs (IMC 2021).

    asn,conglomerate,org_id,org_name,ownership_cc,...,source,quote,quote_lang,url,...
    5432,BE-PROXIMUS,...,Proximus NV,BE,...,"Company's website",...,https://...

Rules
- Columns go by their names in the first line: `asn`, `org_name` and `ownership_cc` are needed,
  `ownership_percentage` (of the list of minority owners) and `url` are read where they are there.
- A bad line is left out and reported with its number; a file without these columns, or without one
  good line, is refused as a whole.
- One number may stand in several lines: several states own it.
"""

import csv
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from collector.errors import UnreadableError
from collector.facts.geofeed import BadLine, printable

COLUMNS: Final = ("asn", "org_name", "ownership_cc")
_COUNTRY: Final = re.compile(r"[A-Z]{2}", re.ASCII)
_LARGEST_ASN: Final = 2**32 - 1


@dataclass(frozen=True, slots=True)
class StateOwner:
    """One good line."""

    asn: int
    operator: str
    country: str
    """ISO 3166-1 alpha-2 code of the state."""
    share: str
    """In percent, as the list writes it; empty: the majority."""
    url: str
    """Where the list has it from; may be empty."""


@dataclass(frozen=True, slots=True)
class StateOwners:
    """What a file holds."""

    rows: tuple[StateOwner, ...]
    bad: tuple[BadLine, ...]


def read(octets: bytes) -> StateOwners:
    """Return the owners of a list and the lines that are none.

    Raises:
        UnreadableError: it is no text in UTF-8, lacks a column, or holds no good line.
    """
    try:
        lines = csv.DictReader(octets.decode("utf-8-sig").splitlines(), strict=True)
        missing = [name for name in COLUMNS if name not in (lines.fieldnames or ())]
    except (UnicodeDecodeError, csv.Error) as error:
        raise UnreadableError(f"is no list in UTF-8: {error}") from error
    if missing:
        raise UnreadableError(f"is no list of state-owned operators: it lacks {missing[0]!r}")
    rows: list[StateOwner] = []
    bad: list[BadLine] = []
    try:
        for line in lines:
            try:
                rows.append(_row(line))
            except ValueError as error:
                bad.append(BadLine(lines.line_num, str(error)))
    except csv.Error as error:
        bad.append(BadLine(lines.line_num, f"{error}; nothing behind it is read"))
    if not rows:
        first = f"; line {bad[0].number}: {bad[0].why}" if bad else ""
        raise UnreadableError(f"has no line of a state-owned operator{first}")
    return StateOwners(tuple(rows), tuple(bad))


def _row(line: Mapping[str, str | None]) -> StateOwner:
    number, country = _text(line, "asn").removeprefix("AS"), _text(line, "ownership_cc").upper()
    if not number.isdecimal() or not 0 < int(number) <= _LARGEST_ASN:
        raise ValueError(f"{number!r} is no AS number")
    if not _COUNTRY.fullmatch(country):
        raise ValueError(f"{country!r} is no country of two letters (ISO 3166-1)")
    return StateOwner(
        asn=int(number),
        operator=_text(line, "org_name"),
        country=country,
        share=_text(line, "ownership_percentage"),
        url=_text(line, "url"),
    )


def _text(line: Mapping[str, str | None], key: str) -> str:
    return printable(line.get(key) or "")
