"""Bytes: a MaxMind DB file: what its record of an address says of country, place and AS.

Rules
- The format is read by `maxminddb`, an extra of its own (`borne[mmdb]`), imported here at the
  first file. Records of the usual publishers are understood: nested ones (`country.iso_code`,
  `city.names.en`, `autonomous_system_number`) and flat ones (`country_code`, `city`, `asn`).
- What a record holds beside, or in another type, is not seen. A record that cannot be read says
  nothing.
- The reader written in Python is taken: that in C ends the process at metadata it does not expect.
- The file stays mapped. Replace it by renaming another one to its name, never in place.
"""

import datetime as dt
import re
import struct
from collections.abc import Mapping
from ipaddress import ip_network
from pathlib import Path
from typing import Any, NamedTuple

from collector.errors import ConfigError, UnreadableError
from collector.facts.geofeed import printable
from collector.facts.networks import Address

MAGIC = b"\xab\xcd\xefMaxMind.com"
"""Stands before the metadata, within the last 128 KiB of every file."""
_LARGEST_ASN = 2**32 - 1
_LONGEST_ASN = len(str(_LARGEST_ASN))
_DAMAGE = (ValueError, TypeError, ArithmeticError, LookupError, RecursionError, struct.error)
"""What the reader raises beside its own error where octets are not what they claim."""
_COUNTRY = re.compile(r"[A-Z]{2}")


class Said(NamedTuple):
    """What the record of an address says."""

    first: str
    last: str
    """Both ends of the range that shares the record are inside."""
    country: str | None
    where: str
    """Region and city, in English where the file has several languages."""
    asn: int | None
    holder: str


class Database:
    """One opened file."""

    def __init__(self, path: Path) -> None:
        """Map the file.

        Raises:
            ConfigError: the extra is not installed.
            UnreadableError: it is no MaxMind DB file, or cannot be read.
        """
        try:
            import maxminddb  # noqa: PLC0415 - an extra: see the rules
        except ModuleNotFoundError as error:
            raise ConfigError(
                f"read {path}: MaxMind DB files need the package maxminddb, which is not "
                "installed; install borne with its extra: borne[collector,mmdb]"
            ) from error
        self._damage = (maxminddb.InvalidDatabaseError, *_DAMAGE)
        try:
            self._reader = maxminddb.open_database(path, maxminddb.MODE_MMAP)
            metadata = self._reader.metadata()
            built = dt.datetime.fromtimestamp(metadata.build_epoch, dt.UTC)
            kind = printable(metadata.database_type)
        except self._damage as error:
            raise UnreadableError(f"is no MaxMind DB file: {printable(str(error))}") from error
        except OSError as error:
            raise UnreadableError(f"cannot be read: {error.strerror or error}") from error
        self.kind = kind
        """What the publisher calls it."""
        self.date = built.date().isoformat()
        """Day on which it was built."""

    def find(self, address: Address) -> Said | None:
        """Return what the record of `address` says, None where there is none that says anything."""
        try:
            record, bits = self._reader.get_with_prefix_len(address)
            network = ip_network((int(address), bits), strict=False)
        except self._damage:
            return None
        if not isinstance(record, dict) or network.version != address.version:
            return None
        said = Said(
            first=str(network[0]),
            last=str(network[-1]),
            country=_country(record),
            where=", ".join(filter(None, (_region(record), _city(record)))),
            asn=_asn(record),
            holder=_text(record, "autonomous_system_organization", "as_name", "organization"),
        )
        return said if said.country or said.where or said.asn or said.holder else None


def _country(record: Mapping[str, Any]) -> str | None:
    nested = record.get("country")
    code = _text(nested, "iso_code") if isinstance(nested, dict) else ""
    code = code or _text(record, "country_code", "country")
    return code if _COUNTRY.fullmatch(code) else None


def _region(record: Mapping[str, Any]) -> str:
    parts = record.get("subdivisions")
    if isinstance(parts, list) and parts and isinstance(parts[0], dict):
        return _named(parts[0]) or _text(parts[0], "iso_code")
    return _text(record, "region", "state1")


def _city(record: Mapping[str, Any]) -> str:
    nested = record.get("city")
    return _named(nested) if isinstance(nested, dict) else _text(record, "city")


def _named(part: Mapping[str, Any]) -> str:
    names = part.get("names")
    return _text(names, "en") if isinstance(names, dict) else ""


def _asn(record: Mapping[str, Any]) -> int | None:
    for key in ("autonomous_system_number", "asn", "as_number"):
        value = record.get(key)
        text = str(value).removeprefix("AS")
        if isinstance(value, int | str) and not isinstance(value, bool) and text.isdecimal():
            number = int(text) if len(text) <= _LONGEST_ASN else 0
            return number if 0 < number <= _LARGEST_ASN else None
    return None


def _text(record: Mapping[str, Any], *keys: str) -> str:
    """Return the first of `keys` that holds text, in one line; empty where none does."""
    texts = (record.get(key) for key in keys)
    return next((printable(text) for text in texts if isinstance(text, str) and text), "")
