"""Bytes: the batch, version 1, which an agent uploads and a collector stores.

All integers are little-endian. The header takes 96 octets:

     0  magic "BORN" (4) | version u16 | flags u16, zero in version 1
     8  agent id (16)
    24  boot id (16)
    40  spool id (16)
    56  sequence u64
    64  base wall time i64, ns since the epoch
    72  bound of the clock's error i64, ns; -1 where the clock is not synchronised
    80  n_series u32 | n_replies u32 | n_events u32 | descriptors_octets u32

It is followed without gaps by the columns, the widest first so that each is aligned, and by the
descriptors:

    series_ids    u32 * n_series          offsets      u32 * (n_series + 1)
    rtt_s         f32 * n_replies         event_series u32 * n_events
    reply_dt_ms   u16 * n_replies         event_dt_ms  u16 * n_events
    event_outcome u8  * n_events          descriptors  MessagePack, `records.Descriptors`

On the way the whole may be deflated (zlib format, RFC 1950; HTTP calls it `deflate`, RFC 9110
section 8.4.1.2).

Rules
- `decode` checks everything that the columns' readers rely on: the length to the octet, offsets
  that begin at zero, never fall and end at n_replies, outcomes that are known and no reply.
  RTTs may be any float32, NaN too: the door of the collector rejects absurd ones and counts them.
- Columns are decoded without a copy, as views of the body in the host's byte order: both
  programs run on little-endian hosts.
"""

import struct
import zlib
from array import array
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

import msgspec

from agent.errors import WireError
from agent.records import AgentId, Batch, Descriptors, Outcome, SpoolId

VERSION = 1
MAGIC = b"BORN"
CONTENT_TYPE = "application/vnd.borne.batch"
HEADER_OCTETS = 96
MAX_DT_MS = 0xFFFF
"""The longest distance from a batch's base time that a column can hold."""

_HEADER = struct.Struct("<4sHH16s16s16sQqqIIII")
_IDENTITY_OCTETS = 16
_MAX_U32 = 0xFFFFFFFF
_KNOWN_EVENTS = bytes(outcome for outcome in Outcome if outcome is not Outcome.REPLY)
_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(Descriptors)


def encode(batch: Batch) -> bytes:
    """Return the octets of `batch`; its columns may be any sequences of numbers in range."""
    for identity in (batch.agent_id, batch.boot_id, batch.spool_id):
        if len(identity) != _IDENTITY_OCTETS:
            raise AssertionError(f"an identity has 16 octets, not {len(identity)}")
    descriptors = _ENCODER.encode(batch.descriptors)
    header = _HEADER.pack(
        MAGIC,
        VERSION,
        0,
        batch.agent_id,
        batch.boot_id,
        batch.spool_id,
        batch.sequence,
        batch.base_ns,
        batch.clock_error_ns,
        len(batch.series_ids),
        len(batch.rtt_s),
        len(batch.event_series),
        len(descriptors),
    )
    columns = (
        array("I", batch.series_ids),
        array("I", batch.offsets),
        array("f", batch.rtt_s),
        array("I", batch.event_series),
        array("H", batch.reply_dt_ms),
        array("H", batch.event_dt_ms),
        array("B", batch.event_outcome),
    )
    return b"".join((header, *(column.tobytes() for column in columns), descriptors))


def decode(body: bytes) -> Batch:
    """Return the batch in `body`; its columns are views of `body`.

    Raises: WireError with reason "truncated" (no whole header), "magic", "version", "length"
    (the counts promise another size), "columns" or "descriptors".
    """
    if len(body) < HEADER_OCTETS:
        raise WireError("truncated", f"a batch of {len(body)} octets has no whole header (96)")
    magic, version, flags, agent, boot, spool, sequence, base_ns, error_ns, *counts = (
        _HEADER.unpack_from(body)
    )
    if magic != MAGIC:
        raise WireError("magic", f"a batch begins with {MAGIC!r}, not with {magic!r}")
    if version != VERSION or flags:
        raise WireError(
            "version", f"this program reads batches of version {VERSION}, not {version}/{flags}"
        )
    n_series, n_replies, n_events, n_descriptors = counts
    columns = _Columns(body, _sizes(n_series, n_replies, n_events, n_descriptors))
    batch = Batch(
        agent_id=AgentId(agent),
        boot_id=boot,
        spool_id=SpoolId(spool),
        sequence=sequence,
        base_ns=base_ns,
        clock_error_ns=error_ns,
        series_ids=columns.integers("I"),
        offsets=columns.integers("I"),
        rtt_s=columns.reals(),
        event_series=columns.integers("I"),
        reply_dt_ms=columns.integers("H"),
        event_dt_ms=columns.integers("H"),
        event_outcome=columns.integers("B"),
        descriptors=_descriptors(columns.rest()),
    )
    _check_columns(batch)
    return batch


