"""Words: what the face of the line protocol and its kernels hand each other."""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

LARGEST_WHOLE: Final = 1 << 53
"""Integers beyond are none in a float64."""

NAME_OCTETS: Final = 32
"""Room of a field's name, with its signs."""


class Heads(NamedTuple):
    """Measurement and tags of several series, for `lineprotocol.encode`."""

    octets: NDArray[np.uint8]
    begins: NDArray[np.uint64]
    """(h + 1,) where each begins, and where the last one ends; those that cannot be written are
    empty."""


class Fields(NamedTuple):
    """The fields of every line, in the order in which they are written."""

    names: NDArray[np.uint8]
    """`,name=` of each, filled up to `NAME_OCTETS`: the kernel writes all of them."""
    sizes: NDArray[np.uint64]
    """(f,) how many octets of them count."""
    whole: NDArray[np.bool_]
    """(f,) whether the values are integers."""
