"""What the line protocol and its kernels hand each other holds what it is meant for."""

from collector.sinks import lineprotocol
from collector.sinks.linewords import LARGEST_WHOLE, NAME_OCTETS


def test_integers_beyond_the_largest_are_none_in_a_float() -> None:
    """The largest is the last one before a float64 skips its neighbour."""
    assert LARGEST_WHOLE - 1 == int(float(LARGEST_WHOLE - 1))
    assert LARGEST_WHOLE + 1 != int(float(LARGEST_WHOLE + 1))


def test_each_field_has_room_for_its_name_with_its_signs() -> None:
    """A comma before it and an equals sign behind it, `bucket` of the ranges too."""
    names = (*lineprotocol.FIELDS, "bucket")
    assert [] == [name for name in names if len(f",{name}=".encode()) > NAME_OCTETS]
