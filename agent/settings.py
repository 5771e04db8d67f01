"""Bytes: a strict reader of TOML settings whose errors name file, line, key and nearest key.

Both programs read their files with it. `read` gives a `Document`; its tables hand out values
one by one and remember which keys were asked for; `done` then refuses the rest.

    document = read(path)
    agent = document.table("agent")
    name = agent.text("name")
    latitude = agent.number("latitude", minimum=-90, maximum=90)
    agent.done()
    document.done()

Rules
- A value has exactly the type that is asked for: `true` is no integer, `"5"` is no number.
- Numbers are finite; texts hold at least one visible character and no control character.
- tomllib reports no lines of keys, so the lines are found by a scan of the text: a header
  starts a table, `key =` at the beginning of a line belongs to the table above it.
"""

import difflib
import math
import re
import tomllib
from collections.abc import Mapping
from enum import Enum, auto
from pathlib import Path
from typing import TypeVar, overload

from agent.errors import ConfigError

FILE_LIMIT_OCTETS = 4 * 1024 * 1024
"""A settings file beyond this size is a mistake (a log, a database), not settings."""

_LARGEST = 2**63 - 1
"""TOML promises integers of 64 bits; a bound at or beyond this one is none."""

Default = TypeVar("Default")


class _Required(Enum):
    """Stands where a key has no default, so that None can be one."""

    REQUIRED = auto()


_REQUIRED = _Required.REQUIRED

_HEADER = re.compile(r"^\s*(\[\[?)\s*([^\[\]]+?)\s*\]\]?\s*(?:#.*)?$")
_KEY = re.compile(r"""^\s*("[^"]*"|'[^']*'|[A-Za-z0-9_-]+)\s*[=.]""")
_LINE_OF_SYNTAX = re.compile(r"\(at line (\d+), column \d+\)$")


