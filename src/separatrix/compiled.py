"""A typed door to numba: the one place that imports its decorator.

Kernels are written as plain functions ``_step`` and compiled as ``step = compiled(_step)``, so that
tests can run, cover and mutate the plain form (STYLE: coverage of compiled code).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

F = TypeVar("F", bound=Callable[..., Any])


def compiled(
    function: F,
    *,
    parallel: bool = False,
    nogil: bool = True,
    fastmath: frozenset[str] = frozenset(),
    inner: bool = False,
) -> F:
    """Compile `function` with numba on its first call and cache the machine code on disk.

    `fastmath` names the liberties that LLVM may take, such as ``{"reassoc", "contract"}``. An
    `inner` function is called from compiled code only, which saves the time to wrap it for Python.
    """
    import numba  # not at module level: `separatrix --help` must not pay for it

    njit = cast(Any, numba).njit
    options: dict[str, object] = {"parallel": parallel, "nogil": nogil, "error_model": "numpy"}
    if fastmath:
        options["fastmath"] = set(fastmath)
    if inner:
        options |= {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
    return cast(F, njit(cache=True, **options)(function))
