"""What a compiled function is made from: its own byte code, and all that goes into it from elsewhere.

A compiler freezes what a function refers to when it compiles it: the functions that it calls (often
written into it, line by line), the constants of its module and of others, the values that its closure
holds, and the liberties it was granted. Machine code on disk is good while none of these has changed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from types import CodeType, FunctionType, ModuleType
from typing import Any, cast

import numpy as np

_PLAIN = (type(None), bool, int, float, complex, str, bytes, np.generic, np.dtype)


def ingredients(compiled: Any) -> str:
    """Hexadecimal SHA-256 of what goes into the machine code of a numba dispatcher.

    Followed are the compiled functions that it calls, and those that they call; constants by name and
    as attributes of modules, also in tuples, lists, sets, dictionaries and arrays; values of closures;
    defaults; options of compilation. Whatever else a name stands for cannot be compiled in, and counts by
    its own name only.
    """
    digest = hashlib.sha256()
    for word in _of_value(compiled, {}):
        digest.update(word.encode(errors="surrogatepass") + b"\0")
    return digest.hexdigest()


def _of_value(value: Any, met: dict[int, int]) -> Iterator[str]:
    """Words that differ wherever two values differ; `met` numbers the functions, which may be recursive."""
    if isinstance(value, _PLAIN):
        yield f"{type(cast(object, value)).__name__} {value!r}"
    elif isinstance(getattr(value, "py_func", None), FunctionType):
        yield f"compiled {met.get(id(value), 'anew')}"
        if id(value) not in met:
            met[id(value)] = len(met)
            yield from _of_value(value.targetoptions, met)
            yield from _of_function(value.py_func, met)
    elif isinstance(value, np.ndarray):
        array = cast("np.ndarray[Any, Any]", value)
        yield f"array {array.dtype!r} {array.shape} {hashlib.sha256(array.tobytes()).hexdigest()}"
    elif isinstance(value, (tuple, list)):
        items = cast("tuple[Any, ...] | list[Any]", value)
        yield f"{type(items).__qualname__} of {len(items)}"
        for item in items:
            yield from _of_value(item, met)
    elif isinstance(value, (set, frozenset)):
        yield from _of_value(sorted(map(repr, cast("set[object]", value))), met)
    elif isinstance(value, Mapping):
        pairs = cast("Mapping[Any, Any]", value)
        yield from _of_value(sorted(((repr(k), pairs[k]) for k in pairs), key=lambda p: p[0]), met)
    else:
        name = getattr(value, "__qualname__", type(value).__qualname__)
        yield f"{name} {getattr(value, '_fields', '')}"


def _of_function(function: FunctionType, met: dict[int, int]) -> Iterator[str]:
    yield from _of_value(function.__defaults__ or (), met)
    for cell in function.__closure__ or ():
        yield from _of_value(cell.cell_contents, met)
    yield from _of_code(function.__code__, function.__globals__, met)


def _of_code(code: CodeType, names: Mapping[str, Any], met: dict[int, int]) -> Iterator[str]:
    yield f"{code.co_code.hex()} {code.co_argcount} {code.co_names} {code.co_varnames}"
    yield f"{code.co_freevars} {code.co_cellvars}"
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _of_code(constant, names, met)
        else:
            yield from _of_value(constant, met)
    for name in code.co_names:
        value = names.get(name)
        if isinstance(value, ModuleType):
            # which of these names are attributes of this module, only a trace could tell
            for attribute in code.co_names:
                if hasattr(value, attribute):
                    yield f"{value.__name__}.{attribute}"
                    yield from _of_value(getattr(value, attribute), met)
        elif name in names:
            yield from _of_value(value, met)
