"""Windows that are added up as they come: the same as all of them at once, in less room."""

import numpy as np
import pytest

from collector.samples import sums
from collector.samples.columns import Columns, concat, empty
from collector.samples.quantiles import merge
from collector.samples.sums import Sums, TooManyError
from tests.fakes.collector_samples import S_NS, sealed_windows

pytestmark = pytest.mark.kernel

PARTS = [sealed_windows(series, windows, seed=series) for series in (3, 1, 5) for windows in (4, 9)]


def same(expected: Columns, found: Columns) -> bool:
    """Tell whether both hold the same; sums of floats may differ in their last digits."""
    exact = ("row", "start_ns", "counts", "zero", "min_s", "max_s", "offsets", "bucket")
    return (
        all(np.array_equal(getattr(expected, name), getattr(found, name)) for name in exact)
        and np.array_equal(expected.bucket_count, found.bucket_count)
        and np.allclose(expected.sum_s, found.sum_s, rtol=1e-12)
    )


@pytest.mark.parametrize("enough", [1, 7, 10**9])
@pytest.mark.parametrize("step_ns", [None, 10 * S_NS, 60 * S_NS])
def test_the_sum_is_that_of_all_at_once(
    monkeypatch: pytest.MonkeyPatch, enough: int, step_ns: int | None
) -> None:
    """However often it is added up on the way."""
    monkeypatch.setattr(sums, "ENOUGH", enough)
    found = Sums(step_ns)
    for part in [*PARTS, empty()]:
        found.add(part)
    assert same(merge(concat(PARTS), step_ns), found.result())


def test_groups_stand_in_the_place_of_rows() -> None:
    """All rows of a zone are one."""
    highest = max(int(part.row.max()) for part in PARTS)
    group_of = (np.arange(highest + 1) % 2).astype(np.uint32)
    found = Sums(group_of=group_of)
    for part in PARTS:
        found.add(part)
    whole = concat(PARTS)
    assert same(merge(whole.grouped(group_of[whole.row])), found.result())
    assert [0, 1] == found.result().row.tolist()


def test_what_waits_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither what is read nor its number of parts makes it grow: its result does."""
    monkeypatch.setattr(sums, "ENOUGH", 50)
    found = Sums(60 * S_NS)
    for _ in range(100):
        found.add(PARTS[0])
        assert found._size < 50 + len(PARTS[0])
    assert len(merge(PARTS[0], 60 * S_NS)) == len(found.result())


def test_nothing_is_no_rows() -> None:
    """Without windows the sum has none."""
    assert 0 == len(Sums().result())


def test_too_many_are_said_as_soon_as_they_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """With what was found by then."""
    whole = merge(PARTS[0], 10 * S_NS)
    enough = Sums(10 * S_NS, most=len(whole))
    enough.add(PARTS[0])
    assert len(whole) == len(enough.result())
    monkeypatch.setattr(sums, "ENOUGH", 1)
    with pytest.raises(TooManyError) as caught:
        Sums(10 * S_NS, most=len(whole) - 1).add(PARTS[0])
    assert (4, len(whole)) == (caught.value.series, caught.value.windows)
