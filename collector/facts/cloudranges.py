"""Bytes: the lists of ranges that clouds publish (JSON), recognised by what they hold.

    cloud          recognised by                          region        service
    ----------------------------------------------------------------------------------------------
    aws            `prefixes[].ip_prefix`                 `region`      `service`
    google         `prefixes[].ipv4Prefix`                `scope`       `service`
    azure          `values[].properties.addressPrefixes`  `region`      the tag's name
    oracle         `regions[].cidrs[].cidr`               `region`      `tags`

Rules
- A range of no region, or of a region that means everywhere (`GLOBAL`, `global`), names no place.
- AWS lists its whole network under AMAZON, with a region each, and what stands in a region under
  the service beside: a range that AMAZON alone names is not *regional*, for it may be of a router
  of the backbone elsewhere. At the other clouds whatever has a region is of the region.
- A range that is listed for two regions is of none.
- A bad row is left out and reported with its place in the document.
"""

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any, Final

import msgspec

from collector.errors import UnreadableError
from collector.facts.geofeed import printable

_EVERYWHERE: Final = frozenset({"", "global"})
_WHOLE_NETWORK: Final = ("aws", "AMAZON")


@dataclass(frozen=True, slots=True)
class Listed:
    """One row of a list, as it stands there."""

    prefix: str
    provider: str
    region: str
    service: str
    at: str
    """Where in the document, for people."""


@dataclass(frozen=True, slots=True)
class CloudRange:
    """What a list says of one range, all of its rows together."""

    network: IPv4Network | IPv6Network
    provider: str
    region: str
    regional: bool
    """True where a service of the region is named for it."""


@dataclass(frozen=True, slots=True)
class CloudList:
    """What a document holds."""

    ranges: tuple[CloudRange, ...]
    """Each range once, those of no region left out."""
    bad: tuple[str, ...]
    """One sentence for each row that is left out because nobody can read it."""
    date: str | None
    """Day of the list, as it says itself."""


def read(octets: bytes) -> CloudList:
    """Return the ranges of a cloud's list.

    Raises:
        UnreadableError: it is no JSON, or of none of the known forms.
    """
    try:
        document = msgspec.json.decode(octets)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UnreadableError(f"is no JSON: {error}") from error
    rows = _rows(document) if isinstance(document, dict) else None
    if rows is None:
        raise UnreadableError(
            "is no list of ranges of a known form: give ip-ranges.json of AWS, cloud.json of "
            "Google, ServiceTags_Public of Azure or public_ip_ranges.json of Oracle"
        )
    ranges, bad = gather(rows)
    if not ranges:
        raise UnreadableError(f"names no range of a region; {bad[0] if bad else 'it is empty'}")
    return CloudList(ranges, bad, _date(document))


def gather(rows: Iterable[Listed]) -> tuple[tuple[CloudRange, ...], tuple[str, ...]]:
    """Return what rows say of each range, and a sentence for each that cannot be read."""
    found: dict[tuple[str, str], list[Listed]] = {}
    bad: list[str] = []
    for row in rows:
        if row.region.lower() not in _EVERYWHERE:
            found.setdefault((row.provider, row.prefix), []).append(row)
    ranges = []
    for (provider, prefix), listed in found.items():
        try:
            network = ip_network(prefix)
        except ValueError:
            bad.append(f"{listed[0].at}: {printable(prefix)!r} is no prefix; the row is left out")
            continue
        if len({row.region for row in listed}) == 1:
            regional = any((provider, row.service) != _WHOLE_NETWORK for row in listed)
            ranges.append(CloudRange(network, provider, listed[0].region, regional))
    return tuple(ranges), tuple(bad)


def _rows(document: Mapping[str, Any]) -> Iterator[Listed] | None:
    """Return the rows of a document, None where it has none of the known forms."""
    prefixes = _dicts(document.get("prefixes"))
    if any("ip_prefix" in row for row in prefixes):
        return _aws(document)
    if any("ipv4Prefix" in row or "ipv6Prefix" in row for row in prefixes):
        return _google(prefixes)
    if "values" in document:
        return _azure(_dicts(document["values"]))
    if "regions" in document:
        return _oracle(_dicts(document["regions"]))
    return None


def _aws(document: Mapping[str, Any]) -> Iterator[Listed]:
    for table, key in (("prefixes", "ip_prefix"), ("ipv6_prefixes", "ipv6_prefix")):
        for number, row in enumerate(_dicts(document.get(table))):
            region, service = _text(row, "region"), _text(row, "service")
            yield Listed(_text(row, key), "aws", region, service, f"{table}[{number}]")


def _google(prefixes: Sequence[Mapping[str, Any]]) -> Iterator[Listed]:
    for number, row in enumerate(prefixes):
        prefix = _text(row, "ipv4Prefix") or _text(row, "ipv6Prefix")
        scope, service = _text(row, "scope"), _text(row, "service")
        yield Listed(prefix, "google", scope, service, f"prefixes[{number}]")


def _azure(values: Sequence[Mapping[str, Any]]) -> Iterator[Listed]:
    for number, row in enumerate(values):
        tag = row.get("properties")
        if isinstance(tag, dict):
            for prefix in _texts(tag.get("addressPrefixes")):
                region = _text(tag, "region")
                yield Listed(prefix, "azure", region, _text(row, "name"), f"values[{number}]")


def _oracle(regions: Sequence[Mapping[str, Any]]) -> Iterator[Listed]:
    for number, row in enumerate(regions):
        for block in _dicts(row.get("cidrs")):
            service = " ".join(_texts(block.get("tags")))
            prefix, region = _text(block, "cidr"), _text(row, "region")
            yield Listed(prefix, "oracle", region, service, f"regions[{number}]")


def _date(document: Mapping[str, Any]) -> str | None:
    """Return the day that a list gives itself: `2026-06-17-...`, `2026-06-17T...`."""
    for key in ("createDate", "creationTime", "last_updated_timestamp"):
        try:
            return dt.date.fromisoformat(_text(document, key)[:10]).isoformat()
        except ValueError:
            continue
    return None


def _dicts(value: object) -> list[Mapping[str, Any]]:
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []


def _texts(value: object) -> list[str]:
    return [text for text in value if isinstance(text, str)] if isinstance(value, list) else []


def _text(row: Mapping[str, Any], key: str) -> str:
    value = row.get(key)
    return value if isinstance(value, str) else ""
