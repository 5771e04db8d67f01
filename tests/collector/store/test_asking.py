"""What is told without sketches is what the sketches say, in whatever files the windows lie."""

from pathlib import Path

import numpy as np
import pytest

from collector.listed import DAY_NS, HOUR_NS
from collector.samples import packing, summaries
from collector.samples.columns import Columns, concat, empty
from collector.samples.quantiles import merge, to_quantiles
from collector.samples.windows import Windows
from collector.store import segments
from collector.store.asking import Question
from tests.fakes.collector_days import DAY0_NS, S_NS, SERIES, chosen, spans, windows
from tests.fakes.upkept import RANGES_NS, STEPS_NS, Upkept, filled

NOW_NS = DAY0_NS + 28 * HOUR_NS + 300 * S_NS
EVER = (DAY0_NS, DAY0_NS + 2 * DAY_NS)


def question(
    store: Upkept, span_ns: tuple[int, int] = EVER, held: Columns | None = None
) -> Question:
    """Return a question about all series of a store."""
    return Question(
        directory=store.segments,
        listed=store.listed,
        held=empty() if held is None else held,
        rows=None,
        from_ns=span_ns[0],
        to_ns=span_ns[1],
    )


@pytest.fixture
def store(tmp_path: Path) -> Upkept:
    """A compacted day, and hours of the next."""
    made = Upkept(tmp_path)
    made.catalog.close()
    return made


def assert_told(asked: Question, held: Columns, step_ns: int) -> None:
    """Compare with what the windows themselves say."""
    expected = chosen(held, asked.from_ns, asked.to_ns, step_ns)
    found = asked.told(step_ns)
    assert expected.row.tolist() == found.row.tolist()
    assert expected.start_ns.tolist() == found.start_ns.tolist()
    for one, other in zip(to_quantiles(expected), summaries.to_quantiles(found), strict=True):
        assert (one.mean_s or 0) == pytest.approx(other.mean_s or 0, rel=1e-12)
        for name in ("p50_s", "p90_s", "p99_s", "min_s", "max_s", "received", "lost"):
            assert getattr(one, name) == getattr(other, name)


def test_steps_are_told_as_their_sketches_say(tmp_path: Path) -> None:
    """At each level, for days and for ranges with edges, with late rows and those in memory."""
    store = Upkept(tmp_path)
    held = filled(store)
    store.work(NOW_NS)
    for step_ns in STEPS_NS:
        for span_ns in RANGES_NS:
            assert_told(question(store, span_ns), held, step_ns)
    late = windows(list(spans([1])), series=[0, 1], seed=50)
    store.seal(late, "late")
    fresh = windows([DAY0_NS + 28 * HOUR_NS], seed=51)
    for step_ns in STEPS_NS:
        assert_told(question(store, EVER, fresh), concat([held, late, fresh]), step_ns)
    store.catalog.close()


def test_sketches_are_not_read_where_they_are_not_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A day of minutes is told from the columns beside the sketches."""
    store = Upkept(tmp_path)
    held = filled(store)
    store.work(NOW_NS)

    def never(*_: object, **__: object) -> Columns:
        pytest.fail("sketches were read")

    monkeypatch.setattr(segments, "windows", never)
    assert_told(question(store), held, 60 * S_NS)
    store.catalog.close()


@pytest.mark.parametrize("span_ns", [EVER, (DAY0_NS + 600 * S_NS, DAY0_NS + 3960 * S_NS)])
def test_the_worst_are_those_with_the_highest_minute(
    tmp_path: Path, span_ns: tuple[int, int]
) -> None:
    """From companions, late rows and memory, each minute whole: the bucket of the highest p99.

    The late parts are of every kind: sealed ones, ones in memory, of a series with many samples.
    """
    store = Upkept(tmp_path)
    held = filled(store)
    store.work(NOW_NS)
    late = windows(list(spans([0, 1])), series=[0, 2], seed=60)
    store.seal(late, "late")
    fresh = [windows([DAY0_NS + 28 * HOUR_NS], seed=61), windows([DAY0_NS + 700 * S_NS], seed=62)]
    expected = np.full(SERIES, packing.NOTHING)
    inside = chosen(concat([held, late, *fresh]), *span_ns, 60 * S_NS)
    inside = inside.take(np.flatnonzero(inside.received))
    np.maximum.at(expected, inside.row, packing.middle(inside)[:, -1])
    found = question(store, span_ns, chosen(concat(fresh), *span_ns, 10 * S_NS)).worst()
    assert expected.tolist() == found.tolist()
    store.catalog.close()


def window_of(rtt_s: list[float], start_ns: int) -> Columns:
    """Return a window of series 1."""
    found, samples = Windows(), np.array(rtt_s, np.float32)
    found.add(np.array([1]), np.array([0, samples.size]), samples, np.zeros(samples.size), start_ns)
    return found.open()


def test_a_late_part_alone_is_not_a_minute(tmp_path: Path) -> None:
    """One slow sample that came late is no p99 of the minute that it joins."""
    store = Upkept(tmp_path)
    minute_ns = DAY0_NS + 600 * S_NS
    held, slow = (
        window_of([0.01 + number / 1e5 for number in range(240)], minute_ns),
        window_of([9.0], minute_ns),
    )
    store.seal(held, "1")
    store.work(NOW_NS)
    assert "moments" in store.stages()
    store.seal(slow, "late")
    (alone,) = packing.middle(slow)[:, -1].tolist()
    found = question(store).worst()
    whole = merge(concat([held, slow]), 60 * S_NS)
    assert [packing.NOTHING, packing.middle(whole)[0, -1]] == found.tolist()
    assert found[1] < alone
    store.catalog.close()


def test_where_there_is_nothing_nothing_is_told(store: Upkept) -> None:
    """No windows, no answer; no series is worst."""
    assert 0 == len(question(store).told(60 * S_NS))
    assert [packing.NOTHING] == question(store).worst().tolist()
