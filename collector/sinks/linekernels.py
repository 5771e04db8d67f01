"""Decider: the numba kernels that write numbers and lines of InfluxDB's line protocol as octets.

Rules
- Arrays in, octets out; how much was written is what a kernel returns. Labels and room are the
  affair of `collector.sinks.lineprotocol`, through which this is imported.
- A float is written as Python's `repr` writes it, without a trailing `.0`: the shortest decimal
  that reads back to the last bit, of these the nearest. Integers have an `i`, NaN has no field.
- Every kernel has an explicit signature, so importing this module compiles everything (or loads
  it from numba's cache). `nogil`, one thread, and no sum or product ever overflows: octets are
  the same with `NUMBA_DISABLE_JIT=1`.

The shortest decimal is found by Schubfach (Giulietti: The Schubfach way to render doubles, 2020):
the value and the ends of its rounding interval are scaled by one power of ten in 128 bits, and
at most two candidates of 16 and two of 17 digits are compared with these ends.
"""

from typing import Final

import numba as nb
import numpy as np
from numpy.typing import NDArray

from collector.jit import kernel, part
from collector.samples.sketch import (
    CARRIES,
    HIGHEST_EXPONENT,
    LOWEST_EXPONENT,
    MANTISSA_BITS,
    MIDDLES_S,
    SCALE,
    TABLE_BITS,
)
from collector.sinks.linewords import LARGEST_WHOLE, NAME_OCTETS, Fields, Heads
from collector.sinks.powers import LOWEST, POWERS

NUMBER_OCTETS: Final = 32
"""Most that a number takes while it is written; `-1.7976931348623157e+308` has 24 octets."""


def _text(value: float) -> list[int]:
    """Return the octets of a number, zeros, and its length as the last of `NUMBER_OCTETS`."""
    octets = repr(value).removesuffix(".0").encode()
    return [*octets.ljust(NUMBER_OCTETS - 1, b"\0"), len(octets)]


# Unsigned constants: a signed literal beside a uint64 would make numba compute in float64.
_0: Final = np.uint64(0)
_1: Final = np.uint64(1)
_2: Final = np.uint64(2)
_3: Final = np.uint64(3)
_4: Final = np.uint64(4)
_5: Final = np.uint64(5)
_9: Final = np.uint64(9)
_10: Final = np.uint64(10)
_13: Final = np.uint64(13)
_16: Final = np.uint64(16)
_17: Final = np.uint64(17)
_19: Final = np.uint64(19)
_40: Final = np.uint64(40)
_100: Final = np.uint64(100)
_E4: Final = np.uint64(10**4)
_E8: Final = np.uint64(10**8)
_E15: Final = np.uint64(10**15)
_E16: Final = np.uint64(10**16)
_E17: Final = np.uint64(10**17)
_E18: Final = np.uint64(10**18)
_HALF: Final = np.uint64(32)
_LOW: Final = np.uint64((1 << 32) - 1)
_MANTISSA_BITS: Final = np.uint64(52)
_HIDDEN: Final = np.uint64(1 << 52)
_FRACTION: Final = np.uint64((1 << 52) - 1)
_EXPONENT: Final = np.uint64(0x7FF)
_SIGN: Final = np.uint64(63)
_BIAS: Final = 1075
_EXACT: Final = 53
"""Below this many binary places a value may be an integer."""
_LOG_10_2: Final = 1262611
_LOG_10_3_4: Final = 524031
_LOG_SHIFT: Final = 22
_LOG_2_10: Final = 1741647
_LOG_2_SHIFT: Final = 19
_LEAST_FIXED: Final = -4
_MOST_FIXED: Final = 16
"""`repr` writes an exponent where the point would stand further left or right."""

