"""Shell: what the tables of addresses and borders take in memory, alone and in an idle collector.

No peer: budgets. The tables are mapped files, so what nobody looked up costs nothing; here a
million addresses are looked up in each of them first. A collector at rest has opened them all,
compiled its kernels and answers that it is ready.
"""

import http.client
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.results import Result, alone

PASSES = 3
PATIENCE_S = 60
TABLES = """
from pathlib import Path
import numpy as np
from collector.facts import atlas, knowledge, lookup
from collector.facts.soil import Soil

def mib():
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(l for l in lines if l.startswith("VmRSS")).split()[1]) / 1024

lookup.kernels()
before = mib()
opened = atlas.load()
known = knowledge.load((), opened, Soil.open(atlas.BESIDE), ())
draw = np.random.default_rng(7)
for table in opened.tables.values():
    four = draw.integers(1 << 24, 224 << 24, 1_000_000, dtype=np.uint32)
    lookup.rows_4(table.families[4], four)
    upper = draw.integers(0x20010000 << 32, 0x2C100000 << 32, 1_000_000, dtype=np.uint64)
    lookup.rows_6(table.families[6], upper, np.zeros_like(upper))
print(mib() - before)
"""
SETTINGS = """
[web]
listen = ["unix:{directory}/collector.sock"]
[store]
directory = "{directory}/store"
[[agents]]
name = "bench"
id = "00000000000000000000000000000001"
token_sha256 = "{digest}"
city = "Paris"
territory = "FR"
latitude = 48.85
longitude = 2.35
radius_km = 20
"""


def measure() -> list[Result]:
    """Return MiB of resident memory, each of several processes."""
    return [
        alone("tables_memory", "MiB", [_tables_mib() for _ in range(PASSES)], at_most=100),
        alone("collector_idle_memory", "MiB", [_idle_mib() for _ in range(PASSES)], at_most=300),
    ]


def _tables_mib() -> float:
    """Return what opening all tables and looking a million addresses up in each adds."""
    done = subprocess.run(  # noqa: S603 - our own words
        [sys.executable, "-c", TABLES], capture_output=True, text=True, check=True
    )
    return float(done.stdout)


def _idle_mib() -> float:
    """Return the memory of a collector with all tables that is ready and has nothing to do."""
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory, "collector.toml")
        file.write_text(SETTINGS.format(directory=directory, digest="ab" * 32), encoding="utf-8")
        child = subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, "-m", "collector.cli", "serve", "--config.file", str(file)],
            stderr=subprocess.DEVNULL,
        )
        try:
            _wait_until_ready(Path(directory, "collector.sock"), child)
            lines = Path(f"/proc/{child.pid}/status").read_text().splitlines()
            return int(next(row for row in lines if row.startswith("VmRSS")).split()[1]) / 1024
        finally:
            child.terminate()
            child.wait(PATIENCE_S)


def _wait_until_ready(path: Path, child: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not _is_ready(path):
        if time.monotonic() > deadline or child.poll() is not None:
            raise AssertionError("the collector did not start")
        time.sleep(0.1)


def _is_ready(path: Path) -> bool:
    """Return whether `/-/ready` answers 200 at a Unix socket."""
    asked = http.client.HTTPConnection("collector")
    asked.sock = socket.socket(socket.AF_UNIX)
    try:
        asked.sock.connect(str(path))
        asked.request("GET", "/-/ready")
        return asked.getresponse().status == http.HTTPStatus.OK
    except OSError:
        return False
    finally:
        asked.close()
