"""Sketches survive their octets; what is none is refused; with numba's compiler and without."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.samples import packing
from collector.samples.columns import PER_ROW, Columns, Packed, empty
from collector.samples.quantiles import quantiles
from collector.samples.sketch import CELLS, FIRST_BUCKET, ZERO_LIMIT_S
from collector.samples.windows import Windows
from tests.fakes.collector_samples import sealed_windows

pytestmark = pytest.mark.kernel

LAST = FIRST_BUCKET + CELLS - 1


def columns_of(samples: list[list[float]]) -> Columns:
    """Return a window per list of samples (s)."""
    windows = Windows()
    ends = np.cumsum([0, *map(len, samples)])
    flat = np.array([value for part in samples for value in part], dtype=np.float32)
    windows.add(np.arange(len(samples)), ends, flat, np.zeros(flat.size), 10**18)
    return windows.open()


def rewritten(columns: Columns, **changes: object) -> Columns:
    """Return columns with some arrays replaced."""
    fields = {name: getattr(columns, name) for name in columns.__dataclass_fields__}
    return Columns(**(fields | changes))


def octets_of(columns: Columns) -> tuple[np.ndarray, np.ndarray]:
    """Return the octets and their ends of sketches whose samples are too many for quantiles."""
    sketch = (columns.offsets, columns.bucket, columns.bucket_count)
    octets = np.empty(columns.bucket.size * packing.kernels().MOST_OCTETS, np.uint8)
    ends = np.zeros(len(columns) + 1, np.int32)
    lowest = packing.buckets(columns.min_s)
    packing.kernels().pack(np.arange(len(columns)), *sketch, lowest, octets, ends)
    return octets[: ends[-1]], ends


@settings(deadline=None)
@given(
    st.lists(st.lists(st.floats(0, 64, width=32), max_size=30) | st.just([0.01] * 700), max_size=6)
)
def test_samples_survive(samples: list[list[float]]) -> None:
    """Sketches of any samples, zero and the longest time too, come back exactly."""
    columns = columns_of(samples)
    packed = packing.pack(columns)
    found = packing.unpack(packed.octets, packed.ends, columns.min_s)
    for name, array in zip(("offsets", "bucket", "bucket_count"), found, strict=True):
        np.testing.assert_array_equal(getattr(columns, name), array, name)
        assert getattr(columns, name).dtype == array.dtype


@settings(deadline=None)
@given(
    st.lists(st.dictionaries(st.integers(FIRST_BUCKET, LAST), st.integers(1, 2**62)), max_size=5)
)
def test_any_sketch_survives(sketches: list[dict[int, int]]) -> None:
    """Far buckets, huge counts, and a smallest sample that lies elsewhere."""
    bucket = np.array([b for sketch in sketches for b in sorted(sketch)], dtype=np.int32)
    count = np.array([s[b] for s in sketches for b in sorted(s)], dtype=np.int64)
    base = columns_of([[0.02]] * len(sketches))
    columns = rewritten(
        base,
        offsets=np.cumsum([0, *map(len, sketches)]).astype(np.int64),
        bucket=bucket,
        bucket_count=count,
        zero=np.zeros(len(sketches), np.int64),
    )
    sketch = (columns.offsets, columns.bucket, columns.bucket_count)
    octets, ends = octets_of(columns)
    found = packing.unpack(octets, ends, columns.min_s)
    for expected, array in zip(sketch, found, strict=True):
        np.testing.assert_array_equal(expected, array)


def test_an_ordinary_bucket_is_one_octet() -> None:
    """Buckets with few samples each: those left out in the high half, samples less 1 below."""
    columns = columns_of([[0.010, 0.010, 0.0101, 0.0105]])
    packed = packing.pack(columns)
    assert [0, 1, 5] == (columns.bucket - columns.bucket[0]).tolist()
    assert [0x01, 0x00, 0x30] == packed.octets.tolist()
    assert [0, 3] == packed.ends.tolist()


def test_what_a_nibble_cannot_hold_follows() -> None:
    """300 samples, then 41 buckets left out: 15 and LEB128 of the rest, buckets before samples."""
    columns = columns_of([[0.010] * 300 + [0.010 * 2 ** (42 / 64)] * 20])
    assert 42 == columns.bucket[1] - columns.bucket[0]
    rest = 299 - 15
    expected = [0x0F, rest % 128 | 128, rest // 128, 0xFF, 41 - 15, 19 - 15]
    assert expected == packing.pack(columns).octets.tolist()


@settings(deadline=None)
@given(st.binary(max_size=40))
def test_octets_that_are_no_sketch_are_refused(octets: bytes) -> None:
    """Garbage is a sketch of buckets within the range, or a `ValueError`; never anything else."""
    ends = np.array([0, len(octets)], dtype=np.int32)
    try:
        _, bucket, count = packing.unpack(
            np.frombuffer(octets, np.uint8), ends, np.array([0.01], np.float32)
        )
    except ValueError:
        return
    assert all(FIRST_BUCKET <= b <= LAST for b in bucket.tolist())
    assert all(c >= 1 for c in count.tolist())
    assert (np.diff(bucket) > 0).all()


@pytest.mark.parametrize(
    "octets", [b"\xf0", b"\x0f", b"\x0f" + b"\xff" * 12, b"\xf0\xff\x7f", b"\x0f\x80"]
)
def test_numbers_without_an_end_and_buckets_beyond_all_are_refused(octets: bytes) -> None:
    """A cut number, one too long, a bucket outside the range."""
    ends = np.array([0, len(octets)], dtype=np.int32)
    with pytest.raises(ValueError, match="not what a collector writes"):
        packing.unpack(np.frombuffer(octets, np.uint8), ends, np.array([0.01], np.float32))


@settings(deadline=None)
@given(st.lists(st.lists(st.floats(0, 64, width=32), min_size=1, max_size=200), max_size=4))
def test_buckets_give_the_quantiles(samples: list[list[float]]) -> None:
    """The value of a quantile's bucket, between the extremes, is the sketch's own quantile."""
    columns = columns_of(samples)
    middle = packing.pack(columns).middle
    found = [packing.values_s(middle[:, k], columns.min_s, columns.max_s) for k in range(3)]
    np.testing.assert_array_equal(quantiles(columns), np.column_stack(found).reshape(-1, 3))


def test_buckets_of_values() -> None:
    """The zero bucket stands below all; what no bucket holds counts as it."""
    values = np.array([0, ZERO_LIMIT_S, 64, np.inf, -np.inf, np.nan, 1], dtype=np.float32)
    zero = packing.ZERO_BUCKET
    assert [zero, zero, LAST, zero, zero, zero, -1] == packing.buckets(values).tolist()


def test_nothing_is_packed_into_nothing() -> None:
    """No rows, no octets."""
    packed = packing.pack(empty())
    assert (0, [0], (0, 3)) == (packed.octets.size, packed.ends.tolist(), packed.middle.shape)


@settings(deadline=None)
@given(st.lists(st.lists(st.floats(0, 64, width=32), max_size=9), max_size=6), st.data())
def test_rows_are_packed_where_they_lie(samples: list[list[float]], data: st.DataObject) -> None:
    """Any rows in any order, some of them twice, as if they had been taken out before."""
    columns = columns_of(samples)
    chosen = data.draw(st.lists(st.integers(0, max(0, len(columns) - 1)), max_size=9))
    places = np.array(chosen if len(columns) else [], dtype=np.int64)
    expected, found = packing.pack(columns.take(places)), packing.pack(columns, places)
    for name in Packed.__dataclass_fields__:
        np.testing.assert_array_equal(getattr(expected, name), getattr(found, name), name)


def test_unsketched_rows_are_the_taken_ones_without_their_sketches() -> None:
    """What is told of a row once stays, its sketch is empty; the rows may come from a slice."""
    columns = sealed_windows().slice(2, 12)
    places = np.array([3, 0, 3, 9])
    taken, found = columns.take(places), packing.unsketched(columns, places)
    for name in PER_ROW:
        np.testing.assert_array_equal(getattr(taken, name), getattr(found, name), name)
    assert ([0] * 5, 0) == (found.offsets.tolist(), found.bucket.size)


def test_a_sketch_of_fewer_samples_than_were_counted_ends_where_it_ends() -> None:
    """Its quantiles lie in its last bucket at most: nothing beyond it is read."""
    columns = columns_of([[0.010], [0.020]])
    columns.counts[0, 0] = 1000
    assert columns.bucket[[0, 0, 0]].tolist() == packing.pack(columns).middle[0].tolist()


def test_the_largest_entry_has_room() -> None:
    """The farthest bucket with the most samples that can be counted takes what is kept for one."""
    base = columns_of([[0.02]])
    columns = rewritten(
        base,
        bucket=np.array([LAST], np.int32),
        bucket_count=np.array([2**63 - 1], np.int64),
        min_s=np.array([0], np.float32),
    )
    octets, ends = octets_of(columns)
    assert packing.kernels().MOST_OCTETS == octets.size
    _, bucket, count = packing.unpack(octets, ends, columns.min_s)
    assert ([LAST], [2**63 - 1]) == (bucket.tolist(), count.tolist())
