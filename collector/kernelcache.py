"""Words: what numba's cache of compiled kernels is compared with: all that a kernel is made of.

Rules
- numba compares the file of a kernel alone with what it was compiled from. Kernels have parts and
  words of other modules in them: after an upgrade that changed these alone, numba would run what it
  had compiled of the old ones. So what is compared is the file and all of ours that it imports.
- Where the cache lies is numba's decision: NUMBA_CACHE_DIR, beside the file, in the user's cache.
"""

import ast
import hashlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numba.core.caching as numbas
from numba import config

_ROOT = Path(__file__).parents[1]
_OURS = f"{Path(__file__).parent.name}."


class _Stamped:
    """Lets one of numba's locators compare all that a kernel is made of."""

    _py_file: str

    def get_source_stamp(self) -> bytes:
        """Return what changes with any of the files."""
        return stamp(Path(self._py_file))


class Provided(_Stamped, numbas.UserProvidedCacheLocator):
    """In NUMBA_CACHE_DIR."""


class Beside(_Stamped, numbas.InTreeCacheLocator):
    """In `__pycache__` beside the kernel's file."""


class OfUser(_Stamped, numbas.UserWideCacheLocator):
    """In the cache of the user."""


def settle() -> None:
    """Let numba compare all files of a kernel; call it before the first one is defined."""
    names = (f"{found.__module__}.{found.__name__}" for found in (Provided, Beside, OfUser))
    config.CACHE_LOCATOR_CLASSES = ",".join(names)  # type: ignore[attr-defined]


@cache
def stamp(file: Path) -> bytes:
    """Return the SHA-256 of a file of ours and of all of ours that it imports, further ones too."""
    digest = hashlib.sha256()
    for found in sorted(_needed(file, {file})):
        digest.update(hashlib.sha256(found.read_bytes()).digest())
    return digest.digest()


def _needed(file: Path, known: set[Path]) -> set[Path]:
    """Add the files that a file imports to those that are known, and theirs."""
    for found in _imported(file):
        if found not in known:
            known.add(found)
            _needed(found, known)
    return known


def _imported(file: Path) -> Iterator[Path]:
    for node in ast.walk(ast.parse(file.read_bytes())):
        if isinstance(node, ast.ImportFrom) and f"{node.module}.".startswith(_OURS):
            folder = _ROOT.joinpath(*str(node.module).split("."))
            beside = [folder / f"{alias.name}.py" for alias in node.names]
            yield from filter(Path.is_file, [folder.with_suffix(".py"), *beside])
