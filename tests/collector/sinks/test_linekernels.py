"""Numbers and lines equal Python's own and the official client's, with the compiler and without."""

import struct
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.samples.sketch import MIDDLES_S
from collector.sinks import linekernels, lineprotocol
from tests.oracles import lines as oracle

pytestmark = pytest.mark.kernel

NAMES = ("bucket", "loss_ratio", "probes", "rtt")
START_NS = 1_795_532_550_000_000_000


def written(value: float) -> str:
    """Return what the kernel makes of a float, in a buffer that held something else."""
    out = np.full(64, ord("x"), dtype=np.uint8)
    end = linekernels.write_float(np.float64(value).view(np.uint64), out, np.uint64(1))
    return out[1 : int(end)].tobytes().decode()


def expected(value: float) -> str:
    """Return what `Point` makes of it."""
    return repr(value).removesuffix(".0")


EDGES = [
    *(0.0, -0.0, 1.0, -1.0, 0.1, 0.5, 2 / 3, 64.0, 100.0, 1200.0),
    *(1e-4, 1e-5, 9.999e-5, 1e15, 1e16, 123456789012345678.0, 1e17, 1e22, 1e23),
    *(5e-324, 2.2250738585072014e-308, 1.7976931348623157e308, 9007199254740993.0),
    *(2.0**power for power in range(-1074, 1024)),
    *(10.0**power for power in range(-20, 23)),
]


def test_edges_of_the_format_are_written_as_repr_does() -> None:
    """Where the exponent begins, powers of two and ten, the smallest and the largest."""
    assert [expected(value) for value in EDGES] == [written(value) for value in EDGES]


@settings(deadline=None)
@given(st.integers(0, (1 << 64) - 1))
def test_any_finite_float_is_written_as_repr_does(bits: int) -> None:
    """All signs, exponents and fractions, subnormal ones as well."""
    (value,) = struct.unpack("<d", struct.pack("<Q", bits))
    if np.isfinite(value):
        assert expected(value) == written(value)


@settings(deadline=None)
@given(st.floats(0, 64, width=32), st.integers(1, 10_000), st.integers(1, 10_000))
def test_times_and_ratios_are_written_as_repr_does(rtt_s: float, one: int, other: int) -> None:
    """What windows hold: single floats made double, and quotients of counts."""
    assert expected(rtt_s) == written(rtt_s)
    assert expected(one / other) == written(one / other)


def encoded(rows: Sequence[Sequence[float]], start_ns: int = START_NS) -> lineprotocol.Written:
    """Return the lines of rows of values under one head."""
    return lineprotocol.encode(
        lineprotocol.joined([b"m"]),
        np.zeros(len(rows), dtype=np.int64),
        np.array(rows, dtype=np.float64).reshape(len(rows), len(NAMES)),
        np.full(len(rows), start_ns),
        NAMES,
    )


def test_the_middle_of_each_bucket_is_written_as_repr_does() -> None:
    """Their texts are known before; what lies beside them is written anew."""
    values = [*MIDDLES_S.tolist(), *np.nextafter(MIDDLES_S[::50], 1).tolist()]
    lines = encoded([(0, value, 1, 2.0**-20) for value in values]).octets.decode().splitlines()
    found = [line.partition("loss_ratio=")[2].partition(",")[0] for line in lines]
    assert [expected(value) for value in values] == found


WHOLE = st.integers(0, (1 << 53) - 1)
FLOAT = st.floats(allow_nan=True, allow_infinity=False)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(WHOLE, FLOAT, WHOLE, FLOAT), max_size=5), st.integers(0, (1 << 63) - 1))
def test_lines_equal_the_official_clients(
    rows: list[tuple[int, float, int, float]], start_ns: int
) -> None:
    """Any numbers, NaN left out, any time: the octets are those of `Point`."""
    labels = oracle.series()
    head = lineprotocol.joined([lineprotocol.head("a", labels)])
    found = lineprotocol.encode(
        head,
        np.zeros(len(rows), dtype=np.int64),
        np.array(rows, dtype=np.float64).reshape(len(rows), len(NAMES)),
        np.full(len(rows), start_ns),
        NAMES,
    )
    by_point = [
        oracle.line("a", labels, dict(zip(NAMES, row, strict=True)), start_ns) for row in rows
    ]
    assert (b"".join(by_point), len(rows), 0) == found


NAN, INFINITE = float("nan"), float("inf")


@pytest.mark.parametrize(
    "row",
    [
        *((1, INFINITE, 1, 1), (1, 1, 1, -INFINITE), (NAN, NAN, NAN, NAN)),
        *((-1, 1, 1, 1), (1, 1, 1 << 53, 1), (1, 1, INFINITE, 1)),
    ],
)
def test_a_row_that_no_server_reads_is_left_out(row: tuple[float, ...]) -> None:
    """Infinity, no value at all, integers that are none: its neighbours are written alone."""
    good = (1, 0.5, 2, NAN)
    octets = f"m bucket=1i,loss_ratio=0.5,probes=2i {START_NS}\n".encode()
    assert (2 * octets, 2, 1) == encoded([good, row, good])


def test_a_time_before_the_epoch_is_left_out() -> None:
    """A negative time is no time of day."""
    assert (b"", 0, 1) == encoded([(1, 1, 1, 1)], -1)
