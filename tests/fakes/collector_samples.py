"""Small judged paths and windows for the tests of what the collector keeps."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from agent.records import Hop, Outcome, Path, PathReply, Protocol, Series, Stamp
from collector.records import Axis, Coverage, Judgement, PathRecord, PathVerdict, Verdict
from collector.samples import packing
from collector.samples.columns import Columns
from collector.samples.windows import Windows
from collector.store import windowtable

BASE_NS = 1_753_000_000_000_000_000
S_NS = 1_000_000_000


def path_record(
    agent: str = "paris",
    target: str = "marseille",
    started_ns: int = BASE_NS,
    verdicts: Sequence[Verdict] = (Verdict.SUPPORTED_INSIDE,),
) -> PathRecord:
    """Return a path of one hop with a verdict per jurisdiction."""
    coverage = Coverage(
        hops_responding=1,
        hops_with_evidence=1,
        hops_silent=0,
        longest_silent_gap=0,
        rtt_min_s=0.0081,
        samples=1,
    )
    reply = PathReply(address="192.0.2.1", name="é.example", rtt_ns=8_100_000, stamp=Stamp.KERNEL)
    path = Path(
        id=f"{target}@{started_ns}",
        tool="borne",
        origin=None,
        rtt_resolution_ns=1,
        target=target,
        address="192.0.2.9",
        zone="cloud/south",
        family=4,
        protocol=Protocol.ICMP,
        reached=True,
        started_at="2025-07-20T08:26:40.000000000Z",
        hops=(Hop(ttl=1, replies=(reply, PathReply(lost=True))),),
    )
    judgement = Judgement(
        id=path.id,
        agent=agent,
        target=target,
        zone="cloud/south",
        started_ns=started_ns,
        reached=True,
        blind=False,
        countries=("FR",),
        verdicts=tuple(
            PathVerdict(
                jurisdiction=name,
                axis=Axis.TERRITORY,
                verdict=verdict,
                coverage=coverage,
                countries=("FR",),
                reasons=("named by its operator",),
            )
            for name, verdict in zip(("FX", "EU", "EEA"), verdicts, strict=False)
        ),
        hops=(),
    )
    return PathRecord(path=path, judgement=judgement)


def sealed_windows(series: int = 3, windows: int = 4, seed: int = 1) -> Columns:
    """Return `series` rows from 10 on, in `windows` windows, and one row that only lost probes."""
    random, open_windows = np.random.default_rng(seed), Windows()
    for window in range(windows):
        samples = random.lognormal(np.log(0.01), 0.5, 5 * series)
        offsets = np.arange(0, 5 * series + 1, 5)
        base_ns = BASE_NS + window * 10 * S_NS
        rows = np.arange(10, 10 + series)
        open_windows.add(rows, offsets, samples, np.zeros(samples.size), base_ns)
    open_windows.add_events([9], [0], [Outcome.LOST], BASE_NS)
    return open_windows.open()


def named(columns: Columns) -> dict[int, windowtable.Named]:
    """Return an owner for each row: two agents take turns, each row has a target of its own."""
    rows = np.unique(columns.row).tolist()
    return {row: (("paris", "lyon")[row % 2], _series(row)) for row in rows}


def _series(row: int) -> Series:
    return Series(
        id=row,
        zone="cloud/south",
        target=f"target-{row}",
        family=4,
        protocol=Protocol.ICMP,
        stamp=Stamp.KERNEL,
    )


def windows_table(columns: Columns) -> pa.Table:
    """Return the table of these windows, with the names of `named`."""
    return windowtable.table_of(columns, packing.pack(columns), named(columns))
