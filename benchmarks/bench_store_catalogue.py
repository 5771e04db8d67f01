"""Shell: a catalogue of 100,000 segments, seven times what the default retention leaves for ever.

No peer: these are budgets. What is done at a start, at each turn of upkeep, for each question and
at each checkpoint is measured on a made catalogue; a checkpoint also on one of 1,000 segments, in
turn: it must not cost more where more is listed.
"""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.results import Result, alone
from collector.listed import DAY_NS, HOUR_NS, LEVELS_S, Kind, Segment
from collector.settings.retention import Retention
from collector.store import dues, levels
from collector.store.catalog import Catalog

MANY = 100_000
FEW = 1000
ROUNDS = 9
COMMITS = 40
BEGIN_NS = 20_000 * DAY_NS
OF_A_DAY: tuple[tuple[Kind, int, int], ...] = (
    *(("windows", level_s, 0) for level_s in LEVELS_S),
    *(("moments", 60, hour) for hour in range(24)),
    *((kind, 0, 0) for kind in ("paths", "verdicts", "crossings", "evidence")),
)
KEEP = Retention(**dict.fromkeys(Retention.__struct_fields__, 36_600))


class Free:
    """Nothing is held back."""

    def owed(self, _: Segment) -> bool:
        """Return False."""
        return False

    fresh = left = owed


def measure() -> list[Result]:
    """Return milliseconds of a start, a turn and a question, and how a checkpoint's cost grows."""
    with tempfile.TemporaryDirectory(prefix="borne-catalogue-") as folder:
        home = Path(folder)
        many, few = _made(home / "many", MANY), _made(home / "few", FEW)
        listed = many.listed()
        now_ns = max(segment.last_ns for segment in listed)
        start_ms = _each_ms(many.listed)
        turn_ms = _each_ms(lambda: dues.due(listed, now_ns, 0, KEEP, Free()))
        asked_ms = _each_ms(lambda: levels.pieces(listed, now_ns - DAY_NS, now_ns, HOUR_NS))
        grows = [_checkpoint_ms(many) / _checkpoint_ms(few) for _ in range(ROUNDS)]
        many.close()
        few.close()
    return [
        alone("catalogue of 100,000: read at a start", "ms", start_ms, at_most=1000),
        alone("catalogue of 100,000: what is due", "ms", turn_ms, at_most=500),
        alone("catalogue of 100,000: segments of a question", "ms", asked_ms, at_most=50),
        alone("catalogue of 100,000: checkpoint, to one of 1,000", "times", grows, at_most=1.5),
    ]


def _made(directory: Path, size: int) -> Catalog:
    directory.mkdir()
    catalog = Catalog(directory)
    catalog.replace((), [_segment(number) for number in range(size)])
    return catalog


def _segment(number: int) -> Segment:
    day, place = divmod(number, len(OF_A_DAY))
    kind, level_s, hour = OF_A_DAY[place]
    first_ns = BEGIN_NS + day * DAY_NS + hour * HOUR_NS
    return Segment(
        name=f"{kind}{level_s}-20260722T100000Z-20260722T105900Z-{number:07d}-89abcdef.parquet",
        kind=kind,
        level_s=level_s,
        stage="hour" if kind == "moments" else "day",
        rows=14_400_000,
        octets=320_000_000,
        first_ns=first_ns,
        last_ns=first_ns + (HOUR_NS if kind == "moments" else DAY_NS) - 1,
    )


def _checkpoint_ms(catalog: Catalog) -> float:
    """Return processor time of listing one segment and striking it out."""
    one = _segment(2 * MANY)
    began_ns = time.process_time_ns()
    for _ in range(COMMITS):
        catalog.replace(catalog.replace((), (one,)), ())
    return (time.process_time_ns() - began_ns) / COMMITS / 1e6


def _each_ms(work: Callable[[], object]) -> list[float]:
    found = []
    for _ in range(ROUNDS):
        began_ns = time.process_time_ns()
        work()
        found.append((time.process_time_ns() - began_ns) / 1e6)
    return found
