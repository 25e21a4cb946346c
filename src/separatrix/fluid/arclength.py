r"""Pseudo-arclength continuation of the resting points of :math:`\dot x = f(x, p)`, round its folds.

A branch is followed in scaled coordinates :math:`z = (x/s, p/s_p)`. From a point with unit tangent
:math:`\tau` the next lies where

.. math:: f(z) = 0, \qquad \tau \cdot (z - z_0) = \Delta s ,

found by Newton's method from :math:`z_0 + \tau\,\Delta s`. At a *fold* the tangent turns back in p (an
eigenvalue passes zero); at a *Hopf point* a complex pair passes the imaginary axis. Both are closed in on by
bisection along the branch. Keller, in: Applications of Bifurcation Theory (1977), 359-384.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from separatrix.fluid.branch import Branch, Turning, extremes
from separatrix.fluid.corrector import Curve, CurvePoint, Slope, VectorField
from separatrix.fluid.turnings import fold_at, hopf_between
from separatrix.population import Array

_SHARPEST = 0.35  # largest turn of the tangent in one step [rad], unless at a corner
_MOST = 10
_NOUGHT = 1e-6  # by how much a scaled coordinate may be below nought, for rounding
_CORNERS = (1e-4, 1e-5, 1e-3)  # steps past a corner, in scaled coordinates


def continued(
    field: VectorField,
    state: Array,
    value: float,
    *,
    span: tuple[float, float],
    scale: Array,
    upward: bool = True,
    points: int = 200,
    slope: Slope | None = None,
) -> Branch:
    """The branch through a resting point, until the parameter leaves `span`.

    Parameters
    ----------
    field : velocities, vectorised over states.
    state, value : (n,) coordinates near a resting point, and the parameter there.
    span : (least, greatest) value of the parameter.
    scale : (n,) typical size of each coordinate.
    upward : whether the parameter grows at first.
    slope : derivatives of the velocity; by differences where it is None.
    points : about how many, if the branch crossed the span and the scale once; at most ten times it.

    Returns
    -------
    The branch; its status is ``"inconclusive"`` where it could not be followed to the span's end, and its last
    point is where it was given up.
    """
    low, high = span
    curve = Curve(field, np.asarray(scale, dtype=np.float64), high - low, slope)
    z = np.append(np.asarray(state, dtype=np.float64), value) / curve.scale
    along = np.append(np.zeros(curve.n), 1.0 if upward else -1.0)
    first = curve.corrected(z, along, 0.0)
    if first is None:
        here = np.asarray(state, dtype=np.float64)[None]
        nothing = np.full((1, curve.n), np.nan + 0j)
        reason = "no resting point near the start"
        return Branch(np.array([value]), here, nothing, (), "inconclusive", reason)
    curve.oriented(first)
    found = [first]
    turnings: list[Turning] = []
    widest = 3.0 / points
    step, narrowest = widest / 4, 1e-6
    reason = ""
    while True:
        here = found[-1]
        next_ = curve.corrected(here.z, here.tangent, step, here.slopes)
        turn = np.pi if next_ is None else _angle(here.tangent, next_.tangent)
        if next_ is None or (turn > _SHARPEST and step > 1e-4):
            step /= 4
            if step >= narrowest:
                continue
            for step in _CORNERS:
                next_ = _round_corner(curve, here, step)
                if next_ is not None:
                    break
            if next_ is None:
                reason = "lost the branch"
                break
        turnings += hopf_between(curve, here, next_, step)
        found.append(next_)
        p = float(next_.z[-1] * curve.scale[-1])
        if not low <= p <= high:
            found[-1] = _at_end(curve, here, next_, low if p < low else high)
            break
        if len(found) >= _MOST * points:
            reason = f"the branch stays in the span for more than {len(found)} points"
            break
        # a coordinate that outgrew its scale moves by shares of itself
        size = np.append(np.maximum(np.abs(next_.z[:-1]), 1.0), 1.0)
        longest = widest / float(np.linalg.norm(next_.tangent / size))
        step = min(step * (1.6 if turn < _SHARPEST / 2 else 1.0), longest)
    z = np.array([point.z for point in found]) * curve.scale
    turnings += [fold_at(curve, found, i) for i in extremes(z[:, -1])]
    turnings.sort(key=lambda t: int(np.argmin(np.abs(z - np.append(t.state, t.value)).max(axis=1))))
    return Branch(
        z[:, -1], z[:, :-1], np.array([p.spectrum for p in found]), tuple(turnings),
        "inconclusive" if reason else "ok", reason,
    )  # fmt: skip


def _round_corner(curve: Curve, here: CurvePoint, step: float) -> CurvePoint | None:
    """The branch beyond a corner, where a bound begins to act and the tangent leaps.

    It is looked for along each coordinate, then along the tangents that the branch would have a step away, where the
    bound acts already; the way back is told from the way on by its direction.
    """
    best: CurvePoint | None = None
    for origin, direction, slopes in _directions(curve, here, step):
        point = curve.corrected(origin, direction, step, slopes)
        if point is None or point.z[:-1].min() < -_NOUGHT:
            continue
        way = point.z - here.z
        length = float(np.linalg.norm(way))
        if not 0.2 * step < length < 20 * step or float(way @ here.tangent) < -0.9995 * length:
            continue
        if float(way @ point.tangent) < 0 and curve.certain(point.slopes):
            continue  # it lies behind
        best = CurvePoint(point.z, point.slopes, curve.tangent(point.slopes, way), point.spectrum)
        if float(way @ here.tangent) < 0.9 * length:
            return best
    return best


def _directions(
    curve: Curve, here: CurvePoint, step: float
) -> Iterator[tuple[Array, Array, Array | None]]:
    """Where to start, unit vectors along which a branch may go on from a corner, and the slopes known there.

    Before a bound acts the velocity may not depend on a queue at all: there one has to start from beyond it.
    """
    axes = np.concatenate([np.eye(curve.n + 1), -np.eye(curve.n + 1)])
    yield from ((here.z, axis, None) for axis in axes)
    for axis in axes:
        there = here.z + step * axis
        slopes, _ = curve.slopes(there)
        if np.isfinite(slopes).all():
            beyond = curve.tangent(slopes, here.tangent)
            for direction in (beyond, -beyond):
                yield here.z, direction, None
                yield there, direction, slopes


def _angle(a: Array, b: Array) -> float:
    return float(np.arccos(np.clip(a @ b, -1.0, 1.0)))


def _at_end(curve: Curve, here: CurvePoint, there: CurvePoint, end: float) -> CurvePoint:
    """The point of the branch at the parameter's last value."""
    target = end / curve.scale[-1]
    share = (target - here.z[-1]) / (there.z[-1] - here.z[-1])
    along = np.append(np.zeros(curve.n), np.sign(there.z[-1] - here.z[-1]))
    guess = here.z + share * (there.z - here.z)
    guess[-1] = target
    length = float(np.linalg.norm(there.z - here.z))
    point = curve.corrected(guess - length * along, along, length)
    return point if point is not None else there