_TENS: Final = np.array([10**n for n in range(20)], dtype=np.uint64)
_TEXT: Final = NUMBER_OCTETS
_OCTETS: Final = np.uint64(_TEXT)
_LENGTH: Final = np.uint64(_TEXT - 1)
_LARGEST: Final = float(np.finfo(np.float64).max)
_MIDDLES: Final = MIDDLES_S.view(np.uint64)
_TEXTS: Final = np.array(
    [_text(middle_s) for middle_s in MIDDLES_S.tolist()], dtype=np.uint8
).ravel()
"""Of each middle of a bucket its octets, and in the last of `_TEXT` how many there are."""
_NAME: Final = np.uint64(NAME_OCTETS)
_LEAST: Final = np.uint64((1023 + LOWEST_EXPONENT) << MANTISSA_BITS)
_LIMIT: Final = np.uint64((1023 + HIGHEST_EXPONENT) << MANTISSA_BITS)
"""Above the one and up to the other lie the bits of numbers that are in a bucket."""
_TO_TABLE: Final = np.uint64(MANTISSA_BITS - TABLE_BITS)
_TO_CELL: Final = np.uint64(SCALE)

_PAIRS: Final = np.array([list(b"%02d" % n) for n in range(100)], dtype=np.uint8).ravel()
_NAUGHT: Final = np.uint8(ord("0"))
_POINT: Final = np.uint8(ord("."))
_MINUS: Final = np.uint8(ord("-"))
_PLUS: Final = np.uint8(ord("+"))
_E: Final = np.uint8(ord("e"))
_I: Final = np.uint8(ord("i"))
_SPACE: Final = np.uint8(ord(" "))
_NEWLINE: Final = np.uint8(ord("\n"))

_F64 = NDArray[np.float64]
_I64 = NDArray[np.int64]
_U8 = NDArray[np.uint8]
_U64 = NDArray[np.uint64]
_HEADS = nb.types.NamedTuple([nb.uint8[::1], nb.uint64[::1]], Heads)  # type: ignore[no-untyped-call]
_DECIMAL = nb.types.Tuple((nb.uint64, nb.int64))  # type: ignore[no-untyped-call]
_TWO = nb.types.UniTuple(nb.uint64, 2)  # type: ignore[no-untyped-call]
_FIELDS = nb.types.NamedTuple(  # type: ignore[no-untyped-call]
    [nb.uint8[::1], nb.uint64[::1], nb.boolean[::1]], Fields
)


@kernel(nb.uint64(nb.uint64, nb.uint64, nb.uint64))
def _scaled(high: np.uint64, low: np.uint64, factor: np.uint64) -> np.uint64:
    """Return (high, low) * factor >> 128, its last bit set where anything but that follows."""
    f0, f1 = factor & _LOW, factor >> _HALF
    a0, a1 = low & _LOW, low >> _HALF
    p01, p10 = a0 * f1, a1 * f0
    middle = ((a0 * f0) >> _HALF) + (p01 & _LOW) + (p10 & _LOW)
    below = a1 * f1 + (p01 >> _HALF) + (p10 >> _HALF) + (middle >> _HALF)
    b0, b1 = high & _LOW, high >> _HALF
    p00, p01, p10 = b0 * f0, b0 * f1, b1 * f0
    middle = (p00 >> _HALF) + (p01 & _LOW) + (p10 & _LOW)
    above = b1 * f1 + (p01 >> _HALF) + (p10 >> _HALF) + (middle >> _HALF)
    lower = (p00 & _LOW) + (below & _LOW)
    upper = (middle & _LOW) + (below >> _HALF) + (lower >> _HALF)
    rest = ((upper & _LOW) << _HALF) | (lower & _LOW)
    result = above + (upper >> _HALF)
    return result | _1 if rest > _1 else result


