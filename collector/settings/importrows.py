"""Bytes: `[[imports]]` of `collector.toml`, read strictly.

    [[imports]]
    kind = "geofeed"                  # or "mmdb", "cloud", "states"
    name = "transit customers"        # what evidence and metrics call it
    path = "geofeed.csv"
    author = "network team"
    date = "2026-11-26"               # of the data; databases and clouds' lists say it themselves

Rules
- Each name stands once. Of the files nothing is looked at but when they changed, so that settings
  that are read again differ where a file does.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from agent.settings import Table
from collector import keys
from collector.facts.imported import Import, ImportKind

_KINDS: Final[dict[str, ImportKind]] = {
    "mmdb": "mmdb",
    "geofeed": "geofeed",
    "cloud": "cloud",
    "states": "states",
}
_UNDATED: Final = ("geofeed", "states")
"""Files that do not say of which day they are."""


def imports(tables: Iterable[Table]) -> tuple[Import, ...]:
    """Return the files that the user adds.

    Raises: ConfigError.
    """
    rows = []
    names = keys.Once("import")
    for table in tables:
        kind = table.text("kind")
        if kind not in _KINDS:
            known = '"mmdb", "geofeed", "cloud" or "states"'
            raise table.wrong("kind", f'must be {known}, not "{kind}"')
        if kind in _UNDATED and "date" not in table:
            raise table.wrong("date", "is needed: such a file does not say of which day it is")
        rows.append(
            Import(
                kind=_KINDS[kind],
                name=names.take(table, "name", table.text("name")),
                path=Path(table.text("path")),
                author=table.text("author"),
                date=keys.day(table, "date") if "date" in table else None,
                changed=_changed(Path(table.text("path"))),
            )
        )
        table.done()
    return tuple(rows)


def _changed(path: Path) -> tuple[int, int] | None:
    """Return by what a newer file differs from an older one of its name, None for no file."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size
