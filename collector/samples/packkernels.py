"""Decider: the numba kernels that pack sketches into octets, and find the buckets of quantiles.

Rules
- Arrays in, arrays out; errors are return codes. The octets are those of `samples.packing`.
- `unpack` trusts nothing: what is no sketch is `BAD`, and no bucket outside the range leaves it.
- Every kernel has an explicit signature, so importing this module compiles everything (or loads
  it from numba's cache). Import it through `collector.samples.packing`, which does so lazily.
"""

from typing import Final

import numba as nb
import numpy as np
from numpy.typing import NDArray

from collector.jit import kernel, readonly
from collector.samples.sketch import CELLS, FIRST_BUCKET, PPM

BAD: Final = -1
_NIBBLE: Final = 15
_SEVEN: Final = 127
_MORE: Final = 128
_LAST_SHIFT: Final = 56
MOST_OCTETS: Final = 12
"""Of one entry: both nibbles, two of what is left out at most, nine of a number of samples."""
# Unsigned: a signed index costs a wrap-around test, a signed literal beside it makes float64.
_ONE: Final = np.uint64(1)

_I32 = NDArray[np.int32]
_I64 = NDArray[np.int64]
_U8 = NDArray[np.uint8]
_U32 = NDArray[np.uint32]
_READ_I32 = readonly(nb.int32)
_READ_I64 = readonly(nb.int64)
_READ_U8 = readonly(nb.uint8)
_READ_U32 = readonly(nb.uint32)
_PAIR = nb.types.UniTuple(nb.int64, 2)  # type: ignore[no-untyped-call]


@kernel(nb.uint64(nb.uint8[::1], nb.uint64, nb.int64))
def _write_rest(octets: _U8, at: np.uint64, value: int) -> np.uint64:
    """Write what a nibble cannot hold at `at`; return where the next octet goes."""
    rest = value - _NIBBLE
    while rest >= _MORE:
        octets[at] = (rest & _SEVEN) | _MORE
        rest >>= 7
        at += _ONE
    octets[at] = rest
    return at + _ONE


@kernel(nb.int64(nb.int64))
def _zigzag(value: int) -> int:
    return 2 * value if value >= 0 else -2 * value - 1


@kernel(
    nb.void(
        *(_READ_I64, _READ_I64, _READ_I32, _READ_I64, _READ_I32),
        *(nb.uint8[::1], nb.int32[::1]),
    )
)
def pack(
    places: _I64,
    offsets: _I64,
    bucket: _I32,
    bucket_count: _I64,
    lowest: _I32,
    octets: _U8,
    ends: _I32,
) -> None:
    """Write the octets of the sketches at `places`, and where each ends, `ends[0]` being 0.

    `lowest` is of each place; `octets` has room for `MOST_OCTETS` an entry.
    """
    at = np.uint64(0)
    for i in range(places.size):
        begin = np.uint64(offsets[places[i]])
        after = int(lowest[i])
        for entry in range(begin, np.uint64(offsets[places[i] + 1])):
            step = int(bucket[entry]) - after
            after = int(bucket[entry]) + 1
            if entry == begin:
                step = _zigzag(step)
            more = int(bucket_count[entry]) - 1
            octets[at] = (min(step, _NIBBLE) << 4) | min(more, _NIBBLE)
            at += _ONE
            if step >= _NIBBLE:
                at = _write_rest(octets, at, step)
            if more >= _NIBBLE:
                at = _write_rest(octets, at, more)
        ends[i + 1] = at


@kernel(_PAIR(_READ_U8, nb.int64, nb.int64))
def _read_rest(octets: _U8, at: int, end: int) -> tuple[int, int]:
    """Return the value of a nibble of 15 and where the next octet is; that is `BAD` if none."""
    value = _NIBBLE
    shift = 0
    while True:
        if at >= end or shift > _LAST_SHIFT:
            return 0, BAD
        octet = int(octets[at])
        at += 1
        value += (octet & _SEVEN) << shift
        shift += 7
        if octet < _MORE:
            return value, at


@kernel(nb.int64(_READ_U8, _READ_I32, _READ_I32, nb.int64[::1], nb.int32[::1], nb.int64[::1]))
def unpack(
    octets: _U8, ends: _I32, lowest: _I32, offsets: _I64, bucket: _I32, bucket_count: _I64
) -> int:
    """Write the sketches of which `pack` wrote the octets; return their entries, or `BAD`.

    `bucket` and `bucket_count` have room for an entry per octet.
    """
    written = 0
    for i in range(ends.size - 1):
        at, end = int(ends[i]), int(ends[i + 1])
        previous = int(lowest[i])
        first = True
        while at < end:
            octet = int(octets[at])
            at += 1
            step, more = octet >> 4, octet & _NIBBLE
            if step == _NIBBLE:
                step, at = _read_rest(octets, at, end)
            if more == _NIBBLE and at != BAD:
                more, at = _read_rest(octets, at, end)
            if at == BAD:
                return BAD
            if first:
                previous += step // 2 if step % 2 == 0 else -(step + 1) // 2
                first = False
            else:
                previous += step + 1
            if previous < FIRST_BUCKET or previous >= FIRST_BUCKET + CELLS or more < 0:
                return BAD
            bucket[written] = previous
            bucket_count[written] = more + 1
            written += 1
        offsets[i + 1] = written
    return written


@kernel(
    nb.void(
        *(_READ_I64, _READ_I64, _READ_I32, _READ_I64, _READ_I64, _READ_I64, _READ_I64),
        nb.int32[:, ::1],
    )
)
def ranks(
    places: _I64,
    offsets: _I64,
    bucket: _I32,
    bucket_count: _I64,
    zero: _I64,
    received: _I64,
    ranks_ppm: _I64,
    found: _I32,
) -> None:
    """Write the bucket of each of the rising quantiles of the sketches at `places`.

    The zero bucket is the one below all; `received` is of each place, the count of its sketch.
    """
    for i in range(places.size):
        at, end = np.uint64(offsets[places[i]]), np.uint64(offsets[places[i] + 1])
        passed = zero[places[i]]
        last = FIRST_BUCKET - 1
        for column in range(ranks_ppm.size):
            rank = (ranks_ppm[column] * received[i] + PPM - 1) // PPM
            while passed < rank and at < end:
                passed += bucket_count[at]
                last = bucket[at]
                at += _ONE
            found[i, column] = last


@kernel(nb.void(_READ_I64, readonly(nb.int64, 2), nb.int64[:, ::1]))
def turned(places: _I64, counts: _I64, found: _I64) -> None:
    """Write the rows of `counts` at `places` as columns, each in one piece."""
    for i in range(places.size):
        place = np.uint64(places[i])
        for column in range(found.shape[0]):
            found[column, i] = counts[place, np.uint64(column)]


@kernel(nb.void(_READ_U32, _READ_I32, nb.int32[::1]))
def worst(row: _U32, bucket: _I32, found: _I32) -> None:
    """Raise `found[row]` to the largest bucket of each row."""
    for i in range(row.size):
        found[row[i]] = max(found[row[i]], bucket[i])
