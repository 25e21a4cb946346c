r"""Axis, Transition, Population: the one object that every analytic reading of a program shares.

A population is a continuous-time Markov process on a box of the integer lattice,

.. math:: x \to x + J_k \quad\text{at rate}\quad a_k(x) \ge 0,\qquad 0 \le x_i < n_i .

``markov`` enumerates it, ``fluid`` sums :math:`J_k a_k(x)`, path sampling draws from it. Rate
functions are vectorised, exact at integer states and continuous between them, so that the
three readings cannot disagree by construction.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import prod
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from separatrix.population.tape import Tape

Array: TypeAlias = NDArray[np.float64]
State: TypeAlias = tuple[Array, ...]
"""One array per axis; the arrays broadcast against each other."""

RateFunction: TypeAlias = Callable[[State], Array]
"""State -> value, vectorised: arrays in, an array that broadcasts to their shape out."""

AxisKind: TypeAlias = Literal["queue", "orbit", "phase", "tokens", "breaker", "cache", "calls"]


@dataclass(frozen=True)
class Axis:
    """One integer coordinate, with values ``0 .. size-1``.

    Attributes
    ----------
    name : such as ``"queue[52]"`` or ``"orbit[client,0]"``.
    size : number of values.
    kind : what the coordinate counts; 0 is the calm end: no queue, nobody in orbit, no token spent, no
        key of a cache dead, the breaker closed.
    cut : upper bound on the probability mass that a finite `size` cuts off, where `size` was
        chosen by the lowering; 0 where the bound is part of the model.
    """

    name: str
    size: int
    kind: AxisKind
    cut: float = 0.0


@dataclass(frozen=True)
class Transition:
    """A jump and its rate.

    Attributes
    ----------
    name : the event in words, such as ``"service completion"``.
    jump : integer change of each axis.
    rate : state -> rate [1/s], >= 0, and 0 wherever the jump would leave the box.
    """

    name: str
    jump: tuple[int, ...]
    rate: RateFunction


@dataclass(frozen=True)
class Measure:
    """A named quantity of the state, for long-run averages: :math:`E_\\pi[f(X)]`.

    Attributes
    ----------
    name : such as ``"goodput[client]"``.
    unit : ``"1/s"``, ``"requests"``, ``"1"`` ...
    value : state -> value, vectorised.
    """

    name: str
    unit: str
    value: RateFunction


@dataclass(frozen=True)
class Sojourn:
    r"""Time that an accepted attempt spends at a server, by what it finds on arrival.

    Attributes
    ----------
    name : the API's name.
    tail : ``tail(x, t)`` = P(sojourn > t s | the attempt is accepted in state x), vectorised in x.
    moments : ``moments(x)`` = (E S, E S^2) in s and s^2 in state x.
    weight : rate [1/s] of accepted attempts of this kind in state x (an average over the states
        that arrivals find weights them by it; Poisson arrivals see time averages).
    """

    name: str
    tail: Callable[[State, float], Array]
    moments: Callable[[State], tuple[Array, Array]]
    weight: RateFunction


@dataclass(frozen=True)
class Population:
    """Axes, transitions and measures of one program under one closure.

    Attributes
    ----------
    name : the program's name.
    closure : ``"staged"``, ``"geometric"`` or ``"metafor"``.
    axes : the coordinates; axis 0 is the first server's queue. States are numbered in row-major
        (C) order: the last axis varies fastest.
    transitions : jumps and rates.
    measures : named long-run quantities.
    sojourns : one per API.
    notes : where this lowering approximates the program, in words.
    averages : the transitions of the mean dynamics, where these leave out what only carries chance from
        one coordinate to another (see `turns`); else empty.
    """

    name: str
    closure: str
    axes: tuple[Axis, ...]
    transitions: tuple[Transition, ...]
    measures: tuple[Measure, ...] = ()
    sojourns: tuple[Sojourn, ...] = ()
    notes: tuple[str, ...] = field(default=())
    averages: tuple[Transition, ...] = field(default=(), repr=False)

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of values of each axis."""
        return tuple(axis.size for axis in self.axes)

    @property
    def moving(self) -> tuple[Transition, ...]:
        """The transitions of the mean dynamics: `averages` where there are any, else all."""
        return self.averages or self.transitions

    @cached_property
    def tape(self) -> Tape | None:
        """`moving` as one list of elementary operations; None where a rate cannot be written down."""
        from separatrix.population.tape import recorded

        return recorded(self.moving, len(self.axes))

    @property
    def n_states(self) -> int:
        """Number of states in the box."""
        return prod(self.shape)

    @property
    def cut(self) -> float:
        """Upper bound on the probability mass outside the box."""
        return float(sum(axis.cut for axis in self.axes))

    def grid(self) -> State:
        """All states as one open mesh: arrays of shape ``(n_0, 1, ..)``, ``(1, n_1, ..)``, ..."""
        return tuple(
            np.asarray(a, dtype=np.float64)
            for a in np.ix_(*[np.arange(n, dtype=np.float64) for n in self.shape])
        )

    def index(self, state: Sequence[int]) -> int:
        """Row-major number of one state; IndexError outside the box."""
        for axis, value in zip(self.axes, state, strict=True):
            if not 0 <= value < axis.size:
                raise IndexError(f"{axis.name} = {value} is outside 0..{axis.size - 1}")
        return int(np.ravel_multi_index(tuple(state), self.shape))

    def axes_of(self, kind: AxisKind) -> tuple[int, ...]:
        """Numbers of the axes of one kind."""
        return tuple(i for i, axis in enumerate(self.axes) if axis.kind == kind)

    def total(self, kind: AxisKind, x: State) -> Array:
        """Sum of all coordinates of one kind, for example the whole orbit."""
        parts = [x[i] for i in self.axes_of(kind)]
        return np.asarray(sum(parts, start=np.zeros(())), dtype=np.float64)

    def score(self, x: State) -> Array:
        """Attempts at the servers and requests that wait to come back: queues and orbits, nothing else."""
        return np.asarray(self.total("queue", x) + self.total("orbit", x))

    def drift(self, x: State) -> State:
        r"""Mean velocity :math:`\sum_k J_k a_k(x)` [1/s] over `moving`, one array per axis; any real `x`."""
        shape = np.broadcast_shapes(*[np.shape(c) for c in x])
        velocity = [np.zeros(shape) for _ in self.axes]
        for transition in self.moving:
            rate = transition.rate(x)
            for i, step in enumerate(transition.jump):
                if step:
                    velocity[i] = velocity[i] + step * rate
        return tuple(velocity)

    def rates(self, x: State) -> Iterator[tuple[Transition, Array]]:
        """Each transition with its rates at `x`, broadcast to the common shape."""
        shape = np.broadcast_shapes(*[np.shape(c) for c in x])
        for transition in self.transitions:
            yield transition, np.broadcast_to(transition.rate(x), shape)
