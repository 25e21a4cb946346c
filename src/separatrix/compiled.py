"""A typed door to numba: the one place that imports its decorator.

Kernels are written as plain functions ``_step`` and compiled as ``step = compiled(_step)``, so that
tests can run, cover and mutate the plain form (STYLE: coverage of compiled code).

Their machine code is kept on disk. numba alone would take it for good while the file of the kernel
itself is the same, even where functions or constants from other files that are compiled into it have
changed; here a kernel's `ingredients` decide, wherever they come from.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any, TypeVar, cast

from separatrix.ingredients import ingredients

F = TypeVar("F", bound=Callable[..., Any])


def compiled(
    function: F,
    *,
    parallel: bool = False,
    nogil: bool = True,
    fastmath: frozenset[str] = frozenset(),
    inner: bool = False,
    signature: str | None = None,
) -> F:
    """Compile `function` with numba on its first call and cache the machine code on disk.

    With a `signature` in numba's words it is compiled at once, and for these types only; an argument
    of a `FunctionType` is then a compiled function that is called by its address.

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
    made = njit(**options)(function)
    if made is function:  # numba is told to compile nothing
        return function
    made.enable_caching()
    made._cache = _Stamped(made)
    if signature is not None:
        made.compile(signature)
        made.disable_compile()
    return cast(F, made)


class _Stamped:
    """A dispatcher's cache on disk, stamped with the dispatcher's ingredients before its first use.

    Only then: what a kernel calls may be defined after it.
    """

    def __init__(self, made: Any) -> None:
        self._made, self._disk = made, made._cache

    @cached_property
    def _in_use(self) -> Any:
        file = self._disk._cache_file
        file._source_stamp = (file._source_stamp, ingredients(self._made))
        return self._disk

    def __getattr__(self, name: str) -> Any:
        return getattr(self._in_use, name)


def by_address(function: Callable[..., Any], signature: str) -> Any:
    """`function`, compiled, as an argument of type ``FunctionType(signature)``.

    Handed over as it is it would work, too, but numba would look its type up again on every call, at
    some hundred times the cost of a short one.
    """
    from numba.core import sigutils, types

    args, result = cast(Any, sigutils).normalize_signature(signature)
    full = cast(Any, types).FunctionType(result(*args)).signature
    made = cast(Any, function).get_compile_result(full)
    address = made.library.get_pointer_to_function(made.fndesc.llvm_cfunc_wrapper_name)

    class ByAddress(types.WrapperAddressProtocol):
        _numba_type_ = cast(Any, types).FunctionType(full)
        keeps_alive = function

        def __wrapper_address__(self) -> int:
            return address

        def signature(self) -> Any:
            return full

    return ByAddress()


def by_library(module: str, name: str, signature: str) -> Any:
    """The C function that a compiled Python `module` exports under `name`, as an argument of type
    ``FunctionType(signature)``.

    Raises ImportError where the module does not export it.
    """
    import ctypes

    from numba.core import sigutils, types
    from numba.extending import get_cython_function_address

    args, result = cast(Any, sigutils).normalize_signature(signature)
    full = cast(Any, types).FunctionType(result(*args)).signature
    try:
        address = cast(int, cast(Any, get_cython_function_address)(module, name))
    except ValueError:
        raise ImportError(f"{module} exports no {name}", name=module) from None
    letters = {types.float64: ctypes.c_double, types.int32: ctypes.c_int}
    plain = ctypes.CFUNCTYPE(letters[result], *(letters[a] for a in args))(address)

    class ByLibrary(types.WrapperAddressProtocol):
        _numba_type_ = cast(Any, types).FunctionType(full)

        def __wrapper_address__(self) -> int:
            return address

        def signature(self) -> Any:
            return full

        def __call__(self, *values: float) -> float:
            return plain(*values)

    return ByLibrary()
