"""Words: how numba compiles a kernel, and which kernels it could not keep.

Rules
- A kernel has a signature: it is compiled, or loaded from numba's cache, where it is defined.
- What is in the cache is compared with all that a kernel is made of (`kernelcache`).
- Where numba finds no directory for its cache (or no room in it), a kernel is compiled all the
  same, at each start; `UNCACHED` says so.
"""

from collections.abc import Callable
from typing import Any, Final, TypeVar, cast

import numba as nb

from collector import kernelcache

_Function = TypeVar("_Function", bound=Callable[..., Any])

UNCACHED: Final[list[str]] = []
"""Names of the kernels that are in no cache."""


def readonly(dtype: Any, dimensions: int = 1) -> Any:  # noqa: ANN401 (numba's types have none)
    """Return the type of a contiguous array that is only read."""
    return nb.types.Array(dtype, dimensions, "C", readonly=True)


def kernel(signature: Any, *, allocates: bool = True) -> Callable[..., Any]:  # noqa: ANN401 (the same)
    """Return the decorator that compiles a function for `signature`.

    One that makes no arrays, nor returns any, may say so: it then counts no references either,
    which costs a kernel that is handed many arrays more than its work (measured: fourfold).
    """

    def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
        options: dict[str, Any] = {"nogil": True, "_nrt": allocates}
        kernelcache.settle()
        try:
            found: Callable[..., Any] = nb.njit(signature, cache=True, **options)(function)
        except (RuntimeError, OSError):  # numba's words for no directory, and for no room in it
            UNCACHED.append(function.__name__)
            found = nb.njit(signature, **options)(function)
        return found

    return compiled


def part(function: _Function) -> _Function:
    """Return a function that becomes part of each kernel that calls it.

    A kernel that is handed an array counts its references up and down, atomically: too dear for
    what takes some nanoseconds.
    """
    found: Any = nb.njit(inline="always", nogil=True)(function)
    return cast("_Function", found)
