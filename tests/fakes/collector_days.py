"""Windows of several days, and what must be found of them at any level whatever was compacted."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from agent.records import Protocol, Series, Stamp
from collector.listed import DAY_NS, HOUR_NS, Segment
from collector.records import RowId
from collector.samples.columns import DTYPES, Columns, concat
from collector.samples.quantiles import merge
from collector.samples.registry import Registered
from collector.samples.windows import Windows
from collector.store import levels, segments
from collector.store.windowtable import Named

S_NS = 1_000_000_000
DAY0_NS = 20_000 * DAY_NS
"""A midnight."""
SERIES = 5


def registered(series: int = SERIES) -> list[Registered]:
    """Return series of two agents and two zones, whose numbers do not follow that order."""
    return [
        Registered(
            row=RowId(row),
            agent_id=bytes([row % 2]) * 16,
            agent=f"agent-{row % 2}",
            series=Series(
                id=row,
                zone=f"cloud/{row // 2 % 2}",
                target=f"target-{row}",
                family=4,
                protocol=Protocol.ICMP,
                stamp=Stamp.KERNEL,
            ),
        )
        for row in range(series)
    ]


def named(rows: Sequence[Registered]) -> dict[int, Named]:
    """Return whose each row is."""
    return {known.row: (known.agent, known.series) for known in rows}


def windows(
    starts_ns: Sequence[int], *, series: Sequence[int] = range(SERIES), seed: int = 1
) -> Columns:
    """Return a window of 10 s of each series at each start, of a few samples and losses."""
    dice, found = np.random.default_rng(seed), Windows()
    rows = np.asarray(series, dtype=np.uint32)
    for start_ns in starts_ns:
        sizes = dice.integers(0, 5, rows.size)
        samples = dice.lognormal(-4.5, 0.7, sizes.sum()).astype(np.float32)
        found.add(rows, np.append(0, np.cumsum(sizes)), samples, np.zeros(samples.size), start_ns)
        lost = rows[dice.random(rows.size) < 0.3]
        found.add_events(lost, np.zeros(lost.size), np.ones(lost.size), start_ns)
    return found.open()


def spans(hours: Sequence[int], *, every_s: int = 600) -> Iterator[int]:
    """Yield the starts of windows within hours after `DAY0_NS`."""
    for hour in hours:
        for second in range(0, 3600, every_s):
            yield DAY0_NS + hour * HOUR_NS + second * S_NS


def answer(
    directory: Path, listed: Sequence[Segment], from_ns: int, to_ns: int, step_ns: int | None
) -> Columns:
    """Return what a reader makes of the segments that answer a question."""
    parts = [
        segments.read_windows(directory, piece.names, from_ns=piece.from_ns, to_ns=piece.to_ns)
        for piece in levels.pieces(listed, from_ns, to_ns, step_ns)
    ]
    return merge(concat(parts), step_ns)


def chosen(columns: Columns, from_ns: int, to_ns: int, step_ns: int | None) -> Columns:
    """Return what must be found, from the windows themselves."""
    inside = (columns.start_ns >= from_ns) & (columns.start_ns < to_ns)
    return merge(columns.take(np.flatnonzero(inside)), step_ns)


def assert_same(expected: Columns, found: Columns, *, but: Sequence[str] = ()) -> None:
    """Compare all columns: exact, but for the order in which sums were added up."""
    for name in DTYPES:
        if name in but:
            continue
        one, other = getattr(expected, name), getattr(found, name)
        if name == "sum_s":
            np.testing.assert_allclose(one, other, rtol=1e-12)
        else:
            np.testing.assert_array_equal(one, other, name)
