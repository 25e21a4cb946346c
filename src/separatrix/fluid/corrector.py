"""One point of a curve of resting points: Newton's method in scaled coordinates, tangent and spectrum."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from separatrix.population import Array

VectorField: TypeAlias = Callable[[Array, float], Array]
"""(states (m, n), parameter) -> velocities (m, n)."""
Slope: TypeAlias = Callable[[Array, float], Array]
"""(state (n,), parameter) -> derivative of the velocity, (n, n)."""

_NEWTON = 12
_CLOSE = 1e-8
_STEEP = 0.5  # least share of the parameter in the tangent of a branch that is not steep
_CERTAIN = (
    1e-10  # least singular value, of the largest, with which the sign of a determinant is believed
)
_NEAR = (1e-5, 0.05)  # distance of a parameter value that serves for a difference


@dataclass(frozen=True)
class CurvePoint:
    """A point z of a curve, with the derivative of the velocity, unit tangent and spectrum there."""

    z: Array
    slopes: Array
    tangent: Array
    spectrum: NDArray[np.complex128]


class Curve:
    """The field in scaled coordinates, and what is solved along a branch.

    A new value of the parameter is what costs: a program is lowered for it. Where the branch is not steep a point
    is corrected at one value; derivatives are taken at values asked for already, where they are near enough.
    """

    def __init__(
        self, field: VectorField, scale: Array, parameter_scale: float, slope: Slope | None = None
    ) -> None:
        self.field, self._slope = field, slope
        self.scale = np.append(scale, parameter_scale)
        self.n = len(scale)
        self.sense = 0.0
        self._last = np.nan

    def speed(self, z: Array) -> Array:
        """Velocity [1/s] at a point, (n,)."""
        return self.field((z[:-1] * self.scale[:-1])[None], float(z[-1] * self.scale[-1]))[0]

    def slopes(self, z: Array) -> tuple[Array, Array]:
        """Derivative of the velocity in z, shape (n, n + 1), and the Jacobian in x."""
        x, p = z[:-1] * self.scale[:-1], float(z[-1] * self.scale[-1])
        if self._slope is not None:
            jacobian, step = self._slope(x, p), 1e-6 * float(self.scale[-1])
            ahead, behind = (self.field(x[None], p + sign * step)[0] for sign in (1.0, -1.0))
            by_p = (ahead - behind) / (2.0 * step)
        else:
            jacobian, by_p = self._differences(x, p)
        both = np.concatenate([jacobian * self.scale[:-1], (by_p * self.scale[-1])[:, None]], 1)
        return both, jacobian

    def _differences(self, x: Array, p: float) -> tuple[Array, Array]:
        delta = 1e-6 * np.maximum(np.abs(x), 1e-3 * self.scale[:-1])
        states = np.concatenate([x[None], x + np.diag(delta), x - np.diag(delta)])
        speed = self.field(states, p)
        n = self.n
        jacobian = ((speed[1 : n + 1] - speed[n + 1 :]) / (2 * delta[:, None])).T
        # a direction is all that hangs on it: the value before will do
        near = _NEAR[0] <= abs(self._last - p) / float(self.scale[-1]) <= _NEAR[1]
        step = self._last - p if near else 1e-7 * float(self.scale[-1])
        self._last = p
        return jacobian, (self.field(x[None], p + step)[0] - speed[0]) / step

    def tangent(self, slopes: Array, along: Array) -> Array:
        r"""Unit vector along the branch: onwards by its `sense`, or else on the side of `along`.

        The sign of :math:`\det(\partial f/\partial z; \tau)` stays the same all along a branch, also where a bound
        begins to act: there :math:`\partial f/\partial z` changes by :math:`a n^T` with n the normal of the corner,
        which leaves the determinant with n in the place of :math:`\tau` alone, and both tangents cross the corner.
        """
        rows = _even(slopes)
        _, _, basis = np.linalg.svd(np.concatenate([rows, np.zeros((1, self.n + 1))]))
        direction = basis[-1]
        if self.certain(slopes):
            return direction * self.sense * _sense(rows, direction)
        return direction if float(direction @ along) >= 0 else -direction

    def certain(self, slopes: Array) -> bool:
        """Whether the sense tells onwards from backwards with these derivatives."""
        sizes = np.linalg.svd(_even(slopes), compute_uv=False)
        return self.sense != 0 and bool(sizes[-1] > _CERTAIN * sizes[0])

    def oriented(self, start: CurvePoint) -> None:
        """Keep to the way that `start` goes."""
        self.sense = _sense(_even(start.slopes), start.tangent)

    def point(self, z: Array, along: Array) -> CurvePoint:
        """A point of the branch with all that is needed to go on from it."""
        slopes, jacobian = self.slopes(z)
        spectrum = np.linalg.eigvals(jacobian).astype(np.complex128)
        return CurvePoint(z, slopes, self.tangent(slopes, along), spectrum)

    def corrected(
        self, origin: Array, tangent: Array, step: float, known: Array | None = None
    ) -> CurvePoint | None:
        """The point of the branch at `step` along `tangent`; None where Newton does not arrive.

        With slopes `known` nearby, they serve as long as each step is a quarter of the last.
        """
        z = origin + step * tangent
        # where the branch is not steep, the plane in which the point is sought is that of one parameter value
        across = tangent
        if abs(tangent[-1]) > _STEEP:
            across = np.append(np.zeros(self.n), 1.0)
        place = float(across @ z)
        slopes, last = known, np.inf
        for _ in range(_NEWTON):
            fresh = slopes is None
            if slopes is None:
                slopes, _ = self.slopes(z)
            residual = np.append(self.speed(z), float(across @ z) - place)
            try:
                change = np.linalg.solve(np.concatenate([slopes, across[None]]), residual)
            except np.linalg.LinAlgError:
                return None
            size = float(np.abs(change).max())
            if not fresh and size > 0.25 * last + 1e-12:
                slopes = None
                continue
            if size > 2 * last or size > 10 * step + 1e-5:
                return None
            moved = z - change
            if size < _CLOSE:
                # so near that derivatives at the value before are those here
                point = self.point(np.append(moved[:-1], z[-1]), tangent)
                return CurvePoint(moved, point.slopes, point.tangent, point.spectrum)
            z, last = moved, size
            if fresh:
                slopes = None
        return None


def _even(slopes: Array) -> Array:
    """Rows of like size."""
    return slopes / np.maximum(np.abs(slopes).max(axis=1, keepdims=True), 1e-300)


def _sense(rows: Array, direction: Array) -> float:
    """Sign of the determinant of the derivatives with a tangent as their last row."""
    return float(np.linalg.slogdet(np.concatenate([rows, direction[None]]))[0])