def _sizes(n_series: int, n_replies: int, n_events: int, n_descriptors: int) -> tuple[int, ...]:
    """Return the octets of each column and of the descriptors, in the order of the layout."""
    return (
        4 * n_series,
        4 * (n_series + 1),
        4 * n_replies,
        4 * n_events,
        2 * n_replies,
        2 * n_events,
        n_events,
        n_descriptors,
    )


class _Columns:
    """Cuts a body into its columns from front to back."""

    def __init__(self, body: bytes, sizes: Iterable[int]) -> None:
        expected = HEADER_OCTETS + sum(sizes := tuple(sizes))
        if len(body) != expected:
            raise WireError(
                "length", f"the counts of the batch promise {expected} octets, it has {len(body)}"
            )
        self._view = memoryview(body)[HEADER_OCTETS:]
        self._sizes: Iterator[int] = iter(sizes)

    def rest(self) -> memoryview:
        """Return what follows the columns taken so far, one column at a time."""
        size = next(self._sizes)
        part, self._view = self._view[:size], self._view[size:]
        return part

    def integers(self, code: Literal["B", "H", "I"]) -> memoryview:
        """Return the next column as integers of the array type `code`."""
        return self.rest().cast(code)

    def reals(self) -> Sequence[float]:
        """Return the next column as float32 numbers: a memory view too."""
        return self.rest().cast("f")


def _check_columns(batch: Batch) -> None:
    offsets = list(batch.offsets)
    if offsets[0] != 0 or offsets[-1] != len(batch.rtt_s):
        raise WireError("columns", "the offsets do not begin at 0 and end at the count of replies")
    if offsets != sorted(offsets):
        raise WireError("columns", "the offsets fall")
    if bytes(batch.event_outcome).translate(None, _KNOWN_EVENTS):
        raise WireError("columns", "an event has an outcome that this version does not know")


def _descriptors(octets: memoryview) -> Descriptors:
    try:
        found = _DECODER.decode(octets)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise WireError("descriptors", f"the descriptors do not decode: {error}") from error
    ids = [series.id for series in found.series] + [change.series for change in found.addresses]
    if not all(0 <= number <= _MAX_U32 for number in ids):
        raise WireError("descriptors", "a series id does not fit 32 bits")
    if not all(0 <= change.dt_ms <= MAX_DT_MS for change in found.addresses):
        raise WireError("descriptors", "an address changes outside the batch's time")
    if found.dropped_batches < 0:
        raise WireError("descriptors", "the count of dropped batches is negative")
    return found


def deflate(body: bytes) -> bytes:
    """Return `body` in zlib format at level 1, the quickest: an agent must be light."""
    return zlib.compress(body, 1)


def inflate(body: bytes, limit_bytes: int) -> bytes:
    """Return what `deflate` was given; never more than `limit_bytes` (1 or more) are produced.

    Raises: WireError with reason "inflated" where the content is larger than the limit,
    "deflate" where `body` is no whole zlib stream or something follows it.
    """
    stream = zlib.decompressobj()
    try:
        content = stream.decompress(body, limit_bytes)
        surplus = stream.decompress(stream.unconsumed_tail, 1) if not stream.eof else b""
    except zlib.error as error:
        raise WireError("deflate", f"the body is no zlib stream: {error}") from error
    if surplus:
        raise WireError("inflated", f"the body inflates past the limit of {limit_bytes} octets")
    if not stream.eof or stream.unused_data:
        raise WireError("deflate", "the zlib stream of the body is cut or something follows it")
    return content