@kernel(_DECIMAL(nb.uint64, nb.uint64))
def shortest(fraction: np.uint64, biased: np.uint64) -> tuple[np.uint64, np.int64]:
    """Return (d, e) of the shortest decimal d * 10**e within the rounding interval of a float64.

    `fraction` are its 52 bits, `biased` its 11 bits of exponent, not all ones. d may end in zeros.
    """
    if biased != _0:
        c, q = _HIDDEN | fraction, np.int64(biased) - _BIAS
        if q <= 0 and -q < _EXACT and (c & ((_1 << np.uint64(-q)) - _1)) == _0:
            return c >> np.uint64(-q), np.int64(0)
    else:
        c, q = fraction, np.int64(1 - _BIAS)
    odd = c & _1
    closer = fraction == _0 and biased > _1
    k = (q * _LOG_10_2 - (_LOG_10_3_4 if closer else 0)) >> _LOG_SHIFT
    h = np.uint64(q + ((-k * _LOG_2_10) >> _LOG_2_SHIFT) + 1)
    high, low = POWERS[-k - LOWEST, 0], POWERS[-k - LOWEST, 1]
    centre = c << _2
    lower = _scaled(high, low, (centre - (_1 if closer else _2)) << h) + odd
    value = _scaled(high, low, centre << h)
    upper = _scaled(high, low, (centre + _2) << h) - odd
    s = value >> _2
    if s >= _10:
        t = s // _10
        below, beyond = lower <= _40 * t, _40 * t + _40 <= upper
        if below != beyond:
            return t + _1 if beyond else t, np.int64(k + 1)
    below, beyond = lower <= s << _2, (s << _2) + _4 <= upper
    middle = (s << _2) + _2
    nearer = value > middle or (value == middle and (s & _1) != _0)
    up = beyond if below != beyond else nearer
    return s + (_1 if up else _0), np.int64(k)


@part
def _write_digits(number: np.uint64, size: np.uint64, out: _U8, at: np.uint64) -> np.uint64:
    """Write the last `size` digits of `number` from `at` on; return where they end."""
    place = end = at + size
    while size >= _2:
        pair = (number % _100) << _1
        number //= _100
        place -= _2
        out[place] = _PAIRS[pair]
        out[place + _1] = _PAIRS[pair + _1]
        size -= _2
    if size != _0:
        out[at] = _PAIRS[((number % _10) << _1) + _1]
    return end


@part
def _size(number: np.uint64) -> np.uint64:
    """Return how many digits a number has that is below 10**19."""
    size = _1
    while number >= _TENS[size]:
        size += _1
    return size


