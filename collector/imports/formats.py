"""Bytes: whatever document holds paths, read by what it contains, not by what it is called.

    an object with                        | is
    --------------------------------------+---------------------------------------
    "format": "borne-path/1"              | Borne's own, `bornepath`
    "msm_id" and "prb_id"                 | a result of RIPE Atlas, `atlasjson`
    "report" with "hubs"                  | a report of mtr, `mtr`
    "type": "trace", "tracelb", "cycle-*" | an object of scamper, `scamper`

Rules
- One unreadable value costs nothing but itself; it is named by its place.
- Nothing that JSON can hold makes `read` raise.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from agent.records import Origin, Path
from collector.errors import UnreadableError
from collector.imports import atlasjson, bornepath, documents, mtr, scamper

_SHOWN: Final = 5


@dataclass(frozen=True, slots=True)
class _Format:
    name: str
    matches: Callable[[dict[str, Any]], bool]
    read: Callable[[dict[str, Any]], Path]


_FORMATS: Final[Sequence[_Format]] = (
    _Format("a borne-path/1", bornepath.matches, bornepath.read),
    _Format("a RIPE Atlas traceroute", atlasjson.matches, atlasjson.read),
    _Format("an mtr report", mtr.matches, mtr.read),
    _Format("a scamper trace", scamper.matches, scamper.read),
)


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A part of a document that holds no path that can be judged."""

    where: str
    """`line 3`, `item 2`; empty for the whole document."""
    why: str
    """What was found and what to do."""


def read(octets: bytes, origin: Origin | None = None) -> Iterator[Path | Unreadable]:
    """Yield the paths of a document in order, and what of it is none.

    Where `origin` is given every path begins there, whatever the document says of that, or
    cannot say.
    """
    frames = found = 0
    for item in documents.items(octets):
        if item.error is None and isinstance(item.value, dict) and scamper.is_frame(item.value):
            frames += 1
            continue
        found += 1
        yield _read(item, origin)
    if frames and not found:
        yield Unreadable("", "holds scamper's marks of begin and end alone; give measured traces")


def _read(item: documents.Item, origin: Origin | None) -> Path | Unreadable:
    try:
        if item.error is not None:
            raise item.error
        path = _path(item.value, origin)
    except UnreadableError as error:
        return Unreadable(item.where, str(error))
    return path if path.id else msgspec.structs.replace(path, id=item.where or "path")


def _path(value: Any, origin: Origin | None) -> Path:  # noqa: ANN401 - any JSON value
    """Return the path that `value` is.

    Raises: UnreadableError.
    """
    if not isinstance(value, dict):
        kind = {str: "a text", list: "an array in an array", type(None): "null"}.get(type(value))
        raise UnreadableError(f"is {kind or 'a number or truth value'}, no object; give paths")
    for row in _FORMATS:
        if row.matches(value):
            try:
                if origin is None:
                    return row.read(value)
                path = row.read({key: one for key, one in value.items() if key != "origin"})
                return msgspec.structs.replace(path, origin=origin)
            except (msgspec.ValidationError, OverflowError) as error:
                raise UnreadableError(
                    f"is {row.name}, but wrong: {error}; repair or remove it"
                ) from error
    keys = ", ".join(sorted(str(key)[:20] for key in value)[:_SHOWN]) or "nothing"
    raise UnreadableError(
        f"is no path that Borne knows (it has {keys}); "
        "give borne-path/1, RIPE Atlas, scamper or mtr JSON"
    )
