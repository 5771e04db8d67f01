"""Decider: the numba kernels that look up arrays of addresses in a tree of `facts.rangetree`.

Rules
- Arrays in, arrays out: the row of each address, -1 where no row holds it. The arrays of the
  tree are those of a table that `collector.facts.atlas` has checked; nothing is checked here.
- Every kernel has an explicit signature, so importing this module compiles everything (or loads
  it from numba's cache). Import it through `collector.facts.lookup`, which does so lazily.
- `nogil`, one thread. Indices are unsigned: signed ones cost numba a wrap-around test each.
"""

from typing import Any, Final

import numba as nb
import numpy as np
from numba.extending import intrinsic, overload
from numpy.typing import NDArray

from collector.facts.rangetree import NODE, NODE_BITS, PAD_BITS, ROOT_BITS
from collector.jit import kernel, readonly

_LANES: Final = 256

# Unsigned constants: a signed literal beside a uint64 would make numba compute in float64.
_ONE: Final = np.uint64(1)
_NODE: Final = np.uint32(NODE)
_LAST_SLOT: Final = np.uint64((1 << NODE_BITS) - 1)
_NODE_BITS: Final = np.uint64(NODE_BITS)
_PAD: Final = np.uint64(PAD_BITS)
_TO_18: Final = np.uint64(32 - ROOT_BITS)
_TO_24: Final = np.uint64(32 - ROOT_BITS - NODE_BITS)
_TO_30: Final = np.uint64(32 - ROOT_BITS - 2 * NODE_BITS)
_ROOT_SHIFT_6: Final = np.uint64(64 - ROOT_BITS)
_WINDOW_BITS: Final = np.uint64(60)
_WORD_BITS: Final = np.uint64(64)

_I32 = NDArray[np.int32]
_U32 = NDArray[np.uint32]
_U64 = NDArray[np.uint64]
_READ_U32 = readonly(nb.uint32)
_READ_U64 = readonly(nb.uint64)


def _ones(bits: np.uint64) -> np.uint64:
    """Return how many bits are set; without the compiler numpy says it."""
    return np.uint64(np.bitwise_count(bits))


@intrinsic
def _population(context: Any, bits: Any) -> Any:  # noqa: ANN401, ARG001 (numba's protocol)
    def generate(_context: Any, builder: Any, _signature: Any, values: Any) -> Any:  # noqa: ANN401
        return builder.ctpop(values[0])

    return nb.uint64(nb.uint64), generate


@overload(_ones, strict=False)
def _compiled_ones(bits: Any) -> Any:  # noqa: ANN401, ARG001 (numba's protocol: not called)
    def impl(bits: Any) -> Any:  # noqa: ANN401
        return _population(bits)  # type: ignore[call-arg] # numba fills in the context

    return impl


@kernel(nb.uint32(_READ_U64, _READ_U32, nb.uint32, nb.uint64))
def _inside(pairs: _U64, runs: _U32, word: np.uint32, bits: np.uint64) -> np.uint32:
    """Return the word of a slot (the last 6 of `bits`) of the node that `word` names."""
    pair = np.uint64(word ^ _NODE) << _ONE
    begun = _ones(pairs[pair] << (_LAST_SLOT - (bits & _LAST_SLOT)))
    return np.uint32(runs[pairs[pair + _ONE] + begun - _ONE])


@kernel(nb.void(_READ_U32, _READ_U64, _READ_U32, _READ_U32, nb.int32[::1]))
def find_4(root: _U32, pairs: _U64, runs: _U32, address: _U32, row: _I32) -> None:
    """Write the row of each IPv4 address; three steps at most, so no loop guesses how many."""
    for i in range(address.size):
        bits = np.uint64(address[i])
        word = root[bits >> _TO_18]
        if word >= _NODE:
            word = _inside(pairs, runs, word, bits >> _TO_24)
            if word >= _NODE:
                word = _inside(pairs, runs, word, bits >> _TO_30)
                if word >= _NODE:
                    word = _inside(pairs, runs, word, bits << _PAD)
        row[i] = np.int32(word) - np.int32(1)


@kernel(nb.uint64(nb.int64, nb.uint64, nb.uint64))
def _window(number: int, high: np.uint64, low: np.uint64) -> np.uint64:
    """Return an IPv6 address from its bit 0, 60 or 120 on: each window ends with a whole slot."""
    if number == 0:
        return high
    if number == 1:
        return (high << _WINDOW_BITS) | (low >> (_WORD_BITS - _WINDOW_BITS))
    return low << (_WINDOW_BITS - _PAD)


@kernel(nb.void(_READ_U32, _READ_U64, _READ_U32, _READ_U64, _READ_U64, nb.int32[::1]))
def find_6(root: _U32, pairs: _U64, runs: _U32, high: _U64, low: _U64, row: _I32) -> None:
    """Write the row of each IPv6 address, given as its two halves.

    A block goes down level by level, so that the reads of many addresses are under way at once;
    those that met their run leave the list of lanes without a branch.
    """
    lanes = np.empty(_LANES, dtype=np.uint64)
    words = np.empty(_LANES, dtype=np.uint32)
    for begin in range(0, high.size, _LANES):
        size = min(_LANES, high.size - begin)
        busy = np.uint64(0)
        for i in range(size):
            words[i] = root[high[begin + i] >> _ROOT_SHIFT_6]
            lanes[busy] = np.uint64(i)
            busy += np.uint64(words[i] >= _NODE)
        window = 0
        shift = _ROOT_SHIFT_6
        while busy > np.uint64(0):
            if shift < _NODE_BITS:
                window += 1
                shift = _WORD_BITS
            shift -= _NODE_BITS
            listed = busy
            busy = np.uint64(0)
            for k in range(listed):
                lane = lanes[k]
                at = np.uint64(begin) + lane
                bits = _window(window, high[at], low[at]) >> shift
                words[lane] = _inside(pairs, runs, words[lane], bits)
                lanes[busy] = lane
                busy += np.uint64(words[lane] >= _NODE)
        for i in range(size):
            row[begin + i] = np.int32(words[i]) - np.int32(1)
