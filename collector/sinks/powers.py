"""Words: powers of ten as 128 bits, by which a float64 becomes its shortest decimal.

10**k lies between `POWERS[k - LOWEST]` - 1 and it, in units of 2**(floor(log2(10**k)) - 127): the
upper and the lower 64 bits of the quotient, rounded up (Giulietti: The Schubfach way to render
doubles, section 9.10). Exact integers, made at the import: 617 rows.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

LOWEST: Final = -292
HIGHEST: Final = 324
BITS: Final = 128
HALF: Final = 64


def _row(power: int) -> tuple[int, int]:
    """Return both halves of 10**power, scaled to 128 bits and rounded up."""
    over, under = (10**power, 1) if power >= 0 else (1, 10**-power)
    exponent = over.bit_length() - under.bit_length()
    exponent -= over << max(-exponent, 0) < under << max(exponent, 0)
    shift = BITS - 1 - exponent
    scaled = -((-over << max(shift, 0)) // (under << max(-shift, 0)))
    return scaled >> HALF, scaled & ((1 << HALF) - 1)


POWERS: Final[NDArray[np.uint64]] = np.array(
    [_row(power) for power in range(LOWEST, HIGHEST + 1)], dtype=np.uint64
)
"""(617, 2): upper and lower half of each power from `LOWEST` to `HIGHEST`."""
