"""What a large array took goes back to the host, whatever was allocated beside it."""

import subprocess
import sys
from pathlib import Path

from collector import memory

ROOT = Path(__file__).parents[2]
PROGRAM = """
from pathlib import Path
import numpy as np, pyarrow as pa
from collector import memory

def resident_mib():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 >> 20

memory.settle()
np.ones(30 << 20, np.uint8)
before = resident_mib()
large, small = [], []
for _ in range(100):
    large.append(np.ones(1 << 20, np.uint8))
    small.append(bytes(100_000))
during = resident_mib()
del large
print(during - before > 100, resident_mib() - before < 30, pa.default_memory_pool().backend_name)
"""


SMALL = """
from pathlib import Path
from collector import memory

def resident_mib():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 >> 20

memory.settle()
before = resident_mib()
blocks = [bytes(50_000) for _ in range(4000)]
kept = blocks[::40]
during = resident_mib()
del blocks
scattered = resident_mib()
memory.give_back()
print(during - before > 150, scattered - before > 50, resident_mib() - before < 30)
"""


def test_what_small_blocks_took_is_given_back() -> None:
    """Some that are kept between them keep no more than their own pages."""
    found = subprocess.run(
        [sys.executable, "-c", SMALL], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert "True True True\n" == found.stdout, found.stderr


def test_large_arrays_go_back_to_the_host() -> None:
    """Small blocks between large ones keep nothing of them, and pyarrow has no pool of its own."""
    found = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert "True True system\n" == found.stdout, found.stderr


def test_cycles_are_sought_less_often_and_not_in_what_is_imported() -> None:
    """Full collections stop a collector with thousands of connections; they stay on."""
    program = "import gc; from collector import memory; memory.settle()\n"
    program += "print(gc.isenabled(), gc.get_threshold(), gc.get_freeze_count() > 10_000)"
    found = subprocess.check_output([sys.executable, "-c", program], text=True, cwd=ROOT)
    assert f"True {memory.COLLECTED_AFTER} True\n" == found
