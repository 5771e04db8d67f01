"""Shell: the memory that a day takes that is compacted: 24 files of an hour of 10,000 series.

No peer: this is a budget. A collector at work with as many series takes 351 MiB at most
(`collector.memory`) and may take 450: what is left is the goal. An hour is compacted before it
counts, as it was in a collector whose day ends. Each pass is a process of its own.
"""

import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import msgspec

from benchmarks import reference
from benchmarks.results import Result, alone
from collector import memory
from collector.listed import Segment
from collector.samples import quantiles
from collector.samples.columns import Columns
from collector.samples.registry import ranks
from collector.store import compaction
from collector.store.compaction import Bench
from collector.store.segments import WindowsWriter

PASSES = 3
GOAL_MIB = 100


def measure() -> list[Result]:
    """Return the memory that compacting the reference day adds, and seconds of processor time."""
    quantiles.warm()
    with tempfile.TemporaryDirectory(prefix="borne-compaction-") as folder:
        directory = Path(folder)
        bench = made(directory, "hours")
        hours = [hour(bench, columns) for columns in reference.hours()]
        (directory / "hours.json").write_bytes(msgspec.json.encode(hours))
        passes = [_pass(directory) for _ in range(PASSES)]
    grown_mib, cpu_s = zip(*passes, strict=True)
    rows = sum(segment.rows for segment in hours)
    return [
        alone("store: compaction of a day, memory added", "MiB", grown_mib, at_most=GOAL_MIB),
        alone(
            "store: compaction of a day", "M rows/s a core", [rows / s / 1e6 for s in cpu_s],
            at_least=0.15,
        ),
    ]  # fmt: skip


def made(directory: Path, suffix: str, watch: Callable[[], None] = lambda: None) -> Bench:
    """Return a bench for the reference day's series."""
    rows = reference.registered()
    return Bench(
        directory=directory,
        named={known.row: (known.agent, known.series) for known in rows},
        places=ranks(rows),
        suffix=suffix,
        watch=watch,
    )


def hour(bench: Bench, columns: Columns) -> Segment:
    """Keep an hour as its compaction does."""
    writer = WindowsWriter(
        bench.directory, bench.named, level_s=60, stage="hour", suffix=bench.suffix
    )
    order = bench.places[columns.row].argsort(kind="stable")
    writer.add(columns.take(order))
    segment = writer.finish()
    if segment is None or segment.rows != len(columns):
        raise AssertionError("the hour was not kept whole")
    return segment


def _pass(directory: Path) -> tuple[float, float]:
    """Return MiB and seconds that a process of its own takes for the day."""
    found = subprocess.run(  # noqa: S603 - this very file
        [sys.executable, "-m", "benchmarks.bench_store_compaction_rss", str(directory)],
        stdout=subprocess.PIPE,
        check=True,
    )
    grown_mib, cpu_s = msgspec.json.decode(found.stdout, type=tuple[float, float])
    return grown_mib, cpu_s


def _compact(directory: Path) -> tuple[float, float]:
    """Compact an hour, then the day; return what the day added to the highest resident size."""
    memory.settle()
    quantiles.warm()
    hours = msgspec.json.decode((directory / "hours.json").read_bytes(), type=list[Segment])
    bench = made(directory, f"pass{os.getpid()}")
    written = compaction.day(bench, hours[:1])
    memory.give_back()
    before_kib = _status_kib("VmRSS")
    began_s = _cpu_s()
    written += compaction.day(made(directory, f"{bench.suffix}b"), hours)
    took_s = _cpu_s() - began_s
    highest_kib = _status_kib("VmHWM")  # `ru_maxrss` remembers the size of who started us
    for segment in written:
        (directory / segment.name).unlink()
    return (highest_kib - before_kib) / 1024, took_s


def _status_kib(key: str) -> int:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{key}:"))


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    sys.stdout.buffer.write(msgspec.json.encode(_compact(Path(sys.argv[1]))))
