"""Shell: `borne-collector query`: a question to a collector or a store, answered on stdout.

Rules
- Whichever is asked, the answer is the API's, and what is printed is made of it: a table for
  people, CSV, Parquet, or the JSON itself.
- A list longer than a page is fetched page by page. Where more rows are left than were asked for,
  stderr says so.
- Agents and routers choose names: in a table none of them commands the terminal.
- A file is written whole or not at all.
"""

import secrets
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, Literal, Protocol

import msgspec
from rich.table import Table

from collector import terminal
from collector.audit.redaction import SALT_OCTETS, Redactor
from collector.commands.pathtable import printable
from collector.commands.redactedanswer import redacted
from collector.errors import ConfigError, RefusedError, StoreError
from collector.facts.networks import Networks, load_special
from collector.files import publish
from collector.web import tabular
from collector.web.parameters import Pairs
from collector.web.tabular import Column

Form = Literal["table", "csv", "json", "parquet"]

_PAGE: Final = 1000
_MOST_ROWS: Final = 1_000_000
_DEFAULT_ROWS: Final = {"paths": 100}
_PAGED: Final = {"paths", "crossings", "findings"}
_HIDDEN: Final = {
    "series": ("stamp", "min_s", "mean_s", "lost"),
    "worst": ("stamp",),
    "zones": ("provider", "region", "min_s", "mean_s", "lost"),
    "paths": ("id", "address", "protocol", "blind", "administration."),
    "crossings": ("id", "family", "evidence", "wider."),
    "findings": ("id", "family", "path"),
}
"""What the table for people leaves out; a dot stands for all columns that begin so."""


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked, of whom, and how it is shown."""

    question: str
    """One of `collector.web.tabular.FLAT`."""
    pairs: tuple[tuple[str, str], ...]
    """Parameters of the API."""
    url: str
    store: Path | None
    """In place of `url`: the directory of a store."""
    token: Path | None
    """A file that holds one."""
    ca: Path | None
    form: Form
    output: Path | None
    """None: stdout."""
    redact: bool = False
    """Whether agents and private addresses are hidden."""


class Source(Protocol):
    """Whoever answers."""

    def ask(self, question: str, pairs: Pairs) -> Mapping[str, Any]:
        """Return the answer, as the API gives it."""
        ...


def run(request: Request) -> int:
    """Ask, and print or write the answer; return the exit code.

    Raises:
        ConfigError: The question or an option is wrong.
        StoreError: The store cannot be read, or the file not be written.
        RemoteError: The collector cannot be asked.
    """
    if request.form == "parquet" and request.output is None and sys.stdout.isatty():
        raise ConfigError("--format parquet: is nothing for a terminal; give --output FILE")
    try:
        answer = _fetched(_source(request), request)
    except RefusedError as error:
        raise ConfigError(f"{request.question}: {error}") from error
    shown = _redacted(request.question, answer) if request.redact else answer
    if request.form == "table" and request.output is None:
        terminal.show(_drawn(request.question, shown), wide=True)
    else:
        _write(_OCTETS[request.form](request.question, shown), request.output)
    if answer.get("next") is not None:
        sys.stderr.write(
            f"borne-collector: there are more {request.question}; ask for them with --limit\n"
        )
    return 0


def _source(request: Request) -> Source:
    if request.store is not None:
        if request.token is not None or request.ca is not None:
            raise ConfigError("--store: needs no --token-file and no --ca-file: nobody is asked")
        from collector.commands.onlooker import Onlooker  # noqa: PLC0415 - the whole store: heavy

        return Onlooker(request.store)
    from collector.commands.remote import Remote  # noqa: PLC0415 - an HTTP client: heavy

    return Remote(request.url, token=_token(request.token), ca=request.ca)


def _redacted(question: str, answer: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the answer without agents and private addresses, by a salt that is forgotten."""
    networks = Networks(load_special(), ())
    redactor = Redactor(secrets.token_bytes(SALT_OCTETS), networks)
    return redacted(question, msgspec.to_builtins(answer), redactor)


def _token(path: Path | None) -> str | None:
    if path is None:
        return None
    try:
        token = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"--token-file {path}: {error}") from error
    if not token.isascii() or not token.isprintable() or not token:
        raise ConfigError(f"--token-file {path}: holds no token: one line of visible characters")
    return token


def _fetched(source: Source, request: Request) -> Mapping[str, Any]:
    """Return the answer with the rows of all pages that are wanted."""
    question = request.question
    if question not in _PAGED:
        return source.ask(question, request.pairs)
    given = dict(request.pairs)
    wanted = _wanted(given.pop("limit", None), _DEFAULT_ROWS.get(question, _MOST_ROWS))
    rows: list[Any] = []
    following: str | None = None
    while True:
        page = {**given, "limit": str(min(_PAGE, wanted - len(rows)))}
        if following is not None:
            page["cursor"] = following
        answer = source.ask(question, page.items())
        rows += answer[question]
        following = answer["next"]
        if following is None or len(rows) >= wanted:
            return {question: rows, "next": following}


def _wanted(text: str | None, default: int) -> int:
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:10]) <= _MOST_ROWS):
        raise ConfigError(f"--limit: must be a whole number from 1 to {_MOST_ROWS}, not {text!r}")
    return int(text)


def _write(octets: bytes, output: Path | None) -> None:
    if output is None:
        sys.stdout.flush()
        sys.stdout.buffer.write(octets)
        return
    try:
        publish(output, octets)
    except OSError as error:
        raise StoreError(f"write {output}: {error.strerror}; nothing of it was left") from error


def _drawn(question: str, answer: Mapping[str, Any]) -> Table:
    """Return the table for people: milliseconds, percent, seconds of the day."""
    flat = tabular.table(question, answer)
    hidden = _HIDDEN[question]
    shown = [
        column
        for column in flat.columns
        if column.name not in hidden and not column.name.startswith(_beginnings(hidden))
    ]
    drawn = Table(box=None, pad_edge=False, header_style="bold")
    for column in shown:
        right = column.kind in {"number", "integer"}
        drawn.add_column(_heading(column.name), justify="right" if right else "left")
    for row in zip(*map(_cells, shown), strict=True):
        drawn.add_row(*row)
    return drawn


def _beginnings(hidden: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name for name in hidden if name.endswith("."))


def _heading(name: str) -> str:
    if name == "loss_ratio":
        return "loss"
    return f"{name.removesuffix('_s')} ms" if name.endswith("_s") else name


def _cells(column: Column) -> list[str]:
    return ["-" if value is None else _cell(column, value) for value in column.values]


def _cell(column: Column, value: Any) -> str:  # noqa: ANN401 - a value of JSON
    match column.kind:
        case "number" if column.name == "loss_ratio":
            return f"{value:.1%}"
        case "number":
            return f"{value * 1000:.3f}"
        case "time":
            return f"{value[:19].replace('T', ' ')}Z"
        case "flag":
            return "yes" if value else "no"
        case _:
            return printable(str(value))


def _text(question: str, answer: Mapping[str, Any]) -> bytes:
    """Return what a terminal would show, for a file."""
    return terminal.text(_drawn(question, answer)).encode()


_OCTETS: Final[Mapping[Form, Callable[[str, Mapping[str, Any]], bytes]]] = {
    "table": _text,
    "csv": lambda question, answer: tabular.as_csv(tabular.table(question, answer)),
    "json": lambda _, answer: msgspec.json.encode(answer) + b"\n",
    "parquet": lambda question, answer: tabular.as_parquet(tabular.table(question, answer)),
}
