"""Kernels compile wherever the program is installed."""

import pytest

from collector import jit

pytestmark = pytest.mark.kernel


def test_without_a_cache_directory_kernels_still_compile(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where numba finds no directory a kernel is compiled without, works, and is named."""
    compiler = jit.nb.njit

    def without_directory(*signature: object, **options: bool) -> object:
        if options.get("cache"):
            raise RuntimeError("no locator available")
        return compiler(*signature, **options)

    def twice(value: int) -> int:
        return 2 * value

    monkeypatch.setattr(jit.nb, "njit", without_directory)
    monkeypatch.setattr(jit, "UNCACHED", [])
    compiled = jit.kernel(jit.nb.int64(jit.nb.int64))(twice)
    assert (6, ["twice"]) == (compiled(3), jit.UNCACHED)
