"""Compiled kernels are used again as long as nothing that they are made of has changed."""

import subprocess
import sys
from pathlib import Path

import numba

from collector import jit, kernelcache

KERNEL = """
from collector.jit import kernel
from collector.words import NUMBER
import numba as nb

@kernel(nb.int64())
def found() -> int:
    return NUMBER
"""
ASKED = """
from collector import foundkernels
(hits,) = [sum(foundkernels.found.stats.cache_hits.values())]
print(foundkernels.found(), hits)
"""


def _ask(home: Path) -> str:
    command = [sys.executable, "-B", "-c", ASKED]  # Python's own cache goes by seconds
    environment = {"NUMBA_CACHE_DIR": str(home / "cache")}
    return subprocess.check_output(command, text=True, cwd=home, env=environment).strip()


def test_a_kernel_is_compiled_again_when_a_word_of_it_changes(tmp_path: Path) -> None:
    """Its own file stays as it was, and numba alone would go on with the old one."""
    ours = tmp_path / "collector"
    ours.mkdir()
    (ours / "__init__.py").touch()
    for module in (jit, kernelcache):
        file = Path(module.__file__)
        (ours / file.name).write_bytes(file.read_bytes())
    (ours / "foundkernels.py").write_text(KERNEL, encoding="utf-8")
    told = []
    for number in (1, 1, 2, 2):
        (ours / "words.py").write_text(f"NUMBER = {number}\n", encoding="utf-8")
        told.append(_ask(tmp_path))
    assert ["1 0", "1 1", "2 0", "2 1"] == told


def test_a_stamp_covers_what_is_imported_by_what_is_imported(tmp_path: Path) -> None:
    """Kernels of samples use the sketch's words, and the parts of the arena use them too."""
    samples = Path(jit.__file__).parent / "samples"
    needed = kernelcache._needed(samples / "kernels.py", set())
    assert {"arenakernels.py", "sketch.py", "jit.py", "kernelcache.py"} <= {f.name for f in needed}
    file = tmp_path / "alone.py"
    file.write_text("import os\n", encoding="utf-8")
    assert set() == kernelcache._needed(file, set())


def test_numba_looks_where_it_always_did() -> None:
    """The locators stand in numba's own order: what is provided, beside the file, the user's."""
    kernelcache.settle()
    names = numba.config.CACHE_LOCATOR_CLASSES.split(",")
    assert ["Provided", "Beside", "OfUser"] == [name.rpartition(".")[2] for name in names]
