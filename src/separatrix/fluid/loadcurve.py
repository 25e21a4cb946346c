r"""Hysteresis curves in closed form, where the reduced drift is affine in the parameter.

With one queue, :math:`g(q; p) = \alpha(q) + \beta(q)\,p` for a parameter such as an arrival rate. Every resting
point at queue length q then has

.. math:: p(q) = -\alpha(q) / \beta(q),

so that two evaluations on a grid of q are the whole curve, round every fold; folds are the extremes of p(q).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from separatrix.fluid.branch import Branch, Turning, extremes
from separatrix.fluid.field import jacobians
from separatrix.fluid.reduced import queue_lengths, reduced, rested_orbits
from separatrix.population import Array, Population

Family = Callable[[float], Population]
"""Value of the parameter -> population."""


def affine_branch(
    family: Family, value: float, span: tuple[float, float], *, points: int = 200
) -> Branch | None:
    """The whole curve of resting points within `span`; None where p does not enter affinely.

    Parameters
    ----------
    family : populations with one queue, reducible (see `reducible`).
    value : > 0, where the program is now.
    points : about how many.
    """
    ends = (value, 1.5 * value)
    pair = (family(ends[0]), family(ends[1]))
    q = queue_lengths(pair[0], points)
    q = q[(q > 0) & (q < pair[0].shape[0] - 1)]
    if not _affine(family, ends, q[:: max(len(q) // 16, 1)]):
        return None

    def parameter(at: Array) -> Array:
        first, second = reduced(pair[0], at), reduced(pair[1], at)
        slope = (second - first) / (ends[1] - ends[0])
        with np.errstate(divide="ignore", invalid="ignore"):
            return ends[0] - first / slope

    p = parameter(q)
    for _ in range(4):
        q, p = _closer(parameter, q, p)
    inside = np.isfinite(p) & (p >= span[0]) & (p <= span[1])
    if not inside.any():
        return None  # the parameter moves nothing, or the curve is elsewhere
    q, p = q[inside], p[inside]
    weight = ((p - ends[0]) / (ends[1] - ends[0]))[:, None]
    # the rest of the orbits is affine in p for the same reason
    low, high = rested_orbits(pair[0], q), rested_orbits(pair[1], q)
    states = np.concatenate([q[:, None], low + weight * (high - low)], axis=1)
    matrices = jacobians(pair[0], states)
    matrices = matrices + weight[:, :, None] * (jacobians(pair[1], states) - matrices)
    spectra = np.linalg.eigvals(matrices).astype(np.complex128)
    turnings = tuple(Turning("fold", float(p[i]), states[i]) for i in extremes(p))
    return Branch(p, states, spectra, turnings)


def _affine(family: Family, ends: tuple[float, float], q: Array) -> bool:
    low, high = (reduced(family(v), q) for v in ends)
    middle = reduced(family(0.5 * (ends[0] + ends[1])), q)
    return bool(np.all(np.abs(low + high - 2 * middle) <= 1e-9 * (1.0 + np.abs(middle))))


def _closer(parameter: Callable[[Array], Array], q: Array, p: Array) -> tuple[Array, Array]:
    """The curve with more points about its extremes."""
    finite = np.isfinite(p)
    q, p = q[finite], p[finite]
    places = extremes(p)
    if not places:
        return q, p
    more: list[Array] = [
        np.linspace(q[max(i - 1, 0)], q[min(i + 1, len(q) - 1)], 9)[1:-1] for i in places
    ]
    added = np.setdiff1d(np.concatenate(more), q)
    q, p = np.append(q, added), np.append(p, parameter(added))
    order = np.argsort(q)
    return q[order], p[order]
