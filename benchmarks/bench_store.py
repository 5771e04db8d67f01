"""Shell: the store's size and speed on the reference day, against DuckDB's and SQLite's files.

Ours is what the collector does: an hour is sealed into a file a level, the hours of the day are
compacted into one, with the companions by time. All three get the same rows. DuckDB gets each hour
in one transaction, sorted by series, as our hours are: its documents advise to insert in the order
of what is filtered by, and by hours both questions profit. It has its newest storage format and
all its threads. SQLite gets the first hour, which is enough to tell its octets per row.

Questions are asked in turn, of us and of DuckDB. The worst are asked of clock hours, which
companions tell from what they say of each series, and of hours that begin at any minute, of which
companions tell the minutes asked for.

In each run the answers are compared: those of one series are equal to the last bit; those about
the worst, which we tell by buckets, are within the bound that is documented.

A run makes everything anew, some 160 s of one core: a third of it are the samples, a third the
compaction of the day. A claim that fails leaves the others as they are.
"""

import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import numpy as np
import pyarrow as pa

from benchmarks import reference
from benchmarks.results import Result, alone, each, less
from collector.listed import DAY_NS, HOUR_NS, Segment
from collector.samples import packing, quantiles, summaries
from collector.samples.columns import Columns, empty
from collector.samples.registry import ranks
from collector.store import compaction, moments, segments
from collector.store.asking import Question
from collector.store.compaction import Bench
from collector.store.segments import WindowsWriter

ROWS = reference.SERIES * 1440
SEALS = 5
ROUNDS = 41
WORST = 100
BOUND = 0.0055
_DUCKDB = """CREATE TABLE w (series UINTEGER, t TIMESTAMP_NS, received UINTEGER, lost UINTEGER,
 min_s FLOAT, max_s FLOAT, sum_s DOUBLE, p50_s FLOAT, p90_s FLOAT, p99_s FLOAT, sketch BLOB)"""
_SQLITE = """CREATE TABLE w (series INTEGER, t INTEGER, received INTEGER, lost INTEGER,
 min_s REAL, max_s REAL, sum_s REAL, p50_s REAL, p90_s REAL, p99_s REAL, sketch BLOB,
 PRIMARY KEY (t, series)) WITHOUT ROWID"""
_ONE = """SELECT t, received, lost, min_s, max_s, sum_s, p50_s, p90_s, p99_s FROM w
 WHERE series = ? ORDER BY t"""
_TOP = """SELECT series, max(p99_s) AS worst FROM w WHERE t >= ? AND t < ?
 GROUP BY series ORDER BY worst DESC, series LIMIT 100"""


class Built(NamedTuple):
    """The stores of the reference day."""

    directory: Path
    listed: list[Segment]
    duck: Any
    octets: dict[str, float]
    """Per row, by store."""
    seals: list[float]
    """Millions of rows a second of one core."""


def measure() -> Iterator[Result]:
    """Yield octets per row, the time of the questions, and the rate of sealing."""
    quantiles.warm()
    with tempfile.TemporaryDirectory(prefix="borne-store-") as folder:
        built = _build(Path(folder))
        yield from each(
            lambda: _octets(built),
            lambda: [alone("store: seal", "M rows/s a core", built.seals, at_least=1.2)],
            lambda: [_asked("one series, 24 h", 0.35, *_one_series(built))],
            lambda: [_asked("top 100 by p99 of a clock hour", 0.6, *_worst(built, 60))],
            lambda: [_asked("top 100 by p99 of an hour", 0.6, *_worst(built, 1))],
        )


def _octets(built: Built) -> list[Result]:
    ours = [built.octets["ours"]]
    return [
        alone("store: octets a row", "B", ours, at_most=24),
        less("store: octets a row, DuckDB", "B", ours, [built.octets["duck"]], "DuckDB", 0.75),
        less("store: octets a row, SQLite", "B", ours, [built.octets["lite"]], "SQLite", 0.25),
    ]


def _asked(question: str, goal: float, ours: list[float], theirs: list[float]) -> Result:
    return less(f"store: {question}", "ms", ours, theirs, "DuckDB", goal)


def _build(home: Path) -> Built:
    directory = home / "segments"
    directory.mkdir()
    rows = reference.registered()
    bench = Bench(
        directory=directory,
        named={known.row: (known.agent, known.series) for known in rows},
        places=ranks(rows),
        suffix="bench",
        watch=lambda: None,
    )
    duck = duckdb.connect(home / "w.duckdb", config={"storage_compatibility_version": "latest"})
    duck.execute(_DUCKDB)
    hours: list[Segment] = []
    companions: list[Segment] = []
    seals: list[float] = []
    lite = 0.0
    for number, columns in enumerate(reference.hours()):
        ordered = columns.take(np.lexsort((columns.start_ns, bench.places[columns.row])))
        hours.append(_hour(bench, ordered))
        companions += moments.write(directory, hours[-1:], "bench")
        table = _table(ordered)
        _insert(duck, table)
        if number < SEALS:
            sealed = columns.take(np.lexsort((columns.start_ns, columns.row)).astype(np.int64))
            seals.append(_sealed(home, bench, sealed))
        if number == 0:
            lite = _sqlite(home / "w.sqlite", table) / len(columns)
    duck.execute("CHECKPOINT")
    day = compaction.day(bench, hours)
    for segment in hours:
        (directory / segment.name).unlink()
    listed = day + companions
    octets = {
        "ours": sum(segment.octets for segment in listed) / ROWS,
        "duck": (home / "w.duckdb").stat().st_size / ROWS,
        "lite": lite,
    }
    return Built(directory, listed, duck, octets, seals)


