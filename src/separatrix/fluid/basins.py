r"""The separatrix: the line between the states that recover and those that do not.

On the plane of queue and one orbit it is the stable manifold of the saddle: the states that rest there and
nowhere else. It is found by following the dynamics backwards from the saddle, a little to either side along
the eigenvector of its negative eigenvalue :math:`\lambda_-`,

.. math:: x(0) = x_s \pm \varepsilon v_-, \qquad \frac{dx}{ds} = -f(x),

where the manifold attracts, so that errors die out. States beyond it, on the side of the longer queue, are
the basin of the stuck regime.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from separatrix.errors import Unsupported
from separatrix.fluid.equilibria import FixedPoint, fixed_points
from separatrix.fluid.field import jacobian, velocity
from separatrix.notebook import Shown
from separatrix.population import Array, Population


@dataclass(frozen=True)
class Basins(Shown):
    """How the plane of queue and orbit is divided.

    Attributes
    ----------
    population : with two coordinates.
    points : fixed points, by increasing queue.
    separatrix : (m, 2) the dividing line, from one edge of the box to the other; (0, 2) where there is none.
    """

    population: Population
    points: tuple[FixedPoint, ...]
    separatrix: Array

    def recovers(self, states: Array) -> NDArray[np.bool_]:
        """Whether the mean dynamics bring each of `states`, shape (n, 2), back to the lowest fixed point.

        Raises Unsupported where the separatrix is no function of the orbit.
        """
        if len(self.separatrix) == 0:
            return np.ones(len(states), dtype=np.bool_)
        line = self.separatrix[np.argsort(self.separatrix[:, 1], kind="stable")]
        backwards = np.diff(self.separatrix[:, 1])
        if np.any(backwards > 0) and np.any(backwards < 0):
            raise Unsupported("fluid", "a separatrix that turns round", "follow the states instead")
        edge = np.interp(states[:, 1], line[:, 1], line[:, 0])
        return np.asarray(states[:, 0] < edge)

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "schema": "separatrix.basins/1",
            "axes": [axis.name for axis in self.population.axes],
            "points": [point.to_dict() for point in self.points],
            "separatrix": self.separatrix.tolist(),
        }


def basins(population: Population) -> Basins:
    """The separatrix of a population with one queue and one orbit (the geometric closure of one stream).

    Raises Unsupported for other numbers of coordinates.
    """
    if len(population.axes) != 2:
        raise Unsupported(
            "fluid", f"a plane of {len(population.axes)} coordinates",
            'use the geometric closure, mean_field(program, "geometric"), with one source',
        )  # fmt: skip
    points = fixed_points(population)
    saddles = [point for point in points if point.index == -1]
    top = np.array(population.shape, dtype=np.float64) - 1.0
    line = np.zeros((0, 2))
    if saddles:

        def field(x: Array) -> Array:
            return velocity(population, x)

        at = saddles[0].state
        line = stable_manifold(field, at, jacobian(population, at), np.zeros(2), top)
    return Basins(population, points, line)


def stable_manifold(
    field: Callable[[Array], Array], saddle: Array, slope: Array, low: Array, high: Array
) -> Array:
    """The stable manifold of a saddle in the plane, within a box, shape (m, 2).

    Parameters
    ----------
    field : state (2,) -> velocity (2,). slope : (2, 2) its derivative at `saddle`.
    low, high : (2,) corners of the box.

    Raises Unsupported where `slope` has no negative and positive real eigenvalue.
    """
    values, vectors = np.linalg.eig(slope)
    if np.iscomplexobj(values) or values.min() >= 0 or values.max() <= 0:
        raise Unsupported("fluid", "a manifold of what is no saddle", "give a saddle")
    direction = np.asarray(vectors[:, int(np.argmin(values))], dtype=np.float64)
    size = high - low
    step = 1e-5 * float(1.0 / np.max(np.abs(direction) / size))
    halves = [
        _backwards(field, saddle + sign * step * direction, low, high, 60.0 / -float(values.min()))
        for sign in (-1.0, 1.0)
    ]
    return np.concatenate([halves[0][::-1], saddle[None], halves[1]])


def _backwards(
    field: Callable[[Array], Array], start: Array, low: Array, high: Array, longest: float
) -> Array:
    """The way into `start`, backwards until it leaves the box; at most `longest` [s]."""
    from scipy.integrate import solve_ivp

    def slope(_: float, x: Array) -> Array:
        return -field(np.clip(x, low, high))

    def inside(_: float, x: Array) -> float:
        return float(min((x - low).min(), (high - x).min()))

    inside.terminal = True  # pyright: ignore[reportFunctionMemberAccess] - SciPy's way to ask
    solve: Any = solve_ivp
    scale = float((high - low).max())
    course = solve(
        slope, (0.0, longest), start, method="LSODA", events=inside, rtol=1e-7, atol=1e-9 * scale
    )
    return np.asarray(course.y, dtype=np.float64).T
