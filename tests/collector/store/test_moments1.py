"""Companions that the release before wrote are read as it wrote them."""

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from collector.samples import packing
from collector.store import moments, moments1, segmentfile
from tests.fakes.collector_days import DAY0_NS, S_NS, chosen, spans, windows

KEPT = Path(__file__).parents[1] / "kept" / "companion-1"


def test_the_kept_file_has_the_columns_of_its_schema() -> None:
    """Names and types."""
    (file,) = KEPT.iterdir()
    assert pq.read_schema(file).equals(moments1.SCHEMA)


@pytest.mark.parametrize(
    "span_ns",
    [
        (0, 1 << 62),
        (DAY0_NS + 240 * S_NS, DAY0_NS + 4000 * S_NS),
        (DAY0_NS + 3000 * S_NS, DAY0_NS + 7200 * S_NS),
        (DAY0_NS - 9, DAY0_NS),
    ],
)
def test_it_tells_the_worst_of_the_windows_that_it_came_from(span_ns: tuple[int, int]) -> None:
    """Of whole hours and parts: the highest bucket of p99 by series, silent minutes aside."""
    (file,) = KEPT.iterdir()
    segment = segmentfile.describe(KEPT, file.name)
    expected = chosen(windows(list(spans((0, 1), every_s=120))), *span_ns, 60 * S_NS)
    assert not len(expected) or (expected.received == 0).any()
    expected = expected.take(np.flatnonzero(expected.received))
    found = moments.read(KEPT, [segment], *span_ns)
    assert (
        packing.worst(expected.row, packing.middle(expected)[:, -1]).tolist()
        == packing.worst(*found).tolist()
    )
