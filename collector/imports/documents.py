"""Bytes: a file of JSON values, taken apart: one value, an array, a value a line, or several.

Rules
- What a file is follows from its content. Values may stand one a line (NDJSON) or simply one
  after the other, as a program leaves them that was told to append to a file; an array gives its
  elements.
- A broken value is named by its place and costs nothing but itself: reading goes on at the next
  line that begins with `{` or `[`.
- UTF-8, UTF-16 and UTF-32 are told apart as RFC 4627 section 3 does it; a byte order mark is
  left out. Every value is strict JSON: no NaN, no infinity, no lone surrogate.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from collector.errors import UnreadableError

_SCANNER: Final = json.JSONDecoder()
_RESUME: Final = re.compile(r"^[{\[]", re.MULTILINE)
_BLANK: Final = re.compile(r"\s*")


@dataclass(frozen=True, slots=True)
class Item:
    """One value of a document, or why there is none."""

    where: str
    """`line 3`, `item 2`; empty where the document is one value."""
    value: Any = None
    error: UnreadableError | None = None


def items(octets: bytes) -> Iterator[Item]:
    """Yield the values of a document in order, and its broken parts in their places."""
    try:
        text = octets.decode(json.detect_encoding(octets))
    except UnicodeDecodeError as error:
        yield Item("", error=UnreadableError(f"is no text: {error}; give JSON in UTF-8"))
        return
    if not text.strip():
        yield Item("", error=UnreadableError("is empty; give one JSON value at least"))
        return
    try:
        whole = _value(text)
    except ValueError:
        first = text.lstrip().partition("\n")[0]
        yield from _lines(text) if _is_value(first) else _scan(text)
    else:
        yield from _elements("", whole)


def _value(text: str) -> Any:  # noqa: ANN401 - any JSON value
    """Return the strict JSON value that `text` is.

    Raises:
        ValueError: it is none, or nested too deeply.
    """
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError) as error:
        raise ValueError(f"is no JSON: {error}") from error


def _is_value(text: str) -> bool:
    try:
        _value(text)
    except ValueError:
        return False
    return True


def _elements(where: str, value: Any) -> Iterator[Item]:  # noqa: ANN401 - any JSON value
    """Yield the elements of an array, or the value itself."""
    if not isinstance(value, list):
        yield Item(where, value)
        return
    if not value:
        yield Item(where, error=UnreadableError("is an empty array; give one path at least"))
    before = f"{where}, " if where else ""
    for number, element in enumerate(value, 1):
        yield Item(f"{before}item {number}", element)


def _lines(text: str) -> Iterator[Item]:
    """Yield the values of a document with one a line."""
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            yield from _part(f"line {number}", line)


def _scan(text: str) -> Iterator[Item]:
    """Yield values that stand one after the other, on as many lines as they like."""
    at = counted = 0
    line = 1
    while (start := _skip(text, at)) < len(text):
        line += text.count("\n", counted, start)
        counted = start
        where = f"line {line}"
        try:
            _, at = _SCANNER.raw_decode(text, start)
        except (ValueError, RecursionError) as error:
            yield Item(where, error=UnreadableError(f"is no JSON: {error}; repair or remove it"))
            resume = _RESUME.search(text, start + 1)
            at = len(text) if resume is None else resume.start()
        else:
            yield from _part(where, text[start:at])


def _part(where: str, text: str) -> Iterator[Item]:
    try:
        value = _value(text)
    except ValueError as error:
        yield Item(where, error=UnreadableError(f"{error}; repair or remove it"))
    else:
        yield from _elements(where, value)


def _skip(text: str, at: int) -> int:
    """Return where the next value begins."""
    blank = _BLANK.match(text, at)
    return at if blank is None else blank.end()
