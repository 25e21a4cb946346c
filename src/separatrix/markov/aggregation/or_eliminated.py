"""Iterated aggregation that gives way to an elimination where it does not converge."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from separatrix.errors import NotConverged
from separatrix.markov.aggregation.solver import Aggregated
from separatrix.markov.scaled import Scaled
from separatrix.markov.solver import Solver

Array: TypeAlias = NDArray[np.float64]
T = TypeVar("T")


class AggregatedOrEliminated(Solver):
    """Solves by iterated aggregation; from the first that does not converge on, by elimination.

    `anchor`, `method` and `reason` are those of whichever made the last solve.
    """

    def __init__(self, first: Aggregated, eliminated: Callable[[str], Solver]) -> None:
        """Begin with aggregation.

        Parameters
        ----------
        first : the iteration.
        eliminated : makes the factors, should they be needed, and is told why they are.
        """
        super().__init__(
            first.chain, first.removed, first.killing, first.anchor, first.method, first.reason,
            reverse=first.reverse,
        )  # fmt: skip
        self._eliminated = eliminated
        self._now: Solver = first

    @property
    def error(self) -> float:
        """See `Solver`."""
        return self._now.error

    @property
    def in_strips(self) -> int | None:
        """See `Solver`."""
        return self._now.in_strips

    @property
    def can_die(self) -> bool:
        """See `Solver`."""
        return self._now.can_die

    @property
    def anchor_exit(self) -> Scaled:
        """See `Solver`."""
        return self._solved(lambda solver: solver.anchor_exit)

    def complete(self) -> Solver:
        """See `Solver`."""
        return self if isinstance(self._now, Aggregated) else self._now.complete()

    def forget(self) -> Solver:
        """See `Solver`."""
        return self if isinstance(self._now, Aggregated) else self._now.forget()

    def law(self) -> Scaled:
        """See `Solver`."""
        return self._solved(lambda solver: solver.law())

    def right(self, b: Array | Scaled) -> Scaled:
        """See `Solver`."""
        return self._solved(lambda solver: solver.right(b))

    def left(self, b: Array | Scaled) -> Scaled:
        """See `Solver`."""
        return self._solved(lambda solver: solver.left(b))

    def signed(self, b: Scaled, *, transposed: bool, anchored: bool) -> Scaled:
        """See `Solver`."""
        return self._solved(
            lambda solver: solver.signed(b, transposed=transposed, anchored=anchored)
        )

    def _solved(self, solve: Callable[[Solver], T]) -> T:
        if not isinstance(self._now, Aggregated):
            return solve(self._now)
        try:
            return solve(self._now)
        except NotConverged as refusal:
            failed = refusal
        try:
            now = self._eliminated(f"iterated aggregation did not converge ({failed.certificate})")
        except NotConverged as refusal:
            raise NotConverged(
                "neither iterated aggregation nor elimination solves this chain",
                partial=failed.partial,
                certificate=f"{failed.certificate}; {refusal}",
            ) from refusal
        self._now = now
        for name in ("anchor", "method", "reason", "reverse"):
            # the class is frozen for those who hold it; what it stands on has changed
            object.__setattr__(self, name, getattr(now, name))
        return solve(now)
