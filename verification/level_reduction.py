r"""The law of a lattice chain by level reduction with dense matrices: a witness in fifty lines of NumPy.

Levels are those of the first axis, which jumps cross one at a time. With :math:`U_q, L_q, D_q` the rates from level q
up, within it and down,

.. math::
    M_q = \mathrm{diag} - L_q - U_q M_{q+1}^{-1} D_{q+1},\qquad R_q = U_{q-1} M_q^{-1},\qquad \pi_q = \pi_{q-1} R_q ,

from the top level down, where the diagonal of :math:`M_q` is rebuilt as the sum of its row's rates and of the rates
down. Rows dominate by the rates down, so that LAPACK, given the transpose, exchanges no rows and cancels
nothing. Level 0 is solved state by state (Grassmann, Taksar and Heyman). No tree, front or panel, no compiled code of
ours; every level has a power of two of its own.

Source: G. Latouche, V. Ramaswami, Introduction to Matrix Analytic Methods in Stochastic Modeling (1999), chapter 12.
"""

from __future__ import annotations

import tempfile

import numpy as np

DROPPED = 1e-290  # smaller rates beside 1: subnormal numbers slow BLAS down
JUDGED = 1e-250  # entries this small beside the largest of their level do not feel what was dropped


def level_law(chain) -> np.ndarray:
    """Logarithm of the law, of the box's shape; ``-inf`` where an entry is below 1e-250 of its level's largest."""
    levels, width = chain.shape
    with tempfile.TemporaryFile() as room:
        ratios = np.memmap(room, dtype=np.float64, mode="w+", shape=(levels, width, width))
        folded = np.zeros((width, width))
        for q in range(levels - 1, 0, -1):
            down = _block(chain, q, -1)
            off = _block(chain, q, 0) + folded
            np.fill_diagonal(off, 0.0)
            matrix = np.diag(off.sum(axis=1) + down.sum(axis=1)) - off
            ratio = np.linalg.solve(matrix.T, _block(chain, q - 1, 1).T).T
            ratio[ratio < DROPPED] = 0.0
            ratios[q] = ratio
            folded = ratio @ down
        first = _block(chain, 0, 0) + folded
        found = np.empty((levels, width))
        x, power = _law_of(first), 0
        for q in range(levels):
            x = x @ ratios[q] if q else x
            # a sum of a thousand logarithms would round a thousand times, and to the same side
            shift = int(np.frexp(x.max())[1])
            x, power = np.ldexp(x, -shift), power + shift
            with np.errstate(divide="ignore"):
                found[q] = power * np.log(2.0) + np.log(np.where(x > JUDGED, x, 0.0))
    top = found.max()
    return found - top - np.log(np.exp(found - top).sum())


def _block(chain, level: int, step: int) -> np.ndarray:
    """Rates from a level to the one `step` levels up."""
    width = chain.shape[1]
    block = np.zeros((width, width))
    for (along, across), rates in zip(chain.jumps, chain.stencil, strict=True):
        if along == step:
            source = np.arange(max(0, -across), width - max(0, across))
            block[source, source + across] += rates[level, source]
    return block


def _law_of(rates: np.ndarray) -> np.ndarray:
    """The law of a dense chain, state by state."""
    left = rates.copy()
    for k in range(len(left) - 1, 0, -1):
        left[:k, k] /= left[k, :k].sum()
        left[:k, :k] += np.outer(left[:k, k], left[k, :k])
    x = np.ones(len(left))
    for k in range(1, len(left)):
        x[k] = x[:k] @ left[:k, k]
    return x / x.sum()
