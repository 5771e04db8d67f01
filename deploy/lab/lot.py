"""Decider: draws by lot from a seed, the same lots whatever the version of Python."""

from collections.abc import Sequence
from typing import TypeVar

Row = TypeVar("Row")

_ALL_ONES = (1 << 64) - 1


class Lot:
    """Draws from a stream of numbers: SplitMix64 (Steele, Lea, Flood, OOPSLA 2014, figure 17)."""

    def __init__(self, seed: int) -> None:
        """Begin the stream of `seed`."""
        self._state = seed & _ALL_ONES

    def _chance(self) -> float:
        """Return the next number in [0, 1)."""
        self._state = (self._state + 0x9E3779B97F4A7C15) & _ALL_ONES
        mixed = self._state
        mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & _ALL_ONES
        mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & _ALL_ONES
        return ((mixed ^ (mixed >> 31)) >> 11) * 2.0**-53

    def happens(self, share: float) -> bool:
        """Return True with this probability."""
        return self._chance() < share

    def one_of(self, rows: Sequence[Row]) -> Row:
        """Return one of `rows`, each as likely as any other."""
        return rows[int(self._chance() * len(rows))]

    def between(self, low: float, high: float) -> float:
        """Return a number from `low` to `high`, rounded to a hundredth."""
        return round(low + (high - low) * self._chance(), 2)

    def shuffled(self, rows: Sequence[Row]) -> list[Row]:
        """Return `rows` in an order of its own (Fisher and Yates, as Durstenfeld wrote it)."""
        mixed = list(rows)
        for last in range(len(mixed) - 1, 0, -1):
            other = int(self._chance() * (last + 1))
            mixed[last], mixed[other] = mixed[other], mixed[last]
        return mixed
