r"""Minus the generator's inverse on the complement of modes that are already known.

Let R and L hold k right and left modes (the constant and the law among them) and A be k anchor
states, one for each. With M the matrix of the chain with A removed, H the probabilities of hitting
each anchor first, and E the flows out of the anchors,

.. math:: -Q u = f,\; L^T u = 0 \iff u = M^{-1} f + H c,\; L^T u = 0 ,

.. math:: -y Q = x,\; y R = 0 \iff y = (x + d\,E) M^{-1} \text{ off } A,\; y_A = d,\; y R = 0 .

Each is k small linear equations, however slow the known modes are: removing one state of every
metastable set leaves a chain without slow modes, so that nothing large has to cancel.

Vectors are *balanced*: with :math:`w \approx \sqrt{\pi}`, functions f are kept as :math:`w f` and
measures x as :math:`x / w`. A reversible chain is symmetric in them; in plain coordinates its
modes may be nearly dependent (condition :math:`\rho^{-K/2}` for M/M/1/K at load :math:`\rho`), and a
Krylov space then converges to the pseudospectrum instead of the spectrum.
Source: L. N. Trefethen, M. Embree, Spectra and Pseudospectra (2005), chapters 4 and 28.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from separatrix.markov.generator import Chain
from separatrix.markov.leaned import Leaned, leaned
from separatrix.markov.levels import BandElimination
from separatrix.markov.methods import solver_for
from separatrix.markov.scaled import Scaled
from separatrix.markov.solver import Solver
from separatrix.markov.stencil import rates_from, rates_into

Array: TypeAlias = NDArray[np.float64]
Complex: TypeAlias = NDArray[np.complex128]
Index: TypeAlias = NDArray[np.int64]

_FLOAT_RANGE = -960  # powers of two that may be used up; the rest is for norms and sums


class Deflated:
    """The inverse of -Q beside known modes, from the right and from the left.

    Parameters
    ----------
    chain : the chain.
    right, left : (n, k) known modes as columns, balanced, complex pairs complete.
    weight : (n,) the balance w > 0.
    factors : factors whose anchor is the only anchor state, where k = 1; else the chain is
        eliminated again with k anchors removed.
    """

    def __init__(
        self,
        chain: Chain,
        right: Complex,
        left: Complex,
        weight: Scaled,
        factors: Solver | None = None,
    ) -> None:
        self._weight = weight
        self._right = _real_basis(right)
        self._left = _real_basis(left)
        self._anchored = factors is not None
        n = weight.size
        if factors is not None:
            self.factors = factors
            self.anchors = np.array([factors.anchor])
            hit = np.ones((n, 1))
        else:
            self.anchors = _anchors(right, left, weight)
            removed = np.zeros(chain.shape, dtype=np.bool_)
            removed.reshape(-1)[self.anchors] = True
            self.factors = solver_for(chain, removed=removed)
            hit = np.zeros((n, self.anchors.size))
            for j, anchor in enumerate(self.anchors):
                alone = np.zeros(chain.shape, dtype=np.bool_)
                alone.reshape(-1)[anchor] = True
                hit[:, j] = self.factors.right(
                    _outside(rates_into(chain, alone), removed)
                ).to_float()
                hit[anchor, j] = 1.0
        self.error = self.factors.error
        self._floats = weight.to_float() if self._in_range() else None
        self._leaned: Leaned | None = None
        if self._floats is None and isinstance(self.factors, BandElimination):
            self._leaned = leaned(self.factors, weight.exponent, anchored=self._anchored)
        self._hit = _each(hit, lambda c: Scaled.of(c).times(weight))
        self._out = self._flows_out(chain)
        self._right_system = np.linalg.inv(self._left.T @ self._hit)
        self._left_system = np.linalg.inv(self._out.T @ self._right)

    def right(self, f: Array) -> Array:
        """Solution u of ``-Q u = f`` with ``L^T u = 0``, where ``L^T f = 0``; (n,) or (n, m)."""
        u = self._solve(f, transposed=False)
        return u - self._hit @ (self._right_system @ (self._left.T @ u))

    def left(self, x: Array) -> Array:
        """Solution y of ``-y Q = x`` with ``y R = 0``, where ``x R = 0``; (n,) or (n, m)."""
        y = self._solve(x, transposed=True)
        return y - self._out @ (self._left_system.T @ (self._right.T @ y))

    def projected_right(self, f: Array) -> Array:
        """The solution for what is left of f without the known right modes."""
        return self.right(self.project_right(f))

    def projected_left(self, x: Array) -> Array:
        """The solution for what is left of x without the known left modes."""
        return self.left(self.project_left(x))

    def magnitude(self, f: Array) -> Array:
        """What the solve from the right adds up before anything cancels, for f >= 0."""
        u = self._solve(f, transposed=False)
        return u + self._hit @ np.abs(self._right_system @ (self._left.T @ u))

    def project_right(self, f: Array) -> Array:
        """Remove the known right modes from f."""
        pairing = np.linalg.inv(self._left.T @ self._right)
        return f - self._right @ (pairing @ (self._left.T @ f))

    def project_left(self, x: Array) -> Array:
        """Remove the known left modes from x."""
        pairing = np.linalg.inv(self._left.T @ self._right)
        return x - self._left @ (pairing.T @ (self._right.T @ x))

    def _in_range(self) -> bool:
        """Whether reciprocals of the balance, times any time of the solve, are finite float64s."""
        deepest = int(self._weight.exponent.min())
        if deepest < _FLOAT_RANGE:
            return False
        ones = np.ones(self._weight.size)
        ones[self.anchors] = 0.0
        solved = self.factors
        times = solved.anchored_right(ones) if self._anchored else solved.signed_right(ones)
        return float(np.log2(times.max(initial=1.0))) - deepest < -_FLOAT_RANGE

    def _solve(self, f: Array, *, transposed: bool) -> Array:
        """Balanced solution of the equations without the anchors, for one or several columns."""
        if f.ndim > 1:
            every = [self._solve(f[:, j], transposed=transposed) for j in range(f.shape[1])]
            return np.stack(every, axis=1)
        g = np.array(f)
        g[self.anchors] = 0.0
        if self._leaned is not None:
            m = self._weight.mantissa
            return self._leaned.left(g * m) / m if transposed else self._leaned.right(g / m) * m
        if self._floats is None:
            b = Scaled.of(g)
            b = b.times(self._weight) if transposed else b.over(self._weight)
            u = self.factors.signed(b, transposed=transposed, anchored=self._anchored)
            return (u.over(self._weight) if transposed else u.times(self._weight)).to_float()
        solved = self.factors
        if transposed:
            solve = solved.anchored_left if self._anchored else solved.signed_left
            return solve(g * self._floats) / self._floats
        solve = solved.anchored_right if self._anchored else solved.signed_right
        return solve(g / self._floats) * self._floats

    def _flows_out(self, chain: Chain) -> Array:
        """(n, k): expected time in each state between leaving an anchor and hitting any."""
        out = np.zeros((chain.n_states, self.anchors.size))
        for j, anchor in enumerate(self.anchors):
            targets, rates = rates_from(chain, int(anchor))
            np.add.at(out[:, j], targets, rates)
        out[self.anchors] = 0.0
        for j, anchor in enumerate(self.anchors):
            # in units of the anchor's weight, which keeps rare anchors in range
            unit = self._weight[np.array([anchor])]
            out[:, j] = Scaled.of(out[:, j]).times(unit).over(self._weight).to_float()
        out = self._solve(out, transposed=True)
        out[self.anchors] = np.eye(self.anchors.size)
        return out


def _each(columns: Array, change: Callable[[Array], Scaled]) -> Array:
    return np.stack([change(c).to_float() for c in columns.T], axis=1)


def _outside(values: Array, removed: NDArray[np.bool_]) -> Array:
    return np.where(removed.reshape(-1), 0.0, values)


def _real_basis(modes: Complex) -> Array:
    """Real vectors that span the same space as modes whose complex pairs are complete."""
    columns: list[Array] = []
    for j in range(modes.shape[1]):
        v = modes[:, j]
        if np.abs(v.imag).max() <= 1e-10 * np.abs(v.real).max():
            columns.append(v.real / np.abs(v.real).max())
        else:
            # a pair gives its real part once and its imaginary part once
            first = v.imag[int(np.abs(v.imag).argmax())] > 0.0
            part = v.real if first else v.imag
            columns.append(part / np.abs(part).max())
    return np.stack(columns, axis=1)


def _anchors(right: Complex, left: Complex, weight: Scaled) -> Index:
    """One likely state for each known mode: where it differs most from the modes before it."""
    R, L = _real_basis(right), np.abs(_real_basis(left))
    chosen: list[int] = [int(Scaled.of(L[:, 0]).times(weight).log().argmax())]
    for j in range(1, R.shape[1]):
        # rows of the inner system in one unit each, so that rare states are as good as any
        inner = R[np.ix_(chosen, range(j))]
        unit: Array = np.abs(inner).max(axis=1)
        known = cast(Array, np.linalg.solve(inner / unit[:, None], R[chosen, j] / unit))
        rest = np.abs(R[:, j] - R[:, :j] @ known)
        chosen.append(int((rest * L[:, j]).argmax()))
    return np.array(chosen, dtype=np.int64)
