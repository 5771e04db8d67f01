"""Shell: windows to line protocol, against the official client's `Point`, in turn.

One minute of 10,000 series in windows of ten seconds, encoded as the collector does it: in pieces
of 5,000 rows, from the values of the windows to octets. influxdb-client gets the same values and
labels as Python's own numbers and text, its best: no conversion is timed. In each run our octets
must be those of `Point.to_line_protocol`.
"""

import time

import numpy as np
from influxdb_client import Point
from numpy.typing import NDArray

from agent.records import Series
from benchmarks.bench_sink_kills import series
from benchmarks.results import Result, faster
from collector.samples import quantiles
from collector.samples.columns import Columns
from collector.samples.windows import Windows
from collector.sinks import lineprotocol
from collector.sinks.lineprotocol import FIELDS, WHOLE

SERIES = 10_000
WINDOWS = 6
SAMPLES = 10
PEER_ROWS = 6_000
PIECE_ROWS = 5_000
RUNS = 5
START_NS = 1_795_532_550_000_000_000
WIDTH_NS = 10_000_000_000
GOAL = 50.0

Named = dict[int, tuple[str, Series]]


def measure() -> list[Result]:
    """Return thousands of lines per second of both, and their ratio."""
    lineprotocol.warm()
    named, columns = _named(), _columns()
    values = lineprotocol.values_of(columns)
    ours, theirs = [], []
    lines = lineprotocol.Lines(named.__getitem__)
    _ours(lines, columns, values)
    for _ in range(RUNS):
        began = time.perf_counter()
        pieces = _ours(lines, columns, values)
        ended = time.perf_counter()
        written = b"".join(pieces)
        ours.append(len(columns) / (ended - began) / 1e3)
        rate, expected = _points(named, columns, values)
        theirs.append(rate / 1e3)
        if not written.startswith(expected) or written.count(b"\n") != len(columns):
            raise AssertionError("the kernel's lines are not those of the official client")
    peer = "influxdb-client Point.to_line_protocol"
    return [faster("sink_encoding", "k lines/s", ours, theirs, peer, GOAL)]


def _ours(lines: lineprotocol.Lines, columns: Columns, values: NDArray[np.float64]) -> list[bytes]:
    """Return all lines, a piece at a time."""
    pieces = []
    for begin in range(0, len(columns), PIECE_ROWS):
        piece = slice(begin, begin + PIECE_ROWS)
        rows, place = np.unique(columns.row[piece], return_inverse=True)
        heads = lineprotocol.joined([lines.head(row) for row in rows.tolist()])
        found = lineprotocol.encode(heads, place, values[piece], columns.start_ns[piece])
        pieces.append(found.octets)
    return pieces


def _points(named: Named, columns: Columns, values: NDArray[np.float64]) -> tuple[float, bytes]:
    """Return lines per second of the official client, and its first lines."""
    rows, starts_ns = columns.row[:PEER_ROWS].tolist(), columns.start_ns[:PEER_ROWS].tolist()
    whole = [name.startswith(WHOLE) for name in FIELDS]
    fields = [
        {
            name: int(value) if integer else value
            for name, value, integer in zip(FIELDS, row, whole, strict=True)
            if value == value  # noqa: PLR0124 (only NaN differs from itself)
        }
        for row in values[:PEER_ROWS].tolist()
    ]
    tags = [_tags(*named[row]) for row in rows]
    began = time.perf_counter()
    found = [
        _point(tag, field, start_ns)
        for tag, field, start_ns in zip(tags, fields, starts_ns, strict=True)
    ]
    ended = time.perf_counter()
    return PEER_ROWS / (ended - began), "".join(f"{text}\n" for text in found).encode()


def _point(tags: dict[str, str], fields: dict[str, float], start_ns: int) -> str:
    point = Point("borne").time(start_ns)
    for name, label in tags.items():
        point.tag(name, label)
    for name, value in fields.items():
        point.field(name, value)
    text: str = point.to_line_protocol()
    return text


def _tags(agent: str, series: Series) -> dict[str, str]:
    return {
        "agent": agent,
        "family": str(series.family),
        "protocol": series.protocol.value,
        "stamp": series.stamp.value,
        "target": series.target,
        "zone": series.zone,
    }


def _named() -> Named:
    return {row: (f"agent-{row % 50}", series(row)) for row in range(SERIES)}


def _columns() -> Columns:
    """Return a minute of sealed windows, log-normal RTTs."""
    generator = np.random.default_rng(7)
    windows = Windows(width_ns=WIDTH_NS, grace_ns=0)
    rows = np.arange(SERIES, dtype=np.uint32)
    offsets = np.arange(0, SERIES * SAMPLES + 1, SAMPLES, dtype=np.uint32)
    for window in range(WINDOWS):
        rtt_s = (0.01 + generator.lognormal(-6.5, 0.7, SERIES * SAMPLES)).astype(np.float32)
        dt_ms = np.zeros(rtt_s.size, dtype=np.uint16)
        windows.add(rows, offsets, rtt_s, dt_ms, START_NS + window * WIDTH_NS)
    return quantiles.merge(windows.open(), WIDTH_NS)
