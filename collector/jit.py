"""Words: how numba compiles a kernel, and which kernels it could not keep.

Rules
- A kernel has a signature: it is compiled, or loaded from numba's cache, where it is defined.
- Where numba finds no directory for its cache (or no room in it), a kernel is compiled all the
  same, at each start; `UNCACHED` says so.
"""

from collections.abc import Callable
from typing import Any, Final

import numba as nb

UNCACHED: Final[list[str]] = []
"""Names of the kernels that are in no cache."""


def readonly(dtype: Any, dimensions: int = 1) -> Any:  # noqa: ANN401 (numba's types have none)
    """Return the type of a contiguous array that is only read."""
    return nb.types.Array(dtype, dimensions, "C", readonly=True)


def kernel(signature: Any) -> Callable[..., Any]:  # noqa: ANN401 (the same)
    """Return the decorator that compiles a function for `signature`."""

    def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
        try:
            found: Callable[..., Any] = nb.njit(signature, cache=True, nogil=True)(function)
        except (RuntimeError, OSError):  # numba's words for no directory, and for no room in it
            UNCACHED.append(function.__name__)
            found = nb.njit(signature, nogil=True)(function)
        return found

    return compiled
