r"""Minus the generator's inverse on the complement of modes that are already known.

Let R and L hold k right and left modes (the constant and the law among them) and A be k anchor
states, one for each. With M the matrix of the chain with A removed, H the probabilities of hitting
each anchor first, and E the flows out of the anchors,

.. math:: -Q u = f,\; L^T u = 0 \iff u = M^{-1} f + H c,\; L^T u = 0 ,

.. math:: -y Q = x,\; y R = 0 \iff y = (x + d\,E) M^{-1} \text{ off } A,\; y_A = d,\; y R = 0 .

Each is k small linear equations, however slow the known modes are: removing one state of every
metastable set leaves a chain without slow modes, so that nothing large has to cancel.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from separatrix.markov.elimination import Elimination, eliminate
from separatrix.markov.generator import Chain
from separatrix.markov.stencil import rates_from, rates_into

Array: TypeAlias = NDArray[np.float64]
Complex: TypeAlias = NDArray[np.complex128]
Index: TypeAlias = NDArray[np.int64]


class Deflated:
    """The inverse of -Q beside known modes, from the right and from the left.

    Parameters
    ----------
    chain : the chain.
    right, left : (n, k) known modes as columns, complex pairs complete.
    factors : factors whose anchor is the only anchor state, where k = 1; else the chain is
        eliminated again with k anchors removed.
    """

    def __init__(
        self, chain: Chain, right: Complex, left: Complex, factors: Elimination | None = None
    ) -> None:
        self._right = _real_basis(right)
        self._left = _real_basis(left)
        if factors is not None:
            self.anchors = np.array([factors.anchor])
            self._solve_right, self._solve_left = factors.anchored_right, factors.anchored_left
            hit = np.zeros((chain.n_states, 1))
            hit[:, 0] = 1.0
            self.error = factors.error
        else:
            self.anchors = _anchors(right, left)
            removed = np.zeros(chain.shape, dtype=np.bool_)
            removed.reshape(-1)[self.anchors] = True
            killed = eliminate(chain, removed=removed)
            self._solve_right, self._solve_left = killed.signed_right, killed.signed_left
            hit = np.zeros((chain.n_states, self.anchors.size))
            for j, anchor in enumerate(self.anchors):
                alone = np.zeros(chain.shape, dtype=np.bool_)
                alone.reshape(-1)[anchor] = True
                hit[:, j] = killed.right(_outside(rates_into(chain, alone), removed)).to_float()
                hit[anchor, j] = 1.0
            self.error = killed.error
        self._hit = hit
        self._out = self._flows_out(chain)
        self._right_system = np.linalg.inv(self._left.T @ hit)
        self._left_system = np.linalg.inv(self._out.T @ self._right)

    def right(self, f: Array) -> Array:
        """Solution u of ``-Q u = f`` with ``L^T u = 0``, where ``L^T f = 0``; (n,) or (n, m)."""
        g = np.array(f)
        g[self.anchors] = 0.0
        u = self._solve_right(g)
        return u - self._hit @ (self._right_system @ (self._left.T @ u))

    def left(self, x: Array) -> Array:
        """Solution y of ``-y Q = x`` with ``y R = 0``, where ``x R = 0``; (n,) or (n, m)."""
        g = np.array(x)
        g[self.anchors] = 0.0
        y = self._solve_left(g)
        return y - self._out @ (self._left_system.T @ (self._right.T @ y))

    def magnitude(self, f: Array) -> Array:
        """What the solve from the right adds up before anything cancels, for f >= 0."""
        g = np.array(f)
        g[self.anchors] = 0.0
        u = self._solve_right(g)
        return u + self._hit @ np.abs(self._right_system @ (self._left.T @ u))

    def project_right(self, f: Array) -> Array:
        """Remove the known right modes from f."""
        pairing = np.linalg.inv(self._left.T @ self._right)
        return f - self._right @ (pairing @ (self._left.T @ f))

    def project_left(self, x: Array) -> Array:
        """Remove the known left modes from x."""
        pairing = np.linalg.inv(self._left.T @ self._right)
        return x - self._left @ (pairing.T @ (self._right.T @ x))

    def _flows_out(self, chain: Chain) -> Array:
        """(n, k): expected time in each state between leaving an anchor and hitting any."""
        out = np.zeros((chain.n_states, self.anchors.size))
        for j, anchor in enumerate(self.anchors):
            targets, rates = rates_from(chain, int(anchor))
            np.add.at(out[:, j], targets, rates)
        out[self.anchors] = 0.0
        out = self._solve_left(out)
        out[self.anchors] = np.eye(self.anchors.size)
        return out


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


def _anchors(right: Complex, left: Complex) -> Index:
    """One likely state for each known mode: where it differs most from the modes before it."""
    R, weight = _real_basis(right), np.abs(_real_basis(left))
    chosen: list[int] = [int(weight[:, 0].argmax())]
    for j in range(1, R.shape[1]):
        inner = R[np.ix_(chosen, range(j))]
        rest = np.abs(R[:, j] - R[:, :j] @ np.linalg.solve(inner, R[chosen, j]))
        fit = np.where(rest >= 0.5 * rest.max(), weight[:, j], -1.0)
        chosen.append(int(fit.argmax()))
    return np.array(chosen, dtype=np.int64)
