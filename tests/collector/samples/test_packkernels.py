"""What the kernels make of single octets, called as `collector.samples.packing` calls them."""

import numpy as np
import pytest

from collector.samples import packing
from collector.samples.sketch import FIRST_BUCKET

pytestmark = pytest.mark.kernel


def unpacked(octets: bytes) -> tuple[int, list[int], list[int]]:
    """Return the entries of one sketch whose lowest bucket is the first, with their counts."""
    buckets, counts = np.zeros(8, np.int32), np.zeros(8, np.int64)
    written = packing.kernels().unpack(
        np.frombuffer(octets, np.uint8),
        np.array([0, len(octets)], np.int32),
        np.array([FIRST_BUCKET], np.int32),
        np.zeros(2, np.int64),
        buckets,
        counts,
    )
    return written, buckets[: max(written, 0)].tolist(), counts[: max(written, 0)].tolist()


@pytest.mark.parametrize(
    ("octets", "buckets", "counts"),
    [
        (b"", [], []),
        (b"\x00", [0], [1]),
        (b"\x00\x03", [0, 1], [1, 4]),
        (b"\x02\x21", [0, 3], [3, 2]),
    ],
)
def test_an_octet_is_a_step_and_a_count(
    octets: bytes, buckets: list[int], counts: list[int]
) -> None:
    """The upper nibble are the buckets left out before, the lower one the count less one."""
    expected = len(buckets), [FIRST_BUCKET + step for step in buckets], counts
    assert expected == unpacked(octets)


@pytest.mark.parametrize("octets", [b"\xf0", b"\x0f", b"\x0f\x80", b"\x10"])
def test_what_ends_too_soon_or_lies_outside_is_bad(octets: bytes) -> None:
    """A rest that is not there, one without an end, and a bucket below the first."""
    assert packing.kernels().BAD == unpacked(octets)[0]
