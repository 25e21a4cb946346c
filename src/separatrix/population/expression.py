r"""Rate functions written down: what they do to their arguments, as a graph of elementary operations.

A rate function is Python code over arrays. Asked at *symbols* instead of numbers it leaves the operations that
it would do, each noted once however many rates share it. What is left can be evaluated without Python, with its
exact derivatives, or over intervals (Griewank and Walther, Evaluating Derivatives, 2008), and no lowering needs
to know of it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from math import frexp, isfinite, isnan
from typing import Any, TypeVar, cast

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

F = TypeVar("F", bound=Callable[..., Any])

(
    INPUT, CONSTANT, ADD, SUBTRACT, MULTIPLY, DIVIDE, NEGATIVE, MINIMUM, MAXIMUM, LESS, LESS_EQUAL,
    WHERE, ABSOLUTE, SQRT, EXP, EXPM1, LOG, POWER, SOJOURN_TAIL, UPPER_GAMMA,
) = range(20)  # fmt: skip
"""Operations. ``WHERE(yes, no, condition)``; ``SOJOURN_TAIL(n, rate, t, threads)`` as `sojourn_tail`;
``UPPER_GAMMA(a, x)``, regularised."""

_APART = 2**46
OPERANDS = 4
"""Most operands of an operation."""


class Untraceable(Exception):
    """A function does with its argument what a symbol cannot answer."""


class Graph:
    """Operations in the order in which they can be done, none twice.

    Attributes
    ----------
    operations : of each node.
    operands : numbers of the nodes that it works on.
    constants : the value of a constant; else 0.
    """

    def __init__(self) -> None:
        self.operations: list[int] = []
        self.operands: list[tuple[int, ...]] = []
        self.constants: list[float] = []
        self._known: dict[tuple[Any, ...], int] = {}

    def symbols(self, n: int) -> tuple[Symbol, ...]:
        """New symbols for n arguments."""
        return tuple(Symbol(self, self._node(INPUT, (i,), 0.0)) for i in range(n))

    def number(self, value: Any) -> int:
        """The node of an operand. Raises Untraceable for one that is neither a symbol nor a number."""
        if isinstance(value, Symbol):
            return value.number
        array = np.asarray(value)
        if array.size != 1:
            raise Untraceable(f"an array of shape {array.shape}")
        lone = array.reshape(())[()]
        if isinstance(lone, Symbol):
            return lone.number
        return self._constant(float(lone))

    def symbol(self, operation: int, *values: Any) -> Any:
        """The symbol of an operation on symbols and numbers, in a simpler form where there is one."""
        return Symbol(self, self._simplest(operation, tuple(self.number(v) for v in values)))

    def _simplest(self, operation: int, on: tuple[int, ...]) -> int:
        if operation in (ADD, MULTIPLY) and on[0] > on[1]:
            on = (on[1], on[0])
        for place, neutral in _NEUTRAL.get(operation, ()):
            if self._is(on[place], neutral):
                return on[1 - place]
        if operation == MULTIPLY and any(self._is(i, 0.0) for i in on):
            return self._constant(0.0)
        if operation in (MINIMUM, MAXIMUM) and on[0] == on[1]:
            return on[0]
        if operation in _FOLDED and all(self.operations[i] == CONSTANT for i in on):
            with np.errstate(all="ignore"):
                value = float(_FOLDED[operation](*(self.constants[i] for i in on)))
            return self._constant(value)
        return self._node(operation, on, 0.0)

    def _is(self, node: int, value: float) -> bool:
        return self.operations[node] == CONSTANT and self.constants[node] == value

    def _constant(self, value: float) -> int:
        """The node of a constant; those that only rounding tells apart, as x and 1/(1/x), are one."""
        if isnan(value):
            raise Untraceable("no number")
        if not isfinite(value):
            return self._node(CONSTANT, (), value)
        mantissa, exponent = frexp(value)
        place = round(mantissa * _APART)
        for near in (place, place - 1, place + 1):
            known = self._known.get((near, exponent))
            if known is not None:
                return known
        node = self._known[place, exponent] = self._node(CONSTANT, (), value)
        return node

    def _node(self, operation: int, on: tuple[int, ...], constant: float) -> int:
        key = (operation, on, constant)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = len(self.operations)
            self.operations.append(operation)
            self.operands.append(on)
            self.constants.append(constant)
        return found


_NEUTRAL: dict[int, tuple[tuple[int, float], ...]] = {
    ADD: ((0, 0.0), (1, 0.0)),
    SUBTRACT: ((1, 0.0),),
    MULTIPLY: ((0, 1.0), (1, 1.0)),
    DIVIDE: ((1, 1.0),),
    POWER: ((1, 1.0),),
}
"""Operation -> (place, value) of an operand that changes nothing."""

_UFUNCS: dict[Any, int] = {
    np.add: ADD, np.subtract: SUBTRACT, np.multiply: MULTIPLY, np.true_divide: DIVIDE,
    np.negative: NEGATIVE, np.minimum: MINIMUM, np.maximum: MAXIMUM, np.less: LESS,
    np.less_equal: LESS_EQUAL, np.absolute: ABSOLUTE, np.sqrt: SQRT, np.exp: EXP, np.expm1: EXPM1,
    np.log: LOG, np.power: POWER,
}  # fmt: skip
_TURNED: dict[Any, int] = {np.greater: LESS, np.greater_equal: LESS_EQUAL}
_FOLDED = {operation: ufunc for ufunc, operation in _UFUNCS.items()}


class Symbol(NDArrayOperatorsMixin):
    """A number that is not known yet: what NumPy does to it is written down in its graph."""

    __slots__ = ("graph", "number")

    def __init__(self, graph: Graph, number: int) -> None:
        self.graph, self.number = graph, number

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        """Write an elementwise operation down."""
        operation = _UFUNCS.get(ufunc)
        if operation is None and ufunc in _TURNED:
            operation, inputs = _TURNED[ufunc], inputs[::-1]
        if operation is None or method != "__call__" or options:
            raise Untraceable(f"{ufunc.__name__}.{method}")
        return self.graph.symbol(operation, *inputs)

    def __array_function__(
        self, function: Any, types: Any, arguments: tuple[Any, ...], options: dict[str, Any]
    ) -> Any:
        """Write one of NumPy's functions down."""
        if options or len(arguments) != 3 or function not in (np.clip, np.where):
            raise Untraceable(function.__name__)
        if function is np.clip:
            x, low, high = arguments
            return self.graph.symbol(MINIMUM, self.graph.symbol(MAXIMUM, x, low), high)
        condition, yes, no = arguments
        return self.graph.symbol(WHERE, yes, no, condition)

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        """Refuse to be an array of numbers."""
        raise Untraceable("a number is asked for")

    def __float__(self) -> float:
        """Refuse to be a number."""
        raise Untraceable("a number is asked for")

    def __bool__(self) -> bool:
        """Refuse to be true or false."""
        raise Untraceable("a decision is asked for")


def operation(number: int, order: tuple[int, ...]) -> Callable[[F], F]:
    """A vectorised function that is one operation: asked at a symbol it is written down, not worked out.

    number : of the operation.
    order : places of its operands among the arguments, which are given by position.
    """

    def decorate(function: F) -> F:
        @wraps(function)
        def ask(*arguments: Any) -> Any:
            for argument in arguments:
                if isinstance(argument, Symbol):
                    return argument.graph.symbol(number, *(arguments[i] for i in order))
            return function(*arguments)

        return cast(F, ask)

    return decorate
