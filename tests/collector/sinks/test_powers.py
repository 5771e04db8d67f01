"""The table of powers of ten is exact: each row is the power rounded up, to 128 bits."""

from fractions import Fraction

from collector.sinks.powers import HIGHEST, LOWEST, POWERS


def test_every_power_lies_just_below_its_row() -> None:
    """10**k is in (row - 1, row] units of its last bit, and the first bit is set."""
    for power in range(LOWEST, HIGHEST + 1):
        high, low = POWERS[power - LOWEST].tolist()
        row, exact = (high << 64) + low, Fraction(10) ** power
        unit = Fraction(2) ** (exact.numerator.bit_length() - exact.denominator.bit_length() - 128)
        ratio = exact / unit
        while ratio >= 1 << 128:
            ratio /= 2
        while ratio < 1 << 127:
            ratio *= 2
        assert row - 1 < ratio <= row, power
        assert 1 << 127 <= row < 1 << 128, power


def test_small_powers_are_exact() -> None:
    """1 and 10 need no rounding."""
    assert [1 << 63, 0] == POWERS[-LOWEST].tolist()
    assert [10 << 60, 0] == POWERS[1 - LOWEST].tolist()