class Table:
    """One table of a document; every key that is asked for counts as known."""

    def __init__(
        self,
        label: str,
        values: Mapping[str, object],
        lines: Mapping[str, int],
        where: tuple[Path, int],
    ) -> None:
        """Take the table's `label` as errors print it and the place (file, line) of its header."""
        self.label = label
        self._values = values
        self._lines = lines
        self._path, self._line = where
        self._asked: set[str] = set()

    def __contains__(self, key: str) -> bool:
        """Tell whether the file gives `key`; the key counts as known afterwards."""
        self._asked.add(key)
        return key in self._values

    def wrong(self, key: str | None, message: str) -> ConfigError:
        """Make the error that says `message` at the line of `key` (None: of the table)."""
        line = self._line if key is None else self._lines.get(key, self._line)
        subject = self.label if key is None else f"{self.label} {key}"
        return ConfigError(f"{self._path}:{line}: {subject}: {message}")

    @overload
    def text(self, key: str) -> str: ...
    @overload
    def text(self, key: str, default: Default) -> str | Default: ...
    def text(self, key: str, default: Default | _Required = _REQUIRED) -> str | Default:
        """Return a text of at least one visible character; `default` where the key is absent."""
        if key not in self:
            return self._default(key, default)
        return self._checked_text(key, self._values[key])

    @overload
    def integer(self, key: str, *, minimum: int = ..., maximum: int = ...) -> int: ...
    @overload
    def integer(
        self, key: str, default: Default, *, minimum: int = ..., maximum: int = ...
    ) -> int | Default: ...
    def integer(
        self,
        key: str,
        default: Default | _Required = _REQUIRED,
        minimum: int = -(2**63),
        maximum: int = 2**63 - 1,
    ) -> int | Default:
        """Return an integer from `minimum` to `maximum`, both included."""
        if key not in self:
            return self._default(key, default)
        value = self._values[key]
        if not isinstance(value, int) or isinstance(value, bool):
            raise self._mistyped(key, "an integer", value)
        self._in_range(key, value, minimum, maximum)
        return value

    @overload
    def number(self, key: str, *, minimum: float = ..., maximum: float = ...) -> float: ...
    @overload
    def number(
        self, key: str, default: Default, *, minimum: float = ..., maximum: float = ...
    ) -> float | Default: ...
    def number(
        self,
        key: str,
        default: Default | _Required = _REQUIRED,
        minimum: float = -math.inf,
        maximum: float = math.inf,
    ) -> float | Default:
        """Return a finite number from `minimum` to `maximum`, both included."""
        if key not in self:
            return self._default(key, default)
        value = self._values[key]
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise self._mistyped(key, "a number", value)
        if not math.isfinite(value):
            raise self.wrong(key, f"must be a finite number, not {value}")
        self._in_range(key, value, minimum, maximum)
        return float(value)

    @overload
    def boolean(self, key: str) -> bool: ...
    @overload
    def boolean(self, key: str, default: Default) -> bool | Default: ...
    def boolean(self, key: str, default: Default | _Required = _REQUIRED) -> bool | Default:
        """Return `true` or `false`."""
        if key not in self:
            return self._default(key, default)
        value = self._values[key]
        if not isinstance(value, bool):
            raise self._mistyped(key, "true or false", value)
        return value

    @overload
    def texts(self, key: str) -> tuple[str, ...]: ...
    @overload
    def texts(self, key: str, default: Default) -> tuple[str, ...] | Default: ...
    def texts(
        self, key: str, default: Default | _Required = _REQUIRED
    ) -> tuple[str, ...] | Default:
        """Return a list of texts; the list itself may be empty."""
        if key not in self:
            return self._default(key, default)
        value = self._values[key]
        if not isinstance(value, list):
            raise self._mistyped(key, "a list of texts", value)
        return tuple(self._checked_text(key, item) for item in value)

    @overload
    def integers(self, key: str) -> tuple[int, ...]: ...
    @overload
    def integers(self, key: str, default: Default) -> tuple[int, ...] | Default: ...
    def integers(
        self, key: str, default: Default | _Required = _REQUIRED
    ) -> tuple[int, ...] | Default:
        """Return a list of integers; the list itself may be empty."""
        if key not in self:
            return self._default(key, default)
        value = self._values[key]
        if not isinstance(value, list) or not all(type(item) is int for item in value):
            raise self._mistyped(key, "a list of integers", value)
        return tuple(value)

    def table(self, key: str) -> "Table":
        """Return the table under `key`, an empty one where it is absent."""
        value = self._values[key] if key in self else {}
        if not isinstance(value, dict):
            raise self._mistyped(key, "a table", value)
        label = f"{self.label[:-1]}.{key}]"
        return Table(label, value, {}, (self._path, self._lines.get(key, self._line)))

    def done(self) -> None:
        """Refuse what was never asked for; call it after the last value.

        Raises: ConfigError naming the first unknown key and the nearest known one.
        """
        for key in self._values:
            if key not in self._asked:
                line = self._lines.get(key, self._line)
                hint = _nearest(key, self._asked)
                raise ConfigError(f'{self._path}:{line}: {self.label} unknown key "{key}"; {hint}')

    def _default(self, key: str, default: Default | _Required) -> Default:
        if isinstance(default, _Required):
            raise self.wrong(None, f'the key "{key}" is missing')
        return default

    def _checked_text(self, key: str, value: object) -> str:
        if not isinstance(value, str):
            raise self._mistyped(key, "a text", value)
        if not value.strip() or not value.isprintable():
            raise self.wrong(
                key, f"must be a visible text without control characters, not {value!r}"
            )
        return value

    def _in_range(self, key: str, value: float, minimum: float, maximum: float) -> None:
        if not minimum <= value <= maximum:
            raise self.wrong(key, f"must be {_interval(minimum, maximum)}, not {value}")

    def _mistyped(self, key: str, wanted: str, value: object) -> ConfigError:
        return self.wrong(key, f"must be {wanted}, not {_kind(value)}")


class Document:
    """A settings file: its tables by name."""

    def __init__(self, path: Path, data: Mapping[str, object], lines: "_Lines") -> None:
        """Take parsed `data` and where its keys stand."""
        self.path = path
        self._data = data
        self._lines = lines
        self._asked: set[str] = set()

    def table(self, name: str) -> Table:
        """Return the table `[name]`; an absent one is empty, so that its required keys fail."""
        self._asked.add(name)
        value = self._data.get(name, {})
        if not isinstance(value, dict):
            raise self.wrong(name, f"must be the table [{name}], not {_kind(value)}")
        return self._made(f"[{name}]", value, self._lines.of(name, 0))

    def tables(self, name: str) -> tuple[Table, ...]:
        """Return the tables `[[name]]` in the file's order; none where there are none."""
        self._asked.add(name)
        value = self._data.get(name, [])
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise self.wrong(name, f"must be tables [[{name}]], not {_kind(value)}")
        return tuple(
            self._made(f"[[{name}]]", item, self._lines.of(name, index))
            for index, item in enumerate(value)
        )

    def __contains__(self, name: str) -> bool:
        """Tell whether the file has the table `name`; it counts as known afterwards."""
        self._asked.add(name)
        return name in self._data

    def wrong(self, name: str, message: str) -> ConfigError:
        """Make the error that says `message` at the header of `name`, or at its place to be."""
        line, _ = self._lines.of(name, 0)
        return ConfigError(f"{self.path}:{line}: {name}: {message}")

    def done(self) -> None:
        """Refuse tables that were never asked for.

        Raises: ConfigError naming the first unknown table and the nearest known one.
        """
        for name, value in self._data.items():
            if name not in self._asked:
                line, _ = self._lines.of(name, 0)
                kind = "table" if isinstance(value, dict | list) else "key"
                hint = _nearest(name, self._asked)
                raise ConfigError(f'{self.path}:{line}: unknown {kind} "{name}"; {hint}')

    def _made(
        self, label: str, values: Mapping[str, object], place: tuple[int, Mapping[str, int]]
    ) -> Table:
        line, keys = place
        return Table(label, values, keys, (self.path, line))


