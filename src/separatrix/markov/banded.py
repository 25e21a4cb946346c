r"""Subtraction-free elimination of a banded chain, panel by panel, in NumPy alone.

Let :math:`M = D - A` with off-diagonal rates :math:`A \ge 0` between the kept states and

.. math:: D_{ii} = \kappa_i + \sum_{j \ne i} A_{ij}

where :math:`\kappa \ge 0` is the rate out of the kept states. Eliminating state k censors the chain
on the remaining states; Grassmann, Taksar and Heyman (1985) rebuild the pivot as
:math:`\kappa_k + \sum_{j} A_{kj}` over the remaining j instead of subtracting, so that every
number is a sum of products of nonnegative numbers and keeps its relative accuracy.

States come in an order of bandwidth w. A window of b + w states slides along it: the b pivots of a
panel are inverted by `invert`, whose slack column holds all rates that leave the panel, and the
w states after them are updated by matrix products through BLAS,

.. math:: N = M_{PP}^{-1},\quad G = N A_{PW},\quad C = A_{WP},\quad
          A_{WW} \mathrel{+}= C G,\quad \kappa_W \mathrel{+}= C N \kappa_P .

Cost: about 2 n w^2 operations and 16 n (w + b) bytes for the factors.

References
----------
W. K. Grassmann, M. I. Taksar, D. P. Heyman, Oper. Res. 33 (1985) 1107.
C. A. O'Cinneide, Numer. Math. 65 (1993) 109 (entrywise relative accuracy).
A. S. Alfa, J. Xue, Q. Ye, Math. Comp. 71 (2002) 217 (the same with killing).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from separatrix.markov.generator import Edges
from separatrix.markov.scaled import Scaled, product

Array: TypeAlias = NDArray[np.float64]

_ONE_THREAD = 250_000  # multiplications below which BLAS libraries do not wake their threads
_NOTHING = 1e-292  # rates and probabilities below this are dropped, far under any pivot
_SMALLEST_PIVOT = 1e-280  # below this a pivot may have lost digits to underflow


class Breakdown(ArithmeticError):
    """A pivot is zero (the state cannot leave the eliminated set) or has underflowed.

    Attributes
    ----------
    position : the state's place in the elimination order.
    pivot : its value [1/s].
    """

    def __init__(self, position: int, pivot: float) -> None:
        super().__init__(f"pivot {pivot} at position {position}")
        self.position = position
        self.pivot = pivot


def invert(rates: Array, leaving: Array) -> Array:
    """Inverse of the M-matrix with these off-diagonal rates and row sums, without subtraction.

    Gauss-Jordan by principal pivots: at each step the eliminated rows hold expected times and
    exit probabilities, the others rates, and every update adds a product of nonnegative numbers.

    Parameters
    ----------
    rates : (b, b) off-diagonal rates [1/s] between the states; the diagonal is ignored.
    leaving : (b,) rate [1/s] from each state to anywhere else.

    Returns
    -------
    N : (b, b) expected time [s] in state j from state i before leaving.

    Raises
    ------
    Breakdown : some state cannot leave the block, or its times in it leave the range of a float64; its
        place is counted within the block.
    """
    b = leaving.size
    least, place = np.inf, 0
    work = np.empty((b, b + 1))
    work[:, :b] = rates
    work[:, b] = leaving
    update = np.empty_like(work)
    total, multiply = np.add.reduce, np.multiply
    with np.errstate(over="ignore", invalid="ignore"):
        for k in range(b):
            row = work[k]
            pivot = total(row[k + 1 :])
            if not pivot > _SMALLEST_PIVOT:
                raise Breakdown(k, float(pivot))
            if pivot < least:
                least, place = pivot, k
            column = work[:, k].copy()
            column[k] = 0.0  # the self-loop that filled in is no jump
            work[:, k] = 0.0
            row[k] = 1.0
            row /= pivot
            multiply(column[:, None], row, out=update)
            work += update
    if not np.isfinite(work).all():
        raise Breakdown(place, float(least))
    return work[:, :b].copy()


@dataclass(frozen=True)
class Panel:
    """Factors of one panel of pivots; `first` is its first position, W the window after it."""

    first: int
    N: Array  # (b, b) expected times in the panel
    G: Array  # (b, w) where in W the panel is left to
    C: Array  # (w, b) rates from W into the panel


@dataclass(frozen=True)
class BandFactor:
    """Factors of the M-matrix of a banded chain: solves from the right and from the left.

    Attributes
    ----------
    n : number of states.
    width : bandwidth w of the order.
    panels : the factors in elimination order.
    peak : largest expected time [s] in any panel, the reciprocal of the smallest pivot.
    """

    n: int
    width: int
    panels: tuple[Panel, ...]
    peak: float

    def right(self, b: Array) -> Array:
        """Solution t of ``M t = b`` for float64 `b` of shape (n,) or (n, k)."""
        t = np.array(b)
        for p in self.panels:
            i, j = p.first, p.first + p.N.shape[0]
            y = p.N @ t[i:j]
            t[i:j] = y
            t[j : j + p.C.shape[0]] += p.C @ y
        for p in reversed(self.panels):
            i, j = p.first, p.first + p.N.shape[0]
            t[i:j] += p.G @ t[j : j + p.C.shape[0]]
        return t

    def left(self, b: Array) -> Array:
        """Solution x of ``x M = b`` for float64 `b` of shape (n,) or (n, k) (transposed rows)."""
        x = np.array(b)
        for p in self.panels:
            i, j = p.first, p.first + p.N.shape[0]
            x[j : j + p.C.shape[0]] += p.G.T @ x[i:j]
        for p in reversed(self.panels):
            i, j = p.first, p.first + p.N.shape[0]
            x[i:j] = p.N.T @ (x[i:j] + p.C.T @ x[j : j + p.C.shape[0]])
        return x

    def right_scaled(self, b: Scaled) -> Scaled:
        """Solution t of ``M t = b`` for `b` >= 0 of any magnitude."""
        plain = self._in_range(b, self.right)
        if plain is not None:
            return plain
        m, e = b.mantissa.copy(), b.exponent.copy()
        for p in self.panels:
            i, j = p.first, p.first + p.N.shape[0]
            k = j + p.C.shape[0]
            y = product(p.N, Scaled(m[i:j], e[i:j]))
            m[i:j], e[i:j] = y.mantissa, y.exponent
            w = Scaled(m[j:k], e[j:k]).plus(product(p.C, y))
            m[j:k], e[j:k] = w.mantissa, w.exponent
        for p in reversed(self.panels):
            i, j = p.first, p.first + p.N.shape[0]
            k = j + p.C.shape[0]
            y = Scaled(m[i:j], e[i:j]).plus(product(p.G, Scaled(m[j:k], e[j:k])))
            m[i:j], e[i:j] = y.mantissa, y.exponent
        return Scaled(m, e)

    def left_scaled(self, b: Scaled) -> Scaled:
        """Solution x of ``x M = b`` for `b` >= 0 of any magnitude."""
        plain = self._in_range(b, self.left)
        if plain is not None:
            return plain
        m, e = b.mantissa.copy(), b.exponent.copy()
        for p in self.panels:
            i, j = p.first, p.first + p.N.shape[0]
            k = j + p.C.shape[0]
            w = Scaled(m[j:k], e[j:k]).plus(product(p.G.T, Scaled(m[i:j], e[i:j])))
            m[j:k], e[j:k] = w.mantissa, w.exponent
        for p in reversed(self.panels):
            i, j = p.first, p.first + p.N.shape[0]
            k = j + p.C.shape[0]
            y = Scaled(m[i:j], e[i:j]).plus(product(p.C.T, Scaled(m[j:k], e[j:k])))
            y = product(p.N.T, y)
            m[i:j], e[i:j] = y.mantissa, y.exponent
        return Scaled(m, e)

    def _in_range(self, b: Scaled, solve: Callable[[Array], Array]) -> Scaled | None:
        """The float64 solution where no entry can have been touched by its range."""
        if b.size == 0:
            return b
        top = int(b.exponent.max())
        values = Scaled(b.mantissa, b.exponent - top).to_float()
        with np.errstate(over="ignore", under="ignore", invalid="ignore"):
            x = solve(values)
        floor = 2.0**-900 * max(self.peak, 1.0)
        if np.isfinite(x).all() and x.min() > floor and x.max() < 2.0**900:
            return Scaled.of(x, top)
        return None


def _multiply(A: Array, B: Array, out: Array) -> Array:
    """``A @ B`` in slabs that BLAS does on one thread.

    Waking a second thread for each small product gains little on an idle machine and costs a factor
    of ten on a busy one.
    """
    rows = max(_ONE_THREAD // max(B.size, 1), 8)
    for first in range(0, A.shape[0], rows):
        np.matmul(A[first : first + rows], B, out=out[first : first + rows])
    return out


def _flushed(values: Array) -> Array:
    """Set to 0, in place, what no float64 product can carry: subnormals slow BLAS a hundredfold."""
    return np.multiply(values, values > _NOTHING, out=values)


def factor(edges: Edges, leaving: Array, width: int, block: int) -> BandFactor:
    """Eliminate all states of a banded chain in the order of their numbers.

    Parameters
    ----------
    edges : off-diagonal rates [1/s] between positions 0..n-1, each pair at most once.
    leaving : (n,) rate [1/s] out of the n states (to removed states, to the anchor, killing).
    width : bandwidth, at least ``max |i - j|`` over the edges.
    block : pivots per panel.

    Raises
    ------
    Breakdown : some state cannot leave the eliminated set, or a pivot has underflowed.
    """
    n = leaving.size
    slack = np.array(leaving)
    later = np.maximum(edges.rows, edges.cols)
    order = np.argsort(later, kind="stable")
    rows, cols, rates = edges.rows[order], edges.cols[order], edges.rates[order]
    starts = np.arange(0, n, block)
    ends = np.minimum(starts + block + width, n)
    bounds = np.concatenate([[0], np.searchsorted(later[order], ends)])
    window, following = np.zeros((2, block + width, block + width))
    panels: list[Panel] = []
    peak = 0.0
    for number, (p, hi) in enumerate(zip(starts.tolist(), ends.tolist(), strict=True)):
        new = slice(bounds[number], bounds[number + 1])
        window[rows[new] - p, cols[new] - p] = rates[new]
        b, m = min(block, n - p), hi - p
        after = window[:b, b:m]
        try:
            N = invert(window[:b, :b], after.sum(axis=1) + slack[p : p + b])
        except Breakdown as failure:
            raise Breakdown(p + failure.position, failure.pivot) from None
        G = _flushed(_multiply(N, after, np.empty_like(after)))
        C = window[b:m, :b].copy()
        slack[p + b : hi] += C @ (N @ slack[p : p + b])
        rest = m - b
        _multiply(C, G, following[:rest, :rest])
        following[:rest, :rest] += window[b:m, b:m]
        _flushed(following[:rest, :rest])
        following[rest:, :] = 0.0
        following[:, rest:] = 0.0
        window, following = following, window
        panels.append(Panel(p, N, G, C))
        peak = max(peak, float(N.max()))
    return BandFactor(n, width, tuple(panels), peak)
