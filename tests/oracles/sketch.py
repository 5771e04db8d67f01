"""The slow obvious version of sketches and windows: exact arithmetic, dictionaries and sorting.

Nothing here shares a formula with the product: a bucket is found by comparing the 64th power of
an exact fraction with powers of two, a quantile by sorting the samples.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from fractions import Fraction

SMALLEST = Fraction(1, 2**20)
LARGEST = Fraction(2**6)


def bucket(value_s: float) -> int:
    """Return i with 2**(i / 64) < x <= 2**((i + 1) / 64), exactly."""
    power = Fraction(value_s) ** 64
    guess = power.numerator.bit_length() - power.denominator.bit_length()
    for i in range(guess - 2, guess + 3):
        if Fraction(2) ** i < power <= Fraction(2) ** (i + 1):
            return i
    message = f"no bucket near {guess} holds {value_s}"
    raise AssertionError(message)


def kind(value_s: float) -> str:
    """Return `bucket`, `zero` or the reason of the rejection."""
    if math.isnan(value_s):
        return "nan"
    if math.isinf(value_s):
        return "infinite"
    if value_s < 0:
        return "negative"
    if value_s > LARGEST:
        return "absurd"
    return "zero" if value_s <= SMALLEST else "bucket"


def sketch(values_s: Iterable[float]) -> dict[int, int]:
    """Return how many values each bucket holds."""
    return dict(sorted(Counter(bucket(x) for x in values_s if kind(x) == "bucket").items()))


def quantile(values_s: Sequence[float], ppm: int) -> float:
    """Return the smallest value that at least q n values do not exceed, exactly."""
    rank = max(1, math.ceil(Fraction(ppm, 1_000_000) * len(values_s)))
    return sorted(values_s)[rank - 1]


class Windows:
    """Every sample kept in a list by (row, start)."""

    def __init__(self, width_ns: int) -> None:
        self.width_ns = width_ns
        self.samples: defaultdict[tuple[int, int], list[float]] = defaultdict(list)
        self.events: defaultdict[tuple[int, int], Counter[int]] = defaultdict(Counter)
        self.rejected: Counter[str] = Counter()

    def add(self, row: int, value_s: float, at_ns: int) -> None:
        """Keep one reply."""
        if kind(value_s) in {"bucket", "zero"}:
            self.samples[row, at_ns - at_ns % self.width_ns].append(value_s)
        else:
            self.rejected[kind(value_s)] += 1

    def add_event(self, row: int, outcome: int, at_ns: int) -> None:
        """Keep one event."""
        self.events[row, at_ns - at_ns % self.width_ns][outcome] += 1

    def known(self) -> list[tuple[int, int]]:
        """Return (row, start) of all windows, sorted."""
        return sorted({*self.samples, *self.events})
