"""Words: the reference data of the store's benchmarks: a day of minutes of ten thousand series.

Each series has a shortest time between 0.5 and 250 ms and a queue of 2 to 20 % of it that varies
log-normally (sigma 0.7); each minute has 60 samples, nothing is lost. A sketch has 21 occupied
buckets in the mean. The seed is fixed: every run makes the same 864 million samples.
"""

from collections.abc import Iterator

import numpy as np

from agent.records import Protocol, Series, Stamp
from collector.listed import DAY_NS, HOUR_NS
from collector.records import RowId
from collector.samples.columns import Columns, concat
from collector.samples.registry import Registered
from collector.samples.windows import Windows

SERIES = 10_000
SAMPLES = 60
MINUTE_NS = 60_000_000_000
BEGIN_NS = 20_780 * DAY_NS
AGENTS = 50
ZONES = 20
_SEED = 20_261_126
_SHORTEST_S = (0.5e-3, 0.25)
_QUEUE = (0.02, 0.2)
_SIGMA = np.float32(0.7)


def registered() -> list[Registered]:
    """Return the series, in the order in which agents would have described them."""
    return [
        Registered(
            row=RowId(row),
            agent_id=(row % AGENTS).to_bytes(16),
            agent=f"agent-{row % AGENTS:02d}",
            series=Series(
                id=row,
                zone=f"cloud-{row // AGENTS % ZONES:02d}/region",
                target=f"192.0.{row // 256}.{row % 256}",
                family=4,
                protocol=Protocol.ICMP,
                stamp=Stamp.KERNEL,
            ),
        )
        for row in range(SERIES)
    ]


def hours() -> Iterator[Columns]:
    """Yield the windows of each hour of the day, sorted by (start, row) as they are sealed."""
    dice = np.random.default_rng(_SEED)
    shortest_s = np.exp(dice.uniform(*np.log(_SHORTEST_S), SERIES)).astype(np.float32)
    queue_s = shortest_s * dice.uniform(*_QUEUE, SERIES).astype(np.float32)
    for hour in range(24):
        begin_ns = BEGIN_NS + hour * HOUR_NS
        yield concat(
            [
                _minute(dice, shortest_s, queue_s, begin_ns + minute * MINUTE_NS)
                for minute in range(60)
            ]
        )


def _minute(
    dice: np.random.Generator, shortest_s: np.ndarray, queue_s: np.ndarray, start_ns: int
) -> Columns:
    waits = np.exp(_SIGMA * dice.standard_normal((SERIES, SAMPLES), dtype=np.float32))
    rtt_s = (shortest_s[:, None] + queue_s[:, None] * waits).ravel()
    windows = Windows(width_ns=MINUTE_NS)
    ends = np.arange(SERIES + 1) * SAMPLES
    windows.add(np.arange(SERIES), ends, rtt_s, np.zeros(rtt_s.size), start_ns)
    return windows.open()
