"""Shell: builds the atlas: published tables on this disk become compiled ones."""

from collections.abc import Iterator
from pathlib import Path

from collector import geodata
from collector.errors import StoreError
from collector.geodata import Source
from collector.store.files import publish


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

    Raises: as `build`.
    """
    for source in geodata.sources():
        yield build(source, directory, to, ident=ident, date=date)
