"""A store of several days without a chain: what it must hold, and its upkeep.

The catalogue and the files are real; series are those of `collector_days`.
"""

import threading
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec

from collector.listed import DAY_NS, HOUR_NS, Segment
from collector.samples.columns import Columns, concat
from collector.samples.registry import Registered, ranks
from collector.store import segments
from collector.store.bundles import Bundles
from collector.store.catalog import Catalog
from collector.store.upkeep import Upkeep
from tests.fakes.collector_days import (
    DAY0_NS,
    S_NS,
    answer,
    assert_same,
    chosen,
    named,
    registered,
    spans,
    windows,
)
from tests.fakes.collector_durable import config

STEPS_NS = (10 * S_NS, 60 * S_NS, 3600 * S_NS, DAY_NS)

RANGES_NS = (
    (DAY0_NS - 9 * DAY_NS, DAY0_NS + 99 * DAY_NS),
    (DAY0_NS + 1230 * S_NS, DAY0_NS + 26 * HOUR_NS + 70 * S_NS),
)
HOURS = (0, 1, 3, 23, 24, 26, 27)


class Upkept:
    """A catalogue, its segments and their upkeep, all in one directory."""

    def __init__(
        self, directory: Path, rows: Sequence[Registered] | None = None, **settings: object
    ) -> None:
        self.home = directory
        self.segments = directory / "segments"
        self.segments.mkdir(exist_ok=True)
        self.rows = registered() if rows is None else rows
        self.catalog = Catalog(directory)
        self.evidence = directory / "evidence"
        self.evidence.mkdir(exist_ok=True)
        self.bundles = Bundles(self.evidence)
        self.listed = self.catalog.listed()
        state: Any = SimpleNamespace(registry=SimpleNamespace(rows=self.rows))
        self.upkeep = Upkeep(
            *(msgspec.structs.replace(config(directory, checkpoint_interval_s=60), **settings),),
            *(state, threading.Lock()),
            catalog=self.catalog,
            directory=self.segments,
            listed=self.listed,
            bundles=self.bundles,
        )

    def tidy(self) -> int:
        """Remove what is not listed, as a start does; return how many files."""
        names = {segment.name for segment in self.listed}
        stray = [path for path in self.segments.iterdir() if path.name not in names]
        for path in stray:
            path.unlink()
        return len(stray)

    def seal(self, columns: Columns, suffix: str) -> list[Segment]:
        """Keep windows as a checkpoint does."""
        written = segments.write_windows(
            self.segments, columns, named(self.rows), suffix, places=ranks(self.rows)
        )
        listed = self.catalog.replace([], written)
        self.listed += listed
        return listed

    def work(self, now_ns: int) -> int:
        """Do everything that is due; return how many things that was."""
        done = 0
        while self.upkeep.step(now_ns):
            done += 1
        return done

    def assert_holds(self, columns: Columns) -> None:
        """Compare what a reader finds at each step with the windows themselves."""
        for step_ns in STEPS_NS:
            for from_ns, to_ns in RANGES_NS:
                found = answer(self.segments, self.listed, from_ns, to_ns, step_ns)
                assert_same(chosen(columns, from_ns, to_ns, step_ns), found)

    def stages(self) -> list[str]:
        """Return what is listed: stage and level of windows, kind of the rest; sorted."""
        return sorted(
            f"{s.stage} {s.level_s}" if s.kind == "windows" else s.kind for s in self.listed
        )


def filled(store: Upkept, hours: Sequence[int] = HOURS) -> Columns:
    """Seal windows of some hours, each hour in two files, and return them all."""
    parts = []
    for hour in hours:
        for half in range(2):
            part = windows(list(spans([hour]))[half * 3 : half * 3 + 3], seed=hour)
            store.seal(part, f"{hour:03d}{half}")
            parts.append(part)
    return concat(parts)
