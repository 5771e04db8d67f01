"""Bytes: JSON as an auditor reads it: the value, keys that stand twice, and how it is written.

Rules
- Canonical JSON (RFC 8785) has one writing for each value: keys sorted, no blanks, the shortest
  numbers and escapes, UTF-8. So an octet that changes nothing of the value is found as well.
- A key that stands twice means one thing to one reader and another to the next: it is named.
- NaN and infinities are no JSON, and a byte order mark is none either.
"""

import json
from typing import Any, Final, NamedTuple, NoReturn

import rfc8785

from collector.errors import UnreadableError

_SHOWN_OCTETS: Final = 24


class Document(NamedTuple):
    """What the octets say."""

    value: Any
    twice: tuple[str, ...]
    """Keys that stand twice in one object, each once, by the alphabet."""


def read(octets: bytes) -> Document:
    """Return what JSON text says; of a key that stands twice the last value.

    Raises:
        UnreadableError: the octets are no JSON in UTF-8.
    """
    twice: set[str] = set()

    def members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in pairs:
            if key in found:
                twice.add(key)
            found[key] = value
        return found

    try:
        value = json.loads(
            octets.decode("utf-8"), object_pairs_hook=members, parse_constant=_refuse
        )
    except (ValueError, RecursionError) as error:
        raise UnreadableError(
            f"is no JSON: {error}; give a Statement as it was exported"
        ) from error
    return Document(value, tuple(sorted(twice)))


def departure(octets: bytes, value: Any) -> str | None:  # noqa: ANN401 - any JSON value
    """Return where `octets` depart from the canonical writing of `value`, None where nowhere."""
    try:
        expected = rfc8785.dumps(value)
    except (rfc8785.CanonicalizationError, UnicodeEncodeError, RecursionError) as error:
        return f"canonical JSON has no writing for it: {error}"
    if expected == octets:
        return None
    shared = zip(octets, expected, strict=False)
    at = next((at for at, (one, other) in enumerate(shared) if one != other), None)
    at = min(len(octets), len(expected)) if at is None else at
    return f"octet {at}: found {_shown(octets, at)}, canonical JSON has {_shown(expected, at)}"


def _shown(octets: bytes, at: int) -> str:
    part = octets[at : at + _SHOWN_OCTETS].decode("utf-8", "backslashreplace")
    return repr(part) if part else "the end"


def _refuse(word: str) -> NoReturn:
    raise ValueError(f"{word} is no number of JSON")
