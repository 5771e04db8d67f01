"""Bytes: the frames of the journal, each one batch as an agent delivered it.

All integers are little-endian. A journal file is a sequence of frames and nothing else:

     0  magic "BJ" (2) | version u16 | length of the payload u32
     8  CRC-32 of the payload u32 | CRC-32 of the octets 0 to 11 u32
    16  payload:
          0  received i64, ns since the epoch | octets of the vantage point u32
         12  vantage point as MessagePack, `records.Vantage` without its secrets
             batch, `agent.wire`, as it was after decompression

Rules
- The vantage point stands in each frame, so that a replay judges a path by the position that was
  declared when it came, and needs neither the settings nor the token of that day.
- The batch is kept decompressed: the checksum then covers what is applied, and a replay depends
  on no codec and on no limit.
- The header has its own checksum. Where it holds, a damaged payload costs that frame alone, and
  the next one is found by its length; where it does not, the rest of the file has no frames: the
  search for the next magic would trust octets that an agent chose.
- A frame that the file ends within is a tail: the program died while it wrote, and nobody was
  told that the batch is stored.
"""

import struct
import zlib
from collections.abc import Iterator

import msgspec

from collector.errors import CorruptError
from collector.records import Vantage

VERSION = 1
MAGIC = b"BJ"

_HEADER = struct.Struct("<2sHII")
_CHECKSUM = struct.Struct("<I")
_PREFIX = struct.Struct("<qI")
HEADER_OCTETS = _HEADER.size + _CHECKSUM.size
_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(Vantage)


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One batch in the journal."""

    received_ns: int
    """When it arrived, by the collector's clock: a label."""
    vantage: Vantage
    body: bytes
    """The decompressed batch, undecoded."""


class Tail(msgspec.Struct, frozen=True, kw_only=True):
    """The file ends within a frame that begins at `offset`."""

    offset: int
    octets: int


class Damage(msgspec.Struct, frozen=True, kw_only=True):
    """`octets` from `offset` on do not hold what was written there."""

    offset: int
    octets: int
    says: str
    """What was found, as the middle of a sentence."""
    foreign: bool = False
    """Whether it is a whole frame of another version: another release's, and no damage."""


def encode(entry: Entry) -> bytes:
    """Return the frame of `entry`; the token's hash and the certificate's name are left out."""
    return b"".join(parts(entry))


def parts(entry: Entry) -> tuple[bytes, bytes]:
    """Return the frame of `entry` in two parts: all before the batch, and the batch uncopied."""
    bare = msgspec.structs.replace(entry.vantage, token_sha256="", certificate=None)
    vantage = _ENCODER.encode(bare)
    before = _PREFIX.pack(entry.received_ns, len(vantage)) + vantage
    octets = len(before) + len(entry.body)
    checksum = zlib.crc32(entry.body, zlib.crc32(before))
    head = _HEADER.pack(MAGIC, VERSION, octets, checksum)
    return b"".join((head, _CHECKSUM.pack(zlib.crc32(head)), before)), entry.body


def scan(content: memoryview) -> Iterator[Entry | Tail | Damage]:
    """Return what a journal file holds, in order; a `Tail` comes last."""
    offset = 0
    while offset < len(content):
        found, octets = _next(content, offset)
        yield found
        offset += octets


def _next(content: memoryview, offset: int) -> tuple[Entry | Tail | Damage, int]:
    """Return what begins at `offset`, and how many octets it takes."""
    left = len(content) - offset
    if left < HEADER_OCTETS:
        return Tail(offset=offset, octets=left), left
    head = content[offset : offset + _HEADER.size]
    (checksum,) = _CHECKSUM.unpack_from(content, offset + _HEADER.size)
    magic, version, length, payload_checksum = _HEADER.unpack(head)
    if zlib.crc32(head) != checksum or magic != MAGIC:
        says = "the header of a frame does not match its checksum"
        return Damage(offset=offset, octets=left, says=says), left
    octets = HEADER_OCTETS + length
    if version != VERSION:
        says = f"a frame has version {version}, this program reads {VERSION}"
        found = Damage(offset=offset, octets=min(octets, left), says=says, foreign=True)
        return found, octets
    if octets > left:
        return Tail(offset=offset, octets=left), left
    payload = content[offset + HEADER_OCTETS : offset + octets]
    if zlib.crc32(payload) != payload_checksum:
        says = "a frame does not match its checksum"
        return Damage(offset=offset, octets=octets, says=says), octets
    try:
        return _entry(payload), octets
    except CorruptError as error:
        return Damage(offset=offset, octets=octets, says=str(error)), octets


def _entry(payload: memoryview) -> Entry:
    """Return what an intact payload holds.

    Raises:
        CorruptError: Its checksum holds, yet it is not what `encode` writes.
    """
    if len(payload) < _PREFIX.size:
        raise CorruptError("a frame is too short for its own prefix")
    received_ns, vantage_octets = _PREFIX.unpack_from(payload)
    begin = _PREFIX.size + vantage_octets
    try:
        vantage = _DECODER.decode(payload[_PREFIX.size : begin])
    except (msgspec.MsgspecError, ValueError) as error:
        raise CorruptError(f"a frame's vantage point does not decode ({error})") from error
    return Entry(received_ns=received_ns, vantage=vantage, body=bytes(payload[begin:]))
