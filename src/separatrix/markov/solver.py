r"""What every solver of a chain answers, whether it eliminates or iterates.

Write S for the kept states, :math:`\kappa` for the rate from S into the removed states plus a
constant killing rate, and :math:`M` for the M-matrix of S. One state a of S, the *anchor*, is
eliminated last; :math:`M_a` is the matrix of :math:`S \setminus a`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from separatrix.errors import ModelError
from separatrix.markov.generator import Chain, Mask
from separatrix.markov.scaled import Scaled

Array: TypeAlias = NDArray[np.float64]
Method: TypeAlias = Literal["auto", "levels", "nested", "dense", "aggregated"]


@dataclass(frozen=True)
class Solver(ABC):
    """Solves of a chain with some states removed; made by `solver_for`.

    Attributes
    ----------
    chain : the chain.
    removed : states that are not kept, of the box's shape.
    killing : constant extra rate [1/s] out of every kept state.
    anchor : row-major number of the state that is eliminated last.
    method, reason : what was picked and why.
    reverse : whether states were eliminated in the opposite order.
    """

    chain: Chain
    removed: Mask
    killing: float
    anchor: int
    method: Method
    reason: str
    reverse: bool = field(default=False, kw_only=True)

    @property
    @abstractmethod
    def error(self) -> float:
        """Estimated relative rounding error of every entry of a nonnegative solve.

        ``certify=True`` of the callers measures instead of estimating.
        """

    @property
    def in_strips(self) -> int | None:
        """Levels of a strip where the chain was dissected in strips; else None."""
        return None

    @property
    @abstractmethod
    def can_die(self) -> bool:
        """Whether anything leaves the kept states; else M is singular."""

    @property
    @abstractmethod
    def anchor_exit(self) -> Scaled:
        """Rate [1/s] at which the chain censored on the anchor dies, as a vector of size 1."""

    def complete(self) -> Solver:
        """Factors that serve solves from both sides; these, where they do already."""
        return self

    def forget(self) -> Solver:
        """The same without factors that weigh much; `complete` makes them again."""
        return self

    @abstractmethod
    def law(self) -> Scaled:
        """Stationary law over the box (flat); 0 on transient states, sums to 1.

        Raises
        ------
        ModelError : states were removed or killed.
        """

    @abstractmethod
    def right(self, b: Array | Scaled) -> Scaled:
        """Solution t >= 0 of ``M t = b`` over the box (flat), 0 on removed states.

        Parameters
        ----------
        b : right-hand side >= 0 over the box, flat.

        Raises
        ------
        ModelError : nothing leaves the kept states, so that M is singular.
        """

    @abstractmethod
    def left(self, b: Array | Scaled) -> Scaled:
        """Solution x >= 0 of ``x M = b`` over the box (flat), 0 on removed states.

        Entry x_j is the expected time [s] in state j from the initial measure `b`.
        """

    @abstractmethod
    def signed(self, b: Scaled, *, transposed: bool, anchored: bool) -> Scaled:
        """Solution of ``M t = b`` for one signed vector whose entries may leave a float64's range.

        Parameters
        ----------
        b : right-hand side over the box, flat.
        transposed : solve ``x M = b`` instead.
        anchored : solve with :math:`M_a` in the place of M; the solution is 0 at the anchor.
        """

    def anchored_right(self, f: Array) -> Array:
        """Solution u of ``M_a u = f`` for signed float64 `f` over the box; 0 at the anchor.

        Parameters
        ----------
        f : (n,) or (n, k) over the box, flat.
        """
        return self._columns(f, transposed=False, anchored=True)

    def anchored_left(self, f: Array) -> Array:
        """Solution u of ``u M_a = f`` for signed float64 `f` over the box; 0 at the anchor."""
        return self._columns(f, transposed=True, anchored=True)

    def signed_right(self, b: Array) -> Array:
        """Solution of ``M t = b`` for signed float64 `b` over the box, (n,) or (n, k)."""
        return self._columns(b, transposed=False, anchored=False)

    def signed_left(self, b: Array) -> Array:
        """Solution of ``x M = b`` for signed float64 `b` over the box, (n,) or (n, k)."""
        return self._columns(b, transposed=True, anchored=False)

    def _columns(self, f: Array, *, transposed: bool, anchored: bool) -> Array:
        solved = np.empty_like(f)
        for column in np.ndindex(f.shape[1:]):
            b = Scaled.of(np.ascontiguousarray(f[:, *column]))
            t = self.signed(b, transposed=transposed, anchored=anchored)
            solved[:, *column] = t.to_float()
        return solved

    def _needs_death(self) -> None:
        if not self.can_die:
            raise ModelError("nothing leaves the kept states: these equations have no solution")

    def _needs_life(self) -> None:
        if self.can_die:
            raise ModelError("a chain with removed or killed states has no stationary law")
