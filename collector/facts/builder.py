"""Shell: builds the atlas: published tables on this disk become compiled ones."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from collector.errors import StoreError
from collector.facts import atlas, geodata, sealed, soil
from collector.facts.geodata import Source
from collector.files import publish

VERSIONS: Final = {
    "origin": atlas.VERSION,
    "registrant": atlas.VERSION,
    "cloud": atlas.VERSION,
    "soil": soil.VERSION,
}
"""The version of the compiler of each table."""


class Made(msgspec.Struct, frozen=True):
    """What a compiled table was made of."""

    source: str
    date: str


def made(source: Source, directory: Path) -> Made:
    """Return what the table of a source in `directory` was made of.

    Raises:
        StoreError: It is missing, damaged, or made by another compiler.
    """
    found = sealed.unseal(directory / f"{source.name}.atlas", VERSIONS[source.name])
    return msgspec.json.decode(found.header, type=Made)


def build(source: Source, directory: Path, to: Path, *, ident: str, date: str) -> Path:
    """Compile the files of `source` in `directory` into a table in `to`; return its path.

    Raises:
        ConfigError: A file is missing or is not of the documented form.
        StoreError: The table cannot be written.
    """
    octets = geodata.compile_table(source, directory, ident=ident, date=date)
    path = to / f"{source.name}.atlas"
    try:
        to.mkdir(parents=True, exist_ok=True)
        publish(path, octets)
    except OSError as error:
        raise StoreError(
            f"write the table {path}: {error}; name another directory, or make room"
        ) from error
    return path


def build_all(directory: Path, to: Path, *, ident: str, date: str) -> Iterator[Path]:
    """Compile every table from newer files in `directory`; yield the path of each.

    Clouds and borders are left alone where their file is not there: the former change daily and
    come best from the clouds themselves (`[[imports]]`), the latter seldom.

    Raises: as `build`.
    """
    for source in geodata.sources():
        further = source.name in {"cloud", "soil"}
        if further and not all(source.path(key, directory).exists() for key in source.files):
            continue
        yield build(source, directory, to, ident=ident, date=date)
