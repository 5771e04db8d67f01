"""Bytes: canonical JSON, written; and JSON as an auditor reads it: value, double keys, writing.

Rules
- Canonical JSON (RFC 8785) has one writing for each value: keys sorted, no blanks, the shortest
  numbers and escapes, UTF-8. So an octet that changes nothing of the value is found as well.
- A key that stands twice means one thing to one reader and another to the next: it is named.
- NaN and infinities are no JSON, and a byte order mark is none either.
- Where msgspec (in C) writes as the RFC demands, it does: no number that needs an exponent or is
  beyond 2^53, no key beyond ASCII. The rest is left to the slower library of the RFC.
"""

import json
from collections.abc import Mapping
from typing import Any, Final, NamedTuple, NoReturn

import msgspec
import rfc8785

from collector.errors import UnreadableError

PLAIN: Final = frozenset({str, bool, type(None)})
"""Types that every library of JSON writes in one way."""
_SHOWN_OCTETS: Final = 24
_LARGEST: Final = 2**53 - 1
_SMALLEST_FRACTION: Final = 1e-4
"""Somewhere below it an exponent is written, as ECMAScript does below 1e-6."""
_WRITE: Final = msgspec.json.Encoder(order="sorted").encode


class _OddError(ValueError):
    """A value of which msgspec may have another writing."""


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


def dumps(value: Any) -> bytes:  # noqa: ANN401 - any JSON value
    """Return the canonical JSON of a value.

    Raises:
        rfc8785.CanonicalizationError: there is none.
        RecursionError: the value is nested too deep.
    """
    try:
        return _WRITE(_common(value))
    except (_OddError, TypeError, UnicodeEncodeError, RecursionError):
        return rfc8785.dumps(value)


def joined(members: Mapping[str, bytes]) -> bytes:
    """Return the canonical JSON of an object whose members are written; its keys are ASCII."""
    written = (b'"%s":%s' % (key.encode("ascii"), members[key]) for key in sorted(members))
    return b"{%s}" % b",".join(written)


def departure(octets: bytes, value: Any) -> str | None:  # noqa: ANN401 - any JSON value
    """Return where `octets` depart from the canonical writing of `value`, None where nowhere."""
    try:
        expected = dumps(value)
    except (rfc8785.CanonicalizationError, UnicodeEncodeError, RecursionError) as error:
        return f"canonical JSON has no writing for it: {error}"
    if expected == octets:
        return None
    shared = zip(octets, expected, strict=False)
    at = next((at for at, (one, other) in enumerate(shared) if one != other), None)
    at = min(len(octets), len(expected)) if at is None else at
    return f"octet {at}: found {_shown(octets, at)}, canonical JSON has {_shown(expected, at)}"


def _common(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Return the same value in words of which both libraries have one writing.

    Raises: _OddError: there are none.
    """
    kind = type(value)
    if kind is dict:
        if "".join(value).isascii():
            return {
                key: member if type(member) in PLAIN else _common(member)
                for key, member in value.items()
            }
    elif kind is list or kind is tuple:
        return [member if type(member) in PLAIN else _common(member) for member in value]
    elif (kind is int or (kind is float and value.is_integer())) and abs(value) <= _LARGEST:
        return int(value)
    elif kind in PLAIN or (kind is float and _SMALLEST_FRACTION <= abs(value) <= _LARGEST):
        return value
    raise _OddError


def _shown(octets: bytes, at: int) -> str:
    part = octets[at : at + _SHOWN_OCTETS].decode("utf-8", "backslashreplace")
    return repr(part) if part else "the end"


def _refuse(word: str) -> NoReturn:
    raise ValueError(f"{word} is no number of JSON")
