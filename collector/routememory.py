"""Decider: what a checkpoint keeps of the routes, as one compressed stream of pieces.

    magic     4 octets    that of a zstd frame (RFC 8878); what is in the frame, uncompressed:
    pieces    u32, octets length (little-endian) and MessagePack of each, one after the other:
                          `Head`; then newest paths, rounds and drafts, as many as it says

Rules
- A judged path is 30 kB of MessagePack, and 20,000 of them are more than a SQLite blob may be: they
  are compressed one by one, to about a tenth, and nobody ever holds all of them uncompressed.
- Writing it takes a second for a large fleet: what is written never changes (`Kept`), so that no
  lock is held meanwhile.
- The releases before wrote `Kept` as MessagePack, which is read as well.
"""

from collections.abc import Iterator
from typing import Final, TypeVar

import msgspec
import zstandard

from collector import positions
from collector.audit.statements import Draft
from collector.episodes.administration import Kept as KeptFindings
from collector.judgement.landmarks import Memory
from collector.nearness import Nearness
from collector.records import PathRecord

MAGIC: Final = b"\x28\xb5\x2f\xfd"
_LENGTH_OCTETS: Final = 4
_LEVEL: Final = 1

T = TypeVar("T")


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """What a checkpoint keeps of the routes; nothing of it ever changes."""

    crossings: bytes
    newest: tuple[PathRecord, ...]
    rounds: dict[str, tuple[PathRecord, ...]]
    """Rounds outside that led to each episode which goes on and is not proved, by its id."""
    heard: tuple[tuple[str, tuple[Nearness, ...]], ...] = ()
    """The memory of `anycast`; earlier versions kept none."""
    landmarks: Memory = Memory()
    """What witnesses have measured; earlier versions kept none."""
    vantages: positions.Memory = positions.Memory()
    """The times among agents; earlier versions kept none."""
    findings: KeptFindings | None = None
    """Those of administration; earlier versions kept none."""
    drafts: tuple[Draft, ...] = ()
    """Statements that are still to be stored; earlier versions kept none."""


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept but for the pieces that follow, and how many these are."""

    kept: Kept
    newest: int
    rounds: list[tuple[str, int]]
    """How many of each episode, by its id."""
    drafts: int


def pack(kept: Kept) -> bytes:
    """Return the stream."""
    stream = zstandard.ZstdCompressor(level=_LEVEL).compressobj()
    parts = []
    for piece in _pieces(kept):
        parts.append(stream.compress(len(piece).to_bytes(_LENGTH_OCTETS, "little")))
        parts.append(stream.compress(piece))
    parts.append(stream.flush())
    return b"".join(parts)


def unpack(octets: bytes) -> Kept:
    """Return what `pack` wrote, or the release before.

    Raises:
        ValueError: The octets are neither.
    """
    if not octets.startswith(MAGIC):
        return msgspec.msgpack.decode(octets, type=Kept)
    try:
        with zstandard.ZstdDecompressor().stream_reader(octets) as stream:
            return _read(stream)
    except zstandard.ZstdError as error:
        raise ValueError(f"it does not decompress: {error}") from error


def _pieces(kept: Kept) -> Iterator[bytes]:
    encode = msgspec.msgpack.Encoder().encode
    rest = msgspec.structs.replace(kept, newest=(), rounds={}, drafts=())
    rounds = [(ident, len(records)) for ident, records in kept.rounds.items()]
    head = Head(kept=rest, newest=len(kept.newest), rounds=rounds, drafts=len(kept.drafts))
    yield encode(head)
    yield from map(encode, kept.newest)
    for records in kept.rounds.values():
        yield from map(encode, records)
    yield from map(encode, kept.drafts)


def _read(stream: zstandard.ZstdDecompressionReader) -> Kept:
    head = _piece(stream, Head)
    kept = msgspec.structs.replace(
        head.kept,
        newest=tuple(_piece(stream, PathRecord) for _ in range(head.newest)),
        rounds={
            ident: tuple(_piece(stream, PathRecord) for _ in range(count))
            for ident, count in head.rounds
        },
        drafts=tuple(_piece(stream, Draft) for _ in range(head.drafts)),
    )
    if stream.read(1):
        raise ValueError("more follows than it says")
    return kept


def _piece(stream: zstandard.ZstdDecompressionReader, kind: type[T]) -> T:
    length = int.from_bytes(_exactly(stream, _LENGTH_OCTETS), "little")
    return msgspec.msgpack.decode(_exactly(stream, length), type=kind)


def _exactly(stream: zstandard.ZstdDecompressionReader, count: int) -> bytes:
    octets: bytes = stream.read(count)
    if len(octets) < count:
        raise ValueError(f"it ends {count - len(octets)} octets too early")
    return octets
