"""A typed door to numba: the one place that imports its decorator.

Kernels are written as plain functions ``_step`` and compiled as ``step = compiled(_step)``, so that
tests can run, cover and mutate the plain form (STYLE: coverage of compiled code).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

F = TypeVar("F", bound=Callable[..., Any])


def compiled(function: F, *, parallel: bool = False, nogil: bool = True) -> F:
    """Compile `function` with numba on its first call and cache the machine code on disk."""
    import numba  # not at module level: `separatrix --help` must not pay for it

    njit = cast(Any, numba).njit
    return cast(F, njit(cache=True, parallel=parallel, nogil=nogil, error_model="numpy")(function))