@part
def _write_4(number: np.uint64, out: _U8, at: np.uint64) -> None:
    """Write a number below 10**4 with four digits."""
    first, last = (number // _100) << _1, (number % _100) << _1
    out[at] = _PAIRS[first]
    out[at + _1] = _PAIRS[first + _1]
    out[at + _2] = _PAIRS[last]
    out[at + _3] = _PAIRS[last + _1]


@part
def _write_17(number: np.uint64, out: _U8, at: np.uint64) -> None:
    """Write a number below 10**17 with 17 digits; no division waits for more than two others."""
    upper, lower = number // _E8, number % _E8
    out[at] = _PAIRS[((upper // _E8) << _1) + _1]
    upper %= _E8
    _write_4(upper // _E4, out, at + _1)
    _write_4(upper % _E4, out, at + _5)
    _write_4(lower // _E4, out, at + _9)
    _write_4(lower % _E4, out, at + _13)


@part
def _write_decimal(digits: np.uint64, exponent: np.int64, out: _U8, at: np.uint64) -> np.uint64:
    """Write digits * 10**exponent (digits above 0, no trailing zero) as `repr` does, without .0.

    All 17 digits are written, further zeros as well: what comes next stands upon these.
    """
    size = _16 + (_1 if digits >= _E16 else _0) if digits >= _E15 else _size(digits)
    digits *= _TENS[_17 - size]
    point = np.int64(size) + exponent
    if _LEAST_FIXED < point <= 0:
        for _ in range(2 - point):
            out[at] = _NAUGHT
            at += _1
        out[at - np.uint64(1 - point)] = _POINT
        _write_17(digits, out, at)
        return at + size
    fixed = point > 0 and point <= _MOST_FIXED
    before = np.uint64(point) if fixed else _1
    if fixed and before >= size:
        _write_17(digits, out, at)
        return at + before
    _write_17(digits, out, at + _1)
    for place in range(before):
        out[at + np.uint64(place)] = out[at + np.uint64(place) + _1]
    out[at + before] = _POINT
    at += size if size == before else size + _1
    if fixed:
        return at
    out[at] = _E
    out[at + _1] = _MINUS if point <= 0 else _PLUS
    shift = np.uint64(abs(point - 1))
    return _write_digits(shift, _2 if shift < _100 else _3, out, at + _2)


@part
def write_float(bits: np.uint64, out: _U8, at: np.uint64) -> np.uint64:
    """Write the finite float64 with these bits from `at` on; return where it ends."""
    if bits >> _SIGN != _0:
        out[at] = _MINUS
        at += _1
    fraction, biased = bits & _FRACTION, (bits >> _MANTISSA_BITS) & _EXPONENT
    if fraction == _0 and biased == _0:
        out[at] = _NAUGHT
        return at + _1
    digits, exponent = shortest(fraction, biased)
    while digits % _10 == _0:
        digits //= _10
        exponent += 1
    return _write_decimal(digits, exponent, out, at)


@part
def _copy(octets: _U8, begin: np.uint64, end: np.uint64, out: _U8, at: np.uint64) -> np.uint64:
    """Write octets[begin:end] from `at` on; return where they end."""
    for place in range(end - begin):
        out[at + np.uint64(place)] = octets[begin + np.uint64(place)]
    return at + (end - begin)


@part
def _copy_name(names: _U8, begin: np.uint64, out: _U8, at: np.uint64) -> np.uint64:
    """Write all octets that a name has room for, from `at` on; return `at`."""
    for place in range(NAME_OCTETS):
        out[at + np.uint64(place)] = names[begin + np.uint64(place)]
    return at


@part
def _write_known(bits: np.uint64, out: _U8, at: np.uint64) -> np.uint64:
    """Write a float as `write_float` does; the text of a bucket's middle is known.

    Most quantiles are one. The bucket of a number is found as `collector.samples.kernels` finds it.
    """
    if _LEAST < bits <= _LIMIT:
        below = bits - _1
        mantissa = below & _FRACTION
        carried = (CARRIES[mantissa >> _TO_TABLE] + mantissa) >> _MANTISSA_BITS
        cell = (((below - _LEAST) >> _MANTISSA_BITS) << _TO_CELL) + carried
        if _MIDDLES[cell] == bits:
            text = cell * _OCTETS
            for place in range(_TEXT):
                out[at + np.uint64(place)] = _TEXTS[text + np.uint64(place)]
            return at + np.uint64(_TEXTS[text + _LENGTH])
    return write_float(bits, out, at)


@part
def _write_time(number: np.uint64, out: _U8, at: np.uint64) -> np.uint64:
    """Write nanoseconds; from 2001 on they have 19 digits."""
    if number < _E18:
        return _write_digits(number, _size(number), out, at)
    _write_digits(number // _E17, _2, out, at)
    _write_17(number % _E17, out, at + _2)
    return at + _19


@kernel(_TWO(_HEADS, nb.int64[::1], _FIELDS, nb.float64[:, ::1], nb.int64[::1], nb.uint8[::1]))
def write_lines(
    heads: Heads, head: _I64, fields: Fields, values: _F64, start_ns: _I64, out: _U8
) -> tuple[np.uint64, np.uint64]:
    """Write a line for each row that can be written; return where the last ends, and how many.

    `head` (n,) says which of `heads` each row has, `values` (n, f) are in the order of `fields`,
    NaN where there is none. A row is left out that has no head, no value, an infinite one, an
    integer that is negative or too large, or a negative time.
    """
    octets, begins = heads.octets, heads.begins
    names, sizes, whole = fields.names, fields.sizes, fields.whole
    bits = values.view(np.uint64)
    written = at = _0
    for row in range(np.uint64(head.size)):
        each, begun = np.uint64(head[row]), at
        at = _copy(octets, begins[each], begins[each + _1], out, at)
        first, right = at, at > begun and start_ns[row] >= 0
        for field in range(np.uint64(whole.size)):
            value = values[row, field]
            if value != value:  # noqa: PLR0124 (only NaN differs from itself)
                continue
            at = _copy_name(names, np.uint64(field) * _NAME, out, at) + sizes[field]
            if whole[field]:
                right &= 0.0 <= value < LARGEST_WHOLE
                number = np.uint64(value) if right else _0
                at = _write_digits(number, _size(number), out, at)
                out[at] = _I
                at += _1
            elif abs(value) <= _LARGEST:
                at = _write_known(bits[row, field], out, at)
            else:
                right = False
        if right and at > first:
            out[first] = _SPACE
            out[at] = _SPACE
            at = _write_time(np.uint64(start_ns[row]), out, at + _1)
            out[at] = _NEWLINE
            at += _1
            written += _1
        else:
            at = begun
    return at, written
