"""Krylov spaces by Arnoldi's method, grown on demand, and the leading eigenpairs in them."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[np.float64]
Complex: TypeAlias = NDArray[np.complex128]


_FIRM = 1e-3
_BLOCK = 100_000  # numbers in a block of basis vectors that are orthogonalised against at once


class Arnoldi:
    """Orthonormal basis V and projection H of an operator: ``A V_k = V_k H_k + rest``.

    Parameters
    ----------
    apply : f -> ``A f``.
    b : (n,) first vector of the space.
    """

    def __init__(self, apply: Callable[[Array], Array], b: Array) -> None:
        self._apply = apply
        self.norm = _length(b)
        self.basis: list[Array] = []
        self._blocks: list[Array] = []  # the same vectors, some together
        self._per_block = max(_BLOCK // max(b.size, 1), 1)
        if self.norm > 0.0:
            self._append(b / self.norm)
        self._h = np.zeros((1, 0))
        self.complete = self.norm == 0.0

    @property
    def dimension(self) -> int:
        """Number of steps done."""
        return self._h.shape[1]

    @property
    def projection(self) -> Array:
        """The square projected operator H_k."""
        return self._h[: self.dimension, :]

    @property
    def rest(self) -> float:
        """Size of what the last step left outside the space."""
        return float(self._h[-1, -1]) if self.dimension else 0.0

    def grow(self, steps: int) -> None:
        """Enlarge the space; stops early where it has become invariant."""
        for _ in range(steps):
            if self.complete:
                return
            w = self._apply(self.basis[-1])
            k = self.dimension
            column = np.zeros(k + 2)
            for _again in range(2):  # the second pass restores orthogonality
                for j, block in enumerate(self._blocks):
                    first = j * self._per_block
                    q = block[: k + 1 - first]
                    # not a BLAS product: its threads wait for each other on a busy machine
                    part = np.einsum("ki,i->k", q, w)
                    column[first : first + part.size] += part
                    w = w - np.einsum("k,ki->i", part, q)
            column[k + 1] = _length(w)
            grown = np.zeros((k + 2, k + 1))
            grown[: k + 1, :k] = self._h
            grown[:, k] = column
            self._h = grown
            if column[k + 1] <= 1e-14 * np.abs(column).max(initial=0.0):
                self.complete = True
            else:
                self._append(w / column[k + 1])

    def _append(self, q: Array) -> None:
        place = len(self.basis) % self._per_block
        if place == 0:
            self._blocks.append(np.empty((self._per_block, q.size)))
        self._blocks[-1][place] = q
        self.basis.append(self._blocks[-1][place])

    def combine(self, weights: Complex) -> Complex:
        """Linear combinations of the first basis vectors: (k, m) weights to (n, m) vectors."""
        result = np.zeros((self.basis[0].size, weights.shape[1]), dtype=np.complex128)
        for q, row in zip(self.basis, weights, strict=False):
            result += np.multiply.outer(q, row)
        return result


def _length(x: Array) -> float:
    """Euclidean norm, whose squares would overflow where times exceed 1e154 s."""
    top = float(np.abs(x).max(initial=0.0))
    return top * float(np.linalg.norm(x / top)) if 0.0 < top < np.inf else top


class Pairs(NamedTuple):
    """Eigenvalues by decreasing modulus, unit eigenvectors as columns, relative residuals."""

    values: Complex
    vectors: Complex
    residuals: Array


def leading_pairs(
    apply: Callable[[Array], Array], seed: Array, count: int, *, tolerance: float, limit: int
) -> Pairs:
    """Eigenpairs of largest modulus of a real operator, at most `count`, or one more of a pair.

    Only those within a factor of 1000 of the largest are returned: ask again, with them deflated.

    Stops when all have relative residuals below `tolerance`, or at `limit` dimensions with
    whatever residuals are reached then. Fewer are returned where the space is exhausted.
    """
    space = Arnoldi(apply, seed)
    while True:
        # by half each time: a slow mode far from the others needs two or three steps
        space.grow(min(max(2, space.dimension // 2), limit - space.dimension))
        values, vectors = np.linalg.eig(space.projection)
        values = np.asarray(values, dtype=np.complex128)
        vectors = np.asarray(vectors, dtype=np.complex128)
        order = np.argsort(-np.abs(values), kind="stable")
        values, vectors = values[order], vectors[:, order]
        k = min(count, values.size)
        if k < values.size and abs(values[k] - values[k - 1].conj()) <= 1e-9 * abs(values[k]):
            k += int(abs(values[k].imag) > 0.0)  # never split a complex pair
        rest = 0.0 if space.complete else space.rest
        # what is far smaller than the leading value has lost its digits to it
        k = int((np.abs(values[:k]) > _FIRM * np.abs(values[:1])).sum())
        residuals = rest * np.abs(vectors[-1, :k]) / np.maximum(np.abs(values[:k]), 1e-300)
        done = values.size > count and bool((residuals < tolerance).all())
        if done or space.complete or space.dimension >= limit:
            return Pairs(values[:k], space.combine(vectors[:, :k]), residuals)
