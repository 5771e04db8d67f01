"""Bytes: the checks that several tables of `collector.toml` share, each with its message.

Rules
- What is wrong is a `ConfigError` of the table: file, line, key, what was found, what to write.
"""

import datetime as dt
import re
from collections.abc import Callable
from typing import Final

from agent.settings import Table

_TERRITORY: Final = re.compile(r"[A-Z]{2}")
_NO_TERRITORY: Final = {"UK": "GB", "EL": "GR", "FX": "FR", "EU": "the country's own code"}
"""Codes in daily use that are no territory of ISO 3166-1, and what is meant."""


class Once:
    """Refuses the second row that gives the same value."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._owners: dict[str, str] = {}

    def take(self, table: Table, key: str, value: str, owner: str | None = None) -> str:
        """Return `value`, noting that `owner` (default: itself) has it now."""
        if value in self._owners:
            raise table.wrong(
                key, f'"{value}" is already taken by {self._kind} "{self._owners[value]}"'
            )
        self._owners[value] = owner or value
        return value


def territory(table: Table, key: str) -> str:
    """Return the ISO 3166-1 alpha-2 code under `key`."""
    return checked_territory(table, key, table.text(key))


def checked_territory(table: Table, key: str, code: str) -> str:
    """Return `code` if it is one of ISO 3166-1 alpha-2."""
    if not _TERRITORY.fullmatch(code):
        raise table.wrong(key, f'must be two capital letters (ISO 3166-1), not "{code}"')
    if code in _NO_TERRITORY:
        raise table.wrong(key, f'"{code}" is no ISO 3166-1 code; write {_NO_TERRITORY[code]}')
    return code


def matching(
    table: Table, key: str, pattern: re.Pattern[str], wanted: str, *, fold: bool = True
) -> str:
    """Return the text of `key`, lower-cased where `fold`, if all of it matches `pattern`."""
    text = table.text(key)
    found = text.lower() if fold else text
    if not pattern.fullmatch(found):
        raise table.wrong(key, f'must be {wanted}, not "{text}"')
    return found


def parsed(table: Table, key: str, parse: Callable[[str], str], wanted: str) -> str:
    """Return what `parse` makes of the text of `key`; its ValueError becomes the message."""
    text = table.text(key)
    try:
        return parse(text)
    except ValueError as error:
        raise table.wrong(key, f'must be {wanted}, not "{text}"') from error


def day(table: Table, key: str) -> str:
    """Return a day in its usual writing."""
    return parsed(
        table,
        key,
        lambda text: dt.date.fromisoformat(text).isoformat(),
        "a day such as 2026-01-31 in quotes",
    )
