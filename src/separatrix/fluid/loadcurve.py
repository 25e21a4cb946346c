r"""Hysteresis curves in closed form, where the reduced drift is affine in the parameter.

With one queue, :math:`g(q; p) = \alpha(q) + \beta(q)\,p` for a parameter such as an arrival rate. Every resting
point at queue length q then has

.. math:: p(q) = -\alpha(q) / \beta(q),

so that two evaluations on a grid of q are the whole curve, round every fold; folds are the extremes of p(q).
Where p(q) leaves the values looked at, or :math:`\beta` passes zero, the curve is cut: what lies on either side of
the cut are curves of their own.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from separatrix.fluid.branch import Branch, Turning, extremes
from separatrix.fluid.field import jacobians
from separatrix.fluid.reduced import queue_lengths, reduced, rested_orbits
from separatrix.population import Array, Population

Family = Callable[[float], Population]
"""Value of the parameter -> population."""

_ROUNDS = 3  # of new places where the curve moves fast
_ROUNDING = 1e-12
_ZOOM = 129  # places in a cell where the curve crosses an end of the span


class _Line:
    """p(q), by two populations between which everything is affine."""

    def __init__(self, family: Family, ends: tuple[float, float]) -> None:
        self.ends = ends
        self.pair = (family(ends[0]), family(ends[1]))
        top = self.pair[0].shape[0] - 1.0
        # by less than this the drift moves for rounding
        flow = np.abs(reduced(self.pair[0], np.array([0.0, top]))).max()
        self._least = _ROUNDING * float(flow) / (ends[1] - ends[0])

    def at(self, q: Array) -> tuple[Array, NDArray[np.bool_]]:
        """The parameter with which each queue length is at rest, and whether the drift grows with it."""
        first, second = reduced(self.pair[0], q), reduced(self.pair[1], q)
        slope = (second - first) / (self.ends[1] - self.ends[0])
        with np.errstate(divide="ignore", invalid="ignore"):
            value = self.ends[0] - first / slope
        return np.where(np.abs(slope) > self._least, value, np.nan), slope > 0

    def branch(self, q: Array, p: Array) -> Branch:
        """The curve through these places, with its spectra and folds."""
        weight = ((p - self.ends[0]) / (self.ends[1] - self.ends[0]))[:, None]
        # the rest of the orbits is affine in p for the same reason
        low, high = rested_orbits(self.pair[0], q), rested_orbits(self.pair[1], q)
        states = np.concatenate([q[:, None], low + weight * (high - low)], axis=1)
        matrices = jacobians(self.pair[0], states)
        matrices = matrices + weight[:, :, None] * (jacobians(self.pair[1], states) - matrices)
        spectra = np.linalg.eigvals(matrices).astype(np.complex128)
        turnings = tuple(Turning("fold", float(p[i]), states[i]) for i in extremes(p))
        return Branch(p, states, spectra, turnings)


def affine_branches(
    family: Family, value: float, span: tuple[float, float], *, points: int = 200
) -> tuple[Branch, ...] | None:
    """All curves of resting points within `span`; None where p does not enter affinely.

    Parameters
    ----------
    family : populations with one queue, reducible (see `reducible`).
    value : > 0, where the program is now.
    points : about how many.
    """
    line = _Line(family, (value, 1.5 * value))
    q = queue_lengths(line.pair[0], points)
    q = q[(q > 0) & (q < line.pair[0].shape[0] - 1)]
    # here, and to the ends of the span: a speed is affine while nobody runs out of patience, and then is not
    if not _affine(family, line, span, q[:: max(len(q) // 16, 1)]):
        return None
    q, p, rising = _sampled(line, q, span, points)
    inside = (p >= span[0]) & (p <= span[1])
    if not inside.any():
        return None  # the parameter moves nothing, or the curve is elsewhere
    # a piece ends where the next place lies outside, or beyond a pole of p(q)
    joined = inside[:-1] & inside[1:] & (rising[:-1] == rising[1:])
    cuts = np.flatnonzero(inside & ~np.concatenate([[False], joined]))
    ends = np.flatnonzero(inside & ~np.concatenate([joined, [False]]))
    found: list[Branch] = []
    for first, last in zip(cuts, ends, strict=True):
        piece_q, piece_p = q[first : last + 1], p[first : last + 1]
        for beside, edge in ((first - 1, first), (last + 1, last)):
            if 0 <= beside < len(q) and rising[beside] == rising[edge] and not inside[beside]:
                at, on = _crossing(line, float(q[edge]), float(q[beside]), span)
                piece_q, piece_p = np.append(piece_q, at), np.append(piece_p, on)
        order = np.argsort(piece_q)
        found.append(line.branch(piece_q[order], piece_p[order]))
    return tuple(found)


def _affine(family: Family, line: _Line, span: tuple[float, float], q: Array) -> bool:
    """Whether the drift at the ends of the span is what the line says."""
    first, second = (reduced(population, q) for population in line.pair)
    for value in span:
        share = (value - line.ends[0]) / (line.ends[1] - line.ends[0])
        there = reduced(family(value), q)
        away = np.abs(there - first - share * (second - first))
        if np.any(away > 1e-9 * (1.0 + np.abs(there) + np.abs(first))):
            return False
    return True


def _sampled(
    line: _Line, q: Array, span: tuple[float, float], points: int
) -> tuple[Array, Array, NDArray[np.bool_]]:
    """The curve with more places where it moves fast and about its extremes."""
    p, rising = line.at(q)
    widest = 8.0 * np.log(span[1] / span[0]) / points
    for _ in range(_ROUNDS):
        finite = np.isfinite(p)
        q, p, rising = q[finite], p[finite], rising[finite]
        if not len(q):
            break  # the parameter moves nothing
        cells = np.abs(np.diff(np.log(np.clip(p, *span)))) > widest
        for i in extremes(p):
            cells[max(i - 1, 0) : i + 1] = True
        at = np.flatnonzero(cells)
        at = at[np.diff(q)[at] > 1e-12 * q[-1]]
        if not len(at):
            break
        shares = np.linspace(0.0, 1.0, 10)[1:-1]
        more = (q[at, None] + shares * (q[at + 1] - q[at])[:, None]).ravel()
        value, sign = line.at(more)
        q, p, rising = np.append(q, more), np.append(p, value), np.append(rising, sign)
        order = np.argsort(q)
        q, p, rising = q[order], p[order], rising[order]
    finite = np.isfinite(p)
    return q[finite], p[finite], rising[finite]


def _crossing(
    line: _Line, inside: float, outside: float, span: tuple[float, float]
) -> tuple[float, float]:
    """Queue length at which p(q) leaves the span between two places, and the end that it leaves by."""
    by = span[0]
    for _ in range(3):
        q = np.linspace(inside, outside, _ZOOM)
        p, _sign = line.at(q)
        # the first place is inside, if only by a hair: where the curve leaves lies before the first one out
        out = max(int(np.argmax((p < span[0]) | (p > span[1]))), 1)
        inside, outside = float(q[out - 1]), float(q[out])
        by = span[0] if p[out] < span[0] else span[1]
    return inside, by