def _hour(bench: Bench, ordered: Columns) -> Segment:
    writer = WindowsWriter(
        bench.directory, bench.named, level_s=60, stage="hour", suffix=bench.suffix
    )
    writer.add(ordered)
    segment = writer.finish()
    if segment is None or segment.rows != len(ordered):
        raise AssertionError("the hour was not kept whole")
    return segment


def _sealed(home: Path, bench: Bench, columns: Columns) -> float:
    """Return how many million rows a second of processor time are sealed, file and all.

    They come as open windows are given up, sorted by (row, start), and are put into their order.
    """
    with tempfile.TemporaryDirectory(dir=home) as folder:
        began = time.process_time()
        segments.write_windows(Path(folder), columns, bench.named, "seal", places=bench.places)
        return len(columns) / (time.process_time() - began) / 1e6


def _table(columns: Columns) -> pa.Table:
    """Return the rows as the peers get them."""
    told = summaries.summarised(columns)
    packed = packing.pack(columns)
    middle_s = summaries.values_s(told).astype(np.float32)
    sketch = pa.Array.from_buffers(
        pa.binary(), len(columns), [None, pa.py_buffer(packed.ends), pa.py_buffer(packed.octets)]
    )
    return pa.table(
        {
            "series": columns.row,
            "t": pa.array(columns.start_ns).cast(pa.timestamp("ns")),
            "received": columns.received.astype(np.uint32),
            "lost": columns.lost.astype(np.uint32),
            "min_s": columns.min_s,
            "max_s": columns.max_s,
            "sum_s": columns.sum_s,
            **{name: middle_s[:, n] for n, name in enumerate(("p50_s", "p90_s", "p99_s"))},
            "sketch": sketch,
        }
    )


def _insert(duck: Any, table: pa.Table) -> None:  # noqa: ANN401 - the library has no types
    duck.register("arrived", table)
    duck.execute("INSERT INTO w SELECT * FROM arrived")
    duck.unregister("arrived")


def _sqlite(path: Path, table: pa.Table) -> int:
    """Return the octets of a SQLite file of these rows."""
    lite = sqlite3.connect(path)
    lite.execute(_SQLITE)
    columns = [
        table[name].cast(pa.int64()) if name == "t" else table[name] for name in table.column_names
    ]
    lite.executemany(
        f"INSERT INTO w VALUES ({', '.join('?' * len(columns))})",  # noqa: S608 - places alone
        zip(*(column.to_pylist() for column in columns), strict=True),
    )
    lite.commit()
    lite.close()
    return path.stat().st_size


def _question(built: Built, rows: set[int] | None, from_ns: int, to_ns: int) -> Question:
    return Question(
        directory=built.directory,
        listed=built.listed,
        held=empty(),
        rows=rows,
        from_ns=from_ns,
        to_ns=to_ns,
    )


def _one_series(built: Built) -> tuple[list[float], list[float]]:
    """Return ms of both for one series of the day, a different one each time."""
    dice = np.random.default_rng(5)
    end_ns = reference.BEGIN_NS + DAY_NS
    ours: list[float] = []
    theirs: list[float] = []
    for row in dice.integers(0, reference.SERIES, ROUNDS).tolist():
        question = _question(built, {row}, reference.BEGIN_NS, end_ns)

        def mine(question: Question = question) -> tuple[Any, Any]:
            told = question.told(reference.MINUTE_NS)
            return told, summaries.values_s(told)

        (told, values_s), took = _timed(mine)
        ours.append(took)
        found, took = _timed(lambda row=row: built.duck.execute(_ONE, [row]).fetchnumpy())
        theirs.append(took)
        np.testing.assert_array_equal(told.start_ns, found["t"].astype(np.int64))
        for name in ("received", "lost", "min_s", "max_s", "sum_s"):
            np.testing.assert_array_equal(getattr(told, name), np.asarray(found[name]), name)
        for place, name in enumerate(("p50_s", "p90_s", "p99_s")):
            np.testing.assert_array_equal(
                values_s[:, place].astype(np.float32), np.asarray(found[name]), name
            )
    return ours[1:], theirs[1:]


def _worst(built: Built, step: int) -> tuple[list[float], list[float]]:
    """Return ms of both for the hundred worst of an hour that begins at a multiple of minutes.

    It is a different one each time; in the first ones both read each file of ours once.
    """
    dice = np.random.default_rng(7)
    begins = dice.integers(0, 23 * 60 // step, ROUNDS) * step
    ours: list[float] = []
    theirs: list[float] = []
    for begin in [*range(0, 23 * 60, 60), *begins.tolist()]:
        from_ns = reference.BEGIN_NS + begin * reference.MINUTE_NS
        question = _question(built, None, from_ns, from_ns + HOUR_NS)

        def mine(question: Question = question) -> list[tuple[int, float]]:
            best = question.worst()
            order = np.argsort(-best, kind="stable")[:WORST]
            return [(row, packing.middle_s(int(best[row]))) for row in order.tolist()]

        told, took = _timed(mine)
        ours.append(took)
        moment = [
            np.datetime64(ns, "ns").astype("datetime64[us]").item()
            for ns in (from_ns, from_ns + HOUR_NS)
        ]
        found, took = _timed(lambda m=moment: built.duck.execute(_TOP, m).fetchall())
        theirs.append(took)
        for (_, mine_s), (_, theirs_s) in zip(told, found, strict=True):
            if abs(mine_s / theirs_s - 1) > BOUND:
                raise AssertionError(f"one of the worst is {mine_s}, not {theirs_s}")
    return ours[-ROUNDS:], theirs[-ROUNDS:]


def _timed(work: Callable[[], Any]) -> tuple[Any, float]:
    """Return what it gives and its ms."""
    began = time.perf_counter()
    found = work()
    return found, (time.perf_counter() - began) * 1e3
