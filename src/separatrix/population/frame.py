"""A population under construction: axes by number, jumps as what they change, chances as functions.

The parts of a lowering (sources, launches, calls, breakers ...) each add their axes and their events
to one `Frame`; none needs to know how many axes there will be.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np

from separatrix.population.lattice import (
    Array,
    Axis,
    AxisKind,
    RateFunction,
    State,
    Transition,
)

Jump: TypeAlias = Mapping[int, int]
"""Axis -> integer change."""


def room(x: Array, size: int) -> Array:
    """1 while ``x <= size - 1``, 0 at `size`, linear between: is there room for one more?"""
    return np.clip(size - x, 0.0, 1.0)


def certain(x: State) -> Array:
    """The chance 1."""
    return np.ones(())


def constant(value: float) -> RateFunction:
    """The same value in every state."""
    return lambda x: np.full((), value)


def product(*factors: RateFunction) -> RateFunction:
    """The product of functions of the state."""
    kept = [factor for factor in factors if factor is not certain]
    if not kept:
        return certain
    if len(kept) == 1:
        return kept[0]

    def multiplied(x: State) -> Array:
        value = kept[0](x)
        for factor in kept[1:]:
            value = value * factor(x)
        return value

    return multiplied


def summed(functions: Sequence[RateFunction]) -> RateFunction:
    """The sum of functions of the state; 0 for none."""

    def total(x: State) -> Array:
        value = np.zeros(())
        for function in functions:
            value = value + function(x)
        return value

    return total


def rest(chances: Sequence[RateFunction]) -> RateFunction:
    """What is left of 1 after these chances, never below 0."""
    return lambda x: np.maximum(1.0 - summed(chances)(x), 0.0)


def added(*jumps: Jump) -> dict[int, int]:
    """One jump that makes all these changes."""
    total: dict[int, int] = {}
    for jump in jumps:
        for axis, step in jump.items():
            total[axis] = total.get(axis, 0) + step
    return {axis: step for axis, step in total.items() if step}


class Once:
    """A function of the state that many transitions share: computed once for each state object.

    All rates of a population are asked at the same `State`; the last one and its value are kept.
    The arrays of a state must not be changed in place between two calls with it.
    """

    def __init__(self, function: RateFunction) -> None:
        self._function = function
        self._last: tuple[State, Array] | None = None

    def __call__(self, x: State) -> Array:
        """The function's value at `x`."""
        last = self._last
        if last is not None and last[0] is x:
            return last[1]
        value = self._function(x)
        self._last = (x, value)
        return value


@dataclass(frozen=True)
class Outcome:
    """One way in which an event can go.

    Attributes
    ----------
    chance : its probability, by state.
    jump : what it changes.
    ending : how it ends the request: ``"answered"`` in time, ``"late"``, ``"failed"``; "" if not.
    """

    chance: RateFunction
    jump: Jump
    ending: str = ""


def crossed(first: Iterable[Outcome], second: Iterable[Outcome]) -> list[Outcome]:
    """Both happen, independently of each other; the ending is that of the first where it has one."""
    there = list(second)
    return [
        Outcome(product(a.chance, b.chance), added(a.jump, b.jump), a.ending or b.ending)
        for a in first
        for b in there
    ]


class Frame:
    """Axes, moves and tallies, as they are found.

    Attributes
    ----------
    means : whether only mean changes are asked for, so that what happens together may be told apart.
    axes : so far.
    notes : approximations made, in words.
    endless : axes whose size is no bound.
    """

    def __init__(self, *, means: bool = False) -> None:
        self.means = means
        self.axes: list[Axis] = []
        self.notes: dict[str, None] = {}
        self.endless: set[int] = set()
        self._moves: list[tuple[str, dict[int, int], RateFunction]] = []
        self._tallies: dict[tuple[str, str], list[RateFunction]] = {}
        self._spaces: dict[int, RateFunction] = {}

    def axis(self, name: str, size: int, kind: AxisKind, cut: float = 0.0) -> int:
        """Add an axis; its number."""
        self.axes.append(Axis(name, size, kind, cut))
        return len(self.axes) - 1

    def note(self, text: str) -> None:
        """Name an approximation (once)."""
        self.notes.setdefault(text)

    def move(self, name: str, rate: RateFunction, jump: Jump) -> None:
        """Add an event that changes the state at a rate; one that changes nothing is left out."""
        changes = added(jump)
        if changes:
            self._moves.append((name, changes, rate))

    def both(
        self, first: list[Outcome], second: Iterable[Outcome], whole: RateFunction
    ) -> list[Outcome]:
        r"""Both happen, independently of each other, as in `crossed`; apart, where only means are asked for.

        The mean change of all pairs, :math:`\sum_{a,b} p_a p_b (J_a + J_b)`, is
        :math:`\sum_a p_a J_a + P \sum_b p_b J_b` with P the chance of the first in all, since the second is certain:
        as many moves as there are outcomes, not pairs of them.

        Parameters
        ----------
        first, second : outcomes; those of the second exclude each other, and one of them happens.
        whole : P. (It is not the sum over `first`, whose outcomes may be told apart already.)
        """
        if not self.means:
            return crossed(first, second)
        return [*first, *(replace(o, chance=product(whole, o.chance)) for o in second if o.jump)]

    def tally(self, quantity: str, stream: str, rate: RateFunction) -> None:
        """Count a quantity [1/s] of a stream."""
        self._tallies.setdefault((quantity, stream), []).append(rate)

    def tallied(self, quantity: str, streams: Iterable[str]) -> RateFunction:
        """Sum of what was counted for these streams."""
        return summed([f for s in streams for f in self._tallies.get((quantity, s), [])])

    def bounded(
        self, outcomes: Iterable[Outcome], axes: Iterable[int], lost: str = "failed"
    ) -> list[Outcome]:
        """The same outcomes, with those that would overfill one of `axes` ending as `lost` there."""
        watched = frozenset(axes) - self.endless
        found: list[Outcome] = []
        for outcome in outcomes:
            full = [i for i, step in outcome.jump.items() if i in watched and step > 0]
            if not full:
                found.append(outcome)
                continue
            (i,) = full
            space = self._space(i)
            found.append(replace(outcome, chance=product(outcome.chance, space)))
            found.append(
                Outcome(
                    product(outcome.chance, rest([space])),
                    added(outcome.jump, {i: -outcome.jump[i]}),
                    outcome.ending or lost,
                )
            )
        return found

    def _space(self, i: int) -> RateFunction:
        if i not in self._spaces:
            size = self.axes[i].size
            self._spaces[i] = Once(lambda x: room(x[i], size - 1))
        return self._spaces[i]

    def transitions(self) -> tuple[Transition, ...]:
        """All moves as transitions over all axes."""
        n = len(self.axes)
        return tuple(
            Transition(name, tuple(jump.get(i, 0) for i in range(n)), rate)
            for name, jump, rate in self._moves
        )
