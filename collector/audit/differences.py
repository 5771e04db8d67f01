"""Bytes: where two JSON values differ, each place by its name.

Rules
- A place is written as `predicate.paths[0].hops[2].ttl`: members by name, elements by number,
  counted from 0 in the value that was found.
- 1 and 1.0 are one number, 1 and true are not one value.
- Rows of a table are paired by what names them, so that one missing row is one difference.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import msgspec

from collector.audit.findings import Difference, Json

_NAMES: Final[Mapping[str, Sequence[str]]] = {
    "operators": ("id",),
    "names": ("operator", "rule", "code"),
    "places": ("key",),
    "networks": ("prefix",),
    "special": ("prefix",),
    "origins": ("first", "last"),
    "registrants": ("first", "last"),
    "carriers": ("asns",),
    "exchanges": ("prefix",),
    "known_anycast": ("prefix",),
    "clouds": ("first", "last", "provider"),
    "imports": ("name", "first", "last"),
    "owners": ("name", "asn", "country"),
    "anycast": ("path", "address"),
    "landmarks": ("path", "address", "agent"),
    "standings": ("path", "agent"),
    "soil": ("sha256",),
    "zones": ("provider", "region"),
    "jurisdictions": ("name",),
}
"""What names a row of each table of a Statement."""


def compare(found: Json, made: Json, path: str) -> Iterator[Difference]:
    """Yield the places at which `found` is not what was recomputed, `made`, in order."""
    if isinstance(found, dict) and isinstance(made, dict):
        for key in [*found, *(key for key in made if key not in found)]:
            yield from _member(found, made, key, f"{path}.{key}" if path else key)
    elif isinstance(found, list) and isinstance(made, list):
        for at in range(max(len(found), len(made))):
            place = f"{path}[{at}]"
            if at >= len(made):
                yield unexpected(place, found[at])
            elif at >= len(found):
                yield missing(place, made[at])
            else:
                yield from compare(found[at], made[at], place)
    elif not _same(found, made):
        yield Difference(path=path, found=found, recomputed=made, says="is not what follows")


def tables(
    found: Mapping[str, Json], made: Mapping[str, Json], path: str, origin: str
) -> Iterator[Difference]:
    """Yield the rows of tables that differ; `origin` says in a clause where `made` comes from."""
    for name in [*found, *(name for name in made if name not in found)]:
        place = f"{path}.{name}"
        if not isinstance(found.get(name), list) or name not in made:
            yield from _member(found, made, name, place)
            continue
        wanted = {_name(name, row): row for row in made[name]}
        for at, row in enumerate(found[name]):
            expected = wanted.pop(_name(name, row), None)
            if expected is None:
                yield unexpected(f"{place}[{at}]", row)
                continue
            for each in compare(row, expected, f"{place}[{at}]"):
                yield msgspec.structs.replace(each, says=f"{each.says} from {origin}")
        for row in wanted.values():
            yield missing(place, row)


def missing(path: str, made: Json) -> Difference:
    """Return that something must stand at `path`, and does not."""
    return Difference(path=path, recomputed=made, kind="missing", says="is missing")


def unexpected(path: str, found: Json) -> Difference:
    """Return that what stands at `path` took part in nothing."""
    return Difference(path=path, found=found, kind="unexpected", says="does not belong here")


def _member(found: Json, made: Json, key: str, path: str) -> Iterator[Difference]:
    if key not in made:
        yield unexpected(path, found[key])
    elif key not in found:
        yield missing(path, made[key])
    else:
        yield from compare(found[key], made[key], path)


def _same(found: Json, made: Json) -> bool:
    if isinstance(found, bool) or isinstance(made, bool):
        return found is made
    return (type(found) is type(made) and bool(found == made)) or _numbers(found, made)


def _numbers(found: Json, made: Json) -> bool:
    both = isinstance(found, int | float) and isinstance(made, int | float)
    return both and bool(found == made)


def _name(table: str, row: Json) -> object:
    """Return what names a row; a row without its name is named by all that it says."""
    names = _NAMES.get(table, ())
    if not names or not isinstance(row, dict) or not all(name in row for name in names):
        return repr(row)
    return repr([row[name] for name in names])