def read(path: Path) -> Document:
    """Read the TOML file at `path`.

    Raises: ConfigError where it cannot be read, is not UTF-8 or is not TOML.
    """
    text = _text_of(path)
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        message = str(error)
        found = _LINE_OF_SYNTAX.search(message)
        line = int(found[1]) if found else text.count("\n") + 1
        raise ConfigError(f"{path}:{line}: not TOML: {message}") from error
    return Document(path, data, _Lines(text))


def _text_of(path: Path) -> str:
    try:
        if path.stat().st_size > FILE_LIMIT_OCTETS:
            raise ConfigError(
                f"{path}: refused: over {FILE_LIMIT_OCTETS} octets is no settings file"
            )
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"cannot read the settings file {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise ConfigError(f"{path}:{line}: not UTF-8 text: save the file as UTF-8") from error


class _Lines:
    """Line numbers of headers and keys, found by a scan of the text.

    Tables are kept by name and turn: `[[name]]` may stand many times. A key of a table within
    (`[name.part]`, `part.key = 1`) counts as the key `part`.
    """

    def __init__(self, text: str) -> None:
        self._top: dict[str, int] = {}
        self._tables: dict[str, list[tuple[int, dict[str, int]]]] = {}
        keys = self._top
        quote = ""
        for number, line in enumerate(text.splitlines(), start=1):
            inside, quote = bool(quote), _open_quote(line, quote)
            if inside:
                continue
            if header := _HEADER.match(line):
                keys = self._enter(header[1], header[2], number)
            elif key := _KEY.match(line):
                keys.setdefault(key[1].strip("\"'"), number)

    def _enter(self, bracket: str, name: str, number: int) -> dict[str, int]:
        first, _, rest = (part.strip(" \t\"'") for part in name.partition("."))
        places = self._tables.setdefault(first, [])
        if not places or (bracket == "[[" and not rest):
            places.append((number, {}))
        if rest:
            places[-1][1].setdefault(rest.partition(".")[0].strip(" \t\"'"), number)
            return {}
        return places[-1][1]

    def of(self, name: str, turn: int) -> tuple[int, Mapping[str, int]]:
        """Return the line of the header and the lines of the keys of table `name`."""
        places = self._tables.get(name, [])
        if turn < len(places):
            return places[turn]
        return self._top.get(name, 1), {}


def _open_quote(line: str, quote: str) -> str:
    """Return the triple quote that stands open after `line`, given the one open before it."""
    rest = line
    while True:
        if quote:
            _, found, rest = rest.partition(quote)
            if not found:
                return quote
            quote = ""
        opening = re.search(r"\"\"\"|'''", rest)
        if opening is None:
            return ""
        quote, rest = opening[0], rest[opening.end() :]


def _nearest(key: str, known: set[str]) -> str:
    close = difflib.get_close_matches(key, sorted(known), n=1, cutoff=0.7)
    if close:
        return f'did you mean "{close[0]}"?'
    return "known here: " + ", ".join(sorted(known))


def _interval(minimum: float, maximum: float) -> str:
    if maximum >= _LARGEST:
        return f"at least {_plain(minimum)}"
    if minimum <= -_LARGEST:
        return f"at most {_plain(maximum)}"
    return f"from {_plain(minimum)} to {_plain(maximum)}"


def _plain(bound: float) -> str:
    return str(int(bound)) if bound == int(bound) else str(bound)


def _kind(value: object) -> str:
    match value:
        case bool():
            return str(value).lower()
        case int() | float():
            return f"the number {value}"
        case str():
            return f'the text "{value}"'
        case list():
            return "a list"
        case dict():
            return "a table"
        case _:
            return f"the date {value}"
